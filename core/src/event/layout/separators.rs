//! What stands between the columns of a header.

use super::header::Header;
use super::text;

impl Header<'_> {
    /// Whether a delimiter follows, with spaces before it at most.
    pub(super) fn is_delimited(&self, at: usize) -> bool {
        let Some(delimiter) = self.delimiter else {
            return false;
        };
        let mut at = at;
        while self.line.get(at) == Some(&b' ') {
            at += 1;
        }
        self.line.get(at) == Some(&delimiter)
    }

    /// A dash that stands alone.
    pub(super) fn is_dash(&self, at: usize) -> bool {
        self.line[at..].starts_with(b"- ") || self.line[at..] == *b"-"
    }

    /// Whether a mark that stands alone follows: ` - `, ` : `, ` > `, ` -- `.
    pub(super) fn is_marked(&self, end: usize) -> bool {
        let at = text::skip_spaces(self.line, end);
        match self.line.get(at..) {
            Some([b'-' | b':' | b'>', b' ', ..] | [b'-', b'-', b' ', ..]) => at > end,
            _ => false,
        }
    }

    /// Whether a dash follows that is joined to the text behind it: `shop.Cart -opened`.
    pub(super) fn is_before_joined_dash(&self, end: usize) -> bool {
        let at = text::skip_spaces(self.line, end);
        let next = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80;
        at > end && self.line.get(at) == Some(&b'-') && self.line.get(at + 1).is_some_and(next)
    }

    /// Where the text behind such a mark begins.
    pub(super) fn behind_mark(&self, end: usize) -> usize {
        text::skip_spaces(self.line, text::word(self.line, text::skip_spaces(self.line, end)).end)
    }

    /// Whether a level stands there, and no word of a text: in capitals, or before a mark.
    pub(super) fn is_level(&self, at: usize) -> bool {
        text::level_word(self.line, at).is_some_and(|(_, word)| match self.line.get(word.end) {
            None | Some(b' ' | b'\t') => text::is_capitals(&self.line[word]),
            next => matches!(next, Some(b':' | b'|' | b',' | b';')),
        })
    }

    /// Passes the spaces and marks between columns: the delimiter, and dashes, colons and commas
    /// that spaces follow.
    pub(super) fn skip_separators(&mut self) {
        loop {
            self.at = text::skip_spaces(self.line, self.at);
            let rest = &self.line[self.at..];
            if rest.first().is_none_or(|first| first.is_ascii_alphanumeric() || *first == b'[') {
                return;
            }
            let marks = rest.iter().take_while(|byte| matches!(byte, b'-' | b'>')).count();
            if marks == 3 && rest.starts_with(b"--- ") {
                self.before_dashes = Some(self.named);
            } else {
                self.is_simple &= marks < 2;
            }
            match (rest.first(), rest.get(1)) {
                (Some(byte), _) if *byte == b'|' || Some(*byte) == self.delimiter => self.at += 1,
                (Some(b':' | b','), Some(b' ')) => self.at += 2,
                (Some(b':'), Some(b'0'..=b'9')) if !self.has_time => self.at += 1,
                (Some(0xE3 | 0xEF), _) if is_wide_mark(rest) => self.at += 3,
                _ if (1..=3).contains(&marks) && rest.get(marks) == Some(&b' ') => self.at += marks + 1,
                _ => return,
            }
        }
    }
}

/// Full-width punctuation and the blank of that width.
fn is_wide_mark(text: &[u8]) -> bool {
    ["，", "：", "；", "｜", "、", "　"].iter().any(|mark| text.starts_with(mark.as_bytes()))
}
