//! A realistic log stream with known faults: the services of a small web shop and what goes wrong
//! in them.
//!
//! [`Shop`] is an iterator over JSON events in order of time, which makes them one by one. It is
//! pure: it uses no clock, no files, and no randomness but its seed's, so the same options give the
//! same bytes on every machine. Faults are scheduled ahead ([`Shop::faults`]): none in the first
//! fifth of the stream, and clean time after each. Between faults there are confusers, which only
//! look like faults and must not be reported: a heartbeat, a fixed maintenance list, a batch job
//! that makes progress, a surge of traffic whose errors grow in proportion.

mod catalog;
mod faults;
mod options;
mod plan;
mod rng;
mod schedule;
mod text;
mod traffic;

use serde::Serialize;

use crate::event::time::Timestamp;

pub use options::{FaultKind, OptionError, ShopOptions};
pub use plan::Label;

use plan::Plan;
use schedule::DueItem;
use traffic::Traffic;

/// Seconds before a fault's start and after its end in which events do not count as clean.
const NOT_CLEAN_S: (f64, f64) = (1.0, 120.0);

/// One event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoEvent {
    /// When the event happens; the same instant as its member `timestamp`.
    pub time: Timestamp,
    /// The event as one JSON object, without a newline.
    pub line: String,
}

/// The ground truth of a stream: the contents of a `labels.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Labels {
    /// The kind of background traffic.
    pub base: &'static str,
    /// The seed, as text.
    pub seed: String,
    /// Events made so far.
    pub events: u64,
    /// Those of the events that lie in no fault's span (one second before its start to two minutes
    /// after its end); a finding on one of them is a false alarm.
    pub clean_events: u64,
    /// The faults in order of time, those included that the iterator has not reached yet.
    pub labels: Vec<Label>,
}

/// The stream: an iterator over its events in order of time.
#[derive(Debug)]
pub struct Shop {
    traffic: Traffic,
    seed: u64,
    events: u64,
    clean_events: u64,
    /// Index of the first label whose span the stream has not passed.
    label: usize,
}

impl Shop {
    /// Schedules the faults of a stream, without making any event.
    ///
    /// # Errors
    /// [`OptionError`] for options out of their bounds, or if none of the wanted faults fits. If
    /// only some do not fit, see [`Shop::unplaced`].
    pub fn new(options: ShopOptions) -> Result<Shop, OptionError> {
        options.check()?;
        let plan = Plan::new(&options)?;
        Ok(Shop { traffic: Traffic::new(&options, plan), seed: options.seed, events: 0, clean_events: 0, label: 0 })
    }

    /// The faults of the stream, in order of time; known before the first event.
    #[must_use]
    pub fn faults(&self) -> &[Label] {
        &self.traffic.plan.labels
    }

    /// The wanted kinds that did not fit: the stream is too short for them, or so thin that no
    /// module logs often enough for its silence to be noticed.
    #[must_use]
    pub fn unplaced(&self) -> &[FaultKind] {
        &self.traffic.plan.unplaced
    }

    /// The labels, with the events counted so far; complete once the iterator has ended.
    #[must_use]
    pub fn labels(&self) -> Labels {
        Labels {
            base: "demo",
            seed: self.seed.to_string(),
            events: self.events,
            clean_events: self.clean_events,
            labels: self.faults().to_vec(),
        }
    }

    fn count(&mut self, time: i64) {
        let seconds = time as f64 / 1e9;
        let labels = &self.traffic.plan.labels;
        while labels.get(self.label).is_some_and(|label| label.end + NOT_CLEAN_S.1 < seconds) {
            self.label += 1;
        }
        self.events += 1;
        if labels.get(self.label).is_none_or(|label| seconds < label.start - NOT_CLEAN_S.0) {
            self.clean_events += 1;
        }
    }
}

impl Iterator for Shop {
    type Item = DemoEvent;

    fn next(&mut self) -> Option<DemoEvent> {
        loop {
            match self.traffic.journal.next()? {
                (time, DueItem::Wake(source)) => self.traffic.act(time, source),
                (time, DueItem::Line(line)) => {
                    self.count(time);
                    return Some(DemoEvent { time: Timestamp(time), line });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
