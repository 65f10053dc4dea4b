//! An event that is held back until its kind is known: the first line of a stack trace without a
//! level, or a line that may begin one.

use crate::event::parsed::{Form, ParsedEvent};
use crate::event::{Batch, Fields, Level, Record, Role, Shape, Span};
use xxhash_rust::xxh3::xxh3_64;

/// Most bytes kept of a role. A longer message is cut; other roles are then left out.
const ROLE_BYTES: usize = 1 << 10;

/// A copy of one event: a batch with its roles only.
#[derive(Debug)]
pub(crate) struct HeldEvent {
    batch: Batch,
}

impl HeldEvent {
    /// Copies the event of `fields`. `host` is used where the event has none.
    pub(super) fn new(fields: &Fields<'_>, host: &str) -> Self {
        let mut parsed =
            ParsedEvent { shape: Shape::Text, may_have_trace: false, unmatched_roles: 0, ..*fields.parsed() };
        let mut bytes = Vec::new();
        for (slot, role) in parsed.slots.iter_mut().zip(Role::ALL) {
            let value = fields.raw(role).unwrap_or_default();
            if slot.form == Form::Absent || value.len() > ROLE_BYTES && role != Role::Message {
                slot.form = Form::Absent;
                continue;
            }
            let start = bytes.len();
            bytes.extend_from_slice(&value[..value.len().min(ROLE_BYTES)]);
            (slot.span, slot.in_arena) = (Span::new(start, bytes.len()), false);
        }
        let of_host = &mut parsed.slots[Role::Host as usize];
        if of_host.form == Form::Absent && !host.is_empty() {
            let start = bytes.len();
            bytes.extend_from_slice(host.as_bytes());
            (of_host.span, of_host.form) = (Span::new(start, bytes.len()), Form::Text);
            parsed.add_host(xxh3_64(host.as_bytes()));
        }
        let message = parsed.slots[Role::Message as usize].span;
        let record = Record { span: message, source: fields.record().source, ..Record::default() };
        let filled = bytes.len();
        parsed.rendered = Span::default();
        Self { batch: Batch { bytes, filled, records: vec![record], parsed: vec![parsed], ..Batch::default() } }
    }

    /// Raises the level to at least `level` and replaces the message by `said`, a text and the hash
    /// of the masked message.
    pub(super) fn becomes(&mut self, level: Level, said: Option<(&[u8], u64)>) {
        let Some(parsed) = self.batch.parsed.first_mut() else { return };
        parsed.level = parsed.level.max(Some(level));
        let Some((said, masked_hash)) = said else { return };
        let start = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(said);
        self.batch.filled = self.batch.bytes.len();
        let slot = &mut parsed.slots[Role::Message as usize];
        (slot.span, slot.form, slot.in_arena) = (Span::new(start, self.batch.filled), Form::Text, false);
        (parsed.message_hash, parsed.masked_hash) = (xxh3_64(said), masked_hash);
        self.batch.records[0].span = slot.span;
    }

    /// The message, trimmed.
    pub(super) fn message(&self) -> &[u8] {
        self.fields().raw(Role::Message).unwrap_or_default().trim_ascii()
    }

    /// The view of the event that detectors get.
    pub(crate) fn fields(&self) -> Fields<'_> {
        self.batch.fields(0)
    }
}
