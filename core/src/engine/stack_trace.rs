//! Stack traces whose lines are events of their own: joined for detection, while every line leaves
//! as it came.
//!
//! A line that goes on with the trace of its actor (or, when it names none, of the text line before
//! it) is no event for the detectors. What the whole trace says is told when it is over: at the
//! first line that does not go on with it, or after [`FLUSH_S`] of silence. Memory: at most 64 open
//! traces of about 800 bytes; the oldest ends for another one.

use super::finding::name_of;
use crate::event::look::Form;
use crate::event::trace::{self, Stack, StackReader, TraceState};
use crate::event::unescape::unescape;
use crate::event::{Fields, Level, Role, Shape, Timestamp, Value};
use memchr::memchr;
use std::borrow::Cow;

/// Seconds of stream time after which an open trace is taken as whole.
pub const FLUSH_S: f64 = 1.0;
/// Most traces open at a time.
const OPEN: usize = 64;
/// Of the line before a trace, this much is kept to find the exception's name in it, in bytes.
const HEAD_BYTES: usize = 256;
/// Members that hold a trace in one piece.
const MEMBERS: [&str; 12] = [
    "stack_trace",
    "stacktrace",
    "stack",
    "exception",
    "exc_info",
    "traceback",
    "error.stack_trace",
    "error.stack",
    "err.stack",
    "exception.stacktrace",
    "exception.stack_trace",
    "thrown.extendedStackTrace",
];

/// The event that a trace belongs to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Its level.
    pub level: Option<Level>,
    /// Its module and host; empty where it names none.
    pub module: String,
    /// See there.
    pub host: String,
    /// What it says, cut.
    pub message: Vec<u8>,
}

impl Head {
    fn read(&mut self, fields: &Fields<'_>, message: &[u8]) {
        self.level = fields.level();
        for (text, role) in [(&mut self.module, Role::Module), (&mut self.host, Role::Host)] {
            text.clear();
            let name = fields.text(role).unwrap_or_default();
            text.push_str(name_of(&name));
        }
        self.message.clear();
        self.message.extend_from_slice(&message[..message.len().min(HEAD_BYTES)]);
    }

    /// The text of one of its roles.
    #[must_use]
    pub fn text(&self, role: Role) -> Option<Cow<'_, str>> {
        let text = match role {
            Role::Module => &self.module,
            Role::Host => &self.host,
            _ => return None,
        };
        (!text.is_empty()).then(|| text.as_str().into())
    }
}

/// A whole trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Which exception, and where.
    pub stack: Stack,
    /// Whose.
    pub head: Head,
}

#[derive(Debug)]
struct Open {
    key: u64,
    reader: StackReader,
    head: Head,
    heard: Timestamp,
}

/// The open traces of a stream.
#[derive(Debug, Default)]
pub struct StackTraceAssembler {
    open: Vec<Open>,
    ended: Vec<Trace>,
    /// The actor of the last line of text; lines that name none belong to it.
    last_text: u64,
    /// That line had a time of its own, and no line has gone on with it.
    timed: bool,
    head: Head,
}

impl StackTraceAssembler {
    /// True when the event at hand is only a further line of a trace.
    #[inline]
    pub fn goes_on(&mut self, fields: &Fields<'_>, now: Timestamp) -> bool {
        let look = fields.look();
        let text = look.shape == Shape::Text;
        let bare = text && look.time.is_none() && look.actor_hash == 0;
        let may_be = bare || look.may_go_on || !self.open.is_empty();
        if !may_be && !text {
            return false;
        }
        let Some(message) = fields.raw(Role::Message) else { return false };
        if may_be {
            return self.judge(fields, message, bare, now);
        }
        self.keep_head(fields, message);
        false
    }

    fn keep_head(&mut self, fields: &Fields<'_>, message: &[u8]) {
        (self.last_text, self.timed) = (fields.look().actor_hash, true);
        self.head.read(fields, message);
    }

    #[cold]
    fn judge(&mut self, fields: &Fields<'_>, raw: &[u8], bare: bool, now: Timestamp) -> bool {
        let look = fields.look();
        let text = look.shape == Shape::Text;
        let escaped = look.slots[Role::Message as usize].form == Form::Escaped;
        // A bare line's layout is none: the line itself, indentation and all.
        let message = if bare { fields.line().into() } else { unescaped(raw, escaped) };
        if memchr(b'\n', &message).is_some_and(|end| end + 1 < message.len()) {
            return false;
        }
        let message = message.strip_suffix(b"\n").unwrap_or(&message);
        let key = if bare { self.last_text } else { look.actor_hash };
        if let Some(at) = self.open.iter().position(|open| open.key == key) {
            if self.open[at].reader.take(message) {
                self.open[at].heard = now;
                return true;
            }
            self.end(at);
        }
        let step = trace::step(TraceState::Outside, message);
        let named = bare && self.timed && trace::is_below_its_line(message);
        if step.continues || named {
            let mut reader = StackReader::new(if bare { &self.head.message } else { b"" });
            if named {
                reader = StackReader::new(message);
            } else {
                reader.take(message);
            }
            let head = if bare { self.head.clone() } else { head_of(fields, message) };
            self.begin(key, reader, head, now);
            self.timed = false;
            return true;
        }
        if step.place != TraceState::Outside {
            self.begin(key, StackReader::new(message), head_of(fields, message), now);
        }
        if text && bare {
            // It belongs to the actor of the line before.
            self.timed = false;
            self.head.read(fields, message);
        } else {
            if text {
                self.keep_head(fields, message);
            }
        }
        false
    }

    fn begin(&mut self, key: u64, reader: StackReader, head: Head, now: Timestamp) {
        if self.open.len() >= OPEN {
            self.end(0);
        }
        self.open.push(Open { key, reader, head, heard: now });
    }

    fn end(&mut self, at: usize) {
        let Open { reader, head, .. } = self.open.remove(at);
        let stack = reader.stack();
        if stack.frames > 0 {
            self.ended.push(Trace { stack, head });
        }
    }

    /// Ends what has been quiet for [`FLUSH_S`].
    pub fn tick(&mut self, now: Timestamp) {
        while let Some(at) = self.open.iter().position(|open| now.seconds_since(open.heard) >= FLUSH_S) {
            self.end(at);
        }
    }

    /// True when [`StackTraceAssembler::take_ended`] has something to give.
    #[inline]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// StackTraceAssembler that are whole since this was last asked for.
    pub fn take_ended(&mut self) -> Vec<Trace> {
        std::mem::take(&mut self.ended)
    }
}

fn head_of(fields: &Fields<'_>, message: &[u8]) -> Head {
    let mut head = Head::default();
    head.read(fields, message);
    head
}

/// The trace that an event holds in one field.
#[inline]
#[must_use]
pub fn in_field(fields: &Fields<'_>) -> Option<Stack> {
    let look = fields.look();
    if look.may_have_trace { read_field(fields, look.shape == Shape::Json) } else { None }
}

#[cold]
fn read_field(fields: &Fields<'_>, json: bool) -> Option<Stack> {
    let in_message = fields.text(Role::Message).and_then(|text| trace::stack_in(text.as_bytes()));
    if in_message.is_some() || !json {
        return in_message;
    }
    MEMBERS.into_iter().find_map(|name| match fields.member(name)? {
        Value::Text(text) => trace::stack_in(text.as_bytes()),
        _ => None,
    })
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
mod tests {
    use super::*;
    use crate::engine::testing;
    use crate::event::packed;

    /// Which lines are events of their own, and what the traces among them said.
    fn events(text: &str) -> (Vec<usize>, Vec<Stack>) {
        let batch = testing::looked(&mut testing::looker(), text);
        let (mut traces, mut own) = (StackTraceAssembler::default(), Vec::new());
        for i in 0..batch.records.len() {
            let fields = batch.fields(i);
            if matches!(fields.look().shape, Shape::Text | Shape::Json) && !traces.goes_on(&fields, Timestamp(0)) {
                own.push(i);
            }
        }
        traces.tick(Timestamp(2_000_000_000));
        (own, traces.take_ended().into_iter().map(|trace| trace.stack).collect())
    }

    const JAVA: &str = "2026-03-02 08:00:01 ERROR [main] c.f.Queue - take failed\njava.io.IOException: closed\n\
                        \tat c.f.Queue.take(Queue.java:42)\n\t... 23 more\nCaused by: a.BException\n\tat c.D.e(D.java:1)\n";

    #[test]
    fn physical_lines_are_one_event() {
        let (own, stacks) = events(&format!("{JAVA}2026-03-02 08:00:02 INFO [main] c.f.Queue - next\n{JAVA}"));
        assert_eq!(own, [0, 6, 7]);
        assert_eq!(stacks[0], Stack { frames: 2, exception: "java.io.IOException".into(), ..stacks[0].clone() });
        assert_eq!((stacks.len(), &stacks[0]), (2, &stacks[1]));
        let python = "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\n    g()\nValueError: bad\nValueError: bad\n";
        assert_eq!(events(python).0, [0, 4]);
        assert_eq!(events("panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\nplain\n").0, [0, 5]);
    }

    #[test]
    fn interleaved_actors_keep_their_own_traces() {
        let line =
            |thread: &str, text: &str| format!("{{\"thread\":\"{thread}\",\"level\":\"ERROR\",\"log\":\"{text}\"}}\n");
        let text: String = [
            ("a", "boom"),
            ("a", "\\tat x.Y.z(Y.java:1)"),
            ("b", "work"),
            ("a", "\\tat x.Y.z(Y.java:2)\\n"),
            ("a", "on"),
        ]
        .map(|(thread, text)| line(thread, text))
        .concat();
        let (own, stacks) = events(&text);
        assert_eq!((own, stacks.len(), stacks[0].frames), (vec![0, 2, 4], 1, 2));
    }

    #[test]
    fn a_field_may_hold_a_whole_trace() {
        let stack = |line: &str| {
            let found = in_field(&testing::looked(&mut testing::looker(), line).fields(0));
            // What a shipper sends as MessagePack says the same.
            assert_eq!(in_field(&packed::tests::looked(&[], &packed::tests::pack(line)).fields(0)), found, "{line}");
            found
        };
        let inside = r#"{"level":"ERROR","message":"x","error":{"stack":"TypeError: y\n    at f (/a.js:1:2)"}}"#;
        assert_eq!(stack(inside).unwrap().exception, "TypeError");
        let message = r#"{"level":"ERROR","message":"a.BError: c\n\tat d.E.f(E.java:9)"}"#;
        assert_eq!(stack(message).unwrap().frames, 1);
        let in_log = serde_json::json!({"log": message, "stream": "stdout"}).to_string();
        assert_eq!(stack(&in_log).unwrap().frames, 1);
        let cri = format!("2026-03-02T08:00:00Z stdout F {message}");
        assert_eq!(in_field(&testing::looked(&mut testing::looker(), &cri).fields(0)).unwrap().frames, 1);
        assert_eq!(stack(&inside.replace("ERROR", "INFO")), None);
    }
}
