//! What the functions of rules work on: the event that is evaluated, the state of its rule, and what has come of it.

use super::budget::Budget;
use super::count::Counts;
use super::event::Event;
use super::set::RuleSet;
use crate::engine::finding::{Key, RuleFinding, Severity};
use rhai::Position;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Findings that one rule can make on one event; a loop that makes more is a mistake.
const MOST_FINDINGS: usize = 16;
/// Lines that rules can print on one event, and the bytes of each.
const MOST_LINES: usize = 16;
const LONGEST_LINE: usize = 1024;
/// Parts of a key that is written as an array, in the text it is held under.
pub(super) const BETWEEN_PARTS: &str = "\u{1f}";

/// The host behind a lock: Rhai's functions are `Fn + Send + Sync`. Only one evaluation runs at a time, so it is never
/// waited for.
#[derive(Clone, Debug)]
pub(super) struct SharedHost(Arc<Mutex<Host>>);

impl SharedHost {
    pub(super) fn new(set: RuleSet, budget: Budget) -> Self {
        let rules = (0..set.rules().len()).map(|_| RuleState::default()).collect();
        Self(Arc::new(Mutex::new(Host {
            set,
            budget,
            rules,
            running: None,
            findings: Vec::new(),
            printed: Vec::new(),
        })))
    }

    /// A panic while it was held leaves at worst a count too many; the engine above decides what a panic means.
    pub(super) fn lock(&self) -> MutexGuard<'_, Host> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one rule remembers: a table for each call site, in the order of their places.
#[derive(Debug, Default)]
pub(super) struct RuleState {
    pub(super) counts: Vec<(Site, Counts)>,
}

/// The place of a call: line and column.
pub(super) type Site = (u16, u16);

/// One evaluation.
#[derive(Debug)]
struct Running {
    rule: usize,
    /// Of the event, in nanoseconds.
    time: i64,
    event: Event,
    /// The last count and its window in nanoseconds.
    counted: Option<(u64, i64)>,
    findings: usize,
}

/// What a `finding` call asks for, with the rule's own where it says nothing.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) summary: String,
    pub(super) severity: Option<Severity>,
    pub(super) cause: Option<String>,
    pub(super) remedy: Option<String>,
    pub(super) context: usize,
    pub(super) key: Option<Vec<(String, String)>>,
    pub(super) reset: bool,
}

/// Behind [`SharedHost`].
#[derive(Debug)]
pub(super) struct Host {
    pub(super) set: RuleSet,
    budget: Budget,
    pub(super) rules: Vec<RuleState>,
    running: Option<Running>,
    pub(super) findings: Vec<RuleFinding>,
    pub(super) printed: Vec<String>,
}

/// A function was called while the rule's constants were evaluated.
pub(super) const NOT_RUNNING: &str = "this can be called only while an event is evaluated, not in a constant";

impl Host {
    pub(super) fn begin(&mut self, rule: usize, time: i64, event: Event) {
        self.running = Some(Running { rule, time, event, counted: None, findings: self.findings.len() });
    }

    pub(super) fn end(&mut self) {
        self.running = None;
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Adds the event to the window of `key` at this call site.
    pub(super) fn count(&mut self, place: Position, key: &str, window: i64) -> Result<u64, String> {
        let running = self.running.as_mut().ok_or(NOT_RUNNING)?;
        let site = (place.line().unwrap_or(0) as u16, place.position().unwrap_or(0) as u16);
        let sites = &mut self.rules[running.rule].counts;
        let i = sites.binary_search_by_key(&site, |(site, _)| *site).unwrap_or_else(|i| {
            sites.insert(i, (site, Counts::default()));
            i
        });
        let count = sites[i].1.add(key, running.time, window, &self.budget);
        running.counted = Some((count, window));
        Ok(count)
    }

    /// A `count` of a missing key: nothing is recorded.
    pub(super) fn count_nothing(&mut self, window: i64) -> Result<u64, String> {
        self.running.as_mut().ok_or(NOT_RUNNING)?.counted = Some((0, window));
        Ok(0)
    }

    pub(super) fn finding(&mut self, asked: Asked) -> Result<(), String> {
        let running = self.running.as_ref().ok_or(NOT_RUNNING)?;
        if self.findings.len() - running.findings >= MOST_FINDINGS {
            return Err(format!("more than {MOST_FINDINGS} findings on one event"));
        }
        let rule = &self.set.rules()[running.rule];
        let key = asked.key.unwrap_or_else(|| {
            let values = rule.declaration.key.iter();
            values.filter_map(|(name, source)| Some((name.clone(), running.event.key_text(source)?))).collect()
        });
        if asked.reset {
            let values: Vec<&str> = key.iter().map(|(_, value)| value.as_str()).collect();
            let counted = values.join(BETWEEN_PARTS);
            for (_, counts) in &mut self.rules[running.rule].counts {
                if values.is_empty() { counts.clear() } else { counts.reset(&counted) }
            }
        }
        self.findings.push(RuleFinding {
            rule: rule.name.clone(),
            key: Key(key),
            severity: asked.severity.unwrap_or(rule.declaration.severity),
            summary: asked.summary,
            cause: asked.cause,
            remedy: asked.remedy,
            cooldown_s: super::duration::seconds(rule.declaration.cooldown),
            context: asked.context,
            observed: running.counted.map(|(count, _)| count as f64),
            window_s: running.counted.map(|(_, window)| super::duration::seconds(window)),
            level: running.event.level(),
        });
        Ok(())
    }

    /// Keeps a printed line, as long as there is room.
    pub(super) fn print(&mut self, text: &str) {
        if self.printed.len() < MOST_LINES {
            self.printed.push(text[..text.floor_char_boundary(LONGEST_LINE)].to_owned());
        }
    }
}
