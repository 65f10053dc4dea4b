//! A running set of rules: selects the rules for an event, runs them, and keeps their state.

use super::context::SharedContext;
use super::evaluate::{Call, Runner};
use super::event::{Event, Known};
use super::library::Library;
use super::outcome::{RuleOutcome, RuleTally};
use crate::engine::finding::Finding;
use crate::engine::rules::compile::rule::Rule;
use crate::engine::rules::compile::set::RuleSet;
use crate::engine::rules::filter::matcher::{Roots, Scratch};
use crate::engine::rules::state::breaker::Breaker;
use crate::engine::rules::state::budget::{Budget, Meter, Spent};
use crate::engine::rules::state::metrics::RuleMetrics;
use crate::engine::rules::state::remembered::{Remembered, RememberedSnapshot, Since};
use crate::engine::snapshot::{self, pack, unpack};
use crate::engine::state::Evict;
use crate::engine::template::{Merge, TemplateId, Templates};
use crate::event::{Fields, Shape, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The reason why a snapshot cannot be restored. The current state is then kept.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The bytes are no snapshot, or incomplete.
    #[error("what rules remember cannot be read: {}", .0.0)]
    Malformed(#[from] snapshot::RestoreError),
    /// It was written by another version.
    #[error("the snapshot of the rules has version {0}, and this is version {VERSION}")]
    Version(u32),
}

/// The version of snapshots. It must be increased when their meaning changes.
const VERSION: u32 = 3;

#[derive(Debug, Serialize, Deserialize)]
struct RulesSnapshot {
    version: u32,
    rules: Vec<RuleSnapshot>,
    metrics: RuleMetrics,
    /// The patterns of all masks, so that findings after a restart are masked too.
    masks: Vec<(String, String)>,
    begun: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RuleSnapshot {
    name: String,
    hash: u64,
    tally: RuleTally,
    breaker: Breaker,
    remembered: RememberedSnapshot,
    #[serde(default)]
    since: Since,
}

/// A set of rules and their state.
#[derive(Debug)]
pub struct Rules {
    set: RuleSet,
    context: SharedContext,
    spent: Arc<Spent>,
    runners: Vec<Runner>,
    roots: Roots,
    scratch: Scratch,
    /// The last event that was copied for a script, for reuse of its memory.
    spent_event: Option<Event>,
    /// The time of the stream's first event, in nanoseconds.
    begun: Option<i64>,
    /// The earliest time at which something is due, in nanoseconds.
    soonest: i64,
}

impl Rules {
    /// Rules without any state.
    #[must_use]
    pub fn new(set: RuleSet, budget: Budget) -> Self {
        Self::build(set, budget, None)
    }

    /// As [`Self::new`], with a clock that ends evaluations which take too long within the
    /// operation limit.
    #[must_use]
    pub fn with_meter(set: RuleSet, budget: Budget, meter: Arc<dyn Meter>) -> Self {
        Self::build(set, budget, Some(meter))
    }

    fn build(set: RuleSet, budget: Budget, meter: Option<Arc<dyn Meter>>) -> Self {
        let spent = Arc::new(Spent::new(budget.operations, meter));
        let context = SharedContext::new(set.clone(), budget, Arc::clone(&spent));
        let library = Library::new(context.clone(), Arc::clone(&spent));
        let runner = |rule: &Rule| Runner::new(library.engine(rule), rule);
        let runners = set.rules().iter().map(runner).collect();
        let (roots, scratch) = (Roots::default(), Scratch::default());
        Self { set, context, spent, runners, roots, scratch, spent_event: None, begun: None, soonest: i64::MAX }
    }

    /// Sets the time zone of `between` and `weekday` where a rule names none; without it they use
    /// UTC.
    pub fn set_timezone(&mut self, name: &str) {
        self.context.lock().zones.set_own(name);
    }

    /// Runs the rules that select this event. `time` is the event's time as the engine accepted it.
    pub fn on_event(&mut self, fields: &Fields<'_>, time: Timestamp, outcome: &mut RuleOutcome) {
        self.on_known_event(fields, time, &Known::default(), outcome);
    }

    /// As [`Self::on_event`], with what the engine knows of the event.
    #[inline]
    pub fn on_known_event(
        &mut self,
        fields: &Fields<'_>,
        time: Timestamp,
        known: &Known<'_>,
        outcome: &mut RuleOutcome,
    ) {
        if !matches!(fields.parsed().shape, Shape::Json | Shape::Text) {
            return;
        }
        let begun = *self.begun.get_or_insert(time.0);
        // Nearly all events end here.
        if !self.set.matcher().is_idle(fields) {
            self.run(fields, time, begun, known, outcome);
        }
    }

    /// Runs the rules that select the event, if any do.
    #[inline(never)]
    fn run(&mut self, fields: &Fields<'_>, time: Timestamp, begun: i64, known: &Known<'_>, outcome: &mut RuleOutcome) {
        let Self { set, context, spent, runners, roots, scratch, spent_event, soonest, .. } = self;
        let template = known.template.map_or(TemplateId(0), |(found, _)| found.id);
        set.matcher().select(fields, template, roots, scratch);
        let mut event = None;
        for &i in &scratch.rules {
            let i = i as usize;
            let rule = &set.rules()[i];
            if !rule.answers {
                continue;
            }
            let runner = &mut runners[i];
            let ran = if runner.breaker.allows(time.0) {
                let event = event.get_or_insert_with(|| Event::copied(fields, known, set, spent_event.take())).clone();
                let call = Call { number: i, rule, context, spent, time: time.0, begun };
                runner.event(&call, event, known.emitted, outcome)
            } else {
                false
            };
            let mut context = context.lock();
            *soonest = context.rules[i].soonest().min(*soonest);
            if std::mem::take(&mut context.edit.withheld) || (!ran && rule.declaration.fails_closed) {
                outcome.edit.withheld = true;
                runner.tally.dropped += 1;
            }
        }
        if event.is_some() {
            *spent_event = event;
            self.take(outcome);
        }
    }

    /// Records a merge of two templates: filters with the template that was merged also select the
    /// one it was merged into.
    pub fn merge(&mut self, merge: Merge) {
        self.roots.merge(merge, self.set.matcher());
    }

    /// Looks up what the templates in filters were merged into, after a restart or with new rules.
    pub fn find_roots(&mut self, templates: &Templates) {
        for from in self.set.matcher().templates() {
            let into = templates.root(from);
            if into != from {
                self.roots.merge(Merge { from, into }, self.set.matcher());
            }
        }
    }

    /// Replaces the set. Rules that are in both sets with the same name, text and tables keep their
    /// state.
    pub fn replace(&mut self, set: RuleSet) {
        let kept = self.snapshot();
        let (budget, zones) = {
            let mut context = self.context.lock();
            (*context.budget(), std::mem::take(&mut context.zones))
        };
        *self = Self::build(set, budget, self.spent.meter());
        self.context.lock().zones = zones;
        // The snapshot was just made by this version. If restoring failed, the rules would start
        // without state.
        let _ = self.restore(&kept);
    }

    /// Handles all deadlines up to `now` and, on `whole` seconds, calls `on_tick` of the rules that
    /// have it.
    pub fn tick(&mut self, now: Timestamp, whole: bool, outcome: &mut RuleOutcome) {
        let begun = self.begun.unwrap_or(now.0);
        let Self { set, context, spent, runners, soonest, .. } = self;
        if *soonest > now.0 && !(whole && set.ticks()) {
            return;
        }
        *soonest = i64::MAX;
        for (i, (rule, runner)) in set.rules().iter().zip(runners).enumerate() {
            runner.tick(&Call { number: i, rule, context, spent, time: now.0, begun }, whole, outcome);
            *soonest = context.lock().rules[i].soonest().min(*soonest);
        }
        self.take(outcome);
    }

    /// True when a deadline is due at `now`.
    #[inline]
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.soonest <= now.0
    }

    /// True when a rule fails closed, so that no event may leave without the rules.
    #[must_use]
    pub fn fails_closed(&self) -> bool {
        self.set.rules().iter().any(|rule| rule.declaration.fails_closed)
    }

    /// Masks the texts of findings with all patterns that rules have used so far.
    pub fn mask(&self, findings: &mut [Finding]) {
        let context = self.context.lock();
        if !context.masks.is_empty() {
            findings.iter_mut().for_each(|finding| context.masks.apply(finding));
        }
    }

    fn take(&mut self, outcome: &mut RuleOutcome) {
        let mut context = self.context.lock();
        outcome.findings.append(&mut context.findings);
        outcome.printed.append(&mut context.printed);
        outcome.emitted.append(&mut context.emitted);
        outcome.edit.masks.append(&mut context.edit.masks);
        outcome.edit.members.append(&mut context.edit.members);
    }

    /// Passes the state of each rule to `visit`, always in the same order.
    pub(crate) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        self.context.lock().rules.iter_mut().for_each(|remembered| visit(remembered));
    }

    /// The number of metric series of rules, and the number of values without room for a series of
    /// their own.
    #[must_use]
    pub fn metric_series(&self) -> (u64, u64) {
        let context = self.context.lock();
        (context.metrics.series() as u64, context.metrics.evictions())
    }

    /// The metrics of rules.
    #[must_use]
    pub fn metrics(&self) -> RuleMetrics {
        self.context.lock().metrics.clone()
    }

    /// The metrics of rules if they have changed since the revision `last`, which is updated.
    pub fn metrics_since(&self, last: &mut u64) -> Option<RuleMetrics> {
        let context = self.context.lock();
        let revision = context.metrics.revision();
        (std::mem::replace(last, revision) != revision).then(|| context.metrics.clone())
    }

    /// Removes metric series that were idle for long; `now` is wall-clock time of the reader.
    pub fn forget_idle_metrics(&self, now: Timestamp) {
        self.context.lock().metrics.sweep(now);
    }

    /// The current set.
    #[must_use]
    pub fn set(&self) -> &RuleSet {
        &self.set
    }

    /// The counters of each rule, ordered by name.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, RuleTally)> {
        self.set.names().zip(self.runners.iter().map(|runner| runner.tally))
    }

    /// Keys in all tables of all rules.
    #[must_use]
    pub fn table_keys(&self) -> usize {
        self.context.lock().rules.iter().map(Remembered::len).sum()
    }

    /// Keys that all tables of all rules have evicted before they expired.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.context.lock().rules.iter().map(Remembered::evictions).sum()
    }

    /// Approximate size of the state of all rules, in bytes.
    #[cfg(test)]
    pub(crate) fn remembered_bytes(&self) -> usize {
        self.context.lock().rules.iter().map(Remembered::bytes).sum()
    }

    /// The state of the rules as CBOR.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let context = self.context.lock();
        let rules = self.set.rules().iter().zip(&self.runners).zip(&context.rules);
        let snapshot = RulesSnapshot {
            version: VERSION,
            rules: rules
                .map(|((rule, runner), state)| RuleSnapshot {
                    name: rule.name.clone(),
                    hash: rule.hash,
                    tally: runner.tally,
                    breaker: runner.breaker.clone(),
                    remembered: state.snapshot(),
                    since: state.since(),
                })
                .collect(),
            metrics: context.metrics.clone(),
            masks: context.masks.patterns(),
            begun: self.begun,
        };
        pack(&snapshot)
    }

    /// Restores the state of rules that are still the same by name, text and tables. Others start
    /// without state.
    ///
    /// # Errors
    /// [`RestoreError`] when this is no snapshot of this version. Then nothing has changed.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let snapshot: RulesSnapshot = unpack(snapshot)?;
        if snapshot.version != VERSION {
            return Err(RestoreError::Version(snapshot.version));
        }
        let mut context = self.context.lock();
        let budget = *context.budget();
        if snapshot.begun.is_some() {
            // Other rules are new in a stream that goes on.
            context.rules.fill(Remembered::default());
        }
        for saved in snapshot.rules {
            let Some(i) = self.set.rules().iter().position(|rule| rule.name == saved.name && rule.hash == saved.hash)
            else {
                continue;
            };
            self.runners[i].tally = saved.tally;
            self.runners[i].breaker = saved.breaker;
            context.rules[i] = Remembered::restored(saved.remembered, saved.since, &budget);
            self.soonest = context.rules[i].soonest().min(self.soonest);
        }
        context.metrics = snapshot.metrics;
        for (pattern, with) in snapshot.masks {
            // A pattern that this version cannot compile masks nothing, and fails again when a rule
            // uses it.
            let _ = context.masks.text(&pattern, &with);
        }
        self.begun = snapshot.begun;
        Ok(())
    }
}
