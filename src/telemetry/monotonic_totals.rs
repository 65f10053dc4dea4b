//! Counts of the busiest by name and of the rest as `other`, so that no series ever falls.
//!
//! Which have a series of their own changes with how busy they are, and Prometheus takes a count
//! that falls for a restart. So each series counts from where it begins: what something did as one
//! of the others stays with `other`.

use std::collections::BTreeMap;

/// How the engine calls all together that have no series of their own.
pub(super) const OTHER: &str = "other";

/// How it was counted so far.
#[derive(Debug, Default)]
pub(super) struct MonotonicTotals {
    /// By name, for those with a series of their own.
    named: BTreeMap<String, Account>,
    /// The counts of all when they were looked at last, and whether some had no series of their
    /// own.
    all: Count,
    had_others: bool,
    /// What the series `other` says.
    other: Count,
}

/// Two numbers that only grow: how many values there were, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Count {
    pub(super) values: u64,
    pub(super) sum: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// What the engine says.
    told: Count,
    /// What the series says.
    shown: Count,
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self { values: self.values + other.values, sum: self.sum + other.sum }
    }

    /// What came since `earlier`. What the engine has forgotten meanwhile leaves no trace here.
    fn since(self, earlier: Self) -> Self {
        Self { values: self.values.saturating_sub(earlier.values), sum: (self.sum - earlier.sum).max(0.0) }
    }
}

impl MonotonicTotals {
    /// Takes what the engine says now of each, `other` among them, the counts of all together being
    /// those of all there are.
    pub(super) fn take(&mut self, told: &[(&str, Count)]) {
        let all = told.iter().map(|(_, count)| *count).fold(Count::default(), Count::plus);
        let mut named = BTreeMap::new();
        let mut of_named = Count::default();
        for &(name, told) in told.iter().filter(|(name, _)| *name != OTHER) {
            let account = match self.named.get(name) {
                Some(account) if told.values < account.told.values => Account { told, shown: told },
                Some(account) => Account { told, shown: account.shown.plus(told.since(account.told)) },
                // What was not there may have been one of the others.
                None if self.had_others => Account { told, shown: Count::default() },
                None => Account { told, shown: told },
            };
            let before = self.named.get(name).map_or(Count::default(), |account| account.shown);
            of_named = of_named.plus(account.shown.since(before));
            named.insert(name.to_owned(), account);
        }
        self.other = self.other.plus(all.since(self.all).since(of_named));
        self.had_others = told.iter().any(|(name, _)| *name == OTHER);
        (self.named, self.all) = (named, all);
    }

    /// What the series of this name says.
    pub(super) fn shown(&self, name: &str) -> Count {
        self.named.get(name).map_or(self.other, |account| account.shown)
    }

    /// What found no room for a series of its own.
    pub(super) fn other(&self) -> Count {
        self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_changes_its_place_never_falls_and_nothing_is_counted_twice() {
        let mut totals = MonotonicTotals::default();
        let mut counts = |told: &[(&str, u64)]| {
            let told: Vec<_> = told
                .iter()
                .map(|(name, values)| (*name, Count { values: *values, sum: *values as f64 / 10.0 }))
                .collect();
            totals.take(&told);
            told.iter()
                .map(|(name, _)| {
                    let shown = totals.shown(name);
                    assert!((shown.sum - shown.values as f64 / 10.0).abs() < 1e-9);
                    ((*name).to_owned(), shown.values)
                })
                .collect::<Vec<_>>()
        };
        let are =
            |list: &[(&str, u64)]| list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>();
        assert_eq!(counts(&[("/a", 10), ("/b", 5)]), are(&[("/a", 10), ("/b", 5)]));
        // `/b` becomes one of the others with 3 more: its series ends, and only the 3 are theirs.
        assert_eq!(counts(&[("/a", 12), ("other", 8)]), are(&[("/a", 12), ("other", 3)]));
        // It comes back with 2 more, 4 came for `/a`, which is now one of the others.
        assert_eq!(counts(&[("/b", 10), ("other", 16)]), are(&[("/b", 0), ("other", 9)]));
        assert_eq!(counts(&[("/b", 15), ("other", 17)]), are(&[("/b", 5), ("other", 10)]));
        // The engine forgets 10 values of the others, while 1 comes; then all.
        assert_eq!(counts(&[("/b", 15), ("other", 8)]), are(&[("/b", 5), ("other", 10)]));
        assert_eq!(counts(&[("/b", 15), ("other", 11)]), are(&[("/b", 5), ("other", 13)]));
        assert_eq!(counts(&[("/b", 1)]), are(&[("/b", 1)]));
    }
}
