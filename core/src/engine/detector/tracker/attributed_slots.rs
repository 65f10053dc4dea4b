//! The slots that belong to incidents: of a module, an error code, a value.

use crate::engine::state::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most keys.
const KEYS: usize = 100_000;
/// Bytes of a key and of each span, with the room that trees leave free.
const KEY_BYTES: usize = 80;
const SPAN_BYTES: usize = 8;

/// First and last slots of each key's incidents, oldest first. Bounded by the incidents that
/// windows can see, and in keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine::detector) struct AttributedSlots(BTreeMap<u64, Vec<(u32, u32)>>);

impl AttributedSlots {
    /// Attributes the slots `from` to `to` to an incident of `key`.
    pub(in crate::engine::detector) fn own(&mut self, key: u64, from: u32, to: u32) {
        if self.0.len() >= KEYS && !self.0.contains_key(&key) {
            return;
        }
        let spans = self.0.entry(key).or_default();
        match spans.last_mut() {
            Some((first, last)) if from <= last.saturating_add(1) => {
                *first = from.min(*first);
                *last = to.max(*last);
            }
            _ => spans.push((from, to)),
        }
    }

    /// True when failures of `key` in `slot` belong to an incident.
    pub(in crate::engine::detector) fn owns(&self, key: u64, slot: u32) -> bool {
        self.0.get(&key).is_some_and(|spans| spans.iter().any(|&(first, last)| (first..=last).contains(&slot)))
    }

    /// The first slot after those that belong to incidents of `key`.
    pub(in crate::engine::detector) fn fresh_from(&self, key: u64) -> u32 {
        let last = self.0.get(&key).and_then(|spans| spans.last());
        last.map_or(0, |&(_, last)| last.saturating_add(1))
    }

    /// The number of keys, and about how many bytes they take.
    pub(in crate::engine::detector) fn weight(&self) -> Weight {
        let spans: usize = self.0.values().map(Vec::len).sum();
        Weight { keys: self.0.len(), bytes: self.0.len() * KEY_BYTES + spans * SPAN_BYTES }
    }

    /// Forgets slots that no window and no baseline that is still to learn can see.
    pub(in crate::engine::detector) fn forget_before(&mut self, slot: u32) {
        self.0.retain(|_, spans| {
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
        let mut owned = AttributedSlots::default();
        assert_eq!((owned.fresh_from(1), owned.owns(1, 0)), (0, false));
        owned.own(1, 10, 12);
        owned.own(1, 13, 13);
        owned.own(1, 20, 21);
        owned.own(2, 5, 6);
        let slots: Vec<_> = (0..30).filter(|&slot| owned.owns(1, slot)).collect();
        assert_eq!(slots, [10, 11, 12, 13, 20, 21]);
        assert_eq!((owned.fresh_from(1), owned.fresh_from(2)), (22, 7));
        owned.forget_before(14);
        assert!(!owned.owns(1, 12) && owned.owns(1, 20) && !owned.owns(2, 5));
    }
}
