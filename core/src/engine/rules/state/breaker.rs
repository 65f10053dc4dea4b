//! Switches off a rule that keeps failing, and tries it again later, by the events' time.

use serde::{Deserialize, Serialize};

/// Failures in a row that switch a rule off.
const FAILURES: u32 = 100;
/// The first pause: 60 s, in nanoseconds. It doubles with each trial that fails.
const FIRST_PAUSE: i64 = 60_000_000_000;
/// The longest pause: 1 h.
const LONGEST_PAUSE: i64 = 3_600_000_000_000;

/// The state of one rule's breaker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Breaker {
    failures: u32,
    /// The last pause, in nanoseconds; 0 while the rule is on.
    pause: i64,
    /// When the rule is tried again.
    until: i64,
}

impl Breaker {
    /// True while the rule may run: it is on, or its pause is over at `now` and this event is the
    /// trial.
    pub(crate) fn allows(&self, now: i64) -> bool {
        // A clock that jumped back by more than the pause would keep the rule off for as long: then
        // it is tried too.
        self.pause == 0 || now >= self.until || now < self.until.saturating_sub(2 * self.pause)
    }

    /// True while the rule is on.
    pub(crate) fn is_on(&self) -> bool {
        self.pause == 0
    }

    /// It ran to its end.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It failed. Gives the pause in nanoseconds if that switches it off.
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
