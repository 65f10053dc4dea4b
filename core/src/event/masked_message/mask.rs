//! Masks of a user's own: what they match is a variable, whatever the miner would say.

use super::scan::MASKED;
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;

/// A compiled mask may take this much memory.
const COMPILED_BYTES: usize = 1 << 20;

/// Regular expressions whose matches are variables.
#[derive(Clone, Debug, Default)]
pub struct Masks(Option<Regex>);

/// What a mask has matched: where its byte stands, and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    at: usize,
    was: Range<usize>,
}

/// The bytes of the message that a range of the masked text stands for.
pub(super) fn unmasked(range: Range<usize>, moved: &[Moved]) -> Range<usize> {
    let before = |place: usize| moved[..moved.partition_point(|masked| masked.at < place)].last();
    let start = match moved.iter().find(|masked| masked.at == range.start) {
        Some(masked) => masked.was.start,
        None => before(range.start).map_or(range.start, |masked| masked.was.end + (range.start - masked.at - 1)),
    };
    let end = before(range.end).map_or(range.end, |masked| masked.was.end + (range.end - masked.at - 1));
    start..end.max(start)
}

/// A mask that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MasksError {
    /// Which of the masks.
    pub index: usize,
    /// What is wrong with it.
    pub message: String,
}

impl Masks {
    /// Compiles `patterns`.
    ///
    /// # Errors
    /// [`MasksError`] names the first that is no regular expression, is too large, or matches
    /// nothing at all.
    pub fn new(patterns: &[String]) -> Result<Self, MasksError> {
        for (index, pattern) in patterns.iter().enumerate() {
            let problem = match compile(pattern) {
                Ok(mask) if mask.is_match(b"") => Some("it matches the empty text".to_owned()),
                Ok(_) => None,
                // The message has lines that point into the pattern; the last says what is wrong.
                Err(error) => Some(error.to_string().lines().last().unwrap_or_default().replace("error: ", "")),
            };
            if let Some(message) = problem {
                return Err(MasksError { index, message });
            }
        }
        if patterns.is_empty() {
            return Ok(Self::default());
        }
        let all = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|");
        let error = |error: regex::Error| MasksError { index: 0, message: error.to_string() };
        compile(&all).map(|all| Self(Some(all))).map_err(error)
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Copies `text` into `out` with one byte in place of each match, and notes in `moved` what it
    /// stands for.
    pub(super) fn apply(&self, text: &[u8], out: &mut Vec<u8>, moved: &mut Vec<Moved>) {
        out.clear();
        moved.clear();
        let mut at = 0;
        for found in self.0.iter().flat_map(|mask| mask.find_iter(text)) {
            out.extend_from_slice(&text[at..found.start()]);
            moved.push(Moved { at: out.len(), was: found.range() });
            out.push(MASKED);
            at = found.end();
        }
        out.extend_from_slice(&text[at..]);
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(COMPILED_BYTES).build()
}
