//! A level that a text begins with: `ERROR: x`, `[warn] x`, `FATAL x`, `nginx: [emerg] x`, `PHP
//! Warning:  x`. The text stays the message as a whole.

use std::ops::Range;

use super::super::level::Level;
use super::{LayoutMatch, kinds, text};

/// What stands between the label and the text when two words name the level.
const PHP: [(&[u8], Level); 9] = [
    (b"PHP Fatal error:", Level::Fatal),
    (b"PHP Parse error:", Level::Fatal),
    (b"PHP Recoverable fatal error:", Level::Error),
    (b"PHP Core error:", Level::Fatal),
    (b"PHP Warning:", Level::Warn),
    (b"PHP Core warning:", Level::Warn),
    (b"PHP Notice:", Level::Info),
    (b"PHP Deprecated:", Level::Info),
    (b"PHP Strict Standards:", Level::Info),
];

/// Takes the level of a line without a layout; false if it has none.
pub(super) fn read(line: &[u8], matched: &mut LayoutMatch) -> bool {
    // Some pad a level in front; what is indented otherwise goes on with another line.
    let blanks = text::skip_spaces(line, 0);
    let found = if blanks == 0 {
        find(line, 0)
    } else {
        labelled(line, blanks)
            .filter(|(_, word)| blanks <= 4 && text::is_capitals(&line[word.clone()]))
            .or_else(|| symbol(line, 0))
    };
    let Some((level, word)) = found else {
        return false;
    };
    matched.say(level, word);
    true
}

/// The level that the text at `at` begins with: a word in brackets or before a colon, or one in
/// capitals; a program's name and a colon may stand before it.
pub(super) fn find(line: &[u8], at: usize) -> Option<(Level, Range<usize>)> {
    let text = line.get(at..)?;
    if text.starts_with(b"PHP ") {
        return PHP
            .iter()
            .find(|(label, _)| text.starts_with(label))
            .map(|(label, level)| (*level, at + 4..at + label.len() - 1));
    }
    if let Some(found) = command(line, at).or_else(|| symbol(line, at)) {
        return Some(found);
    }
    // Node's own warnings: `(node:77) Warning: …`.
    if let Some(end) = text.starts_with(b"(node:").then(|| memchr::memmem::find(text, b") ")).flatten() {
        return labelled(line, at + end + 2);
    }
    labelled(line, at).or_else(|| {
        let name = text::word(line, at);
        let before_colon = line[name.clone()].strip_suffix(b":").is_some_and(kinds::is_module);
        let behind = text::skip_spaces(line, name.end);
        if before_colon {
            labelled(line, behind).filter(|(_, word)| word.start > behind || is_marked(line, word))
        } else {
            None
        }
    })
}

/// What tells a build server how bad a line is: `##[error]x` of GitHub's and Azure's agents,
/// `::warning file=a.rs::x` in what a step prints.
fn command(line: &[u8], at: usize) -> Option<(Level, Range<usize>)> {
    let (marks, ends): (&[u8], &[u8]) = match line.get(at..)? {
        [b'#', b'#', b'[', ..] => (b"##[", b"]"),
        [b':', b':', ..] => (b"::", b": "),
        _ => return None,
    };
    let (level, word) = text::level_word(line, at + marks.len())?;
    line.get(word.end).is_some_and(|next| ends.contains(next)).then_some((level, word))
}

/// A sign that command-line tools put in place of a level, behind at most two blanks.
fn symbol(line: &[u8], at: usize) -> Option<(Level, Range<usize>)> {
    const SIGNS: [(&str, Level); 9] = [
        ("⨯", Level::Error),
        ("✖", Level::Error),
        ("✗", Level::Error),
        ("❌", Level::Error),
        ("⚠", Level::Warn),
        ("✔", Level::Info),
        ("✓", Level::Info),
        ("ℹ", Level::Info),
        ("✅", Level::Info),
    ];
    let start = at + line[at..].iter().take(2).take_while(|byte| **byte == b' ').count();
    if line.get(start).is_none_or(|first| *first != 0xE2) {
        return None;
    }
    let (sign, level) = SIGNS.iter().find(|(sign, _)| line[start..].starts_with(sign.as_bytes()))?;
    let end = start + sign.len();
    let behind = line[end..].strip_prefix("\u{fe0f}".as_bytes()).unwrap_or(&line[end..]);
    behind.starts_with(b" ").then_some((*level, start..end))
}

/// Behind the word stands a mark, so that it is no word of a sentence.
fn is_marked(line: &[u8], word: &Range<usize>) -> bool {
    matches!(line.get(word.end), Some(b':' | b'!'))
}

fn labelled(line: &[u8], at: usize) -> Option<(Level, Range<usize>)> {
    let open = *line.get(at)?;
    let close = match open {
        b'[' => b']',
        b'<' => b'>',
        b'(' => b')',
        b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => {
            let (level, word) = text::level_word(line, at)?;
            let labelled = match line.get(word.end) {
                Some(b':') => true,
                // PHP's and compilers' worst: `Fatal error: …`.
                Some(b' ') if level == Level::Fatal && line[word.end..].starts_with(b" error:") => true,
                Some(b' ') => text::is_capitals(line[word.clone()].strip_suffix(b"!").unwrap_or(&line[word.clone()])),
                Some(0x80..) => !line[word.clone()].is_ascii(),
                _ => false,
            };
            return labelled.then_some((level, word));
        }
        b'*' => {
            let stars = line[at..].iter().take(3).take_while(|byte| **byte == b'*').count();
            let (level, word) = text::level_word(line, at + stars)?;
            return (line.get(word.end) == Some(&b'*')).then_some((level, word));
        }
        _ => return None,
    };
    // The X server's two letters.
    if open == b'('
        && let Some([letter @ (b'E' | b'W' | b'I'), other, b')', ..]) = line.get(at + 1..)
        && letter == other
    {
        return Level::from_text(&[*letter]).map(|level| (level, at + 1..at + 3));
    }
    let (level, word) = text::level_word(line, text::skip_spaces(line, at + 1))?;
    let end = text::skip_spaces(line, word.end);
    (line.get(end) == Some(&close)).then_some((level, word))
}
