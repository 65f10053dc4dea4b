//! Timer queues, so that a tick costs time for what is due and not for everything that is open.
//!
//! [`Deadlines`] holds one deadline per key and answers which keys may have ended. Its timers are
//! lazy: an event does not move the deadline of its key to a later time. A key that comes due is
//! checked, and gets a new deadline if it is still active. [`Slotted`] holds items by time slot,
//! where most slots have items and no lookup by key is needed.
//!
//! The order of what is due depends only on the keys and on the order of insertion. Memory:
//! [`Deadlines`] about 60 bytes per key; [`Slotted`] the size of its items.

use crate::event::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Nanoseconds by which a deadline is early, so that rounding never makes it late. A check that
/// comes too early finds nothing due and sets the deadline again.
const EARLY: f64 = 1_000.0;

/// Bytes per key in both trees, including the free room that B-trees leave.
const KEY_BYTES: usize = 60;

/// One deadline for each key. Keys are hashes, so one type serves all callers.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    order: BTreeSet<(Timestamp, u64)>,
    of: BTreeMap<u64, Timestamp>,
    /// The count of forgotten incidents at the last call of [`Self::keep_up`].
    forgotten: u64,
    /// Counts checked keys, for tests.
    #[cfg(test)]
    pub(super) looks: usize,
}

/// The time `seconds` after `from`, less [`EARLY`].
pub(super) fn after(from: Timestamp, seconds: f64) -> Timestamp {
    // The cast maps NaN to 0 and clamps values that are too large.
    from.saturating_add_nanos((seconds * 1e9 - EARLY) as i64)
}

impl Deadlines {
    /// Sets the deadline of `key` to `at`, unless it already has an earlier one.
    pub(super) fn arm(&mut self, key: u64, at: Timestamp) {
        if let Some(known) = self.of.get(&key) {
            if *known <= at {
                return;
            }
            self.order.remove(&(*known, key));
        }
        self.of.insert(key, at);
        self.order.insert((at, key));
    }

    /// Makes `key` due at the next tick.
    pub(super) fn hurry(&mut self, key: u64) {
        self.arm(key, Timestamp(i64::MIN));
    }

    /// Removes the deadline of `key`.
    pub(super) fn disarm(&mut self, key: u64) {
        if let Some(at) = self.of.remove(&key) {
            self.order.remove(&(at, key));
        }
    }

    /// Removes and returns the key with the earliest deadline, and that deadline.
    pub(super) fn take_first(&mut self) -> Option<(Timestamp, u64)> {
        let first = self.order.pop_first()?;
        self.of.remove(&first.1);
        Some(first)
    }

    /// All keys, the earliest deadline first.
    pub(super) fn soonest_first(&self) -> impl Iterator<Item = u64> {
        self.order.iter().map(|(_, key)| *key)
    }

    /// Approximate size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.of.len() * KEY_BYTES
    }

    /// Makes all keys due when the count of forgotten incidents has changed since the last call,
    /// because one of these keys may belong to a forgotten incident.
    pub(super) fn keep_up(&mut self, forgotten: u64) {
        if std::mem::replace(&mut self.forgotten, forgotten) != forgotten {
            let keys: Vec<u64> = self.of.keys().copied().collect();
            keys.into_iter().for_each(|key| self.hurry(key));
        }
    }

    /// Removes and returns all keys that are due at `now`, ordered by key.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<u64> {
        let mut due = Vec::new();
        while self.order.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, key)) = self.order.pop_first()
        {
            self.of.remove(&key);
            due.push(key);
        }
        due.sort_unstable();
        #[cfg(test)]
        {
            self.looks += due.len();
        }
        due
    }
}

/// Items by the number of the time slot in which they are due.
#[derive(Clone, Debug)]
pub(super) struct Slotted<T> {
    slots: BTreeMap<u32, Vec<T>>,
    len: usize,
    /// Counts removed items, for tests.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl<T> Default for Slotted<T> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            len: 0,
            #[cfg(test)]
            looks: 0,
        }
    }
}

impl<T> Slotted<T> {
    /// The number of items.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All items with their slots, the earliest slot first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.slots.iter().flat_map(|(slot, all)| all.iter().map(|one| (*slot, one)))
    }

    /// Adds an item to a slot.
    pub(super) fn put(&mut self, slot: u32, one: T) {
        self.slots.entry(slot).or_default().push(one);
        self.len += 1;
    }

    /// Removes and returns one item of the earliest slot that is due at `now`, with that slot.
    /// Within a slot the last one added comes first.
    pub(super) fn next(&mut self, now: u32) -> Option<(u32, T)> {
        let mut first = self.slots.first_entry().filter(|first| *first.key() <= now)?;
        let (slot, one) = (*first.key(), first.get_mut().pop());
        if first.get().is_empty() {
            first.remove();
        }
        self.len -= usize::from(one.is_some());
        #[cfg(test)]
        {
            self.looks += 1;
        }
        Some((slot, one?))
    }

    /// Removes the items for which `stays` is false.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(u32, &T) -> bool) {
        self.slots.retain(|slot, all| {
            all.retain(|one| stays(*slot, one));
            !all.is_empty()
        });
        self.len = self.slots.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_key_is_due_once_at_its_soonest_time_and_in_the_order_of_keys() {
        let mut deadlines = Deadlines::default();
        for (key, seconds) in [(3, 10), (1, 20), (2, 5), (3, 30), (1, 8)] {
            deadlines.arm(key, at(seconds));
        }
        assert_eq!(deadlines.take_due(at(4)), [0; 0]);
        assert_eq!(deadlines.take_due(at(10)), [1, 2, 3]);
        assert_eq!(deadlines.take_due(at(100)), [0; 0]);
        deadlines.arm(1, at(200));
        deadlines.arm(2, at(300));
        deadlines.disarm(1);
        deadlines.hurry(2);
        assert_eq!(deadlines.take_due(at(0)), [2]);
        assert_eq!(deadlines.take_due(Timestamp(i64::MAX)), [0; 0]);
    }

    #[test]
    fn all_are_looked_at_when_an_incident_was_forgotten() {
        let mut deadlines = Deadlines::default();
        (0..3).for_each(|key| deadlines.arm(key, at(100)));
        deadlines.keep_up(0);
        assert_eq!(deadlines.take_due(at(1)), [0; 0]);
        deadlines.keep_up(7);
        assert_eq!(deadlines.take_due(at(1)), [0, 1, 2]);
        (0..3).for_each(|key| deadlines.arm(key, at(100)));
        deadlines.keep_up(7);
        assert_eq!(deadlines.take_due(at(1)), [0; 0]);
    }

    #[test]
    fn a_deadline_is_never_late_by_rounding() {
        for seconds in [0.1, 1.0 / 3.0, 5.0, 12_345.678_9, 0.0, f64::NAN] {
            let from = Timestamp(1_767_600_000_123_456_789);
            let early = after(from, seconds);
            assert!(
                early.seconds_since(from) <= seconds.max(0.0) && early.seconds_since(from) > seconds.max(0.0) - 1e-5
            );
        }
        assert_eq!(after(at(1), f64::INFINITY), Timestamp(i64::MAX));
    }

    #[test]
    fn slots_give_what_is_due_and_nothing_else() {
        let mut slotted = Slotted::default();
        for (slot, one) in [(7, 'a'), (5, 'b'), (7, 'c'), (9, 'd')] {
            slotted.put(slot, one);
        }
        assert_eq!((slotted.next(4), slotted.len(), slotted.iter().count()), (None, 4, 4));
        let due: Vec<_> = std::iter::from_fn(|| slotted.next(8)).collect();
        assert_eq!((due, slotted.len()), (vec![(5, 'b'), (7, 'c'), (7, 'a')], 1));
        slotted.retain(|slot, one| slot == 9 && *one != 'd');
        assert_eq!((slotted.next(u32::MAX), slotted.len()), (None, 0));
    }

    proptest! {
        #[test]
        fn deadlines_are_a_map_from_keys_to_times(steps in proptest::collection::vec((0_u8..4, 0_u64..8, 0_i64..50), 0..200)) {
            let (mut deadlines, mut model) = (Deadlines::default(), BTreeMap::<u64, i64>::new());
            for (step, key, time) in steps {
                match step {
                    0 | 1 => {
                        deadlines.arm(key, at(time));
                        model.entry(key).and_modify(|known| *known = time.min(*known)).or_insert(time);
                    }
                    2 => {
                        deadlines.disarm(key);
                        model.remove(&key);
                    }
                    _ => {
                        let due: Vec<u64> = model.extract_if(.., |_, known| *known <= time).map(|(key, _)| key).collect();
                        prop_assert_eq!(deadlines.take_due(at(time)), due);
                    }
                }
                prop_assert_eq!((deadlines.of.len(), deadlines.order.len()), (model.len(), model.len()));
            }
        }
    }
}
