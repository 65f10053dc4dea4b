//! When a server that did not answer is tried again: exponential backoff with jitter, then a
//! circuit breaker.
//!
//! After the n-th failure in a row the next try waits between half and all of 2^(n−1) seconds, at
//! most one minute, so that a server that is back hears within a minute; a server that asks for
//! more (`Retry-After`) is given up to five. The spread keeps many filters from coming back at once
//! ("equal jitter": M. Brooker, *Exponential Backoff and Jitter*, 2015). From the fifth failure on
//! the breaker is open: a try then is a probe with one message, and what comes meanwhile waits. One
//! answer closes it.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The longest that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// Failures in a row that open it.
const OPENS_AT: u32 = 5;

/// How a server has answered lately.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// The moment before which nothing is tried; none when nothing stands against it.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether the last try failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.failures >= OPENS_AT
    }

    /// It answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It did not answer at `now`, or said after how long to come back. `jitter` is from 0 to 1.
    pub fn failed(&mut self, now: Instant, jitter: f64, retry_after: Option<Duration>) {
        let full = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let wait = full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        self.until = Some(now + wait.max(retry_after.unwrap_or_default().min(LONGEST_ASKED)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_one_minute_and_an_answer_ends_them() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let mut waits = Vec::new();
        for i in 0..12 {
            assert_eq!(breaker.is_open(), i >= 5);
            breaker.failed(now, 1.0, None);
            waits.push((breaker.until().unwrap() - now).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
        breaker.succeeded();
        assert!(!breaker.is_open() && breaker.until().is_none());
        breaker.failed(now, 0.0, None);
        assert_eq!(breaker.until().unwrap() - now, Duration::from_millis(500));
        breaker.failed(now, 0.0, Some(Duration::from_secs(7)));
        assert_eq!(breaker.until().unwrap() - now, Duration::from_secs(7));
        (0..100).for_each(|_| breaker.failed(now, 0.5, Some(Duration::from_secs(1 << 40))));
        assert_eq!(breaker.until().unwrap() - now, LONGEST_ASKED);
    }
}
