//! Stage one of the template miner, a pure function of one message: the masked message, its words
//! kept and variables masked.
//!
//! One pass over the bytes with a table of 256 classes cuts a message into pieces (`scan.rs`); each
//! piece is judged by its own characters and its neighbours (`classify.rs`, `words.rs`): what has a
//! digit, a path, a host or file name, an address, a value after `=`, a quoted word is a variable.
//! Punctuation is context for these judgements and no part of the masked. Neighbouring variables
//! are one. The hash of the masked's text is xxh3-64, the same in every process.
//!
//! No regular expression, no dictionary of a system's own words; no allocation once the scratch
//! space has grown. About 200 ns for a line of 100 bytes (`cargo bench --bench masked_message`).

mod classify;
mod han;
mod mask;
mod scan;
mod scripts;
mod vocabulary;
mod words;

use mask::Moved;
pub use mask::{Masks, MasksError};
use scan::Piece;
use std::borrow::Cow;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// What stands for a variable.
pub const VARIABLE: &str = "<*>";
/// Of a longer message only so much is mined, in bytes.
pub const MINED_BYTES: usize = 4 << 10;

/// What a part of a masked message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PartKind {
    /// A word that stays.
    Word,
    /// A variable, or several side by side.
    Variable,
    /// A word with a number behind it, `worker12`: the word stays.
    Numbered,
    /// A word in a script without spaces, with numbers inside: the numbers go.
    Mixed,
}

/// One part of a masked message and where it stands in the message.
#[derive(Clone, Copy, Debug)]
struct MaskPart {
    kind: PartKind,
    start: u32,
    end: u32,
}

impl MaskPart {
    fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..self.end as usize]
    }
}

/// The masked message of the message read last, and the scratch space to read the next.
#[derive(Clone, Debug, Default)]
pub struct MaskedMessage {
    masks: Masks,
    masked: Vec<u8>,
    moved: Vec<Moved>,
    pieces: Vec<Piece>,
    parts: Vec<MaskPart>,
    text: Vec<u8>,
    /// Where the word of each part ends in `text`.
    ends: Vec<u32>,
}

impl MaskedMessage {
    /// A reader that also masks what `masks` match.
    #[must_use]
    pub fn new(masks: Masks) -> Self {
        Self { masks, ..Self::default() }
    }

    /// Reads a message, unescaped; the hash of its masked, never 0.
    pub fn read(&mut self, message: &[u8]) -> u64 {
        let message = &message[..whole_characters(message, MINED_BYTES)];
        if self.masks.is_empty() {
            return self.read_masked(message);
        }
        let mut masked = std::mem::take(&mut self.masked);
        self.masks.apply(message, &mut masked, &mut self.moved);
        let hash = self.read_masked(&masked);
        self.masked = masked;
        hash
    }

    fn read_masked(&mut self, message: &[u8]) -> u64 {
        self.pieces.clear();
        let is_wide = !message.is_ascii();
        if is_wide {
            scripts::cut(message, &mut self.pieces);
        } else {
            scan::scan_into(message, &mut self.pieces);
        }
        classify::classify(message, &self.pieces, is_wide, &mut self.parts);
        classify::join(message, is_wide, &mut self.parts);
        self.text.clear();
        self.ends.clear();
        for part in &self.parts {
            if !self.text.is_empty() {
                self.text.push(b' ');
            }
            match part.kind {
                PartKind::Word => self.text.extend_from_slice(part.of(message)),
                PartKind::Variable => self.text.extend_from_slice(VARIABLE.as_bytes()),
                PartKind::Numbered => {
                    self.text.extend_from_slice(words::without_number(part.of(message)));
                    self.text.extend_from_slice(VARIABLE.as_bytes());
                }
                PartKind::Mixed => words::without_numbers(part.of(message), &mut self.text),
            }
            self.ends.push(self.text.len() as u32);
        }
        xxh3_64(&self.text).max(1)
    }

    /// The masked message's words, separated by single spaces, with [`VARIABLE`] for variables. A
    /// message that is cut in the middle of a character shows the replacement character there.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        // Nearly all are valid, and to be sure of that takes a tenth of reading it by characters.
        match std::str::from_utf8(&self.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(&self.text),
        }
    }

    /// The words of `text`, which is that of [`Self::text`].
    #[must_use]
    pub fn words<'a>(&self, text: &'a str) -> Vec<&'a str> {
        if text.len() != self.text.len() || self.ends.is_empty() {
            return text.split(' ').collect();
        }
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| *end as usize + 1));
        starts.zip(&self.ends).map(|(start, end)| text.get(start..*end as usize).unwrap_or_default()).collect()
    }

    /// Where the origin of the `i`th word of [`Self::text`] stands in the message that was read.
    #[must_use]
    pub fn origin(&self, i: usize) -> Option<Range<usize>> {
        Some(self.origin_of(self.parts.get(i)?))
    }

    /// Of each word of [`Self::text`] that is a variable, or has one: the word, where only a part
    /// of it varies, and where its origin stands in the message that was read.
    pub fn variables(&self) -> impl Iterator<Item = (Option<Cow<'_, str>>, Range<usize>)> {
        let variables = self.parts.iter().enumerate().filter(|(_, part)| part.kind != PartKind::Word);
        variables.map(|(i, part)| (self.varied(i, part.kind), self.origin_of(part)))
    }

    /// The `i`th word, of which a part varies: `worker<*>`.
    fn varied(&self, i: usize, kind: PartKind) -> Option<Cow<'_, str>> {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before] as usize + 1);
        let word = &self.text[start..self.ends[i] as usize];
        (kind != PartKind::Variable).then(|| String::from_utf8_lossy(word))
    }

    fn origin_of(&self, part: &MaskPart) -> Range<usize> {
        let range = part.start as usize..part.end as usize;
        if self.moved.is_empty() { range } else { mask::unmasked(range, &self.moved) }
    }
}

/// How many of the first `most` bytes of `text` are whole characters.
fn whole_characters(text: &[u8], most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let goes_on = |&at: &usize| text[at] & 0xc0 == 0x80;
    (0..=3).map(|cut| most - cut).find(|at| !goes_on(at)).unwrap_or(most)
}

/// True of a character of a script without blanks between words: it ends a word of another script.
pub(crate) fn is_unspaced(character: char) -> bool {
    scripts::is_unspaced(character)
}

/// True of a Chinese word that logs are made of: it is no variable, whatever stands in its place in
/// other messages.
pub(crate) fn is_common_word(word: &str) -> bool {
    han::is_word(word.as_bytes())
}

/// True of a Chinese word behind which a name or a value stands.
pub(crate) fn introduces(word: &str) -> bool {
    han::introduces(word.as_bytes())
}

#[cfg(test)]
mod tests;
