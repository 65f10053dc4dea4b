//! One operation: its baseline, its window and its incident.

use super::baseline::Baseline;
use super::episodes::OnsetKind;
use super::last_hops::LastHops;
use super::recent::HistogramIndex;
use super::subject::CallSubject;
use super::window::{HostId, Window};
use crate::engine::finding::name_of;
use crate::engine::incident::IncidentId;
use crate::engine::overrides::Choice;
use crate::engine::state::{HeapSize, allocated};
use crate::engine::stats::log_histogram::LogHistogram;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds without a slow call after which an incident ends,
const SILENT_S: f64 = 600.0;
/// or so many of the operation's gaps, up to a time.
const SILENT_GAPS: f64 = 16.0;
const LONGEST_SILENT_S: f64 = 7_200.0;
/// Calls over which that gap is taken.
const GAPS_OVER: usize = 32;
/// Calm calls after which a first incident has ended; each further one within an hour doubles it.
const CALM_CALLS: u32 = 32;
const CALM_DOUBLINGS: u32 = 5;
/// Seconds without an incident after which one doubling is forgotten.
const FLAP_S: f64 = 3_600.0;

/// One operation's durations and incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Operation {
    /// The name in findings and metrics.
    pub(super) name: Box<str>,
    /// The module that the calls are of; empty where the events name none, or the module is the
    /// operation.
    pub(super) module: Box<str>,
    /// The key under which metrics show it, together with those of the same name.
    pub(super) shown: u64,
    pub(super) module_hash: u64,
    pub(super) last_hops: LastHops,
    pub(super) window: Window,
    pub(super) baseline: Baseline,
    pub(super) going: Option<Box<OpenLatency>>,
    /// Values so far, and when the first came, for the rate of values.
    pub(super) values: u64,
    /// The sum of all durations, in milliseconds.
    pub(super) sum: f64,
    pub(super) began: Timestamp,
    /// Values in the current interval of the metrics and in the one before, and the index of their
    /// histograms.
    #[serde(default)]
    pub(super) lately: [u32; 2],
    #[serde(skip)]
    pub(super) recent: HistogramIndex,
    /// Incidents that followed shortly after another.
    flaps: u32,
    ended: Timestamp,
    /// Shifts that are over. Values of hosts from before the end of the last belong to it.
    pub(super) shifts: u32,
    /// Which settings it has.
    #[serde(skip)]
    pub(super) choice: Choice,
}

/// An open incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenLatency {
    /// None while it is held (`episodes.rs`).
    pub(super) id: Option<IncidentId>,
    /// The incident is another operation's, which this one has joined.
    pub(super) joined: bool,
    pub(super) opened: Timestamp,
    /// By how much the slowest eight calls were slower than usual, by their median.
    pub(super) factor: f64,
    /// True of a shift, whose values are not learned; false of an outlier.
    pub(super) shift: bool,
    /// True of a shift to faster calls.
    pub(super) down: bool,
    /// The host, where the incident is of one host alone.
    pub(super) host: Option<HostId>,
    /// Calm calls in a row.
    pub(super) calm: u32,
    /// Calm calls in a row that end the incident.
    pub(super) calm_needed: u32,
    /// The last call that was not calm.
    pub(super) restless: Timestamp,
    /// The durations of a shift, which become the baseline if the shift stays.
    pub(super) durations: LogHistogram,
}

impl HeapSize for Operation {
    fn heap_size(&self) -> usize {
        let of = |going: &OpenLatency| allocated(size_of::<OpenLatency>()) + going.durations.heap_size();
        allocated(self.name.len())
            + allocated(self.module.len())
            + self.window.heap_size()
            + self.baseline.heap_size()
            + self.going.as_deref().map_or(0, of)
    }

    fn watched_as(&self, key: u64) -> Option<u64> {
        self.going.as_ref().map(|_| key)
    }
}

impl Operation {
    pub(super) fn new(name: &str, module: &str, subject: CallSubject, now: Timestamp) -> Self {
        Self {
            name: name_of(name).into(),
            module: name_of(module).into(),
            shown: subject.shown,
            module_hash: subject.module,
            last_hops: LastHops::default(),
            window: Window::default(),
            baseline: Baseline::new(),
            going: None,
            values: 0,
            sum: 0.0,
            began: now,
            lately: [0; 2],
            recent: HistogramIndex::default(),
            flaps: 0,
            ended: now,
            shifts: 0,
            choice: Choice::default(),
        }
    }

    /// Reads the memory that a call will need.
    pub(super) fn prefetch(&self) -> u64 {
        let own = self.values ^ self.sum.to_bits() ^ u64::from(self.shifts) ^ u64::from(self.choice.number());
        own ^ u64::from(self.going.is_some())
            ^ u64::from(self.lately[0])
            ^ self.window.prefetch()
            ^ self.baseline.prefetch(self.window.leaving())
    }

    /// Counts a value for rate and metrics.
    #[inline]
    pub(super) fn count(&mut self, value: f64) {
        self.values += 1;
        self.sum += value;
    }

    /// Values of the last minutes.
    pub(super) fn lately(&self) -> u64 {
        self.lately.iter().map(|count| u64::from(*count)).sum()
    }

    /// Values in a day, at the rate of `values` since they `began`.
    pub(super) fn per_day(values: u64, began: Timestamp, now: Timestamp) -> f64 {
        values as f64 / now.seconds_since(began).max(60.0) * 86_400.0
    }

    /// The module that the calls are of.
    pub(super) fn module_name(&self) -> &str {
        if self.module.is_empty() { &self.name } else { &self.module }
    }

    /// What it is called beside an operation of another module: by its module where the operation
    /// is the same.
    pub(super) fn name_of_hop(&self, beside: &str) -> String {
        match (&*self.module, &*self.name == beside) {
            ("", _) => self.name.to_string(),
            (module, true) => module.to_owned(),
            (module, false) => format!("{} in {module}", self.name),
        }
    }

    /// Seconds without a slow call after which its incident is over: what has a call in three
    /// minutes is not over after three of them.
    pub(super) fn silent_s(&self) -> f64 {
        let restless = self.going.as_ref().map_or(self.ended, |going| going.restless);
        (SILENT_GAPS * self.window.mean_gap_s(GAPS_OVER, restless)).clamp(SILENT_S, LONGEST_SILENT_S)
    }

    /// Begins an incident, one that is held where there is no `id`. One that was held goes on with
    /// what it has.
    pub(super) fn begin(&mut self, id: Option<IncidentId>, joined: bool, kind: OnsetKind, factor: f64, now: Timestamp) {
        if let Some(held) = self.going.as_mut() {
            (held.id, held.joined, held.opened, held.restless) = (id, joined, now, now);
            return;
        }
        let calm_hours = (now.seconds_since(self.ended) / FLAP_S).clamp(0.0, 64.0) as u32;
        self.flaps = self.flaps.saturating_sub(calm_hours);
        self.going = Some(Box::new(OpenLatency {
            id,
            joined,
            opened: now,
            factor,
            shift: kind != OnsetKind::Outlier,
            down: kind == OnsetKind::Faster,
            host: if let OnsetKind::Slower(host) = kind { host } else { None },
            calm: 0,
            calm_needed: CALM_CALLS << self.flaps.min(CALM_DOUBLINGS),
            restless: now,
            durations: LogHistogram::default(),
        }));
    }

    /// Ends the incident. Single values are learned with time; the values of a shift are dropped.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.last_hops.clear();
        if self.going.take().is_some_and(|going| going.shift) {
            self.window.clear();
            self.shifts = self.shifts.wrapping_add(1);
        }
        self.flaps += 1;
        self.ended = now;
    }
}
