//! The template miner that all detectors and rules share.
//!
//! The pure stage has hashed each message's skeleton (`event/skeleton/`); here a skeleton becomes a
//! template. A hit is one table look-up, or three where it was merged. Only a skeleton never seen
//! is worked on: told once where it repeats itself (`fold.rs`), compared with a user's seeds
//! (`seed.rs`) and, word by word, with all others (`hole.rs`). Where a position turns out to vary
//! the templates that differ there are merged into one; the merge is announced, and old ids lead
//! to the one that stays.
//!
//! An id is the hash of the template's skeleton: the same after a restart and in another process.
//! What an event is given is the root at its arrival. Memory: about 250 bytes a template and 24 a
//! skeleton, 25 to 50 a hole; all capped and counted.

mod first_sight;
mod fold;
mod hole;
mod id;
mod learn;
mod seed;
mod state;
mod variant;
mod wording;

use crate::engine::state::TableUse;
use crate::engine::state::{Evict, HeapSize, Table, allocated};
use crate::event::skeleton::{Masks, Skeleton};
use crate::event::{Fields, Level, Role, Timestamp};
use hole::Holes;
pub use id::TemplateId;
use id::id_of;
use seed::Seed;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use wording::variables;

/// Bytes of an example line that a template keeps and a finding shows.
const EXAMPLE_BYTES: usize = 200;

/// As much of a line as is kept and shown of an example.
pub(super) fn example_of(message: &str) -> &str {
    &message[..message.floor_char_boundary(EXAMPLE_BYTES)]
}

/// The template of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemplateMatch {
    /// The template at arrival, after all merges so far; 0 for an event without a message.
    pub id: TemplateId,
    /// How often it has been seen, this event included: 1 is its first sight. Less than the truth
    /// after an eviction.
    pub count: u64,
}

/// Two templates turned out to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The id that is no more.
    pub from: TemplateId,
    /// The id that stands for both.
    pub into: TemplateId,
}

/// What is known of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its first message with `<*>` for variables, or a seed's text; cut to 400 bytes.
    pub text: String,
    /// The skeleton that its id is the hash of; empty where it is `text`, as it is without
    /// variables and punctuation.
    words: String,
    /// A message of it, cut to 200 bytes; empty where it is `text`, as it is without variables.
    example: String,
    /// How often it has been seen.
    pub count: u64,
    /// The worst level at which it has come.
    pub level: Option<Level>,
    /// When it was first seen, by the stream's time.
    pub first: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
    /// The template that stands for this one since a merge.
    into: Option<TemplateId>,
}

impl Template {
    /// A message of it, cut to 200 bytes.
    #[must_use]
    pub fn example(&self) -> &str {
        if self.example.is_empty() { &self.text } else { &self.example }
    }

    /// The skeleton that its id is the hash of.
    fn words(&self) -> &str {
        if self.words.is_empty() { &self.text } else { &self.words }
    }
}

impl HeapSize for Template {
    fn heap_size(&self) -> usize {
        [&self.text, &self.words, &self.example].map(|text| allocated(text.capacity())).iter().sum()
    }
}

/// What a user can tell the miner.
#[derive(Clone, Debug, Default)]
pub struct TemplateOptions {
    /// What they match is a variable.
    pub masks: Masks,
    /// Templates that are known from the start, `<*>` for each variable.
    pub seeds: Vec<String>,
}

/// All templates of a stream.
#[derive(Debug)]
pub struct Templates {
    /// For skeletons never seen, whose words are needed.
    skeleton: Skeleton,
    seeds: Vec<Seed>,
    /// By their ids; most are the hashes of the only skeleton that they have.
    templates: Table<Template>,
    /// Of the other skeletons, by their hashes, the templates.
    skeletons: Table<TemplateId>,
    holes: Holes,
    merged: u64,
}

impl Templates {
    /// None known; at most `keys` templates and twice as many skeletons and holes are held.
    #[must_use]
    pub fn new(keys: usize, options: &TemplateOptions) -> Self {
        let mut skeleton = Skeleton::new(options.masks.clone());
        let seeds = options.seeds.iter().filter_map(|text| Seed::new(text, &mut skeleton)).collect();
        Self {
            skeleton,
            seeds,
            skeletons: Table::new(keys.saturating_mul(2)),
            templates: Table::new(keys),
            holes: Holes::new(keys.saturating_mul(2)),
            merged: 0,
        }
    }

    /// Takes an event; merges that it brings are appended to `merges`.
    #[inline]
    pub fn see(&mut self, fields: &Fields<'_>, now: Timestamp, merges: &mut Vec<Merge>) -> TemplateMatch {
        let parsed = fields.parsed();
        if parsed.skeleton == 0 {
            return TemplateMatch::default();
        }
        let own = TemplateId(parsed.skeleton);
        if let Some(sighting) = self.count(own, parsed.level, now) {
            return sighting;
        }
        if let Some(&mut id) = self.skeletons.touched(own.0)
            && let Some(sighting) = self.count(id, parsed.level, now)
        {
            return sighting;
        }
        self.see_again(fields, now, merges)
    }

    /// One more event of a template that stands; none where it is no more.
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

    /// The template that stands for `id` after all merges so far.
    #[must_use]
    pub fn root(&self, mut id: TemplateId) -> TemplateId {
        // Merges only lead from older to younger roots; the bound is for a damaged snapshot.
        for _ in 0..64 {
            match self.templates.get(id.0).and_then(|template| template.into) {
                Some(into) if into != id => id = into,
                _ => break,
            }
        }
        id
    }

    /// What is known of a template or of the one that it was merged into; none when it was never
    /// seen or is forgotten.
    #[must_use]
    pub fn get(&self, id: TemplateId) -> Option<&Template> {
        self.templates.get(self.root(id).0)
    }

    /// The text of a template, variables as `<*>`.
    #[must_use]
    pub fn text(&self, id: TemplateId) -> Option<&str> {
        self.get(id).map(|template| template.text.as_str())
    }

    /// All templates that stand, in no order that means anything.
    pub fn all(&self) -> impl Iterator<Item = (TemplateId, &Template)> {
        let standing = self.templates.iter().filter(|(_, template)| template.into.is_none() && template.count > 0);
        standing.map(|(key, template)| (TemplateId(key), template))
    }

    /// The values of the variables in an event's message, in order, as its template `id` has them.
    #[must_use]
    pub fn params(&self, fields: &Fields<'_>, id: TemplateId) -> Vec<String> {
        let Some(message) = fields.text(Role::Message) else { return Vec::new() };
        let mut skeleton = self.skeleton.clone();
        skeleton.read(message.as_bytes());
        let text = skeleton.text();
        let words = skeleton.words(&text);
        let template: Vec<_> = self.get(id).map_or(&*text, Template::words).split(' ').collect();
        let origin = |(from, to)| Some(skeleton.origin(from)?.start..skeleton.origin(to)?.end);
        let said = |range: Range<usize>| message.get(range).unwrap_or_default().to_owned();
        variables(&template, &words).into_iter().filter_map(origin).map(said).collect()
    }

    /// Templates that had to go: after that, first sights mean nothing.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.templates.evictions() + self.skeletons.evictions()
    }

    /// Templates that were merged into others.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// Shows each table that shares the engine's budget of memory to `visit`.
    pub(crate) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.skeletons);
        visit(&mut self.templates);
        self.holes.bounded(visit);
    }

    /// How full its tables are.
    #[must_use]
    pub fn tables(&self) -> Vec<TableUse> {
        let used = |table, keys: usize, evictions| TableUse { table, keys: keys as u64, evictions };
        vec![
            used("templates", self.templates.len(), self.templates.evictions()),
            used("template_skeletons", self.skeletons.len(), self.skeletons.evictions()),
            used("template_holes", self.holes.len(), self.holes.evictions()),
        ]
    }
}

#[cfg(test)]
mod tests;
