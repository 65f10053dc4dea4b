//! Finds files whose clocks disagree, by the trace ids that they share.
//!
//! For two files, the difference between the times at which each first mentions a trace id is the
//! difference of their clocks plus the time that the request takes from one service to the other.
//! The estimate is the median of these differences. Its spread is 1.4826 times their median
//! absolute deviation (the standard deviation if they are normal; Rousseeuw and Croux 1993). Both
//! are robust: up to half of the ids may be wrong. Memory: [`SAMPLE`] ids for each file, those with
//! the smallest hashes, so that every file keeps the same sample of all ids (a bottom-k sketch;
//! Cohen and Kaplan 2007). Cold start: with fewer than [`LEAST_SHARED`] shared ids the clocks are
//! not compared.

use crate::event::Timestamp;
use serde::Serialize;
use std::collections::HashMap;

/// Most trace ids that are kept of a file.
pub const SAMPLE: usize = 1 << 16;
/// The least number of shared ids for a comparison of clocks.
pub const LEAST_SHARED: usize = 20;
/// A smaller difference, in seconds, counts as the latency between two services.
const LEAST_OFFSET_S: f64 = 1.0;
/// An offset counts only if it is this many times its spread.
const LEAST_RATIO: f64 = 4.0;
/// Offsets of time zones are multiples of this many seconds: Kathmandu is at +05:45.
const ZONE_STEP_S: f64 = 900.0;
/// The largest difference of two time zones, in seconds: from −12 to +14.
const ZONE_MOST_S: f64 = 26.0 * 3_600.0;

/// When a file first mentions each trace id.
#[derive(Clone, Debug)]
pub struct TraceTimes {
    first: HashMap<u64, Timestamp>,
    /// Only ids whose hashes are at most this are kept.
    most: u64,
    cap: usize,
    range: Option<(Timestamp, Timestamp)>,
}

impl Default for TraceTimes {
    fn default() -> Self {
        Self { first: HashMap::new(), most: u64::MAX, cap: SAMPLE, range: None }
    }
}

impl TraceTimes {
    /// The earliest and the latest time.
    #[must_use]
    pub fn range(&self) -> Option<(Timestamp, Timestamp)> {
        self.range
    }

    /// Takes an event at `time`, with the hash of its trace id if it has one.
    #[inline]
    pub fn event(&mut self, time: Timestamp, trace: Option<u64>) {
        self.range = Some(match self.range {
            Some((first, last)) => (first.min(time), last.max(time)),
            None => (time, time),
        });
        let Some(trace) = trace.filter(|trace| *trace <= self.most) else { return };
        self.first.entry(trace).or_insert(time);
        while self.first.len() > self.cap {
            self.most /= 2;
            let most = self.most;
            self.first.retain(|trace, _| *trace <= most);
        }
    }
}

/// How two clocks differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "relation", rename_all = "snake_case")]
pub enum Relation {
    /// The clocks agree: a difference, if any, is no longer than a request's latency.
    Agree {
        /// How many trace ids both files have.
        shared: usize,
        /// The spread of the differences, in seconds.
        spread_s: f64,
    },
    /// The clocks differ.
    Apart {
        /// By how many seconds the file is ahead of its reference; negative if it is behind.
        offset_s: f64,
        /// The spread of the differences, in seconds.
        spread_s: f64,
        /// How many trace ids both files have.
        shared: usize,
        /// Whether the offset is a multiple of 15 minutes, and so more likely a time zone than a
        /// wrong clock.
        time_zone: bool,
    },
    /// The files share too little for a comparison.
    Unknown {
        /// How many trace ids both files have.
        shared: usize,
        /// For how many seconds the files overlap; 0 if one ends before the other begins.
        overlap_s: f64,
    },
}

/// How the clock of `b` differs from that of `a`.
#[must_use]
pub fn relation(a: &TraceTimes, b: &TraceTimes) -> Relation {
    let most = a.most.min(b.most);
    let differences: Vec<f64> = a
        .first
        .iter()
        .filter(|(trace, _)| **trace <= most)
        .filter_map(|(trace, time)| Some(b.first.get(trace)?.seconds_since(*time)))
        .collect();
    let shared = differences.len();
    let overlap_s = match (a.range, b.range) {
        (Some(a), Some(b)) => a.1.min(b.1).seconds_since(a.0.max(b.0)).max(0.0),
        _ => 0.0,
    };
    let Some((offset_s, spread_s)) = location(differences).filter(|_| shared >= LEAST_SHARED) else {
        return Relation::Unknown { shared, overlap_s };
    };
    if offset_s.abs() < LEAST_OFFSET_S && spread_s < LEAST_OFFSET_S {
        return Relation::Agree { shared, spread_s };
    }
    if offset_s.abs() < LEAST_RATIO * spread_s {
        return Relation::Unknown { shared, overlap_s };
    }
    let zone = (offset_s / ZONE_STEP_S).round() * ZONE_STEP_S;
    let time_zone = zone != 0.0
        && zone.abs() <= ZONE_MOST_S
        && (offset_s - zone).abs() <= (3.0 * spread_s).clamp(LEAST_OFFSET_S, ZONE_STEP_S / 10.0);
    Relation::Apart { offset_s, spread_s, shared, time_zone }
}

impl Relation {
    /// The nanoseconds to add to the file's times so that they agree with its reference's. A time
    /// zone is subtracted as a whole multiple, so that latencies of requests remain.
    #[must_use]
    pub fn correction(self) -> Option<i64> {
        match self {
            Self::Agree { .. } => Some(0),
            Self::Apart { offset_s, time_zone, .. } => {
                let seconds = if time_zone { (offset_s / ZONE_STEP_S).round() * ZONE_STEP_S } else { offset_s };
                Some(-(seconds * 1e9).round() as i64)
            }
            Self::Unknown { .. } => None,
        }
    }

    fn shared(self) -> usize {
        match self {
            Self::Agree { shared, .. } | Self::Apart { shared, .. } | Self::Unknown { shared, .. } => shared,
        }
    }
}

/// The median and the spread around it; none if there are no values.
fn location(mut values: Vec<f64>) -> Option<(f64, f64)> {
    let middle = median(&mut values)?;
    for value in &mut values {
        *value = (*value - middle).abs();
    }
    Some((middle, 1.4826 * median(&mut values)?))
}

/// The median; of an even number of values, the mean of the middle two.
fn median(values: &mut [f64]) -> Option<f64> {
    let half = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    if values.is_empty() {
        return None;
    }
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let middle = *middle;
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| even);
    Some(lower.map_or(middle, |lower| f64::midpoint(lower, middle)))
}

/// How the clock of one file differs from the clock of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The index of the file.
    pub file: usize,
    /// The index of the file that it was compared with.
    pub reference: usize,
    /// The result.
    pub relation: Relation,
    /// The nanoseconds to add to the file's times so that they agree with the first file's.
    pub correction: Option<i64>,
}

/// Compares every file but the first with the first: directly where the two share enough ids,
/// otherwise through the pair that shares the most. Files that are not connected to the first are
/// compared with it, and the result is unknown.
#[must_use]
pub fn compare(files: &[TraceTimes]) -> Vec<Comparison> {
    let mut corrections: Vec<Option<i64>> = vec![None; files.len()];
    let mut comparisons = Vec::new();
    if let Some(first) = corrections.first_mut() {
        *first = Some(0);
    }
    let mut relations: HashMap<(usize, usize), Relation> = HashMap::new();
    loop {
        let tied: Vec<usize> = (0..files.len()).filter(|i| corrections[*i].is_some()).collect();
        let loose: Vec<usize> = (1..files.len()).filter(|i| corrections[*i].is_none()).collect();
        let pairs = loose.iter().flat_map(|file| tied.iter().map(|reference| (*reference, *file)));
        let best = pairs
            .filter_map(|(reference, file)| {
                let relation =
                    *relations.entry((reference, file)).or_insert_with(|| relation(&files[reference], &files[file]));
                let correction = relation.correction()?.saturating_add(corrections[reference]?);
                Some(Comparison { file, reference, relation, correction: Some(correction) })
            })
            .max_by_key(|found| (found.reference == 0, found.relation.shared(), std::cmp::Reverse(found.file)));
        let Some(best) = best else { break };
        corrections[best.file] = best.correction;
        comparisons.push(best);
    }
    for file in (1..files.len()).filter(|i| corrections[*i].is_none()) {
        let relation = relation(&files[0], &files[file]);
        comparisons.push(Comparison { file, reference: 0, relation, correction: None });
    }
    comparisons.sort_by_key(|comparison| comparison.file);
    comparisons
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that mentions the ids `from..to`, one per second, with a clock `offset_s` ahead, a
    /// random delay of at most `noise_s`, and every tenth time wrong.
    fn file(from: u64, to: u64, offset_s: f64, noise_s: f64) -> TraceTimes {
        let mut times = TraceTimes::default();
        for id in from..to {
            let hash = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let noise = (hash % 1_000) as f64 / 1_000.0 * noise_s;
            let wrong = if hash % 10 == 3 { 5_000.0 } else { 0.0 };
            let time = Timestamp::from_seconds(1_700_000_000 + id as i64)
                .saturating_add_nanos(((offset_s + noise + wrong) * 1e9) as i64);
            times.event(time, Some(hash));
            times.event(time.saturating_add_nanos(90_000_000_000), Some(hash));
        }
        times
    }

    #[test]
    fn offsets_are_found_in_noise() {
        let a = file(0, 1_000, 0.0, 0.0);
        for (offset, zone) in [(10_800.0, true), (-19_800.0, true), (37.0, false), (-4_000.0, false), (5.5, false)] {
            let Relation::Apart { offset_s, spread_s, shared, time_zone } =
                relation(&a, &file(500, 2_000, offset, 0.4))
            else {
                panic!("{offset} was not found")
            };
            assert!((offset_s - offset - 0.2).abs() < 0.1 && spread_s < 0.3, "{offset}: {offset_s} ± {spread_s}");
            assert_eq!((shared, time_zone), (500, zone), "{offset}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        let a = file(0, 1_000, 0.0, 0.0);
        assert!(matches!(relation(&a, &file(500, 2_000, 0.0, 0.2)), Relation::Agree { shared: 500, .. }));
        // Too few ids; a spread as wide as the offset; no overlap; no ids.
        assert!(matches!(relation(&a, &file(981, 1_000, 60.0, 0.1)), Relation::Unknown { shared: 19, .. }));
        assert!(matches!(relation(&a, &file(0, 1_000, 10.0, 60.0)), Relation::Unknown { shared: 1_000, .. }));
        assert!(matches!(relation(&a, &file(9_000, 9_900, 0.0, 0.0)), Relation::Unknown { shared: 0, .. }));
        let unknown = Relation::Unknown { shared: 0, overlap_s: 0.0 };
        assert_eq!(relation(&TraceTimes::default(), &TraceTimes::default()), unknown);
    }

    #[test]
    fn medians_of_little() {
        assert_eq!(location(vec![]), None);
        assert_eq!(location(vec![3.0]), Some((3.0, 0.0)));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(location(vec![2.0; 9]), Some((2.0, 0.0)));
    }

    #[test]
    fn samples_are_bounded_and_the_same_in_every_file() {
        let sampled = |from: u64, to: u64, offset: f64| {
            let mut times = TraceTimes { cap: 1_000, ..TraceTimes::default() };
            let all = file(from, to, offset, 0.0);
            for (trace, time) in all.first {
                times.event(time, Some(trace));
            }
            assert!(times.first.len() <= 1_000);
            times
        };
        let found = relation(&sampled(0, 20_000, 0.0), &sampled(10_000, 30_000, 3_600.0));
        assert!(matches!(found, Relation::Apart { time_zone: true, shared: 100.., .. }), "{found:?}");
    }

    #[test]
    fn files_are_tied_to_the_first_through_others() {
        let files =
            [file(0, 100, 0.0, 0.0), file(150, 300, 7_260.0, 0.0), file(50, 200, 60.0, 0.0), file(900, 999, 0.0, 0.0)];
        let found: Vec<_> = compare(&files)
            .into_iter()
            .map(|found| (found.file, found.reference, found.correction.map(|nanos| nanos / 1_000_000_000)))
            .collect();
        // The second file shares nothing with the first and is compared through the third: 7200 is
        // a time zone on top of 60.
        assert_eq!(found, [(1, 2, Some(-7_260)), (2, 0, Some(-60)), (3, 0, None)]);
        assert!(compare(&files[..1]).is_empty() && compare(&[]).is_empty());
    }
}
