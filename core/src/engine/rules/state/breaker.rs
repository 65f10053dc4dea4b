//! A circuit breaker: switches a rule off when it keeps failing and retries it later, by event
//! time.

use serde::{Deserialize, Serialize};

/// Consecutive failures that switch a rule off.
const FAILURES: u32 = 100;
/// The first pause: 60 s, in nanoseconds. It doubles with each failed retry.
const FIRST_PAUSE: i64 = 60_000_000_000;
/// The longest pause: 1 h, in nanoseconds.
const LONGEST_PAUSE: i64 = 3_600_000_000_000;

/// The circuit breaker of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Breaker {
    failures: u32,
    /// The last pause, in nanoseconds; 0 while the rule is on.
    pause: i64,
    /// When the rule is retried, in nanoseconds of event time.
    until: i64,
}

impl Breaker {
    /// True when the rule may run at `now`: it is on, or its pause is over and this event is the
    /// retry.
    pub(crate) fn allows(&self, now: i64) -> bool {
        // If the clock jumps back by more than a pause, the rule is retried at once: otherwise it
        // would stay off until the clock has caught up.
        self.pause == 0 || now >= self.until || now < self.until.saturating_sub(2 * self.pause)
    }

    /// True while the rule is on.
    pub(crate) fn is_on(&self) -> bool {
        self.pause == 0
    }

    /// Records a run without an error, which switches the rule on.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Records a failed run. Returns the pause in nanoseconds if it switches the rule off.
    pub(crate) fn failed(&mut self, now: i64) -> Option<i64> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES {
            return None;
        }
        self.pause = if self.pause == 0 { FIRST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        self.until = now.saturating_add(self.pause);
        Some(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn a_rule_is_off_after_a_hundred_failures_in_a_row_and_tried_again() {
        let mut breaker = Breaker::default();
        for _ in 0..99 {
            assert_eq!(breaker.failed(0), None);
        }
        assert!(breaker.is_on());
        assert_eq!(breaker.failed(0), Some(60 * S));
        assert!(!breaker.is_on() && !breaker.allows(59 * S) && breaker.allows(60 * S));
        let pauses: Vec<i64> = (0..7).filter_map(|_| breaker.failed(60 * S)).map(|pause| pause / S).collect();
        assert_eq!(pauses, [120, 240, 480, 960, 1920, 3600, 3600]);
        breaker.succeeded();
        assert!(breaker.is_on() && breaker.allows(0));
        assert_eq!(breaker.failed(0), None);
    }

    #[test]
    fn one_success_starts_the_row_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 0..99 {
                breaker.failed(0);
            }
            breaker.succeeded();
        }
        assert!(breaker.is_on());
    }
}
