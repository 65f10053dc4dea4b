//! Holes in which one word has stood so far: nearly all of them, and most will never see a second.
//!
//! They are kept in two generations. When the young one is full it becomes the old one, and what
//! was old is forgotten all at once: a table that looks for one to forget with each that comes
//! costs several times as much. Memory: 25 to 50 bytes a hole; capped.

use super::TemplateId;
use crate::engine::state::{AlreadyHashed, Evict};
use hashbrown::HashMap;
use std::hash::BuildHasherDefault;

/// Fewer than this are not given back.
const KEPT: usize = 1_000;

/// The word that stood in a hole, as a hash, and the template that it was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstSight {
    pub(super) word: u32,
    pub(super) template: TemplateId,
}

type Generation = HashMap<u64, FirstSight, BuildHasherDefault<AlreadyHashed>>;

/// First sights by the keys of their holes.
#[derive(Debug, Default)]
pub(super) struct FirstSights {
    young: Generation,
    old: Generation,
    evictions: u64,
}

impl FirstSights {
    pub(super) fn get(&self, key: u64) -> Option<FirstSight> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    /// Takes one more where there is `room` for so many; only with more than half as many is any
    /// forgotten.
    pub(super) fn insert(&mut self, key: u64, sight: FirstSight, room: usize) {
        if self.young.len() >= (room / 2).max(1) || self.len() >= room.max(2) {
            self.evictions += self.old.len() as u64;
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, sight);
    }

    pub(super) fn remove(&mut self, key: u64) {
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

    /// All of them, those that go first in front; within a generation by their keys.
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
            sights.insert(i, sight(i as u32), 100);
            assert_eq!((sights.len() as u64, sights.evictions()), (i + 1, 0));
        }
        assert_eq!((sights.get(0), sights.get(99), sights.get(100)), (Some(sight(0)), Some(sight(99)), None));
        sights.remove(0);
        sights.remove(99);
        sights.insert(200, sight(1), 100);
        sights.insert(201, sight(2), 100);
        assert_eq!((sights.len(), sights.evictions(), sights.get(1), sights.get(50)), (51, 49, None, Some(sight(50))));
        let keys: Vec<u64> = sights.all().into_iter().map(|(key, _)| key).collect();
        assert!(keys.iter().copied().eq((50..99).chain([200, 201])), "{keys:?}");
    }

    #[test]
    fn what_weighs_too_much_is_given_back() {
        let mut sights = FirstSights::default();
        (0..60_000).for_each(|key| sights.insert(key, FirstSight { word: 1, template: TemplateId(1) }, 100_000));
        let weight = sights.size_bytes();
        assert!((60_000 * 25..60_000 * 60).contains(&weight), "{weight}");
        assert!(sights.shrink() && sights.size_bytes() < weight / 2 && sights.len() == 10_000);
        assert!(sights.shrink() && !sights.shrink());
        assert_eq!((sights.len(), sights.evictions()), (0, 60_000));
    }
}
