//! Marks of a key's last failures, so that windows can be counted in failures, whatever their span.
//!
//! A mark says when a failure was and how much of other things there had been by then. Eight back
//! are marks of each failure, 32 back of each fourth, 128 back of each sixteenth: a window of about
//! the last 8, 32 or 128 failures begins behind the oldest mark of its kind, and the difference of
//! two totals is what there was in it. Memory: nothing until the second failure, then 27 marks of
//! 4 bytes for each of their numbers. Cold start: a window begins behind the second failure.

use crate::engine::state::{HeapSize, allocated};
use serde::{Deserialize, Serialize};

/// Marks of one kind: eight behind the newest.
const MARKS: u32 = 9;
/// Every so manieth failure has a mark of each kind.
const STEPS: [u32; 3] = [1, 4, 16];
/// Windows of one key: of each kind that of all of its marks, of the second and third that of half
/// of them, and of the second that of three.
pub const MARK_WINDOWS: f64 = 6.0;

/// The marks, with `TOTALS` totals each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FailureMarks<const TOTALS: usize> {
    failures: u32,
    /// For each kind a ring of marks: the number of the failure (0 where there is none), its slot,
    /// and the totals.
    marks: Vec<u32>,
}

/// A window that begins behind a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedWindow<const TOTALS: usize> {
    /// Failures in it; the one that it begins behind is none of them.
    pub failures: u32,
    /// The slot in which it begins.
    pub slot: u32,
    /// The totals when it began. They wrap around.
    pub totals: [u32; TOTALS],
}

impl<const TOTALS: usize> FailureMarks<TOTALS> {
    const WIDTH: usize = 2 + TOTALS;
    const SIZE: usize = STEPS.len() * MARKS as usize * Self::WIDTH;

    /// Takes a failure in `slot`, at these totals.
    pub fn add(&mut self, slot: u32, totals: [u32; TOTALS]) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < 2 {
            return;
        }
        if self.marks.len() != Self::SIZE {
            self.marks = vec![0; Self::SIZE];
        }
        for (kind, step) in STEPS.into_iter().enumerate() {
            if self.failures.is_multiple_of(step) {
                let at = Self::at(kind, self.failures / step);
                let mark = &mut self.marks[at..at + Self::WIDTH];
                (mark[0], mark[1]) = (self.failures, slot);
                mark[2..].copy_from_slice(&totals);
            }
        }
    }

    /// Where the mark of a kind stands that has this number.
    fn at(kind: usize, number: u32) -> usize {
        (kind * MARKS as usize + (number % MARKS) as usize) * Self::WIDTH
    }

    /// The marks of one kind, oldest first.
    fn of_kind(&self, kind: usize) -> impl Iterator<Item = &[u32]> {
        let newest = self.failures / STEPS[kind];
        let marks = (1..=MARKS).map(move |i| Self::at(kind, newest + i));
        marks.filter_map(|at| self.marks.get(at..at + Self::WIDTH)).filter(|mark| mark[0] > 0)
    }

    /// The windows that begin in slot `from` or later, and before slot `to`, the shortest first.
    pub fn windows(&self, from: u32, to: u32) -> impl Iterator<Item = MarkedWindow<TOTALS>> {
        let half = MARKS / 2 + 1;
        [(0, MARKS), (1, half - 1), (1, half), (1, MARKS), (2, half), (2, MARKS)].into_iter().filter_map(
            move |(kind, most)| {
                let newest = self.failures / STEPS[kind];
                let mut marks = self.of_kind(kind).filter(|mark| mark[0] / STEPS[kind] + most > newest);
                let mark = marks.find(|mark| mark[1] >= from).filter(|mark| mark[1] < to && mark[0] < self.failures)?;
                let mut totals = [0; TOTALS];
                totals.copy_from_slice(&mark[2..]);
                Some(MarkedWindow { failures: self.failures - mark[0], slot: mark[1], totals })
            },
        )
    }

    /// True when some mark stands before slot `to`, so that a window may begin there.
    #[must_use]
    pub fn reach_before(&self, to: u32) -> bool {
        (0..STEPS.len()).any(|kind| self.of_kind(kind).next().is_some_and(|oldest| oldest[1] < to))
    }

    /// Forgets all marks: the failures so far belong to an incident.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The newest failure with a mark in slot `from` or later, and those before it: their numbers
    /// and slots.
    fn numbered(&self, from: u32) -> Vec<(u32, u32)> {
        let marks = (0..STEPS.len()).flat_map(|kind| self.of_kind(kind)).map(|mark| (mark[0], mark[1]));
        let mut marks: Vec<(u32, u32)> = marks.filter(|(_, slot)| *slot >= from).collect();
        marks.sort_unstable_by_key(|&(number, _)| std::cmp::Reverse(number));
        marks.dedup();
        marks
    }

    /// Slots from `from` on and before `to`, and failures in them, about; the newest first.
    pub fn slots(&self, from: u32, to: u32) -> Vec<(u32, u32)> {
        let marks = self.numbered(0);
        // A mark stands for the failures behind the next older one.
        let pairs = marks.windows(2).map(|pair| (pair[0].1, pair[0].0 - pair[1].0));
        pairs.filter(|(slot, _)| (from..to).contains(slot)).collect()
    }

    /// With how many failures since slot `from`, itself included, a failure shares a block of
    /// `block` slots on average, about; at least one.
    pub fn clump(&self, from: u32, block: u32) -> f64 {
        let (mut sum, mut squares, mut open) = (0.0, 0.0, 0.0);
        for pair in self.numbered(from).windows(2) {
            let [(newer, at), (older, before)] = [pair[0], pair[1]];
            let (failures, blocks) = (newer - older, (at / block).saturating_sub(before / block));
            // Failures between two marks lie evenly in the blocks between them.
            let of_block = f64::from(failures) / f64::from(failures.min(blocks).max(1));
            open += of_block;
            sum += of_block;
            if blocks > 0 {
                let others = f64::from(failures) - of_block;
                squares += open * open + others * of_block;
                sum += others;
                open = 0.0;
            }
        }
        squares += open * open;
        if sum > 0.0 { (squares / sum).max(1.0) } else { 1.0 }
    }
}

impl<const TOTALS: usize> HeapSize for FailureMarks<TOTALS> {
    fn heap_size(&self) -> usize {
        allocated(size_of::<u32>() * self.marks.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_the_last_8_32_and_128_failures_and_what_came_since() {
        let mut marks = FailureMarks::<1>::default();
        assert_eq!(marks.windows(0, u32::MAX).count(), 0);
        for failure in 0..400_u32 {
            // A failure in every tenth slot, and seven of something between two.
            marks.add(failure * 10, [failure.wrapping_mul(7).wrapping_add(u32::MAX - 1_000)]);
            let now = [failure.wrapping_mul(7).wrapping_add(u32::MAX - 1_000)];
            for window in marks.windows(0, u32::MAX) {
                assert_eq!(window.slot, (failure - window.failures) * 10);
                assert_eq!(now[0].wrapping_sub(window.totals[0]), window.failures * 7);
            }
        }
        let failures: Vec<u32> = marks.windows(0, u32::MAX).map(|window| window.failures).collect();
        assert_eq!(failures, [8, 12, 16, 32, 64, 128]);
        // What was before a slot, or is no longer ago than windows of slots see, is left out.
        assert_eq!((marks.reach_before(1), marks.reach_before(u32::MAX)), (false, true));
        let from = |from, to| marks.windows(from, to).map(|window| window.failures).collect::<Vec<_>>();
        assert_eq!(from(3_950, u32::MAX), [4, 4, 4, 4]);
        assert_eq!(from(0, 3_900), [12, 16, 32, 64, 128]);
        marks.clear();
        assert_eq!((marks.windows(0, u32::MAX).count(), marks.heap_size()), (0, 0));
    }

    #[test]
    fn slots_add_up_to_the_failures_in_them() {
        let mut marks = FailureMarks::<0>::default();
        (0..200).for_each(|failure| marks.add(failure, []));
        let all = marks.slots(0, u32::MAX);
        assert!(all.is_sorted_by_key(|(slot, _)| std::cmp::Reverse(*slot)));
        // To the next mark: of forty failures, up to four more.
        let there: u32 = marks.slots(150, 190).iter().map(|(_, count)| count).sum();
        assert!((40..=44).contains(&there), "{there}");
        assert_eq!((all[0], all[1]), ((199, 1), (198, 1)));
    }

    #[test]
    fn clumps_are_those_of_a_block() {
        let clump = |gap: fn(u32) -> u32| {
            let (mut marks, mut slot) = (FailureMarks::<0>::default(), 0);
            (0..100).for_each(|failure| {
                slot += gap(failure);
                marks.add(slot, []);
            });
            marks.clump(0, 12)
        };
        // Each alone, and twenty at once an hour apart.
        assert!((clump(|_| 30) - 1.0).abs() < 0.1, "{}", clump(|_| 30));
        let batch = clump(|failure| if failure % 20 == 0 { 720 } else { 0 });
        assert!(batch > 6.0 && batch < 24.0, "{batch}");
        assert_eq!(FailureMarks::<0>::default().clump(0, 12), 1.0);
    }

    #[test]
    fn one_failure_takes_nothing_and_a_broken_state_is_set_aside() {
        let mut marks = FailureMarks::<2>::default();
        marks.add(1, [1, 2]);
        assert_eq!(marks.heap_size(), 0);
        let mut broken = FailureMarks::<2> { failures: 9, marks: vec![1; 7] };
        assert!(broken.windows(0, u32::MAX).count() <= 6);
        broken.add(3, [1, 1]);
        assert_eq!(broken.marks.len(), FailureMarks::<2>::SIZE);
    }
}
