//! From how many false alarms a day are acceptable to the threshold of one test.
//!
//! Of T tests a day that each reject without a fault with a chance of α at most, αT reject falsely:
//! the chance that is given to one is the budget over their number (C. Bonferroni; R. Miller,
//! *Simultaneous Statistical Inference*, 2nd ed., §1.3, there per family, here per day). That holds
//! however the tests depend on each other, and the dependence of windows that overlap only makes it
//! fewer. The budget is of the whole filter and its statistical detectors share it equally. T is
//! what a detector could test: its keys × its windows × the slots of a day. No state.

use crate::engine::finding::DetectorName;

/// Detectors that share the budget of a filter.
const DETECTORS: f64 = DetectorName::STATISTICAL as f64;
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
    /// The whole filter may say something false so many times a day.
    #[must_use]
    pub fn new(false_alarms_per_day: f64) -> Self {
        Self(false_alarms_per_day)
    }

    /// False alarms a day that one detector may have.
    #[must_use]
    pub fn of_detector(self) -> f64 {
        self.0 / DETECTORS
    }

    /// The threshold of one detector's tests where `keys` are each tested in `windows` windows,
    /// once every `every_s` seconds: at most 1e-4, which is what is left of it without anything to
    /// test.
    #[must_use]
    pub fn threshold(self, keys: f64, windows: f64, every_s: f64) -> f64 {
        let tests = keys.max(1.0) * windows.max(1.0) * DAY_S / every_s;
        (self.of_detector() / tests).clamp(f64::MIN_POSITIVE, LAXEST)
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
    fn nothing_makes_it_lax_or_zero() {
        assert_eq!(AlarmBudget::new(1e9).threshold(0.0, 0.0, 5.0), 1e-4);
        assert_eq!(AlarmBudget::new(f64::MAX).threshold(f64::NAN, f64::NAN, 5.0), 1e-4);
        assert!(AlarmBudget::new(1e-300).threshold(1e9, 8.0, 5.0) > 0.0);
    }
}
