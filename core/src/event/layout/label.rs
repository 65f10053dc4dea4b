//! A level that a text begins with: `ERROR: x`, `[warn] x`, `FATAL x`. The text stays the message
//! as a whole.

use std::ops::Range;

use super::super::level::Level;
use super::{Laid, text};

/// Takes the level of a line without a layout; false if it has none.
pub(super) fn read(line: &[u8], laid: &mut Laid) -> bool {
    let Some((level, word)) = find(line, 0) else {
        return false;
    };
    laid.say(level, word);
    true
}

/// The level that the text at `at` begins with: a word in brackets or before a colon, or one in
/// capitals.
pub(super) fn find(line: &[u8], at: usize) -> Option<(Level, Range<usize>)> {
    let open = *line.get(at)?;
    let close = match open {
        b'[' => b']',
        b'<' => b'>',
        b'(' => b')',
        b'A'..=b'Z' | b'a'..=b'z' => {
            let (level, word) = text::level_word(line, at)?;
            let labelled = match line.get(word.end) {
                Some(b':') => true,
                Some(b' ') => text::is_capitals(&line[word.clone()]),
                _ => false,
            };
            return labelled.then_some((level, word));
        }
        _ => return None,
    };
    let (level, word) = text::level_word(line, text::skip_spaces(line, at + 1))?;
    let end = text::skip_spaces(line, word.end);
    (line.get(end) == Some(&close)).then_some((level, word))
}
