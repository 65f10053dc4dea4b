//! One host's share in the slow calls of one operation, which shows whether that host alone has
//! become slow.
//!
//! The levels of the host's last 32 values among the operation's limits take two bits each in one
//! number, so that population counts count them. Values that leave calmly become the host's habit.
//! A host that was always slower than the others is compared with its habit. Memory: about 90 bytes
//! a host and operation. Cold start: silent until 100 values are learned.

use super::baseline::{Limits, SHARES};
use super::window::{BELOW, ValueLevel, counts};
use crate::engine::overrides::Choice;
use crate::engine::state::HeapSize;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// How many of a host's last values are tested, by index into `WINDOWS`.
pub(super) const WIDTHS: [u32; 2] = [8, 32];
/// Every other bit: the lower of the two bits of each value.
const LOW: u64 = 0x5555_5555_5555_5555;
/// Values to learn before a host is tested.
const WARM: f32 = 100.0;
/// Values after which half is forgotten.
const REMEMBERED: f32 = 4_096.0;

/// One host's calls of one operation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct HostShare {
    /// Levels of the last 32 values; the newest has the lowest bits.
    recent: u64,
    pushed: u32,
    /// Learned values above each limit, and all learned values.
    above: [f32; SHARES.len()],
    learned: f32,
    /// When every eighth of the last values came.
    marks: [Timestamp; 5],
    /// Shifts of the operation that were over when the last value came.
    shifts: u32,
    /// Which settings it has.
    #[serde(skip)]
    pub(super) choice: Choice,
}

/// Too many slow calls on this host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slow {
    pub(super) ln_p: f64,
    pub(super) width: u32,
    pub(super) limit: usize,
    pub(super) count: u32,
}

impl HeapSize for HostShare {}

impl HostShare {
    /// Reads what [`Self::push`] will.
    pub(super) fn prefetch(&self) -> u64 {
        self.recent
            ^ self.marks[0].0 as u64
            ^ u64::from(self.learned.to_bits() ^ self.shifts)
            ^ u64::from(self.choice.number())
    }

    /// Forgets values from before the operation's last shift ended: they belong to that shift.
    #[inline]
    pub(super) fn forget_before(&mut self, shifts: u32) {
        if self.shifts != shifts {
            self.clear();
            self.shifts = shifts;
        }
    }

    /// Takes a value; the value that leaves is learned if all is `calm`.
    #[inline]
    pub(super) fn push(&mut self, place: ValueLevel, calm: bool, now: Timestamp) {
        let leaving = self.recent >> 62;
        let place = if place == BELOW { 0 } else { u64::from(place) };
        self.recent = self.recent << 2 | place;
        if self.pushed.is_multiple_of(8) {
            self.marks[(self.pushed / 8) as usize % 5] = now;
        }
        if self.pushed >= 32 && calm {
            self.learned += 1.0;
            for (i, above) in self.above.iter_mut().enumerate().take(leaving as usize) {
                debug_assert!(i < 3);
                *above += 1.0;
            }
            if self.learned > REMEMBERED {
                self.learned /= 2.0;
                self.above = self.above.map(|above| above / 2.0);
            }
        }
        // A counter that overflows, once in years, goes on as that of a full window.
        self.pushed = self.pushed.checked_add(1).unwrap_or(64);
    }

    /// Values above limit `i` among the last `width`.
    fn count(&self, i: usize, width: u32) -> u32 {
        let recent = if width >= 32 { self.recent } else { self.recent & ((1 << (2 * width)) - 1) };
        let (low, high) = (recent & LOW, recent >> 1 & LOW);
        [low | high, high, low & high][i].count_ones()
    }

    /// The least likely count, if its chance is below `threshold`. The critical counts of the
    /// operation are compared first, which is cheap, then the host's own habit.
    pub(super) fn slow(&self, limits: &Limits, threshold: f64) -> Option<Slow> {
        if self.learned < WARM {
            return None;
        }
        let suspicious = WIDTHS.iter().zip(&limits.shift).any(|(width, critical)| {
            (0..SHARES.len()).any(|i| self.count(i, *width) >= u32::from(counts(*critical)[i]))
        });
        if !suspicious {
            return None;
        }
        Some(self.least_likely(limits)).filter(|slow| slow.ln_p < threshold.ln())
    }

    /// The least likely of the host's counts, by its own habit.
    pub(super) fn least_likely(&self, limits: &Limits) -> Slow {
        let mut least = Slow { ln_p: 0.0, width: WIDTHS[0], limit: 0, count: 0 };
        for width in WIDTHS.into_iter().filter(|width| self.pushed >= *width) {
            for limit in 0..SHARES.len() {
                let habit = limits.exceedance_of(limit, f64::from(self.above[limit]), f64::from(self.learned));
                let count = self.count(limit, width);
                let ln_p = habit.ln_tail(count, width);
                if ln_p < least.ln_p {
                    least = Slow { ln_p, width, limit, count };
                }
            }
        }
        least
    }

    /// About when the oldest of the last `width` values came.
    pub(super) fn since(&self, width: u32) -> Timestamp {
        self.marks[(self.pushed.saturating_sub(width) / 8) as usize % 5]
    }

    /// Takes the last values as the host's habit.
    pub(super) fn adopt(&mut self) {
        self.learned = 2.0 * WARM;
        self.above = std::array::from_fn(|i| self.count(i, 32) as f32 / 32.0 * self.learned);
        self.clear();
    }

    /// Forgets the last values: the incident that they belong to is over.
    pub(super) fn clear(&mut self) {
        (self.recent, self.pushed) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_equal_those_of_a_plain_list() {
        let (mut share, mut list) = (HostShare::default(), Vec::new());
        for i in 0..500_u64 {
            let place = (i * i * 31 % 97 % 5) as ValueLevel;
            share.push(place, i % 100 < 50, Timestamp(i as i64));
            list.push(if place == BELOW { 0 } else { place });
            for width in WIDTHS {
                let last = &list[list.len().saturating_sub(width as usize)..];
                for limit in 0..3 {
                    let above = last.iter().filter(|place| usize::from(**place) > limit).count();
                    assert_eq!(share.count(limit, width) as usize, above, "{i} {width} {limit}");
                }
            }
        }
        // Calm were the first half of each hundred; the first 32 have left none behind.
        assert_eq!(share.learned, 250.0 - 32.0);
        assert!((share.since(32).0 - 468).abs() <= 8 && share.above[0] > share.above[2]);
    }
}
