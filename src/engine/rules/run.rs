//! Rules at work: which run for an event, what they remember, what they cost.

use super::breaker::Breaker;
use super::budget::{Budget, Meter, Spent};
use super::count::{Counts, CountsSnapshot};
use super::event::Event;
use super::host::{SharedHost, Site};
use super::matcher::{Roots, Scratch};
use super::sandbox::Library;
use super::set::{RuleSet, explain};
use crate::engine::finding::RuleFinding;
use crate::engine::template::{Merge, TemplateId};
use crate::event::{Fields, Shape, Timestamp};
use rhai::{CallFnOptions, Dynamic, Engine, Scope};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What came of one event. Reused from event to event, and cleared by the caller.
#[derive(Debug, Default)]
pub struct RuleOutcome {
    /// In the order of the rules' names, and of the calls in each.
    pub findings: Vec<RuleFinding>,
    /// Rules that failed.
    pub failures: Vec<RuleFailure>,
    /// What rules printed, for their authors: at most 16 lines of 1 KiB.
    pub printed: Vec<String>,
}

impl RuleOutcome {
    /// Nothing came of it, as of nearly all events.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.findings.is_empty() && self.failures.is_empty() && self.printed.is_empty()
    }

    /// Forgets the content and keeps the memory.
    pub fn clear(&mut self) {
        self.findings.clear();
        self.failures.clear();
        self.printed.clear();
    }
}

/// A rule that failed on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFailure {
    /// The rule's name.
    pub rule: String,
    /// Where and why: `rules/x.rhai:12:5: …`.
    pub message: String,
}

/// How a rule has fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTally {
    /// Events for which its script ran.
    pub evaluations: u64,
    /// Evaluations that failed.
    pub failures: u64,
    /// Nanoseconds in its script, where the engine has a clock.
    pub cpu_ns: u64,
    /// False while it is switched off for failing.
    pub enabled: bool,
}

/// Why a snapshot cannot be restored. What was there before is kept.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is none, or was cut off.
    #[error("the snapshot of the rules cannot be read: {0}")]
    Malformed(#[from] rmp_serde::decode::Error),
    /// It was written by another version.
    #[error("the snapshot of the rules has version {0}, and this is version {VERSION}")]
    Version(u32),
}

/// Of snapshots; to be counted up when their meaning changes.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    version: u32,
    rules: Vec<RuleSnapshot>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RuleSnapshot {
    name: String,
    hash: u64,
    tally: RuleTally,
    breaker: Breaker,
    counts: Vec<(Site, CountsSnapshot)>,
}

/// A set of rules and what they remember.
#[derive(Debug)]
pub struct Rules {
    set: RuleSet,
    host: SharedHost,
    spent: Arc<Spent>,
    runners: Vec<Runner>,
    roots: Roots,
    scratch: Scratch,
}

#[derive(Debug)]
struct Runner {
    engine: Engine,
    tally: RuleTally,
    breaker: Breaker,
}

impl Rules {
    /// Rules that remember nothing yet.
    #[must_use]
    pub fn new(set: RuleSet, budget: Budget) -> Self {
        Self::build(set, budget, None)
    }

    /// As [`Self::new`], with a clock that ends evaluations which no count of operations ends soon enough.
    #[must_use]
    pub fn with_meter(set: RuleSet, budget: Budget, meter: Arc<dyn Meter>) -> Self {
        Self::build(set, budget, Some(meter))
    }

    fn build(set: RuleSet, budget: Budget, meter: Option<Arc<dyn Meter>>) -> Self {
        let host = SharedHost::new(set.clone(), budget);
        let spent = Arc::new(Spent::new(budget.operations, meter));
        let library = Library::new(host.clone(), Arc::clone(&spent));
        let runner = |rule: &super::set::Rule| Runner {
            engine: library.engine(rule.modules.iter().cloned()),
            tally: RuleTally { evaluations: 0, failures: 0, cpu_ns: 0, enabled: true },
            breaker: Breaker::default(),
        };
        let runners = set.rules().iter().map(runner).collect();
        Self { set, host, spent, runners, roots: Roots::default(), scratch: Scratch::default() }
    }

    /// Runs the rules that select this event. `time` is the event's, as the engine takes it.
    pub fn on_event(&mut self, fields: &Fields<'_>, template: TemplateId, time: Timestamp, outcome: &mut RuleOutcome) {
        if !matches!(fields.look().shape, Shape::Json | Shape::Text) {
            return;
        }
        let Self { set, host, spent, runners, roots, scratch } = self;
        set.matcher().select(fields, template, roots, set.tables(), scratch);
        let mut event = None;
        for &i in &scratch.rules {
            let i = i as usize;
            let rule = &set.rules()[i];
            let runner = &mut runners[i];
            if !runner.breaker.lets_run(time.0) {
                continue;
            }
            let event = event.get_or_insert_with(|| Event::copied(fields)).clone();
            host.lock().begin(i, time.0, event.clone());
            spent.begin();
            let options = CallFnOptions::new().eval_ast(false);
            let result = runner.engine.call_fn_with_options::<Dynamic>(
                options,
                &mut Scope::new(),
                &rule.ast,
                "on_event",
                (event,),
            );
            host.lock().end();
            runner.tally.evaluations += 1;
            match result {
                Ok(_) => runner.breaker.succeeded(),
                Err(error) => {
                    runner.tally.failures += 1;
                    let (place, text) = explain(*error, Some(spent.limit()));
                    let mut message = match (place.line(), place.position()) {
                        (Some(line), Some(column)) => format!("{}:{line}:{column}: {text}", rule.path),
                        _ => format!("{}: {text}", rule.path),
                    };
                    if let Some(pause) = runner.breaker.failed(time.0) {
                        message.push_str(&format!("; switched off for {} s", pause / 1_000_000_000));
                    }
                    outcome.failures.push(RuleFailure { rule: rule.name.clone(), message });
                }
            }
            runner.tally.enabled = runner.breaker.is_on();
        }
        if event.is_some() {
            let mut host = host.lock();
            outcome.findings.append(&mut host.findings);
            outcome.printed.append(&mut host.printed);
        }
    }

    /// Two templates turned out to be one: filters that name the one that is no more mean the other too.
    pub fn merge(&mut self, merge: Merge) {
        self.roots.merge(merge, self.set.matcher());
    }

    /// Puts another set in place of this one; rules that are in both, by name, text and tables, keep what they remember.
    pub fn replace(&mut self, set: RuleSet) {
        let (kept, roots) = (self.snapshot(), std::mem::take(&mut self.roots));
        let budget = *self.host.lock().budget();
        *self = Self { roots, ..Self::build(set, budget, self.spent.meter()) };
        // It is a snapshot of this very version; if it were none, the rules would begin anew.
        let _ = self.restore(&kept);
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
        self.host.lock().rules.iter().flat_map(|rule| &rule.counts).map(|(_, counts)| counts.len()).sum()
    }

    /// Keys that had to go before their time, from all tables of all rules.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.host.lock().rules.iter().flat_map(|rule| &rule.counts).map(|(_, counts)| counts.evictions()).sum()
    }

    /// What the rules remember, as MessagePack with named members.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let host = self.host.lock();
        let rules = self.set.rules().iter().zip(&self.runners).zip(&host.rules);
        let snapshot = Snapshot {
            version: VERSION,
            rules: rules
                .map(|((rule, runner), state)| RuleSnapshot {
                    name: rule.name.clone(),
                    hash: rule.hash,
                    tally: runner.tally,
                    breaker: runner.breaker.clone(),
                    counts: state.counts.iter().map(|(site, counts)| (*site, counts.snapshot())).collect(),
                })
                .collect(),
        };
        // Writing numbers, text and sequences into memory cannot fail; if it did, there would be nothing to restore.
        rmp_serde::to_vec_named(&snapshot).unwrap_or_default()
    }

    /// Takes over what a snapshot holds of rules that are still the same, by name and text. Others begin anew.
    ///
    /// # Errors
    /// [`RestoreError`] when it is no snapshot of this version; then nothing has changed.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let snapshot: Snapshot = rmp_serde::from_slice(snapshot)?;
        if snapshot.version != VERSION {
            return Err(RestoreError::Version(snapshot.version));
        }
        let mut host = self.host.lock();
        let budget = *host.budget();
        for saved in snapshot.rules {
            let Some(i) = self.set.rules().iter().position(|rule| rule.name == saved.name && rule.hash == saved.hash)
            else {
                continue;
            };
            self.runners[i].tally = saved.tally;
            self.runners[i].breaker = saved.breaker;
            host.rules[i].counts =
                saved.counts.into_iter().map(|(site, counts)| (site, Counts::restored(counts, &budget))).collect();
            host.rules[i].counts.sort_by_key(|(site, _)| *site);
        }
        Ok(())
    }
}
