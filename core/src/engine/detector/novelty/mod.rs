//! Never seen before: a template, an exception type or a stack trace at WARN or worse.
//!
//! A first sight opens an incident when something new is unlikely: when its chance, by Good and
//! Turing's estimate over the events at WARN and worse (`good_turing.rs`), is below `threshold`.
//! Where new texts are usual, or a deploy has made all texts new, none opens. After five openings
//! in a warm-up time, further first sights join the last incident. A template that has been seen at
//! any level is known. Its later events in the warm-up time join its incident, which ends when none
//! came for that long.
//!
//! An exception type that was never named before is reported where its template is known, or in
//! place of its template. A known type with new frames (`Stack::fingerprint`) is reported in the
//! same way. Stack traces of several lines are examined when they are complete (`Detector::trace`),
//! at the level of the line that they belong to; where that line itself was news, they are added to
//! its incident. What a rule has told of is no news.
//!
//! Nothing opens once a table of templates, exceptions or stacks has evicted a key: a first sight
//! means nothing then. Memory: the templates' own table, 16 bytes for each exception type and each
//! stack (capped), 8 KiB for messages without one, five incidents. Cold start: silent for
//! `warm_up_s` of stream; programs write in runs, and a rare line takes longer to come than an
//! estimate for independent lines expects.

mod good_turing;
mod incident;
mod options;

use super::openings::Openings;
use super::options::SharedOptions;
use super::{Detector, Event, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::{DetectorName, NearMiss, Reason};
use crate::engine::incident::IncidentId;
use crate::engine::overrides::{Choice, Overrides};
use crate::engine::snapshot::Stateful;
use crate::engine::stack_trace::Trace;
use crate::engine::state::{Evict, Table, TableSnapshot};
use crate::engine::template::{Merge, TemplateId, Templates};
use crate::event::exception::ExceptionTypes;
use crate::event::{Fields, Level, Role};
use good_turing::GoodTuring;
use incident::{News, Sight};
use options::NoveltySettings;
pub use options::{NoveltyOptions, NoveltyOverride};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Open incidents are examined so many seconds before the first may be over, so that rounding makes
/// none late.
const EARLY_S: f64 = 1e-3;
/// So much of a message tells whose trace one is, in bytes.
const BEGINNING_BYTES: usize = 200;
/// Messages that are remembered as naming no exception: 8 KiB.
const NAMELESS: usize = 1 << 10;

/// An open incident.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct OpenNovelty {
    id: IncidentId,
    /// None of a trace of several lines.
    template: Option<TemplateId>,
    /// Seconds of running time at its last event.
    last: f64,
}

/// The detector.
#[derive(Debug)]
pub struct Novelty {
    overrides: Overrides<NoveltySettings>,
    /// The least level that any settings name.
    least: Level,
    warm_up_s: f64,
    templates: GoodTuring,
    /// Exception types, by the hashes of their names.
    exceptions: Kinds,
    /// Stacks, by their fingerprints.
    stacks: Kinds,
    types: ExceptionTypes,
    /// Hashes of messages that name no exception, by their lowest bits: messages repeat themselves.
    nameless: Box<[u64; NAMELESS]>,
    open: Vec<OpenNovelty>,
    /// When the last incidents were opened.
    opened: Openings,
    /// No open incident is over before this running time, unless it is forgotten.
    soonest: f64,
    /// The number of forgotten incidents at the last tick.
    forgotten: u64,
    /// The incident that the last event has opened, and a hash of the beginning of what that said:
    /// the trace below it is the same news.
    latest: Option<(u64, IncidentId)>,
}

/// How often each kind was seen, and the chance that the next is new.
#[derive(Debug)]
struct Kinds {
    counts: Table<u64>,
    chance: GoodTuring,
}

impl Kinds {
    fn new(keys: usize) -> Self {
        Self { counts: Table::new(keys), chance: GoodTuring::default() }
    }

    /// Takes a sighting; returns the chance that it would be new, if it is.
    fn see(&mut self, kind: u64) -> Option<f64> {
        let count = self.counts.touch(kind, || 0);
        *count += 1;
        let count = *count;
        let chance = self.chance.see(count);
        (count == 1).then_some(chance)
    }

    fn snapshot(&self) -> KindsState {
        (self.chance, self.counts.snapshot())
    }

    fn restore(&mut self, (chance, counts): KindsState) {
        self.chance = chance;
        self.counts.restore(counts);
    }
}

type KindsState = (GoodTuring, TableSnapshot<u64>);

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct NoveltyState {
    templates: GoodTuring,
    exceptions: KindsState,
    stacks: KindsState,
    open: Vec<OpenNovelty>,
    opened: Openings,
}

impl Registered for Novelty {
    type Options = NoveltyOptions;

    fn new(options: &NoveltyOptions, SharedOptions { keys, .. }: SharedOptions) -> Self {
        let overrides = options.settings();
        Self {
            least: overrides.all().map(|settings| settings.level).min().unwrap_or(Level::Warn),
            overrides,
            warm_up_s: options.warm_up.seconds(),
            templates: GoodTuring::default(),
            exceptions: Kinds::new(keys),
            stacks: Kinds::new(keys),
            types: ExceptionTypes::default(),
            nameless: Box::new([0; NAMELESS]),
            open: Vec::new(),
            opened: Openings::default(),
            soonest: f64::INFINITY,
            forgotten: 0,
            latest: None,
        }
    }
}

impl Novelty {
    /// The first exception type that the message names.
    fn exception<'a>(&mut self, fields: &Fields<'a>) -> Option<&'a [u8]> {
        let hash = fields.parsed().message_hash;
        let nameless = &mut self.nameless[hash as usize % NAMELESS];
        if *nameless == hash {
            return None;
        }
        let name = self.types.first(fields.raw(Role::Message)?);
        if name.is_none() {
            *nameless = hash;
        }
        name
    }

    fn look_at(&mut self, event: &Event<'_>, level: Level, told: bool, report: &mut Report<'_>) {
        let (template, moment) = (event.template, event.moment);
        self.latest = None;
        let chance = self.templates.see(template.count);
        let of_stack = event.stack.map(|stack| stack.exception.as_bytes()).filter(|name| !name.is_empty());
        let name = self.exception(&event.fields).or(of_stack);
        let new_type = name.and_then(|name| Some((name, self.exceptions.see(xxh3_64(name))?)));
        let new_stack = event.stack.and_then(|stack| Some((stack, self.stacks.see(stack.fingerprint)?)));
        // The estimates of exceptions and stacks rest on few sightings, so the larger of them and
        // that of the templates counts.
        let (news, chance) = match (new_type, new_stack) {
            (Some((name, _)), _) if template.count == 1 => (News::exception(name), chance),
            (Some((name, of_type)), _) => (News::exception(name), of_type.max(chance)),
            (None, _) if template.count == 1 => (News::Template, chance),
            (None, Some((stack, of_stack))) => (News::Stack(stack.clone()), of_stack.max(chance)),
            (None, None) => {
                if let Some(open) = self.open.iter_mut().find(|open| open.template == Some(template.id)) {
                    open.last = moment.running;
                    report.incidents.join(open.id, 1, Some(level), moment.now, report.findings);
                }
                return;
            }
        };
        if told {
            return;
        }
        let settings = *self.overrides.of(&mut Choice::default(), &event.fields);
        let message = event.fields.text(Role::Message).unwrap_or_default();
        let module = event.fields.text(Role::Module);
        let sight =
            Sight { news, chance, level, module: module.as_deref(), template: Some(template.id), message: &message };
        self.judge(&sight, settings, moment, event.templates, report);
    }

    /// Opens an incident for a first sight, unless something forbids it.
    fn judge(
        &mut self,
        sight: &Sight<'_>,
        settings: NoveltySettings,
        moment: Moment,
        templates: &Templates,
        report: &mut Report<'_>,
    ) {
        if !settings.enabled || sight.level < settings.level || moment.outside {
            return;
        }
        let running = moment.running;
        let is_full = self.opened.is_full(running, self.warm_up_s);
        let held_back = if sight.chance >= settings.threshold {
            Some(Reason::NotRare)
        } else if running < self.warm_up_s {
            Some(Reason::NotLearned)
        } else if templates.evictions() + self.exceptions.counts.evictions() + self.stacks.counts.evictions() > 0 {
            Some(Reason::ForgottenSights)
        } else if is_full {
            if let Some(open) = self.open.last_mut() {
                open.last = running;
                report.incidents.join(open.id, 1, Some(sight.level), moment.now, report.findings);
            }
            Some(Reason::TooMuchNew)
        } else {
            None
        };
        if let Some(why) = held_back {
            report.near_miss(sight.chance.ln(), settings.threshold, |ln_p, threshold| NearMiss {
                detector: DetectorName::Novelty,
                kind: sight.news.kind(),
                key: sight.name(),
                ln_p,
                threshold,
                why,
            });
            return;
        }
        self.opened.add(running);
        let opening = sight.opening(running, settings.threshold, self.templates.sightings(), templates);
        let id = report.incidents.open(opening, moment.now, report.findings);
        self.open.push(OpenNovelty { id, template: sight.template, last: running });
        self.latest = Some((beginning_of(sight.message), id));
        let over = if report.incidents.is_open(id) { running + self.warm_up_s - EARLY_S } else { running };
        self.soonest = self.soonest.min(over);
    }
}

/// A hash of what a message begins with.
fn beginning_of(message: &str) -> u64 {
    xxh3_64(&message.as_bytes()[..message.len().min(BEGINNING_BYTES)])
}

impl Stateful for Novelty {
    type State = NoveltyState;

    fn state(&self) -> NoveltyState {
        NoveltyState {
            templates: self.templates,
            exceptions: self.exceptions.snapshot(),
            stacks: self.stacks.snapshot(),
            open: self.open.clone(),
            opened: self.opened.clone(),
        }
    }

    fn resume(&mut self, kept: NoveltyState) {
        self.templates = kept.templates;
        self.exceptions.restore(kept.exceptions);
        self.stacks.restore(kept.stacks);
        (self.open, self.opened, self.soonest) = (kept.open, kept.opened, f64::NEG_INFINITY);
    }
}

impl Detector for Novelty {
    fn name(&self) -> DetectorName {
        DetectorName::Novelty
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, prior: &Prior, report: &mut Report<'_>) {
        if let Some(level) = event.fields.parsed().level
            && level >= self.least
            && event.template.count > 0
        {
            self.look_at(event, level, prior.told, report);
        }
    }

    fn trace(&mut self, trace: &Trace, moment: Moment, templates: &Templates, report: &mut Report<'_>) {
        let (stack, head) = (&trace.stack, &trace.head);
        let level = head.level.unwrap_or(Level::Error);
        if level < self.least {
            return;
        }
        // The first line was an event, and may have named the type.
        let name = Some(stack.exception.as_bytes())
            .filter(|name| !name.is_empty() && self.types.first(&head.message) != Some(name));
        let new_type = name.and_then(|name| Some((name, self.exceptions.see(xxh3_64(name))?)));
        let new_stack = self.stacks.see(stack.fingerprint);
        let (news, chance) = match (new_type, new_stack) {
            (Some((name, of_type)), _) => (News::exception(name), of_type),
            (None, Some(of_stack)) => (News::Stack(stack.clone()), of_stack),
            (None, None) => return,
        };
        if trace.told {
            return;
        }
        let (module, message) = (head.text(Role::Module), String::from_utf8_lossy(&head.message));
        if let Some((beginning, id)) = self.latest
            && beginning == beginning_of(&message)
            && report.incidents.is_open(id)
        {
            // Its first line is told already; what it is of is more of the same news.
            report.incidents.amend(id, moment.now, report.findings, |known| incident::add_stack(known, stack));
            return;
        }
        let settings = *self.overrides.of_texts(|role| head.text(role));
        let chance = chance.max(self.templates.chance());
        let sight = Sight { news, chance, level, module: module.as_deref(), template: None, message: &message };
        self.judge(&sight, settings, moment, templates, report);
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        let forgotten = report.incidents.evictions();
        let was_forgotten = std::mem::replace(&mut self.forgotten, forgotten) != forgotten;
        if moment.running < self.soonest && !was_forgotten {
            return;
        }
        self.open.retain(|open| {
            let going = moment.running - open.last <= self.warm_up_s;
            if !going {
                report.incidents.resolve(open.id, moment.now, report.findings);
            }
            going && report.incidents.is_open(open.id)
        });
        let oldest = self.open.iter().map(|open| open.last).fold(f64::INFINITY, f64::min);
        self.soonest = oldest + self.warm_up_s - EARLY_S;
    }

    fn merge(&mut self, merge: Merge) {
        for open in self.open.iter_mut().filter(|open| open.template == Some(merge.from)) {
            open.template = Some(merge.into);
        }
    }

    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.exceptions.counts);
        visit(&mut self.stacks.counts);
    }

    fn tables(&self) -> Vec<TableUse> {
        let used = |(table, kinds): (&'static str, &Kinds)| TableUse {
            table,
            keys: kinds.counts.len() as u64,
            evictions: kinds.counts.evictions(),
        };
        [("novelty_exceptions", &self.exceptions), ("novelty_stacks", &self.stacks)].map(used).into()
    }
}

#[cfg(test)]
mod tests;
