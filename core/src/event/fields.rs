//! The view of one event that detectors and rules have: roles and members, whatever the encoding.

use super::json::{self, Kind, Members};
use super::parsed::{Form, ParsedEvent, Shape};
use super::unescape::{unescape, unescape_into};
use super::{Batch, Encoding, Level, Prefilter, Record, Role, Timestamp, msgpack_record, text_duration};
use std::borrow::Cow;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A member's value, read when asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(Cow<'a, str>),
    /// Text, unescaped where it has escapes.
    Text(Cow<'a, str>),
    /// An object or array, as JSON.
    Nested(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// A scalar as text; none for null and what is nested.
    pub(crate) fn into_scalar(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Bool(truth) => Some(Cow::Borrowed(if truth { "true" } else { "false" })),
            Self::Null | Self::Nested(_) => None,
        }
    }
}

/// One event. Copying it copies a few references.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    batch: &'a Batch,
    place: usize,
    record: &'a Record,
    parsed: &'a ParsedEvent,
}

impl<'a> Fields<'a> {
    pub(super) fn new(batch: &'a Batch, place: usize) -> Self {
        Self { batch, place, record: &batch.records[place], parsed: &batch.parsed[place] }
    }

    /// The batch that it is in.
    #[inline]
    pub(crate) fn batch(&self) -> &'a Batch {
        self.batch
    }

    /// The number of its record there.
    #[inline]
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// What the pure stage found.
    #[inline]
    #[must_use]
    pub fn parsed(&self) -> &'a ParsedEvent {
        self.parsed
    }

    /// The same event, of which the pure stage found `parsed`.
    #[must_use]
    pub(crate) fn with_parsed(self, parsed: &'a ParsedEvent) -> Self {
        Self { parsed, ..self }
    }

    /// The record.
    #[inline]
    #[must_use]
    pub fn record(&self) -> &'a Record {
        self.record
    }

    /// When it happened, by its own account.
    #[inline]
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.parsed.time
    }

    /// How bad it is, by its own account.
    #[inline]
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.parsed.level
    }

    /// The line as it came, without its end; as UTF-8, where it was read in another encoding.
    #[must_use]
    pub fn line(&self) -> &'a [u8] {
        match self.parsed.decoded {
            decoded if decoded.is_empty() => self.record.span.of(&self.batch.bytes),
            decoded => decoded.of(&self.batch.arena),
        }
    }

    /// The event as one JSON object: the line itself, or what was made of a text line. Empty for
    /// opaque records, and for those that are no JSON.
    #[must_use]
    pub fn object(&self) -> &'a [u8] {
        match self.parsed.shape {
            _ if self.record.encoding == Encoding::MessagePack => &[],
            Shape::Json | Shape::Own => {
                let buffer = if self.parsed.decoded.is_empty() { &self.batch.bytes } else { &self.batch.arena };
                &buffer[self.parsed.insert.open as usize..=self.parsed.insert.close as usize]
            }
            Shape::Text => self.parsed.rendered.of(&self.batch.arena),
            Shape::Opaque | Shape::Rest | Shape::Blank => &[],
        }
    }

    /// A role's bytes as written, escapes and all; for hashing and comparing. Not for timestamp and
    /// level.
    #[inline]
    #[must_use]
    pub fn raw(&self, role: Role) -> Option<&'a [u8]> {
        let slot = self.parsed.slots.get(role as usize)?;
        (slot.form != Form::Absent).then(|| slot.of(&self.batch.bytes, &self.batch.arena))
    }

    /// xxh3-64 of a role's bytes as written; none without the role. Not for timestamp and level.
    #[inline]
    #[must_use]
    pub fn hash(&self, role: Role) -> Option<u64> {
        let known = match role {
            Role::Message => self.parsed.message_hash,
            Role::Module => self.parsed.module_hash,
            Role::Host => self.parsed.host_hash(),
            _ => return self.raw(role).map(xxh3_64),
        };
        Some(known).filter(|&hash| hash != 0)
    }

    /// The roles that the parser has found to be idle for `prefilter`.
    #[inline]
    pub(crate) fn unmatched_roles_for(&self, prefilter: &impl Prefilter) -> Option<u16> {
        let same = |told: &Arc<dyn Prefilter>| std::ptr::addr_eq(Arc::as_ptr(told), prefilter);
        self.batch.prefilter.as_ref().is_some_and(same).then_some(self.parsed.unmatched_roles)
    }

    /// A role's text: numbers as written, strings unescaped, level by name, timestamp as RFC 3339.
    #[must_use]
    pub fn text(&self, role: Role) -> Option<Cow<'a, str>> {
        match role {
            Role::Level => self.parsed.level.map(|level| Cow::Borrowed(level.name())),
            Role::Timestamp => self.parsed.time.map(|time| Cow::Owned(time.to_string())),
            _ => {
                let slot = self.parsed.slots.get(role as usize)?;
                self.raw(role).map(|raw| unescape(raw, slot.form == Form::Escaped))
            }
        }
    }

    /// How long it took, in milliseconds.
    #[inline]
    #[must_use]
    pub fn duration_ms(&self) -> Option<f64> {
        Some(self.parsed.duration_ms).filter(|duration| duration.is_finite())
    }

    /// How long it took, in milliseconds, by a member or else by what its message tells. Reads the
    /// message, so it is for those who ask for it.
    #[must_use]
    pub fn told_duration_ms(&self) -> Option<f64> {
        self.duration_ms().or_else(|| text_duration::in_message(self.text(Role::Message)?.as_bytes()))
    }

    /// How it ended, 100 to 599.
    #[inline]
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        Some(self.parsed.status).filter(|&status| status != 0)
    }

    /// The literal member of this name: a dotted name as it stands first, then as a path into
    /// nested objects. Of duplicates the last counts.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Value<'a>> {
        if self.record.encoding == Encoding::MessagePack {
            return msgpack_record::member_of(self.line(), name);
        }
        let object = self.object();
        member_of(object, name).or_else(|| {
            let (mut rest, mut text) = (name, object);
            loop {
                let (first, after) = rest.split_once('.')?;
                let Value::Nested(Cow::Borrowed(below)) = member_of(text, first)? else { return None };
                if let Some(value) = member_of(below.as_bytes(), after) {
                    return Some(value);
                }
                (rest, text) = (after, below.as_bytes());
            }
        })
    }

    /// Calls `each` with every key of the event's top level, as written.
    pub fn each_key(&self, mut each: impl FnMut(&[u8])) {
        if self.record.encoding == Encoding::MessagePack {
            return msgpack_record::each_key(self.line(), each);
        }
        let object = self.object();
        let Ok(mut members) = Members::new(object, json::skip_space(object, 0)) else { return };
        while let Ok(Some(member)) = members.advance() {
            each(&object[member.key_start..member.key_end]);
        }
    }
}

/// The last member of the object `text` with this name.
fn member_of<'a>(text: &'a [u8], name: &str) -> Option<Value<'a>> {
    let mut members = Members::new(text, json::skip_space(text, 0)).ok()?;
    let mut last = None;
    while let Ok(Some(member)) = members.advance() {
        let key = &text[member.key_start..member.key_end];
        let same = if member.key_escaped {
            let mut plain = Vec::with_capacity(key.len());
            unescape_into(key, &mut plain);
            plain == name.as_bytes()
        } else {
            key == name.as_bytes()
        };
        if same {
            last = Some(member);
        }
    }
    let member = last?;
    let raw = &text[member.start..member.end];
    Some(match member.kind {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(raw == b"true"),
        Kind::Number => Value::Number(Cow::Borrowed(std::str::from_utf8(raw).ok()?)),
        Kind::Text | Kind::Escaped => Value::Text(unescape(raw, member.kind == Kind::Escaped)),
        Kind::Object | Kind::Array => Value::Nested(Cow::Borrowed(std::str::from_utf8(raw).ok()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::operation::masked;
    use super::*;
    use crate::engine::testing::{parsed_batch, parser};

    /// What the parser computed is what the bytes say, whatever the role stands in.
    #[test]
    fn hashes_are_those_of_the_roles() {
        let lines = [
            r#"{"message":"m","module":"a","host":"n1","thread":"t","route":"/users/17/x?y=1"}"#,
            r#"{"message":"m\"","module":"a\/b","host":"n\\1","route":"\/users\/17\/x"}"#,
            r#"{"host":"n1","route":"?x"}"#,
            r#"{"module":"a","route":"","duration_ms":3}"#,
            r#"{"log":"{\"msg\":\"inner\",\"module\":\"db\",\"route\":\"/a/1\"}\n","host":"n2"}"#,
            "2026-03-02 08:00:00,123 ERROR [worker-1] shop.cart: no stock in 17 ms",
            "<34>Oct 11 22:14:15 mymachine su[17]: failed",
            r#"{"log":"part one, ","logtag":"P","stream":"stdout","module":"a","route":"/a"}"#,
            r#"{"log":"part two","logtag":"F","stream":"stdout","module":"a","host":"n1"}"#,
            "{}",
            "{",
        ];
        let batch = parsed_batch(&mut parser(), &lines.join("\n"));
        let mut seen = 0;
        for fields in (0..batch.records.len()).map(|i| batch.fields(i)) {
            for role in [Role::Message, Role::Module, Role::Host, Role::Thread] {
                let hash = fields.raw(role).map(xxh3_64);
                assert_eq!(fields.hash(role), hash, "{role:?} of {}", String::from_utf8_lossy(fields.line()));
                seen += usize::from(hash.is_some());
            }
            let operation = fields.text(Role::Operation);
            let name = operation.as_deref().map(|text| masked(text.as_bytes(), &mut Vec::new()).to_vec());
            let hash = name.filter(|name| !name.is_empty()).map_or(0, |name| xxh3_64(&name));
            assert_eq!(fields.parsed().operation_hash, hash, "{operation:?}");
            seen += usize::from(hash != 0);
        }
        assert!(seen >= 20, "{seen}");
    }
}
