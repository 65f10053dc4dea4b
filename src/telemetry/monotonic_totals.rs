//! Monotonic totals: counters for the busiest names, and one for all others as `other`. A series
//! decreases only if the engine has forgotten its name meanwhile, which Prometheus rightly takes
//! for a restart.
//!
//! Which names have a series of their own changes with how busy they are, and Prometheus takes a
//! counter that decreases for a restart. Therefore a new series starts at 0 if there were others:
//! what its name counted as one of them stays in `other`.

use std::collections::BTreeMap;

/// The engine's name for all that have no series of their own.
pub(super) const OTHER: &str = "other";

/// The totals so far.
#[derive(Debug, Default)]
pub(super) struct MonotonicTotals {
    /// Totals of the names with a series of their own.
    named: BTreeMap<String, Account>,
    /// The sum of the engine's counts at the last call, and whether it included `other`.
    all: Count,
    had_others: bool,
    /// The value of the series `other`.
    other: Count,
}

/// Two numbers that only grow: the number of values, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Count {
    pub(super) values: u64,
    pub(super) sum: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// The engine's count.
    told: Count,
    /// The value of the series.
    shown: Count,
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self { values: self.values + other.values, sum: self.sum + other.sum }
    }

    /// The increase since `earlier`; 0 if the engine has forgotten values since.
    fn since(self, earlier: Self) -> Self {
        Self { values: self.values.saturating_sub(earlier.values), sum: (self.sum - earlier.sum).max(0.0) }
    }
}

impl MonotonicTotals {
    /// Takes the engine's current counts of all names, including `other`.
    pub(super) fn take(&mut self, told: &[(&str, Count)]) {
        let all = told.iter().map(|(_, count)| *count).fold(Count::default(), Count::plus);
        let mut named = BTreeMap::new();
        let mut of_named = Count::default();
        for &(name, told) in told.iter().filter(|(name, _)| *name != OTHER) {
            let account = match self.named.get(name) {
                Some(account) if told.values < account.told.values => Account { told, shown: told },
                Some(account) => Account { told, shown: account.shown.plus(told.since(account.told)) },
                // A new name may have been one of the others before, so its series starts at 0.
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

    /// The value of the series for this name.
    pub(super) fn shown(&self, name: &str) -> Count {
        self.named.get(name).map_or(self.other, |account| account.shown)
    }

    /// The value of the series `other`.
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
        // `/b` becomes one of the others, with 3 more: its series ends, and `other` gets only the
        // 3.
        assert_eq!(counts(&[("/a", 12), ("other", 8)]), are(&[("/a", 12), ("other", 3)]));
        // `/b` returns with 2 more, and 4 more came for `/a`, which is now one of the others.
        assert_eq!(counts(&[("/b", 10), ("other", 16)]), are(&[("/b", 0), ("other", 9)]));
        assert_eq!(counts(&[("/b", 15), ("other", 17)]), are(&[("/b", 5), ("other", 10)]));
        // The engine forgets 10 values of the others while 1 comes, and later all of them.
        assert_eq!(counts(&[("/b", 15), ("other", 8)]), are(&[("/b", 5), ("other", 10)]));
        assert_eq!(counts(&[("/b", 15), ("other", 11)]), are(&[("/b", 5), ("other", 13)]));
        assert_eq!(counts(&[("/b", 1)]), are(&[("/b", 1)]));
    }
}
