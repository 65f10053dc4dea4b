//! An event that a rule emitted: it goes through the rules once and leaves as an event of its own.

use super::finding::Finding;
use crate::event::parsed::{ParsedEvent, Shape};
use crate::event::{Batch, Edit, EventParser, Fields, Record, Span};

/// An emitted event and the results of the rules on it.
#[derive(Debug)]
pub struct Emitted {
    /// A batch with only this event.
    pub batch: Batch,
    /// Findings of rules on it.
    pub findings: Vec<Finding>,
    /// Edits that rules ask for.
    pub edit: Edit,
}

impl Emitted {
    /// Parses `bytes`, which is one JSON object. Without a parser the event is opaque: no rule sees
    /// it.
    #[must_use]
    pub fn new(bytes: Vec<u8>, parser: Option<&mut EventParser>) -> Self {
        let filled = bytes.len();
        let record = Record { span: Span::new(0, filled), ..Record::default() };
        let mut batch = Batch { bytes, filled, records: vec![record], ..Batch::default() };
        match parser {
            Some(parser) => parser.parse(&mut batch),
            None => batch.parsed.push(ParsedEvent { shape: Shape::Opaque, ..ParsedEvent::default() }),
        }
        Self { batch, findings: Vec::new(), edit: Edit::default() }
    }

    /// The view of the event that rules get.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        self.batch.fields(0)
    }
}
