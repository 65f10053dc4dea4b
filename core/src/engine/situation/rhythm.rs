//! How long a situation must be quiet before it is said to be over, and how often it has come back.
//!
//! A first quiet time is half of what the situation has lasted, from one to five minutes. One that
//! has come back must be quiet for twice its longest pause. A pause of more than five minutes is no
//! flapping: what comes after it is told anew, as a new incident of the situation.

use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds of the first quiet time, at least and at most.
const QUIET_S: (f64, f64) = (60.0, 300.0);
/// Share of what it has lasted.
const SHARE: f64 = 0.5;
/// Pauses that must pass of one that has come back.
const PAUSES: f64 = 2.0;
/// Longer pauses, in seconds, do not count.
const LONGEST_S: f64 = 300.0;

/// The rhythm of a situation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Rhythm {
    /// When it began first, and when it began last.
    first: Timestamp,
    began: Timestamp,
    /// Seconds of its longest pause.
    longest_pause_s: f64,
    /// How often it has come back.
    pub(super) returns: u32,
}

impl Rhythm {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { first: now, began: now, longest_pause_s: 0.0, returns: 0 }
    }

    /// It comes back at `now`, after it was last heard at `heard`.
    pub(super) fn come_back(&mut self, heard: Timestamp, now: Timestamp) {
        let pause_s = now.seconds_since(heard);
        if pause_s <= LONGEST_S {
            self.longest_pause_s = self.longest_pause_s.max(pause_s);
        }
        self.returns = self.returns.saturating_add(1);
        self.began = now;
    }

    /// Seconds since it began last.
    pub(super) fn age_s(&self, now: Timestamp) -> f64 {
        now.seconds_since(self.began)
    }

    /// Seconds from one beginning to the next, on the average; none before it has come back.
    pub(super) fn period_s(&self) -> Option<f64> {
        (self.returns > 0).then(|| self.began.seconds_since(self.first).max(0.0) / f64::from(self.returns))
    }

    /// Seconds without anything after which it is over, when it was last heard at `heard`.
    pub(super) fn quiet_s(&self, heard: Timestamp) -> f64 {
        let lasted = heard.seconds_since(self.began).max(0.0);
        let first = (SHARE * lasted).clamp(QUIET_S.0, QUIET_S.1);
        first.max(PAUSES * self.longest_pause_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_quiet_time_fits_what_it_has_lasted() {
        let rhythm = Rhythm::new(at(1_000));
        for (heard, quiet) in [(1_000, 60.0), (1_100, 60.0), (1_300, 150.0), (10_000, 300.0), (0, 60.0)] {
            assert_eq!(rhythm.quiet_s(at(heard)), quiet, "{heard}");
        }
        assert_eq!(rhythm.period_s(), None);
    }

    #[test]
    fn what_comes_back_must_be_quiet_for_longer() {
        let mut rhythm = Rhythm::new(at(0));
        for round in 1..=3 {
            rhythm.come_back(at(300 * round - 180), at(300 * round));
        }
        assert_eq!((rhythm.returns, rhythm.period_s()), (3, Some(300.0)));
        assert_eq!(rhythm.quiet_s(at(1_020)), 360.0);
        rhythm.come_back(at(1_020), at(9_000));
        assert_eq!(rhythm.quiet_s(at(9_100)), 360.0);
    }
}
