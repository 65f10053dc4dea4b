//! The engine: a pure state machine from events to findings, without files, network, clock or
//! threads.
//!
//! An event goes through the stream's clock, due ticks, the detectors and the rules. Nothing is
//! global: an engine is a value, and one process can have many.

pub mod clock;
mod columns;
mod cost;
mod deadlines;
pub mod detector;
mod effects;
pub mod emitted;
pub mod finding;
pub mod incident;
mod memory;
mod observe;
mod options;
mod outcome;
pub mod overrides;
pub mod recent;
pub mod rule_incidents;
pub mod rules;
pub mod running_time;
pub mod situation;
mod snapshot;
pub mod stack_trace;
pub mod state;
pub mod stats;
pub mod tally;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;

use crate::event::{Batch, EventParser, Fault, Fields, Level, Shape, Timestamp};
use clock::{Moment, StreamClock, source_of};
use columns::{LearnedColumns, LearnedColumnsSnapshot};
use cost::Cost;
pub use detector::AHEAD;
use detector::{Detector, ModuleCounts, OperationQuantiles, Report, TableUse, is_failure};
use finding::{DetectorName, Finding};
use incident::{IncidentId, Incidents, IncidentsSnapshot};
use memory::MemoryBudget;
pub use options::EngineOptions;
pub use outcome::Outcome;
use recent::Recent;
use rule_incidents::RuleIncidents;
use rules::{Known, RuleOutcome, RuleSet, Rules};
use serde::{Deserialize, Serialize};
use situation::Situations;
use snapshot::{Packed, pack, unpack};
pub use snapshot::{Persist, RestoreError, Stateful};
use stack_trace::{StackTraceAssembler, StreamHeaders};
use state::Evict;
use std::sync::Arc;
pub use tally::Tally;
use template::{Merge, TemplateMatch, Templates};

/// Ticks fall on whole multiples of this, in event time, so that results do not depend on how the
/// input was cut.
const TICK_NS: i64 = 1_000_000_000;

/// The engine of one stream.
pub struct Engine {
    clock: StreamClock,
    next_tick: Timestamp,
    /// Wall-clock time at which the last event arrived.
    last_arrival: Timestamp,
    templates: Templates,
    merges: Vec<Merge>,
    columns: LearnedColumns,
    traces: StackTraceAssembler,
    detectors: Vec<Box<dyn Detector>>,
    incidents: Incidents,
    situations: Situations,
    rules: Rules,
    rule_outcome: RuleOutcome,
    rule_incidents: RuleIncidents,
    /// Present only where a rule can ask for recent lines.
    recent: Option<Recent>,
    /// Every batch is passed completely; see [`Self::with_whole_batches`].
    whole_batches: bool,
    /// Parses events that rules emit.
    parser: Option<EventParser>,
    near_misses: bool,
    memory: MemoryBudget,
    tally: Tally,
    cost: Cost,
}

impl Engine {
    /// An engine without any state.
    #[must_use]
    pub fn new(options: &EngineOptions, rules: RuleSet) -> Self {
        let recent = rules.names().next().map(|_| Recent::default());
        Self {
            recent,
            whole_batches: false,
            parser: None,
            near_misses: options.near_misses,
            memory: MemoryBudget::new(options.table_bytes),
            clock: StreamClock::new(options.allowed_lateness_s),
            next_tick: Timestamp(i64::MIN),
            last_arrival: Timestamp::default(),
            templates: Templates::new(options.keys, &options.template),
            merges: Vec::new(),
            columns: LearnedColumns::default(),
            traces: StackTraceAssembler::new(options.template.masks.clone()),
            detectors: options.detector.detectors(options.keys),
            incidents: Incidents::new(options.policy.clone(), options.keys)
                .with_limit(options.open_incidents)
                .with_language(options.language),
            situations: Situations::new(options.situation).with_language(options.language),
            rules: match &options.meter {
                Some(meter) => Rules::with_meter(rules, options.budget, Arc::clone(meter)),
                None => Rules::new(rules, options.budget),
            },
            rule_outcome: RuleOutcome::default(),
            rule_incidents: RuleIncidents::new(options.keys),
            tally: Tally::default(),
            cost: Cost::new(options.meter.clone()),
        }
    }

    /// Sets the parser for events that rules emit. It should be configured like the parser of the
    /// stream. Without it no rule sees emitted events.
    #[must_use]
    pub fn with_parser(mut self, parser: EventParser) -> Self {
        self.parser = Some(parser);
        self
    }

    /// For callers that pass all records of a batch in order before the next batch. Then recent
    /// lines can stay in the batch and need not be copied at once.
    #[must_use]
    pub fn with_whole_batches(mut self) -> Self {
        self.whole_batches = true;
        self
    }

    /// Sets the time zone of `between` and `weekday` in rules; without it they use UTC.
    #[must_use]
    pub fn with_timezone(mut self, name: &str) -> Self {
        self.rules.set_timezone(name);
        self
    }

    /// Adds a detector of the caller after the built-in ones.
    pub fn add_detector(&mut self, detector: Box<dyn Detector>) {
        self.detectors.push(detector);
    }

    /// Keeps only the built-in detectors for which `kept` is true.
    pub fn keep_detectors(&mut self, mut kept: impl FnMut(DetectorName) -> bool) {
        self.detectors.retain(|detector| kept(detector.name()));
    }

    /// Prefetches for record `i` of the batch and those after it, [`AHEAD`] in all: their table
    /// entries, which are rarely in a cache, and their parsed events, which another processor
    /// wrote. It changes nothing except the time that [`Self::process`] takes.
    pub fn prefetch(&self, batch: &Batch, i: usize) {
        for (parsed, record) in batch.parsed.iter().zip(&batch.records).skip(i).take(AHEAD) {
            std::hint::black_box(parsed.prefetch() ^ u64::from(record.line_end));
        }
        let parsed = &batch.parsed[i..batch.parsed.len().min(i + AHEAD)];
        self.detectors.iter().for_each(|detector| detector.prefetch_fixed(parsed));
        if self.memory.is_crowded() {
            let events: [Fields<'_>; AHEAD] = batch.fields_from(i);
            self.detectors.iter().for_each(|detector| detector.prefetch(&events));
        }
    }

    /// Processes one event that arrived at wall-clock time `now`. The results replace the content
    /// of `outcome`.
    pub fn process(&mut self, fields: &Fields<'_>, now: Timestamp, outcome: &mut Outcome) {
        outcome.clear();
        let (learned, told);
        let fields = match self.columns.read(fields) {
            None => fields,
            Some(parsed) => {
                learned = parsed;
                told = fields.with_parsed(&learned);
                &told
            }
        };
        let parsed = fields.parsed();
        if let Some(recent) = &mut self.recent {
            recent.arrive(fields);
        }
        self.tally.event(parsed.shape, parsed.level);
        if let Some(fault) = parsed.fault {
            self.tally.fault(fault);
            outcome.fault = Some((fault, String::new()));
        }
        if !matches!(parsed.shape, Shape::Json | Shape::Text) {
            return;
        }
        self.last_arrival = now;
        if self.memory.is_due() {
            self.keep_memory();
        }
        let moment = self.clock.accept(parsed.time, source_of(fields), now);
        // The first timestamps of a stream can turn out to be wrong; then its clock is set back.
        if moment.now >= self.next_tick || moment.now.0 < self.next_tick.0.saturating_sub(TICK_NS) {
            self.tick_at(moment, Some(fields.batch()), outcome);
            self.next_tick = Timestamp((moment.now.0.div_euclid(TICK_NS) + 1).saturating_mul(TICK_NS));
        } else if self.rules.is_due(moment.now) {
            self.tick_rules(moment.now, false, Some(fields.batch()), outcome);
        }
        let goes_on = self.traces.goes_on(fields, moment.now);
        if self.traces.has_ended() {
            self.tell_traces(moment, outcome);
        }
        // A continuation line of a stack trace is no event for detectors. Rules see every line.
        outcome.template = if goes_on {
            TemplateMatch::default()
        } else {
            self.tally.unread(parsed);
            self.observe(fields, moment, outcome)
        };
        let template = Some((outcome.template, &self.templates));
        let known = Known { anomalies: &outcome.findings, template, emitted: false };
        self.rules.on_known_event(fields, moment.time, &known, &mut self.rule_outcome);
        if !self.rule_outcome.is_quiet() {
            if self.traces.is_at_hand() {
                self.rule_outcome.findings.retain(|found| found.resolved || self.traces.is_first_of(&found.rule));
            }
            self.take_rule_outcome(moment.now, Some(fields.batch()), outcome);
        }
        self.remember(fields, &outcome.edit);
        if is_failure(fields, Level::Error) {
            self.situations.saw_failure(fields);
        }
        if !(outcome.before.is_empty() && outcome.findings.is_empty()) {
            self.settle(Some(fields), moment.now, outcome);
        }
    }

    /// Called when a live input is idle, with the wall-clock time `now`; ends what has timed out.
    pub fn tick(&mut self, now: Timestamp, outcome: &mut Outcome) {
        outcome.clear();
        let idle = now.0.saturating_sub(self.last_arrival.0).max(0);
        if self.last_arrival != Timestamp::default() {
            let moment = self.clock.idle(idle, now);
            self.tick_at(moment, None, outcome);
            let mut report = Report::new(&mut self.incidents, &mut outcome.before);
            self.detectors.iter_mut().for_each(|detector| detector.idle(moment, &mut report));
            self.settle(None, moment.now, outcome);
        }
    }

    /// Called at the end of the input. Completes a stack trace that ends there. It resolves no
    /// incident, because a later run may continue it.
    pub fn finish(&mut self, outcome: &mut Outcome) {
        outcome.clear();
        self.traces.finish();
        if self.traces.has_ended() {
            let moment = self.clock.idle(0, self.last_arrival);
            self.tell_traces(moment, outcome);
            self.settle(None, moment.now, outcome);
        }
    }

    /// Returns the counts since the last call.
    pub fn take_tally(&mut self) -> Tally {
        self.tally.situations = self.situations.take_opened();
        std::mem::take(&mut self.tally)
    }

    /// Replaces the rules. A rule that is the same in both sets keeps its state.
    pub fn replace_rules(&mut self, rules: RuleSet) {
        self.recent = self.recent.take().or_else(|| rules.names().next().map(|_| Recent::default()));
        self.rules.replace(rules);
        self.rules.find_roots(&self.templates);
    }

    /// Replaces this engine after a panic by an empty one and keeps its counts.
    pub fn replace(&mut self, fresh: Self) {
        let mut tally = self.take_tally();
        tally.fault(Fault::Panic);
        *self = Self { tally, ..fresh };
    }

    /// The stream's clock.
    #[must_use]
    pub fn clock(&self) -> &StreamClock {
        &self.clock
    }

    /// The templates of messages.
    #[must_use]
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// Open incidents.
    #[must_use]
    pub fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// The situations that incidents belong to.
    #[must_use]
    pub fn situations(&self) -> &Situations {
        &self.situations
    }

    /// Findings for all open incidents, as of their last event.
    pub fn still_open(&self) -> impl Iterator<Item = Finding> {
        self.incidents.still_open().map(|mut finding| {
            self.situations.attach(&mut finding);
            finding
        })
    }

    /// The rules and their counts.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Latency quantiles of the `most` busiest operations in the last minutes, busiest first, then
    /// those of all others as `other`.
    #[must_use]
    pub fn operation_quantiles(&self, most: usize) -> Vec<OperationQuantiles> {
        self.detectors.iter().flat_map(|detector| detector.operation_quantiles(most)).collect()
    }

    /// Counts of the `most` busiest modules since the engine began, busiest first, then those of
    /// all others as `other`.
    #[must_use]
    pub fn module_counts(&self, most: usize) -> Vec<ModuleCounts> {
        self.detectors.iter().flat_map(|detector| detector.module_counts(most)).collect()
    }

    /// Estimated nanoseconds spent in each detector; all 0 without a meter.
    pub fn detector_costs(&self) -> impl Iterator<Item = (DetectorName, u64)> {
        self.detectors.iter().enumerate().map(|(i, detector)| (detector.name(), self.cost.of(i)))
    }

    /// The number of keys and evictions of every table.
    #[must_use]
    pub fn tables(&self) -> Vec<TableUse> {
        let mut tables: Vec<_> = self.detectors.iter().flat_map(|detector| detector.tables()).collect();
        tables.extend(self.templates.tables());
        tables.push(TableUse {
            table: "rule_state",
            keys: self.rules.table_keys() as u64,
            evictions: self.rules.evictions(),
        });
        let (keys, evictions) = self.rules.metric_series();
        tables.push(TableUse { table: "rule_metrics", keys, evictions });
        tables.extend(self.incidents.tables());
        tables.push(self.rule_incidents.table());
        tables
    }

    /// The state to restore after a restart, as CBOR.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        pack(&EngineState {
            clock: self.clock.clone(),
            next_tick: self.next_tick,
            templates: Packed(self.templates.snapshot()),
            incidents: self.incidents.snapshot(),
            situations: Some(Packed(pack(&self.situations.snapshot()))),
            rule_incidents: self.rule_incidents.clone(),
            detectors: self
                .detectors
                .iter()
                .map(|detector| (detector.name().name().to_owned(), Packed(detector.snapshot())))
                .collect(),
            recent: self.recent.clone(),
            headers: self.traces.snapshot(),
            columns: self.columns.snapshot(),
            rules: Packed(self.rules.snapshot()),
        })
    }

    /// Restores a snapshot. Counts start at zero.
    ///
    /// A detector whose part does not fit, because its settings have changed, starts without state.
    /// These detectors are returned with the reason.
    ///
    /// # Errors
    /// [`RestoreError`] when the snapshot as a whole has another format. The engine must then be
    /// discarded.
    pub fn restore(&mut self, kept: &[u8]) -> Result<Vec<(DetectorName, RestoreError)>, RestoreError> {
        let mut kept: EngineState = unpack(kept)?;
        let mut refused = Vec::new();
        for detector in &mut self.detectors {
            if let Some((_, state)) = kept.detectors.iter().find(|(name, _)| name == detector.name().name())
                && let Err(error) = detector.restore(&state.0)
            {
                kept.incidents.forget(detector.name());
                refused.push((detector.name(), error));
            }
        }
        self.templates.restore(&kept.templates.0)?;
        self.rules.restore(&kept.rules.0).map_err(|error| RestoreError(error.to_string()))?;
        self.rules.find_roots(&self.templates);
        self.clock = kept.clock;
        self.next_tick = kept.next_tick;
        self.incidents.restore(kept.incidents);
        if let Some(situations) = kept.situations {
            let incidents = &self.incidents;
            self.situations.restore(unpack(&situations.0)?, |id| incidents.is_open(IncidentId(id)));
        }
        self.rule_incidents.restore(kept.rule_incidents);
        self.traces.restore(kept.headers);
        self.columns.restore(kept.columns);
        if let (Some(recent), Some(kept)) = (&mut self.recent, kept.recent) {
            recent.restore(kept);
        }
        Ok(refused)
    }

    /// Lets tables that exceed the budget together evict keys.
    #[cold]
    fn keep_memory(&mut self) {
        let forgotten = self.incidents.evictions();
        let mut memory = self.memory;
        memory.keep(&mut |visit| self.bounded(visit));
        self.memory = memory;
        if self.incidents.evictions() > forgotten {
            self.rule_incidents.forget_closed(&self.incidents);
        }
    }

    /// Passes every table that grows with the stream to `visit`, always in the same order.
    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        self.templates.bounded(visit);
        self.detectors.iter_mut().for_each(|detector| detector.bounded(visit));
        visit(&mut self.incidents);
        visit(&mut self.rule_incidents);
        self.rules.bounded(visit);
    }

    /// Runs what is due at `moment`, before an event of `batch` if there is one.
    fn tick_at(&mut self, moment: Moment, batch: Option<&Batch>, outcome: &mut Outcome) {
        self.traces.tick(moment.now);
        self.tell_traces(moment, outcome);
        let before = &mut outcome.before;
        let near_misses = self.near_misses.then_some(&mut outcome.near_misses);
        let mut report = Report::new(&mut self.incidents, before).with_near_misses(near_misses);
        for detector in &mut self.detectors {
            detector.tick(moment, &mut report);
        }
        self.rule_incidents.tick(moment.now, &mut report);
        self.incidents.tick(moment.now, before);
        self.situations.place(before, None, &self.incidents, moment.now);
        self.situations.tick(moment.now, before);
        self.tick_rules(moment.now, true, batch, outcome);
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("clock", &self.clock).field("tally", &self.tally).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct EngineState {
    clock: StreamClock,
    next_tick: Timestamp,
    templates: Packed,
    incidents: IncidentsSnapshot,
    /// None in states of versions without situations.
    #[serde(default)]
    situations: Option<Packed>,
    rule_incidents: RuleIncidents,
    detectors: Vec<(String, Packed)>,
    recent: Option<Recent>,
    #[serde(default)]
    headers: StreamHeaders,
    #[serde(default)]
    columns: LearnedColumnsSnapshot,
    rules: Packed,
}
