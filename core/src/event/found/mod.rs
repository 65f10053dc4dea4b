//! Which member or captured field of one line is which role: the best claim to each.

mod fits;
mod inside;
mod prefixes;
mod settle;
#[cfg(test)]
mod tests;
mod text_line;

use super::json::{self, Kind, Lead, Malformed, Member, Members, NextMember, Value};
use super::parsed::{Annotation, Form, ParsedEvent, Slot};
use super::roles::{Claim, Company, How, Meaning, Names, Role, SignKind, TimePart, Unit};
use super::time::{TimeContext, Timestamp};
use super::unescape::unescape_into;
use super::{Level, Span};
pub(super) use fits::is_status;
pub(super) use inside::Scope;
pub(super) use prefixes::{KeyPrefixCache, Seen};

/// The roles found so far in one object or line, the best claim to each.
#[derive(Debug)]
pub(super) struct RoleMatches {
    pub(super) slots: [Slot; Role::PLACED],
    pub(super) time: Option<Timestamp>,
    pub(super) level: Option<Level>,
    pub(super) unit: Unit,
    pub(super) annotation: Annotation,
    pub(super) ranks: [u16; Role::COUNT],
    pub(super) own: bool,
    /// Signs of who wrote it.
    pub(super) company: Company,
    /// Nobody may have chosen the level: an envelope has one anyway.
    pub(super) level_is_default: bool,
    /// How the level that is a number was written; `u16::MAX` for a word.
    level_number: u16,
    /// How the level was read.
    level_how: How,
    /// The unit of the duration's number is its encoder's.
    pub(super) unit_is_open: bool,
    /// How the time was read, and where it stands if its zone is elsewhere.
    time_how: How,
    pub(super) time_at: Option<Value>,
    /// What completes the time.
    pub(super) part: Option<(TimePart, Value)>,
}

impl Default for RoleMatches {
    fn default() -> Self {
        Self {
            slots: [Slot::default(); Role::PLACED],
            time: None,
            level: None,
            unit: Unit::default(),
            annotation: Annotation::Absent,
            ranks: [u16::MAX; Role::COUNT],
            own: false,
            company: Company::NONE,
            level_is_default: false,
            level_number: u16::MAX,
            level_how: How::Plain,
            unit_is_open: false,
            time_how: How::Plain,
            time_at: None,
            part: None,
        }
    }
}

impl RoleMatches {
    /// Walks the object at `start`; where its closing brace is.
    #[inline]
    pub(super) fn object(
        &mut self,
        text: &[u8],
        start: usize,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        self.object_like(text, (start, text.len()), names, &mut KeyPrefixCache::default(), context)
    }

    /// The same for an object of the stream, whose members most often are those of the last ones;
    /// all of it is before `end` in `text`.
    #[inline]
    pub(super) fn object_like(
        &mut self,
        text: &[u8],
        (start, end): (usize, usize),
        names: &Names,
        prefixes: &mut KeyPrefixCache,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        let close = self.members((text, start, end), names, prefixes, context)?;
        if !self.company.is_empty() {
            self.settle((&text[..end], start), names, context)?;
        }
        Ok(close)
    }

    #[inline(always)]
    fn members(
        &mut self,
        (text, start, end): (&[u8], usize, usize),
        names: &Names,
        prefixes: &mut KeyPrefixCache,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        if text.get(start) != Some(&b'{') {
            return Err(Malformed);
        }
        let mut seen = Seen::default();
        let (mut last, mut at) = (KeyPrefixCache::START, start + 1);
        loop {
            let &(ref lead, mut named) = prefixes.behind(last);
            let value = match lead.end(text, at) {
                Some(value) => value,
                None => match json::next_name(&text[..end], at, last == KeyPrefixCache::START)? {
                    NextMember::Close(close) => return Ok(close),
                    // It can be one that was there before.
                    NextMember::Name(name) if name.is_escaped => {
                        return self.object_exactly(&text[..end], start, names, context);
                    }
                    NextMember::Name(name) => {
                        named = names.named(&text[name.start..name.end]);
                        prefixes.learn(last, Lead::of(text, at, &name), named);
                        name.value
                    }
                },
            };
            let value = json::value_within(text, end, value)?;
            (last, at) = (KeyPrefixCache::after(named), value.next());
            let Some(meaning) = names.meaning(named) else { continue };
            if seen.again(named.mark) {
                return self.object_exactly(&text[..end], start, names, context);
            }
            self.member(text, value, meaning, names, context)?;
        }
    }

    /// The same with keys unescaped and, of members with one name, only the last. Rare, so it may
    /// allocate.
    #[cold]
    fn object_exactly(
        &mut self,
        text: &[u8],
        start: usize,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        *self = Self::default();
        let mut annotations = 0;
        let (all, close) = last_of_each(text, start, |key| {
            let meaning = names.find(key);
            annotations += usize::from(meaning.is_some_and(|meaning| meaning.annotation));
            meaning.is_some()
        })?;
        for (key, member) in &all {
            if let Some(meaning) = names.find(key) {
                self.member(text, member.value(), meaning, names, context)?;
            }
        }
        if annotations > 1 {
            self.annotation = Annotation::Unfit;
        }
        Ok(close)
    }

    #[inline(always)]
    fn member(
        &mut self,
        text: &[u8],
        value: Value,
        meaning: &Meaning,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        match meaning.sole {
            Some(claim) if !matches!(value.kind, Kind::Object | Kind::Array) => {
                self.claim(text, value, claim, context);
                Ok(())
            }
            _ => self.telling_member(text, value, meaning, &Scope::top(names), context),
        }
    }

    /// The same where there is more to its name than one claim.
    #[inline(never)]
    pub(super) fn telling_member(
        &mut self,
        text: &[u8],
        value: Value,
        meaning: &Meaning,
        scope: &Scope<'_>,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        for &claim in &meaning.claims {
            if let Some(claim) = scope.admitted(claim) {
                self.claim(text, value, claim, context);
            }
        }
        if !meaning.later.is_empty() && meaning.claims.is_empty() && scope.is_top() {
            self.company |= Company::LATER;
        }
        self.signs(value.of(text), value.kind, meaning);
        if let Some(part) = meaning.part {
            self.part = Some((part, value));
            self.company |= Company::PART_OF_TIME;
        }
        match value.kind {
            Kind::Object if meaning.leads_inside() => self.nested(text, value, &scope.inside(meaning), context)?,
            Kind::Array => self.array(text, value, meaning, scope, context)?,
            _ => {}
        }
        if meaning.annotation && scope.is_top() {
            self.annotation = match value.kind {
                Kind::Array => {
                    let close = value.end() - 1;
                    let empty = json::skip_space(text, value.start() + 1) == close;
                    Annotation::Array { close: close as u32, empty }
                }
                _ => Annotation::Unfit,
            };
        }
        if meaning.origin && scope.is_top() && value.of(text) == b"seismolog" {
            self.own = true;
        }
        Ok(())
    }

    /// Notes what a member tells of who wrote the record.
    #[inline]
    pub(super) fn signs(&mut self, value: &[u8], kind: Kind, meaning: &Meaning) {
        let Some((wanted, company)) = meaning.sign else { return };
        let is_sign = match wanted {
            SignKind::Any => true,
            SignKind::Object => kind == Kind::Object,
            SignKind::Number => kind == Kind::Number,
            SignKind::EpochSeconds => {
                kind == Kind::Number && value.get(10) == Some(&b'.') && value[..10].iter().all(u8::is_ascii_digit)
            }
        };
        if is_sign {
            self.company |= company;
        }
    }

    #[inline(always)]
    pub(super) fn claim(&mut self, text: &[u8], value: Value, claim: Claim, context: &mut TimeContext) {
        if claim.rank >= self.ranks[claim.role as usize]
            || !claim.role.takes(value.kind)
            || value.start() == value.end()
        {
            return;
        }
        if fits::plainly(value.of(text), value.kind, claim) {
            if claim.role == Role::Duration {
                (self.unit, self.unit_is_open) = (claim.unit, false);
            }
            self.take(value, claim);
        } else {
            self.claim_if_it_fits(text, value, claim, context);
        }
    }

    #[inline(always)]
    fn take(&mut self, value: Value, claim: Claim) {
        self.ranks[claim.role as usize] = claim.rank;
        if let Some(slot) = self.slots.get_mut(claim.role as usize) {
            let span = Span::new(value.start(), value.end());
            *slot = Slot { span, form: form(value.kind), in_arena: false };
        }
    }

    /// Takes from `other`, found one level down, what outranks what is here.
    pub(super) fn take_better(&mut self, other: &Self) {
        self.company |= other.company;
        self.part = self.part.or(other.part);
        for role in Role::ALL {
            let i = role as usize;
            if other.ranks[i] >= self.ranks[i] {
                continue;
            }
            self.ranks[i] = other.ranks[i];
            match role {
                Role::Timestamp => {
                    (self.time, self.time_how, self.time_at) = (other.time, other.time_how, other.time_at);
                }
                Role::Level => {
                    self.level = other.level;
                    self.level_is_default = other.level_is_default;
                    (self.level_number, self.level_how) = (other.level_number, other.level_how);
                }
                _ => self.slots[i] = other.slots[i],
            }
            if role == Role::Duration {
                (self.unit, self.unit_is_open) = (other.unit, other.unit_is_open);
            }
        }
    }

    pub(super) fn give(&self, parsed: &mut ParsedEvent) {
        parsed.slots = self.slots;
        parsed.time = self.time;
        parsed.level = self.level;
        parsed.unit = self.unit;
        parsed.level_is_default = self.level_is_default && self.level.is_some();
        parsed.is_envelope = self.company.has(Company::ENVELOPE);
    }
}

/// Members with their keys unescaped.
type Unescaped = Vec<(Vec<u8>, Member)>;

/// The members of the object at `start` with their keys unescaped, of one name the last, as far as
/// their keys are `wanted`; and where its closing brace is.
fn last_of_each(
    text: &[u8],
    start: usize,
    mut wanted: impl FnMut(&[u8]) -> bool,
) -> Result<(Unescaped, usize), Malformed> {
    let mut members = Members::new(text, start)?;
    let mut all = Unescaped::new();
    while let Some(member) = members.advance()? {
        let mut key = Vec::new();
        unescape_into(&text[member.key_start..member.key_end], &mut key);
        if wanted(&key) {
            all.retain(|(known, _)| *known != key);
            all.push((key, member));
        }
    }
    Ok((all, members.closed_at().ok_or(Malformed)?))
}

/// How a role's value of this kind is written.
#[inline]
fn form(kind: Kind) -> Form {
    match kind {
        Kind::Number => Form::Number,
        Kind::Escaped => Form::Escaped,
        _ => Form::Text,
    }
}
