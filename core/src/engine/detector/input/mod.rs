//! The input itself: it has stalled, or the clock of one of its sources is off.
//!
//! *Stalled*: it is open, and nothing arrives. Only the wall clock can tell, and only while the
//! input is live. The pause since the last arrival is tested against the tail of the pauses between
//! arrivals so far (`stats::gap_tail`). The pause must also last a minute, and twice the longest
//! pause so far. The incident ends when something arrives. A pause of this length is learned when
//! it came twice, for an input with office hours.
//!
//! A process that was stopped, or waited for its reader, cannot say that its input was idle: of the
//! time between two readings of the clock, at most five seconds count. Memory: 80 bytes. Cold
//! start: ten minutes from the first arrival, 50 arrivals, and ten times the limit; after a restart
//! what was learned holds.
//!
//! *Clock*: the stream's clock knows by how much each source is off (`engine/clock`). An offset of
//! half a minute or more that has been steady for a minute opens an incident, one for each source.
//! It ends with the first event of the source that is right again, or after a day without events
//! (`clocks.rs`). Memory: 24 bytes a source that is off.

mod clocks;
mod options;

use super::options::SharedOptions;
use super::{Detector, Event, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::{
    DetectorName, Evidence, InputEvidence, Key, Measured, Severity, p_of, round, score_of, test, unit,
};
use crate::engine::incident::{IncidentId, Opening};
use crate::engine::snapshot::Stateful;
use crate::engine::stats::gap_tail::GapTail;
use crate::event::Timestamp;
use crate::human_duration::HumanDuration;
use clocks::Clocks;
pub use options::InputOptions;
use serde::{Deserialize, Serialize};

/// Most seconds that count between two readings of the clock.
const STEP_S: f64 = 5.0;
/// How long things must have arrived before a pause is tested.
const WARM_UP: HumanDuration = HumanDuration::from_secs(600);

/// The detector.
#[derive(Debug)]
pub struct Input {
    options: InputOptions,
    state: InputState,
    /// When the wall clock was read last. Not kept: the clock of another process says nothing.
    looked: Option<Timestamp>,
}

/// What a restart should know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InputState {
    gaps: GapTail,
    /// Counted seconds since the last arrival.
    idle: f64,
    /// Counted seconds since the first arrival.
    age: f64,
    stalled: Option<IncidentId>,
    /// Stalls that have ended, and the longest of them in seconds.
    stalls: u32,
    longest: f64,
    /// Sources whose clocks are off.
    #[serde(default)]
    clocks: Clocks,
}

impl Registered for Input {
    type Options = InputOptions;

    fn new(options: &InputOptions, _: SharedOptions) -> Self {
        Self { options: options.clone(), state: InputState::default(), looked: None }
    }
}

impl Input {
    fn look_at_the_clock(&mut self, now: Timestamp) {
        let step = self.looked.map_or(0.0, |last| now.seconds_since(last).clamp(0.0, STEP_S));
        self.looked = Some(now);
        self.state.idle += step;
        self.state.age += step;
    }

    /// Something arrived after a pause.
    fn arrived(&mut self, now: Timestamp, report: &mut Report<'_>) {
        let idle = std::mem::take(&mut self.state.idle);
        let Some(id) = self.state.stalled.take() else {
            self.state.gaps.add(idle as f32);
            return;
        };
        self.state.stalls = self.state.stalls.saturating_add(1);
        self.state.longest = self.state.longest.max(idle);
        let gaps = &self.state.gaps;
        let (samples, ln_p, longest_s) = (gaps.gaps().into(), gaps.ln_p(idle), gaps.longest());
        // The stall lasted until now.
        report.incidents.join(id, 0, None, now, report.findings);
        report.incidents.resolve_updated(id, 0.0, now, report.findings, |known, _| {
            known.update(idle.round(), idle.round(), samples, ln_p);
            if let Evidence::Input(evidence) = &mut known.evidence {
                (evidence.idle_s, evidence.longest_s) = (idle, longest_s);
            }
        });
    }
}

impl Stateful for Input {
    type State = InputState;

    fn state(&self) -> InputState {
        self.state.clone()
    }

    fn resume(&mut self, state: InputState) {
        self.state = state;
        self.looked = None;
    }
}

impl Detector for Input {
    fn name(&self) -> DetectorName {
        DetectorName::Input
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, _: &Prior, report: &mut Report<'_>) {
        let arrival = event.moment.arrival;
        // All events of one read arrive at the same instant.
        if self.looked != Some(arrival) {
            self.look_at_the_clock(arrival);
            self.arrived(event.moment.now, report);
        }
        if event.moment.ahead != 0 || !self.state.clocks.is_empty() {
            self.state.clocks.observe(event, report);
        }
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        if !self.state.clocks.is_empty() {
            self.state.clocks.tick(moment, report);
        }
    }

    fn idle(&mut self, moment: Moment, report: &mut Report<'_>) {
        self.look_at_the_clock(moment.arrival);
        let (idle, gaps) = (self.state.idle, &self.state.gaps);
        if let Some(id) = self.state.stalled {
            if !report.incidents.is_open(id) {
                self.state.stalled = None;
                self.state.idle = 0.0;
            }
            return;
        }
        let habit = if self.state.stalls >= 2 { 2.0 * self.state.longest } else { 0.0 };
        let limit = gaps.limit(self.options.threshold).max(self.options.least.seconds()).max(habit);
        if idle < limit || self.state.age - idle < WARM_UP.seconds().max(10.0 * limit) {
            return;
        }
        let ln_p = gaps.ln_p(idle);
        let measured = Measured {
            observed: round(idle, 1),
            expected: Some(round(gaps.longest(), 3)),
            unit: unit::SECONDS.into(),
            test: test::PAUSES.into(),
            threshold: Some(self.options.threshold),
            p_value: Some(p_of(ln_p)),
            samples: gaps.gaps().into(),
            window_s: Some(round(idle, 1)),
        };
        let evidence = InputEvidence { limit_s: round(limit, 1), idle_s: idle, longest_s: gaps.longest() };
        let opening = Opening {
            detector: DetectorName::Input,
            kind: "stalled".into(),
            rule: None,
            severity: Severity::Warning,
            key: Key(vec![("input".into(), "all".into())]),
            count: 1,
            score: score_of(ln_p),
            measured,
            evidence: Evidence::Input(evidence),
            worst: None,
            cause: None,
            remedy: None,
            context: Vec::new(),
        };
        self.state.stalled = Some(report.incidents.open(opening, moment.now, report.findings));
    }

    fn tables(&self) -> Vec<TableUse> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
