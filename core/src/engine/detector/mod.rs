//! Detectors: each watches every event, keeps bounded state by key, and opens incidents.

pub mod burst;
mod failure;
mod first_minutes;
pub mod input;
pub mod judged;
pub mod latency;
pub mod r#loop;
pub mod novelty;
mod openings;
pub mod options;
mod prior;
pub mod registry;
pub mod silence;
pub mod spread;
mod text_without_numbers;
#[cfg(test)]
pub mod toy;
mod tracker;

use super::clock::Moment;
use super::finding::{Finding, NearMiss};
use super::incident::Incidents;
use super::stack_trace::Trace;
use super::state::Evict;
pub use super::state::TableUse;
use super::template::{Merge, TemplateMatch, Templates};
use crate::engine::snapshot::Persist;
use crate::event::stack_trace::Stack;
use crate::event::{Fields, ParsedEvent};
pub use failure::FailureLevel;
pub(super) use failure::is_failure;
use options::{Options, SharedOptions};
pub use prior::{Actions, LocalizedFailures, Prior};
use serde::Serialize;
use serde::de::DeserializeOwned;

registry::detectors! {
    names DetectorName, options DetectorOptions;

    /// Control flow that goes round.
    Loop = "loop" in r#loop: statistical, explainable;
    /// Too many errors.
    Burst after Spread = "burst" in burst: statistical, explainable;
    /// Too slow.
    Latency = "latency" in latency: statistical_twice, explainable;
    /// Failures that sit on one value of a dimension.
    Spread after Loop = "spread" in spread: statistical, explainable;
    /// A key that used to speak has stopped.
    Silence = "silence" in silence: statistical;
    /// A template never seen before.
    Novelty = "novelty" in novelty: explainable;
    /// The input itself.
    Input = "input" in input;
}

/// One event, and when it happened by the clock of the stream.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What it says.
    pub fields: Fields<'a>,
    /// When.
    pub moment: Moment,
    /// Its template.
    pub template: TemplateMatch,
    /// All templates, for their texts.
    pub templates: &'a Templates,
    /// The stack trace that one of its fields holds.
    pub stack: Option<&'a Stack>,
}

/// Where detectors open, continue and end incidents. Their findings go onto the current event.
#[derive(Debug)]
pub struct Report<'a> {
    /// All open incidents.
    pub incidents: &'a mut Incidents,
    /// The findings so far.
    pub findings: &'a mut Vec<Finding>,
    /// Where near misses are reported; none where nobody asks for them.
    near_misses: Option<&'a mut Vec<NearMiss>>,
    /// What the detectors after this one are told.
    actions: Actions,
}

impl<'a> Report<'a> {
    /// An empty report.
    #[must_use]
    pub fn new(incidents: &'a mut Incidents, findings: &'a mut Vec<Finding>) -> Self {
        Self { incidents, findings, near_misses: None, actions: Actions::default() }
    }

    /// Marks the event as explained, so that later detectors do not count it.
    #[inline]
    pub fn suppress(&mut self) {
        self.actions.suppress = true;
    }

    /// Marks the event as one of a run that may become a loop, so that later detectors count it and
    /// open nothing on it.
    #[inline]
    pub fn postpone(&mut self) {
        self.actions.postpone = true;
    }

    /// Tells later detectors that these failures sit on single values of a dimension.
    pub fn localize(&mut self, failures: LocalizedFailures) {
        self.actions.localized = Some(failures);
    }

    /// What the detectors after this one are told so far.
    #[must_use]
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// Hands what the detector `by` tells about an event on to the detectors after it.
    #[inline]
    pub fn hand_on(&mut self, by: impl FnOnce() -> DetectorName, prior: &mut Prior) {
        if !self.actions.is_empty() {
            prior.apply(by(), std::mem::take(&mut self.actions));
        }
    }

    /// The same report, which also collects near misses.
    #[must_use]
    pub fn with_near_misses(self, near_misses: Option<&'a mut Vec<NearMiss>>) -> Self {
        Self { near_misses, ..self }
    }

    /// True when somebody asks for near misses; a detector need not look for them otherwise.
    #[inline]
    #[must_use]
    pub fn wants_near_misses(&self) -> bool {
        self.near_misses.is_some()
    }

    /// Reports a test whose result `ln_p` did not reject at `threshold`, if the result is near: at
    /// least half of the way in orders of magnitude.
    #[inline]
    pub fn near_miss(&mut self, ln_p: f64, threshold: f64, tell: impl FnOnce(f64, f64) -> NearMiss) {
        if let Some(near_misses) = &mut self.near_misses
            && ln_p < threshold.ln() / 2.0
        {
            near_misses.push(tell(ln_p, threshold));
        }
    }
}

/// How long an operation took in the last minutes, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationQuantiles {
    /// The operation, or `other` for all operations that are not among the busiest.
    pub operation: String,
    /// Half took longer.
    pub p50: f64,
    /// One in ten took longer.
    pub p90: f64,
    /// One in a hundred took longer.
    pub p99: f64,
    /// Calls since the operation was first seen.
    pub count: u64,
    /// How long all of them took together.
    pub sum: f64,
}

/// How much a module has said since the engine began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleCounts {
    /// The module; `none` for events without one, `other` for all modules that are not among the
    /// busiest.
    pub module: String,
    /// Its events, late ones aside.
    pub events: u64,
    /// Its events at level ERROR or worse, or with a failing status.
    pub errors: u64,
}

/// Prefetch batch: enough to overlap cache misses, few enough to stay in the L1 cache.
pub const AHEAD: usize = 16;

/// What the registration needs of a detector.
pub trait Registered: Detector + Sized + 'static {
    /// Its table in the configuration.
    type Options: Options + Clone + std::fmt::Debug + PartialEq + Serialize + DeserializeOwned + schemars::JsonSchema;

    /// A detector that has seen nothing.
    fn new(options: &Self::Options, shared: SharedOptions) -> Self;
}

/// A detector. It learns while it runs, costs a small constant an event, and is silent until it has
/// learned.
pub trait Detector: Persist + Send {
    /// Its name in findings, metrics and the configuration.
    fn name(&self) -> DetectorName;

    /// Watches one event. `prior` is what the detectors before it tell about the event. Findings go
    /// onto the event.
    fn observe(&mut self, event: &Event<'_>, prior: &Prior, report: &mut Report<'_>);

    /// Reads from the tables of keys what [`Self::observe`] will need for these events, which come
    /// next. Called only where the tables have outgrown the processor's caches.
    fn prefetch(&self, _events: &[Fields<'_>; AHEAD]) {}

    /// Reads what [`Self::observe`] will need for these parsed events, which come next, from
    /// tables of fixed size that are hardly in the processor's caches.
    fn prefetch_fixed(&self, _parsed: &[ParsedEvent]) {}

    /// Time has passed. Findings go before the current event.
    fn tick(&mut self, moment: Moment, report: &mut Report<'_>);

    /// A live input has been idle, which only the wall clock, `moment.arrival`, can tell. A tick
    /// comes first.
    fn idle(&mut self, _moment: Moment, _report: &mut Report<'_>) {}

    /// Two templates are merged: what is kept by template moves to the template that stays.
    fn merge(&mut self, _merge: Merge) {}

    /// A stack trace of several lines is complete. Its first line was an event; detectors never see
    /// the others. Findings go before the current event.
    fn trace(&mut self, _trace: &Trace, _moment: Moment, _templates: &Templates, _report: &mut Report<'_>) {}

    /// How full its tables are.
    fn tables(&self) -> Vec<TableUse>;

    /// Events of the `most` busiest modules, busiest first, then of all others as `other`; empty
    /// for detectors that do not count modules.
    fn module_counts(&self, _most: usize) -> Vec<ModuleCounts> {
        Vec::new()
    }

    /// Shows each table that shares the engine's budget of memory to `visit`, always in the same
    /// order.
    fn bounded(&mut self, _visit: &mut dyn FnMut(&mut dyn Evict)) {}

    /// How long the `most` busiest operations took in the last minutes, and all others together;
    /// empty for detectors that do not measure durations.
    fn operation_quantiles(&self, _most: usize) -> Vec<OperationQuantiles> {
        Vec::new()
    }
}
