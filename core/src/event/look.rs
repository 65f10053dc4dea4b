//! The pure stage: what one line says of itself, found without any memory of other lines.
//!
//! Two exceptions: the year of times written without one, which [`TimeContext`] rolls over from
//! December to January as lines pass, and lines that came in parts, which `parts` puts together.
//! Everything else is a function of the line, and of the batch's prefilter, so this stage can run
//! on a thread of its own.

use super::found::{Found, Leads};
use super::json::{self, Malformed};
use super::known::{KnownMessages, SECRET_BYTES};
use super::layout::{OwnLayout, TextReader};
use super::parts::Parts;
use super::roles::{Names, Role, Unit};
use super::skeleton::{Masks, Skeleton};
pub use super::slot::{Form, Slot};
use super::time::{TimeContext, Timestamp};
use super::unescape::unescape_into;
use super::{
    Batch, Charset, Encoding, Fault, Fields, Level, Prefilter, Record, Span, clean, inner, numbers, operation, packed,
    text, trace,
};
use std::sync::{Arc, Weak};
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
    /// Offset of the object's opening brace, in the same buffer.
    pub open: u32,
    /// Offset of the object's closing brace, in the bytes read or, for text, in the arena.
    pub close: u32,
    /// The object has no member yet.
    pub empty: bool,
    /// The findings' member.
    pub annotation: Annotation,
}

/// What one line says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// What the bytes are.
    pub shape: Shape,
    /// What is wrong with them.
    pub fault: Option<Fault>,
    /// How bad the event says it is.
    pub level: Option<Level>,
    /// Nobody may have chosen the level: it is an envelope's, which has one anyway.
    pub level_is_default: bool,
    /// A shipper or collector has wrapped what a program said.
    pub is_envelope: bool,
    /// The unit of the duration's number.
    pub unit: Unit,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// How long it took, in milliseconds; not a number where that is not said.
    pub duration_ms: f64,
    /// How it ended, 100 to 599; 0 when it does not say so.
    pub status: u16,
    /// The message may be a line that goes on with a trace, or that begins one.
    pub may_go_on: bool,
    /// There may be a trace in one field: it is at WARN or worse or without level, and has line
    /// ends.
    pub may_have_trace: bool,
    /// The other roles, by `Role as usize`.
    pub slots: [Slot; Role::PLACED],
    /// xxh3-64 of the message as written; 0 without one.
    pub message_hash: u64,
    /// The hash of the message's skeleton ([`super::skeleton`]); 0 without a message.
    pub skeleton: u64,
    /// xxh3-64 of the module; 0 without one.
    pub module_hash: u64,
    /// Of module and host together, in a way that [`Self::host_hash`] can take apart; 0 without
    /// any.
    pub place_hash: u64,
    /// Of module, host and thread together; 0 without any.
    pub actor_hash: u64,
    /// xxh3-64 of the operation without its query and without numbers and identifiers in its path;
    /// 0 without one.
    pub operation_hash: u64,
    /// The roles whose values no filter of a rule looks for, as bits by `Role as usize`; told for
    /// [`Batch::prefilter`] alone.
    pub idle: u16,
    /// A text line as one JSON object, in the arena.
    pub rendered: Span,
    /// A line of another encoding as UTF-8, in the arena: all places are of this; empty for UTF-8.
    pub decoded: Span,
    /// Where findings go.
    pub joint: Joint,
}

impl Default for Look {
    #[inline]
    fn default() -> Self {
        Self::NONE
    }
}

impl Look {
    /// Of what says nothing. A constant, for it is copied once an event.
    const NONE: Self = Self {
        shape: Shape::Opaque,
        fault: None,
        level: None,
        level_is_default: false,
        is_envelope: false,
        unit: Unit::Milliseconds,
        time: None,
        duration_ms: f64::NAN,
        status: 0,
        may_go_on: false,
        may_have_trace: false,
        slots: [Slot { span: Span { start: 0, len: 0 }, form: Form::Absent, in_arena: false }; Role::PLACED],
        message_hash: 0,
        skeleton: 0,
        module_hash: 0,
        place_hash: 0,
        actor_hash: 0,
        operation_hash: 0,
        idle: 0,
        rendered: Span { start: 0, len: 0 },
        decoded: Span { start: 0, len: 0 },
        joint: Joint { open: 0, close: 0, empty: false, annotation: Annotation::Absent },
    };

    /// Reads something of each of its cache lines, which another processor has written.
    #[inline]
    pub(crate) fn prefetch(&self) -> u64 {
        let slots = [&self.slots[3], &self.slots[8]].map(|slot| u64::from(slot.span.start));
        self.message_hash ^ self.operation_hash ^ slots[0] ^ slots[1] ^ u64::from(self.idle)
    }

    /// xxh3-64 of the host; 0 without one.
    #[inline]
    #[must_use]
    pub fn host_hash(&self) -> u64 {
        (self.place_hash ^ self.module_hash).rotate_right(21)
    }
}

/// Looks at records. Holds the tables of names and scratch space, and of the stream only the year
/// clock.
#[derive(Debug)]
pub struct Looker {
    names: Names,
    leads: Leads,
    annotation: String,
    context: TimeContext,
    reader: TextReader,
    /// For the line inside a message.
    inner: TextReader,
    skeleton: Skeleton,
    known: KnownMessages,
    /// Has said of known messages what is known of them.
    prefilter: Option<Weak<dyn Prefilter>>,
    parts: Parts,
    /// A line of the batch at hand says that it is a part.
    marked: bool,
    pub(super) charset: Charset,
    /// A line as UTF-8.
    pub(super) decoded: Vec<u8>,
    /// A message or an operation without its escapes.
    plain: Vec<u8>,
    /// An operation, masked.
    masked: Vec<u8>,
}

impl Looker {
    /// `names` is built for the same `annotation`, the member that findings are written to. Lines
    /// of others than oneself want [`Self::with_secret`].
    #[must_use]
    pub fn new(names: Names, annotation: String, context: TimeContext) -> Self {
        Self {
            leads: Leads::new(&names),
            names,
            annotation,
            context,
            reader: TextReader::default(),
            inner: TextReader::default(),
            skeleton: Skeleton::default(),
            known: KnownMessages::new([0; SECRET_BYTES]),
            prefilter: None,
            parts: Parts::default(),
            marked: false,
            charset: Charset::Auto,
            decoded: Vec::new(),
            plain: Vec::new(),
            masked: Vec::new(),
        }
    }

    /// Also masks what `masks` match when it makes skeletons of messages.
    #[must_use]
    pub fn with_masks(mut self, masks: Masks) -> Self {
        self.skeleton = Skeleton::new(masks);
        self.known.clear();
        self
    }

    /// Reads lines of text by these layouts before all others.
    #[must_use]
    pub fn with_layouts(mut self, layouts: &[OwnLayout]) -> Self {
        let layouts: Arc<[OwnLayout]> = layouts.into();
        (self.reader, self.inner) = (TextReader::new(layouts.clone()), TextReader::new(layouts));
        self
    }

    /// Remembers messages by hashes with this secret. What it finds does not depend on it; one that
    /// nobody can know keeps others from making messages that it would take for each other.
    #[must_use]
    pub fn with_secret(mut self, secret: [u8; SECRET_BYTES]) -> Self {
        self.known = KnownMessages::new(secret);
        self
    }

    /// Tells what the clock shows, for times without a year.
    pub fn set_present(&mut self, now: Timestamp) {
        self.context.set_present(now);
    }

    /// Looks at every record of the batch that has no look yet. A panic on a record leaves it
    /// opaque and counted.
    pub fn look(&mut self, batch: &mut Batch) {
        let all_utf8 = simdutf8::basic::from_utf8(batch.data()).is_ok();
        let first = batch.looks.len();
        self.look_for(batch.prefilter.as_ref());
        batch.looks.reserve(batch.records.len() - first);
        for i in first..batch.records.len() {
            let kept = batch.arena.len();
            batch.looks.push(Look::NONE);
            let mut is_looked_at = false;
            let this = std::panic::AssertUnwindSafe((&mut *self, &mut *batch, &mut is_looked_at));
            let survived = std::panic::catch_unwind(|| {
                let std::panic::AssertUnwindSafe((looker, batch, is_looked_at)) = { this };
                let Batch { bytes, arena, records, looks, .. } = batch;
                looker.look_at(bytes, arena, &records[i], all_utf8, &mut looks[i]);
                *is_looked_at = true;
                let idle = looker.idle(&batch.fields(i));
                batch.looks[i].idle = idle;
            });
            // What a prefilter did not survive the engine asks again, which knows what a panic in
            // rules means.
            if survived.is_err() && !is_looked_at {
                batch.arena.truncate(kept);
                batch.looks[i] = Look { fault: Some(Fault::Panic), ..Look::default() };
            }
        }
        let mut parts = std::mem::take(&mut self.parts);
        let marked = std::mem::take(&mut self.marked);
        parts.join(batch, first, marked, self);
        self.parts = parts;
    }

    #[inline]
    pub(super) fn look_at(
        &mut self,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        record: &Record,
        all_utf8: bool,
        look: &mut Look,
    ) {
        let line = record.span.of(bytes);
        match record.encoding {
            Encoding::Line => {}
            Encoding::Piece => {
                look.fault = Some(Fault::LineTooLong);
                return;
            }
            Encoding::Rest => {
                look.shape = Shape::Rest;
                return;
            }
            Encoding::MessagePack => return self.look_at_map(bytes, arena, record, look),
            Encoding::Utf16(_) => return self.look_at_decoded(bytes, arena, record, look),
        }
        if !all_utf8 && simdutf8::basic::from_utf8(line).is_err() {
            return self.look_at_decoded(bytes, arena, record, look);
        }
        let start = record.span.start as usize;
        let first = json::skip_space(line, clean::lead(line));
        match line.get(first) {
            None => look.shape = Shape::Blank,
            Some(b'{') if matches!(line.get(json::skip_space(line, first + 1)), Some(b'"' | b'}') | None) => {
                if self.look_at_object(bytes, arena, (start + first, record.span.end()), look).is_err()
                    && !self.look_at_lenient(&line[first..], arena, record, look)
                {
                    *look = Look { fault: Some(Fault::Json), ..Look::default() };
                }
            }
            Some(_) if is_other_json(&line[first..]) => look.fault = Some(Fault::NotAnObject),
            Some(_) => self.look_at_text(bytes, arena, record.span, look),
        }
        self.read_roles(look, record, bytes, arena);
    }

    fn look_at_map(&mut self, bytes: &[u8], arena: &mut Vec<u8>, record: &Record, look: &mut Look) {
        packed::look_at(bytes, arena, record, &self.names, &mut self.context, look);
        if look.shape == Shape::Json {
            self.look_inside(bytes, arena, look);
        }
        self.read_roles(look, record, bytes, arena);
    }

    fn look_at_object(
        &mut self,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        (start, end): (usize, usize),
        look: &mut Look,
    ) -> Result<(), Malformed> {
        let mut found = Found::default();
        let close = found.object_like(bytes, (start, end), &self.names, &mut self.leads, &mut self.context)?;
        let text = &bytes[..end];
        if json::skip_space(text, close + 1) != end {
            return Err(Malformed);
        }
        look.shape = if found.own && found.annotation != Annotation::Absent { Shape::Own } else { Shape::Json };
        look.joint = Joint {
            open: start as u32,
            close: close as u32,
            empty: json::skip_space(text, start + 1) == close,
            annotation: found.annotation,
        };
        found.decode_message(bytes, arena);
        found.give(look);
        if look.shape == Shape::Json {
            self.look_inside(bytes, arena, look);
        }
        Ok(())
    }

    fn look_at_text(&mut self, bytes: &[u8], arena: &mut Vec<u8>, span: Span, look: &mut Look) {
        let line = span.of(bytes);
        look.shape = Shape::Text;
        let lead = clean::lead(line);
        let in_arena = clean::is_coloured(line);
        let (text, base) = if in_arena {
            self.plain.clear();
            clean::strip_colours(&line[lead..], &mut self.plain);
            let base = arena.len();
            arena.extend_from_slice(&self.plain);
            (&self.plain[..], base)
        } else {
            (&line[lead..], span.start as usize + lead)
        };
        self.reader.read(text, &mut self.context);
        let laid = self.reader.laid();
        let mut found = Found::default();
        found.laid(text, base, laid, &self.names, &mut self.context);
        found.give(look);
        look.level_is_default = laid.level_is_default;
        look.slots.iter_mut().for_each(|slot| slot.in_arena = in_arena);
        self.marked |= laid.is_partial(text);
        if text[laid.message.clone()].trim_ascii_start().starts_with(b"{") {
            let names = (&self.names, &mut self.context, &mut self.inner);
            inner::look_into(names, bytes, arena, look, laid.time_is_coarse);
        } else if laid.layout != "plain" {
            inner::look_behind(&self.names, &mut self.context, if in_arena { arena } else { bytes }, look);
        }
        let rendered = arena.len();
        let unfit = text::render(text, laid, look, &self.annotation, arena);
        look.rendered = Span::new(rendered, arena.len());
        let annotation = if unfit { Annotation::Unfit } else { Annotation::Absent };
        look.joint = Joint { open: rendered as u32, close: (arena.len() - 1) as u32, empty: false, annotation };
    }
}

impl Looker {
    /// Completes `look` with what its message says, where no level was found outside.
    #[inline]
    pub(super) fn look_inside(&mut self, bytes: &[u8], arena: &mut Vec<u8>, look: &mut Look) {
        let message = look.slots[Role::Message as usize];
        let open = look.level.is_none() || look.level_is_default || message.of(bytes, arena).starts_with(b"{");
        if open && message.form != Form::Absent {
            inner::look_into((&self.names, &mut self.context, &mut self.inner), bytes, arena, look, false);
        }
    }

    /// What detectors ask of the roles that were found, so that they read no bytes that another
    /// processor has written: numbers, hashes, the skeleton, and whether there may be traces.
    #[inline]
    pub(super) fn read_roles(&mut self, look: &mut Look, record: &Record, bytes: &[u8], arena: &[u8]) {
        let [message, duration, status] =
            [Role::Message, Role::Duration, Role::Status].map(|role| &look.slots[role as usize]);
        self.known.ask(message.of(bytes, arena), message.form == Form::Escaped);
        let in_milliseconds = numbers::in_milliseconds(duration.of(bytes, arena), duration, look.unit);
        look.duration_ms = in_milliseconds.unwrap_or(f64::NAN);
        look.status = numbers::status(status.of(bytes, arena));
        // What an envelope takes for granted nobody has said.
        let said = look.level.filter(|_| !look.level_is_default);
        look.may_go_on = message.form != Form::Absent && trace::may_begin(message.of(bytes, arena), said);
        look.may_have_trace = trace::may_be_inside(record, look, bytes);
        look.message_hash = hash_of(look, bytes, arena, Role::Message);
        look.module_hash = hash_of(look, bytes, arena, Role::Module);
        look.place_hash = look.module_hash ^ hash_of(look, bytes, arena, Role::Host).rotate_left(21);
        look.actor_hash = look.place_hash ^ hash_of(look, bytes, arena, Role::Thread).rotate_left(42);
        look.operation_hash = self.operation_of(look, bytes, arena);
        if matches!(look.shape, Shape::Json | Shape::Text) && look.message_hash != 0 {
            look.skeleton = self.skeleton_of(look, bytes, arena);
        }
    }

    #[inline]
    fn operation_of(&mut self, look: &Look, bytes: &[u8], arena: &[u8]) -> u64 {
        let slot = look.slots[Role::Operation as usize];
        if slot.form == Form::Absent {
            return 0;
        }
        let mut raw = slot.of(bytes, arena);
        if slot.form == Form::Escaped {
            // Some encoders write every slash with a backslash; only they pay for a copy.
            self.plain.clear();
            unescape_into(raw, &mut self.plain);
            raw = &self.plain;
        }
        match operation::masked(raw, &mut self.masked) {
            [] => 0,
            name => xxh3_64(name),
        }
    }

    /// The hash of the skeleton of the message that `known` was asked for.
    #[inline]
    fn skeleton_of(&mut self, look: &Look, bytes: &[u8], arena: &[u8]) -> u64 {
        let known = self.known.asked();
        if let Some(known) = &known
            && known.skeleton != 0
        {
            return known.skeleton;
        }
        let slot = look.slots[Role::Message as usize];
        let raw = slot.of(bytes, arena);
        let skeleton = if slot.form == Form::Escaped {
            self.plain.clear();
            unescape_into(raw, &mut self.plain);
            self.skeleton.read(&self.plain)
        } else {
            self.skeleton.read(raw)
        };
        if let Some(known) = known {
            known.skeleton = skeleton;
        }
        skeleton
    }

    /// The roles of what was looked at last whose values no filter looks for.
    #[inline]
    fn idle(&mut self, fields: &Fields<'_>) -> u16 {
        const MESSAGE: u16 = 1 << Role::Message as u16;
        let (Some(prefilter), look) = (&fields.batch().prefilter, fields.look()) else { return 0 };
        let message = if look.skeleton == 0 { None } else { self.known.last() };
        match message.as_ref().and_then(|message| message.idle(look.level)) {
            Some(idle) => prefilter.idle(fields, !MESSAGE) | if idle { MESSAGE } else { 0 },
            None => {
                let idle = prefilter.idle(fields, u16::MAX);
                if let Some(message) = message {
                    message.tell(look.level, idle & MESSAGE != 0);
                }
                idle
            }
        }
    }

    /// What another prefilter has said of messages is forgotten.
    fn look_for(&mut self, prefilter: Option<&Arc<dyn Prefilter>>) {
        let Some(now) = prefilter else { return };
        let same = |so_far: &Weak<dyn Prefilter>| std::ptr::addr_eq(so_far.as_ptr(), Arc::as_ptr(now));
        if !self.prefilter.as_ref().is_some_and(same) {
            // Weak, so that rules which are no more are not kept; and as long as it is held, no
            // others are at their address.
            self.prefilter = Some(Arc::downgrade(now));
            self.known.forget_idle();
        }
    }
}

/// A whole JSON value that is no object. What only looks like one (`[notice] child found`) is text.
fn is_other_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    match text.first() {
        Some(b'[') => text.ends_with(b"]") && json::validate(text),
        Some(b'"') => text.ends_with(b"\"") && json::validate(text),
        Some(b'-' | b'0'..=b'9') => text.last().is_some_and(u8::is_ascii_digit) && json::validate(text),
        Some(b't' | b'f' | b'n') => matches!(text, b"true" | b"false" | b"null"),
        _ => false,
    }
}

#[inline]
fn hash_of(look: &Look, bytes: &[u8], arena: &[u8], role: Role) -> u64 {
    let slot = look.slots[role as usize];
    match slot.form {
        Form::Absent => 0,
        _ => xxh3_64(slot.of(bytes, arena)),
    }
}
