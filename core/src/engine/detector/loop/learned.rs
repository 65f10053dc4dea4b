//! What is learned from the stream: how often each line comes, and how often lines continue a run.

use super::excursions::RISE;
use super::run::Signal;
use super::start::{self, Start};
use crate::engine::stats::count_min::CountMin;
use crate::engine::stats::gamma_poisson;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest part of a run that counts as habit: a habit mutes runs of the usual length, not runs
/// ten times as long.
pub(super) const HABIT_RUN: u32 = 16;
/// Prior weight of the whole stream's habit in a module's, in lines.
const HABIT_PRIOR: f64 = 10.0;
/// Lines after which a habit forgets half.
const HABIT_LINES: f64 = 50_000.0;
/// Separates the key of a line's excursions from the key of the line.
const SPELL_SALT: u64 = 0x0DD5_9E11_5EED_0F7E;
/// For each line the number of excursions is learned that were at least this long, twice as long,
/// four times as long, and so on.
const LONG: u32 = 8;
/// The longest of these lengths.
const LONGEST: u32 = LONG << 10;
/// Prior weight of the odds with which shorter excursions became twice as long, in excursions.
const LONG_PRIOR: f64 = 2.0;
/// Events after which the learned counts forget half.
const LEARNED_EVENTS: f64 = 5e7;

/// How often lines continued a run. While nothing is known of a module, the stream's habit is used.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Habit {
    went_on: f64,
    lines: f64,
}

impl Habit {
    #[inline]
    pub(super) fn add(&mut self, went_on: bool) {
        self.went_on += f64::from(u8::from(went_on));
        self.lines += 1.0;
        if self.lines > HABIT_LINES {
            self.went_on /= 2.0;
            self.lines /= 2.0;
        }
    }
}

/// Repeats under test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeated {
    /// How often the last line was seen in all.
    pub(super) seen: u32,
    pub(super) repeats: f64,
    /// Lines that these repeats are, of all the lines of a round.
    pub(super) lines: f64,
    /// Seconds of the repeats.
    pub(super) lasted: f64,
    /// How often lines of the module go on with such a run.
    pub(super) habit: Habit,
    /// Lines that continued the run.
    pub(super) run: u32,
    pub(super) signal: Signal,
    pub(super) start: Start,
    /// How many lines the module has written in all, where the repeats are of different requests.
    pub(super) module_lines: Option<f64>,
}

/// What the whole stream has taught.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Learned {
    counts: CountMin,
    /// Exposure of the counts, on both clocks: seconds and events, halved with them.
    seconds: f64,
    events: f64,
    /// How often they were halved.
    #[serde(default)]
    halvings: u32,
    now: Option<Timestamp>,
    /// The habits of runs of an actor, and of excursions across the stream.
    pub(super) runs: Habit,
    pub(super) spells: Habit,
}

/// How unlikely a number of repeats is without a fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateVerdict {
    /// ln of the chance, on the explanation and the clock that find it likeliest.
    pub(super) ln_p: f64,
    /// The rate the line had before, in lines a second.
    pub(super) expected: f64,
}

impl Learned {
    pub(super) fn new() -> Self {
        let (counts, habit) = (CountMin::default(), Habit::default());
        Self { counts, seconds: 0.0, events: 0.0, halvings: 0, now: None, runs: habit, spells: habit }
    }

    /// Time passes by one event.
    #[inline]
    pub(super) fn advance(&mut self, now: Timestamp) {
        let last = *self.now.get_or_insert(now);
        self.seconds += now.seconds_since(last).max(0.0);
        self.now = Some(last.max(now));
        self.events += 1.0;
        if self.events > LEARNED_EVENTS {
            self.counts.halve();
            self.seconds /= 2.0;
            self.events /= 2.0;
            self.halvings += 1;
        }
    }

    /// How often the counts were halved, and their exposure.
    #[inline]
    pub(super) fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Counts a line; returns how often it was seen before.
    #[inline]
    pub(super) fn count(&mut self, line: u64) -> u32 {
        self.counts.add(line)
    }

    /// Reads the memory that counting `line` will need.
    #[inline]
    pub(super) fn prefetch(&self, line: u64) -> u64 {
        self.counts.count(line).into()
    }

    /// Tests repeats against what was learned of their line and its module before them.
    pub(super) fn test(&self, repeated: &Repeated) -> RateVerdict {
        let Repeated { seen, repeats, lasted, habit, run, signal, start, .. } = *repeated;
        let before = (f64::from(seen) - repeats).max(0.0);
        let exposure = self.seconds - lasted + start.seconds();
        if exposure < start.untested_s() {
            return RateVerdict { ln_p: 0.0, expected: 0.0 };
        }
        let by_time = gamma_poisson::ln_tail(repeats, 0.5 + before, exposure, lasted);
        let by_events = self.by_events(repeated, before);
        let own = f64::from(run.min(HABIT_RUN));
        let by_habit = match signal {
            Signal::Excursion(line) => self.ln_spell(line, before, share(habit, self.spells, own, start), own, run),
            _ => ln_share(share(habit, self.runs, own, start)) * f64::from(run),
        };
        RateVerdict {
            ln_p: by_time.max(by_events).max(by_habit).max(self.by_requests(repeated)),
            expected: if exposure > 0.0 { (before + 0.5) / exposure } else { 0.0 },
        }
    }

    /// ln of the chance of so many repeats among the events of the stream in the run's own time,
    /// at the mean rate.
    fn by_events(&self, repeated: &Repeated, before: f64) -> f64 {
        let Repeated { repeats, lines, lasted, start, .. } = *repeated;
        if start == Start::Harmless {
            // The run itself does not dilute its exposure.
            let own = (lasted * self.events / self.seconds.max(1.0)).max(repeats).min(self.events);
            return gamma_poisson::ln_tail(repeats, 0.5 + before, self.events - own, own);
        }
        // A failure is tested among the events of other lines, so that a run which is nearly all of
        // the stream does not excuse itself.
        let others = (self.events - before - lines).max(0.0);
        let among = others * (lasted / self.seconds.max(lasted)).min(1.0);
        gamma_poisson::ln_tail(repeats, 0.5 + before, start.events() + others - among, among + 1.0)
    }

    /// ln of the chance that different requests bring so many repeats: at [`RISE`] times the rate
    /// of all lines of their module before. Requests that all fail bring no more lines than
    /// requests ever did, and a loop that takes a new trace id for each attempt does.
    fn by_requests(&self, repeated: &Repeated) -> f64 {
        let Some(all) = repeated.module_lines else { return f64::NEG_INFINITY };
        let (before, exposure) = ((all - repeated.lines).max(0.0), self.seconds - repeated.lasted);
        gamma_poisson::ln_tail(repeated.repeats, 0.5 + before, exposure, RISE * repeated.lasted)
    }

    /// Counts a line that extended an excursion.
    pub(super) fn count_spell(&mut self, line: u64) {
        self.counts.add(line ^ SPELL_SALT);
    }

    /// Counts an excursion of so many lines that ended without a loop.
    pub(super) fn count_harmless(&mut self, line: u64, lines: u32) {
        for length in spell_lengths().take_while(|&length| length <= lines) {
            self.counts.add(spell_key(line, length));
        }
    }

    /// ln of the chance that an excursion lasts `run` lines, where a share `share` of the module's
    /// lines extend one. A line has habits of its own: a line that comes in clusters extends its
    /// excursion nearly each time, and how many of its excursions became twice as long shows how
    /// likely this one was to.
    fn ln_spell(&self, line: u64, before: f64, share: f64, own: f64, run: u32) -> f64 {
        let count = |key: u64| f64::from(self.counts.count(key));
        let on = ln_share(share.max((count(line ^ SPELL_SALT) - own + HABIT_PRIOR * share) / (before + HABIT_PRIOR)));
        let mut ln_p = on * f64::from(run.min(LONG));
        let mut ln_doubled = on * f64::from(LONG) / 2.0;
        for length in spell_lengths().take_while(|&length| length < run) {
            let (long, longer) = (count(spell_key(line, length)), count(spell_key(line, 2 * length)));
            let prior = LONG_PRIOR * (2.0 * ln_doubled).exp();
            ln_doubled = ((longer + prior) / (long + LONG_PRIOR)).ln().max(on * f64::from(length));
            ln_p += ln_doubled * (f64::from(run - length) / f64::from(length)).min(1.0);
        }
        ln_p
    }

    /// How often a line that was seen `seen` times in all, `count` of them lately, would have come
    /// in the last `elapsed` seconds, or among the last `others` events of other lines, by what was
    /// before them: the larger of the two.
    #[inline]
    pub(super) fn expected(&self, seen: u32, count: f64, elapsed: f64, others: f64) -> f64 {
        let before = (f64::from(seen) - count).max(0.0) + 0.5;
        let by_time = before * elapsed / (self.seconds - elapsed).max(1e-3);
        by_time.max(before * others / (self.events - others - count).max(1.0))
    }

    /// Events of the stream so far, on the clock of the counts.
    pub(super) fn events(&self) -> f64 {
        self.events
    }

    /// Adds the count of `from` to that of `into`.
    pub(super) fn merge(&mut self, from: u64, into: u64) {
        let count = self.counts.count(from);
        self.counts.add_many(into, count);
    }
}

/// The share of lines that continue a run in a module with this habit, drawn to that of the stream,
/// and that to what is believed at the start; without the `own` lines of the current run.
fn share(habit: Habit, of_stream: Habit, own: f64, start: Start) -> f64 {
    let of_stream_lines = (of_stream.lines - own).max(0.0) + start::WEIGHT;
    let stream = (of_stream.went_on - own + start::WEIGHT * start.share()) / of_stream_lines;
    (habit.went_on - own + HABIT_PRIOR * stream) / (habit.lines - own + HABIT_PRIOR).max(1.0)
}

/// ln of a share, kept away from 0 and 1: no habit is certain.
fn ln_share(share: f64) -> f64 {
    share.clamp(0.01, 0.999).ln()
}

fn spell_lengths() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(LONG), |&length| (length < LONGEST).then_some(2 * length))
}

/// The key in the sketch of a line's excursions of at least so many lines.
fn spell_key(line: u64, length: u32) -> u64 {
    (line ^ SPELL_SALT).wrapping_add(u64::from(length).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
