//! What is known of the lines of one stream: its last event, and whether its lines have headers.

use super::headers::Headers;
use crate::engine::finding::name_of;
use crate::engine::state::HeapSize;
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// Of the line before a trace, this much is kept to find the exception's name in it, in bytes.
const HEAD_BYTES: usize = 256;

/// The event that a trace belongs to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Its level.
    pub level: Option<Level>,
    /// Its module and host; empty where it names none.
    pub module: String,
    /// See there.
    pub host: String,
    /// What it says, cut.
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

    /// The text of one of its roles.
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

/// What is known of the lines of one source, or of one host in it.
#[derive(Clone, Debug, Default)]
pub(super) struct LineStream {
    /// Times and levels of bare lines of text.
    pub(super) headers: Headers,
    /// Levels inside of envelopes, which give each line a time.
    pub(super) inner: Headers,
    /// The last event.
    pub(super) head: Head,
    /// The key of its traces.
    pub(super) key: u64,
    /// That event had a header, and no line without one has come since that is an event.
    pub(super) below: bool,
    /// That event had a level in front and nothing else: only what is indented belongs to it.
    pub(super) label: bool,
    /// That event was text: a JSON object needs no further lines.
    pub(super) text: bool,
}

impl HeapSize for LineStream {
    fn heap_size(&self) -> usize {
        self.head.module.capacity() + self.head.host.capacity() + self.head.message.capacity()
    }
}

/// What a restart should know of streams: the headers, by stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StreamHeaders(pub(super) Vec<(u64, Headers, Headers)>);

/// Where the event comes from: an input, a tag, a host.
pub(in crate::engine) fn stream_of(fields: &Fields<'_>) -> u64 {
    let tag = fields.batch().tag(fields.place());
    let tag = if tag.is_empty() { 0 } else { xxh3_64(tag) };
    fields.parsed().host_hash() ^ tag ^ first_stream_of(usize::from(fields.record().source.0))
}

/// The stream of lines of a source that have named no host yet.
pub(super) fn first_stream_of(source: usize) -> u64 {
    (source as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
