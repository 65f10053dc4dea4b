//! The retry counter: the same text at WARN or worse whose numbers stay or step evenly.
//!
//! `attempt 1 failed`, `attempt 2 failed`, … repeats no line, but its text without numbers repeats, and each number
//! goes up by the same every time. How often it would come without a fault is counted by its template, which is the same
//! for other words in its variable places; a run has the same words in them, for they are parameters too. Work that makes progress has numbers that step unevenly, or is no warning.

use crate::engine::detector::text_without_numbers::TextWithoutNumbers;
use serde::{Deserialize, Serialize};

/// Numbers of a line that are followed; a line with more is no counter.
const NUMBERS: usize = 8;

/// The last line of an actor at WARN or worse.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counter {
    text: u64,
    numbers: Vec<i64>,
    steps: Vec<i64>,
    /// Lines in a row whose numbers stepped alike.
    pub(super) run: u32,
    pub(super) began: crate::event::Timestamp,
    /// The numbers when the run began.
    first: Vec<i64>,
}

impl Counter {
    /// Takes a line that came at `now`, the actor's line before it at `last`.
    pub(super) fn push(&mut self, line: &TextWithoutNumbers, last: crate::event::Timestamp) {
        let same = self.text == line.hash && self.numbers.len() == line.numbers.len() && line.numbers.len() <= NUMBERS;
        let stepped = || line.numbers.iter().zip(&self.numbers).map(|(new, old)| new - old);
        if same && (self.run == 0 || stepped().eq(self.steps.iter().copied())) {
            if self.run == 0 {
                self.steps = stepped().collect();
                self.first.clone_from(&self.numbers);
                self.began = last;
            }
            self.run = self.run.saturating_add(1);
        } else {
            self.run = 0;
        }
        self.text = line.hash;
        self.numbers.clone_from(&line.numbers);
    }

    /// The first number that counts, from where to where; none when all stay.
    pub(super) fn range(&self) -> Option<(i64, i64)> {
        let counting = self.steps.iter().position(|&step| step != 0)?;
        Some((*self.first.get(counting)?, *self.numbers.get(counting)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    fn run(lines: &[&str]) -> Counter {
        let (mut counter, mut scratch) = (Counter::default(), TextWithoutNumbers::default());
        for line in lines {
            scratch.read(line.as_bytes(), 7);
            counter.push(&scratch, Timestamp(0));
        }
        counter
    }

    #[test]
    fn numbers_that_step_evenly_count() {
        let counter = run(&["try 1 of 9", "try 2 of 9", "try 3 of 9", "try 4 of 9"]);
        assert_eq!((counter.run, counter.range()), (3, Some((1, 4))));
        assert_eq!(run(&["same 5", "same 5", "same 5"]).range(), None);
    }

    #[test]
    fn progress_and_other_texts_do_not() {
        assert_eq!(run(&["block 10 done", "block 11 done", "block 17 done"]).run, 0);
        assert_eq!(run(&["a 1", "a 2", "b 3"]).run, 0);
        let many = "1 2 3 4 5 6 7 8 9";
        assert_eq!(run(&[many, many, many]).run, 0);
        assert_eq!(run(&["9999999999999999999999999", ""]).run, 0);
    }
}
