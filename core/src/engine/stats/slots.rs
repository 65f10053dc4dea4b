//! Counts of the last time slots: events are added to the newest slot, and the oldest leaves first.
//!
//! A ring of `length` slots. The counts of slots that leave are handed back, so that a baseline
//! takes only what no window can see any more. Memory: 4 bytes for each slot since the first that
//! still matters, at most `length`: many keys are seen once, or seldom. Cold start: slots before
//! the first are empty.

use crate::engine::state::{HeapSize, allocated};
use serde::{Deserialize, Serialize};

/// The ring. The owner of the clock numbers the slots from 0 on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "SlotsAsRead")]
pub struct Slots {
    /// `length` counts, or fewer while all slots before them are empty: then the last is the
    /// newest.
    counts: Vec<u32>,
    length: u32,
    newest: u32,
    /// The index of the newest slot in `counts`.
    head: u32,
}

/// A ring as it is read from a state, whose index may be out of range.
#[derive(Deserialize)]
struct SlotsAsRead {
    counts: Vec<u32>,
    length: u32,
    newest: u32,
    head: u32,
}

impl TryFrom<SlotsAsRead> for Slots {
    type Error = &'static str;

    fn try_from(read: SlotsAsRead) -> Result<Self, Self::Error> {
        let SlotsAsRead { counts, length, newest, head } = read;
        let slots = counts.len();
        // A ring that still grows has its newest slot last.
        let is_whole = if slots < length as usize { head as usize + 1 == slots } else { (head as usize) < slots };
        if slots == 0 || slots > length as usize || !is_whole {
            return Err("a ring of slots whose newest lies outside of it");
        }
        Ok(Self { counts, length, newest, head })
    }
}

impl HeapSize for Slots {
    fn heap_size(&self) -> usize {
        allocated(size_of::<u32>() * self.counts.capacity())
    }
}

impl Slots {
    /// `length` empty slots (at least one), `newest` the last of them.
    #[must_use]
    pub fn new(length: usize, newest: u32) -> Self {
        Self { counts: vec![0], length: length.max(1) as u32, newest, head: 0 }
    }

    /// Reads the memory of the newest slot, which the next event is counted in.
    pub(crate) fn prefetch(&self) -> u64 {
        u64::from(self.counts.get(self.head as usize).copied().unwrap_or_default())
    }

    /// The number of the newest slot.
    #[inline]
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// How many slots it holds.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length as usize
    }

    /// Counts one event in the newest slot.
    #[inline]
    pub fn add(&mut self) {
        let count = &mut self.counts[self.head as usize];
        *count = count.saturating_add(1);
    }

    /// Moves on by one slot; returns the count of the oldest.
    pub fn step(&mut self) -> u32 {
        self.newest = self.newest.saturating_add(1);
        if self.counts.len() < self.length as usize {
            self.grow();
            return 0;
        }
        self.head = (self.head + 1) % self.length;
        std::mem::take(&mut self.counts[self.head as usize])
    }

    /// Adds one more slot, which is the newest.
    #[cold]
    fn grow(&mut self) {
        if self.counts.len() == self.counts.capacity() {
            let more = self.counts.len().max(4).min(self.length as usize - self.counts.len());
            self.counts.reserve_exact(more);
        }
        self.counts.push(0);
        self.head = self.counts.len() as u32 - 1;
    }

    /// Moves on until slot `to` is the newest; returns the sum of the slots that left. Never goes
    /// back.
    pub fn roll(&mut self, to: u32) -> u64 {
        let steps = to.saturating_sub(self.newest);
        if steps >= self.length {
            // All slots leave.
            let left = self.counts.iter().map(|&count| u64::from(count)).sum();
            if self.counts.len() > 4 {
                self.counts = Vec::with_capacity(1);
            }
            self.counts.clear();
            self.counts.push(0);
            (self.head, self.newest) = (0, to);
            return left;
        }
        (0..steps).map(|_| u64::from(self.step())).sum()
    }

    /// The sum of the `length` newest slots.
    #[must_use]
    pub fn sum(&self, length: u32) -> u64 {
        let (size, head) = (self.counts.len(), self.head as usize);
        let length = (length as usize).min(size);
        let (behind, before) = self.counts.split_at(head + 1);
        let recent = &behind[behind.len().saturating_sub(length)..];
        let older = &before[before.len() - (length - recent.len())..];
        recent.iter().chain(older).map(|&count| u64::from(count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sums_the_newest_and_hands_back_the_oldest() {
        let mut slots = Slots::new(4, 0);
        assert_eq!((slots.sum(0), slots.sum(4), slots.sum(99)), (0, 0, 0));
        let mut left = 0;
        for slot in 0..20_u32 {
            left += slots.roll(slot);
            (0..slot).for_each(|_| slots.add());
            let expected: Vec<u64> = (0..5).map(|w| (0..w).map(|i| u64::from(slot.saturating_sub(i))).sum()).collect();
            assert_eq!((0..5).map(|w| slots.sum(w)).collect::<Vec<_>>(), expected);
        }
        assert_eq!(left, (0..16).sum::<u64>());
    }

    #[test]
    fn it_takes_room_for_the_slots_that_matter() {
        let mut slots = Slots::new(60, 7);
        slots.add();
        assert_eq!((slots.heap_size(), slots.sum(60), slots.length()), (32, 1, 60));
        for slot in 8..200 {
            slots.roll(slot);
        }
        assert_eq!((slots.heap_size(), slots.sum(60)), (allocated(240), 0));
        slots.add();
        assert_eq!((slots.roll(259), slots.heap_size()), (1, 32));
    }

    #[test]
    fn a_ring_that_is_none_is_not_read() {
        let read = |counts: &str, length: u32, head: u32| {
            let json = format!(r#"{{"counts":{counts},"length":{length},"newest":9,"head":{head}}}"#);
            serde_json::from_str::<Slots>(&json).map(|slots| slots.sum(60)).ok()
        };
        assert_eq!(read("[1,2,3]", 3, 1), Some(6));
        assert_eq!(read("[1,2]", 60, 1), Some(3));
        for (counts, length, head) in
            [("[1,2,3]", 3, 3), ("[]", 3, 0), ("[]", 0, 0), ("[1,2]", 1, 1), ("[1,2]", 60, 0), ("[1]", 60, u32::MAX)]
        {
            assert_eq!(read(counts, length, head), None, "{counts} {length} {head}");
        }
    }

    #[test]
    fn a_long_gap_empties_it_and_time_does_not_go_back() {
        let mut slots = Slots::new(3, 5);
        slots.add();
        assert_eq!(slots.roll(2), 0);
        assert_eq!((slots.newest(), slots.sum(1)), (5, 1));
        assert_eq!(slots.roll(u32::MAX), 1);
        assert_eq!((slots.newest(), slots.sum(3)), (u32::MAX, 0));
    }
}
