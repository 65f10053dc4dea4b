//! What passes through: records in a shared batch buffer, and what one line says of itself.
//!
//! A [`Batch`] is what one read returned. The pure stage ([`parsed`]) turns each record's bytes
//! into a [`ParsedEvent`]: where its roles are, its time, its level, where a member could be
//! spliced in. Everything behind it (detectors, rules) sees only the [`Fields`] view, so that an
//! encoding other than a line of text needs no detour through JSON.

pub mod body;
pub mod charset;
mod clean;
#[cfg(test)]
mod corpus;
mod decoded;
mod default_host;
pub mod edit;
pub mod exception;
pub mod fault;
pub mod fields;
pub mod forward;
mod found;
pub mod inspect;
pub mod json;
pub mod layout;
pub mod level;
pub mod lines;
pub mod mask;
pub mod masked_message;
mod message_cache;
pub mod msgpack;
pub mod msgpack_record;
pub mod nested_message;
mod numbers;
pub(crate) mod operation;
pub mod parsed;
pub mod parser;
mod partial_lines;
pub mod prefilter;
pub mod roles;
mod slot;
pub mod splice;
pub mod stack_trace;
pub mod text;
pub mod text_duration;
pub mod time;
pub mod transcode;
pub mod unescape;
pub mod unpack;
mod written_duration;

pub use charset::{ByteOrder, Charset};
pub use edit::Edit;
pub use fault::Fault;
pub use fields::{Fields, Value};
pub use level::Level;
pub use message_cache::SECRET_BYTES;
pub use parsed::{ParsedEvent, Shape};
pub use parser::EventParser;
pub use prefilter::Prefilter;
pub use roles::Role;
pub use time::Timestamp;

use std::sync::Arc;

/// A range of bytes in a batch's buffers. 32 bits are enough: a batch is bounded far below 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// The span from `start` to `end`, which lie within a batch.
    #[inline]
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= u32::MAX as usize);
        Self { start: start as u32, len: (end - start) as u32 }
    }

    /// The bytes of this span in `buffer`.
    #[inline]
    #[must_use]
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start as usize..self.end()]
    }

    /// One past the last byte.
    #[inline]
    #[must_use]
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    /// True when it holds nothing.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// Which input a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source(pub u16);

/// A shipper's tag: its place in the batch's table of tags, from 1; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag(pub u16);

/// What a source wants back once everything in a batch has left. Dropped unreleased, it says that
/// it has not.
pub trait DeliveryToken: Send + Sync + std::fmt::Debug {
    /// All of it has left.
    fn release(self: Box<Self>);
}

/// How a record's bytes are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A line of text, perhaps JSON, without its line end.
    #[default]
    Line,
    /// The first piece of a line longer than `max_line_bytes`: passes unanalysed and is counted.
    Piece,
    /// What follows of such a line.
    Rest,
    /// A line of UTF-16.
    Utf16(ByteOrder),
    /// A map of MessagePack. In front of it stands [`Record::lead`]: its time, or an array of that
    /// and its metadata.
    MessagePack,
}

/// One event as it came: where its bytes are and where they came from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// The bytes without the line end, in [`Batch::bytes`].
    pub span: Span,
    /// How many bytes of line end follow: 0 at the end of input and between pieces, 1 for LF, 2 for
    /// CRLF; twice as many in UTF-16.
    pub line_end: u8,
    /// How to read the bytes.
    pub encoding: Encoding,
    /// The input.
    pub source: Source,
    /// The shipper's tag.
    pub tag: Tag,
    /// How many bytes in front of the span belong to it; 0 for lines.
    pub lead: u32,
}

impl Record {
    /// One past the line end.
    #[inline]
    #[must_use]
    pub fn end(&self) -> usize {
        self.span.end() + self.line_end as usize
    }
}

/// What one read returned: the bytes, the records in them, and what the pure stage made of each.
#[derive(Debug, Default)]
pub struct Batch {
    /// The bytes as read; only the first [`Batch::filled`] are meant.
    pub bytes: Vec<u8>,
    /// How much of `bytes` holds data.
    pub filled: usize,
    /// Text that the pure stage made: unescaped messages, text lines as JSON.
    pub arena: Vec<u8>,
    /// The records, in the order they came.
    pub records: Vec<Record>,
    /// One for each record.
    pub parsed: Vec<ParsedEvent>,
    /// The tags of its records, in the arena.
    pub tags: Vec<Span>,
    /// Finds the roles of each record that no filter of a rule matches.
    pub prefilter: Option<Arc<dyn Prefilter>>,
    /// Released when the whole batch has left. A batch leaves in one piece.
    pub tokens: Vec<Box<dyn DeliveryToken>>,
}

impl Batch {
    /// Most records of a batch. With its parsed event a record takes some 220 bytes, however short
    /// it is.
    pub const MOST_RECORDS: usize = 8 << 10;
    /// A batch that holds so many bytes takes no further record.
    pub const MOST_BYTES: usize = 256 << 10;

    /// The bytes read.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The view of record `i`, once parsed.
    #[inline]
    #[must_use]
    pub fn fields(&self, i: usize) -> Fields<'_> {
        Fields::new(self, i)
    }

    /// The views of record `i` and those behind it; at the batch's end the last one again and
    /// again.
    #[must_use]
    pub(crate) fn fields_from<const N: usize>(&self, i: usize) -> [Fields<'_>; N] {
        std::array::from_fn(|ahead| self.fields((i + ahead).min(self.records.len() - 1)))
    }

    /// The tag of record `i`; empty without one.
    #[must_use]
    pub fn tag(&self, i: usize) -> &[u8] {
        let tag = usize::from(self.records[i].tag.0);
        tag.checked_sub(1).and_then(|tag| self.tags.get(tag)).map_or(&[], |span| span.of(&self.arena))
    }

    /// The time, or time and metadata, of record `i` as it came; empty for lines.
    #[must_use]
    pub fn lead(&self, i: usize) -> &[u8] {
        let record = &self.records[i];
        let start = record.span.start as usize;
        &self.bytes[start - record.lead as usize..start]
    }

    /// Forgets the content and keeps the memory.
    pub fn clear(&mut self) {
        self.filled = 0;
        self.arena.clear();
        self.records.clear();
        self.parsed.clear();
        self.tags.clear();
        self.tokens.clear();
        self.prefilter = None;
    }
}
