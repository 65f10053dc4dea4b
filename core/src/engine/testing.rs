//! A little stream for tests: lines in, findings out.

use super::detector::{Detector, DetectorOptions, Event, Prior, Report};
use super::finding::{DetectorName, Finding, NearMiss, State};
use super::incident::{Incidents, Policy};
use super::rules::RuleSet;
use super::template::{TemplateOptions, Templates};
use super::{Engine, EngineOptions, Outcome};
use crate::event::lines::Lines;
pub(crate) use crate::event::roles::tests::names;
use crate::event::time::TimeContext;
use crate::event::{Batch, EventParser, Timestamp};

/// A parser with the default names, in UTC.
pub(crate) fn parser() -> EventParser {
    EventParser::new(names(), "anomalies".into(), TimeContext::new("UTC", 2026).unwrap())
}

/// `text`, cut into lines and looked at.
pub(crate) fn parsed_batch(parser: &mut EventParser, text: &str) -> Batch {
    let mut batch = Batch { filled: text.len(), bytes: text.as_bytes().to_vec(), ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    parser.parse(&mut batch);
    batch
}

/// An engine, and all that it has found.
pub(crate) struct Stream {
    pub(crate) parser: EventParser,
    pub(crate) engine: Engine,
    pub(crate) findings: Vec<Finding>,
    /// What was close to an incident and none, where the options ask for it.
    pub(crate) near_misses: Vec<NearMiss>,
    /// When lines arrive, by the wall clock.
    pub(crate) arrival: Timestamp,
}

impl Stream {
    pub(crate) fn new(options: &EngineOptions) -> Self {
        Self::with_rules(options, RuleSet::empty())
    }

    pub(crate) fn with_rules(options: &EngineOptions, rules: RuleSet) -> Self {
        Self {
            parser: parser(),
            engine: Engine::new(options, rules),
            findings: Vec::new(),
            near_misses: Vec::new(),
            arrival: Timestamp::default(),
        }
    }

    /// Puts one event, as a line; what is found is kept, in order.
    pub(crate) fn line(&mut self, line: &str) {
        let batch = parsed_batch(&mut self.parser, line);
        let mut outcome = Outcome::default();
        self.engine.process(&batch.fields(0), self.arrival, &mut outcome);
        self.findings.append(&mut outcome.before);
        self.findings.append(&mut outcome.findings);
        self.near_misses.append(&mut outcome.near_misses);
    }

    /// What this detector has opened.
    pub(crate) fn opened(&self, detector: DetectorName) -> Vec<&Finding> {
        self.findings.iter().filter(|found| found.state == State::Open && found.detector == detector).collect()
    }
}

/// The usual options, but for what `set` changes of its detectors.
pub(crate) fn with_detectors(set: impl FnOnce(&mut DetectorOptions)) -> EngineOptions {
    let mut options = EngineOptions::default();
    set(&mut options.detector);
    options
}

/// Lets `seconds` pass from `from` on for one detector, without an event: a tick each second.
pub(crate) fn pass(detector: &mut dyn Detector, incidents: &mut Incidents, start: Timestamp, from: i64, seconds: i64) {
    let mut findings = Vec::new();
    for second in from..from + seconds {
        let now = start.saturating_add_nanos(second * 1_000_000_000);
        let moment =
            super::clock::Moment { time: now, now, running: second as f64, arrival: now, outside: false, ahead: 0 };
        detector.tick(moment, &mut Report::new(incidents, &mut findings));
    }
}

/// Puts every record of `batch` through one detector alone, `at` these times.
pub(crate) fn observe(
    detector: &mut dyn Detector,
    batch: &Batch,
    at: impl Fn(usize) -> Timestamp,
    findings: &mut Vec<Finding>,
) {
    observe_into(detector, batch, at, &mut Incidents::new(Policy::default(), 1_000), findings);
}

/// The same with incidents of the caller's own.
pub(crate) fn observe_into(
    detector: &mut dyn Detector,
    batch: &Batch,
    at: impl Fn(usize) -> Timestamp,
    incidents: &mut Incidents,
    findings: &mut Vec<Finding>,
) {
    let (mut templates, mut merges) = (Templates::new(100_000, &TemplateOptions::default()), Vec::new());
    for i in 0..batch.records.len() {
        let (fields, time) = (batch.fields(i), at(i));
        let template = templates.see(&fields, time, &mut merges);
        let running = time.seconds_since(at(0));
        let moment = super::clock::Moment { time, now: time, running, arrival: time, outside: false, ahead: 0 };
        let mut report = Report::new(incidents, findings);
        let stack = super::stack_trace::in_field(&fields);
        let event = Event { fields, moment, template, templates: &templates, stack: stack.as_ref() };
        detector.observe(&event, &Prior::default(), &mut report);
    }
}

/// What was measured is of one moment in each of these findings of one incident: all of it goes on
/// together, and the score follows the chance.
#[track_caller]
pub(crate) fn assert_goes_on_together(findings: &[Finding]) {
    let score_of = |p: f64| crate::engine::finding::score_of(p.ln());
    for finding in findings {
        let p = finding.measured.p_value.unwrap();
        assert!((finding.score - score_of(p)).abs() < 0.01, "{} for {p:e}", finding.score);
    }
    let said: Vec<_> = findings.iter().filter(|finding| finding.state != State::Resolved).collect();
    assert!(said.len() >= 3, "it was said {} times only", said.len());
    for pair in said.windows(2) {
        let [before, after] = [&pair[0].measured, &pair[1].measured];
        assert!(after.window_s > before.window_s && after.samples > before.samples, "{before:?} {after:?}");
        assert!(after.p_value < before.p_value || after.p_value == Some(1e-300), "{before:?} {after:?}");
    }
}
