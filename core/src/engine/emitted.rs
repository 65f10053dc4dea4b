//! An event that a rule has made: it goes through the rules once and leaves as an event of its own.

use super::finding::Finding;
use crate::event::parsed::{ParsedEvent, Shape};
use crate::event::{Batch, Edit, EventParser, Fields, Record, Span};

/// One such event, and what came of it.
#[derive(Debug)]
pub struct Emitted {
    /// A batch of this one event.
    pub batch: Batch,
    /// What rules found on it.
    pub findings: Vec<Finding>,
    /// What rules wish for it.
    pub edit: Edit,
}

impl Emitted {
    /// `bytes` is one JSON object. Without a parser it is opaque and is seen by no rule.
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

    /// The view of it that rules have.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        self.batch.fields(0)
    }
}
