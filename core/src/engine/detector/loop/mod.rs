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
//!    event (two clocks). Priors by level (`start.rs`) stand in for exposure at the beginning: an
//!    error that comes a hundred times a second from the first line on is a loop, a heartbeat that
//!    was there from the start is none.
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
//!    however long it takes. Failures of several actors that each rest ten times as long are
//!    left to burst: each asks now and then, and none goes round.
//! 4. *These are different requests*, where lines have trace ids and each of them has gone fewer
//!    than four rounds. Requests that all fail bring no more lines than their module ever wrote
//!    (five times its rate, a Gamma–Poisson tail), and a loop that takes a new id for each attempt
//!    does. At INFO and below a round that is one request is never a loop.
//!
//! Only an open loop explains its lines to the detectors after this one. The first 16 failures of a
//! run that rests no longer than `timer_period_s`, which would be told as a burst before the run
//! can be tested, are postponed: they count, and nothing opens on them. Late lines are left out;
//! lines out of order are compared by their times as well (`shuffled.rs`).
//!
//! Guards (`guard.rs`) are absolute limits besides. Counts come from a count-min sketch, which
//! never forgets a line and errs only towards silence. Memory: about 160 bytes an actor, 550 once a
//! line of it has repeated (capped), 100 bytes a module (capped), 512 KiB for the sketch, 256 KiB
//! for excursions. Cold start: 64 errors in a row, more than 2.3 a second, or 128 warnings, more
//! than 7.7; at INFO and below nothing that began within the first minute.

mod actor;
mod counter;
mod distinct;
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
mod shuffled;
mod start;
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
use lifecycle::go_on_or_end;
use options::LoopSettings;
pub use options::{LoopGuard, LoopOptions, LoopOverride};
use run::Said;
pub use state::LoopState;

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
        let (time, now) = (event.moment.time, event.moment.now);
        // A late line tells nothing of now. One ahead of the stream does, for loops go by the times
        // of their own lines.
        if parsed.message_hash == 0 || (event.moment.outside && time < now) {
            return;
        }
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
        let request = || line::request(event);
        let pushed = actor.push(line as u32, settings.min_repeats, time, request);
        actor.gather(pushed, || event.fields.text(Role::Message));
        let by_time = actor.push_by_time(line as u32, settings.min_repeats, time, request);
        actor.gather_by_time(by_time, || event.fields.text(Role::Message));
        let retries = if parsed.level >= Some(Level::Warn) {
            count_retries(event, actor, &mut self.learned, &mut self.scratch)
        } else {
            Retries::default()
        };
        let learned = &self.learned;
        let expected = |count: f64, elapsed: f64, others: f64| learned.expected(seen, count, elapsed, others);
        let emitter = Emitter { actor: parsed.actor_hash, place: parsed.place_hash };
        let spelled = self.spells.push(line, emitter, time, learned.events(), expected, request);

        let habits = self.habits.touch(parsed.module_hash, Habits::default);
        let spell = if let Update::Extended(spell) = spelled { Some(spell) } else { None };
        let longest = pushed.longest.max(by_time.longest).max(retries.lines);
        habits.learn(&mut self.learned, line, longest, spell.map_or(0, |spell| spell.count));
        if let Update::Restarted(lines) = spelled
            && !self.open.contains(parsed.module_hash)
        {
            self.learned.count_harmless(line, lines);
        }
        let habits = *habits;
        let said = Said { event, pushed, by_time, retries, seen };
        let is_going = actor.going.is_some();
        let run = if is_going {
            go_on_or_end(actor, &said, &mut self.open, &self.learned, habits, report);
            None
        } else {
            said.run(actor, settings.min_repeats)
        };
        if guarded {
            report.suppress();
        } else if !is_going && said.may_become_a_loop(actor, settings.min_repeats, self.timer_period_s) {
            // Else each loop of errors would be told as a burst before it can be tested.
            report.postpone();
        }
        let is_shared = spell.is_some_and(|spell| spell.is_shared());
        let spell = spell.filter(|spell| !is_going && (is_shared || spell.lasted() >= actor.waits_s()));
        actor.last = time;
        let template_seen = retries.template_seen;
        let repeats = Repeats { line, seen, template_seen, run, spell, is_shared, habits, settings };
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
