//! Locates all members that filters name in one walk over an event.

use super::condition::Seen;
use crate::event::json::{self, Kind, Member};
use crate::event::unescape::unescape;
use crate::event::{Encoding, Fields, Value};

/// The name of a member in a filter.
#[derive(Clone, Debug)]
struct Name {
    text: String,
    /// The key with this whole name, and the key of its first part if it has dots.
    literal: usize,
    first: Option<usize>,
}

/// The member names in the filters of a set, and the top-level keys of an event that can hold them.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemberNames {
    names: Vec<Name>,
    keys: Vec<Box<[u8]>>,
    /// Open-addressed hash table by [`quick_hash`]: an index into `keys` plus one, or 0 if free.
    slots: Vec<u32>,
}

impl MemberNames {
    /// The number of this name, which is added if it is new.
    pub(crate) fn number(&mut self, name: &str) -> usize {
        if let Some(known) = self.names.iter().position(|known| known.text == name) {
            return known;
        }
        let literal = self.key(name);
        let first = name.split_once('.').map(|(first, _)| self.key(first));
        self.names.push(Name { text: name.to_owned(), literal, first });
        self.names.len() - 1
    }

    /// The top-level keys of an event that can hold this member.
    pub(crate) fn keys_of(&self, i: usize) -> impl Iterator<Item = usize> {
        let name = &self.names[i];
        std::iter::once(name.literal).chain(name.first)
    }

    pub(crate) fn text(&self, i: usize) -> &str {
        &self.names[i].text
    }

    fn key(&mut self, key: &str) -> usize {
        if let Some(known) = self.find(key.as_bytes()) {
            return known;
        }
        self.keys.push(key.as_bytes().into());
        if self.keys.len() * 4 > self.slots.len() {
            self.slots = vec![0; (self.keys.len() * 8).next_power_of_two()];
            (0..self.keys.len()).for_each(|i| self.place(i));
        } else {
            self.place(self.keys.len() - 1);
        }
        self.keys.len() - 1
    }

    fn place(&mut self, i: usize) {
        let mask = self.slots.len() - 1;
        let mut at = quick_hash(&self.keys[i]) & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = i as u32 + 1;
    }

    #[inline]
    fn find(&self, key: &[u8]) -> Option<usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = quick_hash(key) & mask;
        while let Some(&slot @ 1..) = self.slots.get(at) {
            if *self.keys[slot as usize - 1] == *key {
                return Some(slot as usize - 1);
            }
            at = (at + 1) & mask;
        }
        None
    }
}

/// Hashes the first and last eight bytes and the length. Keys are short, and a lookup of a key that
/// no filter names should cost very little.
#[inline]
fn quick_hash(key: &[u8]) -> usize {
    let word = |bytes: &[u8]| bytes.iter().take(8).fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
    let (head, tail) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (word(key), 0),
    };
    let mixed = (head ^ tail.rotate_left(23) ^ key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as usize
}

/// The locations of one event's members. Reused for every event.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocatedMembers {
    /// By key: the number of the last event that had it, and the location. Of duplicates the last
    /// counts.
    at: Vec<(u64, Member)>,
    /// The keys in the current event, in their order.
    keys: Vec<u32>,
    event: u64,
    walked: bool,
    /// A key of the event has escapes, so it could be any name.
    escaped: bool,
    /// The event is MessagePack: the keys are known, but not their locations.
    packed: bool,
}

impl LocatedMembers {
    /// Starts the next event.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.event += 1;
        self.walked = false;
    }

    /// Locates all names if not done yet; returns how many [`Self::key`]s there are.
    #[inline]
    pub(crate) fn walk(&mut self, names: &MemberNames, fields: &Fields<'_>) -> usize {
        if !self.walked {
            self.locate(names, fields);
        }
        if self.escaped { 1 } else { self.keys.len() }
    }

    /// The key at index `i`; `None` when it may be any key.
    #[inline]
    pub(crate) fn key(&self, i: usize) -> Option<usize> {
        if self.escaped { None } else { self.keys.get(i).map(|key| *key as usize) }
    }

    /// The value of member `i`; `None` if the event lacks it.
    #[inline]
    pub(crate) fn get<'a>(&mut self, names: &MemberNames, i: usize, fields: &Fields<'a>) -> Option<Seen<'a>> {
        self.walk(names, fields);
        let name = &names.names[i];
        if self.escaped {
            return fields.member(&name.text).and_then(Seen::of_member);
        }
        if self.packed {
            let seen = |key: usize| self.at.get(key).is_some_and(|(event, _)| *event == self.event);
            let may_be = seen(name.literal) || name.first.is_some_and(seen);
            return if may_be { fields.member(&name.text).and_then(Seen::of_member) } else { None };
        }
        if let Some((event, member)) = self.at.get(name.literal)
            && *event == self.event
        {
            return scalar(fields.object(), member);
        }
        let (event, member) = self.at.get(name.first?)?;
        if *event != self.event || member.kind != Kind::Object {
            return None;
        }
        fields.member(&name.text).and_then(Seen::of_member)
    }

    fn locate(&mut self, names: &MemberNames, fields: &Fields<'_>) {
        (self.walked, self.escaped) = (true, false);
        self.keys.clear();
        let nowhere = Member { key_start: 0, key_end: 0, key_escaped: false, kind: Kind::Null, start: 0, end: 0 };
        self.at.resize(names.keys.len(), (0, nowhere));
        self.packed = fields.record().encoding == Encoding::MessagePack;
        if self.packed {
            fields.each_key(|key| {
                if let Some(key) = names.find(key).filter(|key| self.at[*key].0 != self.event) {
                    self.keys.push(key as u32);
                    self.at[key].0 = self.event;
                }
            });
            return;
        }
        let object = fields.object();
        let Ok(mut members) = json::Members::new(object, json::skip_space(object, 0)) else { return };
        while let Ok(Some(member)) = members.advance() {
            self.escaped |= member.key_escaped;
            if let Some(key) = names.find(&object[member.key_start..member.key_end]) {
                if self.at[key].0 != self.event {
                    self.keys.push(key as u32);
                }
                self.at[key] = (self.event, member);
            }
        }
    }
}

/// A member's value as filters compare it; `None` for null.
fn scalar<'a>(object: &'a [u8], member: &Member) -> Option<Seen<'a>> {
    let raw = &object[member.start..member.end];
    let plain = |is_number| std::str::from_utf8(raw).ok().map(|text| Seen::Text(text.into(), is_number));
    match member.kind {
        Kind::Bool => plain(false),
        Kind::Number => plain(true),
        Kind::Text | Kind::Escaped => Seen::of_member(Value::Text(unescape(raw, member.kind == Kind::Escaped))),
        Kind::Object | Kind::Array => Some(Seen::Nested),
        Kind::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rules::tests::stream;

    #[test]
    fn members_are_where_the_event_has_them() {
        let wanted = ["a", "a.b", "b.c", "n", "x.y.z", "gone"];
        let mut names = MemberNames::default();
        let numbers: Vec<usize> = wanted.iter().map(|name| names.number(name)).collect();
        assert_eq!(names.number("a.b"), numbers[1]);
        let events = [
            (r#"{"a":1,"n":null,"b":{"c":true}}"#, [Some("1"), None, Some("true"), None, None, None]),
            (r#"{"a":{"b":"\u0041"},"a.b":2}"#, [Some(""), Some("2"), None, None, None, None]),
            (r#"{"\u0061":"x","n":5,"n":"y"}"#, [Some("x"), None, None, Some("y"), None, None]),
            (r#"{"x":{"y":{"z":"deep"}},"gone":[]}"#, [None, None, None, None, Some("deep"), Some("")]),
            ("{}", [None; 6]),
        ];
        let lines: Vec<&str> = events.iter().map(|(line, _)| *line).collect();
        let batch = stream(&lines);
        let mut places = LocatedMembers::default();
        for (i, (line, expected)) in events.iter().enumerate() {
            places.begin();
            for (&number, expected) in numbers.iter().zip(expected) {
                let seen = places.get(&names, number, &batch.fields(i)).map(|seen| seen.text().into_owned());
                assert_eq!(seen.as_deref(), *expected, "{} in {line}", names.text(number));
            }
        }
    }
}
