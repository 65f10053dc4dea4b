//! Whose errors belong to which incident: a place (a module, an error code, or all) has one at a
//! time.

use crate::engine::detector::attributed_slots::AttributedSlots;
use crate::engine::detector::ending::Ending;
use crate::engine::incident::IncidentId;
use crate::engine::state::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An open burst.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenBurst {
    pub(super) id: IncidentId,
    /// The cell that showed it.
    pub(super) spot: super::CellKey,
    /// The slot in which it opened.
    pub(super) slot: u32,
    /// Errors a second that would have come without it.
    pub(super) expected: f64,
    /// What the incident is held against while it goes on; none in states of versions that did not
    /// keep it.
    #[serde(default)]
    pub(super) usual: Option<super::UsualOfBurst>,
    pub(super) ending: Ending,
}

/// Open bursts, and the slots that they or closed ones own. Evict by the bursts of the last two
/// windows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct OpenBursts {
    pub(super) open: BTreeMap<u32, OpenBurst>,
    owned: AttributedSlots,
}

impl OpenBursts {
    pub(super) fn is_open(&self, place: u32) -> bool {
        self.open.contains_key(&place)
    }

    /// The slots `from` to `to` belong to an incident of `place`.
    pub(super) fn own(&mut self, place: u32, from: u32, to: u32) {
        self.owned.own(place.into(), from, to);
    }

    /// Open bursts own their slots up to `to`, for `most` slots since they opened.
    pub(super) fn own_open(&mut self, to: u32, most: u32) {
        for (place, open) in &self.open {
            if to.saturating_sub(open.slot) <= most {
                self.owned.own((*place).into(), open.slot, to);
                if *place == super::ALL {
                    self.owned.own(super::EVERYWHERE.into(), open.ending.first_slot, to);
                }
            }
        }
    }

    /// True when errors of `place` in `slot` belong to an incident.
    pub(super) fn owns(&self, place: u32, slot: u32) -> bool {
        self.owned.owns(place.into(), slot)
    }

    /// The first slot whose errors are not yet spent on an incident of `place`.
    pub(super) fn fresh_from(&self, place: u32) -> u32 {
        self.owned.fresh_from(place.into())
    }

    /// What is weighed beside the tables.
    pub(super) fn weights(&self) -> [Weight; 2] {
        let keys = self.open.len();
        [Weight { keys, bytes: keys * (size_of::<OpenBurst>() + 32) }, self.owned.weight()]
    }

    /// Forgets what no window and no cell on its way into the baseline can see any more.
    pub(super) fn forget_before(&mut self, slot: u32) {
        self.owned.forget_before(slot);
    }
}
