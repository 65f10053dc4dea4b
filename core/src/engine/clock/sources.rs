//! The sources that are not in step, and how many there are in all.
//!
//! Sources in step are only counted: by linear counting (Whang, Vander-Zanden and Taylor, TODS
//! 1990) of their hashes in 512 bits, for the last five to ten minutes. Memory: 150 bytes for each
//! of at most 1,024 sources that are not in step, beyond which the one that was quiet longest is
//! forgotten.

use super::SECOND;
use super::source::{OffsetVerdict, SourceClock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Most sources that are kept.
const CAP: usize = 1_024;
const WORDS: usize = 8;
/// How long sources are counted before those from before go.
const EPOCH: i64 = 300 * SECOND;
/// A source that is off is kept for so long without an event.
const KEPT: i64 = 86_400 * SECOND;

/// All sources.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sources {
    off: BTreeMap<u64, SourceClock>,
    /// Which sources spoke, in this epoch and in the last.
    spoke: [[u64; WORDS]; 2],
    /// The front at the end of this epoch.
    ends: i64,
}

impl Sources {
    /// All are in step.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.off.is_empty()
    }

    /// Counts a source that is in step.
    #[inline]
    pub(super) fn count(&mut self, source: u64) {
        self.spoke[0][(source >> 6) as usize % WORDS] |= 1 << (source % 64);
    }

    /// The front at which to tidy up.
    #[inline]
    pub(super) fn due(&self) -> i64 {
        self.ends
    }

    /// Begins another epoch, and forgets sources that are in step again.
    #[cold]
    pub(super) fn tidy(&mut self, front: i64) {
        self.spoke = [[0; WORDS], self.spoke[0]];
        self.ends = front.saturating_add(EPOCH);
        self.off.retain(|_, source| {
            if source.is_plain() {
                return front.saturating_sub(source.strayed) < EPOCH;
            }
            front.saturating_sub(source.heard) < KEPT
        });
    }

    /// As [`SourceClock::align`], for any source.
    #[inline]
    pub(super) fn align(
        &mut self,
        source: u64,
        own: i64,
        lead: i64,
        front: i64,
        in_step: RangeInclusive<i64>,
    ) -> (i64, i64) {
        self.off.get_mut(&source).map_or((lead, 0), |source| source.align(own, lead, front, &in_step))
    }

    /// As [`SourceClock::learn`], for any source.
    pub(super) fn learn(&mut self, source: u64, own: i64, lead: i64, front: i64, pace: (i64, i64)) -> OffsetVerdict {
        if self.off.len() >= CAP
            && !self.off.contains_key(&source)
            && let Some(quietest) = self.off.iter().min_by_key(|(_, source)| source.heard).map(|(&key, _)| key)
        {
            self.off.remove(&quietest);
        }
        self.off.entry(source).or_insert_with(|| SourceClock::new(front)).learn(own, lead, front, pace)
    }

    /// The front has moved on by `leap`: those who told so are not off.
    pub(super) fn forget_trials(&mut self, leap: i64) {
        self.off.values_mut().for_each(|source| source.forget_trial(leap));
    }

    /// By how much the front is off, by the median of the sources that speak.
    pub(super) fn majority(&self, front: i64, slack: i64) -> Option<i64> {
        let speaks = |source: &&SourceClock| front.saturating_sub(source.heard) <= 2 * EPOCH;
        let mut offsets: Vec<i64> = self.off.values().filter(speaks).map(|source| source.offset).collect();
        let right = self.number().saturating_sub(offsets.iter().filter(|&&offset| offset != 0).count());
        offsets.retain(|&offset| offset != 0);
        offsets.extend(std::iter::repeat_n(0, right));
        offsets.sort_unstable();
        // The one of the two in the middle that is nearer to the front.
        let (low, high) = (*offsets.get(offsets.len().saturating_sub(1) / 2)?, *offsets.get(offsets.len() / 2)?);
        let median = if low.saturating_abs() < high.saturating_abs() { low } else { high };
        (median.saturating_abs() > slack).then_some(median)
    }

    /// About how many sources spoke lately.
    fn number(&self) -> usize {
        let zeros: u32 = self.spoke[0].iter().zip(&self.spoke[1]).map(|(now, then)| (now | then).count_zeros()).sum();
        let bits = (WORDS * 64) as f64;
        (bits * (bits / f64::from(zeros.max(1))).ln()).round() as usize
    }

    /// The front was off by `wrong`: so much less are the sources.
    pub(super) fn shift(&mut self, wrong: i64, slack: i64) {
        self.off.values_mut().for_each(|source| source.shift(wrong));
        self.off.retain(|_, source| source.offset.saturating_abs() > slack / 2 || !source.is_plain());
        self.ends = self.ends.saturating_add(wrong);
    }
}
