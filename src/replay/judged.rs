//! From when on detectors have judged what they could not judge from the first line on.

use super::document::{JudgedPart, Rfc3339};
use crate::engine::clock::StreamClock;
use crate::engine::detector::DetectorOptions;
use crate::engine::detector::judged::JudgedFrom;
use crate::engine::finding::DetectorName;
use crate::event::Timestamp;

/// What waits for its time, and when it came.
#[derive(Clone, Debug, Default)]
pub struct JudgedTimes {
    parts: Vec<(DetectorName, JudgedFrom, Option<Timestamp>)>,
    /// The age of the stream, in seconds, at which the next is due.
    next_s: f64,
}

impl JudgedTimes {
    /// Nothing has been judged yet.
    #[must_use]
    pub fn new(options: &DetectorOptions) -> Self {
        let watching = options.judged().into_iter().filter(|(_, watches, _)| *watches);
        let parts = watching.flat_map(|(name, _, judged)| judged.into_iter().map(move |judged| (name, judged, None)));
        let parts = parts.filter(|(_, judged, _)| judged.misses_the_start()).collect();
        Self { parts, next_s: 0.0 }
    }

    /// An event has come.
    #[inline]
    pub fn event(&mut self, clock: &StreamClock) {
        if clock.age() >= self.next_s {
            self.advance(clock.age(), clock.now());
        }
    }

    #[cold]
    fn advance(&mut self, age: f64, now: Timestamp) {
        self.next_s = f64::INFINITY;
        for (_, judged, from) in self.parts.iter_mut().filter(|(.., from)| from.is_none()) {
            let after = judged.after.seconds();
            if age >= after {
                *from = Some(now);
            } else {
                self.next_s = self.next_s.min(after);
            }
        }
    }

    /// The result, in the order in which the parts were judged.
    #[must_use]
    pub fn told(mut self) -> Vec<JudgedPart> {
        self.parts.sort_by_key(|(_, judged, _)| judged.after.0);
        let part = |(detector, judged, from): (DetectorName, JudgedFrom, Option<Timestamp>)| JudgedPart {
            detector: detector.name(),
            what: judged.what,
            after_s: judged.after.seconds(),
            from: from.map(Rfc3339),
        };
        self.parts.into_iter().map(part).collect()
    }
}
