//! How many different hashes were seen, in 64 bits.
//!
//! Linear counting (K.-Y. Whang et al., *A linear-time probabilistic counting algorithm*, ACM TODS
//! 15, 1990): each hash sets a bit, and of m bits a share z that stays zero says −m ln z hashes.
//! Past some two hundred it says "too many".

use serde::{Deserialize, Serialize};

/// Hashes that set all 64 bits, on average: 64 times the 64th harmonic number.
pub(super) const ALL_BITS: u32 = 304;

/// A bit for each hash.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Distinct(u64);

impl Distinct {
    pub(super) fn of(hash: u64) -> Self {
        Self(1 << (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58))
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// True of more than one hash, but for two that share a bit.
    #[inline]
    pub(super) fn is_several(self) -> bool {
        self.0.count_ones() > 1
    }

    /// How many different hashes there were, or a few more; [`u32::MAX`] for too many.
    pub(super) fn count(self) -> u32 {
        match self.0.count_zeros() {
            0 => u32::MAX,
            // The first few hardly ever share a bit.
            zeros @ 57.. => 64 - zeros,
            zeros => (-64.0 * (f64::from(zeros) / 64.0).ln()).ceil() as u32,
        }
    }
}
