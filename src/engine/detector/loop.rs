//! Control flow that goes round: the same p lines again and again from one actor, faster than these lines ever came.
//!
//! For each actor (host, module and thread) the last 16 fingerprints are kept, and for each lag p = 1…16 the length of
//! the run in which line i equals line i−p. A run of at least max(8, 3p) lines is tested against two explanations that
//! need no fault, and both must fail at the threshold:
//!
//! 1. *The line comes like this.* Its count before the run, over all of the stream before the run, gives a Gamma–Poisson
//!    rate ([`gamma_poisson`]); the repeats must be too many for it both a second and a stream event (two clocks). A
//!    heartbeat that was there from the start has no exposure before its run (cold) or a rate that explains it (warm).
//! 2. *Runs go on here.* The share of lines in this module that went on with a run, shrunk to the whole stream's, to the
//!    power of the run's length. A module that always repeats itself is judged by its own habit.
//!
//! Counts come from a [`CountMin`] sketch, which never forgets a line and errs only towards silence. Memory: about
//! 300 bytes an actor (capped), 40 bytes a module (capped), 512 KiB for the sketch. Cold start: no exposure, no finding.

use super::{Detector, Event, Report, RestoreError, TableUse, pack, unpack};
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{IncidentId, Opening, p_of, round, score_of};
use crate::engine::state::{Table, TableSnapshot};
use crate::engine::stats::count_min::CountMin;
use crate::engine::stats::gamma_poisson;
use crate::event::{Fields, Level, Role, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest cycle looked for, in lines.
const LAGS: usize = 16;
/// Lines outside the cycle after which an actor's loop has ended.
const OTHER_LINES: u32 = 16;
/// Of a longer run only this much counts as habit: it mutes runs like the usual ones, not ones ten times as long.
const HABIT_RUN: u32 = 16;
/// Prior weight of the whole stream's habit in a module's, in lines.
const HABIT_PRIOR: f64 = 10.0;
/// Lines after which a habit forgets half.
const HABIT_LINES: f64 = 50_000.0;
/// Events after which the learned counts forget half.
const LEARNED_EVENTS: f64 = 5e7;
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
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self { enabled: true, min_repeats: 8, threshold: 1e-10, timer_period_s: 0.5, keys: 100_000 }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Actor {
    /// The last fingerprints, newest first. 32 bits of each: a run needs eight equal ones in a row.
    ring: [u32; LAGS],
    /// By lag − 1: lines in a row that equal the one a lag before.
    runs: [u32; LAGS],
    /// By lag − 1: when that run began.
    starts: [Timestamp; LAGS],
    /// Some run is not zero.
    repeating: bool,
    last: Timestamp,
    /// The lines of the cycle, gathered while it is under suspicion.
    lines: Vec<String>,
    /// The open loop.
    going: Option<Going>,
}

/// An open loop.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Going {
    id: IncidentId,
    lag: usize,
    began: Timestamp,
    /// Smoothed seconds between its lines.
    pace: f64,
    /// Lines of the actor outside the cycle since the last inside it.
    other: u32,
    module: u64,
}

impl Actor {
    fn new(now: Timestamp) -> Self {
        Self {
            ring: [0; LAGS],
            runs: [0; LAGS],
            starts: [now; LAGS],
            repeating: false,
            last: now,
            lines: Vec::new(),
            going: None,
        }
    }

    /// Takes a line; the shortest lag whose run is long enough to test, and the longest run that has gone round at all.
    #[inline]
    fn push(&mut self, line: u32, min_repeats: u32) -> Pushed {
        let mut equal = [false; LAGS];
        let mut any = false;
        for (equal, &earlier) in equal.iter_mut().zip(&self.ring) {
            *equal = earlier == line;
            any |= *equal;
        }
        self.ring.copy_within(..LAGS - 1, 1);
        self.ring[0] = line;
        if any || self.repeating { self.update_runs(equal, min_repeats) } else { Pushed::default() }
    }

    fn update_runs(&mut self, equal: [bool; LAGS], min_repeats: u32) -> Pushed {
        let mut pushed = Pushed::default();
        self.repeating = false;
        for (i, equal) in equal.into_iter().enumerate() {
            let lag = i as u32 + 1;
            if !equal {
                self.runs[i] = 0;
                continue;
            }
            if self.runs[i] == 0 {
                self.starts[i] = self.last;
            }
            self.runs[i] = self.runs[i].saturating_add(1);
            self.repeating = true;
            if self.runs[i] >= lag.max(2) {
                pushed.longest = pushed.longest.max(self.runs[i]);
            }
            if pushed.suspect == 0 && self.runs[i] >= (2 * lag).max(min_repeats / 2) {
                pushed.suspect = lag as usize;
            }
            if pushed.lag == 0 && self.runs[i] >= (3 * lag).max(min_repeats) {
                pushed.lag = lag as usize;
            }
        }
        pushed
    }
}

/// What a line did to its actor's runs.
#[derive(Clone, Copy, Debug, Default)]
struct Pushed {
    /// The shortest lag to test, 0 for none.
    lag: usize,
    /// The shortest lag whose lines are worth gathering, 0 for none.
    suspect: usize,
    /// The longest run that has gone round once.
    longest: u32,
}

/// How often lines went on with a run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Habit {
    went_on: f64,
    lines: f64,
}

impl Habit {
    #[inline]
    fn add(&mut self, went_on: bool) {
        self.went_on += f64::from(u8::from(went_on));
        self.lines += 1.0;
        if self.lines > HABIT_LINES {
            self.went_on /= 2.0;
            self.lines /= 2.0;
        }
    }
}

/// The detector.
#[derive(Debug)]
pub struct Loop {
    options: LoopOptions,
    actors: Table<Actor>,
    habits: Table<Habit>,
    learned: Learned,
    /// Actors with an open loop, by module: a module has one loop at a time.
    live: BTreeMap<u64, u64>,
}

/// What the stream as a whole has taught.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Learned {
    counts: CountMin,
    /// Exposure of the counts, on both clocks: seconds and events, halved with them.
    seconds: f64,
    events: f64,
    began: Option<Timestamp>,
    now: Timestamp,
    habit: Habit,
}

impl Loop {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new(options: LoopOptions) -> Self {
        let learned = Learned {
            counts: CountMin::default(),
            seconds: 0.0,
            events: 0.0,
            began: None,
            now: Timestamp::default(),
            habit: Habit { went_on: 1.0, lines: 20.0 },
        };
        Self {
            actors: Table::new(options.keys),
            habits: Table::new(options.keys),
            learned,
            live: BTreeMap::new(),
            options,
        }
    }
}

impl Learned {
    #[inline]
    fn add(&mut self, line: u64, now: Timestamp) -> u32 {
        if self.began.is_none() {
            self.began = Some(now);
            self.now = now;
        }
        self.seconds += now.seconds_since(self.now).max(0.0);
        self.now = self.now.max(now);
        self.events += 1.0;
        if self.events > LEARNED_EVENTS {
            self.counts.halve();
            self.seconds /= 2.0;
            self.events /= 2.0;
        }
        self.counts.add(line)
    }

    /// ln of the chance that a line seen `seen` times comes `repeats` times in the last `lasted` seconds, on the clock
    /// that finds it likelier; and the rate it had before, in lines a second.
    fn ln_p(&self, seen: u32, repeats: f64, lasted: f64) -> (f64, f64) {
        let before = (f64::from(seen) - repeats).max(0.0);
        let exposure = self.seconds - lasted;
        // Events of the run's own time, at the stream's mean rate: the run itself must not thin out its exposure.
        let own = (lasted * self.events / self.seconds.max(1.0)).max(repeats).min(self.events);
        let by_time = gamma_poisson::ln_tail(repeats, 0.5 + before, exposure, lasted + 1e-3);
        let by_events = gamma_poisson::ln_tail(repeats, 0.5 + before, self.events - own, own);
        (by_time.max(by_events), if exposure > 0.0 { (before + 0.5) / exposure } else { 0.0 })
    }

    /// ln of the chance that a run in a module with this habit goes on for `run` lines.
    fn ln_habit(&self, habit: Habit, run: u32) -> f64 {
        let own = f64::from(run.min(HABIT_RUN));
        let stream = (self.habit.went_on - own) / (self.habit.lines - own).max(1.0);
        let share = (habit.went_on - own + HABIT_PRIOR * stream) / (habit.lines - own + HABIT_PRIOR).max(1.0);
        share.clamp(0.01, 0.999).ln() * f64::from(run)
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
        let line = look.message_hash ^ look.module_hash.rotate_left(32);
        let seen = self.learned.add(line, now);
        let actor = self.actors.touch(look.actor_hash, || Actor::new(now));
        let pushed = actor.push(line as u32, self.options.min_repeats);

        let habit = self.habits.touch(look.module_hash, || Habit { went_on: 0.0, lines: 0.0 });
        if pushed.longest <= HABIT_RUN {
            habit.add(pushed.longest > 0);
            self.learned.habit.add(pushed.longest > 0);
        }
        let habit = *habit;
        if actor.going.is_some() {
            self.go_on(event, pushed, report);
        } else if pushed.suspect > 0 {
            self.suspect(event, pushed, seen, habit, report);
        } else if !actor.repeating && !actor.lines.is_empty() {
            actor.lines.clear();
        }
        if let Some(actor) = self.actors.get_mut(look.actor_hash) {
            actor.last = now;
        }
    }

    fn tick(&mut self, now: Timestamp, report: &mut Report<'_>) {
        let actors = &mut self.actors;
        self.live.retain(|_, actor| {
            // An evicted actor's loop is over for whoever watches it.
            let Some(actor) = actors.get_mut(*actor) else { return false };
            let Some(going) = &actor.going else { return false };
            if !report.incidents.is_open(going.id) {
                actor.going = None;
                return false;
            }
            if now.seconds_since(actor.last) <= (20.0 * going.pace).max(5.0) {
                return true;
            }
            report.incidents.resolve(going.id, now, report.findings);
            actor.going = None;
            actor.runs = [0; LAGS];
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
        let mut counts = CountMin::default();
        if !counts.restore(kept.learned.counts) {
            return Err(RestoreError("the sketch of learned lines has another size".into()));
        }
        self.learned = Learned { counts, ..kept.learned };
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

#[derive(Serialize, Deserialize)]
struct Kept {
    actors: TableSnapshot<Actor>,
    habits: TableSnapshot<Habit>,
    learned: Learned,
    live: BTreeMap<u64, u64>,
}

impl Loop {
    /// The actor's loop is open: the line goes on with it, or is one of the few outside that it may have.
    fn go_on(&mut self, event: &Event<'_>, pushed: Pushed, report: &mut Report<'_>) {
        let look = event.fields.look();
        let now = event.moment.now;
        let Some(actor) = self.actors.get_mut(look.actor_hash) else { return };
        let last = actor.last;
        let Some(going) = &mut actor.going else { return };
        if pushed.lag > 0 {
            going.pace += 0.1 * (now.seconds_since(last).max(0.0) - going.pace);
            going.other = 0;
            let (lag, began) = (going.lag as f64, going.began);
            report.incidents.join(going.id, 1, event.fields.level(), now, report.findings, |evidence, _, count| {
                let lasted = now.seconds_since(began).max(1e-3);
                evidence.observed = round(count as f64 / lasted, 3);
                evidence.samples = count;
                evidence.window_s = round(lasted, 3);
                evidence.more.insert("repeats".into(), ((count as f64 / lag) as u64).into());
            });
            return;
        }
        going.other += 1;
        if going.other > OTHER_LINES {
            report.incidents.resolve(going.id, now, report.findings);
            self.live.remove(&going.module);
            actor.going = None;
            actor.runs = [0; LAGS];
        }
    }

    /// A run that may be a loop: gathers its lines, and tests it at every repeat at first, then at doubling ones.
    fn suspect(&mut self, event: &Event<'_>, pushed: Pushed, seen: u32, habit: Habit, report: &mut Report<'_>) {
        let look = event.fields.look();
        let now = event.moment.now;
        let Some(actor) = self.actors.get_mut(look.actor_hash) else { return };
        if actor.lines.len() < pushed.suspect
            && let Some(message) = event.fields.text(Role::Message)
        {
            actor.lines.push(cut(&message, EXAMPLE_BYTES).to_owned());
        }
        let lag = pushed.lag;
        if lag == 0 {
            return;
        }
        let run = actor.runs[lag - 1];
        let repeats = run / lag as u32 + 1;
        if self.live.contains_key(&look.module_hash) || (repeats > 32 && !repeats.is_power_of_two()) {
            return;
        }
        let lasted = now.seconds_since(actor.starts[lag - 1]).max(0.0);
        let level = event.fields.level();
        let round_s = lasted / f64::from(repeats.max(2) - 1);
        if level.is_none_or(|level| level <= Level::Info) && round_s >= self.options.timer_period_s {
            return;
        }
        let (by_rate, expected) = self.learned.ln_p(seen, f64::from(repeats), lasted);
        let ln_p = by_rate.max(self.learned.ln_habit(habit, run));
        if ln_p >= self.options.threshold.ln() {
            return;
        }
        let lines = std::mem::take(&mut actor.lines);
        let opening = opening(&event.fields, &self.options, &Seen { lag, repeats, lasted, expected, ln_p, lines });
        let id = report.incidents.open(opening, now, report.findings);
        let pace = (lasted / f64::from(repeats * lag as u32)).max(1e-3);
        actor.going = Some(Going { id, lag, began: actor.starts[lag - 1], pace, other: 0, module: look.module_hash });
        self.live.insert(look.module_hash, look.actor_hash);
    }
}

/// What was seen of a loop when it opened.
struct Seen {
    lag: usize,
    repeats: u32,
    lasted: f64,
    /// Lines a second, learned.
    expected: f64,
    ln_p: f64,
    lines: Vec<String>,
}

fn opening(fields: &Fields<'_>, options: &LoopOptions, seen: &Seen) -> Opening {
    let mut key = Vec::new();
    for role in [Role::Module, Role::Host, Role::Thread] {
        if let Some(value) = fields.text(role) {
            key.push((role.name().to_owned(), value.into_owned()));
        }
    }
    let count = u64::from(seen.repeats) * seen.lag as u64;
    let lines = if seen.lag == 1 { "line".to_owned() } else { format!("{} lines", seen.lag) };
    let mut summary = format!("the same {lines} {} times in {:.1} s", seen.repeats, seen.lasted);
    if let Some(((_, first), rest)) = key.split_first() {
        let rest: Vec<_> = rest.iter().map(|(name, value)| format!("{name} {value}")).collect();
        summary.push_str(&format!(" on {first}"));
        if !rest.is_empty() {
            summary.push_str(&format!(" ({})", rest.join(", ")));
        }
    }
    let mut more = serde_json::Map::new();
    more.insert("period".into(), seen.lag.into());
    more.insert("repeats".into(), seen.repeats.into());
    more.insert("example".into(), seen.lines.clone().into());
    Opening {
        detector: DetectorName::Loop,
        kind: if seen.lag == 1 { "exact" } else { "cycle" }.into(),
        rule: None,
        severity: if fields.level() >= Some(Level::Error) { Severity::Critical } else { Severity::Warning },
        key: Key(key),
        count,
        score: score_of(seen.ln_p),
        summary,
        evidence: Evidence {
            observed: round(count as f64 / seen.lasted.max(1e-3), 3),
            expected: significant(seen.expected * seen.lag as f64),
            unit: "lines/s".into(),
            test: "gamma-poisson".into(),
            threshold: options.threshold,
            p_value: Some(p_of(seen.ln_p)),
            samples: count,
            window_s: round(seen.lasted, 3),
            more,
        },
        worst: fields.level(),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// Two significant digits.
fn significant(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

/// The first `limit` bytes, or a few less to end at a character.
fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
#[path = "loop_tests.rs"]
mod tests;
