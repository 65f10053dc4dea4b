//! The rule context: what the functions of rules work on. The event that is evaluated, the state of
//! its rule, and what has come of it.

use super::event::Event;
use crate::engine::finding::{Key, RuleFinding, Severity, name_of};
use crate::engine::rules::compile::sandbox::NOT_RUNNING;
use crate::engine::rules::compile::set::RuleSet;
use crate::engine::rules::state::budget::{Budget, Spent};
use crate::engine::rules::state::masks::Masks;
use crate::engine::rules::state::memory::{Memory, Origin};
use crate::engine::rules::state::metrics::RuleMetrics;
use crate::engine::rules::state::remembered::{Remembered, site_of};
use crate::engine::rules::value::calendar::Zones;
use crate::engine::rules::value::duration::seconds;
use crate::event::{Edit, Level};
use rhai::Position;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a look into a rule's memory costs more than any other call.
const OPERATIONS_A_CALL: u64 = 8;
/// Findings that one rule can make on one event; a loop that makes more is a mistake.
const MOST_FINDINGS: usize = 16;
/// Events that rules can emit on one event.
const MOST_EMITTED: usize = 16;
/// Lines that rules can print on one event, and the bytes of each.
const MOST_LINES: usize = 16;
const LONGEST_LINE: usize = 1024;
/// Parts of a key that is written as an array, in the text it is held under.
pub(crate) const BETWEEN_PARTS: &str = "\u{1f}";

/// The context behind a lock: Rhai's functions are `Fn + Send + Sync`. Only one evaluation runs at
/// a time, so it is never waited for.
#[derive(Clone, Debug)]
pub(crate) struct SharedContext(Arc<Mutex<RuleContext>>);

impl SharedContext {
    pub(crate) fn new(set: RuleSet, budget: Budget, spent: Arc<Spent>) -> Self {
        let rules = set.rules().iter().map(|_| Remembered::default()).collect();
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

    /// A panic while it was held leaves at worst a count too many; the engine above decides what a
    /// panic means.
    pub(crate) fn lock(&self) -> MutexGuard<'_, RuleContext> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an evaluation is about.
#[derive(Debug)]
pub(crate) enum Trigger {
    /// An event; `emitted` by a rule, so that it emits nothing itself.
    Event { event: Event, emitted: bool },
    /// An event that has passed, or whose like did not come.
    Past(Origin),
    /// The passing of time.
    Tick,
}

/// One evaluation.
#[derive(Debug)]
struct Running {
    rule: usize,
    /// Of the event, in nanoseconds.
    time: i64,
    /// How long the stream has gone on until then, in nanoseconds.
    age: i64,
    trigger: Trigger,
    /// What was measured last, and over which window in nanoseconds.
    measured: Option<(f64, i64)>,
    findings: usize,
}

/// What a `finding` call asks for, with the rule's own where it says nothing.
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

/// Behind [`SharedContext`].
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
    /// Events that rules made, as JSON.
    pub(crate) emitted: Vec<Vec<u8>>,
    pub(crate) metrics: RuleMetrics,
    pub(crate) masks: Masks,
    pub(crate) zones: Zones,
}

/// A function that works on an event was called without one.
const NO_EVENT: &str = "there is no event here to be changed: call this in `on_event`";

/// A key as it is kept: no more of each value than a finding could tell.
fn cut(mut key: Vec<(String, String)>) -> Vec<(String, String)> {
    key.iter_mut().for_each(|(_, value)| value.truncate(name_of(value).len()));
    key
}

impl RuleContext {
    /// The rule of this number is evaluated at `time`; `age` is how long the stream has gone on
    /// until then. Both are in nanoseconds.
    pub(crate) fn begin(&mut self, rule: usize, time: i64, age: i64, trigger: Trigger) {
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

    /// How long the stream has gone on at the time of the evaluation, in nanoseconds.
    pub(crate) fn age(&self) -> Result<i64, String> {
        self.running.as_ref().map(|running| running.age).ok_or_else(|| NOT_RUNNING.to_owned())
    }

    /// Lets `work` at what the call site remembers of `key`, at the time of the evaluation; also
    /// gives whether its table has forgotten keys.
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

    /// What the rule that runs remembers, the budget for it, and the time.
    pub(crate) fn remembered(&mut self) -> Result<(&mut Remembered, &Budget, i64), String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        self.spend(OPERATIONS_A_CALL);
        Ok((&mut self.rules[running.rule], &self.budget, running.time))
    }

    /// The evaluation does so much more than one operation.
    pub(crate) fn spend(&self, operations: u64) {
        // The next operation ends the evaluation if this was too much.
        let _ = self.spent.spend_many(operations);
    }

    /// Keeps what was measured over a window, for the evidence of a finding.
    pub(crate) fn measured(&mut self, value: f64, window: i64) {
        if let Some(running) = &mut self.running {
            running.measured = Some((value, window));
        }
    }

    /// True while time passes and no event is evaluated.
    pub(crate) fn is_tick(&self) -> bool {
        matches!(&self.running, Some(Running { trigger: Trigger::Tick, .. }))
    }

    /// The event that is evaluated, for functions that change it.
    pub(crate) fn event(&self) -> Result<&Event, String> {
        match &self.running.as_ref().ok_or(NOT_RUNNING)?.trigger {
            Trigger::Event { event, .. } => Ok(event),
            Trigger::Past(_) | Trigger::Tick => Err(NO_EVENT.to_owned()),
        }
    }

    /// Whose incident a finding would be, and how bad the event is.
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
            if values.is_empty() { remembered.reset_all() } else { remembered.reset(&values.join(BETWEEN_PARTS)) }
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

    /// Keeps an event that a rule has made; `write` is given the rule's name and the time. An event
    /// that was itself emitted emits nothing, so that no loop comes of it.
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

    /// Keeps a printed line, as long as there is room.
    pub(crate) fn print(&mut self, text: &str) {
        if self.printed.len() < MOST_LINES {
            self.printed.push(text[..text.floor_char_boundary(LONGEST_LINE)].to_owned());
        }
    }
}
