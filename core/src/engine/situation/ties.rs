//! What ties an incident to an open situation, each as a hash: places, names, errors.
//!
//! Memory: 40 bytes a tie, and at most [`MOST`] of each situation.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most ties of one situation.
pub(super) const MOST: usize = 160;

/// What a hash stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Tie {
    /// A kind of place and its value.
    Place,
    /// The value of a place, as texts name it.
    Value,
    /// A name in the text of an error.
    Mention,
    /// The template of an error.
    Template,
    /// The module of an event that carried a finding.
    Module,
}

/// All ties of all open situations.
#[derive(Clone, Debug, Default)]
pub(super) struct Ties(BTreeMap<(Tie, u64), u64>);

impl Ties {
    /// The situation that has this tie. Of several, the last that got it.
    pub(super) fn get(&self, tie: Tie, hash: u64) -> Option<u64> {
        self.0.get(&(tie, hash)).copied()
    }

    /// The situation `id` has these ties.
    pub(super) fn add(&mut self, id: u64, ties: &[(Tie, u64)]) {
        self.0.extend(ties.iter().map(|tie| (*tie, id)));
    }

    /// The situation `id`, which had these ties, has ended.
    pub(super) fn remove(&mut self, id: u64, ties: &[(Tie, u64)]) {
        for tie in ties {
            if self.0.get(tie) == Some(&id) {
                self.0.remove(tie);
            }
        }
    }
}
