//! The last lines of the stream, which findings of rules show as context.

use crate::event::{Batch, Fields, Role};
use serde::{Deserialize, Serialize};

/// Lines kept: the most that a finding can show as context.
pub const LINES: usize = 64;
/// Bytes kept of each line.
const LINE_BYTES: usize = 256;
/// Lines that may stay in the batch before all but the last [`LINES`] are dropped.
const WAITING: usize = 16 * LINES;

/// A ring of messages. Memory: 64 × 256 bytes.
///
/// Most messages are overwritten by later ones of the same batch before anyone asks for them. So a
/// message stays in the batch, and is copied only when lines are needed or the batch is near its
/// end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recent {
    lines: Vec<Vec<u8>>,
    next: usize,
    /// Record numbers, in the current batch, of the newest lines, which are not yet copied.
    #[serde(skip)]
    waiting: Vec<usize>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { lines: vec![Vec::new(); LINES], next: 0, waiting: Vec::new() }
    }
}

impl Recent {
    /// Called first for every event: copies lines that would be lost with their batch.
    #[inline]
    pub fn arrive(&mut self, fields: &Fields<'_>) {
        let Some(&last) = self.waiting.last() else { return };
        if fields.place() <= last {
            // A new batch began before the end of the previous one, so the uncopied lines are lost.
            self.waiting.clear();
        } else if is_near_end(fields) {
            self.copy(fields.batch());
        }
    }

    /// Keeps an event's message, or the whole event if it has no message. The caller must pass all
    /// records that follow in its batch.
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

    /// Keeps `text` of an event, which is in `batch`.
    pub fn push_text(&mut self, text: &[u8], batch: &Batch) {
        self.copy(batch);
        self.push_copy(text);
    }

    /// Copies the lines that are still in `batch`.
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

    /// Restores the lines of a snapshot, if it has the right size.
    pub fn restore(&mut self, kept: Self) {
        if kept.lines.len() == LINES && kept.next < LINES {
            *self = kept;
        }
    }

    /// The last `count` copied lines, oldest first.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<String> {
        if count == 0 {
            return Vec::new();
        }
        let (newer, older) = self.lines.split_at(self.next);
        let kept: Vec<_> = older.iter().chain(newer).filter(|line| !line.is_empty()).collect();
        let from = kept.len().saturating_sub(count);
        // A line may be cut inside a character; the rest of it becomes the replacement character.
        kept[from..].iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }
}

/// True for the last [`LINES`] records of a batch, whose lines are copied at once.
#[inline]
fn is_near_end(fields: &Fields<'_>) -> bool {
    fields.batch().records.len() - fields.place() <= LINES
}

/// An event's message, or the whole event if it has no message.
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

    /// The last events of a batch may be ones whose lines are not kept.
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
