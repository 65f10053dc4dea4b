//! Numbers that nobody else can know.

use std::hash::{BuildHasher, RandomState};

/// A number of which each bit is as likely set as not.
#[must_use]
pub fn number() -> u64 {
    // The standard library takes its keys from the operating system, and others for each.
    RandomState::new().hash_one(())
}

/// Bytes of the same kind.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&number().to_le_bytes()[..chunk.len()]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_the_same_again() {
        let mut numbers: Vec<u64> =
            bytes::<804>().as_chunks::<8>().0.iter().map(|&chunk| u64::from_le_bytes(chunk)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 100);
        assert_ne!(bytes::<804>()[800..], [0; 4]);
    }
}
