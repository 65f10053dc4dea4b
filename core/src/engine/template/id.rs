//! The id of a template, the same in every process.

use crate::engine::state::HeapSize;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The id of a template: xxh3-64 of its masked message. Printed as 16 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateId(pub u64);

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for TemplateId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl HeapSize for TemplateId {}

/// The id for the text of a masked message; never 0, which means no template.
pub(super) fn id_of(text: &str) -> TemplateId {
    TemplateId(xxhash_rust::xxh3::xxh3_64(text.as_bytes()).max(1))
}
