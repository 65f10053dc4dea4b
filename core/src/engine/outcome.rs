//! The results of one event.

use super::emitted::Emitted;
use super::finding::{Finding, NearMiss};
use super::template::TemplateMatch;
use crate::event::{Edit, Fault};

/// The results of one event. Reused for every event; empty for nearly all.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Findings that leave as events of their own, before this event.
    pub before: Vec<Finding>,
    /// Findings that are added to this event.
    pub findings: Vec<Finding>,
    /// What went wrong with this event, for the log: the fault and a message.
    pub fault: Option<(Fault, String)>,
    /// Text that rules printed.
    pub printed: Vec<String>,
    /// Changes to the event that rules ask for.
    pub edit: Edit,
    /// Events that rules emitted; they leave before this event.
    pub emitted: Vec<Emitted>,
    /// Near misses, where they were asked for.
    pub near_misses: Vec<NearMiss>,
    /// The event's template.
    pub template: TemplateMatch,
}

impl Outcome {
    /// True when there is no result except the template: the event leaves unchanged.
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

    /// The outcome of an event on which something failed outside of the engine.
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
