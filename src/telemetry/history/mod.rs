//! What the filter's own page shows: event rates, incidents open and past, and how the filter
//! itself fares.
//!
//! The pipeline writes here once a batch and at each finding; the endpoint reads. Everything is
//! bounded: three rings of counts, and incidents by number and bytes (`incidents.rs`).

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

/// The rings: seconds a column, and columns.
const RINGS: [(i64, usize); 3] = [(5, 180), (60, 180), (900, 192)];

/// Modules that the page shows.
const MODULES: usize = 12;

/// A batch of so many bytes was waiting to be read.
const BACKLOG: usize = 64 << 10;

/// What happened so far.
#[derive(Debug)]
pub struct History(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    started: Timestamp,
    rings: [Ring; RINGS.len()],
    /// The stream's time.
    now: Option<Timestamp>,
    status: Status,
    incidents: Incidents,
    templates: Vec<TemplateRow>,
}

/// A template and how often it was seen.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateRow {
    /// Its id, 16 hex digits.
    pub id: String,
    /// Its text, variables as `<*>`; none where it is not known.
    pub text: Option<String>,
    /// How often it was seen.
    pub count: u64,
}

/// How the filter fares.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    version: &'static str,
    /// Seconds since the start.
    uptime_s: f64,
    /// The stream's time, milliseconds since the Unix epoch.
    now_ms: Option<i64>,
    /// How far the stream's watermark is behind the wall clock.
    lag_s: Option<f64>,
    events: u64,
    read_bytes: u64,
    written_bytes: u64,
    levels: [u64; 7],
    /// Events without each role of [`Tally::UNREAD`].
    unread: [(&'static str, u64); Tally::UNREAD.len()],
    faults: Vec<(&'static str, u64)>,
    /// Incidents that are open, by severity: info, warning, critical.
    open: [u64; 3],
    /// Incidents that opened, by severity.
    opened: [u64; 3],
    /// Incidents that are kept, ended ones included.
    kept: usize,
    detectors: Vec<DetectorStatus>,
    rules: Vec<RuleStatus>,
    modules: Vec<ModuleStatus>,
    operations: Vec<OperationStatus>,
    tables: Vec<TableStatus>,
    sinks: Vec<SinkStatus>,
    /// Counts up with every change of an incident.
    revision: u64,
}

#[derive(Clone, Debug, Serialize)]
struct DetectorStatus {
    name: &'static str,
    opened: u64,
    cpu_s: f64,
}

/// How a rule fares.
#[derive(Clone, Debug, Serialize)]
pub struct RuleStatus {
    /// Its name.
    pub name: String,
    /// Events for which its script ran.
    pub evaluations: u64,
    /// Of them, those that failed.
    pub failures: u64,
    /// False while its breaker holds it off.
    pub enabled: bool,
    /// Time spent in its script; none where nobody measures it.
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

/// How a sink fares.
#[derive(Clone, Debug, Serialize)]
pub struct SinkStatus {
    /// As metrics name it.
    pub name: String,
    /// Whether it takes messages.
    pub up: bool,
    /// Findings that wait.
    pub pending: u64,
    /// Findings that it could not be told of.
    pub lost: u64,
}

/// A batch that has left.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    /// What was counted since the last batch.
    pub tally: &'a Tally,
    /// Bytes read.
    pub read: usize,
    /// Bytes written.
    pub written: usize,
    /// The stream's time, once it has one.
    pub now: Option<Timestamp>,
    /// How long the stream has run, in seconds: the first batch covers all of it.
    pub age_s: f64,
    /// How far the watermark is behind the wall clock, in seconds.
    pub lag_s: f64,
}

/// Columns of counts for a chart.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Seconds a column.
    pub column_s: i64,
    /// The first column's begin, milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// Events, warnings, errors, and incidents opened at info, warning and critical.
    pub columns: Vec<[u64; 6]>,
}

/// What is told once a second to every open page.
#[derive(Clone, Debug, Serialize)]
pub struct NewsMessage<'a> {
    #[serde(flatten)]
    status: Status,
    /// The newest changes of incidents; with more than these the page asks for its list again.
    changed: Vec<Row<'a>>,
    /// Whether `changed` is all.
    complete: bool,
    /// The last columns of each chart.
    charts: Vec<Chart>,
}

impl History {
    /// How many bytes incidents may take by default.
    pub const BYTES: usize = crate::config::PAGE_BYTES;

    /// Nothing has happened since `started`, by the wall clock. Incidents may take about so many
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

    /// Takes a batch.
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
            // What comes in large pieces was waiting, and is spread over the time that it covers;
            // what comes live is not.
            let before = inner.now.replace(now).unwrap_or_else(|| now.saturating_add_nanos(-(age_s * 1e9) as i64));
            let from = if read >= BACKLOG { before } else { now };
            inner.rings.iter_mut().for_each(|ring| ring.add_between(from, now, ticks));
        }
    }

    /// Takes a finding; `line` is that of the event which shows it, and `silenced` says that nobody
    /// is told.
    pub fn finding(&self, finding: &Finding, line: Option<&str>, silenced: bool) {
        let mut inner = self.lock();
        if finding.state == State::Open {
            let severity = finding.severity as usize;
            inner.status.opened[severity] += 1;
            inner.rings.iter_mut().for_each(|ring| ring.opened(finding.opened_at, severity));
        }
        inner.incidents.take(finding, line, silenced);
    }

    /// Sets what is looked at now and then: tables and rules.
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

    /// Sets how much the busiest modules have said, the busiest first.
    pub fn set_modules(&self, modules: &[ModuleCounts]) {
        let shown = modules.iter().take(MODULES);
        let status = |of: &ModuleCounts| ModuleStatus { name: of.module.clone(), events: of.events, errors: of.errors };
        self.lock().status.modules = shown.map(status).collect();
    }

    /// Sets how long operations take.
    pub fn set_operations(&self, operations: &[OperationQuantiles]) {
        self.lock().status.operations = operations
            .iter()
            // Those of which nothing came in the last minutes have none.
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

    /// The most frequent templates, as JSON.
    #[must_use]
    pub fn templates(&self) -> String {
        json(&self.lock().templates).unwrap_or_default()
    }

    /// The chart that is `which` in order of its columns' length, as JSON; none when there is no
    /// such chart.
    #[must_use]
    pub fn chart(&self, which: usize) -> Option<String> {
        let inner = self.lock();
        json(&inner.rings.get(which)?.chart(usize::MAX))
    }

    /// How the filter fares at `now` by the wall clock, as JSON.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> String {
        json(&self.lock().status(now)).unwrap_or_default()
    }

    /// What changed since `revision`, as JSON, and the revision up to which it goes.
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

    /// The revision of the incidents now.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.lock().incidents.revision()
    }

    /// Incidents that pass the filter, the newest first, as JSON.
    #[must_use]
    pub fn incidents(&self, filter: &Filter) -> String {
        json(&self.lock().incidents.list(filter)).unwrap_or_default()
    }

    /// One incident with all that is known of it, as JSON.
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

/// Numbers, texts and lists of them; such a thing has no way to fail.
fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// As the page and its addresses spell a severity.
fn severity_named(name: &str) -> Option<Severity> {
    Severity::ALL.into_iter().find(|severity| severity.name() == name)
}

#[cfg(test)]
mod tests;
