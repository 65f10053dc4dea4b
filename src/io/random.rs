//! Numbers that nobody else can know, from the operating system.

use rustix::rand::{GetRandomFlags, getrandom};

/// At most 256 bytes of which each bit is as likely set as not.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= 256, "more can come short") };
    let mut bytes = [0; N];
    // Short of entropy at boot it waits; it does not fail for so few bytes.
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    bytes
}

/// A number of the same kind.
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
        numbers.extend(bytes::<192>().as_chunks().0.iter().map(|&chunk| u64::from_le_bytes(chunk)));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 124);
    }
}
