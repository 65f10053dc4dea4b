//! Counts of the last time slots, the newest first to be added to and the oldest first to leave.
//!
//! A ring of `length` slots: each count is added to the newest, and what falls out at the other end is handed back, so
//! that a baseline takes only what no window can still see. Memory: 4 bytes a slot. Cold start: slots before the first
//! are empty.

use serde::{Deserialize, Serialize};

/// The ring. Slots are numbered from 0 on by whoever owns the clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slots {
    counts: Vec<u32>,
    newest: u32,
    /// The place of the newest in `counts`.
    head: u32,
}

impl Slots {
    /// `length` empty slots (at least one), `newest` the last of them.
    #[must_use]
    pub fn new(length: usize, newest: u32) -> Self {
        Self { counts: vec![0; length.max(1)], newest, head: 0 }
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
        self.counts.len()
    }

    /// Counts one event in the newest slot.
    #[inline]
    pub fn add(&mut self) {
        let count = &mut self.counts[self.head as usize];
        *count = count.saturating_add(1);
    }

    /// Moves on by one slot; what the oldest held.
    pub fn step(&mut self) -> u32 {
        self.newest = self.newest.saturating_add(1);
        self.head = (self.head + 1) % self.counts.len() as u32;
        std::mem::take(&mut self.counts[self.head as usize])
    }

    /// Moves on until slot `to` is the newest; what the slots held that fell out. Never goes back.
    pub fn roll(&mut self, to: u32) -> u64 {
        let steps = to.saturating_sub(self.newest);
        let left = (0..steps.min(self.counts.len() as u32)).map(|_| u64::from(self.step())).sum();
        self.newest = self.newest.max(to);
        left
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
    fn a_long_gap_empties_it_and_time_does_not_go_back() {
        let mut slots = Slots::new(3, 5);
        slots.add();
        assert_eq!(slots.roll(2), 0);
        assert_eq!((slots.newest(), slots.sum(1)), (5, 1));
        assert_eq!(slots.roll(u32::MAX), 1);
        assert_eq!((slots.newest(), slots.sum(3)), (u32::MAX, 0));
    }
}
