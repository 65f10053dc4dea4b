//! Running time: the stream's time without its stalls, by which detectors measure.
//!
//! A gap between two events of the whole stream counts only up to the longest gap that a running
//! stream could have: 32 mean gaps (between independent events a longer one has a chance of e⁻³²),
//! but at least 5 s. So a filter that was stopped for an hour has not observed an hour without
//! errors. Cold start: during the first 100 events every gap counts in full.

use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

const MEAN_GAPS: f64 = 32.0;
const COLD_EVENTS: f64 = 100.0;
/// Seconds of a gap that always count.
const LEAST: f64 = 5.0;

/// The running time of a stream, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct RunningTime {
    last: Option<Timestamp>,
    age: f64,
    events: f64,
}

impl RunningTime {
    /// The running time if the next event comes at `now`.
    #[inline]
    #[must_use]
    pub fn age_at(&self, now: Timestamp) -> f64 {
        let Some(last) = self.last else { return 0.0 };
        if now <= last {
            return self.age;
        }
        let limit = if self.events > COLD_EVENTS { (MEAN_GAPS * self.age / self.events).max(LEAST) } else { f64::MAX };
        self.age + now.seconds_since(last).min(limit)
    }

    /// Counts an event at `now` and returns the running time.
    #[inline]
    pub fn advance(&mut self, now: Timestamp) -> f64 {
        if self.last != Some(now) {
            self.age = self.age_at(now);
            self.last = Some(now);
        }
        self.events += 1.0;
        self.age
    }

    /// Called when the stream's clock jumps to `now`. During the cold start the jump is not counted
    /// as a gap, because the first times were wrong; later it counts like any gap.
    pub fn jump(&mut self, now: Timestamp) {
        if self.events <= COLD_EVENTS {
            self.last = Some(now);
        }
    }

    /// The running time at the last event.
    #[must_use]
    pub fn age(&self) -> f64 {
        self.age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_counts_only_as_far_as_it_could_be_a_gap() {
        let mut time = RunningTime::default();
        let at = |seconds: i64| Timestamp::from_seconds(1_000_000 + seconds);
        for second in 0..=1_000 {
            time.advance(at(second));
        }
        assert_eq!(time.age(), 1_000.0);
        // The gap counts as 32 mean gaps of 1 s.
        assert!((time.age_at(at(4_600)) - 1_032.0).abs() < 0.1);
        time.advance(at(4_600));
        assert!((time.age() - 1_032.0).abs() < 0.1);
        // A time before the last event adds nothing.
        assert_eq!(time.advance(at(0)), time.age());
        assert!(time.advance(Timestamp(i64::MAX)) < 1_100.0);
    }

    #[test]
    fn wrong_times_at_the_start_are_no_age() {
        let mut time = RunningTime::default();
        time.advance(Timestamp(0));
        time.jump(Timestamp::from_seconds(1_000_000));
        time.advance(Timestamp::from_seconds(1_000_002));
        assert_eq!(time.age(), 2.0);
    }
}
