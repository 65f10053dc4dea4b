//! Encodes the output: untouched records keep their bytes, others get findings written into them.
//!
//! Runs of untouched records are kept as ranges of the batch and written from the buffer they were
//! read into; short runs are copied. Outputs that want entries of the Forward protocol get those in
//! place of lines.

mod annotate;
mod own_event;
mod reply;

use crate::config::{EncoderOptions, Reply, SyntheticMode, TextMode};
use crate::engine::Outcome;
use crate::engine::emitted::Emitted;
use crate::engine::finding::Finding;
use crate::event::parsed::ParsedEvent;
use crate::event::unescape::escape_into;
use crate::event::{Batch, ByteOrder, Edit, Encoding, Fault, Record, Shape, Source, Timestamp, msgpack_record};
use crate::io::entries::Entries;
use crate::io::outputs::{Form, OutputBatch, Outputs};
use crate::io::stdio::Undelivered;
use crate::observer::Observer;
use crate::terminal::Screen;
pub use own_event::write_event;
use std::ops::Range;

/// Shorter runs, in bytes, are copied, because another part of a vectored write costs as much.
const SHORT_RUN: usize = 4 << 10;

/// Encodes the output of a batch.
#[derive(Debug)]
pub struct OutputEncoder {
    options: EncoderOptions,
    /// Set if a person watches: events are then shown readably instead of passed on.
    screen: Option<Screen>,
    ready: Vec<u8>,
    /// Long runs of untouched bytes in the current batch, each with the length of `ready` that goes
    /// before it.
    runs: Vec<(usize, Range<usize>)>,
    /// The current run of untouched bytes, which may still grow.
    untouched: Range<usize>,
    findings: Vec<u8>,
    /// The current event with its findings, as a line and as a map.
    annotated: Vec<u8>,
    map: Vec<u8>,
    entries: Entries,
    wants_lines: bool,
    wants_entries: bool,
    /// Whether untouched records can be passed on as they are, because no output wants entries, a
    /// screen or replies.
    plain: bool,
    at_line_start: bool,
    records: u64,
    source: Source,
    now: Timestamp,
}

impl OutputEncoder {
    /// An empty encoder.
    #[must_use]
    pub fn new(options: EncoderOptions) -> Self {
        Self {
            options,
            screen: None,
            ready: Vec::new(),
            runs: Vec::new(),
            untouched: 0..0,
            findings: Vec::new(),
            annotated: Vec::new(),
            map: Vec::new(),
            entries: Entries::default(),
            wants_lines: true,
            wants_entries: false,
            plain: true,
            at_line_start: true,
            records: 0,
            source: Source::default(),
            now: Timestamp::default(),
        }
    }

    /// Selects the forms that these outputs want.
    pub fn prepare(&mut self, outputs: &Outputs) {
        self.wants_lines = outputs.wants(Form::Lines);
        self.wants_entries = outputs.wants(Form::Entries);
        self.plain = !self.wants_entries && self.screen.is_none() && self.options.reply == Reply::Event;
    }

    /// Begins a batch at `now`. If the last line of another source had no line end, one is added,
    /// because the first line of this batch does not continue that line.
    pub fn begin(&mut self, batch: &Batch, now: Timestamp) {
        self.now = now;
        let Some(first) = batch.records.first() else { return };
        if first.source != self.source && !self.at_line_start {
            self.ready.push(b'\n');
        }
        self.source = first.source;
    }

    /// Shows events on a screen if there is one.
    #[must_use]
    pub fn with_screen(mut self, screen: Option<Screen>) -> Self {
        self.screen = screen;
        self
    }

    /// Whether the last record ended its line, so that an event of seismolog's own can follow.
    #[must_use]
    pub fn at_line_start(&self) -> bool {
        self.at_line_start
    }

    /// Adds record `i` of the batch with the outcome of the engine.
    #[inline]
    pub fn put<W: Observer>(&mut self, batch: &Batch, i: usize, outcome: &Outcome, observer: &mut W) {
        let record = &batch.records[i];
        let shape = batch.parsed[i].shape;
        self.records += u64::from(shape != Shape::Rest);
        let end = record.end();
        let raw = self.options.text == TextMode::Raw;
        let as_it_came = match record.encoding {
            Encoding::MessagePack => false,
            Encoding::Utf16(_) => raw && self.plain,
            _ => (shape != Shape::Text || raw) && self.plain,
        };
        if outcome.is_quiet() && as_it_came {
            if self.untouched.is_empty() {
                self.untouched = record.span.start as usize..end;
            } else {
                self.untouched.end = end;
            }
        } else if !self.put_touched(batch, i, outcome, observer) {
            return;
        }
        self.at_line_start = record.line_end > 0 || record.encoding == Encoding::MessagePack;
    }

    /// Adds findings that no event carries.
    pub fn put_alone<W: Observer>(&mut self, outcome: &Outcome, observer: &mut W) {
        if outcome.fault.is_some() || !outcome.printed.is_empty() {
            observer.aside(outcome);
        }
        observer.findings(&outcome.before, None);
        self.put_events(&outcome.before, &[], observer);
        outcome.emitted.iter().for_each(|emitted| self.put_emitted(emitted, &[], observer));
    }

    /// Sends everything that was added to every output, along with the batch's delivery tokens, and
    /// returns the number of bytes.
    ///
    /// # Errors
    /// [`Undelivered`], after the delivered lines have been counted.
    pub fn send(&mut self, batch: &mut Batch, outputs: &mut Outputs) -> Result<usize, Undelivered> {
        self.end_run(batch);
        let mut lines = Vec::with_capacity(2 * self.runs.len() + 1);
        let mut sent = 0;
        for (before, run) in self.runs.drain(..) {
            lines.extend([&self.ready[sent..before], &batch.bytes[run]]);
            sent = before;
        }
        lines.push(&self.ready[sent..]);
        lines.retain(|part| !part.is_empty());
        let entries = std::mem::take(&mut self.entries);
        let tokens = std::mem::take(&mut batch.tokens);
        let result = outputs.send(OutputBatch { lines, entries, records: self.records, tokens });
        self.records = 0;
        self.ready.clear();
        result
    }

    /// Flushes the pending run of untouched records.
    fn end_run(&mut self, batch: &Batch) {
        let run = std::mem::take(&mut self.untouched);
        if run.len() < SHORT_RUN {
            self.ready.extend_from_slice(&batch.bytes[run]);
        } else {
            self.runs.push((self.ready.len(), run));
        }
    }

    /// Returns false if the record is withheld.
    #[cold]
    #[inline(never)]
    fn put_touched<W: Observer>(&mut self, batch: &Batch, i: usize, outcome: &Outcome, observer: &mut W) -> bool {
        self.end_run(batch);
        if outcome.fault.is_some() || !outcome.printed.is_empty() || !outcome.near_misses.is_empty() {
            observer.aside(outcome);
        }
        observer.findings(&outcome.before, None);
        observer.findings(&outcome.findings, outcome.edit.shows_all().then(|| batch.fields(i)).as_ref());
        let tag = batch.tag(i);
        self.put_events(&outcome.before, tag, observer);
        outcome.emitted.iter().for_each(|emitted| self.put_emitted(emitted, tag, observer));
        self.put_record(batch, i, tag, &outcome.findings, &outcome.edit, observer)
    }

    /// Adds an event that a rule emitted, with its line end, unless the stream must not have events
    /// of seismolog's own.
    fn put_emitted<W: Observer>(&mut self, emitted: &Emitted, tag: &[u8], observer: &mut W) {
        observer.findings(&emitted.findings, emitted.edit.shows_all().then(|| emitted.fields()).as_ref());
        if !self.is_ours() {
            observer.unheard(&emitted.findings);
            return;
        }
        let left = !emitted.edit.withheld
            && self.put_record(&emitted.batch, 0, tag, &emitted.findings, &emitted.edit, observer);
        if left && self.screen.is_none() && self.wants_lines {
            self.ready.push(b'\n');
        }
    }

    /// Whether events of seismolog's own may be added to the stream.
    fn is_ours(&self) -> bool {
        self.options.text == TextMode::Json
            && self.options.reply == Reply::Event
            && self.options.synthetic == SyntheticMode::Inline
    }

    /// Adds one record with its findings and the changes of rules, in every form that outputs want.
    /// Returns false if the record is withheld.
    fn put_record<W: Observer>(
        &mut self,
        batch: &Batch,
        i: usize,
        tag: &[u8],
        findings: &[Finding],
        edit: &Edit,
        observer: &mut W,
    ) -> bool {
        let (record, parsed) = (&batch.records[i], &batch.parsed[i]);
        let raw = parsed.shape == Shape::Text && self.options.text == TextMode::Raw;
        self.findings.clear();
        if raw && !findings.is_empty() {
            observer.unheard(findings);
        }
        let shows = self.screen.is_some();
        let adds = !raw && !edit.withheld && !shows && (!findings.is_empty() || !edit.members.is_empty());
        let annotated = adds && self.annotate(batch, i, findings, edit, observer);
        let masked = !annotated && !edit.withheld && !edit.masks.is_empty();
        let failed = masked && self.mask(batch, i, edit, raw).inspect_err(|fault| observer.fault(*fault)).is_err();
        if edit.withheld || failed {
            // The peer expects a reply to each line, also to one that is withheld.
            if self.options.reply == Reply::Changes && record.line_end > 0 {
                self.ready.extend_from_slice(b"{}\n");
            }
            return false;
        }
        if let Some(screen) = self.screen {
            if masked {
                // The parsed event still shows what is masked, so the masked line is shown instead.
                self.ready.extend_from_slice(&self.annotated);
                self.ready.push(b'\n');
            } else {
                screen.event(&batch.fields(i), &mut self.ready);
            }
            let shown: &[Finding] = if raw { &[] } else { findings };
            shown.iter().for_each(|finding| screen.finding(finding, &mut self.ready));
            return true;
        }
        let made = annotated || masked;
        if self.wants_entries {
            if made {
                self.entries.put_made(batch, i, tag, &edit.masks, &self.map, self.now);
            } else {
                self.entries.put(batch, i, tag, self.options.entries, self.now);
            }
        }
        if !self.wants_lines {
            return true;
        }
        if self.options.reply == Reply::Changes {
            if record.line_end > 0 {
                let members: &[(String, Vec<u8>)] = if annotated { &edit.members } else { &[] };
                let name = &self.options.member;
                reply::put_changes(&batch.fields(i), edit, members, name, &self.findings, &mut self.ready);
            }
            return true;
        }
        self.put_line(batch, i, made, raw);
        true
    }

    /// Adds the record as a line: the changed one if there is one, otherwise as it came.
    fn put_line(&mut self, batch: &Batch, i: usize, made: bool, raw: bool) {
        let (record, parsed): (&Record, &ParsedEvent) = (&batch.records[i], &batch.parsed[i]);
        if let Encoding::Utf16(order) = record.encoding {
            return self.put_utf16(batch, i, made, order);
        }
        match parsed.shape {
            _ if made => self.ready.extend_from_slice(&self.annotated),
            _ if record.encoding == Encoding::MessagePack => self.put_map(batch, i),
            Shape::Text if !raw => self.ready.extend_from_slice(parsed.rendered.of(&batch.arena)),
            _ => self.ready.extend_from_slice(record.span.of(&batch.bytes)),
        }
        if record.encoding == Encoding::MessagePack {
            self.ready.push(b'\n');
        } else {
            self.ready.extend_from_slice(&batch.bytes[record.span.end()..record.end()]);
        }
    }

    /// Adds a record of UTF-16. If text lines leave as JSON, all that was parsed leaves as UTF-8,
    /// because two encodings cannot be mixed in one stream; otherwise all stays UTF-16.
    fn put_utf16(&mut self, batch: &Batch, i: usize, made: bool, order: ByteOrder) {
        let (record, parsed): (&Record, &ParsedEvent) = (&batch.records[i], &batch.parsed[i]);
        let json = self.options.text == TextMode::Json;
        let start = self.ready.len();
        match parsed.shape {
            _ if made => self.ready.extend_from_slice(&self.annotated),
            Shape::Text if json => self.ready.extend_from_slice(parsed.rendered.of(&batch.arena)),
            Shape::Json | Shape::Own | Shape::Blank if json => {
                self.ready.extend_from_slice(parsed.decoded.of(&batch.arena));
            }
            _ => {
                self.ready.extend_from_slice(&batch.bytes[record.span.start as usize..record.end()]);
                return;
            }
        }
        self.ready.extend(std::iter::repeat_n(b'\n', usize::from(record.line_end > 0)));
        if !json {
            let narrow = self.ready.split_off(start);
            order.encode(&String::from_utf8_lossy(&narrow), &mut self.ready);
        }
    }

    /// Adds a MessagePack record as a line of JSON. The record is complete, because the parser has
    /// read it; if it is nested too deep, its bytes become the message.
    fn put_map(&mut self, batch: &Batch, i: usize) {
        let map = batch.records[i].span.of(&batch.bytes);
        if msgpack_record::render(map, batch.lead(i), batch.tag(i), None, &mut self.ready).is_err() {
            self.ready.extend_from_slice(b"{\"message\":\"");
            escape_into(String::from_utf8_lossy(map).as_bytes(), &mut self.ready);
            self.ready.extend_from_slice(b"\"}");
        }
    }

    /// Adds one event of seismolog's own for each finding, unless the stream must not have such
    /// events.
    fn put_events<W: Observer>(&mut self, findings: &[Finding], tag: &[u8], observer: &mut W) {
        if !self.is_ours() {
            if !findings.is_empty() {
                observer.unheard(findings);
            }
            return;
        }
        for finding in findings {
            if let Some(screen) = self.screen {
                screen.finding(finding, &mut self.ready);
                continue;
            }
            let start = self.ready.len();
            write_event(finding, &self.options.member, &mut self.ready);
            if self.options.max_record_bytes.is_some_and(|most| self.ready.len() - start > most) {
                self.ready.truncate(start);
                observer.fault(Fault::RecordTooLong);
                observer.unheard(std::slice::from_ref(finding));
                continue;
            }
            if self.wants_entries {
                let event = self.ready[start..].trim_ascii_end();
                self.entries.put_own(event, finding.said_at, tag, self.options.entries);
            }
            if !self.wants_lines {
                self.ready.truncate(start);
            }
        }
    }
}
