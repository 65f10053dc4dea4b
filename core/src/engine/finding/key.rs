//! Whose incident a finding is of, and the texts that it carries: how long they may be.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most bytes that a summary, a cause or a remedy takes as JSON; a summary's key values come out of
/// [`KEY_BYTES`].
pub(in crate::engine) const TEXT_BYTES: usize = 1 << 10;
/// Most bytes that all values of a key take together as JSON.
const KEY_BYTES: usize = 1 << 10;
/// Most bytes that an engine keeps of a name: more than a key can tell.
const NAME_BYTES: usize = 2 * KEY_BYTES;
/// Stands where a text was cut.
const CUT: char = '…';

/// Names and values in a fixed order; serialised as a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(pub Vec<(String, String)>);

impl Key {
    /// The value of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Cuts the values to what a finding can carry.
    pub(in crate::engine) fn fit(&mut self) {
        let room = KEY_BYTES / self.0.len().max(1);
        self.0.iter_mut().for_each(|(_, value)| cut(value, room));
    }

    /// True when this is the key of something at `place`: what both name is the same, and they name
    /// something.
    #[must_use]
    pub fn is_at(&self, place: &Self) -> bool {
        let value = |name: &str| place.0.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let mut shared = self.0.iter().filter_map(|(name, own)| value(name).map(|value| own == value)).peekable();
        shared.peek().is_some() && shared.all(|same| same)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Key;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Key, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Key(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// As much of a name as is worth keeping.
pub(in crate::engine) fn name_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_BYTES)]
}

/// Cuts `text` so that it takes at most `limit` bytes inside a JSON string.
pub(in crate::engine) fn cut(text: &mut String, limit: usize) {
    let mut bytes = 0;
    let mut keep = 0;
    for (i, c) in text.char_indices() {
        bytes += match c {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            '\0'..='\x1f' => 6,
            _ => c.len_utf8(),
        };
        if bytes > limit {
            text.truncate(keep);
            text.push(CUT);
            return;
        }
        if bytes + CUT.len_utf8() <= limit {
            keep = i + c.len_utf8();
        }
    }
}

/// Cuts a summary to what a finding can carry, and makes sure that it has every value of `key` word
/// for word.
pub(in crate::engine) fn fit_summary(summary: &mut String, key: &Key) {
    cut(summary, 2 * TEXT_BYTES);
    for (_, value) in &key.0 {
        if !summary.contains(value.as_str()) {
            summary.push_str(&format!(" ({value})"));
        }
    }
}
