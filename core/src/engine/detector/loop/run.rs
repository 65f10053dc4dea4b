//! A run of repeats under test.

use super::actor::{Actor, Pushed};
use super::counter::{Counter, Retries};
use super::distinct::Distinct;
use super::excursions::{Excursion, ROUNDS, Who};
use super::start::Start;
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

/// A line, and what it did to the runs of its actor.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) event: &'a Event<'a>,
    /// By arrival.
    pub(super) pushed: Pushed,
    /// By the times of the lines, where they come in another order.
    pub(super) by_time: Pushed,
    pub(super) retries: Retries,
    /// How often the line was seen in all.
    pub(super) seen: u32,
}

impl Said<'_> {
    /// True where the line belongs to a run that is long enough to test.
    pub(super) fn goes_round(&self) -> bool {
        self.pushed.lag > 0 || self.by_time.lag > 0 || self.retries.lines > 0
    }

    /// The run of the actor that is long enough to test.
    #[inline]
    pub(super) fn run(&self, actor: &Actor, min_repeats: u32) -> Option<Run> {
        if self.pushed.lag > 0 {
            return Some(Run::of_cycle(actor, self.pushed.lag, self.seen));
        }
        if self.by_time.lag > 0 {
            return Some(Run { by_time: true, ..Run::of_cycle(actor.by_time()?, self.by_time.lag, self.seen) });
        }
        (self.retries.lines >= min_repeats)
            .then(|| Run::of_counter(actor.counter.as_deref(), &self.retries, self.event.moment.time))
    }

    /// True of a failure that goes on with a run which rests no longer than a loop and is hardly
    /// long enough to test.
    #[inline]
    pub(super) fn may_become_a_loop(&self, actor: &Actor, min_repeats: u32, timer_period_s: f64) -> bool {
        let (repeats, steps) = (self.pushed.longest, self.retries.steps);
        if repeats.max(steps) < 2 || repeats.max(steps) > 2 * min_repeats {
            return false;
        }
        let gap = self.event.moment.time.seconds_since(actor.last);
        let rest = if repeats >= 2 { gap.max(actor.rest.into()) } else { gap };
        rest < timer_period_s && Start::of(&self.event.fields) == Start::Failure
    }
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
    /// The requests that its lines belong to; none where they name none.
    pub(super) requests: Distinct,
    /// Whether the actor's lines go round in the order of their times, not in that of arrival.
    pub(super) by_time: bool,
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
        let (length, began, lasted, requests) = actor.run(lag);
        let (rest, who) = (actor.rest.into(), Who::Actors(1));
        Self {
            period: lag,
            length,
            began,
            lasted,
            seen,
            rest,
            who,
            variants: 1,
            signal: Signal::Cycle,
            requests,
            by_time: false,
        }
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
            requests: counter.map_or_else(Distinct::default, Counter::requests),
            by_time: false,
        }
    }

    /// The excursion of a line that was seen so many times in all.
    pub(super) fn of_spell(spell: &Excursion, line: u64, who: Who, seen: u32) -> Self {
        let (length, began, lasted, signal) = (spell.count, spell.began, spell.lasted(), Signal::Excursion(line));
        let requests = spell.requests();
        Self { period: 1, length, began, lasted, seen, rest: 0.0, who, variants: 1, signal, requests, by_time: false }
    }

    /// How often the run has gone round.
    pub(super) fn repeats(&self) -> u32 {
        match self.signal {
            Signal::Excursion(_) => self.length,
            _ => self.length / self.period as u32 + 1,
        }
    }

    /// True where its rounds belong to different requests, each of which has hardly gone round.
    pub(super) fn is_of_requests(&self) -> bool {
        self.requests.count().saturating_mul(ROUNDS) > self.repeats()
    }

    /// True where each round may be one request: of several lines, these have one trace id. An id
    /// that no two lines of a round share names lines, and tells nothing of requests.
    pub(super) fn is_a_request_a_round(&self) -> bool {
        self.is_of_requests() && (self.period == 1 || self.requests.count() <= self.length / 4 * 3)
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
