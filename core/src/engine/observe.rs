//! Passes one event, or a complete stack trace, through templates and detectors.

use super::clock::Moment;
use super::detector::{Detector, Event, Prior, Report};
use super::finding::{Finding, NearMiss};
use super::template::TemplateMatch;
use super::{Engine, Outcome, stack_trace};
use crate::event::stack_trace::Stack;
use crate::event::{Fields, Level, ParsedEvent};

impl Engine {
    /// Passes the event through templates and detectors, and returns its template.
    #[inline]
    pub(super) fn observe(&mut self, fields: &Fields<'_>, moment: Moment, outcome: &mut Outcome) -> TemplateMatch {
        let stack = stack_trace::in_field(fields);
        let (prior, findings) = (Prior::default(), &mut outcome.findings);
        if stack.is_some() && fields.level().is_none() {
            // Without a level it counts as ERROR: a program that handles an exception logs a level.
            let parsed = ParsedEvent { level: Some(Level::Error), ..*fields.parsed() };
            let event = (&fields.with_parsed(&parsed), stack.as_ref());
            return self.observe_event(event, moment, prior, findings, &mut outcome.near_misses);
        }
        self.observe_event((fields, stack.as_ref()), moment, prior, findings, &mut outcome.near_misses)
    }

    #[inline]
    fn observe_event(
        &mut self,
        (fields, stack): (&Fields<'_>, Option<&Stack>),
        moment: Moment,
        mut prior: Prior,
        findings: &mut Vec<Finding>,
        near_misses: &mut Vec<NearMiss>,
    ) -> TemplateMatch {
        let template = self.templates.see(fields, moment.now, &mut self.merges);
        for merge in self.merges.drain(..) {
            self.detectors.iter_mut().for_each(|detector| detector.merge(merge));
            self.rules.merge(merge);
        }
        let event = Event { fields: *fields, moment, template, templates: &self.templates, stack };
        let near_misses = self.near_misses.then_some(near_misses);
        let mut report = Report::new(&mut self.incidents, findings).with_near_misses(near_misses);
        let mut observe = |detector: &mut Box<dyn Detector>| {
            detector.observe(&event, &prior, &mut report);
            report.hand_on(|| detector.name(), &mut prior);
        };
        match self.cost.samples() {
            None => self.detectors.iter_mut().for_each(observe),
            Some(meter) => {
                let mut begun = meter.clock_ns();
                for (i, detector) in self.detectors.iter_mut().enumerate() {
                    observe(detector);
                    let done = meter.clock_ns();
                    self.cost.add(i, done.saturating_sub(begun));
                    begun = done;
                }
            }
        }
        template
    }

    /// Passes completed stack traces of several lines to the detectors: as an event of its own
    /// where its first lines were held back, otherwise as an addition to the event that was already
    /// observed.
    #[cold]
    pub(super) fn tell_traces(&mut self, moment: Moment, outcome: &mut Outcome) {
        for trace in self.traces.take_ended() {
            if let Some(event) = &trace.event {
                let prior = Prior { told: trace.told, ..Prior::default() };
                let event = (&event.fields(), Some(&trace.stack).filter(|stack| stack.frames > 0));
                self.observe_event(event, moment, prior, &mut outcome.before, &mut outcome.near_misses);
                continue;
            }
            let near_misses = self.near_misses.then_some(&mut outcome.near_misses);
            let mut report = Report::new(&mut self.incidents, &mut outcome.before).with_near_misses(near_misses);
            self.detectors.iter_mut().for_each(|detector| detector.trace(&trace, moment, &self.templates, &mut report));
        }
    }
}
