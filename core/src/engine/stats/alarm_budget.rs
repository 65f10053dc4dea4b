//! The threshold of one test, from the number of false alarms a day that are acceptable.
//!
//! Of T tests a day that each reject without a fault with a chance of α at most, αT reject falsely:
//! the chance that is given to one is the budget over their number (C. Bonferroni; R. Miller,
//! *Simultaneous Statistical Inference*, 2nd ed., §1.3, there per family, here per day). That holds
//! however the tests depend on each other, and the dependence of overlapping windows only lowers
//! the number. The budget is that of the whole filter, and the kinds of tests of its statistical
//! detectors share it equally, so that all of them together keep to it. T is keys × windows × slots
//! of a day where windows are tested once a slot, and the number of events or pauses where each of
//! these is tested. State: where tests are counted, their number and when counting began.

use crate::engine::finding::DetectorName;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// Kinds of tests that share the budget of a filter.
const SHARES: f64 = DetectorName::KINDS_OF_TESTS as f64;
/// Seconds of a day.
const DAY_S: f64 = 86_400.0;
/// No threshold is laxer than this, however little there is to test.
const LAXEST: f64 = 1e-4;

/// False alarms a day that are accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlarmBudget(f64);

impl Default for AlarmBudget {
    fn default() -> Self {
        Self(1.0)
    }
}

impl AlarmBudget {
    /// A budget of so many false alarms a day for the whole filter.
    #[must_use]
    pub fn new(false_alarms_per_day: f64) -> Self {
        Self(false_alarms_per_day)
    }

    /// False alarms a day that one kind of test may have.
    #[must_use]
    pub fn share(self) -> f64 {
        self.0 / SHARES
    }

    /// The threshold of one detector's tests where `keys` are each tested in `windows` windows,
    /// once every `every_s` seconds: at most 1e-4, which is also the threshold when there is
    /// nothing to test.
    #[must_use]
    pub fn threshold(self, keys: f64, windows: f64, every_s: f64) -> f64 {
        self.threshold_of(keys.max(1.0) * windows.max(1.0) * DAY_S / every_s)
    }

    /// The threshold of one of so many tests a day, with the same limits.
    #[must_use]
    pub fn threshold_of(self, tests: f64) -> f64 {
        (self.share() / tests.max(1.0)).clamp(f64::MIN_POSITIVE, LAXEST)
    }
}

/// How many tests were made, and when counting began.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct TestCount {
    tests: u64,
    began: Option<Timestamp>,
}

impl TestCount {
    /// Counts tests at `now`.
    #[inline]
    pub fn add(&mut self, tests: u64, now: Timestamp) {
        self.tests += tests;
        self.began.get_or_insert(now);
    }

    /// Tests in a day, at the rate so far. The tests of the first hour count as those of a whole
    /// hour, because less time says little about a rate.
    #[must_use]
    pub fn per_day(&self, now: Timestamp) -> f64 {
        let lasted = self.began.map_or(0.0, |began| now.seconds_since(began));
        self.tests as f64 * DAY_S / lasted.max(3_600.0)
    }
}

/// The threshold of a detector whose tests are only as good as their model: at most its own, and
/// less where the budget asks for less. The threshold of an override replaces both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    own: f64,
    in_force: f64,
    follows: bool,
}

impl Threshold {
    /// A threshold of at most `own`.
    #[must_use]
    pub fn at_most(own: f64) -> Self {
        Self { own, in_force: own, follows: true }
    }

    /// The threshold of an override, or this one where the override has none.
    #[must_use]
    pub fn or(self, set: Option<f64>) -> Self {
        set.map_or(self, |own| Self { own, in_force: own, follows: false })
    }

    /// The chance below which a test rejects.
    #[inline]
    #[must_use]
    pub fn value(self) -> f64 {
        self.in_force
    }

    /// Takes what the budget leaves for one test.
    pub fn keep_to(&mut self, budget: f64) {
        if self.follows {
            self.in_force = self.own.min(budget);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thresholds_of_all_tests_of_a_day_add_up_to_the_budget() {
        for (per_day, keys, windows, every_s) in [(1.0, 300.0, 3.0, 5.0), (0.01, 1.0, 1.0, 60.0), (24.0, 1e5, 8.0, 5.0)]
        {
            let threshold = AlarmBudget::new(per_day).threshold(keys, windows, every_s);
            let tests = keys * windows * 86_400.0 / every_s;
            assert!((threshold * tests * 6.0 / per_day - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_threshold_follows_the_budget_down_and_an_override_does_not() {
        let mut usual = Threshold::at_most(1e-9);
        let mut set = usual.or(Some(1e-3));
        for (budget, in_force) in [(1e-4, 1e-9), (1e-12, 1e-12), (1e-8, 1e-9)] {
            usual.keep_to(budget);
            set.keep_to(budget);
            assert_eq!((usual.value(), set.value()), (in_force, 1e-3));
        }
        assert_eq!(usual.or(None), usual);
    }

    #[test]
    fn tests_are_counted_by_the_day() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let mut count = TestCount::default();
        assert_eq!(count.per_day(at(0)), 0.0);
        count.add(3, at(100));
        assert_eq!(count.per_day(at(160)), 72.0);
        count.add(97, at(7_300));
        assert_eq!(count.per_day(at(7_300)), 1_200.0);
        assert_eq!(count.per_day(at(0)), 2_400.0, "a clock that goes back");
    }

    #[test]
    fn nothing_makes_it_lax_or_zero() {
        assert_eq!(AlarmBudget::new(1e9).threshold(0.0, 0.0, 5.0), 1e-4);
        assert_eq!(AlarmBudget::new(f64::MAX).threshold(f64::NAN, f64::NAN, 5.0), 1e-4);
        assert!(AlarmBudget::new(1e-300).threshold(1e9, 8.0, 5.0) > 0.0);
    }
}
