//! Wildcards in which only one word was seen so far. These are nearly all wildcards, and most never
//! see a second word.
//!
//! They are kept in two generations. When the young generation is full, it becomes the old one, and
//! the previous old one is dropped as a whole: searching for a victim on each insertion would cost
//! several times as much. If hardly any wildcard of a generation saw a second word, as when each
//! message begins with a unique word, only the wildcards of one masked message in eight are kept
//! from then on. These stay eight times as long, so that a position that does vary is still found.
//! Memory: 25 to 50 bytes a wildcard; capped.

use super::TemplateId;
use crate::engine::state::{AlreadyHashed, Evict};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::hash::BuildHasherDefault;

/// Wildcards that [`Evict::shrink`] always leaves, and the least size of a generation that is
/// judged.
const KEPT: usize = 1_000;

/// A generation counts as unproductive when fewer than one in this many wildcards saw a second
/// word…
const MET_OF: u64 = 64;
/// …and then only one masked message in this many is kept.
const SAMPLED: u64 = 8;

/// The hash of the first word in a wildcard, and the template of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstSight {
    pub(super) word: u32,
    pub(super) template: TemplateId,
}

type Generation = HashMap<u64, FirstSight, BuildHasherDefault<AlreadyHashed>>;

/// First words by the keys of their wildcards.
#[derive(Debug, Default)]
pub(super) struct FirstSights {
    young: Generation,
    old: Generation,
    evictions: u64,
    /// Wildcards that saw a second word since the last change of generations.
    met: u64,
    /// The last generation was unproductive.
    sampling: bool,
}

impl FirstSights {
    /// Returns the first word of a wildcard, or stores `sight` as the first. With `room` for that
    /// many wildcards, nothing is dropped while there are at most half as many.
    pub(super) fn meet(&mut self, key: u64, sight: FirstSight, room: usize) -> Option<FirstSight> {
        if !self.old.is_empty()
            && let Some(first) = self.old.get(&key)
        {
            return Some(*first);
        }
        let is_full = self.young.len() >= (room / 2).max(1) || self.len() >= room.max(2);
        match self.young.entry(key) {
            Entry::Occupied(first) => return Some(*first.get()),
            Entry::Vacant(free) if !is_full => {
                free.insert(sight);
                return None;
            }
            Entry::Vacant(_) => {}
        }
        // A small generation is no evidence.
        self.sampling = self.young.len() >= KEPT && self.met * MET_OF < self.young.len() as u64;
        self.met = 0;
        self.evictions += self.old.len() as u64;
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.clear();
        self.young.insert(key, sight);
        None
    }

    /// Whether the wildcards of a masked message with this hash are kept.
    pub(super) fn takes(&self, hash: u64) -> bool {
        !self.sampling || (hash >> 32).is_multiple_of(SAMPLED)
    }

    pub(super) fn remove(&mut self, key: u64) {
        self.met += 1;
        if self.young.remove(&key).is_none() {
            self.old.remove(&key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// All entries, those that are dropped first in front; within a generation ordered by key.
    pub(super) fn all(&self) -> Vec<(u64, FirstSight)> {
        let mut all = Vec::with_capacity(self.len());
        for generation in [&self.old, &self.young] {
            let from = all.len();
            all.extend(generation.iter().map(|(key, sight)| (*key, *sight)));
            all[from..].sort_unstable_by_key(|(key, _)| *key);
        }
        all
    }
}

impl Evict for FirstSights {
    fn keys(&self) -> usize {
        self.len()
    }

    fn size_bytes(&mut self) -> usize {
        (self.young.capacity() + self.old.capacity()) * (size_of::<(u64, FirstSight)>() + 1) * 8 / 7
    }

    fn shrink(&mut self) -> bool {
        if self.old.is_empty() && self.young.len() <= KEPT {
            return false;
        }
        if self.old.is_empty() {
            std::mem::swap(&mut self.young, &mut self.old);
        }
        self.evictions += self.old.len() as u64;
        self.old = Generation::default();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_half_goes_at_once_and_what_is_known_is_told() {
        let sight = |word: u32| FirstSight { word, template: TemplateId(word.into()) };
        let mut sights = FirstSights::default();
        for i in 0..100 {
            assert_eq!(sights.meet(i, sight(i as u32), 100), None);
            assert_eq!((sights.len() as u64, sights.evictions()), (i + 1, 0));
        }
        assert_eq!([0, 99].map(|key| sights.meet(key, sight(7), 100)), [Some(sight(0)), Some(sight(99))]);
        sights.remove(0);
        sights.remove(99);
        assert_eq!([200, 201].map(|key| sights.meet(key, sight(1), 100)), [None; 2]);
        assert_eq!((sights.len(), sights.evictions(), sights.meet(50, sight(7), 100)), (51, 49, Some(sight(50))));
        let keys: Vec<u64> = sights.all().into_iter().map(|(key, _)| key).collect();
        assert!(keys.iter().copied().eq((50..99).chain([200, 201])), "{keys:?}");
    }

    #[test]
    fn where_hardly_any_meets_a_second_word_only_some_are_taken() {
        let taken = |sights: &FirstSights| (0..8_000_u64).filter(|i| sights.takes(i << 32)).count();
        let mut sights = FirstSights::default();
        let first = FirstSight { word: 1, template: TemplateId(1) };
        let pass = |sights: &mut FirstSights, from: u64, meeting: u64| {
            (from..from + 10_000).for_each(|key| assert_eq!(sights.meet(key, first, 20_000), None));
            (from..from + meeting).for_each(|key| sights.remove(key));
        };
        pass(&mut sights, 0, 0);
        assert_eq!(taken(&sights), 8_000, "nothing has been forgotten");
        pass(&mut sights, 10_000, 200);
        assert_eq!(taken(&sights), 1_000);
        pass(&mut sights, 20_000, 0);
        assert_eq!(taken(&sights), 8_000, "one in fifty was worth it");
    }

    #[test]
    fn what_weighs_too_much_is_given_back() {
        let mut sights = FirstSights::default();
        let sight = FirstSight { word: 1, template: TemplateId(1) };
        assert!((0..60_000).all(|key| sights.meet(key, sight, 100_000).is_none()));
        let weight = sights.size_bytes();
        assert!((60_000 * 25..60_000 * 60).contains(&weight), "{weight}");
        assert!(sights.shrink() && sights.size_bytes() < weight / 2 && sights.len() == 10_000);
        assert!(sights.shrink() && !sights.shrink());
        assert_eq!((sights.len(), sights.evictions()), (0, 60_000));
    }
}
