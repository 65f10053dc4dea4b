//! A module's failures that some window can still see, by slot and value.
//!
//! The sum of each value over all slots is computed once and then kept up to date, because every
//! failure needs it.

use crate::engine::state::allocated;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Values told apart in one slot; the rest are counted together.
pub(super) const GROUPS: usize = 64;

/// Failures of one slot, by value.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct FailureSlot {
    pub(super) number: u32,
    pub(super) total: u32,
    pub(super) values: Vec<(u64, u32)>,
}

/// Counts failures of a value; false where there are too many values to tell it apart.
pub(super) fn add(values: &mut Vec<(u64, u32)>, key: u64, count: u32) -> bool {
    if let Some((_, known)) = values.iter_mut().find(|(known, _)| *known == key) {
        *known = known.saturating_add(count);
    } else if values.len() < GROUPS {
        values.push((key, count));
    } else {
        return false;
    }
    true
}

/// The slots with failures, oldest first. Snapshots have the slots alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "VecDeque<FailureSlot>", into = "VecDeque<FailureSlot>")]
pub(super) struct Recent {
    slots: VecDeque<FailureSlot>,
    /// The values of all slots and their failures, in the order in which they came; none until they
    /// are summed up.
    sums: Option<Vec<(u64, u32)>>,
}

impl Recent {
    /// Counts a failure; false where its slot has too many values to tell this one apart.
    pub(super) fn fail(&mut self, key: u64, now: u32) -> bool {
        if self.slots.back().is_none_or(|slot| slot.number != now) {
            self.slots.push_back(FailureSlot { number: now, ..FailureSlot::default() });
        }
        let Some(slot) = self.slots.back_mut() else { return false };
        slot.total = slot.total.saturating_add(1);
        let is_told = add(&mut slot.values, key, 1);
        if is_told && let Some(sums) = &mut self.sums {
            add(sums, key, 1);
        }
        is_told
    }

    /// The oldest slot, if it has left all windows of `length` slots.
    pub(super) fn pop(&mut self, length: u32, now: u32) -> Option<FailureSlot> {
        let gone = self.slots.pop_front_if(|slot| slot.number.saturating_add(length) <= now)?;
        self.sums = None;
        Some(gone)
    }

    /// The slots, oldest first.
    pub(super) fn slots(&self) -> impl DoubleEndedIterator<Item = &FailureSlot> {
        self.slots.iter()
    }

    /// The values of all slots and their failures, in the order in which they came, [`GROUPS`] of
    /// them at most.
    pub(super) fn sums(&mut self) -> &[(u64, u32)] {
        self.sums.get_or_insert_with(|| {
            let mut sums = Vec::new();
            for &(key, count) in self.slots.iter().flat_map(|slot| &slot.values) {
                add(&mut sums, key, count);
            }
            sums
        })
    }

    /// Its size on the heap, in bytes.
    pub(super) fn heap_size(&self) -> usize {
        let of = |values: &Vec<(u64, u32)>| allocated(size_of_val(values.as_slice()));
        let values: usize = self.slots.iter().map(|slot| &slot.values).chain(&self.sums).map(of).sum();
        allocated(self.slots.capacity() * size_of::<FailureSlot>()) + values
    }
}

impl From<VecDeque<FailureSlot>> for Recent {
    fn from(slots: VecDeque<FailureSlot>) -> Self {
        Self { slots, sums: None }
    }
}

impl From<Recent> for VecDeque<FailureSlot> {
    fn from(recent: Recent) -> Self {
        recent.slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_slots(failures in proptest::collection::vec((0_u64..100, 0_u32..3), 0..600)) {
            let (mut recent, mut now) = (Recent::default(), 0);
            for (key, later) in failures {
                now += later / 2;
                while recent.pop(4, now).is_some() {}
                recent.fail(key, now);
                let again = Recent::from(VecDeque::from(recent.clone())).sums().to_vec();
                prop_assert_eq!(recent.sums(), again);
            }
        }
    }
}
