//! The pure stage: what one line says of itself, found without any memory of other lines.
//!
//! The one exception is the year of times written without one, which [`TimeContext`] rolls over from December to
//! January as lines pass. Everything else is a function of the line, so this stage can run on a thread of its own.

use super::json::{self, Kind, Malformed, Member, Members};
use super::layout::{self, Laid};
use super::roles::{Claim, Names, Role, Unit};
use super::time::{TimeContext, Timestamp, time_number, time_text};
use super::unescape::unescape_into;
use super::{Batch, Encoding, Fault, Level, Record, Span, inner, text};
use xxhash_rust::xxh3::xxh3_64;

/// What a record's bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Passes unanalysed: a piece of a long line, invalid UTF-8, malformed JSON.
    #[default]
    Opaque,
    /// What follows of an over-long line: no event of its own.
    Rest,
    /// An empty line.
    Blank,
    /// An event that a seismolog upstream made itself; passes unanalysed.
    Own,
    /// A JSON object.
    Json,
    /// A line of text.
    Text,
}

/// How a role's value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The event does not have the role.
    #[default]
    Absent,
    /// Plain text.
    Text,
    /// The inside of a JSON string with escapes.
    Escaped,
    /// A number as written.
    Number,
}

/// Where a role's value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The bytes.
    pub span: Span,
    /// How they are written.
    pub form: Form,
    /// In the batch's arena, not in the bytes read.
    pub in_arena: bool,
}

/// The member that findings are written to, as the event came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Annotation {
    /// Not there.
    #[default]
    Absent,
    /// An array whose closing bracket is at this offset.
    Array {
        /// Offset of the bracket.
        close: u32,
        /// Nothing is in it.
        empty: bool,
    },
    /// Something else, or there twice: it is left alone.
    Unfit,
}

/// Where a member can be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joint {
    /// Offset of the object's closing brace, in the bytes read or, for text, in the arena.
    pub close: u32,
    /// The object has no member yet.
    pub empty: bool,
    /// The findings' member.
    pub annotation: Annotation,
}

/// What one line says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// What the bytes are.
    pub shape: Shape,
    /// What is wrong with them.
    pub fault: Option<Fault>,
    /// How bad the event says it is.
    pub level: Option<Level>,
    /// The unit of the duration's number.
    pub unit: Unit,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The other roles, by `Role as usize`.
    pub slots: [Slot; Role::PLACED],
    /// xxh3-64 of the message as written; 0 without one.
    pub message_hash: u64,
    /// xxh3-64 of the module; 0 without one.
    pub module_hash: u64,
    /// Of host, module and thread together; 0 without any.
    pub actor_hash: u64,
    /// A text line as one JSON object, in the arena.
    pub rendered: Span,
    /// Where findings go.
    pub joint: Joint,
}

/// Looks at records. Holds the tables of names and scratch space, and of the stream only the year clock.
#[derive(Debug)]
pub struct Looker {
    names: Names,
    annotation: String,
    context: TimeContext,
    laid: Laid,
    /// For the line inside a message.
    inner: Laid,
}

impl Looker {
    /// `names` is built for the same `annotation`, the member that findings are written to.
    #[must_use]
    pub fn new(names: Names, annotation: String, context: TimeContext) -> Self {
        Self { names, annotation, context, laid: Laid::default(), inner: Laid::default() }
    }

    /// Looks at every record of the batch that has no look yet. A panic on a record leaves it opaque and counted.
    pub fn look(&mut self, batch: &mut Batch) {
        let all_utf8 = simdutf8::basic::from_utf8(batch.data()).is_ok();
        let Batch { bytes, arena, records, looks, .. } = batch;
        looks.reserve(records.len() - looks.len());
        for record in &records[looks.len()..] {
            let kept = arena.len();
            let this = std::panic::AssertUnwindSafe((&mut *self, &mut *arena));
            let look = std::panic::catch_unwind(|| {
                let std::panic::AssertUnwindSafe((looker, arena)) = { this };
                looker.look_at(bytes, arena, record, all_utf8)
            });
            looks.push(look.unwrap_or_else(|_| {
                arena.truncate(kept);
                Look { fault: Some(Fault::Panic), ..Look::default() }
            }));
        }
    }

    #[inline]
    fn look_at(&mut self, bytes: &[u8], arena: &mut Vec<u8>, record: &Record, all_utf8: bool) -> Look {
        let line = record.span.of(bytes);
        let mut look = Look::default();
        match record.encoding {
            Encoding::Line => {}
            Encoding::Piece => {
                look.fault = Some(Fault::LineTooLong);
                return look;
            }
            Encoding::Rest => {
                look.shape = Shape::Rest;
                return look;
            }
        }
        if !all_utf8 && simdutf8::basic::from_utf8(line).is_err() {
            look.fault = Some(Fault::Utf8);
            return look;
        }
        let start = record.span.start as usize;
        let first = json::skip_space(line, 0);
        match line.get(first) {
            None => look.shape = Shape::Blank,
            Some(b'{') if matches!(line.get(json::skip_space(line, first + 1)), Some(b'"' | b'}') | None) => {
                if self.look_at_object(bytes, arena, (start + first, record.span.end()), &mut look).is_err() {
                    look = Look { fault: Some(Fault::Json), ..Look::default() };
                }
            }
            Some(_) if is_other_json(&line[first..]) => look.fault = Some(Fault::NotAnObject),
            Some(_) => self.look_at_text(bytes, arena, record.span, &mut look),
        }
        look.message_hash = hash_of(&look, bytes, arena, Role::Message);
        look.module_hash = hash_of(&look, bytes, arena, Role::Module);
        look.actor_hash = look.module_hash
            ^ hash_of(&look, bytes, arena, Role::Host).rotate_left(21)
            ^ hash_of(&look, bytes, arena, Role::Thread).rotate_left(42);
        look
    }

    fn look_at_object(
        &mut self,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        (start, end): (usize, usize),
        look: &mut Look,
    ) -> Result<(), Malformed> {
        let text = &bytes[..end];
        let mut found = Found::default();
        let close = found.object(text, start, &self.names, &mut self.context)?;
        if json::skip_space(text, close + 1) != end {
            return Err(Malformed);
        }
        look.shape = if found.own && found.annotation != Annotation::Absent { Shape::Own } else { Shape::Json };
        look.joint = Joint {
            close: close as u32,
            empty: json::skip_space(text, start + 1) == close,
            annotation: found.annotation,
        };
        found.give(look);
        if look.level.is_none() && look.shape == Shape::Json && look.slots[Role::Message as usize].form != Form::Absent
        {
            inner::look_into(&self.names, &mut self.context, &mut self.inner, bytes, arena, look);
        }
        Ok(())
    }

    fn look_at_text(&mut self, bytes: &[u8], arena: &mut Vec<u8>, span: Span, look: &mut Look) {
        let line = span.of(bytes);
        look.shape = Shape::Text;
        layout::read(line, &mut self.context, &mut self.laid);
        let mut found = Found::default();
        found.laid(line, span.start as usize, &self.laid, &self.names, &mut self.context);
        found.give(look);
        let json = line[self.laid.message.clone()].starts_with(b"{");
        if look.level.is_none() && (json || self.laid.layout == "cri") {
            inner::look_into(&self.names, &mut self.context, &mut self.inner, bytes, arena, look);
        }
        let start = arena.len();
        let unfit = text::render(line, &self.laid, look, &self.annotation, arena);
        look.rendered = Span::new(start, arena.len());
        let annotation = if unfit { Annotation::Unfit } else { Annotation::Absent };
        look.joint = Joint { close: (arena.len() - 1) as u32, empty: false, annotation };
    }
}

/// A whole JSON value that is no object. What only looks like one (`[notice] child found`) is text.
fn is_other_json(text: &[u8]) -> bool {
    match text.first() {
        Some(b'[') => text.trim_ascii_end().ends_with(b"]") && json::validate(text),
        Some(b'"') => text.trim_ascii_end().ends_with(b"\"") && json::validate(text),
        Some(b'-' | b'0'..=b'9') => {
            text.len() < 400 && text.last().is_some_and(u8::is_ascii_digit) && json::validate(text)
        }
        Some(b't' | b'f' | b'n') => matches!(text.trim_ascii_end(), b"true" | b"false" | b"null"),
        _ => false,
    }
}

#[inline]
fn hash_of(look: &Look, bytes: &[u8], arena: &[u8], role: Role) -> u64 {
    let slot = look.slots[role as usize];
    match slot.form {
        Form::Absent => 0,
        _ => xxh3_64(slot.span.of(if slot.in_arena { arena } else { bytes })),
    }
}

/// The roles found so far in one object or line, the best claim to each.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) slots: [Slot; Role::PLACED],
    pub(super) time: Option<Timestamp>,
    pub(super) level: Option<Level>,
    pub(super) unit: Unit,
    pub(super) annotation: Annotation,
    ranks: [u8; Role::COUNT],
    own: bool,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            slots: [Slot::default(); Role::PLACED],
            time: None,
            level: None,
            unit: Unit::default(),
            annotation: Annotation::Absent,
            ranks: [u8::MAX; Role::COUNT],
            own: false,
        }
    }
}

impl Found {
    /// Walks the object at `start`; where its closing brace is.
    #[inline]
    pub(super) fn object(
        &mut self,
        text: &[u8],
        start: usize,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        let mut members = Members::new(text, start)?;
        let mut seen = 0_u128;
        while let Some(member) = members.advance()? {
            let key = &text[member.key_start..member.key_end];
            if member.key_escaped {
                // A name can hide behind escapes, and be there a second time.
                return self.object_exactly(text, start, names, context);
            }
            let Some(meaning) = names.find(key) else { continue };
            let bit = 1_u128 << meaning.ordinal;
            if seen & bit != 0 {
                return self.object_exactly(text, start, names, context);
            }
            seen |= bit;
            self.member(text, key, &member, meaning, context)?;
        }
        members.closed_at().ok_or(Malformed)
    }

    /// The same with keys unescaped and, of members with one name, only the last. Rare, so it may allocate.
    #[cold]
    fn object_exactly(
        &mut self,
        text: &[u8],
        start: usize,
        names: &Names,
        context: &mut TimeContext,
    ) -> Result<usize, Malformed> {
        *self = Self { own: false, ..Self::default() };
        let mut members = Members::new(text, start)?;
        let mut all: Vec<(Vec<u8>, Member)> = Vec::new();
        let mut annotations = 0;
        while let Some(member) = members.advance()? {
            let mut key = Vec::new();
            unescape_into(&text[member.key_start..member.key_end], &mut key);
            let Some(meaning) = names.find(&key) else { continue };
            annotations += usize::from(meaning.annotation);
            all.retain(|(known, _)| *known != key);
            all.push((key, member));
        }
        let close = members.closed_at().ok_or(Malformed)?;
        for (key, member) in &all {
            if let Some(meaning) = names.find(key) {
                self.member(text, key, member, meaning, context)?;
            }
        }
        if annotations > 1 {
            self.annotation = Annotation::Unfit;
        }
        Ok(close)
    }

    #[inline]
    fn member(
        &mut self,
        text: &[u8],
        key: &[u8],
        member: &Member,
        meaning: &super::roles::Meaning,
        context: &mut TimeContext,
    ) -> Result<(), Malformed> {
        for &claim in &meaning.claims {
            self.claim(text, key, member, claim, context);
        }
        if let (Some(below), Kind::Object) = (&meaning.nested, member.kind) {
            let mut nested = Self::default();
            // A malformed nested object makes the whole event malformed.
            nested.object(text, member.start, below, context)?;
            self.take_better(&nested);
        }
        if meaning.annotation {
            self.annotation = match member.kind {
                Kind::Array => Annotation::Array {
                    close: (member.end - 1) as u32,
                    empty: json::skip_space(text, member.start + 1) == member.end - 1,
                },
                _ => Annotation::Unfit,
            };
        }
        if meaning.origin && &text[member.start..member.end] == b"seismolog" {
            self.own = true;
        }
        Ok(())
    }

    #[inline]
    fn claim(&mut self, text: &[u8], key: &[u8], member: &Member, claim: Claim, context: &mut TimeContext) {
        let role = claim.role;
        if claim.rank >= self.ranks[role as usize] || !role.takes(member.kind) {
            return;
        }
        let value = &text[member.start..member.end];
        let form = match member.kind {
            Kind::Number => Form::Number,
            Kind::Escaped => Form::Escaped,
            _ => Form::Text,
        };
        let fits = match role {
            Role::Timestamp => {
                let time = if form == Form::Number { time_number(value) } else { time_text(value, context) };
                self.time = time.or(self.time);
                time.is_some()
            }
            Role::Level => {
                let level = if form == Form::Escaped { None } else { Level::from_text(value) };
                self.level = level.or(self.level);
                level.is_some()
            }
            Role::Status => is_status(value),
            Role::ErrorCode => !(value.is_empty() || key == b"code" && is_status(value)),
            Role::Duration => {
                let fits = form == Form::Number || super::fields::duration_in_text(value).is_some();
                if fits {
                    self.unit = claim.unit;
                }
                fits
            }
            _ => !value.is_empty(),
        };
        if fits {
            self.ranks[role as usize] = claim.rank;
            if let Some(slot) = self.slots.get_mut(role as usize) {
                *slot = Slot { span: Span::new(member.start, member.end), form, in_arena: false };
            }
        }
    }

    /// Takes from `other`, found one level down, what outranks what is here.
    fn take_better(&mut self, other: &Self) {
        for role in Role::ALL {
            let i = role as usize;
            if other.ranks[i] >= self.ranks[i] {
                continue;
            }
            self.ranks[i] = other.ranks[i];
            match role {
                Role::Timestamp => self.time = other.time,
                Role::Level => self.level = other.level,
                _ => self.slots[i] = other.slots[i],
            }
            if role == Role::Duration {
                self.unit = other.unit;
            }
        }
    }

    /// What a layout captured of `line`, which begins at `base` in its buffer.
    pub(super) fn laid(&mut self, line: &[u8], base: usize, laid: &Laid, names: &Names, context: &mut TimeContext) {
        for captured in &laid.members {
            let key = match &captured.name {
                layout::Name::Known(name) => name.as_bytes(),
                layout::Name::Written(range) => &line[range.clone()],
            };
            let Some(meaning) = names.find(key) else { continue };
            let kind = match captured.form {
                layout::Form::Number => Kind::Number,
                layout::Form::Text => Kind::Text,
                layout::Form::Quoted => Kind::Escaped,
            };
            let member = Member {
                key_start: 0,
                key_end: 0,
                key_escaped: false,
                kind,
                start: captured.value.start,
                end: captured.value.end,
            };
            for &claim in &meaning.claims {
                if !matches!(claim.role, Role::Timestamp | Role::Level | Role::Message) {
                    self.claim_written(line, base, key, &member, claim, context);
                }
            }
        }
        self.time = laid.time;
        self.level = laid.level;
        self.slots[Role::Message as usize] = Slot {
            span: Span::new(base + laid.message.start, base + laid.message.end),
            form: if laid.message_form == layout::Form::Quoted { Form::Escaped } else { Form::Text },
            in_arena: false,
        };
    }

    /// As [`Self::claim`], for a text line's member: offsets are moved to the buffer's, and a written number is text
    /// where the role wants text (a module called `404`).
    fn claim_written(
        &mut self,
        line: &[u8],
        base: usize,
        key: &[u8],
        member: &Member,
        claim: Claim,
        context: &mut TimeContext,
    ) {
        let kind = if claim.role.takes(member.kind) { member.kind } else { Kind::Text };
        let before = self.ranks[claim.role as usize];
        self.claim(line, key, &Member { kind, ..*member }, claim, context);
        if self.ranks[claim.role as usize] != before
            && let Some(slot) = self.slots.get_mut(claim.role as usize)
        {
            slot.span.start += base as u32;
        }
    }

    fn give(&self, look: &mut Look) {
        look.slots = self.slots;
        look.time = self.time;
        look.level = self.level;
        look.unit = self.unit;
    }
}

/// An integer from 100 to 599.
#[inline]
fn is_status(value: &[u8]) -> bool {
    matches!(value, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'])
}
