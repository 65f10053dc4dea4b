//! Stack traces whose lines are events of their own: joined for detection, while every line leaves
//! as it came. And lines without a header, which belong to the line before (`headers.rs`).
//!
//! A line that goes on with the trace of its actor (or, when it names none, of its stream) is no
//! event for the detectors. Whose trace it is decides how bad it is:
//!
//! - Below a line at WARN or worse, or at DEBUG or below, it belongs to that line and has its
//!   level: `logger.exception`, an exception that was handled, a stack that is printed for
//!   information.
//!   The same holds for frames right below a line at any level.
//! - What no logger prints (`panic:`, `Exception in thread …`), what stands below a line at INFO or
//!   below none is nobody's: the program did not say how bad it is, so it is an ERROR of its own.
//!   Its first line is held back (`HeldEvent`) and told as an event at that level once the trace
//!   is whole. A line that only could have begun one is told then as what it is.
//! - Where each line of a trace has a header of its own at INFO, the header is of who brought it
//!   (syslog, journald), and the trace is an ERROR as well.
//!
//! A trace is whole at the first line that does not go on with it, after [`FLUSH_S`] of silence, or
//! at the end of the input. Memory: at most 64 open traces of some 3 KiB, of which the oldest ends
//! for another one, and 1,024 streams of some 500 bytes.

mod headers;
mod held;
mod in_field;
mod stream;

use super::state::Table;
use crate::event::parsed::Form;
use crate::event::skeleton::{Masks, Skeleton};
use crate::event::trace::{self, Begin, Stack, StackReader, Step, TraceState};
use crate::event::unescape::unescape;
use crate::event::{Fields, Level, Role, Shape, Timestamp};
pub(crate) use held::HeldEvent;
pub use in_field::in_field;
use memchr::memchr;
use std::borrow::Cow;
pub(super) use stream::stream_of;
pub use stream::{Head, StreamHeaders};
use stream::{LineStream, first_stream_of};

/// Seconds of stream time after which an open trace is taken as whole.
pub const FLUSH_S: f64 = 1.0;
/// Most traces open at a time.
const OPEN: usize = 64;
/// Most streams whose last line and headers are known.
const STREAMS: usize = 1 << 10;
/// Most rules that have told of one trace.
const TOLD: usize = 8;
/// A trace that is whole, or an event that was held back for one and is none.
#[derive(Debug)]
pub struct Trace {
    /// Which exception, and where; without frames where the event is none of a trace.
    pub stack: Stack,
    /// Whose.
    pub head: Head,
    /// Its first line, where that has been told to nobody.
    pub(crate) event: Option<HeldEvent>,
    /// A rule has told of it.
    pub told: bool,
}

#[derive(Debug)]
struct Open {
    key: u64,
    stream: u64,
    reader: StackReader,
    head: Head,
    /// What its first line says of it.
    begins: Begin,
    event: Option<HeldEvent>,
    /// A line has gone on with it.
    went_on: bool,
    /// Where it turns out to be no trace, its first line belongs to the line before.
    regular: bool,
    heard: Timestamp,
    /// Rules that have told of it, by the hashes of their names.
    told: Vec<u64>,
}

/// The open traces of a stream.
#[derive(Debug)]
pub struct StackTraceAssembler {
    open: Vec<Open>,
    ended: Vec<Trace>,
    streams: Table<LineStream>,
    /// The stream of the last line of text of a source, by its number modulo the length: lines that
    /// name no host belong to it.
    last: [u64; 16],
    /// Of the event at hand: the trace that it is of.
    at_hand: Option<u64>,
    skeleton: Skeleton,
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
            skeleton: Skeleton::new(masks),
        }
    }
}

/// What a line has in front of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// Nothing at all.
    Bare,
    /// Only what brought it has put something there.
    Envelope,
    /// A word that is read as a level, and nothing else.
    Label,
    /// A time or a level of its own.
    Own,
}

impl Header {
    /// The line says for itself that it is an event.
    fn is_own(self) -> bool {
        matches!(self, Self::Label | Self::Own)
    }
}

impl StackTraceAssembler {
    /// True when the event at hand is no event for detectors: a further line of a trace or of the
    /// event before it, or held back.
    #[inline]
    pub fn goes_on(&mut self, fields: &Fields<'_>, now: Timestamp) -> bool {
        let parsed = fields.parsed();
        let text = parsed.shape == Shape::Text;
        // A text that came in JSON, without its escapes.
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
        // A bare line's layout is none: the line itself, indentation and all.
        let whole = matches!(header, Header::Bare | Header::Label);
        let message = if whole { fields.line().into() } else { unescaped(raw, escaped) };
        if memchr(b'\n', &message).is_some_and(|end| end + 1 < message.len()) {
            self.keep_head(&line);
            return false;
        }
        let line = Joined { message: message.trim_ascii_end(), ..line };
        self.goes_on_with_open(&line).unwrap_or_else(|| self.begin_or_pass(&line))
    }

    /// Whether the line goes on with a trace that is open; nothing where there is none any more.
    fn goes_on_with_open(&mut self, line: &Joined<'_>) -> Option<bool> {
        let (bare, headless) = (line.header == Header::Bare, !line.header.is_own());
        let of_line = |open: &Open| open.key == line.key || (bare && open.stream == line.stream);
        if let Some(at) = self.open.iter().rposition(of_line) {
            let open = &mut self.open[at];
            if open.reader.take(line.message) {
                if !headless {
                    // The level of each line is that of who brought it.
                    open.head.level = open.head.level.filter(|level| *level != Level::Info);
                }
                (open.heard, open.went_on, self.at_hand) = (line.now, true, Some(open.key));
                return Some(true);
            }
            // What an exception says may have several lines, which have no header.
            let begins = trace::step(TraceState::Outside, line.message).begins;
            if headless && begins == Begin::No && self.is_regular(line) && !line.tells_more() {
                let open = &mut self.open[at];
                (open.heard, self.at_hand) = (line.now, Some(open.key));
                return Some(true);
            }
            self.end(at);
        }
        // A line of its own ends all that its stream has left open, but for JSON: its writer and
        // the one of a trace are seldom the same.
        if line.text && !headless {
            while let Some(at) = self.open.iter().position(|open| open.stream == line.stream) {
                self.end(at);
            }
        }
        None
    }

    /// The line goes on with no open trace: it may begin one, go on with the line before, or be an
    /// event.
    fn begin_or_pass(&mut self, line: &Joined<'_>) -> bool {
        // Of most lines their first bytes tell that they begin no trace and go on with none.
        let may = line.fields.parsed().may_go_on;
        let step = if may { trace::step(TraceState::Outside, line.message) } else { Step::default() };
        if line.header.is_own() {
            return self.begin_at_header(line, step);
        }
        let regular = self.is_regular(line);
        let stream = self.streams.touch(line.stream, LineStream::default);
        let indented = matches!(line.message.first(), Some(b' ' | b'\t'));
        let below = stream.below || (stream.label && indented);
        if step.continues {
            // Frames right below a line are that line's.
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

    /// A line with a header of its own.
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
        // `panic:` in an envelope is read as a level; the crash is told once, when it is whole.
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

    /// A line without a header belongs to the line before it, as far as the stream is known.
    fn is_regular(&mut self, line: &Joined<'_>) -> bool {
        let stream = self.streams.touch(line.stream, LineStream::default);
        match line.header {
            Header::Bare => stream.text && stream.headers.are_regular(),
            Header::Envelope => stream.text && stream.inner.are_regular(),
            Header::Label | Header::Own => false,
        }
    }

    /// The event at hand has a header: what comes behind it may belong to it.
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
        // It is more of an event that has been told: of the line above, or of its first.
        let belongs = event.is_none() || (whole && head.level.is_some());
        match event {
            Some(mut event) if whole && !belongs => {
                let said = reader.said();
                let named = matches!(begins, Begin::Traceback | Begin::Named) && !said.is_empty();
                let said = (named && said != event.message()).then(|| (said, self.skeleton.read(said)));
                event.becomes(Level::Error, said);
                self.ended.push(Trace { stack, head, event: Some(event), told });
            }
            // It was no trace, and is told late as the event that it was.
            Some(event) if !belongs && !regular => {
                self.ended.push(Trace { stack: Stack::default(), head, event: Some(event), told });
            }
            _ if belongs && stack.frames > 0 => self.ended.push(Trace { stack, head, event: None, told }),
            _ => {}
        }
    }

    /// Ends what has been quiet for [`FLUSH_S`].
    pub fn tick(&mut self, now: Timestamp) {
        while let Some(at) = self.open.iter().position(|open| now.seconds_since(open.heard) >= FLUSH_S) {
            self.end(at);
        }
    }

    /// The input is over, and with it all traces.
    pub fn finish(&mut self) {
        while !self.open.is_empty() {
            self.end(0);
        }
    }

    /// True for the first finding of the rule with this name on the trace that the event at hand is
    /// of, or where it is of none: one crash is told once, however many lines of it match.
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

    /// True when the event at hand is of a trace.
    #[inline]
    pub(super) fn is_at_hand(&self) -> bool {
        self.at_hand.is_some()
    }

    /// True when [`StackTraceAssembler::take_ended`] has something to give.
    #[inline]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Traces that are whole since this was last asked for.
    pub fn take_ended(&mut self) -> Vec<Trace> {
        std::mem::take(&mut self.ended)
    }

    /// What a restart should know.
    #[must_use]
    pub fn snapshot(&self) -> StreamHeaders {
        StreamHeaders(self.streams.iter().map(|(key, stream)| (key, stream.headers, stream.inner)).collect())
    }

    /// Takes what was kept.
    pub fn restore(&mut self, kept: StreamHeaders) {
        for (key, headers, inner) in kept.0.into_iter().take(STREAMS) {
            *self.streams.touch(key, LineStream::default) = LineStream { headers, inner, ..LineStream::default() };
        }
    }
}

/// A line, and what it could belong to.
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
    /// It tells what a mere further line of a message would not.
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

/// What a line has in front of its message; `below` tells whether the line before it had a header.
fn header_of(fields: &Fields<'_>, text: bool, below: impl FnOnce() -> bool) -> Header {
    let parsed = fields.parsed();
    if text && parsed.time.is_none() && parsed.actor_hash == 0 {
        // `panic:` and `Error:` are read as levels; where a trace begins with them, they are none.
        let labelled = parsed.level.is_some()
            && (!parsed.may_go_on || {
                let begins = trace::step(TraceState::Outside, fields.line()).begins;
                begins == Begin::No || (begins == Begin::Named && !below())
            });
        return if labelled { Header::Label } else { Header::Bare };
    }
    if parsed.level.is_some() {
        return Header::Own;
    }
    // CRI's mark of whole lines and of parts stands right in front of the message.
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
