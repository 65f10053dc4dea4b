//! The key of an incident, and length limits for the texts of a finding.

use crate::narrate::{Language, aside};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::Xxh3;

/// Most bytes of a summary, a cause or a remedy as JSON. For the values of the key, a summary may
/// have [`KEY_BYTES`] more.
pub(in crate::engine) const TEXT_BYTES: usize = 1 << 10;
/// Most bytes of all values of a key together, as JSON.
const KEY_BYTES: usize = 1 << 10;
/// Most bytes stored of a name: twice what a finding's key can show.
const NAME_BYTES: usize = 2 * KEY_BYTES;
/// Marks the end of a text that was cut.
const CUT: char = '…';

/// Names and values in a fixed order; serialised as a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(pub Vec<(String, String)>);

impl Key {
    /// Names and values, one after the other.
    pub(in crate::engine) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|(name, value)| [name.as_str(), value])
    }

    /// The value of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Cuts the values to the length that a finding can carry.
    pub(in crate::engine) fn fit(&mut self) {
        let room = KEY_BYTES / self.0.len().max(1);
        self.0.iter_mut().for_each(|(_, value)| cut(value, room));
    }

    /// True when both keys agree on every name that both have, and have at least one in common.
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

/// A hash of texts, each ended by a zero byte, to which more can be added.
pub(in crate::engine) fn hash_of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Xxh3 {
    let mut hash = Xxh3::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash
}

/// Cuts a name to the length that is stored.
pub(in crate::engine) fn name_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_BYTES)]
}

/// Cuts `text` to at most `limit` bytes inside a JSON string.
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

/// Cuts a sentence to the length that a finding can carry, and appends the values of `key` that it
/// does not contain and a person should read.
pub(in crate::engine) fn fit_sentence(language: Language, sentence: &mut String, key: &Key) {
    cut(sentence, 2 * TEXT_BYTES);
    for (name, value) in &key.0 {
        if !is_for_machines(name, value) && !sentence.contains(value.as_str()) {
            sentence.push_str(&aside(language, value));
        }
    }
}

/// The values of `key` that `sentence` still lacks: hashes, and marks of incidents that have no
/// place. A summary has them at its end; no person reads them.
pub(in crate::engine) fn unsaid(language: Language, sentence: &str, key: &Key) -> String {
    let lacks = |(name, value): &&(String, String)| is_for_machines(name, value) && !sentence.contains(value.as_str());
    key.0.iter().filter(lacks).map(|(_, value)| aside(language, value)).collect()
}

/// Where in a summary begins what [`unsaid`] appended, in any language.
pub(super) fn split_unsaid(summary: &str, key: &Key) -> usize {
    let mut text = summary;
    for (_, value) in key.0.iter().rev().filter(|(name, value)| is_for_machines(name, value)) {
        let ends = Language::ALL.map(|language| text.strip_suffix(aside(language, value).as_str()));
        text = ends.into_iter().flatten().next().unwrap_or(text);
    }
    text.len()
}

/// True of a value of a key that means nothing to a person: a hash, or a mark instead of a place.
fn is_for_machines(name: &str, value: &str) -> bool {
    let is_hash = value.len() == 16 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash || matches!((name, value), ("scope", "all" | "storm") | ("input", "all") | ("exception", "a stack"))
}
