//! A realistic log stream with known faults: the services of a small web shop at work, and what
//! goes wrong with them.
//!
//! [`Shop`] is an iterator over JSON events in order of time, made one by one. It is pure: no
//! clock, no files, no other randomness than its seed's, and the same options give the same bytes
//! on every machine. Its faults are scheduled ahead ([`Shop::faults`]): none in the stream's first
//! fifth, and clean time behind each. Between them come things that only look like faults, on which
//! nothing may be reported: a heartbeat, a fixed maintenance list, a batch job that makes progress,
//! a surge of traffic with its errors in proportion.

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

/// Seconds before a fault's start and after its end in which an event does not count as clean.
const NOT_CLEAN_S: (f64, f64) = (1.0, 120.0);

/// One event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoEvent {
    /// When it happens; the same instant as its member `timestamp`.
    pub time: Timestamp,
    /// The event as one JSON object, without a newline.
    pub line: String,
}

/// What is known of a stream: the contents of a `labels.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Labels {
    /// Where the background comes from.
    pub base: &'static str,
    /// The seed, as text.
    pub seed: String,
    /// Events made so far.
    pub events: u64,
    /// Those of them in no fault's span (one second before its start to two minutes after its end),
    /// where a finding is a false alarm.
    pub clean_events: u64,
    /// The faults, in order of time; those that the iterator has not come to yet as well.
    pub labels: Vec<Label>,
}

/// The stream: an iterator over its events in order of time.
#[derive(Debug)]
pub struct Shop {
    traffic: Traffic,
    seed: u64,
    events: u64,
    clean_events: u64,
    /// The first label whose span the stream has not passed.
    label: usize,
}

impl Shop {
    /// Schedules the faults of a stream. No event is made yet.
    ///
    /// # Errors
    /// [`OptionError`] for options out of their bounds, or where none of the faults wanted finds
    /// room. Where some do not, see [`Shop::unplaced`].
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

    /// The kinds that were wanted and found no room: the stream is too short for them, or so thin
    /// that no module speaks often enough to be missed when it is silent.
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
