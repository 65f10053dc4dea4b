//! Lines that came in parts: what a container runtime has split is put together for detection.
//!
//! CRI marks a part with `P` and the last one with `F`, in the line or, behind Fluent Bit's parser,
//! in `logtag` or `_p`; Docker's `log` ends in a line break only where a line does. Each part
//! passes on at once and as it came. For detectors one that is not the last has no message, and the
//! last has the whole, which is looked into as any message is: its level stands in its first part.
//! Only records that are as long as runtimes split are looked at, raw CRI's that are marked (CRI-O
//! marks what a program has written without a line end, however short), and those that may end one,
//! so that other streams pay nothing.
//!
//! Memory: 64 lines that are not whole yet, of 64 KiB each; beyond that all are forgotten, and
//! parts are lines again.

use super::parsed::{Form, ParsedEvent, Slot};
use super::{Batch, EventParser, Fault, Fields, Role, Shape, Span, Value};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// No runtime splits shorter ones: Docker and containerd do at 16 KiB.
const SHORTEST: usize = 4 << 10;
const LINES: usize = 64;
const LINE_BYTES: usize = 64 << 10;
/// What a message can say, beside its level.
const SAID: [Role; 6] = [Role::Message, Role::Trace, Role::Operation, Role::Duration, Role::Status, Role::ErrorCode];

/// Lines that are not whole yet, by where they come from.
#[derive(Debug, Default)]
pub(super) struct PartialLines(BTreeMap<u64, Vec<u8>>);

/// A part, whether the line ends with it, and where it comes from.
struct PartialLine<'a> {
    text: std::borrow::Cow<'a, str>,
    last: bool,
    key: u64,
}

impl PartialLines {
    /// Puts together what the records from `first` on hold; `marked` where some may be short parts.
    pub(super) fn join(&mut self, batch: &mut Batch, first: usize, marked: bool, parser: &mut EventParser) {
        for i in first..batch.records.len() {
            let long = batch.parsed[i].slots[Role::Message as usize].span.len as usize >= SHORTEST;
            if !(long || marked) && self.0.is_empty() {
                continue;
            }
            let this = std::panic::AssertUnwindSafe((&mut *self, &mut *batch, &mut *parser));
            let survived = std::panic::catch_unwind(|| {
                let std::panic::AssertUnwindSafe((lines, batch, parser)) = { this };
                lines.join_one(batch, i, parser);
            });
            if survived.is_err() {
                self.0.clear();
                batch.parsed[i] = ParsedEvent { fault: Some(Fault::Panic), ..ParsedEvent::default() };
            }
        }
    }

    #[cold]
    fn join_one(&mut self, batch: &mut Batch, i: usize, parser: &mut EventParser) {
        let fields = batch.fields(i);
        let Some(PartialLine { text, last, key }) = partial_line_of(&fields, batch.tag(i)) else { return };
        let mut parsed: ParsedEvent = *fields.parsed();
        if !last {
            if !self.0.contains_key(&key) && self.0.len() == LINES {
                self.0.clear();
            }
            let kept = self.0.entry(key).or_default();
            let room = LINE_BYTES - kept.len();
            kept.extend_from_slice(&text.as_bytes()[..text.floor_char_boundary(room)]);
            // What it says counts once, with the whole.
            parsed.level = None;
            for role in SAID {
                parsed.slots[role as usize] = Slot::default();
            }
        } else if let Some(mut whole) = self.0.remove(&key) {
            whole.extend_from_slice(text.trim_end_matches('\n').as_bytes());
            let start = batch.arena.len();
            batch.arena.extend_from_slice(&whole);
            let span = Span::new(start, batch.arena.len());
            parsed.slots[Role::Message as usize] = Slot { span, form: Form::Text, in_arena: true };
            parser.parse_inside(&batch.bytes, &mut batch.arena, &mut parsed);
        } else {
            return;
        }
        (parsed.masked_hash, parsed.unmatched_roles) = (0, 0);
        parser.read_roles(&mut parsed, &batch.records[i], &batch.bytes, &batch.arena);
        batch.parsed[i] = parsed;
    }
}

/// The record as a part of a line, if its runtime says so.
fn partial_line_of<'a>(fields: &Fields<'a>, tag: &[u8]) -> Option<PartialLine<'a>> {
    let (stream, last, text) = match fields.parsed().shape {
        Shape::Text => {
            let line = std::str::from_utf8(fields.line()).ok()?;
            let mut words = line.splitn(4, ' ');
            let (_, stream, mark) = (words.next()?, words.next()?, words.next()?);
            if !matches!(mark, "P" | "F") {
                return None;
            }
            (stream.to_owned(), mark == "F", words.next().unwrap_or_default().into())
        }
        Shape::Json => {
            let Value::Text(stream) = fields.member("stream")? else { return None };
            let Value::Text(text) = fields.member("log").or_else(|| fields.member("message"))? else { return None };
            let mark = fields.member("logtag").or_else(|| fields.member("_p"));
            let last = match mark {
                Some(Value::Text(mark)) => mark != "P",
                _ => text.ends_with('\n'),
            };
            (stream.into_owned(), last, text)
        }
        _ => return None,
    };
    if !matches!(stream.as_str(), "stdout" | "stderr") {
        return None;
    }
    let host = fields.raw(Role::Host).unwrap_or_default();
    let key = xxh3_64(tag) ^ xxh3_64(host).rotate_left(21) ^ xxh3_64(stream.as_bytes()).rotate_left(42);
    Some(PartialLine { text, last, key: key ^ u64::from(fields.record().source.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::lines::Lines;
    use crate::event::roles::Names;
    use crate::event::time::TimeContext;

    /// The messages that detectors see, one a line; none where they see none.
    fn messages(text: &str) -> Vec<Option<String>> {
        let names = Names::defaults("anomalies");
        let mut parser = EventParser::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap());
        let mut batch = Batch { bytes: text.into(), filled: text.len(), ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        parser.parse(&mut batch);
        (0..batch.records.len())
            .map(|i| batch.fields(i).text(Role::Message).map(std::borrow::Cow::into_owned))
            .collect()
    }

    #[test]
    fn parts_are_one_message_on_the_last() {
        let (long, end) = ("word ".repeat(1_000), "end");
        let cri = format!(
            "2026-01-02T03:04:05Z stdout P {long}\n2026-01-02T03:04:05Z stderr F other\n\
             2026-01-02T03:04:05Z stdout F {end}\n2026-01-02T03:04:05Z stdout F next\n"
        );
        let docker = format!(
            "{{\"log\":\"{long}\",\"stream\":\"stdout\"}}\n{{\"log\":\"other\\n\",\"stream\":\"stderr\"}}\n\
             {{\"log\":\"{end}\\n\",\"stream\":\"stdout\"}}\n{{\"log\":\"next\\n\",\"stream\":\"stdout\"}}\n"
        );
        let parsed = format!(
            "{{\"log\":\"{long}\",\"stream\":\"stdout\",\"logtag\":\"P\"}}\n{{\"log\":\"other\",\"stream\":\"stderr\",\"logtag\":\"F\"}}\n\
             {{\"log\":\"{end}\",\"stream\":\"stdout\",\"logtag\":\"F\"}}\n{{\"log\":\"next\",\"stream\":\"stdout\",\"logtag\":\"F\"}}\n"
        );
        for text in [cri, docker, parsed] {
            let got = messages(&text);
            assert_eq!(got[0], None);
            assert_eq!(got[1].as_deref().map(str::trim_end), Some("other"));
            assert_eq!(got[2], Some(format!("{long}{end}")));
            assert_eq!(got[3].as_deref().map(str::trim_end), Some("next"));
        }
    }

    #[test]
    fn what_is_long_and_no_part_is_left_alone() {
        let long = "x".repeat(10_000);
        let text = format!("{{\"message\":\"{long}\"}}\n{long}\n{{\"log\":\"{long}\\n\",\"stream\":\"stdout\"}}\n");
        let got = messages(&text);
        assert!(got.iter().all(|message| message.as_deref().is_some_and(|message| message.starts_with(&long))));
    }
}
