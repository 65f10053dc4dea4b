//! The time that a detector sees: the stream's, without its stalls.
//!
//! Of a gap between two events of the whole stream only so much counts as could be a gap of a
//! stream that runs: 32 mean gaps (e⁻³² is the chance of such a gap between independent events),
//! and at least 5 s. A filter that was stopped for an hour has not seen an hour without errors.
//! Cold start: the first 100 events take every gap as it is.

use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

const MEAN_GAPS: f64 = 32.0;
const COLD_EVENTS: f64 = 100.0;
/// Seconds of any gap that count.
const LEAST: f64 = 5.0;

/// Seconds that the stream has run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct RunningTime {
    last: Option<Timestamp>,
    age: f64,
    events: f64,
}

impl RunningTime {
    /// Seconds that the stream will have run if the next event comes at `now`.
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

    /// Takes an event that comes at `now`; the seconds that the stream has run.
    #[inline]
    pub fn advance(&mut self, now: Timestamp) -> f64 {
        if self.last != Some(now) {
            self.age = self.age_at(now);
            self.last = Some(now);
        }
        self.events += 1.0;
        self.age
    }

    /// The stream's time is believed to be `now` after all. Of a stream that has only begun, what
    /// lies between is no gap: its first times were wrong. Later it is one like any other.
    pub fn jump(&mut self, now: Timestamp) {
        if self.events <= COLD_EVENTS {
            self.last = Some(now);
        }
    }

    /// Seconds that it has run.
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
        // 32 mean gaps of a second.
        assert!((time.age_at(at(4_600)) - 1_032.0).abs() < 0.1);
        time.advance(at(4_600));
        assert!((time.age() - 1_032.0).abs() < 0.1);
        // Back in time: nothing passes.
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
