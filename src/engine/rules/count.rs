//! What `count` remembers: one window a key, one such table for each rule and call site.

use super::Budget;
use super::keyed::Keyed;
use super::window::Window;
use serde::{Deserialize, Serialize};

/// The windows of one call of `count` in one rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    keys: Keyed<Window>,
    /// Over all keys, so that a few busy keys cannot take what many quiet ones may.
    instants: usize,
    evictions: u64,
}

/// [`Counts`] as it is written down: the key touched longest ago first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CountsSnapshot {
    evictions: u64,
    keys: Vec<(String, Window)>,
}

impl Counts {
    /// Adds an event of `key` and gives the number in (`time` − `length`, `time`]. Nanoseconds.
    pub(super) fn add(&mut self, key: &str, time: i64, length: i64, budget: &Budget) -> u64 {
        // Two at a time: the table gives up what is over at twice the rate at which it can grow.
        for _ in 0..2 {
            if !self.keys.oldest().is_some_and(|window| window.is_over(time)) {
                break;
            }
            self.remove_oldest();
        }
        let window = self.keys.touch(key);
        let before = window.held();
        let count = window.add(time, length);
        self.instants = self.instants + window.held() - before;
        self.evict(budget);
        count
    }

    /// Forgets what it counted for `key`.
    pub(super) fn reset(&mut self, key: &str) {
        if let Some(window) = self.keys.remove(key) {
            self.instants -= window.held();
        }
    }

    /// Forgets what it counted.
    pub(super) fn clear(&mut self) {
        self.keys = Keyed::default();
        self.instants = 0;
    }

    /// How many keys it holds.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many keys had to go before their time.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    pub(super) fn snapshot(&self) -> CountsSnapshot {
        CountsSnapshot {
            evictions: self.evictions,
            keys: self.keys.iter().map(|(key, window)| (key.to_owned(), window.clone())).collect(),
        }
    }

    pub(super) fn restored(snapshot: CountsSnapshot, budget: &Budget) -> Self {
        let mut counts = Self { evictions: snapshot.evictions, ..Self::default() };
        for (key, window) in snapshot.keys {
            counts.instants += window.held();
            *counts.keys.touch(&key) = window;
        }
        counts.evict(budget);
        counts
    }

    fn evict(&mut self, budget: &Budget) {
        while self.keys.len() > budget.keys.max(1) || (self.instants > budget.instants && self.keys.len() > 1) {
            self.remove_oldest();
            self.evictions += 1;
        }
    }

    fn remove_oldest(&mut self) {
        if let Some(window) = self.keys.remove_oldest() {
            self.instants -= window.held();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn a_full_table_evicts_the_key_untouched_for_longest_and_counts_it() {
        let budget = Budget { keys: 2, ..Budget::default() };
        let mut counts = Counts::default();
        for (key, expected) in [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3), ("b", 1)] {
            assert_eq!(counts.add(key, 0, S, &budget), expected, "{key}");
        }
        assert_eq!((counts.len(), counts.evictions()), (2, 2));
    }

    #[test]
    fn what_is_over_goes_uncounted() {
        let mut counts = Counts::default();
        for i in 0..1000 {
            counts.add(&i.to_string(), i * S, 10 * S, &Budget::default());
        }
        assert!(counts.len() <= 11, "{}", counts.len());
        assert_eq!(counts.evictions(), 0);
    }

    #[test]
    fn busy_keys_share_one_budget_of_instants() {
        let budget = Budget { instants: 1000, ..Budget::default() };
        let mut counts = Counts::default();
        for i in 0..10_000 {
            counts.add(["a", "b", "c"][i as usize % 3], i, S, &budget);
            assert!(counts.instants <= 1100);
        }
        assert!(counts.evictions() > 0);
        counts.clear();
        assert_eq!((counts.len(), counts.instants), (0, 0));
    }
}
