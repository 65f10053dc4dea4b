//! Counts events in a sliding window of event time.
//!
//! The count for an event at time t is the number of events in (t − window, t]. Up to [`EXACT`]
//! instants are stored exactly, with the number of events at each; above that, neighbours within
//! 1/512 of the window are merged into one bucket with the time of its newest event, so a count is
//! too high by at most one bucket. Memory: 16 bytes an instant, at most 16 KiB a key. Late events
//! are inserted at their time; what is older than the window by more than [`LATENESS_NS`] is
//! removed.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most instants that are stored exactly.
pub(crate) const EXACT: usize = 1024;
/// How late an event can be and still be counted exactly: 10 s, the default of `allowed_lateness`.
const LATENESS_NS: i64 = 10_000_000_000;

/// The events of one key, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    instants: VecDeque<(i64, u32)>,
    /// The longest window requested so far, in nanoseconds.
    length: i64,
    total: u64,
}

impl Window {
    /// Adds an event at `time` and counts the events in (`time` − `length`, `time`], including this
    /// one. Times are nanoseconds.
    pub(crate) fn add(&mut self, time: i64, length: i64) -> u64 {
        self.length = self.length.max(length);
        let newest = self.newest().map_or(time, |newest| newest.max(time));
        let horizon = newest.saturating_sub(self.length).saturating_sub(self.length.min(LATENESS_NS));
        self.drop_until(horizon);
        if time <= horizon {
            return 1;
        }
        self.insert(time);
        if self.instants.len() > EXACT {
            self.drop_until(newest.saturating_sub(self.length));
            if self.instants.len() > EXACT {
                self.merge();
            }
        }
        self.count(time, length)
    }

    /// The number of stored instants.
    pub(crate) fn held(&self) -> usize {
        self.instants.len()
    }

    /// True when no stored event can count any more at `now`.
    pub(crate) fn is_over(&self, now: i64) -> bool {
        self.newest().is_none_or(|newest| newest <= now.saturating_sub(self.length))
    }

    fn newest(&self) -> Option<i64> {
        self.instants.back().map(|&(time, _)| time)
    }

    fn insert(&mut self, time: i64) {
        self.total += 1;
        match self.instants.back_mut() {
            Some((last, n)) if *last == time => *n = n.saturating_add(1),
            Some((last, _)) if *last > time => {
                let at = self.instants.partition_point(|&(other, _)| other < time);
                match self.instants.get_mut(at) {
                    Some((same, n)) if *same == time => *n = n.saturating_add(1),
                    _ => self.instants.insert(at, (time, 1)),
                }
            }
            _ => self.instants.push_back((time, 1)),
        }
    }

    fn drop_until(&mut self, horizon: i64) {
        while let Some(&(time, n)) = self.instants.front()
            && time <= horizon
        {
            self.total -= u64::from(n);
            self.instants.pop_front();
        }
    }

    /// Counts the events in (`time` − `length`, `time`]. For events in order it only visits
    /// instants that have left the window; a late event also visits the later ones.
    pub(crate) fn count(&self, time: i64, length: i64) -> u64 {
        let start = time.saturating_sub(length);
        let before: u64 =
            self.instants.iter().take_while(|(other, _)| *other <= start).map(|&(_, n)| u64::from(n)).sum();
        let after: u64 =
            self.instants.iter().rev().take_while(|(other, _)| *other > time).map(|&(_, n)| u64::from(n)).sum();
        self.total - before - after
    }

    fn merge(&mut self) {
        let width = (self.length / 512).max(1);
        let mut merged: VecDeque<(i64, u32)> = VecDeque::with_capacity(EXACT + 1);
        for &(time, n) in &self.instants {
            match merged.back_mut() {
                Some((last, sum)) if last.div_euclid(width) == time.div_euclid(width) => {
                    (*last, *sum) = (time, sum.saturating_add(n));
                }
                _ => merged.push_back((time, n)),
            }
        }
        // The counts of buckets saturate at `u32::MAX`. The total must match them, or it would fall
        // below zero.
        self.total = merged.iter().map(|&(_, n)| u64::from(n)).sum();
        self.instants = merged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn the_window_is_open_at_its_start_and_closed_at_its_end() {
        let mut window = Window::default();
        assert_eq!(window.add(0, 60 * S), 1);
        assert_eq!(window.add(60 * S - 1, 60 * S), 2);
        assert_eq!(window.add(60 * S, 60 * S), 2, "the event at 0 has just left");
        assert_eq!(window.add(60 * S, 60 * S), 3, "events of one instant all count");
        assert_eq!(window.add(i64::MAX, 60 * S), 1);
    }

    #[test]
    fn late_events_count_what_was_there_then() {
        let mut window = Window::default();
        for second in [10, 20, 30] {
            window.add(second * S, 15 * S);
        }
        assert_eq!(window.add(25 * S, 15 * S), 2, "20 and 25; 10 is out, 30 is later");
        assert_eq!(
            window.add(21 * S, 15 * S),
            3,
            "10, 20 and 21: what is late by less than ten seconds is not forgotten"
        );
        assert_eq!(window.add(31 * S, 15 * S), 5, "20, 21, 25, 30, 31");
        assert_eq!(window.add(-900 * S, 15 * S), 1, "far too late: counts itself and joins nothing");
        assert_eq!(window.held(), 6);
    }

    #[test]
    fn above_the_exact_number_the_error_is_one_bucket() {
        let mut window = Window::default();
        let length = 60 * S;
        let step = S / 100;
        let mut worst = 0.0f64;
        for i in 0..20_000 {
            let counted = window.add(i * step, length);
            let truth = (i + 1).min(length / step) as u64;
            assert!(counted >= truth);
            if truth <= EXACT as u64 {
                assert_eq!(counted, truth);
            }
            worst = worst.max((counted - truth) as f64 / truth as f64);
            assert!(window.held() <= EXACT);
        }
        assert!(worst <= 1.0 / 256.0, "{worst}");
    }

    #[test]
    fn it_is_over_when_its_last_event_has_left() {
        let mut window = Window::default();
        assert!(window.is_over(0));
        window.add(S, S);
        assert!(!window.is_over(2 * S - 1));
        assert!(window.is_over(2 * S));
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_definition(times in proptest::collection::vec(0i64..40, 1..200)) {
            let mut window = Window::default();
            let (length, mut seen) = (30 * S, Vec::new());
            for time in times {
                let (time, newest) = (time * S, seen.iter().copied().max().unwrap_or(i64::MIN));
                let counted = window.add(time, length);
                seen.push(time);
                if newest < time.saturating_add(10 * S) {
                    let truth = seen.iter().filter(|&&other| other > time - length && other <= time).count() as u64;
                    prop_assert_eq!(counted, truth);
                }
            }
        }
    }
}
