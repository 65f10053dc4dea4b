//! Incidents of first sights that are open, and what goes on with them.
//!
//! What is new goes on with an incident of its module that had something new within a warm-up time,
//! or with one of any module that had something new of its kind, a text or an exception, within a
//! minute: a new version brings its new texts in each
//! module in turn, and that is one thing to be told. Something worse than the incident opens its
//! own where it is of another module, and a FATAL always does, unless the incident is of one.

use crate::engine::finding::Evidence;
use crate::engine::incident::{IncidentId, Incidents, Opening};
use crate::engine::template::{Merge, TemplateId, example_of};
use crate::event::Level;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Seconds in which what is new in several modules is one thing.
const TOGETHER_S: f64 = 60.0;
/// Templates of an incident whose further lines are counted.
const TEMPLATES: usize = 1_000;
/// Messages of an incident that are shown besides the first.
const ALSO: usize = 3;
/// Most that are open. Further ones go on with the last.
const MOST: usize = 100;

/// Of which module something new is, at which level, and whether it is an exception or a stack.
pub(super) type NewsOf = (u64, Level, bool);

/// An open incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenNovelty {
    pub(super) id: IncidentId,
    pub(super) module: u64,
    /// It is of an exception or a stack.
    pub(super) is_exception: bool,
    /// The worst level of what is new in it.
    pub(super) level: Level,
    /// None of a trace of several lines.
    pub(super) templates: BTreeSet<TemplateId>,
    /// Seconds of running time at its last event, and when something in it was new.
    pub(super) last: f64,
    pub(super) news: f64,
    /// Seconds without an event after which it is over.
    pub(super) patience: f64,
    pub(super) kinds: u64,
    pub(super) also: Vec<String>,
}

impl OpenNovelty {
    /// One that opens at `running` seconds.
    pub(super) fn new(id: IncidentId, (module, level, is_exception): NewsOf, running: f64, patience: f64) -> Self {
        let (templates, also) = (BTreeSet::new(), Vec::new());
        Self { id, module, is_exception, level, templates, last: running, news: running, patience, kinds: 1, also }
    }

    /// A further new kind, of which `message` is; its template, where that is new.
    pub(super) fn add(&mut self, template: Option<TemplateId>, message: &str, running: f64) {
        (self.last, self.news) = (running, running);
        if self.templates.len() < TEMPLATES {
            self.templates.extend(template);
        }
        self.kinds += 1;
        if self.also.len() < ALSO {
            self.also.push(example_of(message).to_owned());
        }
    }

    /// Says in what is told of it how much was new.
    pub(super) fn tell(&self, opening: &mut Opening) {
        if let Evidence::Novelty(evidence) = &mut opening.evidence {
            evidence.kinds = self.kinds;
            evidence.also.clone_from(&self.also);
        }
    }
}

/// All that are open.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct OpenNovelties(Vec<OpenNovelty>);

impl OpenNovelties {
    pub(super) fn push(&mut self, open: OpenNovelty) {
        self.0.push(open);
    }

    /// The incident that a template is in; of a FATAL, one of its own module.
    pub(super) fn of(&mut self, template: TemplateId, level: Level, module: u64) -> Option<&mut OpenNovelty> {
        let is_its = |open: &&mut OpenNovelty| level < Level::Fatal || open.module == module;
        self.0.iter_mut().filter(|open| open.templates.contains(&template)).find(is_its)
    }

    /// The incident that a new kind of a module goes on with. Where the detector `is_full`, that is
    /// the last that it can.
    pub(super) fn joined_by(
        &mut self,
        (module, level, is_exception): NewsOf,
        running: f64,
        within_s: f64,
        is_full: bool,
    ) -> Option<&mut OpenNovelty> {
        let is_full = is_full || self.0.len() >= MOST;
        let can = |open: &&mut OpenNovelty| {
            let passed = running - open.news;
            let fits = (level == Level::Fatal) <= (open.level == Level::Fatal);
            let is_near = open.module == module && passed <= within_s;
            fits && (is_near || is_full || (passed <= TOGETHER_S && open.is_exception == is_exception))
        };
        self.0.iter_mut().rev().find(can)
    }

    pub(super) fn merge(&mut self, merge: Merge) {
        for open in &mut self.0 {
            if open.templates.remove(&merge.from) {
                open.templates.insert(merge.into);
            }
        }
    }

    /// Keeps those that go on; `end` is told of the others.
    pub(super) fn retain(
        &mut self,
        running: f64,
        incidents: &mut Incidents,
        mut end: impl FnMut(&mut Incidents, &OpenNovelty),
    ) {
        self.0.retain(|open| {
            let going = running - open.last <= open.patience;
            if !going {
                end(incidents, open);
            }
            going && incidents.is_open(open.id)
        });
    }

    /// The running time before which none is over.
    pub(super) fn soonest(&self) -> f64 {
        self.0.iter().map(|open| open.last + open.patience).fold(f64::INFINITY, f64::min)
    }

    /// How many.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
