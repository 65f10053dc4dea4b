//! Helpers for tests: lines in, findings out.

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

/// A parser with the default names and UTC.
pub(crate) fn parser() -> EventParser {
    EventParser::new(names(), "anomalies".into(), TimeContext::new("UTC", 2026).unwrap())
}

/// `text`, cut into lines and parsed.
pub(crate) fn parsed_batch(parser: &mut EventParser, text: &str) -> Batch {
    let mut batch = Batch { filled: text.len(), bytes: text.as_bytes().to_vec(), ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    parser.parse(&mut batch);
    batch
}

/// An engine and everything that it found.
pub(crate) struct Stream {
    pub(crate) parser: EventParser,
    pub(crate) engine: Engine,
    pub(crate) findings: Vec<Finding>,
    /// Near misses, where the options ask for them.
    pub(crate) near_misses: Vec<NearMiss>,
    /// The wall-clock time at which lines arrive.
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

    /// Processes one line and stores its findings in order.
    pub(crate) fn line(&mut self, line: &str) {
        let batch = parsed_batch(&mut self.parser, line);
        let mut outcome = Outcome::default();
        self.engine.process(&batch.fields(0), self.arrival, &mut outcome);
        self.findings.append(&mut outcome.before);
        self.findings.append(&mut outcome.findings);
        self.near_misses.append(&mut outcome.near_misses);
    }

    /// Findings with which this detector opened incidents.
    pub(crate) fn opened(&self, detector: DetectorName) -> Vec<&Finding> {
        self.findings.iter().filter(|found| found.state == State::Open && found.detector == detector).collect()
    }
}

/// The default options, with the detectors changed by `set`, and each incident told for itself.
pub(crate) fn with_detectors(set: impl FnOnce(&mut DetectorOptions)) -> EngineOptions {
    let mut options = EngineOptions::default();
    options.situation.enabled = false;
    set(&mut options.detector);
    options
}

/// Ticks one detector once a second for `seconds`, starting `from` seconds after `start`, without
/// events.
pub(crate) fn pass(detector: &mut dyn Detector, incidents: &mut Incidents, start: Timestamp, from: i64, seconds: i64) {
    let mut findings = Vec::new();
    for second in from..from + seconds {
        let now = start.saturating_add_nanos(second * 1_000_000_000);
        let moment =
            super::clock::Moment { time: now, now, running: second as f64, arrival: now, outside: false, ahead: 0 };
        detector.tick(moment, &mut Report::new(incidents, &mut findings));
    }
}

/// Passes every record of `batch` through one detector alone, at the times given by `at`.
pub(crate) fn observe(
    detector: &mut dyn Detector,
    batch: &Batch,
    at: impl Fn(usize) -> Timestamp,
    findings: &mut Vec<Finding>,
) {
    observe_into(detector, batch, at, &mut Incidents::new(Policy::default(), 1_000), findings);
}

/// As [`observe`], with incidents of the caller.
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

/// Checks that the measured values in the findings of one incident grow together, and that the
/// score follows the p-value.
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
