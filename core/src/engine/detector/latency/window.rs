//! The last values of one operation, and how many of them lay beyond the limits of their time.

use super::baseline::{LIMITS, Limits};
use crate::engine::state::{HeapSize, allocated};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// How many of the last values are tested at a time: few find a spike, many a small shift.
pub(super) const WINDOWS: [usize; 3] = [8, 32, 128];
/// The longest window: a value is learned when it leaves this window calmly.
pub(super) const LONGEST: usize = 128;
/// A time is kept of every eighth value.
const MARK: u64 = 8;
/// A value is kept as its bucket, with its level among the limits in the bits above.
const BUCKET_BITS: u32 = 12;
const BUCKETS: u16 = (1 << BUCKET_BITS) - 1;

/// A host, by 32 bits of its hash: of a hundred hosts two share one in 900,000 processes, and a
/// shared one costs a name in a finding, no finding. 0 where an event names none.
pub(super) type HostId = u32;

/// Where a value lies: above so many of the upper limits, or [`BELOW`] the lower one.
pub(super) type ValueLevel = u16;
/// The level of a value below the lower limit.
pub(super) const BELOW: ValueLevel = 4;

/// Four counts in one number, 16 bits each: values above each upper limit, and values below the
/// lower one.
pub(super) type Lanes = u64;
/// What a value of each level adds to the lanes.
const ADDS: [Lanes; 8] = [0, 1, 1 << 16 | 1, 1 << 32 | 1 << 16 | 1, 1 << 48, 0, 0, 0];
/// The highest bit of each lane, which counts never reach.
const HIGH: Lanes = 0x8000_8000_8000_8000;
/// The lane of the lower limit.
pub(super) const DOWN: Lanes = 0xFFFF_0000_0000_0000;
/// A count that is never reached.
pub(super) const NEVER: u16 = 0x7FFF;

/// Packs one number a lane.
pub(super) fn lanes(counts: [u16; LIMITS]) -> Lanes {
    counts.into_iter().rev().fold(0, |lanes, count| lanes << 16 | Lanes::from(count.min(NEVER)))
}

/// Unpacks one number a lane.
pub(super) fn counts(lanes: Lanes) -> [u16; LIMITS] {
    std::array::from_fn(|i| (lanes >> (16 * i)) as u16)
}

/// A ring of the last 128 values, and running counts over its newest 8, 32 and 128.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    ring: Vec<u16>,
    /// Each value's host.
    hosts: Vec<HostId>,
    /// Values since the window was emptied last.
    pushed: u64,
    /// So many of them were learned before they left.
    early: u64,
    beyond: [Lanes; WINDOWS.len()],
    marks: Vec<Timestamp>,
}

impl HeapSize for Window {
    fn heap_size(&self) -> usize {
        let times = self.marks.capacity() * size_of::<Timestamp>();
        allocated(size_of::<u16>() * self.ring.capacity())
            + allocated(size_of::<HostId>() * self.hosts.capacity())
            + allocated(times)
    }
}

impl Window {
    /// Takes a value; returns bucket and host of the value that leaves, unless that was taken out
    /// early.
    #[inline]
    pub(super) fn push(
        &mut self,
        bucket: u16,
        place: ValueLevel,
        host: HostId,
        now: Timestamp,
    ) -> Option<(u16, HostId)> {
        let entry = bucket | place << BUCKET_BITS;
        for (beyond, width) in self.beyond.iter_mut().zip(WINDOWS) {
            let leaving = match self.ring.get((self.pushed.wrapping_sub(width as u64)) as usize % LONGEST) {
                Some(old) if self.pushed >= width as u64 => usize::from(old >> BUCKET_BITS),
                _ => 0,
            };
            *beyond = (*beyond).wrapping_add(ADDS[usize::from(place & 7)]).wrapping_sub(ADDS[leaving & 7]);
        }
        if self.pushed.is_multiple_of(MARK) {
            let mark = (self.pushed / MARK) as usize % (LONGEST / MARK as usize);
            match self.marks.get_mut(mark) {
                Some(old) => *old = now,
                None => self.marks.push(now),
            }
        }
        let at = self.pushed as usize % LONGEST;
        let known = self.pushed < self.early + LONGEST as u64;
        self.pushed += 1;
        match (self.ring.get_mut(at), self.hosts.get_mut(at)) {
            (Some(old), Some(old_host)) => {
                let left = (std::mem::replace(old, entry) & BUCKETS, std::mem::replace(old_host, host));
                Some(left).filter(|_| !known)
            }
            _ => {
                self.ring.push(entry);
                self.hosts.push(host);
                None
            }
        }
    }

    /// The bucket of the oldest value that was not taken out early, if more than `behind` values
    /// came after it. It need not be learned when it leaves.
    pub(super) fn take_early(&mut self, behind: u64) -> Option<u16> {
        let in_window = self.pushed <= self.early + LONGEST as u64;
        if !in_window || self.pushed <= self.early + behind {
            return None;
        }
        let bucket = self.ring.get(self.early as usize % LONGEST)? & BUCKETS;
        self.early += 1;
        Some(bucket)
    }

    /// Reads what [`Self::push`] will.
    pub(super) fn prefetch(&self) -> u64 {
        let at = |back: usize| self.pushed.wrapping_sub(back as u64) as usize % LONGEST;
        let entries = WINDOWS.map(|width| self.ring.get(at(width)).map_or(0, |entry| u64::from(*entry)));
        let host = self.hosts.get(at(0)).map_or(0, |host| u64::from(*host));
        entries.into_iter().fold(host ^ self.beyond[0], |read, entry| read ^ entry)
    }

    /// The bucket of the value that the next one pushes out; 0 while the window is not full.
    pub(super) fn leaving(&self) -> u16 {
        self.ring.get(self.pushed as usize % LONGEST).map_or(0, |entry| entry & BUCKETS)
    }

    /// The lanes in which some full window has reached its `critical` count.
    #[inline]
    pub(super) fn reaches(&self, critical: &[Lanes; WINDOWS.len()]) -> Lanes {
        let mut reached = 0;
        for ((beyond, critical), width) in self.beyond.iter().zip(critical).zip(WINDOWS) {
            if self.pushed >= width as u64 {
                reached |= ((beyond | HIGH) - critical) & HIGH;
            }
        }
        reached
    }

    /// The lanes in which the newest eight values have reached their `critical` count.
    #[inline]
    pub(super) fn is_current(&self, critical: Lanes) -> Lanes {
        ((self.beyond[0] | HIGH) - critical) & HIGH
    }

    /// The mean time between values, in seconds, over the newest `width` of them up to `last`.
    pub(super) fn mean_gap_s(&self, width: usize, last: Timestamp) -> f64 {
        let count = self.pushed.min(width as u64);
        self.since(width).map_or(0.0, |since| last.seconds_since(since).max(0.0) / count.max(1) as f64)
    }

    /// The least likely of the counts in one direction: ln p, window, limit, count.
    pub(super) fn least_likely(&self, limits: &Limits, down: bool) -> (f64, usize, usize, u32) {
        let mut least = (0.0, 0, 0, 0);
        for (w, width) in WINDOWS.into_iter().enumerate().filter(|(_, width)| self.pushed >= *width as u64) {
            for (i, count) in counts(self.beyond[w]).into_iter().enumerate() {
                if (i == LIMITS - 1) == down {
                    let ln_p = limits.exceedance(i).ln_tail(u32::from(count), width as u32);
                    if ln_p < least.0 {
                        least = (ln_p, w, i, u32::from(count));
                    }
                }
            }
        }
        least
    }

    /// Of the newest `width` values, how many are of other hosts than `host`, and how many of these
    /// lie beyond each limit.
    pub(super) fn without(&self, host: HostId, width: usize) -> (u32, [u16; LIMITS]) {
        let (mut others, mut beyond) = (0, 0);
        for at in self.newest(width).filter(|at| self.hosts.get(*at).is_some_and(|other| *other != host)) {
            others += 1;
            beyond += ADDS[usize::from(self.ring[at] >> BUCKET_BITS) & 7];
        }
        (others, counts(beyond))
    }

    /// The host of most of the newest `width` values above limit `i`; 0 where none of these values
    /// has a host.
    pub(super) fn slowest_host(&self, width: usize, i: usize) -> HostId {
        let is_slow = |at: &usize| counts(ADDS[usize::from(self.ring[*at] >> BUCKET_BITS) & 7])[i] > 0;
        let mut slow: Vec<HostId> = self.newest(width).filter(is_slow).map(|at| self.hosts[at]).collect();
        slow.retain(|host| *host != 0);
        slow.sort_unstable();
        slow.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).map_or(0, |same| same[0])
    }

    /// Places in the ring, newest first.
    fn newest(&self, width: usize) -> impl Iterator<Item = usize> + '_ {
        let held = width.min(self.ring.len()) as u64;
        (1..=held).map(|back| (self.pushed - back) as usize % LONGEST)
    }

    /// After every 128 values, how many of them lay beyond each limit.
    #[inline]
    pub(super) fn block(&self) -> Option<[u16; LIMITS]> {
        (self.pushed > 0 && self.pushed.is_multiple_of(LONGEST as u64)).then(|| counts(self.beyond[WINDOWS.len() - 1]))
    }

    /// The bucket of the median of the last `width` values, or of those of them that are one
    /// host's.
    pub(super) fn median(&self, width: usize, host: Option<HostId>) -> Option<u16> {
        let of_host = |at: &usize| host.is_none_or(|host| self.hosts.get(*at) == Some(&host));
        let values = self.newest(LONGEST).filter(of_host).take(width).map(|at| self.ring[at] & BUCKETS);
        let mut buckets: Vec<u16> = values.collect();
        buckets.sort_unstable();
        buckets.get(buckets.len() / 2).copied()
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
            let place = (i * i * 31 % 97 % 5) as ValueLevel;
            let host = (i % 3) as HostId;
            let left = window.push(100 + (i % 50) as u16, place, host, Timestamp(i as i64));
            assert_eq!(left, (i >= 128).then(|| (100 + ((i - 128) % 50) as u16, ((i - 128) % 3) as HostId)));
            list.push((place, host));
            for (w, width) in WINDOWS.into_iter().enumerate() {
                let last = &list[list.len().saturating_sub(width)..];
                let of = |keep: &dyn Fn(HostId) -> bool| -> [u16; LIMITS] {
                    std::array::from_fn(|limit| {
                        let beyond = |place: ValueLevel| {
                            if limit == 3 { place == BELOW } else { place != BELOW && usize::from(place) > limit }
                        };
                        last.iter().filter(|(place, host)| keep(*host) && beyond(*place)).count() as u16
                    })
                };
                assert_eq!(counts(window.beyond[w]), of(&|_| true));
                let others = last.iter().filter(|(_, host)| *host != 1).count() as u32;
                assert_eq!(window.without(1, width), (others, of(&|host| host != 1)));
            }
        }
        assert_eq!((window.median(1, None), window.median(1, Some(1))), (Some(100 + 999 % 50), Some(100 + 997 % 50)));
        assert!((window.since(128).unwrap().0 - 872).abs() <= 8);
        window.clear();
        assert_eq!((window.median(8, None), window.since(8), window.block()), (None, None, None));
    }

    #[test]
    fn lanes_are_compared_one_by_one() {
        let mut window = Window::default();
        for i in 0..8 {
            window.push(1, if i < 5 { 3 } else { BELOW }, 1, Timestamp(0));
        }
        for (critical, reached) in [
            ([5, 6, 6, 4], 0x8000),
            ([6, 5, 6, 4], 0x8000_0000),
            ([6, 6, NEVER, 3], 1 << 63),
            ([6, 6, 6, 4], 0),
            ([129, 129, 129, NEVER], 0),
        ] {
            assert_eq!(window.reaches(&[lanes(critical), lanes([0; 4]), lanes([0; 4])]), reached, "{critical:?}");
        }
        assert_eq!(
            (window.slowest_host(8, 2), window.reaches(&[lanes([0, 0, 0, 0]); 3]) & !DOWN),
            (1, 0x8000_8000_8000)
        );
    }
}
