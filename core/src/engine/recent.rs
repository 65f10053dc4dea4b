//! The last lines of the stream, for findings that show what led up to them.

use crate::event::{Fields, Role};
use serde::{Deserialize, Serialize};

/// How many lines are kept: the most that a rule can ask for as context.
pub const LINES: usize = 64;
/// How much of each is kept, in bytes.
const LINE_BYTES: usize = 256;

/// A ring of messages. Memory: 64 × 256 bytes; an event costs one copy of at most that.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recent {
    lines: Vec<Vec<u8>>,
    next: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { lines: vec![Vec::new(); LINES], next: 0 }
    }
}

impl Recent {
    /// Keeps an event's message, or the whole event where it has none.
    #[inline]
    pub fn push(&mut self, fields: &Fields<'_>) {
        self.push_text(fields.raw(Role::Message).unwrap_or_else(|| fields.line()));
    }

    /// Keeps this text of an event.
    pub fn push_text(&mut self, text: &[u8]) {
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

    /// The last `count` lines, oldest first.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<String> {
        let (newer, older) = self.lines.split_at(self.next);
        let kept: Vec<_> = older.iter().chain(newer).filter(|line| !line.is_empty()).collect();
        let from = kept.len().saturating_sub(count);
        // A line cut in the middle of a character shows the replacement character there.
        kept[from..].iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }
}
