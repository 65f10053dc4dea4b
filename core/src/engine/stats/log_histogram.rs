//! How often values of each size were seen, on a logarithmic scale, in memory that follows the
//! spread of the values.
//!
//! A bucket is the exponent and the first four bits of the mantissa of a value as `f32`: sixteen
//! buckets an octave, each 4 to 6 % wide, found without a logarithm. (The log-linear scheme of G.
//! Tene's HdrHistogram, <https://hdrhistogram.org>.) Counts are halved to forget, and a value that
//! has been halved four times is gone. The crate `hdrhistogram` counts in integers and cannot
//! forget by halves, so baselines have this histogram; durations that people see come from the
//! crate (`detector/latency/recent.rs`).
//!
//! Memory: four bytes for each bucket between the lowest and the highest value; at most 4 KiB, for
//! values from 10⁻⁶ to 10¹² (what lies outside is put at the ends); a few hundred bytes for one
//! operation's durations. Cold start: no quantile.

use crate::engine::state::{HeapSize, allocated};
use serde::{Deserialize, Serialize};

/// Bits of an `f32` behind the bucket's number.
const SHIFT: u32 = 19;
const LOWEST: f64 = 1e-6;
const HIGHEST: f64 = 1e12;
/// Counts up to this are dropped: one value that was halved four times.
const LEAST: f32 = 0.1;

/// Counts of values by their size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogHistogram {
    /// The bucket of the first count.
    first: u16,
    counts: Vec<f32>,
    total: f64,
}

/// The bucket of a value; `None` unless it is finite and above zero.
#[inline]
#[must_use]
pub fn bucket_of(value: f64) -> Option<u16> {
    let sane = value.is_finite() && value > 0.0;
    sane.then(|| ((value.clamp(LOWEST, HIGHEST) as f32).to_bits() >> SHIFT) as u16)
}

/// The smallest value of a bucket.
#[must_use]
pub fn lower_edge(bucket: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bucket) << SHIFT))
}

/// The value in the middle of a bucket.
#[must_use]
pub fn middle(bucket: u16) -> f64 {
    (lower_edge(bucket) + lower_edge(bucket + 1)) / 2.0
}

impl HeapSize for LogHistogram {
    fn heap_size(&self) -> usize {
        allocated(size_of::<f32>() * self.counts.capacity())
    }
}

impl LogHistogram {
    /// Reads the memory that [`Self::add`] will need.
    pub(crate) fn prefetch(&self, bucket: u16) -> u64 {
        let place = usize::from(bucket.wrapping_sub(self.first));
        u64::from(self.counts.get(place).map_or(0, |count| count.to_bits())) ^ self.total.to_bits()
    }

    /// Counts one value of this bucket.
    #[inline]
    pub fn add(&mut self, bucket: u16) {
        let place = usize::from(bucket.wrapping_sub(self.first));
        match self.counts.get_mut(place) {
            Some(count) => *count += 1.0,
            None => self.widen(bucket),
        }
        self.total += 1.0;
    }

    /// Makes room for a bucket outside of the range, and counts one value in it.
    #[cold]
    fn widen(&mut self, bucket: u16) {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let more = usize::from(self.first - bucket);
            self.counts.splice(..0, std::iter::repeat_n(0.0, more));
            self.first = bucket;
        }
        let place = usize::from(bucket - self.first);
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0.0);
        }
        self.counts[place] += 1.0;
    }

    /// Halves all counts, and frees the room that is not needed any more.
    pub fn halve(&mut self) {
        for count in &mut self.counts {
            *count = if *count / 2.0 < LEAST { 0.0 } else { *count / 2.0 };
        }
        let used = self.counts.iter().rposition(|count| *count > 0.0).map_or(0, |last| last + 1);
        self.counts.truncate(used);
        let unused = self.counts.iter().position(|count| *count > 0.0).unwrap_or(0);
        self.counts.drain(..unused);
        self.first += unused as u16;
        self.counts.shrink_to_fit();
        self.total = self.counts.iter().map(|count| f64::from(*count)).sum();
    }

    /// The sum of all counts; halved values count by halves.
    #[inline]
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Buckets that hold something and their counts, highest first.
    pub fn from_top(&self) -> impl Iterator<Item = (u16, f32)> + '_ {
        let filled = self.counts.iter().enumerate().rev().filter(|(_, count)| **count > 0.0);
        filled.map(|(place, count)| (self.first + place as u16, *count))
    }

    /// The lowest bucket with at most `share` of the values in the buckets above it, and how many
    /// values these are.
    #[must_use]
    pub fn upper_quantile(&self, share: f64) -> Option<(u16, f64)> {
        let allowed = share * self.total;
        let mut above = 0.0;
        let mut lowest = None;
        for (bucket, count) in self.from_top() {
            if above > allowed {
                break;
            }
            lowest = Some((bucket, above));
            above += f64::from(count);
        }
        lowest
    }

    /// The highest bucket with at most `share` of the values in the buckets below it, and how many
    /// values these are.
    #[must_use]
    pub fn lower_quantile(&self, share: f64) -> Option<(u16, f64)> {
        let allowed = share * self.total;
        let (mut below, mut highest) = (0.0, None);
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            if below > allowed {
                break;
            }
            highest = Some((self.first + place as u16, below));
            below += f64::from(*count);
        }
        highest
    }

    /// The value with at most `share` of all values above it, to within a bucket.
    #[must_use]
    pub fn value_at(&self, share: f64) -> Option<f64> {
        self.upper_quantile(share).map(|(bucket, _)| middle(bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> LogHistogram {
        let mut histogram = LogHistogram::default();
        values.iter().filter_map(|value| bucket_of(*value)).for_each(|bucket| histogram.add(bucket));
        histogram
    }

    #[test]
    fn what_is_no_duration_has_no_bucket() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -3.0] {
            assert_eq!(bucket_of(value), None, "{value}");
        }
        assert_eq!(bucket_of(f64::MIN_POSITIVE), bucket_of(LOWEST));
        assert_eq!(bucket_of(f64::MAX), bucket_of(HIGHEST));
    }

    #[test]
    fn empty_one_element_and_constant() {
        assert_eq!(LogHistogram::default().value_at(0.5), None);
        for values in [vec![40.0], vec![40.0; 1_000]] {
            for share in [0.0, 0.01, 0.5, 1.0] {
                assert!((of(&values).value_at(share).unwrap() / 40.0 - 1.0).abs() < 0.04);
            }
        }
    }

    #[test]
    fn lower_quantiles_mirror_the_upper_ones() {
        assert_eq!(LogHistogram::default().lower_quantile(0.25), None);
        let histogram = of(&(1..=1_000).map(f64::from).collect::<Vec<_>>());
        let (bucket, below) = histogram.lower_quantile(0.25).unwrap();
        assert!((lower_edge(bucket) / 250.0 - 1.0).abs() < 0.07 && below <= 250.0, "{bucket} {below}");
        assert_eq!(below, (1..=1_000).filter(|value| f64::from(*value) < lower_edge(bucket)).count() as f64);
    }

    #[test]
    fn quantiles_are_within_a_bucket_and_survive_halving() {
        let values: Vec<_> = (1..=10_000).map(f64::from).collect();
        let mut histogram = of(&values);
        for _ in 0..2 {
            for (share, truth) in [(0.5, 5_000.0), (0.1, 9_000.0), (0.01, 9_900.0)] {
                assert!((histogram.value_at(share).unwrap() / truth - 1.0).abs() < 0.07, "{share}");
            }
            histogram.halve();
        }
        assert!((histogram.total() - 2_500.0).abs() < 20.0);
    }

    #[test]
    fn halving_forgets_single_values_in_the_end_and_gives_room_back() {
        let mut histogram = of(&[1e-3, 5.0, 5.0, 1e6]);
        for _ in 0..4 {
            histogram.halve();
        }
        assert_eq!(histogram.from_top().count(), 1);
        assert_eq!(histogram.counts.len(), 1);
        histogram.halve();
        assert_eq!((histogram.total(), histogram.value_at(0.5)), (0.0, None));
        histogram.add(bucket_of(7.0).unwrap());
        assert!((histogram.value_at(0.5).unwrap() / 7.0 - 1.0).abs() < 0.04);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_buckets_are_narrow(values in proptest::collection::vec(proptest::num::f64::ANY, 0..300)) {
            let histogram = of(&values);
            prop_assert!(histogram.counts.len() <= 16 * 61);
            let counted = values.iter().filter(|value| value.is_finite() && **value > 0.0).count();
            prop_assert_eq!(histogram.total(), counted as f64);
            for value in values.iter().filter(|value| (LOWEST..HIGHEST).contains(*value)) {
                let bucket = bucket_of(*value).unwrap();
                prop_assert!(lower_edge(bucket) <= value * 1.000_001 && lower_edge(bucket + 1) >= value * 0.999_999);
            }
        }
    }
}
