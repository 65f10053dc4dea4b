//! The most frequent keys of a stream, in bounded memory.
//!
//! This is the frequent-items sketch of Misra and Gries (1982) in the form of Anderson et al.
//! (2017): a table of counters. When the table is full, the median count is subtracted from every
//! counter, and counters without a rest are dropped. A count is too low by at most the sum of what
//! was subtracted, which is at most 2/`cap` of the stream's length. Counts are exact as long as the
//! table was never full. Memory: `cap` keys.

use serde::Serialize;
use std::collections::HashMap;

/// Counts of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events; a lower bound.
    pub events: u64,
    /// How many of them are ERROR or worse.
    pub errors: u64,
    /// How many of them are WARN.
    pub warnings: u64,
}

/// The table of counters.
#[derive(Clone, Debug)]
pub struct HeavyHitters {
    table: HashMap<u64, (String, Counts)>,
    cap: usize,
    taken_off: u64,
}

impl HeavyHitters {
    /// A table for at most `cap` keys, but at least two.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { table: HashMap::new(), cap: cap.max(2), taken_off: 0 }
    }

    /// Counts one event of the key with this hash; `name` is called if the key is new.
    #[inline]
    pub fn count(&mut self, hash: u64, error: bool, warning: bool, name: impl FnOnce() -> String) {
        if self.table.len() >= self.cap && !self.table.contains_key(&hash) {
            self.make_room();
        }
        let (_, counts) = self.table.entry(hash).or_insert_with(|| (name(), Counts::default()));
        counts.events += 1;
        counts.errors += u64::from(error);
        counts.warnings += u64::from(warning);
    }

    /// Merges the counts of keys for which `to` returns the same hash. If `to` returns a name, that
    /// replaces the old one.
    pub fn regroup(&mut self, to: impl Fn(u64) -> (u64, Option<String>)) {
        for (hash, (name, counts)) in std::mem::take(&mut self.table) {
            let (hash, other) = to(hash);
            let (kept, all) = self.table.entry(hash).or_insert_with(|| (name, Counts::default()));
            all.events += counts.events;
            all.errors += counts.errors;
            all.warnings += counts.warnings;
            if let Some(other) = other {
                *kept = other;
            }
        }
    }

    /// Whether all counts are exact and no key is missing.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.taken_off == 0
    }

    /// How many keys are in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// At most `most` keys with the highest `rank`, in descending order; equal ones by name, and
    /// none of rank (0, 0).
    #[must_use]
    pub fn top(&self, most: usize, rank: impl Fn(&Counts) -> (u64, u64)) -> Vec<(&str, &Counts)> {
        let mut all: Vec<_> = self.table.values().map(|(name, counts)| (name.as_str(), counts)).collect();
        all.retain(|(_, counts)| rank(counts) != (0, 0));
        all.sort_by(|a, b| (rank(b.1), a.0).cmp(&(rank(a.1), b.0)));
        all.truncate(most);
        all
    }

    #[cold]
    fn make_room(&mut self) {
        let mut all: Vec<u64> = self.table.values().map(|(_, counts)| counts.events).collect();
        let half = all.len() / 2;
        let median = *all.select_nth_unstable(half).1;
        self.taken_off += median;
        self.table.retain(|_, (_, counts)| {
            counts.events = counts.events.saturating_sub(median);
            counts.errors = counts.errors.min(counts.events);
            counts.warnings = counts.warnings.min(counts.events);
            counts.events > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_while_there_is_room() {
        let mut table = HeavyHitters::new(10);
        for i in 0..30_u64 {
            table.count(i % 3, i % 3 == 1, false, || format!("k{}", i % 3));
        }
        table.count(7, false, true, || "seven".into());
        let top: Vec<_> = table
            .top(2, |counts| (counts.events, 0))
            .into_iter()
            .map(|(name, counts)| (name, counts.events, counts.errors))
            .collect();
        assert_eq!(top, [("k0", 10, 0), ("k1", 10, 10)]);
        assert!(table.is_exact() && table.len() == 4);
    }

    #[test]
    fn the_frequent_stay_among_many_rare() {
        let mut table = HeavyHitters::new(64);
        for i in 0..100_000_u64 {
            let key = if i % 10 == 0 { 1 } else { 1_000 + i };
            table.count(key, false, false, || key.to_string());
            assert!(table.len() <= 64);
        }
        let top = table.top(1, |counts| (counts.events, 0))[0];
        assert_eq!(top.0, "1");
        assert!((6_000..=10_000).contains(&top.1.events), "{top:?}");
        assert!(!table.is_exact());
    }

    #[test]
    fn one_count_for_all_still_makes_room() {
        let mut table = HeavyHitters::new(2);
        for i in 0..100 {
            table.count(i, false, false, || i.to_string());
        }
        assert!(table.len() <= 2 && !table.is_empty());
    }
}
