//! What leaves: untouched records as the bytes that came, the others with what was found written into them.
//!
//! Runs of untouched records are kept as one range of the batch. A batch that nothing touched is written from the very
//! buffer it was read into. Ends that want entries of the Forward protocol in place of lines get those beside.

pub mod entries;

use crate::engine::Outcome;
use crate::engine::finding::{Finding, Severity, State};
use crate::event::splice;
use crate::event::unescape::escape_into;
use crate::event::{Batch, Encoding, Fault, Level, Shape, Source, Timestamp, packed};
use crate::io::exit::{Exits, Form, Load};
use crate::io::stdio::Undelivered;
use crate::pipeline::Observer;
use crate::terminal::Screen;
use entries::Entries;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// An annotation is at most this long.
const ANNOTATION_BYTES: usize = 8 << 10;
/// Of it, what is not findings: brackets and what closes the event.
const ANNOTATION_FRAME: usize = 16;

/// How a line of text leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextMode {
    /// As one JSON object that holds what its layout captured.
    #[default]
    Json,
    /// As it came; findings go to sinks and the log.
    Raw,
}

/// Where findings go that no event carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyntheticMode {
    /// Into the stream, as events of their own.
    #[default]
    Inline,
    /// Only to sinks and the log.
    Sink,
}

/// What can be set of the output.
#[derive(Clone, Debug)]
pub struct OutboxOptions {
    /// The member that findings are written to.
    pub member: String,
    /// How text leaves.
    pub text: TextMode,
    /// Where findings without an event go.
    pub synthetic: SyntheticMode,
    /// A record that would be longer leaves unannotated; none is no limit.
    pub max_record_bytes: Option<usize>,
    /// What is written for each line.
    pub reply: Reply,
}

/// What is written for each line that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// The event.
    #[default]
    Event,
    /// What rsyslog's `mmexternal` wants: one line, always, that holds only the properties that change.
    Changes,
}

/// Gathers what a batch becomes.
#[derive(Debug)]
pub struct Outbox {
    options: OutboxOptions,
    /// Somebody looks at it: events are shown, not passed on.
    screen: Option<Screen>,
    ready: Vec<u8>,
    /// Untouched bytes of the batch at hand that follow what is ready.
    untouched: Range<usize>,
    findings: Vec<u8>,
    /// The event at hand with its findings, as a line and as a map.
    annotated: Vec<u8>,
    map: Vec<u8>,
    entries: Entries,
    wants_lines: bool,
    wants_entries: bool,
    /// Lines alone are wanted, and as they came.
    plain: bool,
    at_line_start: bool,
    records: u64,
    source: Source,
    now: Timestamp,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(options: OutboxOptions) -> Self {
        Self {
            options,
            screen: None,
            ready: Vec::new(),
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

    /// Makes what these ends want.
    pub fn prepare(&mut self, exits: &Exits) {
        self.wants_lines = exits.wants(Form::Lines);
        self.wants_entries = exits.wants(Form::Entries);
        self.plain = !self.wants_entries && self.screen.is_none() && self.options.reply == Reply::Event;
    }

    /// A batch begins at `now`. One source's last line may have no end; another's first does not belong to it.
    pub fn begin(&mut self, batch: &Batch, now: Timestamp) {
        self.now = now;
        let Some(first) = batch.records.first() else { return };
        if first.source != self.source && !self.at_line_start {
            self.ready.push(b'\n');
        }
        self.source = first.source;
    }

    /// The same, showing events to a person where there is a screen.
    #[must_use]
    pub fn with_screen(mut self, screen: Option<Screen>) -> Self {
        self.screen = screen;
        self
    }

    /// True when what was put last ended its line, so that an event of our own can follow.
    #[must_use]
    pub fn at_line_start(&self) -> bool {
        self.at_line_start
    }

    /// Puts record `i` of the batch, with what came of it.
    #[inline]
    pub fn put<W: Observer>(&mut self, batch: &Batch, i: usize, outcome: &Outcome, observer: &mut W) {
        let record = &batch.records[i];
        let shape = batch.looks[i].shape;
        self.records += u64::from(shape != Shape::Rest);
        let end = record.end();
        let as_it_came = record.encoding != Encoding::MessagePack
            && (shape != Shape::Text || self.options.text == TextMode::Raw)
            && self.plain;
        if outcome.is_quiet() && as_it_came {
            if self.untouched.is_empty() {
                self.untouched = record.span.start as usize..end;
            } else {
                self.untouched.end = end;
            }
        } else {
            self.put_touched(batch, i, outcome, observer);
        }
        self.at_line_start = record.line_end > 0 || record.encoding == Encoding::MessagePack;
    }

    /// Puts findings that no event carries.
    pub fn put_alone<W: Observer>(&mut self, outcome: &Outcome, observer: &mut W) {
        observer.findings(&outcome.before);
        self.put_events(&outcome.before, &[], observer);
    }

    /// Sends all that was put by every end; how many bytes. What waits for the batch to leave goes with it.
    ///
    /// # Errors
    /// [`Undelivered`], after the lines that did leave were counted.
    pub fn send(&mut self, batch: &mut Batch, exits: &mut Exits) -> Result<usize, Undelivered> {
        let untouched = &batch.bytes[self.untouched.clone()];
        let lines = if self.ready.is_empty() {
            untouched
        } else {
            self.ready.extend_from_slice(untouched);
            &self.ready
        };
        let entries = std::mem::take(&mut self.entries);
        let tokens = std::mem::take(&mut batch.tokens);
        let result = exits.send(Load { lines, entries, records: self.records, tokens });
        self.records = 0;
        self.ready.clear();
        self.untouched = 0..0;
        result
    }

    #[cold]
    #[inline(never)]
    fn put_touched<W: Observer>(&mut self, batch: &Batch, i: usize, outcome: &Outcome, observer: &mut W) {
        let (record, look) = (&batch.records[i], &batch.looks[i]);
        self.ready.extend_from_slice(&batch.bytes[self.untouched.clone()]);
        self.untouched = 0..0;
        if outcome.fault.is_some() || !outcome.printed.is_empty() || !outcome.near_misses.is_empty() {
            observer.aside(outcome);
        }
        observer.findings(&outcome.before);
        observer.findings(&outcome.findings);
        let tag = batch.tag(i);
        self.put_events(&outcome.before, tag, observer);
        let raw = look.shape == Shape::Text && self.options.text == TextMode::Raw;
        if raw && !outcome.findings.is_empty() {
            observer.unheard(&outcome.findings);
        }
        if let Some(screen) = self.screen {
            screen.event(&batch.fields(i), &mut self.ready);
            let shown: &[Finding] = if raw { &[] } else { &outcome.findings };
            shown.iter().for_each(|finding| screen.finding(finding, &mut self.ready));
            return;
        }
        let annotated = !raw && !outcome.findings.is_empty() && self.annotate(batch, i, &outcome.findings, observer);
        if self.wants_entries {
            if annotated {
                self.entries.put_made(batch, i, &self.map, self.now);
            } else {
                self.entries.put(batch, i, self.now);
            }
        }
        if !self.wants_lines {
            return;
        }
        if self.options.reply == Reply::Changes {
            if record.line_end > 0 {
                self.put_changes(annotated);
            }
            return;
        }
        match look.shape {
            _ if annotated => self.ready.extend_from_slice(&self.annotated),
            _ if record.encoding == Encoding::MessagePack => self.put_map(batch, i),
            Shape::Text if !raw => self.ready.extend_from_slice(look.rendered.of(&batch.arena)),
            _ => self.ready.extend_from_slice(record.span.of(&batch.bytes)),
        }
        if record.encoding == Encoding::MessagePack {
            self.ready.push(b'\n');
        } else {
            self.ready.extend_from_slice(&batch.bytes[record.span.end()..record.end()]);
        }
    }

    /// A record of MessagePack as a line of JSON. It was looked at, so it is whole; nested too deep it is its bytes.
    fn put_map(&mut self, batch: &Batch, i: usize) {
        let map = batch.records[i].span.of(&batch.bytes);
        if packed::render(map, batch.lead(i), batch.tag(i), None, &mut self.ready).is_err() {
            self.ready.extend_from_slice(b"{\"message\":\"");
            escape_into(String::from_utf8_lossy(map).as_bytes(), &mut self.ready);
            self.ready.extend_from_slice(b"\"}");
        }
    }

    /// The reply to a line: its findings as a property, or nothing.
    fn put_changes(&mut self, annotated: bool) {
        self.ready.push(b'{');
        if annotated {
            self.ready.extend_from_slice(b"\"$!\":{\"");
            escape_into(self.options.member.as_bytes(), &mut self.ready);
            self.ready.extend_from_slice(b"\":[");
            self.ready.extend_from_slice(&self.findings);
            self.ready.extend_from_slice(b"]}");
        }
        self.ready.extend_from_slice(b"}\n");
    }

    /// Writes the event with as many of its findings as it can carry; the others leave before it on their own. False
    /// when it can carry none.
    fn annotate<W: Observer>(&mut self, batch: &Batch, i: usize, findings: &[Finding], observer: &mut W) -> bool {
        self.findings.clear();
        let mut carried = 0;
        for finding in findings {
            let (start, comma) = (self.findings.len(), usize::from(carried > 0));
            self.findings.extend(std::iter::repeat_n(b',', comma));
            let room =
                ANNOTATION_BYTES - ANNOTATION_FRAME - self.findings.len().min(ANNOTATION_BYTES - ANNOTATION_FRAME);
            if !finding.write(room, &mut self.findings) {
                self.findings.truncate(start);
                break;
            }
            carried += 1;
        }
        let spliced = self.splice(batch, i);
        if let Err(fault) = spliced {
            observer.fault(fault);
            carried = 0;
        }
        if carried == findings.len() {
            return true;
        }
        self.put_events(&findings[carried..], batch.tag(i), observer);
        carried > 0
    }

    /// The event of record `i` with the gathered findings, as each wanted form.
    fn splice(&mut self, batch: &Batch, i: usize) -> Result<(), Fault> {
        self.annotated.clear();
        self.map.clear();
        let (name, findings) = (&self.options.member, &self.findings);
        if self.wants_lines {
            if batch.records[i].encoding == Encoding::MessagePack {
                let (map, found) = (batch.records[i].span.of(&batch.bytes), Some((name.as_str(), &findings[..])));
                packed::render(map, batch.lead(i), batch.tag(i), found, &mut self.annotated)
                    .map_err(|_| Fault::Member)?;
            } else {
                splice::annotate(&batch.fields(i), &batch.arena, &batch.bytes, name, findings, &mut self.annotated)
                    .map_err(|splice::Unfit| Fault::Member)?;
            }
        }
        if self.wants_entries {
            Entries::annotated(batch, i, name, findings, &mut self.map).map_err(|_| Fault::Member)?;
        }
        match self.options.max_record_bytes {
            Some(most) if self.annotated.len().max(self.map.len()) > most => Err(Fault::RecordTooLong),
            _ => Ok(()),
        }
    }

    /// One event of our own for each finding, or none where the stream is not ours to add to.
    fn put_events<W: Observer>(&mut self, findings: &[Finding], tag: &[u8], observer: &mut W) {
        let not_ours = self.options.text == TextMode::Raw || self.options.reply == Reply::Changes;
        if not_ours || self.options.synthetic == SyntheticMode::Sink {
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
                self.entries.put_own(event, finding.said_at, tag);
            }
            if !self.wants_lines {
                self.ready.truncate(start);
            }
        }
    }
}

/// A finding as an event of its own, with its line end.
pub fn write_event(finding: &Finding, member: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"timestamp\":\"");
    finding.said_at.write_rfc3339(out);
    out.extend_from_slice(b"\",\"level\":\"");
    out.extend_from_slice(level_of(finding).name().as_bytes());
    out.extend_from_slice(b"\",\"source\":\"seismolog\",\"message\":\"");
    escape_into(finding.summary.as_bytes(), out);
    out.extend_from_slice(b"\",\"");
    escape_into(member.as_bytes(), out);
    out.extend_from_slice(b"\":[");
    finding.write(ANNOTATION_BYTES - ANNOTATION_FRAME, out);
    out.extend_from_slice(b"]}\n");
}

/// The level of the event that says a finding which no event carries: good news is information.
fn level_of(finding: &Finding) -> Level {
    match (finding.state, finding.severity) {
        (State::Resolved, _) | (_, Severity::Info) => Level::Info,
        (_, Severity::Warning) => Level::Warn,
        (_, Severity::Critical) => Level::Error,
    }
}
