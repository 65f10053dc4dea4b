//! The results of rules: for one event, and as counters.

use crate::engine::finding::RuleFinding;
use crate::event::Edit;
use serde::{Deserialize, Serialize};

/// The results of rules on one event. Reused for every event, and cleared by the caller.
#[derive(Debug, Default)]
pub struct RuleOutcome {
    /// Findings, ordered by rule name and then by call.
    pub findings: Vec<RuleFinding>,
    /// Rules that failed.
    pub failures: Vec<RuleFailure>,
    /// Lines that rules printed, for their authors: at most 16 lines of 1 KiB.
    pub printed: Vec<String>,
    /// Changes to the event.
    pub edit: Edit,
    /// Emitted events, each as a JSON object.
    pub emitted: Vec<Vec<u8>>,
}

impl RuleOutcome {
    /// True without any result, as for nearly all events.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.findings.is_empty()
            && self.failures.is_empty()
            && self.printed.is_empty()
            && self.edit.is_none()
            && self.emitted.is_empty()
    }

    /// Removes the content but keeps the capacity.
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
    /// Location and reason: `rules/x.rhai:12:5: …`.
    pub message: String,
}

/// The counters of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTally {
    /// Events for which its script ran.
    pub evaluations: u64,
    /// Evaluations that failed.
    pub failures: u64,
    /// Events that it withheld: by `drop`, or by a failure with `on_failure: "drop"`.
    pub dropped: u64,
    /// Estimated nanoseconds in its script, if the engine has a clock: one evaluation in
    /// [`TIMED_EVALUATIONS`] is timed and counts for all of them.
    ///
    /// [`TIMED_EVALUATIONS`]: super::evaluate::TIMED_EVALUATIONS
    pub cpu_ns: u64,
    /// False while the circuit breaker has switched it off.
    pub enabled: bool,
}

impl Default for RuleTally {
    fn default() -> Self {
        Self { evaluations: 0, failures: 0, dropped: 0, cpu_ns: 0, enabled: true }
    }
}
