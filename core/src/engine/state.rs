//! Bounded tables, so that no stream can make the memory grow without limit.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::hash::{BuildHasherDefault, Hasher};

/// The size of one table, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// The name of the table; the value of the metrics' label `table`.
    pub table: &'static str,
    /// Number of keys.
    pub keys: u64,
    /// Keys evicted so far.
    pub evictions: u64,
}

/// A hasher for keys that are hashes already: the key is its own hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64(bytes);
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A map from 64-bit content hashes that holds at most `cap` keys.
///
/// A full table evicts by second chance (the clock algorithm): a hand moves over the entries and
/// takes the first that was not touched since it last passed. This approximates least-recently-used
/// to within one round, and a hit costs one store instead of relinking a list. Which key is evicted
/// depends only on the order of touches. Memory: at most `cap × (size of V + 36)` bytes and 4 KiB,
/// plus the heap memory of the values. The tables of an engine also share a budget (`memory.rs`).
#[derive(Clone, Debug)]
pub struct Table<V> {
    index: HashMap<u64, u32, BuildHasherDefault<AlreadyHashed>>,
    /// A cache in front of `index`: the last entry index seen for keys with these low bits. Most
    /// events have a recently seen key, and for those one comparison replaces the lookup.
    hints: Box<[u32; HINTS]>,
    entries: Vec<TableEntry<V>>,
    hand: usize,
    cap: usize,
    evictions: u64,
    /// Mean heap bytes of the values, from recent samples, and the entry at which the next begins.
    mean_held: f64,
    looked: usize,
    /// Evicted keys for which [`HeapSize::watched_as`] gave a key.
    lost: Vec<u64>,
}

#[derive(Clone, Debug)]
struct TableEntry<V> {
    key: u64,
    touched: bool,
    value: V,
}

/// Entries of the hint cache: 4 KiB.
const HINTS: usize = 1 << 10;
/// Bytes per key in the index, including the free room that a hash table leaves.
const INDEX_BYTES: usize = 28;
/// Values sampled for their heap size per estimate.
const SAMPLE: usize = 64;
/// Keys that [`Evict::shrink`] always leaves.
const KEPT: usize = 1_000;

/// The heap memory of a value.
pub trait HeapSize {
    /// Approximate heap memory in bytes, without the value itself.
    fn heap_size(&self) -> usize {
        0
    }

    /// If somebody must be told that the value of `key` was evicted: the key by which they know it.
    fn watched_as(&self, _key: u64) -> Option<u64> {
        None
    }
}

impl HeapSize for u32 {}
impl HeapSize for u64 {}

/// Bytes that the allocator uses for an allocation of `bytes`.
#[must_use]
pub fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16).max(32) }
}

/// The size of an index that cannot evict by itself, because its entries belong to another table or
/// to incidents.
#[derive(Clone, Copy, Debug)]
pub struct Weight {
    /// Number of keys.
    pub keys: usize,
    /// Approximate size in bytes.
    pub bytes: usize,
}

impl Evict for Weight {
    fn keys(&self) -> usize {
        self.keys
    }

    fn size_bytes(&mut self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) -> bool {
        false
    }
}

/// One of several tables that share a memory budget.
pub trait Evict {
    /// Number of keys.
    fn keys(&self) -> usize;

    /// Approximate size in bytes. The heap memory of values is estimated from a sample, a different
    /// one at each call.
    fn size_bytes(&mut self) -> usize;

    /// Evicts an eighth of the keys, those untouched for longest. Returns false where too few keys
    /// are left.
    fn shrink(&mut self) -> bool;
}

/// The snapshot of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableSnapshot<V> {
    /// Keys and values, in the order in which they would be evicted.
    pub(super) entries: Vec<(u64, V)>,
    pub(super) evictions: u64,
}

impl<V: HeapSize> Evict for Table<V> {
    fn keys(&self) -> usize {
        self.entries.len()
    }

    fn size_bytes(&mut self) -> usize {
        let count = self.entries.len();
        let sampled = count.min(SAMPLE);
        if sampled > 0 {
            self.looked = (self.looked + 1) % count;
            let places = (0..sampled).map(|i| (self.looked + i * count / sampled) % count);
            let mean = places.map(|place| self.entries[place].value.heap_size()).sum::<usize>() as f64 / sampled as f64;
            // A moving average over several samples, because a sample can miss a few large values.
            self.mean_held +=
                (mean - self.mean_held) * if count <= SAMPLE || self.mean_held == 0.0 { 1.0 } else { 0.25 };
        }
        count * (size_of::<TableEntry<V>>() + INDEX_BYTES) + (count as f64 * self.mean_held) as usize
    }

    fn shrink(&mut self) -> bool {
        let count = self.entries.len();
        let more = count.saturating_sub(KEPT.min(self.cap)).min(count.div_ceil(8));
        (0..more).for_each(|_| self.forget_one());
        more > 0
    }
}

impl<V: HeapSize> Table<V> {
    /// An empty table for at most `cap` keys (at least one).
    #[must_use]
    pub fn new(cap: usize) -> Self {
        let (index, hints, entries) = (HashMap::default(), Box::new([0; HINTS]), Vec::new());
        Self {
            index,
            hints,
            entries,
            hand: 0,
            cap: cap.max(1),
            evictions: 0,
            mean_held: 0.0,
            looked: 0,
            lost: Vec::new(),
        }
    }

    /// Returns the value of `key`, inserting it if needed, which may evict another key.
    #[inline]
    pub fn touch(&mut self, key: u64, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.place_of(key) {
            Some(place) => place,
            None => self.insert(key, make()),
        };
        let entry = &mut self.entries[place];
        entry.touched = true;
        &mut entry.value
    }

    /// The index of `key` in `entries`.
    #[inline]
    fn place_of(&mut self, key: u64) -> Option<usize> {
        let hint = self.hints[key as usize % HINTS] as usize;
        if self.entries.get(hint).is_some_and(|entry| entry.key == key) { Some(hint) } else { self.search(key) }
    }

    #[inline(never)]
    fn search(&mut self, key: u64) -> Option<usize> {
        let place = *self.index.get(&key)?;
        self.hints[key as usize % HINTS] = place;
        Some(place as usize)
    }

    /// Reads the memory that the next calls of [`Self::touch`] for these keys will need: the
    /// entries and, through `read`, what their values point to (`read` also gets the position in
    /// `keys`). The reads do not depend on each other, so all of them take hardly longer than one.
    #[inline]
    pub fn prefetch<const N: usize>(&self, keys: [u64; N], read: impl Fn(usize, &V) -> u64) {
        let slots = keys.map(|key| self.index.get(&key).map_or(usize::MAX, |&slot| slot as usize));
        let read: [_; N] = std::array::from_fn(|i| {
            self.entries.get(slots[i]).map_or(0, |entry| read(i, &entry.value) ^ u64::from(entry.touched))
        });
        std::hint::black_box(read);
    }

    /// Calls `change` with every key and value.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(u64, &mut V)) {
        self.entries.iter_mut().for_each(|entry| change(entry.key, &mut entry.value));
    }

    /// The value of `key`, if it is there.
    #[inline]
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let place = self.place_of(key)?;
        Some(&mut self.entries[place].value)
    }

    /// The value of `key`, if it is there; counts as a touch.
    #[inline]
    pub fn touched(&mut self, key: u64) -> Option<&mut V> {
        let place = self.place_of(key)?;
        let entry = &mut self.entries[place];
        entry.touched = true;
        Some(&mut entry.value)
    }

    /// The value of `key`, if it is there.
    #[inline]
    pub fn get(&self, key: u64) -> Option<&V> {
        Some(&self.entries[*self.index.get(&key)? as usize].value)
    }

    #[cold]
    fn insert(&mut self, key: u64, value: V) -> usize {
        let entry = TableEntry { key, touched: true, value };
        let slot = if self.entries.len() < self.cap {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            while std::mem::take(&mut self.entries[self.hand].touched) {
                self.hand = (self.hand + 1) % self.cap;
            }
            let slot = self.hand;
            self.hand = (self.hand + 1) % self.cap;
            let gone = std::mem::replace(&mut self.entries[slot], entry);
            self.index.remove(&gone.key);
            self.lost.extend(gone.value.watched_as(gone.key));
            self.evictions += 1;
            slot
        };
        self.index.insert(key, slot as u32);
        slot
    }

    /// Evicts the first key that was not touched since the hand last passed. The table must not be
    /// empty.
    fn forget_one(&mut self) {
        let count = self.entries.len();
        self.hand %= count;
        while std::mem::take(&mut self.entries[self.hand].touched) {
            self.hand = (self.hand + 1) % count;
        }
        let gone = self.entries.swap_remove(self.hand);
        self.index.remove(&gone.key);
        self.lost.extend(gone.value.watched_as(gone.key));
        if let Some(moved) = self.entries.get(self.hand) {
            self.index.insert(moved.key, self.hand as u32);
        }
        self.evictions += 1;
    }

    /// All keys and values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        self.entries.iter().map(|entry| (entry.key, &entry.value))
    }

    /// All values, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|entry| &entry.value)
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys evicted since the start.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Watched keys that were evicted since the last call. To be called at each tick.
    #[must_use]
    pub fn take_lost(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.lost)
    }

    /// The snapshot of the table.
    pub fn snapshot(&self) -> TableSnapshot<V>
    where
        V: Clone,
    {
        let turned = self.entries[self.hand..].iter().chain(&self.entries[..self.hand]);
        TableSnapshot {
            entries: turned.map(|entry| (entry.key, entry.value.clone())).collect(),
            evictions: self.evictions,
        }
    }

    /// Restores a snapshot. If it has more keys than the cap, the last ones are kept.
    pub fn restore(&mut self, kept: TableSnapshot<V>) {
        *self = Self::new(self.cap);
        let excess = kept.entries.len().saturating_sub(self.cap);
        for (key, value) in kept.entries.into_iter().skip(excess) {
            self.insert(key, value);
        }
        self.evictions = kept.evictions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_touched_stays_and_what_goes_is_counted() {
        let mut table = Table::new(3);
        for key in [1, 2, 3] {
            *table.touch(key, || 0) += key;
        }
        table.touch(4, || 4); // all were touched: the hand goes round and takes the oldest
        assert!(table.get_mut(1).is_none());
        table.touch(2, || 0);
        table.touch(5, || 5);
        assert_eq!((table.get_mut(2).copied(), table.get_mut(3).copied()), (Some(2), None));
        assert_eq!((table.len(), table.evictions()), (3, 2));
    }

    #[derive(Default)]
    struct Text(Vec<u8>);
    impl HeapSize for Text {
        fn heap_size(&self) -> usize {
            allocated(self.0.capacity())
        }
    }

    #[test]
    fn it_gives_what_was_untouched_for_longest_and_keeps_what_it_needs() {
        let mut table = Table::new(100_000);
        for key in 0..8_000 {
            table.touch(key, || key);
        }
        assert!(table.shrink());
        // All had been touched, so the hand has gone round once and cleared the marks.
        for key in (1_000..8_000).step_by(2) {
            table.touched(key);
        }
        while table.shrink() {}
        assert_eq!((table.len() as u64 + table.evictions(), table.len()), (8_000, KEPT));
        assert!(table.iter().all(|(key, value)| key == *value && key % 2 == 0), "untouched ones were kept");
        (0..8_000).for_each(|key| assert!(table.get(key).is_none_or(|value| *value == key)));
        (0..5_000).for_each(|key| assert_eq!(*table.touch(key, || key), key));
        assert!(!Table::<u64>::new(10).shrink());
    }

    /// A value that is watched if it is odd, by its key plus 100.
    struct Watched(u64);
    impl HeapSize for Watched {
        fn watched_as(&self, key: u64) -> Option<u64> {
            (self.0 % 2 == 1).then_some(key + 100)
        }
    }

    #[test]
    fn what_is_forgotten_and_watched_is_told_once() {
        let mut table = Table::new(2_000);
        (0..2_003).for_each(|key| _ = table.touch(key, || Watched(key)));
        assert_eq!((table.take_lost(), table.take_lost()), (vec![101], vec![]));
        assert!(table.shrink());
        let lost = table.take_lost();
        assert!(lost.len() > 100 && lost.iter().all(|key| table.get(key - 100).is_none()), "{lost:?}");
    }

    #[test]
    fn it_weighs_what_its_values_hold() {
        let mut table = Table::<Text>::new(100_000);
        assert_eq!(table.size_bytes(), 0);
        for key in 0..20_000 {
            table.touch(key, Text::default);
        }
        let empty = table.size_bytes();
        assert!((20_000 * 40..20_000 * 100).contains(&empty), "{empty}");
        table.for_each_mut(|key, text| text.0 = vec![0; if key % 10 == 0 { 1_000 } else { 0 }]);
        for _ in 0..50 {
            table.size_bytes();
        }
        let held = table.size_bytes() - empty;
        assert!((1_000_000..3_500_000).contains(&held), "{held}");
        assert_eq!([0, 1, 24, 25, 1_000].map(allocated), [0, 32, 32, 48, 1_008]);
    }

    proptest! {
        #[test]
        fn it_never_passes_its_cap_and_survives_a_restart(keys in proptest::collection::vec(0_u64..50, 0..300), cap in 1_usize..20) {
            let mut table = Table::new(cap);
            for &key in &keys {
                *table.touch(key, || 0_u32) += 1;
                prop_assert!(table.len() <= cap);
                prop_assert!(table.get_mut(key).is_some());
            }
            let mut again = Table::new(cap);
            again.restore(table.snapshot());
            for key in 0..50 {
                prop_assert_eq!(table.get_mut(key).copied(), again.get_mut(key).copied());
            }
        }
    }
}
