//! Control flow that goes round: the same lines again and again from one actor, faster than these lines ever came.
//!
//! For each actor (host, module and thread) the last 16 fingerprints are kept, and for each lag p = 1…16 the length of
//! the run in which line i equals line i−p (`actor.rs`); at WARN and worse also how long one text has come with numbers
//! that stay or step evenly (`counter.rs`). A run of at least max(8, 3p) lines is tested against two explanations that
//! need no fault (`learned.rs`), and both must fail at the threshold:
//!
//! 1. *The line comes like this.* Its count before the run, over all of the stream before the run, gives a Gamma–Poisson
//!    rate; the repeats must be too many for it both a second and a stream event (two clocks). A heartbeat that was
//!    there from the start has no exposure before its run (cold) or a rate that explains it (warm).
//! 2. *Runs go on here.* The share of lines in this module that went on with a run, shrunk to the whole stream's, to the
//!    power of the run's length. A module that always repeats itself is judged by its own habit.
//!
//! Counts come from a count-min sketch, which never forgets a line and errs only towards silence. Memory: about 300
//! bytes an actor (capped), 40 bytes a module (capped), 512 KiB for the sketch. Cold start: no exposure, no finding.

mod actor;
mod counter;
mod learned;
mod opening;

use super::text_without_numbers::TextWithoutNumbers;
use super::{Detector, Event, Report, RestoreError, TableUse, pack, unpack};
use crate::engine::clock::Moment;
use crate::engine::finding::DetectorName;
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::engine::state::{Table, TableSnapshot};
use crate::event::{Level, Role, Timestamp};
use actor::{Actor, Going, Pushed};
use learned::{HABIT_RUN, Habit, Learned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Lines outside the cycle after which an actor's loop has ended.
const OTHER_LINES: u32 = 16;
/// An example line in the evidence is cut here, in bytes.
const EXAMPLE_BYTES: usize = 200;

/// What can be set of the loop detector.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopOptions {
    /// Off means that it watches nothing.
    pub enabled: bool,
    /// Least lines of a run before it is tested.
    pub min_repeats: u32,
    /// False-alarm probability of one test.
    pub threshold: f64,
    /// Seconds: at INFO and below, a cycle that takes this long or longer is taken for a timer, not a fault.
    pub timer_period_s: f64,
    /// Most actors and modules held, each.
    pub keys: usize,
    /// Other settings for the actors whose module, host and thread match; the first match wins.
    pub overrides: Vec<(KeyPattern, LoopSettings)>,
}

/// What can be another for one actor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoopSettings {
    /// As in [`LoopOptions`].
    pub enabled: bool,
    /// As in [`LoopOptions`].
    pub min_repeats: u32,
    /// As in [`LoopOptions`].
    pub threshold: f64,
}

impl LoopOptions {
    /// What actors have that no override matches.
    #[must_use]
    pub fn settings(&self) -> LoopSettings {
        LoopSettings { enabled: self.enabled, min_repeats: self.min_repeats, threshold: self.threshold }
    }

    /// True when there is any actor that it could watch.
    #[must_use]
    pub fn watches(&self) -> bool {
        self.enabled || self.overrides.iter().any(|(_, settings)| settings.enabled)
    }
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            min_repeats: 8,
            threshold: 1e-10,
            timer_period_s: 0.5,
            keys: 100_000,
            overrides: Vec::new(),
        }
    }
}

/// The detector.
#[derive(Debug)]
pub struct Loop {
    settings: Overrides<LoopSettings>,
    timer_period_s: f64,
    actors: Table<Actor>,
    habits: Table<Habit>,
    learned: Learned,
    /// Actors with an open loop, by module: a module has one loop at a time.
    live: BTreeMap<u64, u64>,
    scratch: TextWithoutNumbers,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    actors: TableSnapshot<Actor>,
    habits: TableSnapshot<Habit>,
    learned: Learned,
    live: BTreeMap<u64, u64>,
}

/// The actor's loop is over: says so, with its totals.
fn resolve(actor: &mut Actor, now: Timestamp, report: &mut Report<'_>) {
    if let Some(going) = &actor.going {
        report.incidents.resolve_updated(going.id, now, report.findings, |evidence, summary, count| {
            let lasted = going.until.seconds_since(going.began).max(0.0);
            going.told.tell(evidence, summary, count, going.period, lasted, going.range);
        });
    }
    actor.end();
}

/// How far two times may be off for want of digits, in seconds: logs of whole seconds put many lines into one.
fn grain(a: Timestamp, b: Timestamp) -> f64 {
    let whole = |time: Timestamp| time.0 % 1_000_000_000 == 0;
    if whole(a) && whole(b) { 1.0 } else { 1e-3 }
}

/// A run that is long enough to test.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Lines of one round.
    period: usize,
    /// Lines that went on with it.
    length: u32,
    began: Timestamp,
    /// How often its last line, or for counters its text, was seen in all.
    seen: u32,
    counter: bool,
}

impl Run {
    /// Times that it has gone round.
    fn repeats(&self) -> u32 {
        self.length / self.period as u32 + 1
    }
}

impl Loop {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new(options: LoopOptions) -> Self {
        Self {
            actors: Table::new(options.keys),
            habits: Table::new(options.keys),
            learned: Learned::new(),
            live: BTreeMap::new(),
            scratch: TextWithoutNumbers::default(),
            settings: Overrides::new(options.settings(), options.overrides),
            timer_period_s: options.timer_period_s,
        }
    }

    /// At WARN and worse: is it the same text with numbers that stay or step evenly? Its run, 0 for none, and how often
    /// the text was seen.
    fn count_on(&mut self, event: &Event<'_>) -> (u32, u32) {
        let look = event.fields.look();
        let Some(message) = event.fields.raw(Role::Message) else { return (0, 0) };
        self.scratch.read(message, look.module_hash);
        let seen = self.learned.count(self.scratch.hash);
        let Some(actor) = self.actors.get_mut(look.actor_hash) else { return (0, seen) };
        let last = actor.last;
        let counter = actor.counter.get_or_insert_default();
        counter.push(&self.scratch, last);
        (counter.run, seen)
    }

    /// The actor's loop is open: the line goes on with it, or is one of the few outside that it may have.
    fn go_on(&mut self, event: &Event<'_>, inside: bool, report: &mut Report<'_>) {
        let look = event.fields.look();
        let (time, now) = (event.moment.time, event.moment.now);
        let Some(actor) = self.actors.get_mut(look.actor_hash) else { return };
        let last = actor.last;
        let Some(going) = &mut actor.going else { return };
        if !inside {
            going.other += 1;
            if going.other > OTHER_LINES {
                self.live.remove(&going.module);
                resolve(actor, now, report);
            }
            return;
        }
        going.pace += 0.1 * (time.seconds_since(last).clamp(0.0, 60.0) - going.pace);
        going.other = 0;
        going.until = time;
        if going.range.is_some() {
            going.range = actor.counter.as_ref().and_then(|counter| counter.range()).or(going.range);
        }
        report.incidents.join(going.id, 1, event.fields.level(), now, report.findings, |evidence, summary, count| {
            let lasted = time.seconds_since(going.began).max(0.0);
            going.told.tell(evidence, summary, count, going.period, lasted, going.range);
        });
    }

    /// A run that may be a loop is tested at every repeat at first, then at doubling ones.
    fn test(&mut self, event: &Event<'_>, run: Run, habit: Habit, threshold: f64, report: &mut Report<'_>) {
        let look = event.fields.look();
        let now = event.moment.now;
        let repeats = run.repeats();
        if self.live.contains_key(&look.module_hash) || (repeats > 32 && !repeats.is_power_of_two()) {
            return;
        }
        let time = event.moment.time;
        let lasted = time.seconds_since(run.began).max(0.0) + grain(time, run.began);
        let round_s = lasted / f64::from(repeats.max(2) - 1);
        let harmless = event.fields.level().is_none_or(|level| level <= Level::Info);
        if harmless && round_s >= self.timer_period_s {
            return;
        }
        let verdict = self.learned.test(run.seen, f64::from(repeats), lasted, habit, run.length);
        if verdict.ln_p >= threshold.ln() {
            return;
        }
        let Some(actor) = self.actors.get_mut(look.actor_hash) else { return };
        let (opening, told) = opening::opening(&event.fields, threshold, &run, &verdict, lasted, actor);
        let id = report.incidents.open(opening, now, report.findings);
        let pace = (lasted / f64::from(repeats * run.period as u32)).max(1e-3);
        let module = look.module_hash;
        let (period, began) = (run.period, run.began);
        let range = run.counter.then(|| actor.range()).flatten();
        actor.going = Some(Going { id, period, began, until: time, range, told, pace, other: 0, module });
        self.live.insert(module, look.actor_hash);
    }

    /// Keeps the lines of a cycle while it is under suspicion, so that they are there when it opens.
    fn gather(actor: &mut Actor, pushed: Pushed, event: &Event<'_>) {
        if actor.lines.len() < pushed.suspect
            && let Some(message) = event.fields.text(Role::Message)
        {
            actor.lines.push(message[..message.floor_char_boundary(EXAMPLE_BYTES)].to_owned());
        } else if !actor.repeating && !actor.lines.is_empty() {
            actor.lines.clear();
        }
    }
}

impl Detector for Loop {
    fn name(&self) -> DetectorName {
        DetectorName::Loop
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, report: &mut Report<'_>) {
        let look = event.fields.look();
        if look.message_hash == 0 {
            return;
        }
        let now = event.moment.now;
        self.learned.advance(now);
        let line = look.message_hash ^ look.module_hash.rotate_left(32);
        let seen = self.learned.count(line);
        let actor = self.actors.touch(look.actor_hash, || Actor::new(event.moment.time));
        let settings = *self.settings.of(&mut actor.choice, &event.fields);
        if !settings.enabled {
            // Its lines still count as lines of the stream; a loop that a snapshot left open ends by not being heard of.
            return;
        }
        let pushed = actor.push(line as u32, settings.min_repeats);
        if pushed.suspect > 0 || !actor.lines.is_empty() {
            Self::gather(actor, pushed, event);
        }
        let (is_going, cycle) = (actor.going.is_some(), (pushed.lag > 0).then(|| actor.run(pushed.lag)));
        let (counted, text_seen) = if look.level >= Some(Level::Warn) { self.count_on(event) } else { (0, 0) };

        let habit = self.habits.touch(look.module_hash, || Habit::UNKNOWN);
        let longest = pushed.longest.max(counted);
        if longest <= HABIT_RUN {
            habit.add(longest > 0);
            self.learned.habit.add(longest > 0);
        }
        let habit = *habit;
        report.explained |= longest >= 2 || (is_going && (pushed.lag > 0 || counted > 0));
        if is_going {
            self.go_on(event, pushed.lag > 0 || counted > 0, report);
        } else if let Some((length, began)) = cycle {
            self.test(
                event,
                Run { period: pushed.lag, length, began, seen, counter: false },
                habit,
                settings.threshold,
                report,
            );
        } else if counted >= settings.min_repeats {
            let began = self.actors.get_mut(look.actor_hash).and_then(|actor| Some(actor.counter.as_ref()?.began));
            let run = Run {
                period: 1,
                length: counted,
                began: began.unwrap_or(event.moment.time),
                seen: text_seen,
                counter: true,
            };
            self.test(event, run, habit, settings.threshold, report);
        }
        if let Some(actor) = self.actors.get_mut(look.actor_hash) {
            (actor.last, actor.heard) = (event.moment.time, now);
        }
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        let now = moment.now;
        let actors = &mut self.actors;
        self.live.retain(|_, actor| {
            // An evicted actor's loop is over for whoever watches it.
            let Some(actor) = actors.get_mut(*actor) else { return false };
            let Some(going) = &actor.going else { return false };
            if !report.incidents.is_open(going.id) {
                actor.end();
                return false;
            }
            if now.seconds_since(actor.heard) <= (20.0 * going.pace).max(5.0) {
                return true;
            }
            resolve(actor, now, report);
            false
        });
    }

    fn snapshot(&self) -> Vec<u8> {
        pack(&Kept {
            actors: self.actors.snapshot(),
            habits: self.habits.snapshot(),
            learned: self.learned.clone(),
            live: self.live.clone(),
        })
    }

    fn restore(&mut self, kept: &[u8]) -> Result<(), RestoreError> {
        let kept: Kept = unpack(kept)?;
        if !self.learned.restore(kept.learned) {
            return Err(RestoreError("the sketch of learned lines has another size".into()));
        }
        self.actors.restore(kept.actors);
        self.habits.restore(kept.habits);
        self.live = kept.live;
        Ok(())
    }

    fn tables(&self) -> Vec<TableUse> {
        vec![
            TableUse { table: "loop_actors", keys: self.actors.len() as u64, evictions: self.actors.evictions() },
            TableUse { table: "loop_modules", keys: self.habits.len() as u64, evictions: self.habits.evictions() },
        ]
    }
}

#[cfg(test)]
mod tests;
