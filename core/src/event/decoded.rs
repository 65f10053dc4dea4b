//! Lines that cannot be read as they are: decoded, or made strict, into the arena and looked at
//! there.

use super::parsed::{Annotation, Form, ParsedEvent, Shape};
use super::parser::EventParser;
use super::{Charset, Encoding, Fault, Record, Span, json};

impl EventParser {
    /// Reads lines that are no UTF-8 as this.
    #[must_use]
    pub fn with_charset(mut self, charset: Charset) -> Self {
        self.charset = charset;
        self
    }

    /// Reads a line that is no UTF-8 in the encoding that it is in.
    #[cold]
    pub(super) fn parse_decoded(
        &mut self,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        record: &Record,
        parsed: &mut ParsedEvent,
    ) {
        let start = arena.len();
        if !self.charset.decode(record, bytes, arena) {
            parsed.fault = Some(Fault::Utf8);
            return;
        }
        let mut text = std::mem::take(&mut self.decoded);
        text.clear();
        text.extend_from_slice(&arena[start..]);
        let line = Record { span: Span::new(0, text.len()), encoding: Encoding::Line, ..*record };
        self.parse_record(&text, arena, &line, true, parsed);
        // It was no strict JSON: then all places are of what was made of it.
        if parsed.decoded.is_empty() {
            parsed.move_to_arena(Span::new(start, start + text.len()));
        }
        self.decoded = text;
    }

    /// Reads an object that is no strict JSON. Nothing is ever spliced into such a one.
    #[cold]
    pub(super) fn parse_lenient(
        &mut self,
        object: &[u8],
        arena: &mut Vec<u8>,
        record: &Record,
        parsed: &mut ParsedEvent,
    ) -> bool {
        let start = arena.len();
        if !json::to_strict(object, arena) {
            return false;
        }
        let text = arena[start..].to_vec();
        let line = Record { span: Span::new(0, text.len()), encoding: Encoding::Line, ..*record };
        *parsed = ParsedEvent::default();
        self.parse_record(&text, arena, &line, true, parsed);
        parsed.move_to_arena(Span::new(start, start + text.len()));
        parsed.insert.annotation = Annotation::Unfit;
        true
    }
}

impl ParsedEvent {
    /// The line that was looked at lies at `decoded` in the arena: so do all places in it.
    fn move_to_arena(&mut self, decoded: Span) {
        self.decoded = decoded;
        for slot in self.slots.iter_mut().filter(|slot| slot.form != Form::Absent && !slot.in_arena) {
            slot.span.start += decoded.start;
            slot.in_arena = true;
        }
        if matches!(self.shape, Shape::Json | Shape::Own) {
            self.insert.open += decoded.start;
            self.insert.close += decoded.start;
            if let Annotation::Array { close, .. } = &mut self.insert.annotation {
                *close += decoded.start;
            }
        }
    }
}
