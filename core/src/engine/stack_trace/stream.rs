//! The state of one stream of lines: its last event, and its header statistics.

use super::headers::Headers;
use crate::engine::finding::name_of;
use crate::engine::state::HeapSize;
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// Most bytes kept of the line before a trace, in which the name of the exception may be.
const HEAD_BYTES: usize = 256;

/// The event that a stack trace belongs to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Its level.
    pub level: Option<Level>,
    /// Its module; empty if it has none.
    pub module: String,
    /// Its host; empty if it has none.
    pub host: String,
    /// The beginning of its message.
    pub message: Vec<u8>,
}

impl Head {
    pub(super) fn read(&mut self, fields: &Fields<'_>, message: &[u8]) {
        self.level = fields.level();
        for (text, role) in [(&mut self.module, Role::Module), (&mut self.host, Role::Host)] {
            text.clear();
            let name = fields.text(role).unwrap_or_default();
            text.push_str(name_of(&name));
        }
        self.message.clear();
        self.message.extend_from_slice(&message[..message.len().min(HEAD_BYTES)]);
    }

    /// The text of its module or host.
    #[must_use]
    pub fn text(&self, role: Role) -> Option<Cow<'_, str>> {
        let text = match role {
            Role::Module => &self.module,
            Role::Host => &self.host,
            _ => return None,
        };
        (!text.is_empty()).then(|| text.as_str().into())
    }
}

/// The state of the lines of one source, or of one host in it.
#[derive(Clone, Debug, Default)]
pub(super) struct LineStream {
    /// Headers (times and levels) of lines without an envelope.
    pub(super) headers: Headers,
    /// Headers (levels) of lines inside an envelope, which gives each line a time.
    pub(super) inner: Headers,
    /// The last event.
    pub(super) head: Head,
    /// The key of traces that belong to the last event.
    pub(super) key: u64,
    /// The last event had a header, and no line without one was an event since.
    pub(super) below: bool,
    /// The last event had only a level as its header: only indented lines belong to it.
    pub(super) label: bool,
    /// The last event was text. A JSON object has no continuation lines.
    pub(super) text: bool,
}

impl HeapSize for LineStream {
    fn heap_size(&self) -> usize {
        self.head.module.capacity() + self.head.host.capacity() + self.head.message.capacity()
    }
}

/// The snapshot of the header statistics, by stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StreamHeaders(pub(super) Vec<(u64, Headers, Headers)>);

/// The stream of an event: its input, tag and host.
pub(in crate::engine) fn stream_of(fields: &Fields<'_>) -> u64 {
    let tag = fields.batch().tag(fields.place());
    let tag = if tag.is_empty() { 0 } else { xxh3_64(tag) };
    fields.parsed().host_hash() ^ tag ^ first_stream_of(usize::from(fields.record().source.0))
}

/// The stream of lines from a source that has not named a host yet.
pub(super) fn first_stream_of(source: usize) -> u64 {
    (source as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
