//! A run of repeats under test.

use super::actor::Actor;
use super::counter::{Counter, Retries};
use super::excursions::{Excursion, Who};
use crate::engine::detector::Event;
use crate::engine::finding::{DetectorName, NearMiss, Reason};
use crate::event::{Role, Timestamp};
use serde::{Deserialize, Serialize};

/// The error of a difference of two times for want of digits, in seconds: logs with whole seconds
/// put many lines into one.
pub(super) fn grain(a: Timestamp, b: Timestamp) -> f64 {
    let whole = |time: Timestamp| time.0 % 1_000_000_000 == 0;
    if whole(a) && whole(b) { 1.0 } else { 1e-3 }
}

/// The near miss of a run that was tested.
#[cold]
pub(super) fn near_miss(event: &Event<'_>, run: &Run, lasted: f64, ln_p: f64, threshold: f64) -> NearMiss {
    let module = event.fields.text(Role::Module).unwrap_or_default();
    let why = Reason::Repeats { lines: run.period, repeats: run.repeats(), lasted_s: lasted };
    NearMiss { detector: DetectorName::Loop, kind: "cycle", key: module.into_owned(), ln_p, threshold, why }
}

/// Lines that have repeated for long enough to be tested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Lines of one round.
    pub(super) period: usize,
    /// Lines that continued the run.
    pub(super) length: u32,
    /// The earliest time of its lines.
    pub(super) began: Timestamp,
    /// Seconds from there to the latest.
    pub(super) lasted: f64,
    /// How often the run's last line, or for counters its template, was seen in all.
    pub(super) seen: u32,
    /// Longest gap lately, in seconds.
    pub(super) rest: f64,
    pub(super) who: Who,
    /// How many variants the line has: sets of numbers that take turns.
    pub(super) variants: usize,
    pub(super) signal: Signal,
}

/// The signal that found a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Signal {
    Cycle,
    Counter,
    /// This line, across the stream.
    Excursion(u64),
}

impl Run {
    /// From where to where it has counted, where it is one of `actor`'s retry counter.
    pub(super) fn range(&self, actor: &Actor) -> Option<(i64, i64)> {
        if self.signal == Signal::Counter { actor.range() } else { None }
    }

    /// The cycle of `lag` lines that an actor's last line continues. That line was seen so many
    /// times in all.
    pub(super) fn of_cycle(actor: &Actor, lag: usize, seen: u32) -> Self {
        let (length, began, lasted) = actor.run(lag);
        let (rest, who) = (actor.rest.into(), Who::Actors(1));
        Self { period: lag, length, began, lasted, seen, rest, who, variants: 1, signal: Signal::Cycle }
    }

    /// The run of an actor's retry counter, whose last line came at `time`.
    pub(super) fn of_counter(counter: Option<&Counter>, retries: &Retries, time: Timestamp) -> Self {
        Self {
            period: 1,
            length: retries.lines,
            began: counter.map_or(time, |counter| counter.run().began),
            lasted: counter.map_or(0.0, |counter| counter.run().lasted()),
            seen: retries.template_seen,
            rest: 0.0,
            who: Who::Actors(1),
            variants: counter.map_or(1, Counter::variants),
            signal: Signal::Counter,
        }
    }

    /// The excursion of a line that was seen so many times in all.
    pub(super) fn of_spell(spell: &Excursion, line: u64, who: Who, seen: u32) -> Self {
        let (length, began, signal) = (spell.count, spell.began, Signal::Excursion(line));
        let lasted = spell.last.seconds_since(began).max(0.0);
        Self { period: 1, length, began, lasted, seen, rest: 0.0, who, variants: 1, signal }
    }

    /// How often the run has gone round.
    pub(super) fn repeats(&self) -> u32 {
        match self.signal {
            Signal::Excursion(_) => self.length,
            _ => self.length / self.period as u32 + 1,
        }
    }

    /// How many actors go round; 1 where each round has a new thread, because then the module on
    /// its host goes round.
    pub(super) fn actors(&self) -> u32 {
        match self.who {
            Who::Actors(actors) => actors,
            Who::NewThreads => 1,
        }
    }
}
