//! Control flow that goes round: the same lines again and again, faster than these lines ever came.
//!
//! Three signals, and one incident for a module at a time, whichever of them sees it first:
//!
//! - *Cycles*. For each actor (host, module and thread) the last 16 fingerprints are kept, and for
//!   each lag p = 1…16 the length of the run in which line i equals line i−p (`actor.rs`), from
//!   max(8, 3p) lines on.
//! - *Retry counters*, at WARN and worse: how long one text has come with numbers that stay, step
//!   evenly or take turns (`counter.rs`).
//! - *Exact repeats across the stream*, for loops that other lines of their actor interrupt, that
//!   several actors go round in, or that start a thread for each round: spells of one line above
//!   its learned rate (`excursions.rs`), from twice as many lines on.
//!
//! Each is tested against explanations that need no fault (`learned.rs`), and all must fail at the
//! threshold:
//!
//! 1. *The line comes like this.* Its count before the run, over all of the stream before the run,
//!    gives a Gamma–Poisson rate; the repeats must be too many for it both a second and a stream
//!    event (two clocks). A heartbeat that was there from the start has no exposure before its run
//!    (cold) or a rate that explains it (warm).
//! 2. *Runs go on here.* The share of lines in this module that went on with a run (or of a line
//!    that went on with a spell, if that is more), shrunk to the whole stream's, to the power of
//!    the run's length. A module that always repeats itself is judged by its own habit, and so is a
//!    line that always comes in clusters.
//! 3. *A timer has begun*, at INFO and below where no status tells of a failure. A timer rests and
//!    a loop does not: what rests `timer_period_s` or longer in each round (the longest gap in it,
//!    or for single lines the mean one) is a timer. Lines of several actors rest as long as each of
//!    them does. What starts a new thread for each round by the clock (a check, cron) rests ten
//!    times as long. The scale is absolute, and has to be: a new pod's heartbeat and a loop that
//!    sleeps differ in nothing else, people choose the pause of a timer by the clock and not by
//!    what else is in the stream, and every relative measure (a share of the stream, the pace of
//!    other actors) calls the first heartbeat in a quiet stream a loop. A round without a rest is a
//!    loop however long it takes.
//!
//! Beside them stand guards (`guard.rs`), which are absolute. Counts come from a count-min sketch,
//! which never forgets a line and errs only towards silence. Memory: about 150 bytes an actor, 400
//! once a line of it has repeated (capped), 80 bytes a module (capped), 512 KiB for the sketch, 256
//! KiB for spells. Cold start: no exposure, no finding, but of guards.

mod actor;
mod counter;
mod excursions;
mod guard;
mod incident;
mod learned;
mod options;
mod run;

use super::failure::is_failure;
use super::options::SharedOptions;
use super::text_without_numbers::TextWithoutNumbers;
use super::tracker::{AttributedSlots, IncidentTracker};
use super::{AHEAD, Detector, Event, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::DetectorName;
use crate::engine::overrides::Overrides;
use crate::engine::snapshot::Stateful;
use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot};
use crate::engine::stats::alarm_budget::{AlarmBudget, TestCount};
use crate::engine::template::{Merge, TemplateId};
use crate::event::{Fields, Level, Look, Role, Timestamp};
use actor::{Actor, LoopOwner, OpenLoop};
use counter::When;
use excursions::{Emitter, Excursion, Excursions, Update, Who};
use guard::{Guards, GuardsState};
use incident::Tested;
use learned::{HABIT_RUN, Habit, Learned};
use options::LoopSettings;
pub use options::{LoopGuard, LoopOptions, LoopOverride};
use run::{Run, Signal, grain, near_miss};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Lines outside the cycle after which an actor's loop has ended.
const OTHER_LINES: u32 = 16;
/// An example line in the evidence is cut here, in bytes.
const EXAMPLE_BYTES: usize = 200;

/// Tells a template from a line where both are counted in one sketch.
const TEMPLATE_SALT: u64 = 0x5EED_0F7E_A7ED_C0DE;
/// What starts a thread for each round rests so many timer periods.
const NEW_THREADS_REST: f64 = 10.0;

/// The detector.
#[derive(Debug)]
pub struct Loop {
    settings: Overrides<LoopSettings>,
    budget: AlarmBudget,
    tests: TestCount,
    timer_period_s: f64,
    actors: Table<Actor>,
    habits: Table<Habits>,
    learned: Learned,
    spells: Excursions,
    guards: Guards,
    /// Open loops, by module: a module has one at a time.
    open: IncidentTracker<LoopOwner>,
    scratch: TextWithoutNumbers,
}

/// How a module's lines go on with each other.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Habits {
    runs: Habit,
    spells: Habit,
}

impl HeapSize for Habits {}

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct LoopState {
    actors: TableSnapshot<Actor>,
    habits: TableSnapshot<Habits>,
    learned: Learned,
    spells: Vec<Excursion>,
    guards: GuardsState,
    live: BTreeMap<u64, LoopOwner>,
    #[serde(default)]
    tests: TestCount,
}

/// The loop is over: says so, with its totals.
fn resolve(going: &OpenLoop, now: Timestamp, learned: &Learned, habits: Habits, report: &mut Report<'_>) {
    let since_opened = going.lasted() - going.before;
    report.incidents.resolve_updated(going.id, since_opened, now, report.findings, |known, count| {
        incident::go_on(known, going, count, learned, habits);
    });
}

/// The open loop goes on with the event at hand.
fn join(going: &mut OpenLoop, event: &Event<'_>, learned: &Learned, habits: Habits, report: &mut Report<'_>) {
    let (time, now) = (event.moment.time, event.moment.now);
    going.pace += 0.1 * (time.seconds_since(going.until).clamp(0.0, 60.0) - going.pace);
    going.other = 0;
    (going.began, going.until, going.heard) = (going.began.min(time), going.until.max(time), now);
    report.incidents.join_updated(going.id, 1, event.fields.level(), now, report.findings, |known, count| {
        incident::go_on(known, going, count, learned, habits);
    });
}

impl Registered for Loop {
    type Options = LoopOptions;

    fn new(options: &LoopOptions, SharedOptions { keys, budget }: SharedOptions) -> Self {
        Self {
            budget,
            tests: TestCount::default(),
            actors: Table::new(keys),
            habits: Table::new(keys),
            learned: Learned::new(),
            spells: Excursions::new(),
            guards: Guards::new(&options.guards, keys),
            open: IncidentTracker::default(),
            scratch: TextWithoutNumbers::default(),
            settings: options.settings(),
            timer_period_s: options.timer_period.seconds(),
        }
    }
}

impl Loop {
    /// A run that may be a loop is tested at every repeat at first, then at doubling ones.
    fn test(&mut self, event: &Event<'_>, run: Run, habit: Habit, threshold: f64, report: &mut Report<'_>) {
        let look = event.fields.look();
        let now = event.moment.now;
        let repeats = run.repeats();
        if self.open.contains(look.module_hash) || (repeats > 32 && !repeats.is_power_of_two()) {
            return;
        }
        let time = event.moment.time;
        let grain = grain(time, run.began);
        let lasted = run.lasted + grain;
        let harmless = !is_failure(&event.fields, Level::Warn);
        let rest = self.rest(&run, lasted, grain);
        let excused = match run.who {
            Who::Actors(_) => harmless && rest >= self.timer_period_s,
            // Failures in many threads are a burst's to tell.
            Who::NewThreads => !harmless || rest >= NEW_THREADS_REST * self.timer_period_s,
        };
        if excused {
            return;
        }
        // What each actor of a spell says for the first time is no repeat.
        let again = f64::from(repeats) - if run.signal == Signal::Cycle { 0.0 } else { f64::from(run.actors() - 1) };
        self.tests.add(1, now);
        let verdict = self.learned.test(run.seen, again, lasted, habit, run.length, run.signal);
        if verdict.ln_p >= threshold.ln() {
            report
                .near_miss(verdict.ln_p, threshold, |ln_p, threshold| near_miss(event, &run, lasted, ln_p, threshold));
            return;
        }
        let Some(actor) = self.actors.get_mut(look.actor_hash) else { return };
        let opening = incident::opening(&event.fields, threshold, &run, &verdict, lasted, actor);
        let id = report.incidents.open(opening, now, report.findings);
        let pace = (lasted / f64::from(repeats * run.period as u32)).max(1e-3);
        let range = (run.signal == Signal::Counter).then(|| actor.range()).flatten();
        let (Run { period, began, lasted, .. }, tested) = (run, Some(Tested::of(&run)));
        let (until, module) = (began.saturating_add_nanos((lasted * 1e9) as i64), look.module_hash);
        let before = lasted;
        let going = OpenLoop { id, period, began, before, until, heard: now, range, tested, pace, other: 0, module };
        let deadline = going.deadline();
        let open = if let Signal::Excursion(line) = run.signal {
            LoopOwner::Line(line, Box::new(going))
        } else {
            actor.going = Some(Box::new(going));
            LoopOwner::Actor(look.actor_hash)
        };
        self.open.open(module, id, open, deadline, report.incidents);
    }

    /// The open loop of a module may be over; true when it is.
    fn look_at(&mut self, module: u64, now: Timestamp, report: &mut Report<'_>) -> bool {
        let Some(open) = self.open.get(module) else { return false };
        let going = match open {
            LoopOwner::Line(_, going) => Some(going.as_ref()),
            // An evicted actor's loop is over for whoever watches it.
            LoopOwner::Actor(actor) => self.actors.get(*actor).and_then(|actor| actor.going.as_deref()),
        };
        let Some(going) = going else { return true };
        let is_open = report.incidents.is_open(going.id);
        if is_open && now.seconds_since(going.heard) <= going.patience() {
            let deadline = going.deadline();
            self.open.go_on(module, deadline);
            return false;
        }
        if is_open {
            let habits = self.habits.get(module).copied().unwrap_or_default();
            resolve(going, now, &self.learned, habits, report);
        }
        if let LoopOwner::Actor(actor) = open
            && let Some(actor) = self.actors.get_mut(*actor)
        {
            actor.end();
        }
        true
    }

    /// How long a run rests in each round, in seconds; no longer than its lines are apart where
    /// times are too coarse.
    fn rest(&self, run: &Run, lasted: f64, grain: f64) -> f64 {
        let mean = lasted * f64::from(run.actors()) / f64::from(run.length.max(1));
        if run.period == 1 { mean } else { mean.max(run.rest - grain) }
    }

    /// What a line is the same line by: its message, or of a message with a stack trace its first
    /// line and the trace.
    fn line(event: &Event<'_>) -> u64 {
        let look = event.fields.look();
        let message = match (event.stack, event.fields.raw(Role::Message)) {
            (Some(stack), Some(message)) => {
                let first = message.iter().position(|byte| matches!(byte, b'\n' | b'\\')).unwrap_or(message.len());
                xxh3_64(&message[..first]) ^ stack.fingerprint
            }
            _ => look.message_hash,
        };
        line_of(message, look)
    }
}

/// A line of this message, in the module that says it.
#[inline]
fn line_of(message: u64, look: &Look) -> u64 {
    message ^ look.module_hash.rotate_left(32)
}

/// The key of a template in the sketch of learned counts.
fn template_key(template: TemplateId) -> u64 {
    xxh3_64(&(template.0 ^ TEMPLATE_SALT).to_le_bytes())
}

impl Stateful for Loop {
    type State = LoopState;

    fn state(&self) -> LoopState {
        LoopState {
            actors: self.actors.snapshot(),
            habits: self.habits.snapshot(),
            learned: self.learned.clone(),
            spells: self.spells.snapshot(),
            guards: self.guards.snapshot(),
            live: self.open.incidents().clone(),
            tests: self.tests,
        }
    }

    fn resume(&mut self, kept: LoopState) {
        (self.learned, self.tests) = (kept.learned, kept.tests);
        self.actors.restore(kept.actors);
        self.habits.restore(kept.habits);
        self.spells.restore(kept.spells);
        self.guards.restore(kept.guards);
        self.open.resume(kept.live, AttributedSlots::default());
    }
}

impl Detector for Loop {
    fn name(&self) -> DetectorName {
        DetectorName::Loop
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, _: &Prior, report: &mut Report<'_>) {
        let look = event.fields.look();
        if look.message_hash == 0 {
            return;
        }
        let (time, now) = (event.moment.time, event.moment.now);
        self.learned.advance(now);
        let line = Self::line(event);
        let seen = self.learned.count(line);
        let guarded = self.guards.observe(event, line, report);
        let actor = self.actors.touch(look.actor_hash, || Actor::new(time));
        let settings = *self.settings.of(&mut actor.choice, &event.fields);
        if !settings.enabled {
            // Its lines still count as lines of the stream; a loop that a snapshot left open ends
            // by not being heard of.
            return;
        }
        let pushed = actor.push(line as u32, settings.min_repeats, time);
        actor.gather(pushed, || event.fields.text(Role::Message));
        let (mut counted, mut stepped, mut template_seen) = (0, 0, 0);
        if look.level >= Some(Level::Warn)
            && let Some(message) = event.fields.raw(Role::Message)
        {
            template_seen = self.learned.count(template_key(event.template.id));
            self.scratch.read(message, look.module_hash);
            let when = When { time, last: actor.last, events: self.learned.events() };
            let counter = actor.counter.get_or_insert_default();
            counter.push(&self.scratch, when, |count, elapsed, others| {
                self.learned.expected(template_seen, count, elapsed, others)
            });
            (counted, stepped) = (counter.run().lines, counter.steps());
        }
        let learned = &self.learned;
        let expected = |count: f64, elapsed: f64, others: f64| learned.expected(seen, count, elapsed, others);
        let spelled = self.spells.push(
            line,
            Emitter { actor: look.actor_hash, place: look.place_hash },
            time,
            learned.events(),
            expected,
        );

        let habits = self.habits.touch(look.module_hash, Habits::default);
        let longest = pushed.longest.max(counted);
        if longest <= HABIT_RUN {
            habits.runs.add(longest > 0);
            self.learned.runs.add(longest > 0);
        }
        let spell = if let Update::Extended(spell) = spelled { Some(spell) } else { None };
        let spell_lines = spell.map_or(0, |spell| spell.count);
        if spell_lines <= HABIT_RUN {
            habits.spells.add(spell_lines > 0);
            self.learned.spells.add(spell_lines > 0);
            if spell_lines > 0 {
                self.learned.count_spell(line);
            }
        }
        if let Update::Restarted(lines) = spelled
            && !self.open.contains(look.module_hash)
        {
            self.learned.count_harmless(line, lines);
        }
        let habits = *habits;

        let inside = pushed.lag > 0 || counted > 0;
        let is_going = actor.going.is_some();
        // Numbers that take turns are explained once they are a loop: a few values are not yet one.
        if guarded || pushed.longest.max(stepped) >= 2 || (is_going && inside) {
            report.suppress();
        }
        let mut over = false;
        if let Some(going) = &mut actor.going {
            if inside {
                if going.range.is_some() {
                    going.range = actor.counter.as_ref().and_then(|counter| counter.range()).or(going.range);
                }
                going.tested.iter_mut().for_each(|tested| tested.see(seen, template_seen));
                join(going, event, &self.learned, habits, report);
                self.open.go_on(going.module, going.deadline());
            } else {
                going.other += 1;
                over = going.other > OTHER_LINES;
            }
        }
        if over && let Some(going) = actor.end() {
            self.open.end(going.module);
            resolve(&going, now, &self.learned, habits, report);
        }
        let run = (!is_going && pushed.lag > 0).then(|| {
            let (length, began, lasted) = actor.run(pushed.lag);
            Run {
                period: pushed.lag,
                length,
                began,
                lasted,
                seen,
                rest: actor.rest.into(),
                who: Who::Actors(1),
                variants: 1,
                signal: Signal::Cycle,
            }
        });
        let counting = (!is_going && counted >= settings.min_repeats).then(|| Run {
            period: 1,
            length: counted,
            began: actor.counter.as_ref().map_or(time, |counter| counter.run().began),
            lasted: actor.counter.as_ref().map_or(0.0, |counter| counter.run().lasted()),
            seen: template_seen,
            rest: 0.0,
            who: Who::Actors(1),
            variants: actor.counter.as_ref().map_or(1, |counter| counter.variants()),
            signal: Signal::Counter,
        });
        actor.last = time;

        if !self.open.is_empty()
            && let Some(LoopOwner::Line(open, going)) = self.open.get_mut(look.module_hash)
            && *open == line
        {
            report.suppress();
            going.tested.iter_mut().for_each(|tested| tested.see(seen, template_seen));
            join(going, event, &self.learned, habits, report);
            let (module, deadline) = (going.module, going.deadline());
            self.open.go_on(module, deadline);
            return;
        }
        if guarded {
            return;
        }
        if let Some(run) = run.or(counting) {
            self.test(event, run, habits.runs, settings.threshold.value(), report);
        }
        // Also of an actor that says nothing else: its run began with it, and only a spell shows
        // that it says it more often.
        if let (Some(spell), false) = (spell, is_going)
            && spell.count >= 2 * settings.min_repeats
            && let Some(who) = spell.who()
        {
            let run = Run::of_spell(&spell, line, who, seen);
            self.test(event, run, habits.spells, settings.threshold.value(), report);
        }
    }

    fn prefetch(&self, events: &[Fields<'_>; AHEAD]) {
        self.actors.prefetch(events.map(|event| event.look().actor_hash), |_, actor| actor.prefetch());
    }

    fn prefetch_fixed(&self, looks: &[Look]) {
        for look in looks {
            let line = line_of(look.message_hash, look);
            std::hint::black_box(self.learned.prefetch(line) ^ self.spells.prefetch(line));
        }
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        let now = moment.now;
        let threshold = self.budget.threshold_of(self.tests.per_day(now));
        self.settings.for_each_mut(|settings| settings.threshold.keep_to(threshold));
        self.guards.tick(now, report);
        self.actors.take_lost().into_iter().for_each(|module| self.open.hurry(module));
        for module in self.open.due(now, report.incidents) {
            if self.look_at(module, now, report) {
                self.open.end(module);
            }
        }
    }

    fn merge(&mut self, merge: Merge) {
        self.learned.merge(template_key(merge.from), template_key(merge.into));
    }

    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.actors);
        visit(&mut self.habits);
        self.guards.bounded(visit);
        let [mut open, _] = self.open.weights(|open| match open {
            LoopOwner::Line(..) => size_of::<OpenLoop>(),
            LoopOwner::Actor(_) => 0,
        });
        visit(&mut open);
    }

    fn tables(&self) -> Vec<TableUse> {
        let mut tables = vec![
            TableUse { table: "loop_actors", keys: self.actors.len() as u64, evictions: self.actors.evictions() },
            TableUse { table: "loop_modules", keys: self.habits.len() as u64, evictions: self.habits.evictions() },
        ];
        tables.extend(self.guards.tables());
        tables
    }
}

#[cfg(test)]
mod tests;
