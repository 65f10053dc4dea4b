//! Sums, means and quantiles of numbers in a sliding window of event time.
//!
//! [`Sums`] stores (time, sum, number) exactly up to 1,024 instants; above that, neighbours within
//! 1/512 of the window are merged into one bucket with the time of its newest. [`Sample`] stores up
//! to 1,024 values; above that it keeps a value with probability 1/2, then 1/4, and so on, by a
//! hash of its sequence number, so that the sample has no periodicity. With the 512 to 1,024 values
//! that remain, a quantile q has a standard error of at most √(q(1−q)/512) in rank, 2.2 % at the
//! median. The probability doubles again when fewer than 256 are left. Memory: 24 bytes an entry,
//! at most 24 KiB a key.

use super::window::EXACT;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;

/// Sums over a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    held: VecDeque<(i64, f64, u32)>,
    length: i64,
}

impl Sums {
    /// Adds `value` at `time` and returns the sum and the number of values in (`time` − `length`,
    /// `time`]. Times are nanoseconds.
    pub(crate) fn add(&mut self, time: i64, value: f64, length: i64) -> (f64, u64) {
        self.length = self.length.max(length);
        let newest = self.held.back().map_or(time, |&(newest, ..)| newest.max(time));
        let horizon = newest.saturating_sub(self.length);
        while self.held.front().is_some_and(|&(time, ..)| time <= horizon) {
            self.held.pop_front();
        }
        let at = self.held.partition_point(|&(other, ..)| other < time);
        match self.held.get_mut(at) {
            Some((same, sum, n)) if *same == time => (*sum, *n) = (*sum + value, n.saturating_add(1)),
            _ if time <= horizon => {}
            _ => self.held.insert(at, (time, value, 1)),
        }
        if self.held.len() > EXACT {
            self.merge();
        }
        let start = time.saturating_sub(length);
        let within = self.held.iter().filter(|&&(other, ..)| other > start && other <= time);
        within.fold((0.0, 0), |(sum, n), &(_, more, number)| (sum + more, n + u64::from(number)))
    }

    fn merge(&mut self) {
        let width = (self.length / 512).max(1);
        let mut merged: VecDeque<(i64, f64, u32)> = VecDeque::with_capacity(EXACT + 1);
        for &(time, value, n) in &self.held {
            match merged.back_mut() {
                Some((last, sum, number)) if last.div_euclid(width) == time.div_euclid(width) => {
                    (*last, *sum, *number) = (time, *sum + value, number.saturating_add(n));
                }
                _ => merged.push_back((time, value, n)),
            }
        }
        self.held = merged;
    }

    /// The number of stored instants.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// True when no stored value can count any more at `now`.
    pub(crate) fn is_over(&self, now: i64) -> bool {
        self.held.back().is_none_or(|&(newest, ..)| newest <= now.saturating_sub(self.length))
    }
}

/// A sample of the values in a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    held: VecDeque<(i64, f64, u64)>,
    length: i64,
    /// A value is kept if the hash of its sequence number begins with this many zero bits.
    level: u32,
    next: u64,
}

impl Sample {
    /// Adds `value` at `time` and returns the quantile `q` of the values in (`time` − `length`,
    /// `time`]. Times are nanoseconds. The quantile is the value at rank ⌈q·n⌉; 0 gives the
    /// smallest and 1 the largest.
    pub(crate) fn add(&mut self, time: i64, value: f64, q: f64, length: i64) -> Option<f64> {
        self.length = self.length.max(length);
        let newest = self.held.back().map_or(time, |&(newest, ..)| newest.max(time));
        let horizon = newest.saturating_sub(self.length);
        while self.held.front().is_some_and(|&(time, ..)| time <= horizon) {
            self.held.pop_front();
        }
        let number = self.next;
        self.next += 1;
        if time > horizon && is_kept(number, self.level) {
            let at = self.held.partition_point(|&(other, ..)| other <= time);
            self.held.insert(at, (time, value, number));
        }
        while self.held.len() > EXACT {
            self.level += 1;
            let level = self.level;
            self.held.retain(|&(_, _, number)| is_kept(number, level));
        }
        if self.held.len() < EXACT / 4 {
            self.level = self.level.saturating_sub(1);
        }
        let start = time.saturating_sub(length);
        let within = self.held.iter().filter(|&&(other, ..)| other > start && other <= time);
        let mut values: Vec<f64> = within.map(|&(_, value, _)| value).collect();
        let last = values.len().checked_sub(1)?;
        let rank = (q.clamp(0.0, 1.0) * values.len() as f64).ceil() as usize;
        let (_, value, _) = values.select_nth_unstable_by(rank.saturating_sub(1).min(last), f64::total_cmp);
        Some(*value)
    }

    /// The number of stored values.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// True when no stored value can count any more at `now`.
    pub(crate) fn is_over(&self, now: i64) -> bool {
        self.held.back().is_none_or(|&(newest, ..)| newest <= now.saturating_sub(self.length))
    }
}

fn is_kept(number: u64, level: u32) -> bool {
    xxh3_64(&number.to_le_bytes()).leading_zeros() >= level
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn sums_are_exact_over_what_lies_in_the_window() {
        let mut sums = Sums::default();
        let cases =
            [(0, 1.0, (1.0, 1)), (0, 2.0, (3.0, 2)), (5, 4.0, (7.0, 3)), (10, 8.0, (12.0, 2)), (7, 16.0, (20.0, 2))];
        for (second, value, expected) in cases {
            assert_eq!(sums.add(second * S, value, 10 * S), expected, "{second}");
        }
        assert!(!sums.is_over(19 * S) && sums.is_over(20 * S));
        assert_eq!(sums.add(-100 * S, 1.0, 10 * S), (0.0, 0), "too late to count");
    }

    #[test]
    fn many_values_stay_bounded_and_nearly_right() {
        let (mut sums, mut sample) = (Sums::default(), Sample::default());
        let (mut last, mut median) = ((0.0, 0), None);
        for i in 0..20_000_i64 {
            last = sums.add(i * 1_000_000, 1.0, 10 * S);
            median = sample.add(i * 1_000_000, (i % 1000) as f64, 0.5, 10 * S);
            assert!(sums.held() <= EXACT && sample.held() <= EXACT);
        }
        assert!((10_000..=10_040).contains(&last.1) && last.0 == last.1 as f64, "{last:?}");
        assert!((420.0..580.0).contains(&median.unwrap()), "{median:?}");
        for i in 0..2_000_i64 {
            sample.add(1_000 * S + i * S, 7.0, 0.5, 50 * S);
        }
        assert_eq!((sample.level, sample.held()), (0, 50), "it is exact again");
    }

    #[test]
    fn quantiles_have_their_ends() {
        let mut sample = Sample::default();
        for value in [5.0, 1.0, 3.0] {
            sample.add(0, value, 0.5, S);
        }
        let at = |q| sample.clone().add(0, 9.0, q, S);
        assert_eq!([at(0.0), at(0.5), at(1.0), at(f64::NAN)], [Some(1.0), Some(3.0), Some(9.0), Some(1.0)]);
    }
}
