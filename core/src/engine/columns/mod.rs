//! What a place in the lines of a source holds, learned where a line alone cannot tell.
//!
//! *Modules.* A name in the place of the logger can be an identifier that has no form of its own:
//! `[amber-fox] started`. A place is judged by values that return. Its first [`WINDOW`] values are
//! kept in the order of their first lines; a value that is one of the last [`NEAR`] first ones is
//! not counted (the lines of one request come close together), an older one has *returned*. A
//! window in which at most [`RETURNS`] return is one of identifiers, and the place then names no
//! module. With `M` modules that are equally busy, about `Σ (d − 64) / (M − d)` for `d` of 64 to
//! 255 return: 22 with 1,000 modules, so that these are taken for identifiers with a probability of
//! 3e-6 a window (a Poisson variable of mean 22.5 that is at most 4); 59 with 500. Modules of which
//! some are busier return more often. Less than [`NEAR`] modules are never judged at all.
//! Identifiers drawn from 5,000 words are found in two windows of three, those of more words at
//! once. Until then, for [`WINDOW`] values, they count as modules.
//!
//! *Levels.* A word in lower case between others (`cart error connection lost`) can be one of a
//! sentence. It is the level where the same word of all lines of a source and module that have a
//! time and no level is a level's: of [`LINES`] lines at least, with one exception in so many at
//! most, and two different levels among them. Where a text has such a word with a chance of one
//! half, that happens in 4e-18 of cases; with nine in ten, in 1 %.
//!
//! Both see lines of text alone, and only those that the parser marks as open; members of JSON have
//! names. The text's form as JSON is made before, and stays. Memory: [`PLACES`] places of 1 KiB at
//! most and as many of 16 bytes.

use super::state::{HeapSize, Table, TableSnapshot, allocated};
use crate::event::parsed::{Form, LevelWords};
use crate::event::{Fields, Level, ParsedEvent, Role};
use serde::{Deserialize, Serialize};

/// How many places are remembered of each kind.
const PLACES: usize = 256;
/// First values after which a place is judged.
const WINDOW: usize = 256;
/// So many values back is near.
const NEAR: usize = 64;
/// In a window of identifiers, at most so many values return.
const RETURNS: u8 = 4;
/// A window has at most so many lines, and if less than [`NEAR`] values have come by then:
const LONGEST: u32 = 8_192;
/// So many.
const LONGEST_NEAR: u32 = 2_048;
/// After a window so many lines pass until the next; for modules twice as many each time.
const PAUSE: u32 = 1_024;
/// The longest of these pauses.
const LONGEST_PAUSE: u32 = 1 << 20;
/// Lines until the place of a level is believed.
const LINES: u16 = 64;
/// Counts of levels are halved at so many lines.
const LEVEL_WINDOW: u16 = 1 << 10;

/// What is learned of the places of all sources.
#[derive(Debug)]
pub(super) struct LearnedColumns {
    modules: Table<ModulePlace>,
    levels: Table<LevelPlace>,
}

/// What a restart should know of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LearnedColumnsSnapshot {
    modules: TableSnapshot<ModulePlace>,
    levels: TableSnapshot<LevelPlace>,
}

impl Default for LearnedColumns {
    fn default() -> Self {
        Self { modules: Table::new(PLACES), levels: Table::new(PLACES) }
    }
}

impl Default for LearnedColumnsSnapshot {
    fn default() -> Self {
        LearnedColumns::default().snapshot()
    }
}

impl LearnedColumns {
    /// What the event says by what was learned of its places, this line included, where that is
    /// something else than what it says by itself.
    #[inline]
    pub(super) fn read(&mut self, fields: &Fields<'_>) -> Option<ParsedEvent> {
        let parsed = fields.parsed();
        if parsed.module_place == 0 && parsed.level_words.are_none() { None } else { self.learn(fields) }
    }

    #[inline(never)]
    fn learn(&mut self, fields: &Fields<'_>) -> Option<ParsedEvent> {
        let parsed = fields.parsed();
        let stream = super::stack_trace::stream_of(fields);
        let is_id = parsed.module_place != 0 && {
            let place = stream ^ u64::from(parsed.module_place).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            self.modules.touch(place, ModulePlace::default).see((parsed.module_hash >> 32) as u32)
        };
        let module_hash = if is_id { 0 } else { parsed.module_hash };
        let level = if parsed.level_words.are_none() {
            None
        } else {
            self.levels.touch(stream ^ module_hash, LevelPlace::default).see(parsed.level_words)
        };
        if !is_id && level.is_none() {
            return None;
        }
        // What no filter looks for was told of what the line says by itself.
        let mut learned = ParsedEvent { level: level.or(parsed.level), unmatched_roles: 0, ..*parsed };
        if is_id {
            learned.slots[Role::Module as usize].form = Form::Absent;
            learned.module_hash = 0;
            learned.place_hash ^= parsed.module_hash;
            learned.actor_hash ^= parsed.module_hash;
        }
        Some(learned)
    }

    pub(super) fn snapshot(&self) -> LearnedColumnsSnapshot {
        LearnedColumnsSnapshot { modules: self.modules.snapshot(), levels: self.levels.snapshot() }
    }

    pub(super) fn restore(&mut self, kept: LearnedColumnsSnapshot) {
        self.modules.restore(kept.modules);
        self.levels.restore(kept.levels);
    }
}

/// The values of one place of modules.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ModulePlace {
    /// The first of each value in this window, by hash, in their order.
    values: Vec<u32>,
    returns: u8,
    /// Lines of this window.
    lines: u32,
    /// Lines that still pass until the next window.
    pause: u32,
    /// How many passed before this one.
    last_pause: u32,
    /// By the last window they are identifiers.
    is_id: bool,
}

impl ModulePlace {
    /// Takes the value of one line; whether those of this place are identifiers.
    fn see(&mut self, value: u32) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return self.is_id;
        }
        self.lines = self.lines.saturating_add(1);
        match self.values.iter().rposition(|known| *known == value) {
            None => self.values.push(value),
            Some(at) => self.returns = self.returns.saturating_add(u8::from(at + NEAR < self.values.len())),
        }
        let longest = if self.values.len() < NEAR { LONGEST_NEAR } else { LONGEST };
        if self.returns > RETURNS || self.lines >= longest {
            self.conclude(false);
        } else if self.values.len() >= WINDOW {
            self.conclude(true);
        }
        self.is_id
    }

    /// Ends the window.
    #[cold]
    fn conclude(&mut self, is_id: bool) {
        let pause = if is_id { PAUSE } else { self.last_pause.saturating_mul(2).clamp(PAUSE, LONGEST_PAUSE) };
        *self = Self { is_id, pause, last_pause: pause, ..Self::default() };
    }
}

impl HeapSize for ModulePlace {
    fn heap_size(&self) -> usize {
        allocated(self.values.capacity() * size_of::<u32>())
    }
}

/// Which words are levels, of the lines of one source and module that have a time and no level.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct LevelPlace {
    lines: u16,
    /// By word: how many lines have a level there, and which levels, as bits.
    levels: [u16; LevelWords::COUNT],
    which: [u8; LevelWords::COUNT],
}

impl LevelPlace {
    /// Takes the words of one line; its level.
    fn see(&mut self, words: LevelWords) -> Option<Level> {
        self.lines = self.lines.saturating_add(1);
        for (i, level) in words.levels().enumerate() {
            if let Some(level) = level {
                self.levels[i] = self.levels[i].saturating_add(1);
                self.which[i] |= 1 << level as u8;
            }
        }
        let found = words.levels().enumerate().find_map(|(i, level)| level.filter(|_| self.is_level(i)));
        if self.lines >= LEVEL_WINDOW {
            self.lines /= 2;
            self.levels.iter_mut().for_each(|count| *count /= 2);
        }
        found
    }

    fn is_level(&self, word: usize) -> bool {
        let others = self.lines.saturating_sub(self.levels[word]);
        self.levels[word] >= LINES && others <= self.levels[word] / LINES && self.which[word].count_ones() > 1
    }
}

impl HeapSize for LevelPlace {}

#[cfg(test)]
mod tests;
