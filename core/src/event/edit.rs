//! What an event becomes before it leaves, at the wish of rules: masked, with members added, or
//! withheld.

use super::mask::{self, Mask, Replacement};
use std::sync::Arc;

/// The wishes of all rules for one event. Empty for nearly all.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// It does not leave.
    pub withheld: bool,
    /// What is masked in it.
    pub masks: Vec<Arc<Mask>>,
    /// Members that are added: a name and a value as JSON.
    pub members: Vec<(String, Vec<u8>)>,
}

impl Edit {
    /// The event leaves as it came.
    #[inline]
    #[must_use]
    pub fn is_none(&self) -> bool {
        !self.withheld && self.masks.is_empty() && self.members.is_empty()
    }

    /// Nothing in it is masked or kept out of the stream, so that it may be shown elsewhere as it
    /// came.
    #[must_use]
    pub fn shows_all(&self) -> bool {
        !self.withheld && self.masks.is_empty()
    }

    /// Forgets the content and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.withheld = false;
        self.masks.clear();
        self.members.clear();
    }

    /// What the masks change in the JSON object `object`.
    #[must_use]
    pub fn changes(&self, object: &[u8]) -> Vec<Replacement> {
        if self.masks.is_empty() { Vec::new() } else { mask::in_object(&self.masks, object) }
    }

    /// A text with what the masks find in it changed; none when they find nothing.
    #[must_use]
    pub fn masked(&self, text: &str) -> Option<String> {
        if self.masks.is_empty() { None } else { mask::in_text(&self.masks, text) }
    }
}
