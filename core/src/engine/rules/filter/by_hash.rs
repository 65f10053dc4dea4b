//! An immutable hash table from byte strings to alternatives.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// The index of an alternative in the matcher, over all rules.
pub(crate) type AlternativeIndex = u32;

/// An immutable map from byte strings to lists of alternatives.
#[derive(Debug, Default)]
pub(crate) struct ByHash {
    /// The lengths of all keys, one bit each; bit 63 stands for 63 and more.
    lengths: u64,
    index: HashTable<u32>,
    entries: Vec<(Box<[u8]>, Vec<AlternativeIndex>)>,
}

impl ByHash {
    pub(crate) fn new(entries: impl IntoIterator<Item = (Box<[u8]>, Vec<AlternativeIndex>)>) -> Self {
        let entries: Vec<(Box<[u8]>, Vec<AlternativeIndex>)> = entries.into_iter().collect();
        let mut index = HashTable::with_capacity(entries.len());
        for (i, (key, _)) in entries.iter().enumerate() {
            index.insert_unique(xxh3_64(key), i as u32, |&i| xxh3_64(&entries[i as usize].0));
        }
        let lengths = entries.iter().fold(0, |lengths, (key, _)| lengths | length_bit(key));
        Self { lengths, index, entries }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> &[AlternativeIndex] {
        // Most lookups end here, because no key has that length.
        if self.lengths & length_bit(key) == 0 {
            return &[];
        }
        let found = self.index.find(xxh3_64(key), |&i| *self.entries[i as usize].0 == *key);
        found.map_or(&[], |&i| &self.entries[i as usize].1)
    }
}

#[inline]
fn length_bit(key: &[u8]) -> u64 {
    1 << key.len().min(63)
}
