//! What comes of rules: on one event, and over time.

use crate::engine::finding::RuleFinding;
use crate::event::Edit;
use serde::{Deserialize, Serialize};

/// What came of one event. Reused from event to event, and cleared by the caller.
#[derive(Debug, Default)]
pub struct RuleOutcome {
    /// In the order of the rules' names, and of the calls in each.
    pub findings: Vec<RuleFinding>,
    /// Rules that failed.
    pub failures: Vec<RuleFailure>,
    /// What rules printed, for their authors: at most 16 lines of 1 KiB.
    pub printed: Vec<String>,
    /// What becomes of the event.
    pub edit: Edit,
    /// Events that rules made, each a JSON object.
    pub emitted: Vec<Vec<u8>>,
}

impl RuleOutcome {
    /// Nothing came of it, as of nearly all events.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.findings.is_empty()
            && self.failures.is_empty()
            && self.printed.is_empty()
            && self.edit.is_none()
            && self.emitted.is_empty()
    }

    /// Forgets the content and keeps the memory.
    pub fn clear(&mut self) {
        self.findings.clear();
        self.failures.clear();
        self.printed.clear();
        self.edit.clear();
        self.emitted.clear();
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
    /// Events that it withheld: by `drop`, or by failing where that means so.
    pub dropped: u64,
    /// Nanoseconds in its script, where the engine has a clock: one evaluation in
    /// [`TIMED_EVALUATIONS`] is timed and stands for all of them.
    ///
    /// [`TIMED_EVALUATIONS`]: super::evaluate::TIMED_EVALUATIONS
    pub cpu_ns: u64,
    /// False while it is switched off for failing.
    pub enabled: bool,
}

impl Default for RuleTally {
    fn default() -> Self {
        Self { evaluations: 0, failures: 0, dropped: 0, cpu_ns: 0, enabled: true }
    }
}
