//! Control flow that goes round: the same lines again and again, faster than these lines ever came.
//!
//! Three signals open incidents. A module has one incident at a time, of the signal that comes
//! first:
//!
//! - *Cycles*. For each actor (host, module and thread) the last 16 fingerprints are kept, and for
//!   each lag p = 1…16 the length of the run in which line i equals line i−p (`actor.rs`), from
//!   max(8, 3p) lines on.
//! - *Retry counters*, at WARN and worse: how long one text has come with numbers that stay, step
//!   evenly or take turns (`counter.rs`).
//! - *Exact repeats across the stream*, for loops that other lines of their actor interrupt, that
//!   several actors go round in, or that start a thread for each round: excursions of one line
//!   above its learned rate (`excursions.rs`), from twice as many lines on.
//!
//! Each signal is tested against explanations that need no fault (`learned.rs`), and all must be
//! rejected at the threshold:
//!
//! 1. *The line comes like this.* Its count before the run, over all of the stream before the run,
//!    gives a Gamma–Poisson rate; the repeats must be too many for it both a second and a stream
//!    event (two clocks). A heartbeat that was there from the start has no exposure before its run
//!    (cold) or a rate that explains it (warm).
//! 2. *Runs go on here.* The share of lines in this module that continued a run (or the share of
//!    one line that extended an excursion, if that is more), shrunk to the whole stream's, to the
//!    power of the run's length. A module that always repeats itself is tested against its own
//!    habit, and so is a line that always comes in clusters.
//! 3. *A timer has begun*, at INFO and below where no status shows a failure. A timer rests and a
//!    loop does not: a run that rests `timer_period_s` or longer in each round (by its longest gap,
//!    or for single lines the mean gap) is a timer. Lines of several actors rest as long as each
//!    actor does. A timer that starts a new thread for each round (a check, cron) rests ten times
//!    as long. The scale is absolute, and has to be: a new pod's heartbeat and a loop that sleeps
//!    differ in nothing else, people choose the pause of a timer by the clock and not by what else
//!    is in the stream, and every relative measure (a share of the stream, the pace of other
//!    actors) calls the first heartbeat in a quiet stream a loop. A round without a rest is a loop
//!    however long it takes.
//!
//! Guards (`guard.rs`) are absolute limits besides. Counts come from a count-min sketch, which
//! never forgets a line and errs only towards silence. Memory: about 150 bytes an actor, 400 once a
//! line of it has repeated (capped), 80 bytes a module (capped), 512 KiB for the sketch, 256 KiB
//! for excursions. Cold start: without exposure only guards find anything.

mod actor;
mod counter;
mod evaluate;
mod excursions;
mod guard;
mod habits;
mod incident;
mod learned;
mod lifecycle;
mod line;
mod options;
mod run;
mod state;

use super::options::SharedOptions;
use super::text_without_numbers::TextWithoutNumbers;
use super::tracker::IncidentTracker;
use super::{AHEAD, Detector, Event, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::DetectorName;
use crate::engine::overrides::Overrides;
use crate::engine::state::{Evict, Table};
use crate::engine::stats::alarm_budget::{AlarmBudget, TestCount};
use crate::engine::template::Merge;
use crate::event::{Fields, Level, ParsedEvent, Role};
use actor::{Actor, LoopOwner, OpenLoop};
use counter::{Retries, count_retries};
use evaluate::Repeats;
use excursions::{Emitter, Excursions, Update};
use guard::Guards;
use habits::Habits;
use learned::Learned;
use lifecycle::{join, resolve};
use options::LoopSettings;
pub use options::{LoopGuard, LoopOptions, LoopOverride};
use run::Run;
pub use state::LoopState;

/// Lines outside the cycle after which an actor's loop has ended.
const OTHER_LINES: u32 = 16;

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

impl Detector for Loop {
    fn name(&self) -> DetectorName {
        DetectorName::Loop
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, _: &Prior, report: &mut Report<'_>) {
        let parsed = event.fields.parsed();
        if parsed.message_hash == 0 {
            return;
        }
        let (time, now) = (event.moment.time, event.moment.now);
        self.learned.advance(now);
        let line = line::of(event);
        let seen = self.learned.count(line);
        let guarded = self.guards.observe(event, line, report);
        let actor = self.actors.touch(parsed.actor_hash, || Actor::new(time));
        let settings = *self.settings.of(&mut actor.choice, &event.fields);
        if !settings.enabled {
            // Lines of an actor that is switched off still count as lines of the stream. A loop
            // that a snapshot left open ends when no line joins it.
            return;
        }
        let pushed = actor.push(line as u32, settings.min_repeats, time);
        actor.gather(pushed, || event.fields.text(Role::Message));
        let retries = if parsed.level >= Some(Level::Warn) {
            count_retries(event, actor, &mut self.learned, &mut self.scratch)
        } else {
            Retries::default()
        };
        let learned = &self.learned;
        let expected = |count: f64, elapsed: f64, others: f64| learned.expected(seen, count, elapsed, others);
        let spelled = self.spells.push(
            line,
            Emitter { actor: parsed.actor_hash, place: parsed.place_hash },
            time,
            learned.events(),
            expected,
        );

        let habits = self.habits.touch(parsed.module_hash, Habits::default);
        let spell = if let Update::Extended(spell) = spelled { Some(spell) } else { None };
        let spell_lines = spell.map_or(0, |spell| spell.count);
        habits.learn(&mut self.learned, line, pushed.longest.max(retries.lines), spell_lines);
        if let Update::Restarted(lines) = spelled
            && !self.open.contains(parsed.module_hash)
        {
            self.learned.count_harmless(line, lines);
        }
        let habits = *habits;

        let inside = pushed.lag > 0 || retries.lines > 0;
        let is_going = actor.going.is_some();
        // Only an open incident explains.
        if guarded || (is_going && inside) {
            report.suppress();
        }
        let mut over = false;
        if let Some(going) = &mut actor.going {
            if inside {
                if going.range.is_some() {
                    going.range = actor.counter.as_ref().and_then(|counter| counter.range()).or(going.range);
                }
                going.tested.iter_mut().for_each(|tested| tested.see(seen, retries.template_seen));
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
        let cycle = (!is_going && pushed.lag > 0).then(|| Run::of_cycle(actor, pushed.lag, seen));
        let counting = !is_going && retries.lines >= settings.min_repeats;
        let run = cycle.or_else(|| counting.then(|| Run::of_counter(actor.counter.as_deref(), &retries, time)));
        actor.last = time;
        let spell = spell.filter(|_| !is_going);
        let repeats = Repeats { line, seen, template_seen: retries.template_seen, run, spell, habits, settings };
        self.evaluate(event, repeats, guarded, report);
    }

    fn prefetch(&self, events: &[Fields<'_>; AHEAD]) {
        self.actors.prefetch(events.map(|event| event.parsed().actor_hash), |_, actor| actor.prefetch());
    }

    fn prefetch_fixed(&self, parsed: &[ParsedEvent]) {
        for parsed in parsed {
            let line = line::of_message(parsed.message_hash, parsed);
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
        self.learned.merge(line::template_key(merge.from), line::template_key(merge.into));
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
