//! Many words looked for at once, in texts that have none of them: most bytes are never looked at.
//!
//! Of each word one window of a width that all share is looked for. A block of three bytes tells how far the next
//! place is at which a window can end; where one may end, it is looked up, and its words are compared (Wu and Manber, A
//! fast algorithm for multi-pattern searching, University of Arizona TR 94-17, 1994). Windows are chosen where letters
//! are rare, so that ordinary text is passed in long steps. Memory: a table of 1 to 64 KiB, which grows with the words.

use super::lookups::{ByHash, Entry};
use std::collections::BTreeMap;

/// Bytes of a block; shorter words cannot be looked for.
pub(super) const BLOCK: usize = 3;
/// The widest window: wider ones would hardly go in longer steps.
const WIDEST: usize = 8;
/// The letters that most texts are made of.
const COMMON: &[u8] = b" etaoinshrdlu";

/// A word and what to say when it is found.
pub(super) type Word = (Box<[u8]>, Vec<Entry>);

/// Words to look for.
#[derive(Debug, Default)]
pub(super) struct Words {
    width: usize,
    /// By the hash of a block: how far behind it a window can end that the block is in.
    steps: Box<[u8]>,
    /// How many bits of a block's hash are dropped.
    dropped: u32,
    /// By window, the numbers of its words.
    windows: ByHash,
    /// Each with the place of its window.
    words: Vec<(Word, usize)>,
}

impl Words {
    /// Words of at least [`BLOCK`] bytes each; shorter ones would not be found.
    pub(super) fn new(words: impl IntoIterator<Item = Word>) -> Self {
        let words: Vec<Word> = words.into_iter().filter(|(word, _)| word.len() >= BLOCK).collect();
        let width = words.iter().map(|(word, _)| word.len()).min().unwrap_or(BLOCK).min(WIDEST);
        let furthest = width - BLOCK + 1;
        let size = (words.len() * furthest * 8).next_power_of_two().clamp(1 << 10, 1 << 16);
        let dropped = u32::BITS - size.trailing_zeros();
        let mut steps = vec![furthest as u8; size].into_boxed_slice();
        let mut windows: BTreeMap<Box<[u8]>, Vec<Entry>> = BTreeMap::new();
        let mut placed = Vec::with_capacity(words.len());
        for (i, word) in words.into_iter().enumerate() {
            let place = rarest(&word.0, width);
            let window = &word.0[place..place + width];
            for (behind, block) in window.array_windows().rev().enumerate() {
                let step = &mut steps[hash(block) as usize >> dropped];
                *step = (*step).min(behind as u8);
            }
            windows.entry(window.into()).or_default().push(i as Entry);
            placed.push((word, place));
        }
        Self { width, steps, dropped, windows: ByHash::new(windows), words: placed }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Calls `each` with what to say of every place in `text` at which a word is, until it returns true.
    #[inline]
    pub(super) fn find(&self, text: &[u8], mut each: impl FnMut(&[Entry]) -> bool) -> bool {
        if self.words.is_empty() {
            return false;
        }
        let mut last = self.width - BLOCK;
        while let Some(block) = text.get(last..).and_then(<[u8]>::first_chunk) {
            match self.steps.get(hash(block) as usize >> self.dropped) {
                None | Some(0) => {
                    if self.check(text, last + BLOCK, &mut each) {
                        return true;
                    }
                    last += 1;
                }
                Some(&step) => last += usize::from(step),
            }
        }
        false
    }

    /// A window may end at `end`.
    #[inline(never)]
    fn check(&self, text: &[u8], end: usize, each: &mut impl FnMut(&[Entry]) -> bool) -> bool {
        let start = end - self.width;
        self.windows.get(&text[start..end]).iter().any(|&number| {
            let ((word, entries), place) = &self.words[number as usize];
            let found = start.checked_sub(*place).is_some_and(|begin| text[begin..].starts_with(word));
            found && each(entries)
        })
    }
}

/// Where in `word` the window with the fewest common letters is; of such the first.
fn rarest(word: &[u8], width: usize) -> usize {
    let common = |window: &[u8]| window.iter().filter(|byte| COMMON.contains(byte)).count();
    word.windows(width).enumerate().min_by_key(|(_, window)| common(window)).map_or(0, |(place, _)| place)
}

/// Its highest bits are the best.
#[inline]
fn hash(block: &[u8; BLOCK]) -> u32 {
    let &[first, second, third] = block;
    u32::from_le_bytes([first, second, third, 0]).wrapping_mul(0x9E37_79B1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(words: &[String], text: &str) -> Vec<Entry> {
        let words = words.iter().enumerate().map(|(i, word)| (word.as_bytes().into(), vec![i as Entry]));
        let mut found = Vec::new();
        Words::new(words).find(text.as_bytes(), |entries| {
            found.extend_from_slice(entries);
            false
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn no_words_are_nowhere() {
        assert!(!Words::new([]).find(b"some text", |_| true));
        assert!(!Words::default().find(b"some text", |_| true));
    }

    #[test]
    fn words_that_share_a_window_are_told_apart() {
        let words = ["authentication failed", "invalid authentication", "authentication"].map(str::to_owned);
        assert_eq!(found(&words, "an invalid authentication"), [1, 2]);
        assert_eq!(found(&words, "authentication failed"), [0, 2]);
        assert_eq!(found(&words, "authenticatio"), [0; 0]);
    }

    proptest! {
        #[test]
        fn every_word_is_found_that_is_there(
            words in proptest::collection::vec("[abc]{3,5}|[ab]{3,12}|[a-dé]{9,14}", 0..40),
            text in "[abc]{0,60}|[a-dé]{0,60}",
            at in 0_usize..40,
        ) {
            let text = text + words.get(at).map_or("", String::as_str);
            let mut plain: Vec<Entry> = Vec::new();
            for (i, word) in words.iter().enumerate() {
                if text.contains(word.as_str()) {
                    plain.push(i as Entry);
                }
            }
            prop_assert_eq!(found(&words, &text), plain);
        }
    }
}
