//! Finds positions that vary: where many masked messages differ in one word only, that
//! word is a variable.
//!
//! A *wildcard* here is a candidate: a masked message with one word left out. Every
//! masked message is entered into the wildcard of each of its words. The key of a wildcard is a sum
//! over the hashes of the words and their positions, so all wildcards of a masked message take one
//! pass. When a wildcard has seen enough different words, it opens: from then on every masked
//! message that fits it has its template.
//!
//! The threshold is 8 different words; 12 in a masked message of up to three words, each of which
//! carries more meaning; 4 after a word that introduces a name ("for", "user", "host"). The first
//! word and the only word are never variables, so they have no wildcard. Memory: 25 to 50 bytes a
//! wildcard with one word (`first_sight.rs`); with more words 100 bytes and 16 for each word after
//! the first, at most twelve. Both are capped.

use super::TemplateId;
use super::first_sight::{FirstSight, FirstSights};
use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot, allocated};
use crate::event::masked_message::{VARIABLE, introduces, is_common_word};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Different words that open a wildcard…
const ENOUGH: usize = 8;
/// …in a masked message of at most [`FEW_WORDS`] words…
const ENOUGH_OF_FEW: usize = 12;
const FEW_WORDS: usize = 3;
/// …and after a word that introduces a name.
const ENOUGH_INTRODUCED: usize = 4;
/// Most words of a masked message with wildcards; longer messages differ in free text.
const MOST_WORDS: usize = 128;

/// Words that are followed by a name.
const INTRODUCERS: &[&str] = &[
    "account",
    "by",
    "called",
    "client",
    "device",
    "domain",
    "file",
    "for",
    "from",
    "group",
    "host",
    "interface",
    "key",
    "member",
    "name",
    "named",
    "node",
    "process",
    "server",
    "service",
    "to",
    "user",
    "via",
];

/// A wildcard that has seen several words.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wildcard {
    /// Once the wildcard is open: the template of all masked messages that fit it.
    open: Option<TemplateId>,
    first: (u32, TemplateId),
    others: Vec<(u32, TemplateId)>,
}

impl HeapSize for Wildcard {
    fn heap_size(&self) -> usize {
        allocated(size_of::<(u32, TemplateId)>() * self.others.capacity())
    }
}

/// All wildcards of a stream.
#[derive(Debug)]
pub(super) struct Wildcards {
    /// Wildcards that saw one word.
    first_sights: FirstSights,
    /// Wildcards that saw several words.
    table: Table<Wildcard>,
    /// The wildcards of the current masked message.
    own: Vec<OwnWildcard>,
    /// The hash of the current masked message.
    hash: u64,
    /// Words of the current masked message that are no variables.
    plain: usize,
    /// Most wildcards of either kind.
    cap: usize,
}

/// A wildcard of the current masked message.
#[derive(Clone, Copy, Debug)]
struct OwnWildcard {
    /// The position of the word that is left out, and its hash.
    position: usize,
    word: u32,
    /// The key of the wildcard: a hash of the other words.
    key: u64,
    /// The wildcard saw at most one word so far.
    is_young: bool,
}

/// A wildcard that the current masked message has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// The position of the new variable.
    pub(super) position: usize,
    key: u64,
    /// The templates that this merges.
    pub(super) templates: Vec<TemplateId>,
}

impl Wildcards {
    pub(super) fn new(keys: usize) -> Self {
        // Wildcards with one word get the rest of the room, at least a quarter.
        let (first_sights, table) = (FirstSights::default(), Table::new(keys - keys / 4));
        Self { first_sights, table, own: Vec::new(), hash: 0, plain: 0, cap: keys }
    }

    /// Computes the wildcards of a masked message and returns the template of the first open one.
    pub(super) fn find(&mut self, words: &[&str]) -> Option<TemplateId> {
        self.own.clear();
        self.plain = words.iter().filter(|word| **word != VARIABLE).count();
        if words.len() > MOST_WORDS || self.plain < 2 {
            return None;
        }
        let mixed = |hash: u64, i: usize| {
            (hash ^ (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
        };
        let mut sum = 0_u64;
        for (position, word) in words.iter().enumerate() {
            let hash = xxh3_64(word.as_bytes());
            let own = mixed(hash, position);
            sum = sum.wrapping_add(own);
            if position > 0 && *word != VARIABLE && may_vary(words[position - 1], word) {
                // The wildcard's key is the sum over all words plus this difference.
                let key = mixed(0, position).wrapping_sub(own);
                self.own.push(OwnWildcard { position, word: hash as u32, key, is_young: false });
            }
        }
        self.hash = sum;
        for wildcard in &mut self.own {
            wildcard.key = wildcard.key.wrapping_add(sum);
            match self.table.get_mut(wildcard.key) {
                Some(Wildcard { open: None, .. }) => {}
                Some(Wildcard { open, .. }) => return *open,
                None => wildcard.is_young = true,
            }
        }
        None
    }

    /// Enters the current masked message, whose wildcards [`Self::find`] has computed, with its
    /// `template`. If this opens a wildcard, the caller must [`fill`](Self::fill) it with the
    /// merged template.
    pub(super) fn enter(&mut self, words: &[&str], template: TemplateId) -> Option<Opened> {
        let mut opened = None;
        let takes_first_sights = self.first_sights.takes(self.hash);
        for i in 0..self.own.len() {
            let OwnWildcard { position, word, key, is_young } = self.own[i];
            let known = if is_young { None } else { self.table.touched(key) };
            let Some(wildcard) = known else {
                if takes_first_sights {
                    self.enter_first(key, word, template);
                }
                continue;
            };
            if wildcard.open.is_some() {
                continue;
            }
            // If another wildcard of the same masked message opens each time instead, this one
            // stays closed and must not grow without limit.
            let is_full = wildcard.others.len() >= ENOUGH_OF_FEW;
            if !is_full && wildcard.first.0 != word && wildcard.others.iter().all(|(other, _)| *other != word) {
                wildcard.others.push((word, template));
            }
            if opened.is_none() && wildcard.others.len() + 1 >= enough(words, position, self.plain) {
                let mut templates: Vec<_> =
                    std::iter::once(wildcard.first).chain(wildcard.others.drain(..)).map(|(_, id)| id).collect();
                wildcard.others.shrink_to_fit();
                // Sorted by id, so that the result does not depend on anything else.
                templates.sort_unstable();
                templates.dedup();
                opened = Some(Opened { position, key, templates });
            }
        }
        opened
    }

    /// Enters a word into a wildcard that saw at most one word; a second one is not enough to open
    /// it.
    fn enter_first(&mut self, key: u64, word: u32, template: TemplateId) {
        let room = self.cap.saturating_sub(self.table.len());
        match self.first_sights.meet(key, FirstSight { word, template }, room) {
            None => {}
            Some(first) if first.word == word => {}
            Some(first) => {
                self.first_sights.remove(key);
                let (first, others) = ((first.word, first.template), vec![(word, template)]);
                self.table.touch(key, || Wildcard { open: None, first, others });
            }
        }
    }

    /// Sets the template of an opened wildcard.
    pub(super) fn fill(&mut self, opened: &Opened, template: TemplateId) {
        if let Some(wildcard) = self.table.get_mut(opened.key) {
            wildcard.open = Some(template);
        }
    }

    pub(super) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.first_sights);
        visit(&mut self.table);
    }

    pub(super) fn len(&self) -> usize {
        self.first_sights.len() + self.table.len()
    }

    pub(super) fn evictions(&self) -> u64 {
        self.first_sights.evictions() + self.table.evictions()
    }

    pub(super) fn snapshot(&self) -> WildcardsSnapshot {
        let mut kept = self.table.snapshot();
        let first =
            |sight: FirstSight| Wildcard { open: None, first: (sight.word, sight.template), others: Vec::new() };
        let first_sights = self.first_sights.all().into_iter().map(|(key, sight)| (key, first(sight)));
        kept.entries.splice(0..0, first_sights);
        kept.evictions = self.evictions();
        WildcardsSnapshot(kept)
    }

    pub(super) fn restore(&mut self, WildcardsSnapshot(mut kept): WildcardsSnapshot) {
        self.first_sights = FirstSights::default();
        let first_sights =
            kept.entries.extract_if(.., |(_, wildcard)| wildcard.open.is_none() && wildcard.others.is_empty());
        let first_sights: Vec<_> = first_sights.collect();
        self.table.restore(kept);
        let room = self.cap.saturating_sub(self.table.len());
        for (key, Wildcard { first: (word, template), .. }) in first_sights {
            self.first_sights.meet(key, FirstSight { word, template }, room);
        }
    }
}

/// The snapshot of all wildcards.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WildcardsSnapshot(TableSnapshot<Wildcard>);

/// Whether `word` may be a variable after `before`. A common Chinese log word may not, unless a
/// value is expected: no spaces separate it from words that are names.
fn may_vary(before: &str, word: &str) -> bool {
    word.as_bytes().first().is_none_or(u8::is_ascii) || !is_common_word(word) || introduces(before)
}

/// How many different words at `position` make it a variable, in a masked message with `plain`
/// words that are no variables.
fn enough(words: &[&str], position: usize, plain: usize) -> usize {
    let before = words[position - 1].to_ascii_lowercase();
    if (plain > 2 && INTRODUCERS.binary_search(&before.as_str()).is_ok()) || introduces(&before) {
        ENOUGH_INTRODUCED
    } else if plain > FEW_WORDS {
        ENOUGH
    } else {
        ENOUGH_OF_FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(wildcards: &mut Wildcards, text: &str, id: u64) -> Option<Opened> {
        let words: Vec<_> = text.split(' ').collect();
        wildcards.find(&words);
        wildcards.enter(&words, TemplateId(id))
    }

    #[test]
    fn a_position_opens_when_enough_words_have_stood_there() {
        assert!(INTRODUCERS.is_sorted());
        for (before, after, enough) in [
            ("the", "of it failed today", 8),
            ("the", "failed", 12),
            ("user", "failed", 4),
            ("the user", "failed now", 4),
        ] {
            let mut wildcards = Wildcards::new(1_000);
            for i in 1..enough {
                assert_eq!(put(&mut wildcards, &format!("{before} w{i} {after}"), i), None);
                assert_eq!(put(&mut wildcards, &format!("{before} w{i} {after}"), i), None, "again is not another");
            }
            let opened = put(&mut wildcards, &format!("{before} w0 {after}"), enough).unwrap();
            assert_eq!(opened.templates.len() as u64, enough);
            wildcards.fill(&opened, TemplateId(77));
            let words = format!("{before} other {after}");
            assert_eq!(wildcards.find(&words.split(' ').collect::<Vec<_>>()), Some(TemplateId(77)), "{words}");
            let longer = format!("{words} more");
            assert_eq!(wildcards.find(&longer.split(' ').collect::<Vec<_>>()), None);
        }
    }

    #[test]
    fn the_first_word_never_opens_and_the_table_is_capped() {
        let mut wildcards = Wildcards::new(10);
        for i in 0..100 {
            assert_eq!(put(&mut wildcards, &format!("w{i} a b c"), i), None);
        }
        assert_eq!((wildcards.len(), wildcards.evictions() > 0), (10, true));
    }
}
