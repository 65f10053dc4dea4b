//! Writes findings, and what rules change, into an event.

use super::OutputEncoder;
use crate::engine::finding::Finding;
use crate::event::msgpack::Reader;
use crate::event::{Batch, Edit, Encoding, Fault, msgpack_record, splice, transcode};
use crate::io::entries;
use crate::observer::Observer;

/// Longest annotation of an event, in bytes.
pub(super) const ANNOTATION_BYTES: usize = 8 << 10;

/// The part of the annotation that is not findings, in bytes: brackets and the end of the event.
pub(super) const ANNOTATION_FRAME: usize = 16;

impl OutputEncoder {
    /// Writes the event with only its masks. Masks are never left out: an event that cannot be
    /// masked is withheld.
    pub(super) fn mask(&mut self, batch: &Batch, i: usize, edit: &Edit, raw: bool) -> Result<(), Fault> {
        self.findings.clear();
        let masks = Edit { masks: edit.masks.clone(), ..Edit::default() };
        self.make(batch, i, &masks).map_err(|_| Fault::Mask)?;
        if raw {
            let fields = batch.fields(i);
            let line = String::from_utf8_lossy(fields.line());
            self.annotated.clear();
            self.annotated.extend_from_slice(edit.masked(&line).as_deref().unwrap_or(&line).as_bytes());
        }
        Ok(())
    }

    /// Writes the event with the changes of rules and as many of its findings as fit; the others
    /// become events of their own in front of it. Returns false if nothing fits.
    pub(super) fn annotate<W: Observer>(
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
            // The members that rules add may fit without the findings.
            self.findings.clear();
            written = !findings.is_empty() && !edit.members.is_empty() && self.splice(batch, i, edit).is_ok();
        }
        self.put_events(&findings[carried..], batch.tag(i), observer);
        written
    }

    /// Writes record `i` with the gathered findings in each wanted form, and checks the limits.
    fn splice(&mut self, batch: &Batch, i: usize, edit: &Edit) -> Result<(), Fault> {
        self.make(batch, i, edit)?;
        let line = if self.wants_lines { self.annotated.len() } else { 0 };
        let map = if self.wants_entries { self.map.len() } else { 0 };
        let most = self.options.max_record_bytes.unwrap_or(usize::MAX);
        if line.max(map) > most || map > self.options.entries.most_bytes {
            return Err(Fault::RecordTooLong);
        }
        Ok(())
    }

    /// Writes record `i` with the gathered findings as a line into `annotated` and as a map into
    /// `map`.
    fn make(&mut self, batch: &Batch, i: usize, edit: &Edit) -> Result<(), Fault> {
        self.annotated.clear();
        self.map.clear();
        let (name, findings) = (&self.options.member, &self.findings);
        if batch.records[i].encoding == Encoding::MessagePack {
            let map = batch.records[i].span.of(&batch.bytes);
            msgpack_record::edit(map, edit, name, findings, &mut self.map).map_err(|_| Fault::Member)?;
            // Additions may be nested deeper than the record, whose depth the receiver is known to
            // accept.
            if self.wants_entries && Reader::new(&self.map, 0).skip_within(self.options.entries.deepest).is_err() {
                return Err(Fault::Member);
            }
            if self.wants_lines {
                msgpack_record::render(&self.map, batch.lead(i), batch.tag(i), None, &mut self.annotated)
                    .map_err(|_| Fault::Member)?;
            }
            return Ok(());
        }
        splice::edit(&batch.fields(i), &batch.arena, &batch.bytes, edit, name, findings, &mut self.annotated)
            .map_err(|splice::Unfit| Fault::Member)?;
        let deepest = self.options.entries.deepest;
        if self.wants_entries
            && transcode::from_json_within(self.annotated.trim_ascii(), deepest, &mut self.map).is_err()
        {
            if !findings.is_empty() || !edit.members.is_empty() {
                return Err(Fault::Member);
            }
            entries::put_as_message(&self.annotated, &mut self.map);
        }
        Ok(())
    }
}
