//! The last values of one operation, and how many of them lay above the limits of their time.

use super::baseline::{Limits, QUANTILES};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// How many of the last values are tested at a time: a spike, and with more patience a small shift.
pub(super) const WINDOWS: [usize; 3] = [8, 32, 128];
/// The longest of them: a value is learned when it leaves it calmly.
pub(super) const LONGEST: usize = 128;
/// Every so many values a time is kept.
const MARK: u64 = 8;
/// A value is kept as its bucket, with the number of limits it exceeded in front.
const BUCKET_BITS: u32 = 12;

/// A ring of the last 128 values, and running counts over its newest 8, 32 and 128.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    ring: Vec<u16>,
    /// Values since it was last emptied.
    pushed: u64,
    /// By window and quantile: values above that quantile's limit.
    above: [[u8; QUANTILES]; WINDOWS.len()],
    marks: Vec<Timestamp>,
}

impl Window {
    /// Takes a value that exceeded the first `exceeded` limits; the bucket of the one that leaves.
    #[inline]
    pub(super) fn push(&mut self, bucket: u16, exceeded: usize, now: Timestamp) -> Option<u16> {
        let entry = bucket | (exceeded as u16) << BUCKET_BITS;
        for (above, width) in self.above.iter_mut().zip(WINDOWS) {
            let leaving = match self.ring.get((self.pushed.wrapping_sub(width as u64)) as usize % LONGEST) {
                Some(old) if self.pushed >= width as u64 => usize::from(old >> BUCKET_BITS),
                _ => 0,
            };
            for (i, above) in above.iter_mut().enumerate() {
                *above = (*above + u8::from(i < exceeded)).saturating_sub(u8::from(i < leaving));
            }
        }
        if self.pushed.is_multiple_of(MARK) {
            let mark = (self.pushed / MARK) as usize % (LONGEST / MARK as usize);
            match self.marks.get_mut(mark) {
                Some(old) => *old = now,
                None => self.marks.push(now),
            }
        }
        let place = self.pushed as usize % LONGEST;
        self.pushed += 1;
        match self.ring.get_mut(place) {
            Some(old) => Some(std::mem::replace(old, entry) & ((1 << BUCKET_BITS) - 1)),
            None => {
                self.ring.push(entry);
                None
            }
        }
    }

    /// Whether some full window has as many above a limit as `critical` says; the first such window and quantile.
    #[inline]
    pub(super) fn reaches(&self, critical: &[[u8; QUANTILES]; WINDOWS.len()]) -> bool {
        self.above.iter().zip(critical).zip(WINDOWS).any(|((above, critical), width)| {
            self.pushed >= width as u64 && above.iter().zip(critical).any(|(above, critical)| above >= critical)
        })
    }

    /// The least likely of all counts: ln p, window, quantile, count.
    pub(super) fn least_likely(&self, limits: &Limits) -> (f64, usize, usize, u32) {
        let mut least = (0.0, 0, 0, 0);
        for (w, width) in WINDOWS.into_iter().enumerate().filter(|(_, width)| self.pushed >= *width as u64) {
            for (q, exceedance) in limits.exceedances().into_iter().enumerate() {
                let count = u32::from(self.above[w][q]);
                let ln_p = exceedance.ln_tail(count, width as u32);
                if ln_p < least.0 {
                    least = (ln_p, w, q, count);
                }
            }
        }
        least
    }

    /// Each time that it has been filled anew: of its 128 values, how many lay above each limit.
    #[inline]
    pub(super) fn block(&self) -> Option<[u8; QUANTILES]> {
        (self.pushed > 0 && self.pushed.is_multiple_of(LONGEST as u64)).then_some(self.above[WINDOWS.len() - 1])
    }

    /// The bucket of the median of the last `width` values.
    pub(super) fn median(&self, width: usize) -> Option<u16> {
        let held = width.min(self.ring.len());
        let newest = (1..=held as u64).map(|back| self.ring[(self.pushed - back) as usize % LONGEST]);
        let mut buckets: Vec<u16> = newest.map(|entry| entry & ((1 << BUCKET_BITS) - 1)).collect();
        buckets.sort_unstable();
        buckets.get(held / 2).copied()
    }

    /// About when the oldest of the last `width` values came.
    pub(super) fn since(&self, width: usize) -> Option<Timestamp> {
        let oldest = self.pushed.saturating_sub(width as u64) / MARK;
        self.marks.get(oldest as usize % (LONGEST / MARK as usize)).copied()
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_equal_those_of_a_plain_list() {
        let (mut window, mut list) = (Window::default(), Vec::new());
        for i in 0..1_000_u64 {
            let exceeded = (i * i * 31 % 97 % 4) as usize;
            let left = window.push(100 + (i % 50) as u16, exceeded, Timestamp(i as i64));
            assert_eq!(left, (i >= 128).then(|| 100 + ((i - 128) % 50) as u16));
            list.push(exceeded);
            for (w, width) in WINDOWS.into_iter().enumerate() {
                let last = &list[list.len().saturating_sub(width)..];
                for q in 0..QUANTILES {
                    assert_eq!(usize::from(window.above[w][q]), last.iter().filter(|code| **code > q).count());
                }
            }
        }
        assert_eq!(window.median(1), Some(100 + 999 % 50));
        assert!((window.since(128).unwrap().0 - 872).abs() <= 8);
        window.clear();
        assert_eq!((window.median(8), window.since(8), window.block()), (None, None, None));
    }
}
