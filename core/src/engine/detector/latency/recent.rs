//! Durations for metrics and the page: each busy operation by itself, all others together.
//!
//! Each operation has two interval histograms (G. Tene's HdrHistogram), the current one and the one
//! before, which together show the last two to four minutes. Values have two significant digits
//! from 1 µs to 1 h; values outside are put at the ends. A baseline must forget by halves, so it
//! has a `LogHistogram` instead.
//!
//! Memory: [`MOST`] operations have histograms of their own, which each interval gives to the
//! busiest anew. A histogram has four bytes a bucket up to the highest value that it was given: 6
//! KiB for half a second, 13 KiB for an hour, so 3.4 MiB at most for all of them. Cold start: no
//! quantile.

use super::operation::Operation;
use crate::engine::state::{Table, Weight};
use crate::event::Timestamp;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds until the next histogram is filled.
const INTERVAL_S: f64 = 120.0;
/// Most operations with histograms of their own.
const MOST: usize = 128;
const DIGITS: u8 = 2;
const HIGHEST_US: u64 = 3_600_000_000;

/// The histograms of an operation. The first index is shared by all operations without histograms
/// of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HistogramIndex(u8);

impl HistogramIndex {
    pub(super) fn is_shared(self) -> bool {
        self.0 == 0
    }
}

/// The histograms of all operations.
#[derive(Debug)]
pub(super) struct RecentDurations {
    /// The shared histograms, then those of the operations that are shown under these keys.
    intervals: Vec<Intervals>,
    owners: Vec<u64>,
    began: Timestamp,
}

#[derive(Debug)]
struct Intervals {
    running: Histogram<u32>,
    before: Histogram<u32>,
}

/// How often each duration came, in microseconds, in the two intervals.
type Counts = [Vec<(u64, u32)>; 2];

#[derive(Default, Serialize, Deserialize)]
pub(super) struct RecentSnapshot {
    began: Timestamp,
    counts: Vec<(u64, Counts)>,
}

/// An empty histogram, which grows with the values that it is given.
pub(super) fn empty() -> Histogram<u32> {
    match Histogram::new(DIGITS) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("at most five digits are"),
    }
}

impl Intervals {
    fn new() -> Self {
        Self { running: empty(), before: empty() }
    }

    fn clear(&mut self) {
        self.running.reset();
        self.before.reset();
    }

    fn counts(&self) -> Counts {
        [&self.running, &self.before].map(|histogram| {
            let recorded = histogram.iter_recorded();
            recorded.map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
        })
    }
}

impl Default for RecentDurations {
    fn default() -> Self {
        Self { intervals: vec![Intervals::new()], owners: vec![0], began: Timestamp::default() }
    }
}

impl RecentDurations {
    /// Counts a duration of `operation`, in milliseconds.
    #[inline]
    pub(super) fn add(&mut self, operation: &mut Operation, ms: f64) {
        operation.lately[0] = operation.lately[0].saturating_add(1);
        if operation.recent.is_shared() && self.owners.len() <= MOST {
            operation.recent = self.own(operation.shown);
        }
        if let Some(intervals) = self.intervals.get_mut(usize::from(operation.recent.0)) {
            // The histogram grows up to the highest value, so recording cannot fail.
            let _ = intervals.running.record(((ms * 1e3) as u64).clamp(1, HIGHEST_US));
        }
    }

    /// The histograms of the operations that are shown under this key; new ones where they have
    /// none.
    #[cold]
    fn own(&mut self, shown: u64) -> HistogramIndex {
        let known = self.owners.iter().skip(1).position(|owner| *owner == shown);
        HistogramIndex(known.map_or_else(
            || {
                self.owners.push(shown);
                self.intervals.push(Intervals::new());
                self.owners.len() - 1
            },
            |i| i + 1,
        ) as u8)
    }

    /// Begins the next interval when the current one is over, and gives histograms to the busiest
    /// operations of the last two.
    pub(super) fn keep_up(&mut self, operations: &mut Table<Operation>, now: Timestamp) {
        if self.began == Timestamp::default() {
            self.began = now;
        }
        let elapsed = now.seconds_since(self.began);
        if elapsed < INTERVAL_S {
            return;
        }
        self.began = now;
        for intervals in &mut self.intervals {
            std::mem::swap(&mut intervals.running, &mut intervals.before);
            intervals.running.reset();
            if elapsed >= 2.0 * INTERVAL_S {
                intervals.before.reset();
            }
        }
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        operations.for_each_mut(|_, operation| {
            let before = if elapsed >= 2.0 * INTERVAL_S { 0 } else { operation.lately[0] };
            if before > 0 {
                *counts.entry(operation.shown).or_default() += operation.lately();
            }
            operation.lately = [0, before];
        });
        let mut busiest: Vec<_> = counts.into_iter().map(|(shown, count)| (std::cmp::Reverse(count), shown)).collect();
        busiest.sort_unstable();
        busiest.truncate(MOST);
        self.give(&busiest.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>());
        self.show(operations);
    }

    /// Gives histograms to what is shown under these keys and to nothing else. What had some keeps
    /// them.
    fn give(&mut self, shown: &[u64]) {
        let free: Vec<usize> = (1..self.owners.len()).filter(|i| !shown.contains(&self.owners[*i])).collect();
        free.iter().for_each(|i| self.intervals[*i].clear());
        let mut free = free.into_iter();
        for &key in shown.iter() {
            if !self.owners.iter().skip(1).any(|owner| *owner == key) {
                match free.next() {
                    Some(i) => self.owners[i] = key,
                    None => _ = self.own(key),
                }
            }
        }
    }

    /// Tells each operation where its histograms are.
    fn show(&self, operations: &mut Table<Operation>) {
        let index: BTreeMap<u64, u8> = (1..self.owners.len()).map(|i| (self.owners[i], i as u8)).collect();
        operations.for_each_mut(|_, operation| {
            operation.recent = HistogramIndex(index.get(&operation.shown).copied().unwrap_or_default());
        });
    }

    /// Adds what was counted lately of an operation that has histograms of its own, or of all that
    /// have none.
    pub(super) fn merge_into(&self, sum: &mut Histogram<u32>, index: HistogramIndex) {
        if let Some(intervals) = self.intervals.get(usize::from(index.0)) {
            // The histogram grows, so adding cannot fail.
            let _ = sum.add(&intervals.running).and_then(|()| sum.add(&intervals.before));
        }
    }

    pub(super) fn weight(&self) -> Weight {
        let buckets = |histogram: &Histogram<u32>| histogram.distinct_values();
        let buckets: usize = self.intervals.iter().map(|both| buckets(&both.running) + buckets(&both.before)).sum();
        let bytes = buckets * size_of::<u32>() + self.intervals.len() * (size_of::<Intervals>() + size_of::<u64>());
        Weight { keys: self.owners.len(), bytes }
    }

    pub(super) fn snapshot(&self) -> RecentSnapshot {
        let counts = self.owners.iter().zip(&self.intervals).map(|(owner, both)| (*owner, both.counts()));
        RecentSnapshot { began: self.began, counts: counts.collect() }
    }

    pub(super) fn restore(&mut self, kept: RecentSnapshot, operations: &mut Table<Operation>) {
        *self = Self { began: kept.began, ..Self::default() };
        for (i, (owner, counts)) in kept.counts.into_iter().enumerate().take(1 + MOST) {
            if i > 0 {
                self.own(owner);
            }
            if let Some(Intervals { running, before }) = self.intervals.last_mut() {
                for (histogram, counts) in [running, before].into_iter().zip(counts) {
                    for (value, count) in counts {
                        let _ = histogram.record_n(value.clamp(1, HIGHEST_US), count);
                    }
                }
            }
        }
        self.show(operations);
    }
}

#[cfg(test)]
mod tests {
    use super::super::quantiles::busiest;
    use super::super::subject::CallSubject;
    use super::*;
    use crate::engine::snapshot::{pack, unpack};
    use proptest::prelude::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + s * 1_000)
    }

    fn add(recent: &mut RecentDurations, operations: &mut Table<Operation>, key: u64, ms: f64) {
        let operation = operations.touch(key, || {
            Operation::new(&format!("op{key}"), "", CallSubject { key, shown: key, module: key }, at(0))
        });
        operation.count(ms);
        recent.add(operation, ms);
    }

    fn begun(keys: usize) -> (RecentDurations, Table<Operation>) {
        let (mut recent, mut operations) = (RecentDurations::default(), Table::new(keys));
        recent.keep_up(&mut operations, at(0));
        (recent, operations)
    }

    #[test]
    fn what_is_shown_is_of_the_last_two_intervals() {
        let (mut recent, mut operations) = begun(10);
        let shown = |recent: &RecentDurations, operations: &Table<Operation>| {
            let shown = busiest(operations.values(), recent, 9);
            (shown[0].operation.clone(), shown[0].p50, shown[0].count)
        };
        (0..100).for_each(|_| add(&mut recent, &mut operations, 1, 40.0));
        recent.keep_up(&mut operations, at(120));
        let (name, p50, count) = shown(&recent, &operations);
        assert!(name == "op1" && (p50 / 0.04 - 1.0).abs() < 0.01 && count == 100, "{name} {p50} {count}");
        (0..300).for_each(|_| add(&mut recent, &mut operations, 1, 90.0));
        recent.keep_up(&mut operations, at(240));
        assert!((shown(&recent, &operations).1 / 0.09 - 1.0).abs() < 0.01);
        // It has stopped: its name is one of the others, and nothing is known of their durations.
        recent.keep_up(&mut operations, at(1_000));
        let (name, p50, count) = shown(&recent, &operations);
        assert!(name == "other" && p50.is_nan() && count == 400, "{name} {p50} {count}");
    }

    #[test]
    fn the_busiest_have_their_own_and_the_others_share() {
        let (mut recent, mut operations) = begun(1_000);
        let most = MOST as u64;
        for key in 0..2 * most {
            (0..=key).for_each(|_| add(&mut recent, &mut operations, key, if key < most { 10.0 } else { 1_000.0 }));
        }
        // Who came first has its own, until it is seen who is busy.
        let shown = busiest(operations.values(), &recent, 500);
        assert_eq!((shown.len(), shown[MOST].operation.as_str()), (MOST + 1, "other"));
        assert!((shown[0].p99 / 0.01 - 1.0).abs() < 0.01 && (shown[MOST].p50 - 1.0).abs() < 0.01, "{shown:?}");
        recent.keep_up(&mut operations, at(120));
        for key in 0..2 * most {
            add(&mut recent, &mut operations, key, if key < most { 10.0 } else { 2_000.0 });
        }
        let shown = busiest(operations.values(), &recent, 500);
        assert_eq!((shown.len(), shown[0].operation.clone()), (MOST + 1, format!("op{}", 2 * most - 1)));
        assert!((shown[0].p50 / 2.0 - 1.0).abs() < 0.01, "{:?}", shown[0]);
        assert_eq!(shown.iter().map(|one| one.count).sum::<u64>(), most * (2 * most + 1) + 2 * most);
        assert!(recent.weight().keys == MOST + 1 && recent.weight().bytes < 4 << 20);
    }

    #[test]
    fn a_restart_forgets_none_of_it() {
        let (mut recent, mut operations) = begun(1_000);
        for i in 0..5_000_u64 {
            add(&mut recent, &mut operations, i % 200, (i % 977) as f64);
            if i == 2_500 {
                recent.keep_up(&mut operations, at(130));
            }
        }
        let kept = pack(&(recent.snapshot(), operations.snapshot()));
        let (mut again, mut table) = (RecentDurations::default(), Table::new(1_000));
        let (durations, kept) = unpack(&kept).unwrap();
        table.restore(kept);
        again.restore(durations, &mut table);
        let of = |recent: &RecentDurations, operations: &Table<Operation>| busiest(operations.values(), recent, 50);
        assert_eq!(of(&again, &table), of(&recent, &operations));
    }

    proptest! {
        #[test]
        fn any_duration_is_within_a_hundredth_and_memory_is_bounded(values in proptest::collection::vec(proptest::num::f64::ANY, 1..50)) {
            let (mut recent, mut operations) = begun(10);
            for value in values {
                add(&mut recent, &mut operations, 7, value);
                let mut one = empty();
                let (mut alone, mut table) = begun(10);
                add(&mut alone, &mut table, 7, value);
                alone.merge_into(&mut one, table.get(7).unwrap().recent);
                let shown = one.median_equivalent(one.value_at_quantile(0.5)) as f64;
                let truth = (value * 1e3).clamp(1.0, HIGHEST_US as f64);
                prop_assert!(value.is_nan() || (shown / truth - 1.0).abs() < 0.01 || (shown - truth).abs() <= 1.0, "{value}: {shown}");
            }
            prop_assert!(recent.weight().bytes < 64 << 10);
        }
    }
}
