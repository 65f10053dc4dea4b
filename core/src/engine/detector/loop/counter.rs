//! The retry counter: the same text at WARN or worse whose numbers stay, step evenly or take turns.
//!
//! `attempt 1 failed`, `attempt 2 failed`, … repeats no line, but its text without numbers repeats,
//! and each number goes up by the same every time. `cannot reach 2`, `cannot reach 3`, `cannot
//! reach 3`, … goes round among a few peers, in an order that other lines of the loop or a sampling
//! shipper may break. How often such a text would come without a fault is counted by its template,
//! which is the same for other words in its variable places; a run has the same words in them, for
//! they are parameters too. Work that makes progress has ever new numbers, or is no warning.

use super::actor::Actor;
use super::excursions::RISE;
use super::learned::Learned;
use super::line::template_key;
use crate::engine::detector::Event;
use crate::engine::detector::text_without_numbers::TextWithoutNumbers;
use crate::engine::state::{HeapSize, allocated};
use crate::event::{Role, Timestamp};
use serde::{Deserialize, Serialize};

/// Most numbers of a line that can be a counter.
const NUMBERS: usize = 8;
/// Most sets of numbers that may take turns.
const VARIANTS: usize = 4;
/// 2⁶⁴ over the golden ratio, odd.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// The last line of an actor at WARN or worse, and the rows that it continues.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counter {
    text: u64,
    numbers: Vec<i64>,
    steps: Vec<i64>,
    /// Lines in a row whose numbers stepped alike.
    stepped: CounterRow,
    /// The numbers when that row began.
    first: Vec<i64>,
    /// Lines in a row of one text whose sets of numbers have all come before.
    turned: CounterRow,
    /// Hashes of the sets of numbers that lines of this text have had.
    variants: Vec<u64>,
}

/// Lines in a row.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct CounterRow {
    pub(super) lines: u32,
    /// The earliest time of these lines and of the line before them.
    pub(super) began: Timestamp,
    /// The latest.
    until: Timestamp,
    /// Events of the stream until then.
    events: f64,
}

/// When a line arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub(super) time: Timestamp,
    /// The time of the actor's line before it.
    pub(super) last: Timestamp,
    /// Events of the stream so far.
    pub(super) events: f64,
}

/// What the retry counter of an actor has found in its last line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retries {
    /// Lines of the run that the line goes on with.
    pub(super) lines: u32,
    /// How often the template of the line came before.
    pub(super) template_seen: u32,
}

/// An actor says a line at WARN or worse: counts it, where it has a message.
pub(super) fn count_retries(
    event: &Event<'_>,
    actor: &mut Actor,
    learned: &mut Learned,
    scratch: &mut TextWithoutNumbers,
) -> Retries {
    let Some(message) = event.fields.raw(Role::Message) else { return Retries::default() };
    let template_seen = learned.count(template_key(event.template.id));
    scratch.read(message, event.fields.parsed().module_hash);
    let when = When { time: event.moment.time, last: actor.last, events: learned.events() };
    let counter = actor.counter.get_or_insert_default();
    counter.push(scratch, when, |count, elapsed, others| learned.expected(template_seen, count, elapsed, others));
    Retries { lines: counter.run().lines, template_seen }
}

impl CounterRow {
    /// Seconds from the earliest time to the latest.
    pub(super) fn lasted(&self) -> f64 {
        self.until.seconds_since(self.began).max(0.0)
    }

    fn go_on(&mut self, when: When) {
        if self.lines == 0 {
            (self.began, self.until, self.events) = (when.last, when.last, when.events - 1.0);
        }
        (self.began, self.until) = (self.began.min(when.time), self.until.max(when.time));
        self.lines = self.lines.saturating_add(1);
    }

    /// Restarts the row where its text has not come faster than usual: a row may span a night
    /// without a line.
    fn keep_up(&mut self, when: When, expected: impl FnOnce(f64, f64, f64) -> f64) {
        let lines = f64::from(self.lines);
        let others = (when.events - self.events - lines).max(0.0);
        if lines < RISE * expected(lines, self.lasted(), others) {
            self.lines = 0;
        }
    }
}

impl HeapSize for Counter {
    fn heap_size(&self) -> usize {
        let numbers = [&self.numbers, &self.steps, &self.first].map(|numbers| allocated(8 * numbers.capacity()));
        allocated(size_of::<Self>()) + numbers.iter().sum::<usize>() + allocated(8 * self.variants.capacity())
    }
}

impl Counter {
    /// Takes a line. `expected` tells how often the template would have come, at its rate before
    /// its last so many lines, in so many seconds and among so many other events.
    pub(super) fn push(&mut self, line: &TextWithoutNumbers, when: When, expected: impl FnOnce(f64, f64, f64) -> f64) {
        let same = self.text == line.hash && self.numbers.len() == line.numbers.len() && line.numbers.len() <= NUMBERS;
        self.step(line, same, when);
        self.take_turn(line, same, when, expected);
        self.text = line.hash;
        self.numbers.clone_from(&line.numbers);
    }

    fn step(&mut self, line: &TextWithoutNumbers, same: bool, when: When) {
        let stepped = || line.numbers.iter().zip(&self.numbers).map(|(new, old)| new - old);
        if !same || (self.stepped.lines > 0 && !stepped().eq(self.steps.iter().copied())) {
            self.stepped.lines = 0;
            return;
        }
        if self.stepped.lines == 0 {
            self.steps = stepped().collect();
            self.first.clone_from(&self.numbers);
        }
        self.stepped.go_on(when);
    }

    /// A set of numbers that is seen for the first time is no repeat, and more than a few sets are
    /// progress.
    fn take_turn(
        &mut self,
        line: &TextWithoutNumbers,
        same: bool,
        when: When,
        expected: impl FnOnce(f64, f64, f64) -> f64,
    ) {
        let numbers = line.numbers.iter().fold(0, |all: u64, &number| (all ^ number as u64).wrapping_mul(MIX));
        if !same {
            self.variants.clear();
            self.turned.lines = 0;
        } else if self.variants.contains(&numbers) {
            self.turned.go_on(when);
            self.turned.keep_up(when, expected);
            return;
        } else if self.variants.len() == VARIANTS {
            self.variants.clear();
            self.turned.lines = 0;
        }
        self.variants.push(numbers);
    }

    fn counts(&self) -> bool {
        self.stepped.lines > self.turned.lines && self.steps.iter().any(|&step| step != 0)
    }

    /// The longer run of the two kinds.
    pub(super) fn run(&self) -> CounterRow {
        if self.counts() { self.stepped } else { self.turned }
    }

    /// How many sets of numbers take turns; 1 where they stay or step.
    pub(super) fn variants(&self) -> usize {
        if self.counts() { 1 } else { self.variants.len() }
    }

    /// The range of the first number that counts; none when all numbers stay or take turns.
    pub(super) fn range(&self) -> Option<(i64, i64)> {
        if !self.counts() {
            return None;
        }
        let counting = self.steps.iter().position(|&step| step != 0)?;
        Some((*self.first.get(counting)?, *self.numbers.get(counting)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(lines: &[&str]) -> Counter {
        let (mut counter, mut scratch) = (Counter::default(), TextWithoutNumbers::default());
        for line in lines {
            scratch.read(line.as_bytes(), 7);
            counter.push(&scratch, When { time: Timestamp(0), last: Timestamp(0), events: 0.0 }, |_, _, _| 0.0);
        }
        counter
    }

    #[test]
    fn numbers_that_step_evenly_count() {
        let counter = run(&["try 1 of 9", "try 2 of 9", "try 3 of 9", "try 4 of 9"]);
        assert_eq!((counter.run().lines, counter.range()), (3, Some((1, 4))));
        assert_eq!(run(&["same 5", "same 5", "same 5"]).range(), None);
    }

    #[test]
    fn progress_and_other_texts_do_not() {
        assert_eq!(run(&["block 10 done", "block 11 done", "block 17 done"]).run().lines, 0);
        assert_eq!(run(&["a 1", "a 2", "b 3"]).run().lines, 0);
        let many = "1 2 3 4 5 6 7 8 9";
        assert_eq!(run(&[many, many, many]).run().lines, 0);
        assert_eq!(run(&["9999999999999999999999999", ""]).run().lines, 0);
    }

    #[test]
    fn a_few_peers_take_turns_in_any_order_and_ever_new_ones_do_not() {
        let counter = run(&["no way to 2", "no way to 3", "no way to 3", "no way to 2", "no way to 3", "no way to 2"]);
        assert_eq!((counter.run().lines, counter.variants(), counter.range()), (4, 2, None));
        let progress: Vec<_> = (0..100).map(|i| format!("block {} done", i * i)).collect();
        assert_eq!(
            run(&progress.iter().map(String::as_str).collect::<Vec<_>>()).run().lines,
            1,
            "the step to the last"
        );
        // Counting is no taking of turns.
        assert_eq!(run(&["try 1", "try 2", "try 3"]).variants(), 1);
    }
}
