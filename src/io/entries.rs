//! Events as entries of the Forward protocol, in runs of one tag.

use crate::config::EntryLimits;
use crate::event::mask::Mask;
use crate::event::msgpack;
use crate::event::parsed::{ParsedEvent, Shape};
use crate::event::{Batch, Encoding, Timestamp, msgpack_record, transcode};
use std::ops::Range;
use std::sync::Arc;

/// Consecutive entries with one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The tag; empty for events that came without one.
    pub tag: Vec<u8>,
    /// Their range in [`Entries::bytes`].
    pub bytes: Range<usize>,
    /// How many.
    pub count: usize,
}

/// A batch as entries: `[time, record]` one after the other.
#[derive(Debug, Default)]
pub struct Entries {
    /// In the order of the events.
    pub runs: Vec<Run>,
    /// All entries.
    pub bytes: Vec<u8>,
}

impl Entries {
    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Begins an entry with this tag.
    fn begin(&mut self, tag: &[u8]) {
        let at = self.bytes.len();
        match self.runs.last_mut() {
            Some(run) if run.tag == tag => run.count += 1,
            _ => self.runs.push(Run { tag: tag.to_vec(), bytes: at..at, count: 1 }),
        }
        self.bytes.push(0x92);
    }

    fn end(&mut self) {
        let at = self.bytes.len();
        if let Some(run) = self.runs.last_mut() {
            run.bytes.end = at;
        }
    }

    /// Puts record `i` of the batch as it came.
    pub(crate) fn put(&mut self, batch: &Batch, i: usize, tag: &[u8], limits: EntryLimits, now: Timestamp) {
        let (record, parsed) = (&batch.records[i], &batch.parsed[i]);
        if parsed.shape == Shape::Blank {
            return;
        }
        self.begin(tag);
        if record.encoding == Encoding::MessagePack {
            self.bytes.extend_from_slice(batch.lead(i));
            self.bytes.extend_from_slice(record.span.of(&batch.bytes));
        } else {
            transcode::put_event_time(parsed.time.unwrap_or(now), &mut self.bytes);
            put_line(batch, i, limits, &mut self.bytes);
        }
        self.end();
    }

    /// Puts record `i`, which was edited into `map`. The same masks apply to its metadata.
    pub(crate) fn put_made(
        &mut self,
        batch: &Batch,
        i: usize,
        tag: &[u8],
        masks: &[Arc<Mask>],
        map: &[u8],
        now: Timestamp,
    ) {
        self.begin(tag);
        let lead = batch.lead(i);
        let start = self.bytes.len();
        let as_it_came = batch.records[i].encoding == Encoding::MessagePack && masks.is_empty();
        if as_it_came {
            self.bytes.extend_from_slice(lead);
        } else if lead.is_empty() || msgpack_record::mask(lead, masks, &mut self.bytes).is_err() {
            self.bytes.truncate(start);
            transcode::put_event_time(batch.parsed[i].time.unwrap_or(now), &mut self.bytes);
        }
        self.bytes.extend_from_slice(map);
        self.end();
    }

    /// Puts an event of our own, which is one JSON object, with the tag of the events around it.
    pub(crate) fn put_own(&mut self, event: &[u8], time: Timestamp, tag: &[u8], limits: EntryLimits) {
        self.begin(tag);
        transcode::put_event_time(time, &mut self.bytes);
        if transcode::from_json_within(event, limits.deepest, &mut self.bytes).is_err() {
            put_as_message(event, &mut self.bytes);
        }
        self.end();
    }
}

/// A line as a map: its members or, where it has none, or is nested too deep or too long, its text
/// as `message`.
fn put_line(batch: &Batch, i: usize, limits: EntryLimits, out: &mut Vec<u8>) {
    let fields = batch.fields(i);
    let parsed: &ParsedEvent = fields.parsed();
    let start = out.len();
    if matches!(parsed.shape, Shape::Json | Shape::Own | Shape::Text)
        && transcode::from_json_within(fields.object(), limits.deepest, out).is_ok()
    {
        // Numbers may take more bytes than as text. The text is known to be short enough.
        if out.len() - start <= limits.most_bytes {
            return;
        }
        out.truncate(start);
    }
    put_as_message(fields.line(), out);
}

/// A line as a map with the line as its `message`.
pub(crate) fn put_as_message(line: &[u8], out: &mut Vec<u8>) {
    msgpack::put_map(1, out);
    msgpack::put_text(b"message", out);
    if std::str::from_utf8(line).is_ok() {
        msgpack::put_text(line, out);
    } else {
        msgpack::put_binary(line.len(), out);
        out.extend_from_slice(line);
    }
}
