//! Rules at work: which run for an event, what they remember, what they cost.

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
use crate::engine::rules::state::remembered::{Remembered, RememberedSnapshot};
use crate::engine::snapshot::{self, pack, unpack};
use crate::engine::state::Evict;
use crate::engine::template::{Merge, TemplateId, Templates};
use crate::event::{Fields, Shape, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Why a snapshot cannot be restored. What was there before is kept.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is none, or was cut off.
    #[error("what rules remember cannot be read: {}", .0.0)]
    Malformed(#[from] snapshot::RestoreError),
    /// It was written by another version.
    #[error("the snapshot of the rules has version {0}, and this is version {VERSION}")]
    Version(u32),
}

/// Of snapshots; to be counted up when their meaning changes.
const VERSION: u32 = 3;

#[derive(Debug, Serialize, Deserialize)]
struct RulesSnapshot {
    version: u32,
    rules: Vec<RuleSnapshot>,
    metrics: RuleMetrics,
    /// So that what was masked before a restart is masked in findings after it.
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
}

/// A set of rules and what they remember.
#[derive(Debug)]
pub struct Rules {
    set: RuleSet,
    context: SharedContext,
    spent: Arc<Spent>,
    runners: Vec<Runner>,
    roots: Roots,
    scratch: Scratch,
    /// The last event that a script saw, for its memory.
    spent_event: Option<Event>,
    /// The time of the stream's first event, in nanoseconds.
    begun: Option<i64>,
    /// Nothing is due before this, in nanoseconds.
    soonest: i64,
}

impl Rules {
    /// Rules that remember nothing yet.
    #[must_use]
    pub fn new(set: RuleSet, budget: Budget) -> Self {
        Self::build(set, budget, None)
    }

    /// As [`Self::new`], with a clock that ends evaluations which no count of operations ends soon
    /// enough.
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

    /// `between` and `weekday` mean the clock of this zone where a rule names none; without this,
    /// UTC.
    pub fn set_timezone(&mut self, name: &str) {
        self.context.lock().zones.set_own(name);
    }

    /// Runs the rules that select this event. `time` is the event's, as the engine takes it.
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
        // Nearly all events.
        if !self.set.matcher().is_idle(fields) {
            self.run(fields, time, begun, known, outcome);
        }
    }

    /// Runs the rules that select the event, if any do.
    #[inline(never)]
    fn run(&mut self, fields: &Fields<'_>, time: Timestamp, begun: i64, known: &Known<'_>, outcome: &mut RuleOutcome) {
        let Self { set, context, spent, runners, roots, scratch, spent_event, soonest, .. } = self;
        let template = known.template.map_or(TemplateId(0), |(sighting, _)| sighting.id);
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

    /// Two templates turned out to be one: filters that name the one that is no more mean the other
    /// too.
    pub fn merge(&mut self, merge: Merge) {
        self.roots.merge(merge, self.set.matcher());
    }

    /// Asks what has become of the templates that filters name, after a restart or with new rules.
    pub fn find_roots(&mut self, templates: &Templates) {
        for from in self.set.matcher().templates() {
            let into = templates.root(from);
            if into != from {
                self.roots.merge(Merge { from, into }, self.set.matcher());
            }
        }
    }

    /// Puts another set in place of this one; rules that are in both, by name, text and tables,
    /// keep what they remember.
    pub fn replace(&mut self, set: RuleSet) {
        let kept = self.snapshot();
        let (budget, zones) = {
            let mut context = self.context.lock();
            (*context.budget(), std::mem::take(&mut context.zones))
        };
        *self = Self::build(set, budget, self.spent.meter());
        self.context.lock().zones = zones;
        // It is a snapshot of this very version; if it were none, the rules would begin anew.
        let _ = self.restore(&kept);
    }

    /// Time has passed to `now`: what has not come is told, and on `whole` seconds rules with
    /// `on_tick` are called.
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

    /// True when [`Self::tick`] has something to tell at `now`.
    #[inline]
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.soonest <= now.0
    }

    /// True when an event must not leave without these rules: one of them fails closed.
    #[must_use]
    pub fn fails_closed(&self) -> bool {
        self.set.rules().iter().any(|rule| rule.declaration.fails_closed)
    }

    /// Masks what findings quote, by every pattern that rules have masked with.
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

    /// Shows what each rule remembers to `visit`, always in the same order.
    pub(crate) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        self.context.lock().rules.iter_mut().for_each(|remembered| visit(remembered));
    }

    /// How many series the metrics of rules have, and how many values found no room for one of
    /// their own.
    #[must_use]
    pub fn metric_series(&self) -> (u64, u64) {
        let context = self.context.lock();
        (context.metrics.series() as u64, context.metrics.evictions())
    }

    /// The metrics that rules make.
    #[must_use]
    pub fn metrics(&self) -> RuleMetrics {
        self.context.lock().metrics.clone()
    }

    /// The metrics that rules make, if anything was added since the state `last`, which is brought
    /// up to date.
    pub fn metrics_since(&self, last: &mut u64) -> Option<RuleMetrics> {
        let context = self.context.lock();
        let revision = context.metrics.revision();
        (std::mem::replace(last, revision) != revision).then(|| context.metrics.clone())
    }

    /// Forgets series of metrics that have been idle for long; `now` is by the clock of whoever
    /// reads them.
    pub fn forget_idle_metrics(&self, now: Timestamp) {
        self.context.lock().metrics.sweep(now);
    }

    /// The set that runs.
    #[must_use]
    pub fn set(&self) -> &RuleSet {
        &self.set
    }

    /// How each rule has fared, in the order of their names.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, RuleTally)> {
        self.set.names().zip(self.runners.iter().map(|runner| runner.tally))
    }

    /// Keys that all tables of all rules hold.
    #[must_use]
    pub fn table_keys(&self) -> usize {
        self.context.lock().rules.iter().map(Remembered::len).sum()
    }

    /// Keys that had to go before their time, from all tables of all rules.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.context.lock().rules.iter().map(Remembered::evictions).sum()
    }

    /// About how many bytes the rules remember.
    #[cfg(test)]
    pub(crate) fn remembered_bytes(&self) -> usize {
        self.context.lock().rules.iter().map(Remembered::bytes).sum()
    }

    /// What the rules remember, as CBOR.
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
                })
                .collect(),
            metrics: context.metrics.clone(),
            masks: context.masks.patterns(),
            begun: self.begun,
        };
        pack(&snapshot)
    }

    /// Takes over what a snapshot holds of rules that are still the same, by name and text. Others
    /// begin anew.
    ///
    /// # Errors
    /// [`RestoreError`] when it is no snapshot of this version; then nothing has changed.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let snapshot: RulesSnapshot = unpack(snapshot)?;
        if snapshot.version != VERSION {
            return Err(RestoreError::Version(snapshot.version));
        }
        let mut context = self.context.lock();
        let budget = *context.budget();
        for saved in snapshot.rules {
            let Some(i) = self.set.rules().iter().position(|rule| rule.name == saved.name && rule.hash == saved.hash)
            else {
                continue;
            };
            self.runners[i].tally = saved.tally;
            self.runners[i].breaker = saved.breaker;
            context.rules[i] = Remembered::restored(saved.remembered, &budget);
            self.soonest = context.rules[i].soonest().min(self.soonest);
        }
        context.metrics = snapshot.metrics;
        for (pattern, with) in snapshot.masks {
            // A pattern that this version does not know masks nothing here, and fails again where
            // it is asked for.
            let _ = context.masks.text(&pattern, &with);
        }
        self.begun = snapshot.begun;
        Ok(())
    }
}
