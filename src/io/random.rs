//! Random numbers from the operating system, which nobody else can know.

use rustix::rand::{GetRandomFlags, getrandom};
use std::hash::{BuildHasher, RandomState};

/// At most 256 bytes of which each bit is as likely set as not.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= 256, "more can come short") };
    let mut bytes = [0; N];
    // The call waits while there is no entropy at boot, and always fills so few bytes. Where it is
    // forbidden (a strict seccomp profile) the standard library has another source, or panics.
    if getrandom(&mut bytes, GetRandomFlags::empty()) != Ok(N) {
        by_the_standard_library(&mut bytes);
    }
    bytes
}

/// The random keys of the standard library's hash tables, which differ each time.
fn by_the_standard_library(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&RandomState::new().hash_one(()).to_le_bytes()[..chunk.len()]);
    }
}

/// A random number.
#[must_use]
pub fn number() -> u64 {
    u64::from_le_bytes(bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_the_same_again() {
        let mut numbers: Vec<u64> = (0..100).map(|_| number()).collect();
        let mut otherwise = [0; 804];
        by_the_standard_library(&mut otherwise);
        for bytes in [&bytes::<192>()[..], &otherwise] {
            numbers.extend(bytes.as_chunks().0.iter().map(|&chunk| u64::from_le_bytes(chunk)));
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 224);
        assert_ne!(otherwise[800..], [0; 4]);
    }
}
