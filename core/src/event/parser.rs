//! The pure stage: what one line says of itself, found without any memory of other lines.
//!
//! Two exceptions: the year of times written without one, which [`TimeContext`] rolls over from
//! December to January as lines pass, and lines that came in pieces, which `partial_lines` joins.
//! Everything else is a function of the line, and of the batch's prefilter, so this stage can run
//! on a thread of its own.

use super::found::{KeyPrefixCache, RoleMatches};
use super::json::{self, Malformed};
use super::layout::{OwnLayout, TextReader};
use super::masked_message::{MaskedMessage, Masks};
use super::message_cache::{MessageCache, SECRET_BYTES};
use super::parsed::{Annotation, Form, InsertPoint, LevelWords, ParsedEvent, Shape};
use super::partial_lines::PartialLines;
use super::roles::{Names, Role};
use super::time::{TimeContext, Timestamp};
use super::unescape::unescape_into;
use super::{
    Batch, Charset, Encoding, Fault, Fields, Prefilter, Record, Span, clean, msgpack_record, nested_message, numbers,
    operation, stack_trace, text,
};
use std::sync::{Arc, Weak};
use xxhash_rust::xxh3::xxh3_64;

/// Parses records. It holds the tables of names and scratch space; of the stream it remembers only
/// the year clock, lines that came in pieces, and messages seen lately.
#[derive(Debug)]
pub struct EventParser {
    names: Arc<Names>,
    prefixes: KeyPrefixCache,
    annotation: String,
    context: TimeContext,
    reader: TextReader,
    /// Reads the line inside a message.
    nested_reader: TextReader,
    masked_message: MaskedMessage,
    messages: MessageCache,
    /// The prefilter whose hints the message cache holds.
    prefilter: Option<Weak<dyn Prefilter>>,
    partial_lines: PartialLines,
    /// A line of the current batch says that it is a piece of a longer one.
    has_partial_marks: bool,
    pub(super) charset: Charset,
    /// The current line, decoded to UTF-8.
    pub(super) decoded: Vec<u8>,
    /// A message or an operation without its escapes.
    plain: Vec<u8>,
    /// An operation, masked.
    masked: Vec<u8>,
}

impl EventParser {
    /// `names` is built for the same `annotation`, the member that findings are written to. Lines
    /// of others than oneself want [`Self::with_secret`].
    #[must_use]
    pub fn new(names: impl Into<Arc<Names>>, annotation: String, context: TimeContext) -> Self {
        let names = names.into();
        Self {
            prefixes: KeyPrefixCache::new(&names),
            names,
            annotation,
            context,
            reader: TextReader::default(),
            nested_reader: TextReader::default(),
            masked_message: MaskedMessage::default(),
            messages: MessageCache::new([0; SECRET_BYTES]),
            prefilter: None,
            partial_lines: PartialLines::default(),
            has_partial_marks: false,
            charset: Charset::Auto,
            decoded: Vec::new(),
            plain: Vec::new(),
            masked: Vec::new(),
        }
    }

    /// Also masks what `masks` match when it masks the variables of messages.
    #[must_use]
    pub fn with_masks(mut self, masks: Masks) -> Self {
        self.masked_message = MaskedMessage::new(masks);
        self.messages.clear();
        self
    }

    /// Reads lines of text by these layouts before all others.
    #[must_use]
    pub fn with_layouts(mut self, layouts: &[OwnLayout]) -> Self {
        let layouts: Arc<[OwnLayout]> = layouts.into();
        (self.reader, self.nested_reader) = (TextReader::new(layouts.clone()), TextReader::new(layouts));
        self
    }

    /// Remembers messages by hashes with this secret. What it finds does not depend on it; one that
    /// nobody can know keeps others from making messages that it would take for each other.
    #[must_use]
    pub fn with_secret(mut self, secret: [u8; SECRET_BYTES]) -> Self {
        self.messages = MessageCache::new(secret);
        self
    }

    /// Tells what the clock shows, for times without a year.
    pub fn set_present(&mut self, now: Timestamp) {
        self.context.set_present(now);
    }

    /// Parses every record of the batch that has not been parsed yet. A panic on a record leaves
    /// it opaque and counted.
    pub fn parse(&mut self, batch: &mut Batch) {
        let all_utf8 = simdutf8::basic::from_utf8(batch.data()).is_ok();
        let first = batch.parsed.len();
        self.set_prefilter(batch.prefilter.as_ref());
        batch.parsed.reserve(batch.records.len() - first);
        for i in first..batch.records.len() {
            let kept = batch.arena.len();
            batch.parsed.push(ParsedEvent::NONE);
            let mut is_parsed = false;
            let this = std::panic::AssertUnwindSafe((&mut *self, &mut *batch, &mut is_parsed));
            let survived = std::panic::catch_unwind(|| {
                let std::panic::AssertUnwindSafe((parser, batch, is_parsed)) = { this };
                let Batch { bytes, arena, records, parsed, .. } = batch;
                parser.parse_record(bytes, arena, &records[i], all_utf8, &mut parsed[i]);
                *is_parsed = true;
                let unmatched = parser.unmatched_roles(&batch.fields(i));
                batch.parsed[i].unmatched_roles = unmatched;
            });
            // What a prefilter did not survive the engine asks again, which knows what a panic in
            // rules means.
            if survived.is_err() && !is_parsed {
                batch.arena.truncate(kept);
                batch.parsed[i] = ParsedEvent { fault: Some(Fault::Panic), ..ParsedEvent::default() };
            }
        }
        let mut partial_lines = std::mem::take(&mut self.partial_lines);
        let marked = std::mem::take(&mut self.has_partial_marks);
        partial_lines.join(batch, first, marked, self);
        self.partial_lines = partial_lines;
    }

    #[inline]
    pub(super) fn parse_record(
        &mut self,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        record: &Record,
        all_utf8: bool,
        parsed: &mut ParsedEvent,
    ) {
        let line = record.span.of(bytes);
        match record.encoding {
            Encoding::Line => {}
            Encoding::Piece => {
                parsed.fault = Some(Fault::LineTooLong);
                return;
            }
            Encoding::Rest => {
                parsed.shape = Shape::Rest;
                return;
            }
            Encoding::MessagePack => return self.parse_map(bytes, arena, record, parsed),
            Encoding::Utf16(_) => return self.parse_decoded(bytes, arena, record, parsed),
        }
        if !all_utf8 && simdutf8::basic::from_utf8(line).is_err() {
            return self.parse_decoded(bytes, arena, record, parsed);
        }
        let start = record.span.start as usize;
        let first = json::skip_space(line, clean::lead(line));
        match line.get(first) {
            None => parsed.shape = Shape::Blank,
            Some(b'{') if matches!(line.get(json::skip_space(line, first + 1)), Some(b'"' | b'}') | None) => {
                if self.parse_object(bytes, arena, (start + first, record.span.end()), parsed).is_err()
                    && !self.parse_lenient(&line[first..], arena, record, parsed)
                {
                    *parsed = ParsedEvent { fault: Some(Fault::Json), ..ParsedEvent::default() };
                }
            }
            Some(_) if clean::is_other_json(&line[first..]) => parsed.fault = Some(Fault::NotAnObject),
            Some(_) => self.parse_text(bytes, arena, record.span, parsed),
        }
        self.read_roles(parsed, record, bytes, arena);
    }

    fn parse_map(&mut self, bytes: &[u8], arena: &mut Vec<u8>, record: &Record, parsed: &mut ParsedEvent) {
        msgpack_record::parse_record(bytes, arena, record, &self.names, &mut self.context, parsed);
        if parsed.shape == Shape::Json {
            self.parse_inside(bytes, arena, parsed);
        }
        self.read_roles(parsed, record, bytes, arena);
    }

    fn parse_object(
        &mut self,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        (start, end): (usize, usize),
        parsed: &mut ParsedEvent,
    ) -> Result<(), Malformed> {
        let mut found = RoleMatches::default();
        let close = found.object_like(bytes, (start, end), &self.names, &mut self.prefixes, &mut self.context)?;
        let text = &bytes[..end];
        if json::skip_space(text, close + 1) != end {
            return Err(Malformed);
        }
        parsed.shape = if found.own && found.annotation != Annotation::Absent { Shape::Own } else { Shape::Json };
        parsed.insert = InsertPoint {
            open: start as u32,
            close: close as u32,
            empty: json::skip_space(text, start + 1) == close,
            annotation: found.annotation,
        };
        found.decode_message(bytes, arena);
        found.give(parsed);
        if parsed.shape == Shape::Json {
            self.parse_inside(bytes, arena, parsed);
        }
        Ok(())
    }

    fn parse_text(&mut self, bytes: &[u8], arena: &mut Vec<u8>, span: Span, parsed: &mut ParsedEvent) {
        let line = span.of(bytes);
        parsed.shape = Shape::Text;
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
        let matched = self.reader.matched();
        let mut found = RoleMatches::default();
        found.matched(text, base, matched, &self.names, &mut self.context);
        found.give(parsed);
        parsed.level_is_default = matched.level_is_default;
        parsed.slots.iter_mut().for_each(|slot| slot.in_arena = in_arena);
        self.has_partial_marks |= matched.is_partial(text);
        if text[matched.message.clone()].trim_ascii_start().starts_with(b"{") {
            let names = (&*self.names, &mut self.context, &mut self.nested_reader);
            nested_message::parse_nested(names, bytes, arena, parsed, matched.time_is_coarse);
        } else if matched.layout != "plain" {
            nested_message::parse_behind_prose(
                &self.names,
                &mut self.context,
                if in_arena { arena } else { bytes },
                parsed,
            );
        }
        let module = parsed.slots[Role::Module as usize];
        if module.form != Form::Absent && module.in_arena == in_arena {
            parsed.module_place = matched.module_place(text, (module.span.start as usize).wrapping_sub(base));
        }
        if parsed.level.is_none() && parsed.time.is_some() {
            parsed.level_words = LevelWords::of(&text[matched.message.clone()]);
        }
        let rendered = arena.len();
        let unfit = text::render(text, matched, parsed, &self.annotation, arena);
        parsed.rendered = Span::new(rendered, arena.len());
        let annotation = if unfit { Annotation::Unfit } else { Annotation::Absent };
        parsed.insert =
            InsertPoint { open: rendered as u32, close: (arena.len() - 1) as u32, empty: false, annotation };
    }
}

impl EventParser {
    /// Completes `parsed` with what its message says, where nobody has said a level outside, or it
    /// is an object.
    #[inline]
    pub(super) fn parse_inside(&mut self, bytes: &[u8], arena: &mut Vec<u8>, parsed: &mut ParsedEvent) {
        let message = parsed.slots[Role::Message as usize];
        let open = parsed.level.is_none() || parsed.level_is_default || message.of(bytes, arena).starts_with(b"{");
        if open && message.form != Form::Absent {
            nested_message::parse_nested(
                (&self.names, &mut self.context, &mut self.nested_reader),
                bytes,
                arena,
                parsed,
                false,
            );
        }
    }

    /// What detectors ask of the roles that were found, so that they read no bytes that another
    /// processor has written: numbers, hashes, the hash of the masked message, and whether there
    /// may be traces.
    #[inline]
    pub(super) fn read_roles(&mut self, parsed: &mut ParsedEvent, record: &Record, bytes: &[u8], arena: &[u8]) {
        let [message, duration, status] =
            [Role::Message, Role::Duration, Role::Status].map(|role| &parsed.slots[role as usize]);
        self.messages.begin(message.of(bytes, arena), message.form == Form::Escaped);
        let in_milliseconds = numbers::in_milliseconds(duration.of(bytes, arena), duration, parsed.unit);
        parsed.duration_ms = in_milliseconds.unwrap_or(f64::NAN);
        parsed.status = numbers::status(status.of(bytes, arena));
        // What an envelope takes for granted nobody has said.
        let said = parsed.level.filter(|_| !parsed.level_is_default);
        parsed.may_go_on = message.form != Form::Absent && stack_trace::may_begin(message.of(bytes, arena), said);
        parsed.may_have_trace = stack_trace::may_be_inside(record, parsed, bytes);
        parsed.message_hash = hash_of(parsed, bytes, arena, Role::Message);
        parsed.module_hash = hash_of(parsed, bytes, arena, Role::Module);
        parsed.place_hash = parsed.module_hash ^ hash_of(parsed, bytes, arena, Role::Host).rotate_left(21);
        parsed.actor_hash = parsed.place_hash ^ hash_of(parsed, bytes, arena, Role::Thread).rotate_left(42);
        parsed.operation_hash = self.operation_of(parsed, bytes, arena);
        if matches!(parsed.shape, Shape::Json | Shape::Text) && parsed.message_hash != 0 {
            parsed.masked_hash = self.masked_hash_of(parsed, bytes, arena);
        }
    }

    #[inline]
    fn operation_of(&mut self, parsed: &ParsedEvent, bytes: &[u8], arena: &[u8]) -> u64 {
        let slot = parsed.slots[Role::Operation as usize];
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

    /// The hash of the masked message whose cache entry was looked up.
    #[inline]
    fn masked_hash_of(&mut self, parsed: &ParsedEvent, bytes: &[u8], arena: &[u8]) -> u64 {
        let known = self.messages.entry();
        if let Some(known) = &known
            && known.masked_hash != 0
        {
            return known.masked_hash;
        }
        let slot = parsed.slots[Role::Message as usize];
        let raw = slot.of(bytes, arena);
        let masked_hash = if slot.form == Form::Escaped {
            self.plain.clear();
            unescape_into(raw, &mut self.plain);
            self.masked_message.read(&self.plain)
        } else {
            self.masked_message.read(raw)
        };
        if let Some(known) = known {
            known.masked_hash = masked_hash;
        }
        masked_hash
    }

    /// The roles of what was parsed last whose values no filter looks for.
    #[inline]
    fn unmatched_roles(&mut self, fields: &Fields<'_>) -> u16 {
        const MESSAGE: u16 = 1 << Role::Message as u16;
        let (Some(prefilter), parsed) = (&fields.batch().prefilter, fields.parsed()) else { return 0 };
        let message = if parsed.masked_hash == 0 { None } else { self.messages.last_entry() };
        match message.as_ref().and_then(|message| message.filter_hint(parsed.level)) {
            Some(unmatched) => prefilter.unmatched_roles(fields, !MESSAGE) | if unmatched { MESSAGE } else { 0 },
            None => {
                let unmatched = prefilter.unmatched_roles(fields, u16::MAX);
                if let Some(message) = message {
                    message.set_filter_hint(parsed.level, unmatched & MESSAGE != 0);
                }
                unmatched
            }
        }
    }

    /// Clears the hints in the message cache if they are of another prefilter.
    fn set_prefilter(&mut self, prefilter: Option<&Arc<dyn Prefilter>>) {
        let Some(now) = prefilter else { return };
        let same = |so_far: &Weak<dyn Prefilter>| std::ptr::addr_eq(so_far.as_ptr(), Arc::as_ptr(now));
        if !self.prefilter.as_ref().is_some_and(same) {
            // Weak, so that rules which are no more are not kept; and as long as it is held, no
            // others are at their address.
            self.prefilter = Some(Arc::downgrade(now));
            self.messages.clear_filter_hints();
        }
    }
}

#[inline]
fn hash_of(parsed: &ParsedEvent, bytes: &[u8], arena: &[u8], role: Role) -> u64 {
    let slot = parsed.slots[role as usize];
    match slot.form {
        Form::Absent => 0,
        _ => xxh3_64(slot.of(bytes, arena)),
    }
}
