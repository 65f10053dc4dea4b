//! Assembles stack traces whose lines are separate records, for detection only: every line leaves
//! unchanged. Also joins lines without a header to the line before (`headers.rs`).
//!
//! A continuation line of a stack trace is no event for detectors. It belongs to the open trace of
//! its actor, or of its stream if it names no actor. The level of a trace depends on what precedes
//! it:
//!
//! - Below a line at WARN or worse, or at DEBUG or below, the trace belongs to that line and has
//!   its level: `logger.exception`, an exception that was handled, a stack printed for information.
//!   The same holds for frames directly below a line of any level.
//! - A trace that no logger prints (`panic:`, `Exception in thread …`), and one below a line at
//!   INFO or below no line, has no level given by the program, so it is an ERROR of its own. Its
//!   first line is held back (`HeldEvent`) and becomes an event at that level once the trace is
//!   complete. If it turns out not to begin a trace, it becomes an event as it was.
//! - Where each line of a trace has its own header at INFO, the header is from the transport
//!   (syslog, journald), and the trace is an ERROR as well.
//!
//! A trace is complete at the first line that does not continue it, after [`FLUSH_S`] without a
//! line, or at the end of the input. Memory: at most 64 open traces of about 3 KiB each (a further
//! one ends the oldest), and 1,024 streams of about 500 bytes.

mod headers;
mod held;
mod in_field;
mod stream;

use super::state::Table;
use crate::event::masked_message::{MaskedMessage, Masks};
use crate::event::parsed::Form;
use crate::event::stack_trace::{self, Begin, Stack, StackReader, Step, TraceState};
use crate::event::unescape::unescape;
use crate::event::{Fields, Level, Role, Shape, Timestamp};
pub(crate) use held::HeldEvent;
pub use in_field::in_field;
use memchr::memchr;
use std::borrow::Cow;
pub(super) use stream::stream_of;
pub use stream::{Head, StreamHeaders};
use stream::{LineStream, first_stream_of};

/// Seconds of stream time after which an open trace counts as complete.
pub const FLUSH_S: f64 = 1.0;
/// Most traces open at a time.
const OPEN: usize = 64;
/// Most streams for which the last line and the header statistics are kept.
const STREAMS: usize = 1 << 10;
/// Most rules recorded per trace.
const TOLD: usize = 8;
/// A complete stack trace, or an event that was held back for one.
#[derive(Debug)]
pub struct Trace {
    /// The exception and its location; without frames where the event is no stack trace.
    pub stack: Stack,
    /// The event that the trace belongs to.
    pub head: Head,
    /// Its first line, where that was held back.
    pub(crate) event: Option<HeldEvent>,
    /// A rule has already reported it.
    pub told: bool,
}

#[derive(Debug)]
struct Open {
    key: u64,
    stream: u64,
    reader: StackReader,
    head: Head,
    /// How its first line begins a trace.
    begins: Begin,
    event: Option<HeldEvent>,
    /// At least one more line has continued it.
    went_on: bool,
    /// If it is no trace after all, its first line is no event but belongs to the line before.
    regular: bool,
    heard: Timestamp,
    /// Hashes of the names of rules that have reported it.
    told: Vec<u64>,
}

/// All open stack traces, and the state of their streams.
#[derive(Debug)]
pub struct StackTraceAssembler {
    open: Vec<Open>,
    ended: Vec<Trace>,
    streams: Table<LineStream>,
    /// By source number modulo the array length: the stream of the source's last text line. Lines
    /// without a host belong to that stream.
    last: [u64; 16],
    /// The key of the trace that the current event belongs to.
    at_hand: Option<u64>,
    masked: MaskedMessage,
}

impl Default for StackTraceAssembler {
    fn default() -> Self {
        Self::new(Masks::default())
    }
}

impl StackTraceAssembler {
    /// One that masks what a trace says as the parser masks messages.
    #[must_use]
    pub fn new(masks: Masks) -> Self {
        Self {
            open: Vec::new(),
            ended: Vec::new(),
            streams: Table::new(STREAMS),
            last: std::array::from_fn(first_stream_of),
            at_hand: None,
            masked: MaskedMessage::new(masks),
        }
    }
}

/// What precedes the message of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// Nothing.
    Bare,
    /// Only an envelope that the transport added (syslog, CRI, journald).
    Envelope,
    /// A word that is read as a level, and nothing else.
    Label,
    /// A time or a level.
    Own,
}

impl Header {
    /// True if the header shows that the line is an event of its own.
    fn is_own(self) -> bool {
        matches!(self, Self::Label | Self::Own)
    }
}

impl StackTraceAssembler {
    /// True when the current event is no event for detectors: a continuation line of a stack trace
    /// or of the event before it, or an event that is held back.
    #[inline]
    pub fn goes_on(&mut self, fields: &Fields<'_>, now: Timestamp) -> bool {
        let parsed = fields.parsed();
        let text = parsed.shape == Shape::Text;
        // A text from a JSON string, already unescaped.
        let peeled = parsed.slots[Role::Message as usize].in_arena;
        self.at_hand = None;
        if !(text || peeled || parsed.may_go_on || !self.open.is_empty()) {
            return false;
        }
        let Some(message) = fields.raw(Role::Message) else { return false };
        self.judge(fields, message, text, peeled, now)
    }

    fn judge(&mut self, fields: &Fields<'_>, raw: &[u8], text: bool, peeled: bool, now: Timestamp) -> bool {
        let parsed = fields.parsed();
        let is_text = (text || peeled) && !parsed.message_is_nested;
        let source = usize::from(fields.record().source.0) % self.last.len();
        let below = || self.streams.get(self.last[source]).is_some_and(|stream| stream.below);
        let header = header_of(fields, text, below);
        let stream = match header {
            Header::Bare | Header::Label => self.last[source],
            _ => stream_of(fields),
        };
        let key = if header == Header::Bare { stream } else { stream ^ parsed.actor_hash };
        let may_be = header == Header::Bare || parsed.may_go_on || self.open.iter().any(|open| open.key == key);
        if !may_be && !text && !peeled {
            return false;
        }
        if text || peeled {
            self.last[source] = stream;
        }
        let line = Joined { fields, header, stream, key, text: is_text, now, message: raw };
        if !may_be && header.is_own() {
            self.keep_head(&line);
            return false;
        }
        let escaped = parsed.slots[Role::Message as usize].form == Form::Escaped;
        // A line without a header has no layout: its message is the whole line, including
        // indentation.
        let whole = matches!(header, Header::Bare | Header::Label);
        let message = if whole { fields.line().into() } else { unescaped(raw, escaped) };
        if memchr(b'\n', &message).is_some_and(|end| end + 1 < message.len()) {
            self.keep_head(&line);
            return false;
        }
        let line = Joined { message: message.trim_ascii_end(), ..line };
        self.goes_on_with_open(&line).unwrap_or_else(|| self.begin_or_pass(&line))
    }

    /// Whether the line continues an open trace; `None` if no open trace is left for it.
    fn goes_on_with_open(&mut self, line: &Joined<'_>) -> Option<bool> {
        let (bare, headless) = (line.header == Header::Bare, !line.header.is_own());
        let of_line = |open: &Open| open.key == line.key || (bare && open.stream == line.stream);
        if let Some(at) = self.open.iter().rposition(of_line) {
            let open = &mut self.open[at];
            if open.reader.take(line.message) {
                if !headless {
                    // At INFO the level is the transport's, so it is dropped.
                    open.head.level = open.head.level.filter(|level| *level != Level::Info);
                }
                (open.heard, open.went_on, self.at_hand) = (line.now, true, Some(open.key));
                return Some(true);
            }
            // The text of an exception may have several lines, which have no header.
            let begins = stack_trace::step(TraceState::Outside, line.message).begins;
            if headless && begins == Begin::No && self.is_regular(line) && !line.tells_more() {
                let open = &mut self.open[at];
                (open.heard, self.at_hand) = (line.now, Some(open.key));
                return Some(true);
            }
            self.end(at);
        }
        // A text line with a header ends all open traces of its stream. A JSON line does not,
        // because its writer is rarely the writer of the trace.
        if line.text && !headless {
            while let Some(at) = self.open.iter().position(|open| open.stream == line.stream) {
                self.end(at);
            }
        }
        None
    }

    /// Handles a line that continues no open trace: it may begin one, continue the line before, or
    /// be an event.
    fn begin_or_pass(&mut self, line: &Joined<'_>) -> bool {
        // For most lines the parser has found from the first bytes that they neither begin nor
        // continue a trace.
        let may = line.fields.parsed().may_go_on;
        let step = if may { stack_trace::step(TraceState::Outside, line.message) } else { Step::default() };
        if line.header.is_own() {
            return self.begin_at_header(line, step);
        }
        let regular = self.is_regular(line);
        let stream = self.streams.touch(line.stream, LineStream::default);
        let indented = matches!(line.message.first(), Some(b' ' | b'\t'));
        let below = stream.below || (stream.label && indented);
        if step.continues {
            // Frames directly below a line belong to that line.
            let mut reader = StackReader::new(&stream.head.message);
            reader.take(line.message);
            let head = if below || line.header == Header::Bare { stream.head.clone() } else { line.head() };
            self.begin(line, reader, head, Begin::No, None, regular);
            return true;
        }
        if step.begins != Begin::No {
            let belongs =
                step.begins.is_below_its_line() && below && stream.head.level.is_some_and(|level| level != Level::Info);
            let head = if belongs { stream.head.clone() } else { Head { level: None, ..line.head() } };
            let event = HeldEvent::new(line.fields, &stream.head.host);
            self.begin(line, StackReader::new(line.message), head, step.begins, Some(event), regular);
            return true;
        }
        let goes_on = regular && !line.tells_more();
        let headers = if line.header == Header::Bare { &mut stream.headers } else { &mut stream.inner };
        headers.without_header(indented);
        if !goes_on && !indented {
            (stream.below, stream.label) = (false, false);
            stream.head.read(line.fields, line.message);
        }
        goes_on
    }

    /// Handles a line with its own header that continues no open trace.
    fn begin_at_header(&mut self, line: &Joined<'_>, step: Step) -> bool {
        if step.continues {
            let stream = self.streams.touch(line.stream, LineStream::default);
            let mut reader = StackReader::new(if stream.key == line.key { &stream.head.message } else { b"" });
            reader.take(line.message);
            let mut head = line.head();
            head.level = head.level.filter(|level| *level != Level::Info);
            self.begin(line, reader, head, Begin::No, None, false);
            return true;
        }
        self.keep_head(line);
        if step.begins == Begin::No {
            return false;
        }
        // `panic:` after an envelope is read as a level. The crash is reported once, when it is
        // complete.
        let crash = line.text && matches!(step.begins, Begin::Panic | Begin::Traceback | Begin::Uncaught);
        let held = line.fields.level().is_none() || (crash && line.fields.level() >= Some(Level::Error));
        let event = held.then(|| HeldEvent::new(line.fields, ""));
        let mut head = line.head();
        head.level = head.level.filter(|_| !held);
        self.begin(line, StackReader::new(line.message), head, step.begins, event, false);
        held
    }

    fn begin(
        &mut self,
        line: &Joined<'_>,
        reader: StackReader,
        head: Head,
        begins: Begin,
        event: Option<HeldEvent>,
        regular: bool,
    ) {
        if self.open.len() >= OPEN {
            self.end(0);
        }
        let (key, stream, heard) = (line.key, line.stream, line.now);
        let went_on = begins == Begin::No;
        self.at_hand = Some(key);
        self.open.push(Open { key, stream, reader, head, begins, event, went_on, regular, heard, told: Vec::new() });
    }

    /// True if a line without a header belongs to the line before it, by what was learned of the
    /// stream.
    fn is_regular(&mut self, line: &Joined<'_>) -> bool {
        let stream = self.streams.touch(line.stream, LineStream::default);
        match line.header {
            Header::Bare => stream.text && stream.headers.are_regular(),
            Header::Envelope => stream.text && stream.inner.are_regular(),
            Header::Label | Header::Own => false,
        }
    }

    /// Records the current event, which has a header, as the one that following lines may belong
    /// to.
    fn keep_head(&mut self, line: &Joined<'_>) {
        let stream = self.streams.touch(line.stream, LineStream::default);
        stream.key = line.key;
        stream.headers.with_header();
        stream.inner.with_header();
        stream.head.read(line.fields, line.message);
        (stream.below, stream.label) = (line.header == Header::Own, line.header == Header::Label);
        stream.text = line.text;
    }

    fn end(&mut self, at: usize) {
        let Open { reader, head, begins, event, went_on, regular, told, .. } = self.open.remove(at);
        let stack = reader.stack();
        let whole = match begins {
            Begin::No | Begin::Named => stack.frames > 0,
            Begin::Panic => went_on || stack.frames > 0,
            Begin::Traceback | Begin::Uncaught => true,
        };
        let told = !told.is_empty();
        // Adds to an event that was already observed: the line above, or the trace's first line.
        let belongs = event.is_none() || (whole && head.level.is_some());
        match event {
            Some(mut event) if whole && !belongs => {
                let said = reader.said();
                let named = matches!(begins, Begin::Traceback | Begin::Named) && !said.is_empty();
                let said = (named && said != event.message()).then(|| (said, self.masked.read(said)));
                event.becomes(Level::Error, said);
                self.ended.push(Trace { stack, head, event: Some(event), told });
            }
            // It was no trace, so the held event is reported late, as it was.
            Some(event) if !belongs && !regular => {
                self.ended.push(Trace { stack: Stack::default(), head, event: Some(event), told });
            }
            _ if belongs && stack.frames > 0 => self.ended.push(Trace { stack, head, event: None, told }),
            _ => {}
        }
    }

    /// Ends traces without a line for [`FLUSH_S`].
    pub fn tick(&mut self, now: Timestamp) {
        while let Some(at) = self.open.iter().position(|open| now.seconds_since(open.heard) >= FLUSH_S) {
            self.end(at);
        }
    }

    /// Ends all traces at the end of the input.
    pub fn finish(&mut self) {
        while !self.open.is_empty() {
            self.end(0);
        }
    }

    /// True for the first finding of this rule on the trace of the current event, or if the event
    /// is of no trace: a crash is reported once, however many of its lines match.
    pub(super) fn is_first_of(&mut self, rule: &str) -> bool {
        let Some(key) = self.at_hand else { return true };
        let Some(open) = self.open.iter_mut().rev().find(|open| open.key == key) else { return true };
        let rule = xxhash_rust::xxh3::xxh3_64(rule.as_bytes());
        let first = !open.told.contains(&rule);
        if first && open.told.len() < TOLD {
            open.told.push(rule);
        }
        first
    }

    /// True when the current event belongs to a trace.
    #[inline]
    pub(super) fn is_at_hand(&self) -> bool {
        self.at_hand.is_some()
    }

    /// True when [`StackTraceAssembler::take_ended`] returns something.
    #[inline]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// The traces that were completed since the last call.
    pub fn take_ended(&mut self) -> Vec<Trace> {
        std::mem::take(&mut self.ended)
    }

    /// The snapshot of the header statistics.
    #[must_use]
    pub fn snapshot(&self) -> StreamHeaders {
        StreamHeaders(self.streams.iter().map(|(key, stream)| (key, stream.headers, stream.inner)).collect())
    }

    /// Restores a snapshot.
    pub fn restore(&mut self, kept: StreamHeaders) {
        for (key, headers, inner) in kept.0.into_iter().take(STREAMS) {
            *self.streams.touch(key, LineStream::default) = LineStream { headers, inner, ..LineStream::default() };
        }
    }
}

/// A line, with what decides which trace or event it belongs to.
struct Joined<'a> {
    fields: &'a Fields<'a>,
    header: Header,
    stream: u64,
    key: u64,
    text: bool,
    now: Timestamp,
    message: &'a [u8],
}

impl Joined<'_> {
    /// True if the line has a field that a continuation line would not have.
    fn tells_more(&self) -> bool {
        let parsed = self.fields.parsed();
        parsed.status != 0 || !parsed.duration_ms.is_nan() || parsed.operation_hash != 0
    }

    fn head(&self) -> Head {
        let mut head = Head::default();
        head.read(self.fields, self.message);
        head
    }
}

/// The kind of a line's header. `below` returns whether the line before it had a header.
fn header_of(fields: &Fields<'_>, text: bool, below: impl FnOnce() -> bool) -> Header {
    let parsed = fields.parsed();
    if text && parsed.time.is_none() && parsed.actor_hash == 0 {
        // `panic:` and `Error:` are read as levels, but not where they begin a stack trace.
        let labelled = parsed.level.is_some()
            && (!parsed.may_go_on || {
                let begins = stack_trace::step(TraceState::Outside, fields.line()).begins;
                begins == Begin::No || (begins == Begin::Named && !below())
            });
        return if labelled { Header::Label } else { Header::Bare };
    }
    if parsed.level.is_some() {
        return Header::Own;
    }
    // CRI's tag for full and partial lines (`F`, `P`) directly precedes the message.
    let slot = parsed.slots[Role::Message as usize];
    let before = (slot.span.start as usize).checked_sub(3).filter(|_| text && !slot.in_arena);
    let cri = before.is_some_and(|at| matches!(&fields.batch().bytes[at..at + 3], b" F " | b" P "));
    if cri || !text { Header::Envelope } else { Header::Own }
}

fn unescaped(raw: &[u8], escaped: bool) -> Cow<'_, [u8]> {
    if !escaped {
        return Cow::Borrowed(raw);
    }
    match unescape(raw, true) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdicts;
