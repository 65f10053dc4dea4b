//! Searches for many words at once, optimised for texts that contain none: most bytes are skipped.
//!
//! For each word only one window is searched; all windows have the same width. The search looks up
//! blocks of three bytes at a fixed distance, such that every occurrence of a window contains
//! exactly one of the blocks completely. Most blocks are in no window. Where one is, the windows
//! that can contain it are looked up and their words compared. The next position never depends on
//! what was found, so a processor can look up several blocks in parallel; variable steps (Wu and
//! Manber, *A Fast Algorithm for Multi-Pattern Searching*, University of Arizona TR 94-17, 1994)
//! look up fewer blocks but took one and a half times as long. Windows are chosen with rare
//! letters, so that ordinary text has few of their blocks. Memory: a table of 4 to 64 KiB,
//! depending on the number of words.

use super::by_hash::{AlternativeIndex, ByHash};
use std::collections::BTreeMap;

/// Bytes of a block, and the minimum length of a word.
pub(crate) const BLOCK: usize = 3;
/// The maximum width of a window: the positions of its blocks must fit into the 8 bits of a mask.
const WIDEST: usize = BLOCK + 7;
/// The most frequent letters of English text, and the space.
const COMMON: &[u8] = b" etaoinshrdlu";

/// A word and the alternatives that it was added for.
pub(crate) type Word = (Box<[u8]>, Vec<AlternativeIndex>);

/// A search for a set of words.
#[derive(Debug, Default)]
pub(crate) struct WordSearch {
    width: usize,
    /// The distance between looked-up blocks, in bytes.
    distance: usize,
    /// By the hash of a block: one bit for each position in a window at which it occurs, the lowest
    /// bit for the first position.
    places: Box<[u8]>,
    /// How many low bits of a block's hash are dropped.
    dropped: u32,
    /// By window, the indexes in `words` of its words.
    windows: ByHash,
    /// Each word with the position of its window.
    words: Vec<(Word, usize)>,
    /// True if JSON writes all windows unescaped, apart from `\u`; see [`is_plain`].
    plain: bool,
}

impl WordSearch {
    /// A search for words of at least [`BLOCK`] bytes; shorter ones are ignored.
    pub(crate) fn new(words: impl IntoIterator<Item = Word>) -> Self {
        let words: Vec<Word> = words.into_iter().filter(|(word, _)| word.len() >= BLOCK).collect();
        // Without words there is no table, and a search ends immediately.
        let Some(shortest) = words.iter().map(|(word, _)| word.len()).min() else { return Self::default() };
        let width = shortest.min(WIDEST);
        let distance = width - BLOCK + 1;
        let size = (words.len() * distance * 32).next_power_of_two().clamp(1 << 12, 1 << 16);
        let dropped = u32::BITS - size.trailing_zeros();
        let mut places = vec![0_u8; size].into_boxed_slice();
        let mut windows: BTreeMap<Box<[u8]>, Vec<AlternativeIndex>> = BTreeMap::new();
        let (mut placed, mut plain) = (Vec::with_capacity(words.len()), true);
        for (i, word) in words.into_iter().enumerate() {
            let place = rarest(&word.0, width);
            let window = &word.0[place..place + width];
            plain &= is_plain(window);
            for (at, block) in window.array_windows().enumerate() {
                places[hash(block) as usize >> dropped] |= 1 << at;
            }
            windows.entry(window.into()).or_default().push(i as AlternativeIndex);
            placed.push((word, place));
        }
        Self { width, distance, places, dropped, windows: ByHash::new(windows), words: placed, plain }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Calls `each` with the alternatives of every occurrence of a word in `text`, until it returns
    /// true.
    #[inline]
    pub(crate) fn find(&self, text: &[u8], mut each: impl FnMut(&[AlternativeIndex]) -> bool) -> bool {
        self.scan(text, |start, numbers| {
            numbers.iter().any(|&number| {
                let ((word, entries), place) = &self.words[number as usize];
                let found = start.checked_sub(*place).is_some_and(|begin| text[begin..].starts_with(word));
                found && each(entries)
            })
        })
    }

    /// False when the text of the JSON string `raw`, which has escapes but no `\u`, contains no
    /// word. Compares windows only, so the result can be true without a word.
    #[inline]
    pub(crate) fn may_be_in_json(&self, raw: &[u8]) -> bool {
        !self.plain || self.scan(raw, |_, numbers| !numbers.is_empty())
    }

    /// Calls `each` with the position of every window in `text` and the indexes of its words, until
    /// it returns true.
    #[inline]
    fn scan(&self, text: &[u8], mut each: impl FnMut(usize, &[AlternativeIndex]) -> bool) -> bool {
        let mut from = 0;
        while let Some((at, places)) = self.next_block(text, from) {
            if self.check(text, at, places, &mut each) {
                return true;
            }
            from = at + self.distance;
        }
        false
    }

    /// The next block at or after `from` that may be part of a window, and the positions in a
    /// window at which it may be. This is nearly all of the search; it is not inlined, so that it
    /// has the registers for itself.
    #[inline(never)]
    fn next_block(&self, text: &[u8], from: usize) -> Option<(usize, u8)> {
        let (distance, table, dropped) = (self.distance, &*self.places, self.dropped);
        let mut rest = text.get(from..)?;
        loop {
            let places = *table.get(hash(rest.first_chunk()?) as usize >> dropped)?;
            if places != 0 {
                return Some((text.len() - rest.len(), places));
            }
            rest = rest.get(distance..)?;
        }
    }

    /// Looks up the windows that may contain the block at `at`, given its possible `places` in
    /// them.
    #[inline(never)]
    fn check(
        &self,
        text: &[u8],
        at: usize,
        mut places: u8,
        each: &mut impl FnMut(usize, &[AlternativeIndex]) -> bool,
    ) -> bool {
        while places != 0 {
            let place = places.trailing_zeros() as usize;
            places &= places - 1;
            if let Some(start) = at.checked_sub(place)
                && let Some(window) = text.get(start..start + self.width)
                && each(start, self.windows.get(window))
            {
                return true;
            }
        }
        false
    }
}

/// The position of the best window in `word`: one that JSON writes unescaped if possible, with the
/// fewest common letters, the first of these.
fn rarest(word: &[u8], width: usize) -> usize {
    let common = |window: &[u8]| window.iter().filter(|byte| COMMON.contains(byte)).count();
    let best = word.windows(width).enumerate().min_by_key(|(_, window)| (!is_plain(window), common(window)));
    best.map_or(0, |(place, _)| place)
}

/// True if JSON cannot escape these bytes except by `\u`. Also excludes the bytes of U+FFFD, to
/// which unknown escapes are decoded.
fn is_plain(window: &[u8]) -> bool {
    !window.iter().any(|byte| matches!(byte, ..0x20 | b'"' | b'\\' | b'/' | 0xEF | 0xBF | 0xBD))
}

/// Multiplicative hash; its high bits are the best.
#[inline]
fn hash(block: &[u8; BLOCK]) -> u32 {
    let &[first, second, third] = block;
    u32::from_le_bytes([first, second, third, 0]).wrapping_mul(0x9E37_79B1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::unescape::unescape;
    use proptest::prelude::*;

    fn found(words: &[String], text: &str) -> Vec<AlternativeIndex> {
        let words = words.iter().enumerate().map(|(i, word)| (word.as_bytes().into(), vec![i as AlternativeIndex]));
        let mut found = Vec::new();
        WordSearch::new(words).find(text.as_bytes(), |entries| {
            found.extend_from_slice(entries);
            false
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn no_words_are_nowhere() {
        assert!(!WordSearch::new([]).find(b"some text", |_| true));
        assert!(!WordSearch::default().find(b"some text", |_| true));
    }

    #[test]
    fn words_that_share_a_window_are_told_apart() {
        let words = ["authentication failed", "invalid authentication", "authentication"].map(str::to_owned);
        assert_eq!(found(&words, "an invalid authentication"), [1, 2]);
        assert_eq!(found(&words, "authentication failed"), [0, 2]);
        assert_eq!(found(&words, "authenticatio"), [0; 0]);
    }

    #[test]
    fn words_with_escapes_are_found_by_what_has_none() {
        let words = |words: &[&str]| WordSearch::new(words.iter().map(|word| (word.as_bytes().into(), vec![0])));
        let quoted = words(&["in thread \"main\"", "panicked at"]);
        assert!(quoted.may_be_in_json(br#"Exception in thread \"main\" java"#));
        assert!(quoted.may_be_in_json(br#"\"a\" panicked at"#));
        assert!(!quoted.may_be_in_json(br#"a thread \"worker\" began"#));
        assert!(words(&["a/b/c/d"]).may_be_in_json(br"nothing of it\n"));
        assert!(words(&["\u{fffd}qab"]).may_be_in_json(br"x \qab"));
    }

    proptest! {
        #[test]
        fn no_word_is_missed_in_json(
            words in proptest::collection::vec("[ab\"/\\\\\né]{3,9}", 1..6),
            raw in r#"([abé]|/|\\["/\\n]|[ab]{3}){0,20}"#,
        ) {
            let text = unescape(raw.as_bytes(), true);
            let is_there = words.iter().any(|word| text.contains(word.as_str()));
            let words = WordSearch::new(words.iter().map(|word| (word.as_bytes().into(), vec![0])));
            prop_assert!(words.may_be_in_json(raw.as_bytes()) || !is_there);
            prop_assert_eq!(words.find(text.as_bytes(), |_| true), is_there);
        }

        #[test]
        fn every_word_is_found_that_is_there(
            words in proptest::collection::vec("[abc]{3,5}|[ab]{3,12}|[a-dé]{9,14}", 0..40),
            text in "[abc]{0,60}|[a-dé]{0,60}",
            at in 0_usize..40,
        ) {
            let text = text + words.get(at).map_or("", String::as_str);
            let mut plain: Vec<AlternativeIndex> = Vec::new();
            for (i, word) in words.iter().enumerate() {
                if text.contains(word.as_str()) {
                    plain.push(i as AlternativeIndex);
                }
            }
            prop_assert_eq!(found(&words, &text), plain);
        }
    }
}
