//! The rule context: what the functions of rules work on. It holds the event under evaluation, the
//! state of its rule, and the results.

use super::event::Event;
use crate::engine::finding::{Key, RuleFinding, Severity, name_of};
use crate::engine::rules::compile::sandbox::NOT_RUNNING;
use crate::engine::rules::compile::set::RuleSet;
use crate::engine::rules::state::budget::{Budget, Spent};
use crate::engine::rules::state::masks::Masks;
use crate::engine::rules::state::memory::{Memory, Origin};
use crate::engine::rules::state::metrics::RuleMetrics;
use crate::engine::rules::state::remembered::{Remembered, Since, site_of};
use crate::engine::rules::value::calendar::Zones;
use crate::engine::rules::value::duration::seconds;
use crate::event::{Edit, Level};
use rhai::Position;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Operations that a call with access to a rule's state costs in addition.
const OPERATIONS_A_CALL: u64 = 8;
/// Most findings of one rule on one event; a loop that makes more is a mistake.
const MOST_FINDINGS: usize = 16;
/// Most events that rules can emit on one event.
const MOST_EMITTED: usize = 16;
/// Most lines that rules can print on one event, and most bytes of each.
const MOST_LINES: usize = 16;
const LONGEST_LINE: usize = 1024;
/// Separates the parts of a key that a rule gives as an array.
pub(crate) const BETWEEN_PARTS: &str = "\u{1f}";

/// The rule context behind a lock, because Rhai requires functions to be `Fn + Send + Sync`. Only
/// one evaluation runs at a time, so the lock is never contended.
#[derive(Clone, Debug)]
pub(crate) struct SharedContext(Arc<Mutex<RuleContext>>);

impl SharedContext {
    pub(crate) fn new(set: RuleSet, budget: Budget, spent: Arc<Spent>) -> Self {
        let rules = set.rules().iter().map(|_| Remembered::default().watching_from_start()).collect();
        Self(Arc::new(Mutex::new(RuleContext {
            set,
            budget,
            spent,
            rules,
            running: None,
            findings: Vec::new(),
            printed: Vec::new(),
            edit: Edit::default(),
            emitted: Vec::new(),
            metrics: RuleMetrics::default(),
            masks: Masks::default(),
            zones: Zones::default(),
        })))
    }

    /// Ignores poisoning: after a panic a count may be off by one at worst. The engine decides what
    /// a panic means.
    pub(crate) fn lock(&self) -> MutexGuard<'_, RuleContext> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What caused an evaluation.
#[derive(Debug)]
pub(crate) enum Trigger {
    /// An event. If a rule `emitted` it, rules emit nothing for it.
    Event { event: Event, emitted: bool },
    /// A deadline of an earlier event, for an event that did not come.
    Past(Origin),
    /// A tick.
    Tick,
}

/// The current evaluation.
#[derive(Debug)]
struct Running {
    rule: usize,
    /// The time of the event, in nanoseconds.
    time: i64,
    /// Time since the stream's first event, in nanoseconds.
    age: i64,
    trigger: Trigger,
    /// The last measured value, and its window in nanoseconds.
    measured: Option<(f64, i64)>,
    findings: usize,
}

/// The arguments of a `finding` call. What it does not give is taken from the rule.
#[derive(Debug, Default)]
pub(crate) struct FindingRequest {
    pub(crate) summary: String,
    pub(crate) severity: Option<Severity>,
    pub(crate) cause: Option<String>,
    pub(crate) remedy: Option<String>,
    pub(crate) context: usize,
    pub(crate) key: Option<Vec<(String, String)>>,
    pub(crate) reset: bool,
    pub(crate) resolved: bool,
}

/// The content of [`SharedContext`].
#[derive(Debug)]
pub(crate) struct RuleContext {
    pub(crate) set: RuleSet,
    budget: Budget,
    spent: Arc<Spent>,
    pub(crate) rules: Vec<Remembered>,
    running: Option<Running>,
    pub(crate) findings: Vec<RuleFinding>,
    pub(crate) printed: Vec<String>,
    pub(crate) edit: Edit,
    /// Events that rules emitted, as JSON.
    pub(crate) emitted: Vec<Vec<u8>>,
    pub(crate) metrics: RuleMetrics,
    pub(crate) masks: Masks,
    pub(crate) zones: Zones,
}

/// The message when a function that changes the event is called without one.
const NO_EVENT: &str = "there is no event here to be changed: call this in `on_event`";

/// Cuts the values of a key to the length that a finding can show.
fn cut(mut key: Vec<(String, String)>) -> Vec<(String, String)> {
    key.iter_mut().for_each(|(_, value)| value.truncate(name_of(value).len()));
    key
}

impl RuleContext {
    /// Starts an evaluation of the rule with this number at `time`. `age` is the time since the
    /// stream's first event. Both are in nanoseconds.
    pub(crate) fn begin(&mut self, rule: usize, time: i64, age: i64, trigger: Trigger) {
        self.rules[rule].begin(time);
        self.running = Some(Running { rule, time, age, trigger, measured: None, findings: self.findings.len() });
    }

    pub(crate) fn end(&mut self) {
        self.running = None;
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The time of the evaluation, in nanoseconds.
    pub(crate) fn time(&self) -> Result<i64, String> {
        self.running.as_ref().map(|running| running.time).ok_or_else(|| NOT_RUNNING.to_owned())
    }

    /// The time since the stream's first event, in nanoseconds.
    pub(crate) fn age(&self) -> Result<i64, String> {
        self.running.as_ref().map(|running| running.age).ok_or_else(|| NOT_RUNNING.to_owned())
    }

    /// From when on the rule has seen every event that it selects, in nanoseconds.
    pub(crate) fn since(&self) -> Result<i64, String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        let begun = running.time.saturating_sub(running.age);
        Ok(match self.rules[running.rule].since() {
            Since::Beginning => begun,
            Since::At(since) => since.max(begun),
            Since::Next => running.time,
        })
    }

    /// Calls `work` with the call site's state of `key` and the time of the evaluation. Also
    /// returns whether its table has evicted keys.
    pub(crate) fn remember<R>(
        &mut self,
        call: Position,
        key: &str,
        work: impl FnOnce(&mut Memory, i64) -> R,
    ) -> Result<(R, bool), String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        let time = running.time;
        self.spend(OPERATIONS_A_CALL);
        Ok(self.rules[running.rule].at(site_of(call), key, time, &self.budget, |memory| work(memory, time)))
    }

    /// The state of the current rule, its budget, and the time.
    pub(crate) fn remembered(&mut self) -> Result<(&mut Remembered, &Budget, i64), String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        self.spend(OPERATIONS_A_CALL);
        Ok((&mut self.rules[running.rule], &self.budget, running.time))
    }

    /// Counts additional operations.
    pub(crate) fn spend(&self, operations: u64) {
        // If this exceeds the limit, the next operation ends the evaluation.
        let _ = self.spent.spend_many(operations);
    }

    /// Records a value measured over a window, as evidence for a finding.
    pub(crate) fn measured(&mut self, value: f64, window: i64) {
        if let Some(running) = &mut self.running {
            running.measured = Some((value, window));
        }
    }

    /// True during a tick, when no event is evaluated.
    pub(crate) fn is_tick(&self) -> bool {
        matches!(&self.running, Some(Running { trigger: Trigger::Tick, .. }))
    }

    /// The event under evaluation, for functions that change it.
    pub(crate) fn event(&self) -> Result<&Event, String> {
        match &self.running.as_ref().ok_or(NOT_RUNNING)?.trigger {
            Trigger::Event { event, .. } => Ok(event),
            Trigger::Past(_) | Trigger::Tick => Err(NO_EVENT.to_owned()),
        }
    }

    /// The key and the level that a later finding needs of the current event.
    pub(crate) fn origin(&self) -> Result<Origin, String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        Ok(match &running.trigger {
            Trigger::Event { event, .. } => Origin { key: cut(self.key_of(running.rule, event)), level: event.level() },
            Trigger::Past(origin) => origin.clone(),
            Trigger::Tick => Origin::default(),
        })
    }

    fn key_of(&self, rule: usize, event: &Event) -> Vec<(String, String)> {
        let names = self.set.rules()[rule].declaration.key.iter();
        names.filter_map(|(name, source)| Some((name.clone(), event.key_text(source)?))).collect()
    }

    pub(crate) fn finding(&mut self, asked: FindingRequest) -> Result<(), String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        if self.findings.len() - running.findings >= MOST_FINDINGS {
            return Err(format!("more than {MOST_FINDINGS} findings on one event"));
        }
        let rule = &self.set.rules()[running.rule];
        let level: Option<Level> = match &running.trigger {
            Trigger::Event { event, .. } => event.level(),
            Trigger::Past(origin) => origin.level,
            Trigger::Tick => None,
        };
        let key = match (asked.key, &running.trigger) {
            (Some(key), _) => key,
            (None, Trigger::Event { event, .. }) => self.key_of(running.rule, event),
            (None, Trigger::Past(origin)) => origin.key.clone(),
            (None, Trigger::Tick) => Vec::new(),
        };
        if asked.reset {
            let values: Vec<&str> = key.iter().map(|(_, value)| value.as_str()).collect();
            let remembered = &mut self.rules[running.rule];
            let now = running.time;
            if values.is_empty() {
                remembered.reset_all(now);
            } else {
                remembered.reset(&values.join(BETWEEN_PARTS), now);
            }
        }
        self.findings.push(RuleFinding {
            rule: rule.name.clone(),
            key: Key(cut(key)),
            severity: asked.severity.unwrap_or(rule.declaration.severity),
            summary: asked.summary,
            cause: asked.cause,
            remedy: asked.remedy,
            cooldown_s: seconds(rule.declaration.cooldown),
            context: asked.context,
            observed: running.measured.map(|(value, _)| value),
            window_s: running.measured.map(|(_, window)| seconds(window)),
            level,
            resolved: asked.resolved,
            place: match &running.trigger {
                Trigger::Event { event, .. } if rule.declaration.explains => Some(event.locality()),
                _ => None,
            },
        });
        Ok(())
    }

    /// Records an emitted event; `write` gets the rule's name and the time. Does nothing for an
    /// event that was itself emitted, so that no loop can arise.
    pub(crate) fn emit(&mut self, write: impl FnOnce(&str, i64) -> Vec<u8>) -> Result<(), String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        if matches!(running.trigger, Trigger::Event { emitted: true, .. }) {
            return Ok(());
        }
        if self.emitted.len() >= MOST_EMITTED {
            return Err(format!("more than {MOST_EMITTED} events emitted on one event"));
        }
        self.emitted.push(write(&self.set.rules()[running.rule].name, running.time));
        Ok(())
    }

    /// Records a printed line, unless there are [`MOST_LINES`] already.
    pub(crate) fn print(&mut self, text: &str) {
        if self.printed.len() < MOST_LINES {
            self.printed.push(text[..text.floor_char_boundary(LONGEST_LINE)].to_owned());
        }
    }
}
