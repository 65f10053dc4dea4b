//! What stands in the arrays of a packed record: pairs of key and value, the one record of a list,
//! a message as bytes.

use super::super::Span;
use super::super::found::{RoleMatches, Scope};
use super::super::json::{self, Kind};
use super::super::msgpack::{Head, Malformed, Reader};
use super::super::parsed::{Form, Slot};
use super::super::roles::{Company, Meaning, Role};
use super::{Walk, place_of};

impl RoleMatches {
    /// What is in an array, before whose first element the reader stands: pairs of key and value,
    /// the one record of a list, or a message as bytes.
    pub(super) fn packed_array(
        &mut self,
        (mut reader, length): (Reader<'_>, usize),
        meaning: &Meaning,
        scope: &Scope<'_>,
        walk: &mut Walk<'_>,
        depth: usize,
    ) -> Result<(), Malformed> {
        let inside = scope.inside(meaning);
        let first = { reader }.head()?;
        match first {
            Head::Map(_) if meaning.pairs && inside.is_reached() => {
                for _ in 0..length {
                    self.packed_pair(reader, &inside, walk, depth)?;
                    reader.skip()?;
                }
            }
            Head::Map(_) if meaning.leads_inside() && inside.is_reached() && length == 1 => {
                let mut nested = Self::default();
                nested.map(&mut reader, &inside, walk, depth + 1)?;
                self.take_better(&nested);
            }
            Head::Integer(_) => {
                let claim = meaning.claims.iter().find(|claim| claim.role == Role::Message);
                let Some(claim) = claim.and_then(|claim| scope.admitted(*claim)) else { return Ok(()) };
                if claim.rank < self.ranks[Role::Message as usize]
                    && let Some(text) = bytes_of(reader, length)
                {
                    self.ranks[Role::Message as usize] = claim.rank;
                    let value = copied(String::from_utf8_lossy(&text).as_bytes(), walk.arena);
                    let span = Span::new(value.start(), value.end());
                    self.slots[Role::Message as usize] = Slot { span, form: Form::Text, in_arena: true };
                    self.company |= Company::BYTES;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// `{key: "service.name", value: {stringValue: "shop"}}`, as OpenTelemetry writes attributes.
    fn packed_pair(
        &mut self,
        pair: Reader<'_>,
        scope: &Scope<'_>,
        walk: &mut Walk<'_>,
        depth: usize,
    ) -> Result<(), Malformed> {
        let first = |names: &[&[u8]], map| names.iter().find_map(|name| place_of(map, name));
        let (Some(mut key), Some(value)) = (first(&[b"key", b"Key"], pair), first(&[b"value", b"Value"], pair)) else {
            return Ok(());
        };
        let outer = { value }.head()?;
        let value = match outer {
            Head::Map(_) => first(&json::SCALARS, value),
            _ => Some(value),
        };
        let (Head::Text(length), Some(mut value)) = (key.head()?, value) else { return Ok(()) };
        let head = { value }.head()?;
        match (scope.find(key.take(length)?), head) {
            (_, Head::Map(_) | Head::Array(_)) | (None, _) => Ok(()),
            (Some((_, meaning, scope)), _) => self.packed_member(&mut value, meaning, &scope, walk, depth + 1),
        }
    }
}

/// Text in the arena, where what completes a time is looked for.
pub(super) fn copied(text: &[u8], arena: &mut Vec<u8>) -> json::Value {
    let start = arena.len();
    arena.extend_from_slice(text);
    json::Value::new(Kind::Text, start, arena.len())
}

/// The bytes that are the elements of an array; none if one of them is no byte.
fn bytes_of(mut reader: Reader<'_>, length: usize) -> Option<Vec<u8>> {
    (0..length)
        .map(|_| match reader.head() {
            Ok(Head::Integer(byte)) => u8::try_from(byte).ok(),
            _ => None,
        })
        .collect()
}
