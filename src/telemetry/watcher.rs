//! Watches a running pipeline: hands its counts to the metrics once per batch, and its messages to
//! the log.

use super::history::{History, Passed, RuleStatus, SinkStatus, TemplateRow};
use super::metrics::Metrics;
use super::silences::Silences;
use crate::engine::finding::{DetectorName, Finding, Severity, State};
use crate::engine::rules::RuleTally;
use crate::engine::template::TemplateId;
use crate::engine::{Engine, Outcome, Tally};
use crate::event::{Fault, Fields, Role, Timestamp};
use crate::io::clock;
use crate::io::log::Log;
use crate::io::sink::{SinkFailure, SinkReport, Sinks};
use crate::io::state::StateWriter;
use crate::narrate::{Language, near_miss};
use crate::observer::Observer;
use crate::plain::plain;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Most operations with a series of their own.
const OPERATIONS: usize = 100;
/// Most modules with a series of their own.
const MODULES: usize = 100;
/// Most templates that the page shows.
const TEMPLATES: usize = 50;
/// Seconds between two updates of operations, modules and templates, which take longer than all
/// other updates.
const OPERATIONS_S: f64 = 5.0;
/// Seconds between two updates of tables, rules and costs.
const WORK_S: f64 = 0.5;

/// What the endpoint serves while the filter runs.
#[derive(Clone, Debug)]
pub struct Served {
    /// The metrics, for scrapers.
    pub metrics: Arc<Metrics>,
    /// The data of the page.
    pub history: Arc<History>,
}

/// The observer of `seismolog run`.
#[derive(Debug)]
pub struct Watcher {
    served: Option<Served>,
    log: Log,
    /// The language of near misses; findings have their own.
    language: Language,
    sinks: Sinks,
    silences: Arc<Silences>,
    /// Totals at the last update; metrics get the differences.
    told: Told,
    /// When operations were last updated, and when the rest was.
    operations: Timestamp,
    work: Timestamp,
    /// The version of the rules' metrics that was handed on last.
    rule_metrics: u64,
    state: Option<Keeping>,
}

/// Saves the engine's state at an interval.
#[derive(Debug)]
struct Keeping {
    writer: StateWriter,
    interval_s: f64,
    /// When the state was last saved.
    written: Timestamp,
}

#[derive(Debug, Default)]
struct Told {
    evictions: BTreeMap<&'static str, u64>,
    late: u64,
    merged: u64,
    rules: BTreeMap<String, RuleTally>,
    detectors: BTreeMap<DetectorName, u64>,
}

impl Watcher {
    /// A watcher; without `served` it only writes the log.
    #[must_use]
    pub fn new(served: Option<Served>, log: Log) -> Self {
        let (sinks, silences, told) = (Sinks::default(), Arc::default(), Told::default());
        Self {
            served,
            log,
            language: Language::default(),
            sinks,
            silences,
            told,
            operations: Timestamp::default(),
            work: Timestamp::default(),
            rule_metrics: 0,
            state: None,
        }
    }

    /// Sets the language of near misses.
    #[must_use]
    pub fn with_language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Adds the sinks, to which every finding goes.
    #[must_use]
    pub fn with_sinks(mut self, sinks: Sinks) -> Self {
        self.sinks = sinks;
        self
    }

    /// Adds the silences, whose incidents do not alert people.
    #[must_use]
    pub fn with_silences(mut self, silences: Arc<Silences>) -> Self {
        self.silences = silences;
        self
    }

    /// Adds the writer of the engine's state, which is saved every `interval` and at the end.
    #[must_use]
    pub fn with_state(mut self, writer: Option<StateWriter>, interval: Duration) -> Self {
        let (interval_s, written) = (interval.as_secs_f64(), clock::now());
        self.state = writer.map(|writer| Keeping { writer, interval_s, written });
        self
    }

    /// Adds the incidents that an earlier process left open: the page shows them, and sinks whose
    /// receivers would otherwise consider them resolved get them again. Call this after adding
    /// sinks and silences.
    #[must_use]
    pub fn with_still_open(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        let now = clock::now();
        for finding in findings {
            let is_silenced = self.silences.cover(&finding, now);
            self.sinks.take_still_open(&finding, is_silenced);
            if let Some(Served { history, .. }) = &self.served {
                history.finding(&finding, None, is_silenced);
            }
        }
        self
    }

    fn blame(&self, failures: Vec<SinkFailure>) {
        for failure in failures {
            if let Some(Served { metrics, .. }) = &self.served {
                metrics.add_faults(Fault::Sink.name(), 1);
            }
            self.log.say_fault(&failure.sink, &format!("{} ({failure})", Fault::Sink.explain()));
        }
    }

    fn count(&mut self, served: &Served, tally: &Tally) {
        let metrics = &served.metrics;
        metrics.add_events(&tally.events);
        metrics.add_unread(&tally.unread);
        for (fault, &count) in Fault::ALL.iter().zip(&tally.faults).filter(|(_, count)| **count > 0) {
            metrics.add_faults(fault.name(), count);
        }
        for (detector, by_severity) in DetectorName::ALL.iter().zip(&tally.opened) {
            for (severity, &opened) in Severity::ALL.iter().zip(by_severity).filter(|(_, opened)| **opened > 0) {
                metrics.add_findings(detector.name(), severity.name(), opened);
            }
        }
        for (severity, &opened) in Severity::ALL.iter().zip(&tally.situations).filter(|(_, opened)| **opened > 0) {
            metrics.add_situations(severity.name(), opened);
        }
    }

    /// Updates what need not be updated with every batch.
    fn look_at_work(&mut self, served: &Served, engine: &Engine, sinks: Vec<SinkReport>, now: Timestamp) {
        let Served { metrics, history } = served;
        let tables = engine.tables();
        for table in &tables {
            metrics.set_table_keys(table.table, table.keys);
            let told = self.told.evictions.entry(table.table).or_default();
            metrics.add_evictions(table.table, since(told, table.evictions));
        }
        for (detector, ns) in engine.detector_costs() {
            let told = self.told.detectors.entry(detector).or_default();
            metrics.add_detector_cpu(detector, Duration::from_nanos(since(told, ns)));
        }
        metrics.add_template_merges(since(&mut self.told.merged, engine.templates().merged()));
        let mut rules = Vec::new();
        for (rule, tally) in engine.rules().tallies() {
            let last = self.told.rules.entry(rule.to_owned()).or_default();
            let work = RuleTally {
                evaluations: since(&mut last.evaluations, tally.evaluations),
                failures: since(&mut last.failures, tally.failures),
                dropped: since(&mut last.dropped, tally.dropped),
                cpu_ns: since(&mut last.cpu_ns, tally.cpu_ns),
                enabled: tally.enabled,
            };
            metrics.add_rule_work(rule, &work);
            rules.push(RuleStatus {
                name: rule.to_owned(),
                evaluations: tally.evaluations,
                failures: tally.failures,
                enabled: tally.enabled,
                cpu_s: Some(tally.cpu_ns as f64 / 1e9),
            });
        }
        let sinks = sinks.into_iter().map(|SinkReport { label, fared }| {
            let results = [("delivered", fared.delivered), ("refused", fared.refused), ("failed", fared.failed)];
            metrics.set_sink(&label, results, fared.lost, fared.pending, !fared.is_down);
            SinkStatus { name: label, up: !fared.is_down, pending: fared.pending, lost: fared.lost }
        });
        history.set_work(&tables, engine.detector_costs(), rules, sinks.collect());
        if now.seconds_since(self.operations).abs() >= OPERATIONS_S {
            self.operations = now;
            let operations = engine.operation_quantiles(OPERATIONS);
            metrics.set_operation_durations(&operations);
            history.set_operations(&operations);
            let modules = engine.module_counts(MODULES);
            metrics.set_module_counts(&modules);
            history.set_modules(&modules);
            history.set_templates(most_frequent(engine, TEMPLATES));
        }
        if self.told.rules.len() > engine.rules().set().names().count() {
            let known = &mut self.told.rules;
            for (gone, _) in known.extract_if(.., |rule, _| engine.rules().set().names().all(|name| name != rule)) {
                metrics.remove_rule(&gone);
            }
        }
        engine.rules().forget_idle_metrics(now);
        metrics.set_rule_metrics(engine.rules().metrics_since(&mut self.rule_metrics));
    }
}

/// The most frequent templates.
fn most_frequent(engine: &Engine, most: usize) -> Vec<TemplateRow> {
    let templates = engine.templates();
    let mut counts: Vec<_> = templates.all().map(|(id, template)| (Reverse(template.count), id)).collect();
    if counts.len() > most {
        counts.select_nth_unstable(most);
        counts.truncate(most);
    }
    counts.sort_unstable();
    let row = |(Reverse(count), id): (Reverse<u64>, TemplateId)| TemplateRow {
        id: id.to_string(),
        text: templates.text(id).map(str::to_owned),
        count,
    };
    counts.into_iter().map(row).collect()
}

/// The increase since `last`, which becomes `total`. After a restart of the engine totals start at
/// 0 again.
fn since(last: &mut u64, total: u64) -> u64 {
    let last = std::mem::replace(last, total);
    total.checked_sub(last).unwrap_or(total)
}

impl Drop for Watcher {
    /// Flushes the sinks however the run ends, so that they get every finding.
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
            // The state is also saved if the clock was set back.
            if !(0.0..keeping.interval_s).contains(&now.seconds_since(keeping.written)) {
                keeping.written = now;
                keeping.writer.save(engine.snapshot());
            }
        }
        let now = clock::now();
        let is_time = now.seconds_since(self.work).abs() >= WORK_S || read == 0;
        let (reports, failures) = if is_time { self.sinks.report() } else { Default::default() };
        self.blame(failures);
        let Some(served) = self.served.clone() else { return };
        let metrics = &served.metrics;
        metrics.add_read_bytes(read as u64);
        metrics.add_written_bytes(written as u64);
        if read > 0 {
            metrics.observe_batch(Duration::from_secs_f64(seconds.max(0.0)));
        }
        let tally = engine.take_tally();
        self.count(&served, &tally);
        for (detector, open) in DetectorName::ALL.iter().zip(engine.incidents().open_by_detector()) {
            metrics.set_open_incidents(detector.name(), open);
        }
        for (severity, open) in Severity::ALL.iter().zip(engine.situations().open_by_severity()) {
            metrics.set_open_situations(severity.name(), open);
        }
        metrics.add_late_events(since(&mut self.told.late, engine.clock().late_events()));
        let stream = Some(engine.clock().now()).filter(|stream| stream.0 > 0);
        let lag_s = now.seconds_since(engine.clock().watermark());
        if stream.is_some() {
            metrics.set_watermark_lag(lag_s);
        }
        let age_s = engine.clock().age();
        served.history.batch(Passed { tally: &tally, read, written, now: stream, age_s, lag_s });
        if is_time {
            self.work = now;
            self.look_at_work(&served, engine, reports, now);
        }
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
            self.log.say_fault(fault.name(), &text);
        }
        for line in &outcome.printed {
            self.log.say(line);
        }
        for near in &outcome.near_misses {
            let matter = format!("near miss {}/{} {}", near.detector.name(), near.kind, near.key);
            self.log.say_seldom(&matter, &plain(&near_miss(self.language, near)));
        }
    }

    fn fault(&mut self, fault: Fault) {
        if let Some(Served { metrics, .. }) = &self.served {
            metrics.add_faults(fault.name(), 1);
        }
        self.log.say_fault(fault.name(), fault.explain());
    }

    fn findings(&mut self, findings: &[Finding], event: Option<&Fields<'_>>) {
        if findings.is_empty() || (self.sinks.is_empty() && self.served.is_none()) {
            return;
        }
        let now = clock::now();
        let line = event.map(|event| String::from_utf8_lossy(event.line()));
        let trace = event.and_then(|event| event.text(Role::Trace));
        for finding in findings {
            let is_silenced = self.silences.cover(finding, now);
            self.sinks.take(finding, is_silenced);
            let Some(Served { metrics, history }) = &self.served else { continue };
            if finding.state == State::Open {
                metrics.set_exemplar(finding.detector, finding.severity, &finding.id, trace.as_deref());
            }
            history.finding(finding, line.as_deref(), is_silenced);
        }
    }

    fn unheard(&mut self, findings: &[Finding]) {
        if !self.sinks.is_empty() {
            return;
        }
        for finding in findings {
            self.log.say(&format!(
                "{} {} {}: {}",
                finding.said_at,
                finding.language.severity(finding.severity),
                state_of(finding),
                // The log may be written to a terminal.
                plain(&finding.summary.sentence)
            ));
        }
    }
}

fn state_of(finding: &Finding) -> String {
    let words = finding.language.words();
    let state = match finding.state {
        State::Open => words.state_open,
        State::Ongoing => words.state_ongoing,
        State::Resolved => {
            finding.summary.ending.as_deref().unwrap_or(words.resolved).trim_end_matches([':', '：', ' '])
        }
    };
    format!("{}/{} {state}", finding.detector.name(), finding.kind)
}
