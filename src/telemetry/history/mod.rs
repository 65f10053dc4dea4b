//! The data of the filter's own page: event rates, open and past incidents, and the filter's
//! status.
//!
//! The pipeline writes once per batch and at each finding; the HTTP endpoint reads. Memory is
//! bounded: three rings of counts, and incidents limited in number and bytes (`incidents.rs`).

mod incidents;
mod kept;
mod ring;

pub use incidents::Filter;
pub use kept::{KeptIncident, Row};

use crate::engine::Tally;
use crate::engine::detector::{ModuleCounts, OperationQuantiles, TableUse};
use crate::engine::finding::{DetectorName, Finding, Severity, State};
use crate::event::{Fault, Timestamp};
use incidents::Incidents;
use ring::{Ring, Ticks};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The rings: seconds per column, and number of columns.
const RINGS: [(i64, usize); 3] = [(5, 180), (60, 180), (900, 192)];

/// Most modules that the page shows.
const MODULES: usize = 12;

/// A batch of at least this many bytes was waiting to be read, so its events cover some time.
const BACKLOG: usize = 64 << 10;

/// Everything that the page shows.
#[derive(Debug)]
pub struct History(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    started: Timestamp,
    rings: [Ring; RINGS.len()],
    /// The current time of the stream.
    now: Option<Timestamp>,
    status: Status,
    incidents: Incidents,
    templates: Vec<TemplateRow>,
}

/// A template and how often it occurred.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateRow {
    /// The template's id, 16 hex digits.
    pub id: String,
    /// The template's text with variables as `<*>`; none if unknown.
    pub text: Option<String>,
    /// How often the template occurred.
    pub count: u64,
}

/// The status of the filter.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    version: &'static str,
    /// Seconds since the filter started.
    uptime_s: f64,
    /// The current time of the stream, in milliseconds since the Unix epoch.
    now_ms: Option<i64>,
    /// How far the stream's watermark is behind the wall clock, in seconds.
    lag_s: Option<f64>,
    events: u64,
    read_bytes: u64,
    written_bytes: u64,
    levels: [u64; 7],
    /// Events without each role of [`Tally::UNREAD`].
    unread: [(&'static str, u64); Tally::UNREAD.len()],
    faults: Vec<(&'static str, u64)>,
    /// Open incidents by severity: info, warning, critical.
    open: [u64; 3],
    /// All incidents that opened, by severity.
    opened: [u64; 3],
    /// How many incidents are kept, including resolved ones.
    kept: usize,
    detectors: Vec<DetectorStatus>,
    rules: Vec<RuleStatus>,
    modules: Vec<ModuleStatus>,
    operations: Vec<OperationStatus>,
    tables: Vec<TableStatus>,
    sinks: Vec<SinkStatus>,
    /// A number that grows with every change of an incident.
    revision: u64,
}

#[derive(Clone, Debug, Serialize)]
struct DetectorStatus {
    name: &'static str,
    opened: u64,
    cpu_s: f64,
}

/// The status of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleStatus {
    /// The rule's name.
    pub name: String,
    /// Calls of the rule's script.
    pub evaluations: u64,
    /// How many of the calls failed.
    pub failures: u64,
    /// False while the circuit breaker blocks the rule.
    pub enabled: bool,
    /// Processor seconds spent in the script; none if not measured.
    pub cpu_s: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct ModuleStatus {
    name: String,
    events: u64,
    errors: u64,
}

#[derive(Clone, Debug, Serialize)]
struct OperationStatus {
    name: String,
    p50: f64,
    p90: f64,
    p99: f64,
    count: u64,
}

#[derive(Clone, Debug, Serialize)]
struct TableStatus {
    name: &'static str,
    keys: u64,
    evictions: u64,
}

/// The status of a sink.
#[derive(Clone, Debug, Serialize)]
pub struct SinkStatus {
    /// The sink's name in metrics.
    pub name: String,
    /// Whether the sink accepts messages.
    pub up: bool,
    /// How many findings wait for delivery.
    pub pending: u64,
    /// How many findings could not be delivered.
    pub lost: u64,
}

/// A batch that has been written.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    /// The engine's counts since the last batch.
    pub tally: &'a Tally,
    /// Bytes read.
    pub read: usize,
    /// Bytes written.
    pub written: usize,
    /// The current time of the stream, if it has one.
    pub now: Option<Timestamp>,
    /// How long the stream has run, in seconds; the first batch covers all of it.
    pub age_s: f64,
    /// How far the watermark is behind the wall clock, in seconds.
    pub lag_s: f64,
}

/// Counts for a chart.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Seconds per column.
    pub column_s: i64,
    /// The start of the first column, in milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// For each column: events, warnings, errors, and incidents that opened at info, warning and
    /// critical.
    pub columns: Vec<[u64; 6]>,
}

/// The message that every open page gets once a second.
#[derive(Clone, Debug, Serialize)]
pub struct NewsMessage<'a> {
    #[serde(flatten)]
    status: Status,
    /// The latest changes of incidents; if there are more, the page reloads its list.
    changed: Vec<Row<'a>>,
    /// Whether `changed` has all changes.
    complete: bool,
    /// The latest columns of each chart.
    charts: Vec<Chart>,
}

impl History {
    /// Default limit for the size of incidents, in bytes.
    pub const BYTES: usize = crate::config::PAGE_BYTES;

    /// An empty history that starts at `started`, by the wall clock. Incidents may take about
    /// `bytes`.
    #[must_use]
    pub fn new(started: Timestamp, bytes: usize) -> Self {
        Self(Mutex::new(Inner {
            started,
            rings: RINGS.map(|(column_s, columns)| Ring::new(column_s, columns)),
            now: None,
            status: Status { version: env!("CARGO_PKG_VERSION"), ..Status::default() },
            incidents: Incidents::new(bytes),
            templates: Vec::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch.
    pub fn batch(&self, passed: Passed<'_>) {
        let mut inner = self.lock();
        let Passed { tally, read, written, now, age_s, lag_s } = passed;
        let status = &mut inner.status;
        status.read_bytes += read as u64;
        status.written_bytes += written as u64;
        for (sum, events) in status.levels.iter_mut().zip(tally.events) {
            *sum += events;
        }
        for ((name, sum), (role, events)) in status.unread.iter_mut().zip(Tally::UNREAD.into_iter().zip(tally.unread)) {
            *name = role.name();
            *sum += events;
        }
        let ticks = Ticks::of(tally);
        status.events += ticks.events;
        for (fault, &count) in Fault::ALL.iter().zip(&tally.faults).filter(|(_, count)| **count > 0) {
            match status.faults.iter_mut().find(|(name, _)| *name == fault.name()) {
                Some((_, sum)) => *sum += count,
                None => status.faults.push((fault.name(), count)),
            }
        }
        if let Some(now) = now {
            status.lag_s = Some(lag_s);
            // A large batch was waiting, so its events are spread over the time since the last
            // batch; events of a small batch are counted now.
            let before = inner.now.replace(now).unwrap_or_else(|| now.saturating_add_seconds(-age_s));
            let from = if read >= BACKLOG { before } else { now };
            inner.rings.iter_mut().for_each(|ring| ring.add_between(from, now, ticks));
        }
    }

    /// Adds a finding. `line` is the event that shows it; `silenced` means that sinks do not alert
    /// people.
    pub fn finding(&self, finding: &Finding, line: Option<&str>, silenced: bool) {
        let mut inner = self.lock();
        if finding.state == State::Open {
            let severity = finding.severity as usize;
            inner.status.opened[severity] += 1;
            inner.rings.iter_mut().for_each(|ring| ring.opened(finding.opened_at, severity));
        }
        inner.incidents.take(finding, line, silenced);
    }

    /// Sets what is updated only now and then: tables, detectors, rules and sinks.
    pub fn set_work(
        &self,
        tables: &[TableUse],
        costs: impl Iterator<Item = (DetectorName, u64)>,
        rules: Vec<RuleStatus>,
        sinks: Vec<SinkStatus>,
    ) {
        let mut inner = self.lock();
        inner.status.tables = tables
            .iter()
            .map(|table| TableStatus { name: table.table, keys: table.keys, evictions: table.evictions })
            .collect();
        let opened = inner.incidents.opened_by_detector();
        inner.status.detectors = costs
            .map(|(detector, ns)| DetectorStatus {
                name: detector.name(),
                opened: opened[detector as usize],
                cpu_s: ns as f64 / 1e9,
            })
            .collect();
        inner.status.rules = rules;
        inner.status.sinks = sinks;
    }

    /// Sets the counts of the busiest modules, the busiest first.
    pub fn set_modules(&self, modules: &[ModuleCounts]) {
        let shown = modules.iter().take(MODULES);
        let status = |of: &ModuleCounts| ModuleStatus { name: of.module.clone(), events: of.events, errors: of.errors };
        self.lock().status.modules = shown.map(status).collect();
    }

    /// Sets the latencies of operations.
    pub fn set_operations(&self, operations: &[OperationQuantiles]) {
        self.lock().status.operations = operations
            .iter()
            // Operations without events in the last minutes have no quantiles.
            .filter(|of| of.p50.is_finite())
            .map(|of| OperationStatus {
                name: of.operation.clone(),
                p50: of.p50,
                p90: of.p90,
                p99: of.p99,
                count: of.count,
            })
            .collect();
    }

    /// Sets the most frequent templates, the most frequent first.
    pub fn set_templates(&self, templates: Vec<TemplateRow>) {
        self.lock().templates = templates;
    }

    /// The most frequent templates as JSON.
    #[must_use]
    pub fn templates(&self) -> String {
        json(&self.lock().templates).unwrap_or_default()
    }

    /// Chart number `which`, ordered by the width of columns, as JSON; none if there is no such
    /// chart.
    #[must_use]
    pub fn chart(&self, which: usize) -> Option<String> {
        let inner = self.lock();
        json(&inner.rings.get(which)?.chart(usize::MAX))
    }

    /// The status at `now`, by the wall clock, as JSON.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> String {
        json(&self.lock().status(now)).unwrap_or_default()
    }

    /// The changes since `revision` as JSON, and the revision that they lead to.
    #[must_use]
    pub fn news(&self, revision: u64, now: Timestamp) -> (String, u64) {
        const MOST: usize = 50;
        const COLUMNS: usize = 3;
        let inner = self.lock();
        let changed = inner.incidents.changed_since(revision, MOST + 1);
        let news = NewsMessage {
            status: inner.status(now),
            complete: changed.len() <= MOST,
            changed: changed.into_iter().take(MOST).collect(),
            charts: inner.rings.iter().map(|ring| ring.chart(COLUMNS)).collect(),
        };
        (json(&news).unwrap_or_default(), inner.incidents.revision())
    }

    /// The current revision of the incidents.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.lock().incidents.revision()
    }

    /// The incidents that pass the filter as JSON; the newest first unless the filter asks for the
    /// worst first.
    #[must_use]
    pub fn incidents(&self, filter: &Filter) -> String {
        json(&self.lock().incidents.list(filter)).unwrap_or_default()
    }

    /// One incident with all its details as JSON.
    #[must_use]
    pub fn incident(&self, id: &str) -> Option<String> {
        self.lock().incidents.get(id).and_then(json)
    }
}

impl Inner {
    fn status(&self, now: Timestamp) -> Status {
        let mut status = self.status.clone();
        status.uptime_s = now.seconds_since(self.started).max(0.0);
        status.now_ms = self.now.map(|now| now.0 / 1_000_000);
        status.open = self.incidents.open_by_severity();
        status.kept = self.incidents.kept();
        status.revision = self.incidents.revision();
        status
    }
}

/// Serializes a value; the page's types have nothing that JSON cannot represent.
fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// Parses the name of a severity.
fn severity_named(name: &str) -> Option<Severity> {
    Severity::ALL.into_iter().find(|severity| severity.name() == name)
}

#[cfg(test)]
mod tests;
