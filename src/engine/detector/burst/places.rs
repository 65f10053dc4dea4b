//! Whose errors belong to which incident: a place (a module, an error code, or all) has one at a time.

use crate::engine::incident::IncidentId;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An open burst.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) id: IncidentId,
    /// The cell that showed it.
    pub(super) cell: u64,
    /// The module of that cell, where it is of one.
    pub(super) module: Option<u64>,
    /// The slot in which it opened, and how many slots before showed it.
    pub(super) slot: u32,
    pub(super) slots: u32,
    /// Where its window began.
    pub(super) began: Timestamp,
    /// Errors a second that would have come without it.
    pub(super) expected: f64,
    /// Its last error.
    pub(super) heard: Timestamp,
    /// Slots in a row that looked usual.
    pub(super) calm: u32,
    /// Errors so far.
    pub(super) errors: u64,
}

/// Open bursts, and the slots that they or closed ones own. Bounded by the bursts of the last two windows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Places {
    pub(super) open: BTreeMap<u32, Open>,
    /// First and last slots, oldest first.
    owned: BTreeMap<u32, Vec<(u32, u32)>>,
}

impl Places {
    pub(super) fn is_open(&self, place: u32) -> bool {
        self.open.contains_key(&place)
    }

    /// The slots `from` to `to` belong to an incident of `place`.
    pub(super) fn own(&mut self, place: u32, from: u32, to: u32) {
        let spans = self.owned.entry(place).or_default();
        match spans.last_mut() {
            Some((first, last)) if from <= last.saturating_add(1) => {
                *first = from.min(*first);
                *last = to.max(*last);
            }
            _ => spans.push((from, to)),
        }
    }

    /// True when errors of `place` in `slot` belong to an incident.
    pub(super) fn owns(&self, place: u32, slot: u32) -> bool {
        self.owned.get(&place).is_some_and(|spans| spans.iter().any(|&(first, last)| (first..=last).contains(&slot)))
    }

    /// The first slot whose errors are not yet spent on an incident of `place`.
    pub(super) fn fresh_from(&self, place: u32) -> u32 {
        let last = self.owned.get(&place).and_then(|spans| spans.last());
        last.map_or(0, |&(_, last)| last.saturating_add(1))
    }

    /// Forgets what no window and no cell on its way into the baseline can see any more.
    pub(super) fn forget_before(&mut self, slot: u32) {
        self.owned.retain(|_, spans| {
            spans.retain(|&(_, last)| last >= slot);
            !spans.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_owned_spent_and_forgotten() {
        let mut places = Places::default();
        assert_eq!((places.fresh_from(1), places.owns(1, 0)), (0, false));
        places.own(1, 10, 12);
        places.own(1, 13, 13);
        places.own(1, 20, 21);
        places.own(2, 5, 6);
        let owned: Vec<_> = (0..30).filter(|&slot| places.owns(1, slot)).collect();
        assert_eq!(owned, [10, 11, 12, 13, 20, 21]);
        assert_eq!((places.fresh_from(1), places.fresh_from(2)), (22, 7));
        places.forget_before(14);
        assert!(!places.owns(1, 12) && places.owns(1, 20) && !places.owns(2, 5));
    }
}
