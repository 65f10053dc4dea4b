//! Never seen before: a template, an exception type or a stack trace at WARN or worse; and every
//! FATAL.
//!
//! A first sight opens an incident when something new that is no fault is unlikely: when its chance
//! is below `threshold`, by the kinds that were seen once in its module and in the others, and the
//! day to come is expected to bring fewer of them than the detector's share of the false alarms
//! that are accepted (`good_turing.rs`). Where new texts are usual, none opens. A template that has
//! been seen at any level is known, and one that says the same as a known one of its level or worse
//! but for a word or two has another value (`Templates::is_variant`). What is new soon after goes
//! on with the incident (`open.rs`): a deploy is one. Later events of what an incident is of join
//! it in the warm-up time, and it ends when none came for that long.
//!
//! Every FATAL is told, from the first line of a stream on, whatever is usual: one incident for
//! each module and template, which goes on while it comes again (`fatal.rs`).
//!
//! An exception type that was never named before is reported where its template is known, or in
//! place of its template. A known type with new frames (`Stack::fingerprint`) is reported in the
//! same way. Stack traces of several lines are examined when they are complete (`Detector::trace`),
//! at the level of the line that they belong to; where that line itself was news, they are added to
//! its incident. What a rule has told of is no news. A line that comes late is judged as of its own
//! time; one of more than an hour ago is not told.
//!
//! But for FATALs nothing opens once a table of templates, exceptions or stacks has evicted a key:
//! a first sight means nothing then. Memory: the templates' own table; for each of texts,
//! exceptions and stacks what `good_turing.rs` takes; 16 bytes for each exception type and each
//! stack, 60 for each FATAL (all capped), 8 KiB for messages without an exception, a hundred
//! incidents. Cold start: silent but for FATALs for `warm_up_s` of stream; programs write in runs,
//! and a rare line takes longer to come than an estimate for independent lines expects.

mod evaluate;
mod fatal;
mod good_turing;
mod incident;
mod kinds;
mod open;
mod options;

use super::openings::Openings;
use super::options::SharedOptions;
use super::{Detector, Event, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::DetectorName;
use crate::engine::incident::IncidentId;
use crate::engine::overrides::{Choice, Overrides};
use crate::engine::snapshot::Stateful;
use crate::engine::stack_trace::Trace;
use crate::engine::state::Evict;
use crate::engine::template::{Merge, Templates};
use crate::event::exception::ExceptionTypes;
use crate::event::{Fields, Level, Role};
use evaluate::COMPARISONS;
use fatal::{Fatals, FatalsState};
use good_turing::{Discoveries, DiscoveriesState};
use incident::{News, Sight};
use kinds::{Kinds, KindsState};
use open::OpenNovelties;
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

/// The detector.
#[derive(Debug)]
pub struct Novelty {
    overrides: Overrides<NoveltySettings>,
    /// The least level that any settings name.
    least: Level,
    warm_up_s: f64,
    /// First sights a day that may be told though they are no fault.
    share: f64,
    /// Templates, by their ids.
    texts: Discoveries,
    /// Exception types, by the hashes of their names.
    exceptions: Kinds,
    /// Stacks, by their fingerprints.
    stacks: Kinds,
    types: ExceptionTypes,
    /// Hashes of messages that name no exception, by their lowest bits: messages repeat themselves.
    nameless: Box<[u64; NAMELESS]>,
    fatals: Fatals,
    open: OpenNovelties,
    /// When the last incidents were opened.
    opened: Openings,
    /// No open incident is over before this running time, unless it is forgotten.
    soonest: f64,
    /// The number of forgotten incidents at the last tick.
    forgotten: u64,
    /// The incident that the last event has opened, and a hash of the beginning of what that said:
    /// the trace below it is the same news.
    latest: Option<(u64, IncidentId)>,
    /// Comparisons with all templates that may still be made, and when they were counted.
    comparisons: (f64, f64),
}

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct NoveltyState {
    texts: DiscoveriesState,
    exceptions: KindsState,
    stacks: KindsState,
    fatals: FatalsState,
    open: OpenNovelties,
    opened: Openings,
}

impl Registered for Novelty {
    type Options = NoveltyOptions;

    fn new(options: &NoveltyOptions, SharedOptions { keys, budget }: SharedOptions) -> Self {
        let overrides = options.settings();
        Self {
            least: overrides.all().map(|settings| settings.level).min().unwrap_or(Level::Warn),
            overrides,
            warm_up_s: options.warm_up.seconds(),
            share: budget.share(),
            texts: Discoveries::new(keys),
            exceptions: Kinds::new(keys),
            stacks: Kinds::new(keys),
            types: ExceptionTypes::default(),
            nameless: Box::new([0; NAMELESS]),
            fatals: Fatals::new(keys),
            open: OpenNovelties::default(),
            opened: Openings::default(),
            soonest: f64::INFINITY,
            forgotten: 0,
            latest: None,
            comparisons: (COMPARISONS, 0.0),
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
        let (template, moment, running) = (event.template, event.moment, event.moment.running);
        let module = event.fields.parsed().module_hash;
        self.latest = None;
        let is_new_text = template.count == 1;
        let of_stack = event.stack.map(|stack| stack.exception.as_bytes()).filter(|name| !name.is_empty());
        let name = self.exception(&event.fields).or(of_stack);
        let exception = name.map(|name| (name, xxh3_64(name))).filter(|(_, kind)| self.exceptions.see(*kind, module));
        let stack = event.stack.filter(|stack| self.stacks.see(stack.fingerprint, module));
        let patience = match level {
            Level::Fatal => self.fatals.add(module, template.id, running, self.warm_up_s),
            _ => self.warm_up_s,
        };
        let (news, kind) = match (exception, stack) {
            (Some((name, kind)), _) => (News::exception(name), kind),
            (None, _) if is_new_text => (News::Template, template.id.0),
            (None, Some(stack)) => (News::Stack(stack.clone()), stack.fingerprint),
            (None, None) => {
                if let Some(open) = self.open.of(template.id, level, module) {
                    (open.last, open.patience) = (running, patience);
                    report.incidents.join_updated(open.id, 1, Some(level), moment.now, report.findings, |said, _| {
                        open.tell(said);
                    });
                    return;
                }
                if level < Level::Fatal {
                    return;
                }
                (News::Again, template.id.0)
            }
        };
        if told {
            return;
        }
        let settings = *self.overrides.of(&mut Choice::default(), &event.fields);
        let message = event.fields.text(Role::Message).unwrap_or_default();
        let name = event.fields.text(Role::Module);
        let (chance, a_day) = self.expected(&news, is_new_text, module, running);
        let sight = Sight {
            news,
            kind,
            is_new_text,
            chance,
            a_day,
            level,
            module: name.as_deref(),
            module_hash: module,
            template: Some(template.id),
            message: &message,
        };
        self.judge(&sight, (settings, patience), moment, event.templates, report);
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
            texts: self.texts.snapshot(),
            exceptions: self.exceptions.snapshot(),
            stacks: self.stacks.snapshot(),
            fatals: self.fatals.snapshot(),
            open: self.open.clone(),
            opened: self.opened.clone(),
        }
    }

    fn resume(&mut self, kept: NoveltyState) {
        self.texts.restore(kept.texts);
        self.fatals.restore(kept.fatals);
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
        let parsed = event.fields.parsed();
        let level = parsed.level.filter(|level| *level >= self.least);
        self.texts.hear(parsed.module_hash, level.is_some());
        if event.template.count == 2 {
            self.texts.again(event.template.id.0);
        }
        if let Some(level) = level
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
        let module = if head.module.is_empty() { 0 } else { xxh3_64(head.module.as_bytes()) };
        // The first line was an event, and may have named the type.
        let name = Some(stack.exception.as_bytes())
            .filter(|name| !name.is_empty() && self.types.first(&head.message) != Some(name));
        let exception = name.map(|name| (name, xxh3_64(name))).filter(|(_, kind)| self.exceptions.see(*kind, module));
        let is_new_stack = self.stacks.see(stack.fingerprint, module);
        let (news, kind) = match exception {
            Some((name, kind)) => (News::exception(name), kind),
            None if is_new_stack => (News::Stack(stack.clone()), stack.fingerprint),
            None => return,
        };
        if trace.told {
            return;
        }
        let (name, message) = (head.text(Role::Module), String::from_utf8_lossy(&head.message));
        if let Some((beginning, id)) = self.latest
            && beginning == beginning_of(&message)
            && report.incidents.is_open(id)
        {
            // Its first line is told already; what it is of is more of the same news.
            report.incidents.amend(id, moment.now, report.findings, |known| incident::add_stack(known, stack));
            return;
        }
        let settings = *self.overrides.of_texts(|role| head.text(role));
        let (chance, a_day) = self.expected(&news, false, module, moment.running);
        let sight = Sight {
            news,
            kind,
            is_new_text: false,
            chance,
            a_day,
            level,
            module: name.as_deref(),
            module_hash: module,
            template: None,
            message: &message,
        };
        self.judge(&sight, (settings, self.warm_up_s), moment, templates, report);
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        let forgotten = report.incidents.evictions();
        let was_forgotten = std::mem::replace(&mut self.forgotten, forgotten) != forgotten;
        if moment.running < self.soonest && !was_forgotten {
            return;
        }
        let (now, findings) = (moment.now, &mut *report.findings);
        self.open.retain(moment.running, report.incidents, |incidents, open| {
            incidents.resolve_updated(open.id, 0.0, now, findings, |said, _| open.tell(said));
        });
        self.soonest = self.open.soonest() - EARLY_S;
    }

    fn merge(&mut self, merge: Merge) {
        self.open.merge(merge);
        self.texts.again(merge.from.0);
    }

    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.exceptions.counts);
        visit(&mut self.stacks.counts);
        visit(self.fatals.table());
        let of = [&mut self.texts, &mut self.exceptions.discoveries, &mut self.stacks.discoveries];
        of.into_iter().flat_map(Discoveries::tables).for_each(visit);
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
