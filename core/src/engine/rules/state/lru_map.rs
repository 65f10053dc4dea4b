//! A map by key that evicts the least recently used key; callers limit its size.
//!
//! All functions with state store it in such maps. Keys longer than [`LONGEST_KEY`] are replaced by
//! their hash, so that the number of keys bounds the memory, whatever events contain.

use hashbrown::HashTable;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Most bytes of a key that is stored as it is.
const LONGEST_KEY: usize = 96;
/// Marks the ends of the linked list.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct LruSlot<V> {
    key: Box<str>,
    hash: u64,
    newer: u32,
    older: u32,
    value: V,
}

/// Values by key, in a linked list ordered by last use.
#[derive(Clone, Debug)]
pub(crate) struct LruMap<V> {
    index: HashTable<u32>,
    slots: Vec<LruSlot<V>>,
    newest: u32,
    oldest: u32,
}

impl<V> Default for LruMap<V> {
    fn default() -> Self {
        Self { index: HashTable::new(), slots: Vec::new(), newest: NONE, oldest: NONE }
    }
}

impl<V: Default> LruMap<V> {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The value of `key`, inserted if it is new. The key becomes the most recently used.
    pub(crate) fn touch(&mut self, key: &str) -> &mut V {
        let mut long = String::new();
        let key = held(key, &mut long);
        let hash = xxh3_64(key.as_bytes());
        let i = match self.find(key, hash) {
            Some(i) => {
                self.unlink(i);
                i
            }
            None => {
                let i = self.slots.len() as u32;
                self.slots.push(LruSlot { key: key.into(), hash, newer: NONE, older: NONE, value: V::default() });
                let slots = &self.slots;
                self.index.insert_unique(hash, i, |&i| slots[i as usize].hash);
                i
            }
        };
        self.link_newest(i);
        &mut self.slots[i as usize].value
    }

    /// Removes `key` and returns its value.
    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        let mut long = String::new();
        let key = held(key, &mut long);
        let i = self.find(key, xxh3_64(key.as_bytes()))?;
        Some(self.take(i).1)
    }

    /// The value of `key`, without changing the order.
    pub(crate) fn peek_mut(&mut self, key: &str) -> Option<&mut V> {
        let mut long = String::new();
        let key = held(key, &mut long);
        let i = self.find(key, xxh3_64(key.as_bytes()))?;
        Some(&mut self.slots[i as usize].value)
    }

    /// The value of the least recently used key.
    pub(crate) fn oldest(&self) -> Option<&V> {
        self.slots.get(self.oldest as usize).map(|slot| &slot.value)
    }

    /// Removes and returns the least recently used key and its value.
    pub(crate) fn remove_oldest(&mut self) -> Option<(Box<str>, V)> {
        (self.oldest != NONE).then(|| self.take(self.oldest))
    }

    /// Keys and values, the least recently used first. The order is part of snapshots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(next as usize)?;
            next = slot.newer;
            Some((&*slot.key, &slot.value))
        })
    }

    fn find(&self, key: &str, hash: u64) -> Option<u32> {
        self.index.find(hash, |&i| *self.slots[i as usize].key == *key).copied()
    }

    /// Removes slot `i`. The last slot moves into its position, so that slots stay dense.
    fn take(&mut self, i: u32) -> (Box<str>, V) {
        self.unlink(i);
        let hash = self.slots[i as usize].hash;
        if let Ok(entry) = self.index.find_entry(hash, |&j| j == i) {
            entry.remove();
        }
        let last = self.slots.len() as u32 - 1;
        if i != last {
            let moved = &self.slots[last as usize];
            let (hash, newer, older) = (moved.hash, moved.newer, moved.older);
            if let Some(at) = self.index.find_mut(hash, |&j| j == last) {
                *at = i;
            }
            self.set_older_of(newer, i);
            self.set_newer_of(older, i);
        }
        let LruSlot { key, value, .. } = self.slots.swap_remove(i as usize);
        (key, value)
    }

    fn unlink(&mut self, i: u32) {
        let LruSlot { newer, older, .. } = self.slots[i as usize];
        self.set_older_of(newer, older);
        self.set_newer_of(older, newer);
    }

    fn link_newest(&mut self, i: u32) {
        let before = self.newest;
        let slot = &mut self.slots[i as usize];
        (slot.newer, slot.older) = (NONE, before);
        self.set_newer_of(before, i);
        self.newest = i;
    }

    /// Makes `i` the older neighbour of slot `of`; without such a slot, `i` is the newest.
    fn set_older_of(&mut self, of: u32, i: u32) {
        match self.slots.get_mut(of as usize) {
            Some(slot) => slot.older = i,
            None => self.newest = i,
        }
    }

    /// Makes `i` the newer neighbour of slot `of`; without such a slot, `i` is the oldest.
    fn set_newer_of(&mut self, of: u32, i: u32) {
        match self.slots.get_mut(of as usize) {
            Some(slot) => slot.newer = i,
            None => self.oldest = i,
        }
    }
}

/// The stored form of `key`: the key itself, or its hash, which is written to `long`.
pub(crate) fn held<'a>(key: &'a str, long: &'a mut String) -> &'a str {
    if key.len() <= LONGEST_KEY {
        return key;
    }
    *long = format!("\u{0}{:032x}", xxh3_128(key.as_bytes()));
    long
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_key_untouched_for_longest_goes_first() {
        let mut table = LruMap::<u32>::default();
        for key in ["a", "b", "c", "a"] {
            *table.touch(key) += 1;
        }
        assert_eq!(table.iter().collect::<Vec<_>>(), [("b", &1), ("c", &1), ("a", &2)]);
        assert_eq!(table.oldest(), Some(&1));
        table.remove_oldest();
        assert_eq!(table.remove("a"), Some(2));
        assert_eq!(table.remove("a"), None);
        assert_eq!(table.iter().collect::<Vec<_>>(), [("c", &1)]);
        table.remove_oldest();
        assert_eq!((table.len(), table.remove_oldest()), (0, None));
    }

    #[test]
    fn long_keys_take_little_room_and_stay_apart() {
        let mut table = LruMap::<u32>::default();
        *table.touch(&"x".repeat(1000)) = 1;
        *table.touch(&"x".repeat(1001)) = 2;
        assert_eq!(table.remove(&"x".repeat(1000)), Some(1));
        assert!(table.iter().all(|(key, _)| key.len() < LONGEST_KEY));
    }

    proptest! {
        #[test]
        fn it_is_a_map_with_an_order(steps in proptest::collection::vec((0u8..3, 0u8..12), 0..200)) {
            let mut table = LruMap::<u32>::default();
            let mut model: Vec<(String, u32)> = Vec::new();
            for (step, key) in steps {
                let key = key.to_string();
                let known = model.iter().position(|(k, _)| *k == key);
                match step {
                    0 => {
                        let count = known.map_or(0, |i| model.remove(i).1) + 1;
                        model.push((key.clone(), count));
                        *table.touch(&key) += 1;
                    }
                    1 => prop_assert_eq!(table.remove(&key), known.map(|i| model.remove(i).1)),
                    _ => prop_assert_eq!(table.remove_oldest().map(|(_, value)| value), (!model.is_empty()).then(|| model.remove(0).1)),
                }
                let now: Vec<_> = table.iter().map(|(k, v)| (k.to_owned(), *v)).collect();
                prop_assert_eq!(&now, &model);
            }
        }
    }
}
