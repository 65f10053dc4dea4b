//! What stands inside of members: paths of names, objects that hold what a program said, lists of
//! one record, and lists of pairs of key and value.

use super::super::Span;
use super::super::json::{self, Kind, Malformed, NextMember, Value};
use super::super::parsed::{Form, Slot};
use super::super::roles::{Claim, Company, Container, How, Meaning, Names, Role};
use super::super::time::TimeContext;
use super::{RoleMatches, Seen, last_of_each};

/// Objects in objects that are looked into.
const DEEPEST: u8 = 6;
/// Ranks by which what a program added to an event is behind what is outside.
const BEHIND: u16 = 512;
/// The same for a whole record of a program: its words are worth more than those of its envelope
/// that are further down in a role's list.
const BEHIND_SAME_NAME: u16 = 1;

/// Which names mean something in an object, and how much.
#[derive(Clone, Copy, Debug)]
pub(in crate::event) struct Scope<'a> {
    /// The names of the top level.
    root: &'a Names,
    /// The names that paths lead to.
    below: Option<&'a Names>,
    /// The roles that these can be.
    admits: Container,
    /// By how much their ranks are worse.
    behind: u16,
    /// The roles that names of the top level can be.
    container: Container,
    depth: u8,
}

impl<'a> Scope<'a> {
    /// Of an event's own members.
    #[inline]
    pub(in crate::event) fn top(root: &'a Names) -> Self {
        Self { root, below: Some(root), admits: Container::RECORD, behind: 0, container: Container::NONE, depth: 0 }
    }

    /// True for an event's own members.
    #[inline]
    pub(in crate::event) fn is_top(&self) -> bool {
        self.depth == 0
    }

    /// Of the members of a member that means this.
    pub(in crate::event) fn inside(&self, meaning: &'a Meaning) -> Self {
        let container = match meaning.container.is_empty() {
            true => Container::NONE,
            false => meaning.container.within(self.admits),
        };
        Self { below: meaning.nested.as_deref(), container, depth: self.depth + 1, ..*self }
    }

    /// True when it is not deeper than is looked into.
    pub(in crate::event) fn is_reached(&self) -> bool {
        self.depth <= DEEPEST
    }

    /// What a key means in here, with the mark of its name, and the scope of that meaning.
    #[inline]
    pub(in crate::event) fn find(&self, key: &[u8]) -> Option<(u32, &'a Meaning, Self)> {
        if let Some(below) = self.below {
            let named = below.named(key);
            if let Some(meaning) = below.meaning(named) {
                return Some((named.mark, meaning, *self));
            }
        }
        if self.container.is_empty() {
            return None;
        }
        let named = self.root.named(key);
        let behind = if self.container == Container::RECORD { BEHIND_SAME_NAME } else { BEHIND };
        let scope = Self { admits: self.container, behind: self.behind.saturating_add(behind), ..*self };
        self.root.meaning(named).map(|meaning| (named.mark + 512, meaning, scope))
    }

    /// The claim as it counts in here.
    #[inline]
    pub(in crate::event) fn admitted(&self, claim: Claim) -> Option<Claim> {
        if self.behind == 0 {
            return Some(claim);
        }
        // What is a number of many meanings outside says nothing inside.
        let is_vague = self.behind >= BEHIND && matches!(claim.how, How::HttpCode | How::NotHttpCode | How::Id);
        (self.admits.holds(claim.role) && !is_vague)
            .then(|| Claim { rank: claim.rank.saturating_add(self.behind).min(u16::MAX - 1), ..claim })
    }
}

impl RoleMatches {
    /// What is in the object `value`. A malformed nested object makes the whole event malformed.
    pub(super) fn nested(
        &mut self,
        text: &[u8],
        value: Value,
        scope: &Scope<'_>,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        if !scope.is_reached() {
            return Ok(());
        }
        let mut nested = Self::default();
        nested.walk(&text[..value.end()], value.start(), scope, context)?;
        self.take_better(&nested);
        Ok(())
    }

    fn walk(
        &mut self,
        text: &[u8],
        start: usize,
        scope: &Scope<'_>,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        let mut seen = Seen::default();
        let mut at = start + 1;
        loop {
            let name = match json::next_name(text, at, at == start + 1)? {
                NextMember::Close(_) => return Ok(()),
                NextMember::Name(name) if name.is_escaped => return self.walk_exactly(text, start, scope, context),
                NextMember::Name(name) => name,
            };
            let value = json::value(text, name.value)?;
            at = value.next();
            let Some((mark, meaning, scope_of_it)) = scope.find(&text[name.start..name.end]) else { continue };
            if seen.again(mark) {
                return self.walk_exactly(text, start, scope, context);
            }
            self.telling_member(text, value, meaning, &scope_of_it, context)?;
        }
    }

    /// The same with keys unescaped and, of members with one name, only the last.
    #[cold]
    fn walk_exactly(
        &mut self,
        text: &[u8],
        start: usize,
        scope: &Scope<'_>,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        *self = Self::default();
        let (all, _) = last_of_each(text, start, |key| scope.find(key).is_some())?;
        for (key, member) in &all {
            if let Some((_, meaning, scope)) = scope.find(key) {
                self.telling_member(text, member.value(), meaning, &scope, context)?;
            }
        }
        Ok(())
    }

    /// What is in an array: the one record of a list, pairs of key and value, or a message as
    /// bytes.
    pub(super) fn array(
        &mut self,
        text: &[u8],
        value: Value,
        meaning: &Meaning,
        scope: &Scope<'_>,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        let first = json::skip_space(text, value.start() + 1);
        match text.get(first) {
            Some(b'{') if meaning.pairs => {
                let inside = scope.inside(meaning);
                let mut at = first;
                while inside.is_reached() && text.get(at) == Some(&b'{') {
                    let element = json::value(text, at)?;
                    self.pair(text, element, &inside, context)?;
                    at = json::skip_space(text, element.end());
                    at = json::skip_space(text, at + 1);
                }
                Ok(())
            }
            Some(b'{') if meaning.leads_inside() => {
                let element = json::value(text, first)?;
                let is_only = json::skip_space(text, element.end()) + 1 == value.end();
                if is_only { self.nested(text, element, &scope.inside(meaning), context) } else { Ok(()) }
            }
            Some(b'0'..=b'9') => {
                self.bytes(text, value, meaning, scope);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `{"key": "service.name", "value": {"stringValue": "shop"}}`, as OpenTelemetry writes
    /// attributes.
    fn pair(
        &mut self,
        text: &[u8],
        pair: Value,
        scope: &Scope<'_>,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        let Some(key) = member(text, pair, &[b"key", b"Key"])? else { return Ok(()) };
        let Some(outer) = member(text, pair, &[b"value", b"Value"])? else { return Ok(()) };
        let value = match outer.kind {
            Kind::Object => member(text, outer, &json::SCALARS)?,
            _ => Some(outer),
        };
        let (Some(value), Kind::Text) = (value, key.kind) else { return Ok(()) };
        match scope.find(key.of(text)) {
            Some((_, meaning, scope)) if !matches!(value.kind, Kind::Object | Kind::Array) => {
                self.telling_member(text, value, meaning, &scope, context)
            }
            _ => Ok(()),
        }
    }

    /// A message as an array of bytes, as journald writes what is not printable.
    fn bytes(&mut self, text: &[u8], value: Value, meaning: &Meaning, scope: &Scope<'_>) {
        let Some(claim) = meaning.claims.iter().find(|claim| claim.role == Role::Message) else { return };
        let Some(claim) = scope.admitted(*claim) else { return };
        let role = Role::Message as usize;
        let array = &text[value.start() + 1..value.end() - 1];
        if claim.rank < self.ranks[role] && numbers(array).all(|number| number.is_some()) {
            self.ranks[role] = claim.rank;
            let span = Span::new(value.start(), value.end());
            self.slots[role] = Slot { span, form: Form::Text, in_arena: false };
            self.company |= Company::BYTES;
        }
    }

    /// Puts a message that is an array of bytes into the arena, as the text that it is.
    #[inline]
    pub(in crate::event) fn decode_message(&mut self, bytes: &[u8], arena: &mut Vec<u8>) {
        if self.company.has(Company::BYTES) {
            self.decode(bytes, arena);
        }
    }

    #[cold]
    fn decode(&mut self, bytes: &[u8], arena: &mut Vec<u8>) {
        let slot = &mut self.slots[Role::Message as usize];
        let array = slot.span.of(bytes);
        // Another name may have been better, and elsewhere such an array is no text.
        if slot.in_arena || !array.starts_with(b"[") || !array.ends_with(b"]") {
            return;
        }
        if !self.company.has(Company::ENVELOPE) {
            *slot = Slot::default();
            return;
        }
        let plain: Vec<u8> = numbers(&array[1..array.len() - 1]).flatten().collect();
        let start = arena.len();
        arena.extend_from_slice(String::from_utf8_lossy(&plain).as_bytes());
        *slot = Slot { span: Span::new(start, arena.len()), form: Form::Text, in_arena: true };
    }
}

/// The bytes of an array's inside; none for what is no byte.
fn numbers(array: &[u8]) -> impl Iterator<Item = Option<u8>> {
    array.split(|byte| *byte == b',').map(|number| std::str::from_utf8(number).ok()?.trim().parse().ok())
}

/// The value of the first member of an object that has one of these names.
fn member(text: &[u8], object: Value, names: &[&[u8]]) -> Result<Option<Value>, Malformed> {
    let mut members = json::Members::new(text, object.start())?;
    while let Some(member) = members.advance()? {
        if names.contains(&&text[member.key_start..member.key_end]) {
            return Ok(Some(member.value()));
        }
    }
    Ok(None)
}
