//! A record in MessagePack: its roles found, its members read and findings added, without a detour
//! through JSON.

mod array;
mod edit;
mod render;

use super::fields::Value;
use super::found::{RoleMatches, Scope, Seen};
use super::json::{self, Kind};
use super::msgpack::{self, DEEPEST, Head, Malformed, Reader};
use super::parsed::{Annotation, Form, InsertPoint, ParsedEvent, Shape, Slot};
use super::roles::{Claim, Company, Meaning, Names, Role};
use super::time::{TimeContext, Timestamp};
use super::{Fault, Record, transcode};
use std::borrow::Cow;
use std::io::Write;

use array::copied;
pub use edit::{annotate, edit, mask};
pub use render::render;

/// What the walk of a map needs besides where it stands.
struct Walk<'a> {
    bytes: &'a [u8],
    arena: &'a mut Vec<u8>,
    context: &'a mut TimeContext,
}

impl RoleMatches {
    /// Walks the map at `reader`; numbers that a role wants are written to the arena, as everywhere
    /// else they are text.
    fn map(
        &mut self,
        reader: &mut Reader<'_>,
        scope: &Scope<'_>,
        walk: &mut Walk<'_>,
        depth: usize,
    ) -> Result<(), Malformed> {
        let Head::Map(length) = reader.head()? else { return Err(Malformed) };
        let start = *reader;
        let mut seen = Seen::default();
        for _ in 0..length {
            let Some(key) = key_here(reader)? else {
                reader.skip()?;
                continue;
            };
            let Some((mark, meaning, scope_of_it)) = scope.find(key) else {
                reader.skip()?;
                continue;
            };
            if seen.again(mark) {
                // Of two with one name the last counts: the walk goes on from there alone.
                let kept = (self.annotation, meaning.annotation);
                *self = Self::default();
                self.last_of_each(start, length, scope, walk, depth)?;
                if kept.1 {
                    self.annotation = Annotation::Unfit;
                }
                *reader = start;
                for _ in 0..length {
                    reader.skip()?;
                    reader.skip()?;
                }
                return Ok(());
            }
            self.packed_member(reader, meaning, &scope_of_it, walk, depth)?;
        }
        Ok(())
    }

    /// As the walk, for a map with names that come twice. Rare, so it may allocate.
    #[cold]
    fn last_of_each(
        &mut self,
        mut reader: Reader<'_>,
        length: usize,
        scope: &Scope<'_>,
        walk: &mut Walk<'_>,
        depth: usize,
    ) -> Result<(), Malformed> {
        let mut all: Vec<(&[u8], Reader<'_>)> = Vec::new();
        for _ in 0..length {
            let key = key_here(&mut reader)?;
            if let Some(key) = key.filter(|key| scope.find(key).is_some()) {
                all.retain(|(known, _)| *known != key);
                all.push((key, reader));
            }
            reader.skip()?;
        }
        for (key, mut at) in all {
            if let Some((_, meaning, scope)) = scope.find(key) {
                self.packed_member(&mut at, meaning, &scope, walk, depth)?;
            }
        }
        Ok(())
    }

    fn packed_member(
        &mut self,
        reader: &mut Reader<'_>,
        meaning: &Meaning,
        scope: &Scope<'_>,
        walk: &mut Walk<'_>,
        depth: usize,
    ) -> Result<(), Malformed> {
        let here = *reader;
        let head = reader.head()?;
        let start = reader.at();
        let content = reader.take(head.bytes())?;
        if !meaning.later.is_empty() && meaning.claims.is_empty() && scope.is_top() {
            self.company |= Company::LATER;
        }
        match head {
            Head::Text(_) | Head::Binary(_) => {
                if meaning.origin && scope.is_top() && content == b"seismolog" {
                    self.own = true;
                }
                self.signs(content, Kind::Text, meaning);
                if msgpack::is_utf8(content) {
                    let value = json::Value::new(Kind::Text, start, reader.at());
                    let before = self.time_at.take();
                    for claim in claims(meaning, self.company).filter_map(|claim| scope.admitted(claim)) {
                        self.claim(walk.bytes, value, claim, walk.context);
                    }
                    if self.time_at.is_some() {
                        self.time_at = Some(copied(content, walk.arena));
                    }
                    self.time_at = self.time_at.or(before);
                    if let Some(part) = meaning.part {
                        self.part = Some((part, copied(content, walk.arena)));
                        self.company |= Company::PART_OF_TIME;
                    }
                }
            }
            Head::Integer(_) | Head::Float(_) => self.number(head, meaning, scope, walk),
            Head::Array(_) | Head::Map(_) => {
                *reader = here;
                reader.skip()?;
                let kind = if matches!(head, Head::Map(_)) { Kind::Object } else { Kind::Array };
                self.signs(&[], kind, meaning);
                let inside = scope.inside(meaning);
                if kind == Kind::Object && meaning.leads_inside() && inside.is_reached() && depth < DEEPEST {
                    let (mut nested, mut reader) = (Self::default(), here);
                    nested.map(&mut reader, &inside, walk, depth + 1)?;
                    self.take_better(&nested);
                }
                if let Head::Array(length) = head
                    && length > 0
                    && depth < DEEPEST
                {
                    let mut reader = here;
                    reader.head()?;
                    self.packed_array((reader, length), meaning, scope, walk, depth)?;
                }
            }
            _ => {}
        }
        if meaning.annotation && scope.is_top() {
            self.annotation = match head {
                Head::Array(length) => Annotation::Array { close: reader.at() as u32, empty: length == 0 },
                _ => Annotation::Unfit,
            };
        }
        Ok(())
    }

    /// A number in one of the members where a role is looked for, as text in the arena.
    fn number(&mut self, head: Head, meaning: &Meaning, scope: &Scope<'_>, walk: &mut Walk<'_>) {
        let start = walk.arena.len();
        match head {
            Head::Integer(number) => drop(write!(walk.arena, "{number}")),
            Head::Float(number) if number.is_finite() => drop(write!(walk.arena, "{number}")),
            _ => return,
        }
        let value = json::Value::new(Kind::Number, start, walk.arena.len());
        self.signs(value.of(walk.arena), Kind::Number, meaning);
        let mut used = meaning.part.is_some();
        if let Some(part) = meaning.part {
            self.part = Some((part, value));
            self.company |= Company::PART_OF_TIME;
        }
        for claim in claims(meaning, self.company).filter_map(|claim| scope.admitted(claim)) {
            let before = self.ranks[claim.role as usize];
            self.claim(walk.arena, value, claim, walk.context);
            if self.ranks[claim.role as usize] != before
                && let Some(slot) = self.slots.get_mut(claim.role as usize)
            {
                slot.in_arena = true;
                used = true;
            }
        }
        used |= self.time_at.is_some_and(|at| at.start() == start);
        if !used {
            walk.arena.truncate(start);
        }
    }

    /// Looks again at what was undecided in the map at `reader`.
    #[cold]
    fn settle_map(&mut self, reader: Reader<'_>, names: &Names, walk: &mut Walk<'_>) -> Result<(), Malformed> {
        if self.wants_another_walk() {
            // With the company known, names that mean something there are claimed as all others.
            let company = self.company;
            let mut again = Self::default();
            again.company = company;
            again.map(&mut { reader }, &Scope::top(names), walk, 0)?;
            (again.annotation, again.own) = (self.annotation, self.own);
            *self = again;
        }
        if self.company.has(Company::PART_OF_TIME) {
            self.complete_time(walk.arena);
        }
        self.settle_level();
        let message = &mut self.slots[Role::Message as usize];
        if self.company.has(Company::BYTES)
            && !self.company.has(Company::ENVELOPE)
            && message.in_arena
            && message.form == Form::Text
        {
            // Elsewhere such an array is no text.
            *message = Slot::default();
        }
        let slot = self.slots[Role::Duration as usize];
        if self.unit_is_open && slot.form != Form::Absent {
            let raw = slot.of(walk.bytes, walk.arena).to_vec();
            self.settle_unit(&raw, false);
        }
        Ok(())
    }
}

/// The claims of a name in this company.
fn claims(meaning: &Meaning, company: Company) -> impl Iterator<Item = Claim> {
    let later = meaning.later.iter().filter(move |(of, _)| company.has(*of)).map(|(_, claim)| *claim);
    meaning.claims.iter().copied().chain(later)
}

/// The text of a key, or none where it is none; the reader then stands at the value.
#[inline]
fn key_here<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let mut key = *reader;
    match key.head()? {
        Head::Text(length) | Head::Binary(length) => {
            let text = key.take(length)?;
            *reader = key;
            Ok(Some(text))
        }
        _ => {
            reader.skip()?;
            Ok(None)
        }
    }
}

/// Looks at the map of `record`.
pub(super) fn parse_record(
    bytes: &[u8],
    arena: &mut Vec<u8>,
    record: &Record,
    names: &Names,
    context: &mut TimeContext,
    parsed: &mut ParsedEvent,
) {
    let (start, end) = (record.span.start as usize, record.span.end());
    let mut reader = Reader::new(&bytes[..end], start);
    let mut found = RoleMatches::default();
    let length = match Reader::new(&bytes[..end], start).head() {
        Ok(Head::Map(length)) => length,
        _ => usize::MAX,
    };
    let mut walk = Walk { bytes, arena, context };
    let whole = found.map(&mut reader, &Scope::top(names), &mut walk, 0).is_ok() && reader.at() == end;
    let undecided = whole && !found.company.is_empty();
    let whole = whole && !(undecided && found.settle_map(Reader::new(&bytes[..end], start), names, &mut walk).is_err());
    if !whole || length == usize::MAX {
        *parsed = ParsedEvent { fault: Some(Fault::NotAnObject), ..ParsedEvent::default() };
        return;
    }
    found.time = found.time.or_else(|| lead_time(&bytes[start - record.lead as usize..start]));
    parsed.shape = if found.own && found.annotation != Annotation::Absent { Shape::Own } else { Shape::Json };
    parsed.insert =
        InsertPoint { open: start as u32, close: (end - 1) as u32, empty: length == 0, annotation: found.annotation };
    found.give(parsed);
}

/// The time in front of a record: a number of seconds, an EventTime, or either in an array with
/// metadata.
#[must_use]
pub fn lead_time(lead: &[u8]) -> Option<Timestamp> {
    let mut reader = Reader::new(lead, 0);
    let mut head = reader.head().ok()?;
    if matches!(head, Head::Array(length) if length > 0) {
        head = reader.head().ok()?;
    }
    match head {
        Head::Integer(seconds) if seconds > 0 => i64::try_from(seconds).ok()?.checked_mul(1_000_000_000).map(Timestamp),
        Head::Float(seconds) if (1.0..9e9).contains(&seconds) => Some(Timestamp((seconds * 1e9) as i64)),
        Head::Extension(kind, length) => transcode::event_time(kind, reader.take(length).ok()?),
        _ => None,
    }
}

/// The member of this name in the map `bytes`, the last of its name; then the path into nested
/// maps.
pub(super) fn member_of<'a>(bytes: &'a [u8], name: &str) -> Option<Value<'a>> {
    let place = place_of(Reader::new(bytes, 0), name.as_bytes()).or_else(|| {
        let (mut rest, mut map) = (name, Reader::new(bytes, 0));
        loop {
            let (first, after) = rest.split_once('.')?;
            map = place_of(map, first.as_bytes())?;
            if let Some(place) = place_of(map, after.as_bytes()) {
                return Some(place);
            }
            rest = after;
        }
    });
    value_at(place?)
}

/// Where the last value of this name in the map at `reader` stands.
fn place_of<'a>(mut reader: Reader<'a>, name: &[u8]) -> Option<Reader<'a>> {
    let Head::Map(length) = reader.head().ok()? else { return None };
    let mut last = None;
    for _ in 0..length {
        if key_here(&mut reader).ok()? == Some(name) {
            last = Some(reader);
        }
        reader.skip().ok()?;
    }
    last
}

fn value_at(mut reader: Reader<'_>) -> Option<Value<'_>> {
    let here = reader;
    Some(match reader.head().ok()? {
        Head::Nil => Value::Null,
        Head::Bool(truth) => Value::Bool(truth),
        Head::Integer(number) => Value::Number(Cow::Owned(number.to_string())),
        Head::Float(number) if number.is_finite() => Value::Number(Cow::Owned(number.to_string())),
        Head::Float(_) => Value::Null,
        Head::Text(length) | Head::Binary(length) => Value::Text(String::from_utf8_lossy(reader.take(length).ok()?)),
        Head::Extension(..) | Head::Array(_) | Head::Map(_) => {
            let (mut out, mut reader) = (Vec::new(), here);
            transcode::to_json(&mut reader, 0, &mut out).ok()?;
            let text = String::from_utf8(out).ok()?;
            if text.starts_with('"') { Value::Text(Cow::Owned(text)) } else { Value::Nested(Cow::Owned(text)) }
        }
    })
}

/// Calls `each` with every key of the map `bytes`.
pub(super) fn each_key(bytes: &[u8], mut each: impl FnMut(&[u8])) {
    let mut reader = Reader::new(bytes, 0);
    let Ok(Head::Map(length)) = reader.head() else { return };
    for _ in 0..length {
        match key_here(&mut reader) {
            Ok(Some(key)) => each(key),
            Ok(None) => {}
            Err(Malformed) => return,
        }
        if reader.skip().is_err() {
            return;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
