//! What leaves: untouched records as the bytes that came, the others with what was found written into them.
//!
//! Runs of untouched records are kept as one range of the batch. A batch that nothing touched is written from the very
//! buffer it was read into.

use crate::engine::Outcome;
use crate::engine::emitted::Emitted;
use crate::engine::finding::{Finding, Severity, State};
use crate::event::splice;
use crate::event::unescape::escape_into;
use crate::event::{Batch, Edit, Fault, Level, Shape};
use crate::io::shutdown::Progress;
use crate::io::stdio::{Output, Undelivered};
use crate::pipeline::Observer;
use crate::terminal::Screen;
use rustix::fd::AsFd;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::atomic::Ordering;

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
    /// The event at hand with its findings.
    annotated: Vec<u8>,
    at_line_start: bool,
    records: u64,
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
            at_line_start: true,
            records: 0,
        }
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
        if outcome.is_quiet() && (shape != Shape::Text || self.options.text == TextMode::Raw) && self.screen.is_none() {
            if self.untouched.is_empty() {
                self.untouched = record.span.start as usize..end;
            } else {
                self.untouched.end = end;
            }
        } else {
            self.put_touched(batch, i, outcome, observer);
            if outcome.edit.withheld {
                return;
            }
        }
        self.at_line_start = record.line_end > 0;
    }

    /// Puts findings that no event carries.
    pub fn put_alone<W: Observer>(&mut self, outcome: &Outcome, observer: &mut W) {
        if outcome.fault.is_some() || !outcome.printed.is_empty() {
            observer.aside(outcome);
        }
        observer.findings(&outcome.before, None);
        self.put_events(&outcome.before, observer);
        outcome.emitted.iter().for_each(|emitted| self.put_emitted(emitted, observer));
    }

    /// Writes all that was put, in one write; how many bytes.
    ///
    /// # Errors
    /// [`Undelivered`], after the lines that did leave were counted.
    pub fn send<O: AsFd>(
        &mut self,
        batch: &Batch,
        output: &mut Output<O>,
        progress: &Progress,
    ) -> Result<usize, Undelivered> {
        let bytes = if self.ready.is_empty() {
            &batch.bytes[self.untouched.clone()]
        } else {
            self.ready.extend_from_slice(&batch.bytes[self.untouched.clone()]);
            &self.ready
        };
        let written = bytes.len();
        let result = output.write_all(bytes);
        if let Err(undelivered) = &result {
            let lines = memchr::memchr_iter(b'\n', &bytes[..undelivered.written]).count() as u64;
            progress.delivered.fetch_add(lines.min(self.records), Ordering::AcqRel);
        } else {
            progress.delivered.fetch_add(self.records, Ordering::AcqRel);
        }
        self.records = 0;
        self.ready.clear();
        self.untouched = 0..0;
        result.map(|()| written)
    }

    #[cold]
    #[inline(never)]
    fn put_touched<W: Observer>(&mut self, batch: &Batch, i: usize, outcome: &Outcome, observer: &mut W) {
        self.ready.extend_from_slice(&batch.bytes[self.untouched.clone()]);
        self.untouched = 0..0;
        if outcome.fault.is_some() || !outcome.printed.is_empty() || !outcome.near_misses.is_empty() {
            observer.aside(outcome);
        }
        observer.findings(&outcome.before, None);
        observer.findings(&outcome.findings, Some(&batch.fields(i)));
        self.put_events(&outcome.before, observer);
        outcome.emitted.iter().for_each(|emitted| self.put_emitted(emitted, observer));
        self.put_record(batch, i, &outcome.findings, &outcome.edit, observer);
    }

    /// An event that a rule made, with its line end; nowhere where the stream is not ours to add to.
    fn put_emitted<W: Observer>(&mut self, emitted: &Emitted, observer: &mut W) {
        observer.findings(&emitted.findings, Some(&emitted.batch.fields(0)));
        if self.options.text == TextMode::Raw || self.options.synthetic == SyntheticMode::Sink {
            observer.unheard(&emitted.findings);
            return;
        }
        if emitted.edit.withheld {
            return;
        }
        self.put_record(&emitted.batch, 0, &emitted.findings, &emitted.edit, observer);
        if self.screen.is_none() {
            self.ready.push(b'\n');
        }
    }

    /// One record with its findings, as rules wish it.
    fn put_record<W: Observer>(
        &mut self,
        batch: &Batch,
        i: usize,
        findings: &[Finding],
        edit: &Edit,
        observer: &mut W,
    ) {
        let (record, look) = (&batch.records[i], &batch.looks[i]);
        let raw = look.shape == Shape::Text && self.options.text == TextMode::Raw;
        if raw && !findings.is_empty() {
            observer.unheard(findings);
        }
        if edit.withheld {
            return;
        }
        if let Some(screen) = self.screen {
            if edit.masks.is_empty() {
                screen.event(&batch.fields(i), &mut self.ready);
            } else {
                // The view of the event is of what must not be seen.
                self.put_masked(batch, i, edit, raw);
                self.ready.push(b'\n');
            }
            let shown: &[Finding] = if raw { &[] } else { findings };
            shown.iter().for_each(|finding| screen.finding(finding, &mut self.ready));
            return;
        }
        if !raw
            && (!findings.is_empty() || !edit.members.is_empty())
            && self.annotate(batch, i, findings, edit, observer)
        {
            self.ready.extend_from_slice(&self.annotated);
        } else if !edit.masks.is_empty() {
            self.put_masked(batch, i, edit, raw);
        } else if look.shape == Shape::Text && !raw {
            self.ready.extend_from_slice(look.rendered.of(&batch.arena));
        } else {
            self.ready.extend_from_slice(record.span.of(&batch.bytes));
        }
        self.ready.extend_from_slice(&batch.bytes[record.span.end()..record.end()]);
    }

    /// The event without findings and members, with its masks, which are never left out.
    fn put_masked(&mut self, batch: &Batch, i: usize, edit: &Edit, raw: bool) {
        let fields = batch.fields(i);
        if raw {
            let line = String::from_utf8_lossy(fields.line());
            self.ready.extend_from_slice(edit.masked(&line).as_deref().unwrap_or(&line).as_bytes());
            return;
        }
        let masks = Edit { masks: edit.masks.clone(), ..Edit::default() };
        let (member, out) = (&self.options.member, &mut self.ready);
        // Rules see JSON and text only, and both can be masked; anything else leaves as it came.
        if splice::edit(&fields, &batch.arena, &batch.bytes, &masks, member, &[], out).is_err() {
            self.ready.extend_from_slice(fields.line());
        }
    }

    /// Writes the event, as rules wish it, with as many of its findings as it can carry; the others leave before it on
    /// their own. False when it can carry nothing.
    fn annotate<W: Observer>(
        &mut self,
        batch: &Batch,
        i: usize,
        findings: &[Finding],
        edit: &Edit,
        observer: &mut W,
    ) -> bool {
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
        let mut written = true;
        if let Err(fault) = self.splice(batch, i, edit) {
            observer.fault(fault);
            carried = 0;
            // Without findings what rules add may fit.
            self.findings.clear();
            written = !findings.is_empty() && !edit.members.is_empty() && self.splice(batch, i, edit).is_ok();
        }
        self.put_events(&findings[carried..], observer);
        written
    }

    /// The event of record `i` with the gathered findings, into `annotated`.
    fn splice(&mut self, batch: &Batch, i: usize, edit: &Edit) -> Result<(), Fault> {
        self.annotated.clear();
        let (name, findings) = (&self.options.member, &self.findings);
        splice::edit(&batch.fields(i), &batch.arena, &batch.bytes, edit, name, findings, &mut self.annotated)
            .map_err(|splice::Unfit| Fault::Member)?;
        match self.options.max_record_bytes {
            Some(most) if self.annotated.len() > most => Err(Fault::RecordTooLong),
            _ => Ok(()),
        }
    }

    /// One event of our own for each finding, or none where the stream is not ours to add to.
    fn put_events<W: Observer>(&mut self, findings: &[Finding], observer: &mut W) {
        if self.options.text == TextMode::Raw || self.options.synthetic == SyntheticMode::Sink {
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
