//! Watches a running pipeline: hands its counts to the metrics once a batch, and its asides to the log.

use super::metrics::Metrics;
use crate::engine::finding::{DetectorName, Finding, Severity};
use crate::engine::{Engine, Outcome};
use crate::event::{Fault, Timestamp};
use crate::io::clock;
use crate::io::log::Log;
use crate::io::sink::{SinkFailure, Sinks};
use crate::io::state::StateWriter;
use crate::pipeline::Observer;
use crate::prose::plain;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Operations that metrics show by name.
const OPERATIONS: usize = 100;
/// Seconds between two looks at operations, which take longer than all else here.
const OPERATIONS_S: f64 = 5.0;

/// The observer of `seismolog run`.
#[derive(Debug)]
pub struct Watcher {
    metrics: Option<Arc<Metrics>>,
    log: Log,
    sinks: Sinks,
    /// Evictions and late events are told as totals; metrics take what came since.
    evictions: BTreeMap<&'static str, u64>,
    late: u64,
    merged: u64,
    rules: BTreeMap<String, (u64, u64)>,
    /// When operations were looked at last.
    operations: Timestamp,
    state: Option<Keeping>,
}

/// What is kept of the engine, and when.
#[derive(Debug)]
struct Keeping {
    writer: StateWriter,
    interval_s: f64,
    /// When it was last written.
    written: Timestamp,
}

impl Watcher {
    /// A watcher; without metrics only the log is told.
    #[must_use]
    pub fn new(metrics: Option<Arc<Metrics>>, log: Log) -> Self {
        if let Some(metrics) = &metrics {
            // A counter that is not there yet has no rate: every kind begins at 0.
            Fault::ALL.iter().for_each(|fault| metrics.add_faults(fault.name(), 0));
        }
        let (evictions, rules) = (BTreeMap::new(), BTreeMap::new());
        let operations = Timestamp::default();
        Self { metrics, log, sinks: Sinks::default(), evictions, late: 0, merged: 0, rules, operations, state: None }
    }

    /// The same with sinks, to which every finding goes.
    #[must_use]
    pub fn with_sinks(mut self, sinks: Sinks) -> Self {
        self.sinks = sinks;
        self
    }

    /// The same with a place for the engine's state, to which it goes every `interval` and at the end.
    #[must_use]
    pub fn with_state(mut self, writer: Option<StateWriter>, interval: Duration) -> Self {
        let (interval_s, written) = (interval.as_secs_f64(), clock::now());
        self.state = writer.map(|writer| Keeping { writer, interval_s, written });
        self
    }

    fn blame(&self, failures: Vec<SinkFailure>) {
        for failure in failures {
            if let Some(metrics) = &self.metrics {
                metrics.add_faults(Fault::Sink.name(), 1);
            }
            self.log.say_seldom(&failure.sink, &format!("{} ({failure})", Fault::Sink.explain()));
        }
    }

    fn count(&mut self, metrics: &Metrics, engine: &mut Engine) {
        let tally = engine.take_tally();
        metrics.add_events(&tally.events);
        for (fault, &count) in Fault::ALL.iter().zip(&tally.faults).filter(|(_, count)| **count > 0) {
            metrics.add_faults(fault.name(), count);
        }
        for (detector, by_severity) in DetectorName::ALL.iter().zip(&tally.opened) {
            for (severity, &opened) in Severity::ALL.iter().zip(by_severity).filter(|(_, opened)| **opened > 0) {
                metrics.add_findings(detector.name(), severity.name(), opened);
            }
        }
        for (detector, open) in DetectorName::ALL.iter().zip(engine.incidents().open_by_detector()) {
            metrics.set_open_incidents(detector.name(), open);
        }
        for table in engine.tables() {
            metrics.set_table_keys(table.table, table.keys);
            metrics.add_evictions(table.table, since(self.evictions.entry(table.table).or_default(), table.evictions));
        }
        metrics.add_template_merges(since(&mut self.merged, engine.templates().merged()));
        metrics.add_late_events(since(&mut self.late, engine.clock().late_events()));
        if engine.clock().now().0 > 0 {
            metrics.set_watermark_lag(clock::now().seconds_since(engine.clock().watermark()));
        }
        let now = clock::now();
        if now.seconds_since(self.operations) >= OPERATIONS_S {
            self.operations = now;
            metrics.set_operation_durations(&engine.operation_quantiles(OPERATIONS));
        }
        for (rule, tally) in engine.rules().tallies() {
            let (evaluations, failures) = self.rules.entry(rule.to_owned()).or_default();
            let (evaluations, failures) = (since(evaluations, tally.evaluations), since(failures, tally.failures));
            metrics.add_rule_work(rule, evaluations, failures, Duration::ZERO);
            metrics.set_rule_enabled(rule, tally.enabled);
        }
    }
}

/// What came since `last`, which becomes `total`. After a restart of the engine totals begin anew.
fn since(last: &mut u64, total: u64) -> u64 {
    let last = std::mem::replace(last, total);
    total.checked_sub(last).unwrap_or(total)
}

impl Drop for Watcher {
    /// However a run ends, what was found up to there is in the sinks.
    fn drop(&mut self) {
        let failures = self.sinks.finish();
        self.blame(failures);
    }
}

impl Observer for Watcher {
    fn batch(&mut self, engine: &mut Engine, read: usize, written: usize, seconds: f64) {
        let failures = self.sinks.flush();
        self.blame(failures);
        if let Some(keeping) = &mut self.state {
            let now = clock::now();
            // A clock that was set back is no reason to wait.
            if !(0.0..keeping.interval_s).contains(&now.seconds_since(keeping.written)) {
                keeping.written = now;
                keeping.writer.save(engine.snapshot());
            }
        }
        let Some(metrics) = self.metrics.clone() else { return };
        metrics.add_read_bytes(read as u64);
        metrics.add_written_bytes(written as u64);
        if read > 0 {
            metrics.observe_batch(Duration::from_secs_f64(seconds.max(0.0)));
        }
        self.count(&metrics, engine);
    }

    fn ended(&mut self, engine: &Engine) {
        if let Some(keeping) = &mut self.state {
            keeping.writer.save_last(engine.snapshot());
        }
    }

    fn aside(&mut self, outcome: &Outcome) {
        if let Some((fault, detail)) = &outcome.fault {
            let text =
                if detail.is_empty() { fault.explain().to_owned() } else { format!("{}: {detail}", fault.explain()) };
            self.log.say_seldom(fault.name(), &text);
        }
        for line in &outcome.printed {
            self.log.say(line);
        }
        for near in &outcome.near_misses {
            let matter = format!("near miss {}/{} {}", near.detector.name(), near.kind, near.key);
            self.log.say_seldom(&matter, &plain(&near.to_string()));
        }
    }

    fn fault(&mut self, fault: Fault) {
        if let Some(metrics) = &self.metrics {
            metrics.add_faults(fault.name(), 1);
        }
        self.log.say_seldom(fault.name(), fault.explain());
    }

    fn findings(&mut self, findings: &[Finding]) {
        self.sinks.take(findings);
    }

    fn unheard(&mut self, findings: &[Finding]) {
        if !self.sinks.is_empty() {
            return;
        }
        for finding in findings {
            self.log.say(&format!(
                "{} {} {}: {}",
                finding.said_at,
                finding.severity.name(),
                state_of(finding),
                // The log may be a terminal.
                plain(&finding.summary)
            ));
        }
    }
}

fn state_of(finding: &Finding) -> String {
    let state = match finding.state {
        crate::engine::finding::State::Open => "open",
        crate::engine::finding::State::Ongoing => "ongoing",
        crate::engine::finding::State::Resolved => "resolved",
    };
    format!("{}/{} {state}", finding.detector.name(), finding.kind)
}
