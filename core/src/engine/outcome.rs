//! What comes of one event.

use super::emitted::Emitted;
use super::finding::{Finding, NearMiss};
use super::template::TemplateMatch;
use crate::event::{Edit, Fault};

/// What comes of one event. Reused from event to event; empty for nearly all.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Findings that no event carries; they leave as events of their own, before this one.
    pub before: Vec<Finding>,
    /// Findings that this event shows.
    pub findings: Vec<Finding>,
    /// What went wrong with this event, for the log.
    pub fault: Option<(Fault, String)>,
    /// What rules printed.
    pub printed: Vec<String>,
    /// What becomes of the event at the wish of rules.
    pub edit: Edit,
    /// Events that rules made; they leave as events of their own, before this one.
    pub emitted: Vec<Emitted>,
    /// What was close to an incident and none, where that was asked for.
    pub near_misses: Vec<NearMiss>,
    /// The event's template.
    pub template: TemplateMatch,
}

impl Outcome {
    /// Nothing to say: the event leaves as it came.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.before.is_empty()
            && self.findings.is_empty()
            && self.fault.is_none()
            && self.printed.is_empty()
            && self.edit.is_none()
            && self.emitted.is_empty()
            && self.near_misses.is_empty()
    }

    /// An event on which something went wrong outside of the engine.
    #[must_use]
    pub fn of_fault(fault: Fault) -> Self {
        Self { fault: Some((fault, String::new())), ..Self::default() }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        if !self.is_quiet() {
            self.clear_all();
        }
        self.template = TemplateMatch::default();
    }

    fn clear_all(&mut self) {
        self.before.clear();
        self.findings.clear();
        self.fault = None;
        self.printed.clear();
        self.edit.clear();
        self.emitted.clear();
        self.near_misses.clear();
    }
}
