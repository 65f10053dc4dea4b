//! The template miner, shared by all detectors and rules.
//!
//! Stage one, in the parser, masks the variables of a message and hashes the result, the *masked
//! message* (`event/masked_message/`). This is stage two: it maps masked messages to templates. A
//! known masked message takes one table lookup, or three if its template was merged. A new one is
//! folded where it repeats itself (`fold.rs`), compared with the user's seeds (`seed.rs`) and, word
//! by word, with all other masked messages (`wildcard.rs`). Where a position turns out to vary, the
//! templates that differ there are merged into one; the merge is announced, and the old ids refer
//! to the new one.
//!
//! An id is the hash of the template's masked message, so it is the same after a restart and in
//! another process. An event gets the merged id as of its arrival. Memory: about 250 bytes a
//! template, 24 a masked message, and 25 to 50 a wildcard; all are capped and evictions counted.

mod first_sight;
mod fold;
mod id;
mod learn;
mod seed;
mod state;
mod variant;
mod wildcard;
mod wording;

use crate::engine::state::TableUse;
use crate::engine::state::{Evict, HeapSize, Table, allocated};
use crate::event::masked_message::{MaskedMessage, Masks};
use crate::event::{Fields, Level, Role, Timestamp};
pub use id::TemplateId;
use id::id_of;
use seed::Seed;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use wildcard::Wildcards;
use wording::variables;

/// Most bytes of an example line that a template stores and a finding shows.
const EXAMPLE_BYTES: usize = 200;

/// Cuts a line to the length of an example.
pub(super) fn example_of(message: &str) -> &str {
    &message[..message.floor_char_boundary(EXAMPLE_BYTES)]
}

/// The template of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemplateMatch {
    /// The template after all merges so far; 0 for an event without a message.
    pub id: TemplateId,
    /// How often the template was seen, including this event; 1 for the first time. Too low after
    /// an eviction.
    pub count: u64,
}

/// A merge of two templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The id that was merged.
    pub from: TemplateId,
    /// The id that replaces it.
    pub into: TemplateId,
}

/// A template and its statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its first message with `<*>` for variables, or a seed's text; cut to 400 bytes.
    pub text: String,
    /// The masked message whose hash is the id; empty if it equals `text`, as for messages without
    /// variables and punctuation.
    words: String,
    /// An example message, cut to 200 bytes; empty if it equals `text`, as for messages without
    /// variables.
    example: String,
    /// How often it has been seen.
    pub count: u64,
    /// The highest level seen.
    pub level: Option<Level>,
    /// When it was first seen, in stream time.
    pub first: Timestamp,
    /// When it was last seen, in stream time.
    pub last: Timestamp,
    /// The template that this one was merged into.
    into: Option<TemplateId>,
}

impl Template {
    /// An example message, cut to 200 bytes.
    #[must_use]
    pub fn example(&self) -> &str {
        if self.example.is_empty() { &self.text } else { &self.example }
    }

    /// The masked message whose hash is the id.
    fn words(&self) -> &str {
        if self.words.is_empty() { &self.text } else { &self.words }
    }
}

impl HeapSize for Template {
    fn heap_size(&self) -> usize {
        [&self.text, &self.words, &self.example].map(|text| allocated(text.capacity())).iter().sum()
    }
}

/// The options of the miner.
#[derive(Clone, Debug, Default)]
pub struct TemplateOptions {
    /// Additional patterns for variables.
    pub masks: Masks,
    /// Templates given by the user, with `<*>` for each variable.
    pub seeds: Vec<String>,
}

/// All templates of a stream.
#[derive(Debug)]
pub struct Templates {
    /// A reader for new masked messages, whose words are needed.
    masked: MaskedMessage,
    seeds: Vec<Seed>,
    /// Templates by id. For most templates the id is the hash of their only masked message.
    templates: Table<Template>,
    /// The templates of all other masked messages, by the hash of the masked message.
    masked_messages: Table<TemplateId>,
    wildcards: Wildcards,
    merged: u64,
}

impl Templates {
    /// An empty miner for at most `keys` templates, and twice as many masked messages and
    /// wildcards.
    #[must_use]
    pub fn new(keys: usize, options: &TemplateOptions) -> Self {
        let mut masked = MaskedMessage::new(options.masks.clone());
        let seeds = options.seeds.iter().filter_map(|text| Seed::new(text, &mut masked)).collect();
        Self {
            masked,
            seeds,
            masked_messages: Table::new(keys.saturating_mul(2)),
            templates: Table::new(keys),
            wildcards: Wildcards::new(keys.saturating_mul(2)),
            merged: 0,
        }
    }

    /// Returns the template of an event, and appends the merges that it causes to `merges`.
    #[inline]
    pub fn see(&mut self, fields: &Fields<'_>, now: Timestamp, merges: &mut Vec<Merge>) -> TemplateMatch {
        let parsed = fields.parsed();
        if parsed.masked_hash == 0 {
            return TemplateMatch::default();
        }
        let own = TemplateId(parsed.masked_hash);
        if let Some(found) = self.count(own, parsed.level, now) {
            return found;
        }
        if let Some(&mut id) = self.masked_messages.touched(own.0)
            && let Some(found) = self.count(id, parsed.level, now)
        {
            return found;
        }
        self.see_again(fields, now, merges)
    }

    /// Counts an event of a template; none if the template was merged or evicted.
    #[inline]
    fn count(&mut self, id: TemplateId, level: Option<Level>, now: Timestamp) -> Option<TemplateMatch> {
        let template = self.templates.touched(id.0)?;
        if template.into.is_some() {
            return None;
        }
        template.count += 1;
        template.last = now;
        template.level = template.level.max(level);
        Some(TemplateMatch { id, count: template.count })
    }

    /// The template that `id` refers to after all merges so far.
    #[must_use]
    pub fn root(&self, mut id: TemplateId) -> TemplateId {
        // Merges only lead from older to newer templates. The limit guards against a damaged
        // snapshot.
        for _ in 0..64 {
            match self.templates.get(id.0).and_then(|template| template.into) {
                Some(into) if into != id => id = into,
                _ => break,
            }
        }
        id
    }

    /// A template, or the one that it was merged into; none if it was never seen or was evicted.
    #[must_use]
    pub fn get(&self, id: TemplateId) -> Option<&Template> {
        self.templates.get(self.root(id).0)
    }

    /// The text of a template, with `<*>` for variables.
    #[must_use]
    pub fn text(&self, id: TemplateId) -> Option<&str> {
        self.get(id).map(|template| template.text.as_str())
    }

    /// All current templates, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = (TemplateId, &Template)> {
        let standing = self.templates.iter().filter(|(_, template)| template.into.is_none() && template.count > 0);
        standing.map(|(key, template)| (TemplateId(key), template))
    }

    /// The values of the variables of template `id` in an event's message, in order.
    #[must_use]
    pub fn params(&self, fields: &Fields<'_>, id: TemplateId) -> Vec<String> {
        let Some(message) = fields.text(Role::Message) else { return Vec::new() };
        let mut masked = self.masked.clone();
        masked.read(message.as_bytes());
        let text = masked.text();
        let words = masked.words(&text);
        let template: Vec<_> = self.get(id).map_or(&*text, Template::words).split(' ').collect();
        let origin = |(from, to)| Some(masked.origin(from)?.start..masked.origin(to)?.end);
        let said = |range: Range<usize>| message.get(range).unwrap_or_default().to_owned();
        variables(&template, &words).into_iter().filter_map(origin).map(said).collect()
    }

    /// Evicted templates and masked messages. After an eviction, a first occurrence proves nothing.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.templates.evictions() + self.masked_messages.evictions()
    }

    /// Templates that were merged into others.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// Passes each table that shares the engine's memory budget to `visit`.
    pub(crate) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.masked_messages);
        visit(&mut self.templates);
        self.wildcards.bounded(visit);
    }

    /// The sizes of all tables, for metrics.
    #[must_use]
    pub fn tables(&self) -> Vec<TableUse> {
        let used = |table, keys: usize, evictions| TableUse { table, keys: keys as u64, evictions };
        vec![
            used("templates", self.templates.len(), self.templates.evictions()),
            used("template_skeletons", self.masked_messages.len(), self.masked_messages.evictions()),
            used("template_holes", self.wildcards.len(), self.wildcards.evictions()),
        ]
    }
}

#[cfg(test)]
mod tests;
