//! The last lines of the stream, for findings that show what led up to them.

use crate::event::{Batch, Fields, Role};
use serde::{Deserialize, Serialize};

/// How many lines are kept: the most that a rule can ask for as context.
pub const LINES: usize = 64;
/// How much of each is kept, in bytes.
const LINE_BYTES: usize = 256;
/// So many lines may stay where they are before all but the last are forgotten.
const WAITING: usize = 16 * LINES;

/// A ring of messages. Memory: 64 × 256 bytes.
///
/// Most are never asked for and pushed out by others of the same batch. So a message stays where it
/// is, and is copied when one is asked for or the batch comes to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recent {
    lines: Vec<Vec<u8>>,
    next: usize,
    /// Where in the batch at hand the newest lines are, behind those that were copied.
    #[serde(skip)]
    waiting: Vec<usize>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { lines: vec![Vec::new(); LINES], next: 0, waiting: Vec::new() }
    }
}

impl Recent {
    /// Before anything else is done with an event: what would be gone with its batch is copied.
    #[inline]
    pub fn arrive(&mut self, fields: &Fields<'_>) {
        let Some(&last) = self.waiting.last() else { return };
        if fields.place() <= last {
            // Another batch has begun before the end of the one that these were in.
            self.waiting.clear();
        } else if is_near_end(fields) {
            self.copy(fields.batch());
        }
    }

    /// Keeps an event's message, or the whole event where it has none. All that follow in its batch
    /// come next.
    #[inline]
    pub fn push(&mut self, fields: &Fields<'_>) {
        if is_near_end(fields) {
            return self.push_text(text_of(fields), fields.batch());
        }
        if self.waiting.len() == WAITING {
            self.waiting.drain(..WAITING - LINES);
        }
        self.waiting.push(fields.place());
    }

    /// Keeps this text of an event, which is in `batch`.
    pub fn push_text(&mut self, text: &[u8], batch: &Batch) {
        self.copy(batch);
        self.push_copy(text);
    }

    /// Copies what is still in `batch`.
    #[cold]
    pub fn copy(&mut self, batch: &Batch) {
        let waiting = std::mem::take(&mut self.waiting);
        for &place in &waiting[waiting.len().saturating_sub(LINES)..] {
            if place < batch.records.len() {
                self.push_copy(text_of(&batch.fields(place)));
            }
        }
        self.waiting = waiting;
        self.waiting.clear();
    }

    fn push_copy(&mut self, text: &[u8]) {
        let line = &mut self.lines[self.next];
        line.clear();
        line.extend_from_slice(&text[..text.len().min(LINE_BYTES)]);
        self.next = (self.next + 1) % LINES;
    }

    /// Takes what was kept, if it has the right shape.
    pub fn restore(&mut self, kept: Self) {
        if kept.lines.len() == LINES && kept.next < LINES {
            *self = kept;
        }
    }

    /// The last `count` lines that were copied, oldest first.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<String> {
        if count == 0 {
            return Vec::new();
        }
        let (newer, older) = self.lines.split_at(self.next);
        let kept: Vec<_> = older.iter().chain(newer).filter(|line| !line.is_empty()).collect();
        let from = kept.len().saturating_sub(count);
        // A line cut in the middle of a character shows the replacement character there.
        kept[from..].iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }
}

/// The event is among the last of its batch that can be asked for.
#[inline]
fn is_near_end(fields: &Fields<'_>) -> bool {
    fields.batch().records.len() - fields.place() <= LINES
}

/// An event's message, or the whole event where it has none.
pub(super) fn text_of<'a>(fields: &Fields<'a>) -> &'a [u8] {
    fields.raw(Role::Message).unwrap_or_else(|| fields.line())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{parsed_batch, parser};

    fn batch(numbers: std::ops::Range<usize>) -> Batch {
        let lines: String = numbers.map(|i| format!("{{\"message\":\"line {i}\"}}\n")).collect();
        parsed_batch(&mut parser(), &lines)
    }

    fn lines(numbers: std::ops::Range<usize>) -> Vec<String> {
        numbers.map(|i| format!("line {i}")).collect()
    }

    fn pass(recent: &mut Recent, batch: &Batch, places: std::ops::Range<usize>) {
        for fields in places.map(|i| batch.fields(i)) {
            recent.arrive(&fields);
            recent.push(&fields);
        }
    }

    #[test]
    fn lines_outlive_their_batches() {
        let mut recent = Recent::default();
        for (numbers, most) in [(0..10, 10), (10..50, 50), (50..5_000, LINES), (5_000..5_001, LINES)] {
            pass(&mut recent, &batch(numbers.clone()), 0..numbers.len());
            assert_eq!(recent.last(LINES), lines(numbers.end - most..numbers.end));
        }
    }

    #[test]
    fn lines_are_there_in_the_middle_of_a_batch() {
        let (mut recent, batch) = (Recent::default(), batch(0..3_000));
        pass(&mut recent, &batch, 0..100);
        recent.copy(&batch);
        assert_eq!(recent.last(3), lines(97..100));
        pass(&mut recent, &batch, 100..2_000);
        recent.push_text(b"masked", &batch);
        assert_eq!(recent.last(2), ["line 1999", "masked"]);
        pass(&mut recent, &batch, 2_001..2_010);
        recent.copy(&batch);
        assert_eq!(recent.last(LINES).len(), LINES);
        assert_eq!(recent.last(10)[..2], ["masked", "line 2001"]);
    }

    /// Its last events may be none that are kept.
    #[test]
    fn lines_are_copied_before_their_batch_ends() {
        let (mut recent, whole) = (Recent::default(), batch(0..200));
        pass(&mut recent, &whole, 0..100);
        (100..200).for_each(|i| recent.arrive(&whole.fields(i)));
        pass(&mut recent, &batch(300..400), 0..100);
        assert_eq!(recent.last(LINES), lines(336..400));
        let mut recent = Recent::default();
        pass(&mut recent, &whole, 0..100);
        (100..200).for_each(|i| recent.arrive(&whole.fields(i)));
        pass(&mut recent, &batch(300..301), 0..1);
        assert_eq!(recent.last(2), ["line 99", "line 300"]);
    }

    #[test]
    fn a_batch_that_is_left_before_its_end_takes_its_lines_along() {
        let mut recent = Recent::default();
        pass(&mut recent, &batch(0..200), 0..100);
        pass(&mut recent, &batch(300..301), 0..1);
        assert_eq!(recent.last(2), ["line 300"]);
    }
}
