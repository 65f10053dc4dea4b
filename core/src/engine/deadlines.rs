//! What is due when, so that a tick costs what is due and not what there is.
//!
//! Two shapes, for two questions. [`Deadlines`]: which of the open incidents may be over? A timer
//! is lazy: what goes on moves none, unless its end has come nearer, and when a key is due it is
//! looked at, and has another deadline if it has gone on. [`Slotted`]: what is to be done in which
//! slot, where most slots have something and nobody asks for one key.
//!
//! Both give what is due in an order that depends on keys and on when they were put in, on nothing
//! else. Memory: [`Deadlines`] about 60 bytes for each key that has one; [`Slotted`] the size of
//! what is put in.

use crate::event::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Nanoseconds by which a look is early, so that rounding makes none late: it finds nothing, and
/// comes again.
const EARLY: f64 = 1_000.0;

/// Bytes of a key with a deadline, in both of the trees, with the room that these leave free.
const KEY_BYTES: usize = 60;

/// One time for each of some keys, by which it is to be looked at. Keys are hashes, of whatever:
/// code for one type is enough.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    order: BTreeSet<(Timestamp, u64)>,
    of: BTreeMap<u64, Timestamp>,
    /// Incidents that were forgotten when that was last told.
    forgotten: u64,
    /// Keys that were looked at, for tests.
    #[cfg(test)]
    pub(super) looks: usize,
}

/// The time `seconds` behind `from`, or a little before it.
pub(super) fn after(from: Timestamp, seconds: f64) -> Timestamp {
    // A cast takes what is no number for 0, and what is too large for the largest.
    from.saturating_add_nanos((seconds * 1e9 - EARLY) as i64)
}

impl Deadlines {
    /// `key` is looked at when it is `at`, or sooner if it already was to be.
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

    /// `key` is looked at with the next tick.
    pub(super) fn hurry(&mut self, key: u64) {
        self.arm(key, Timestamp(i64::MIN));
    }

    /// `key` is looked at no more.
    pub(super) fn disarm(&mut self, key: u64) {
        if let Some(at) = self.of.remove(&key) {
            self.order.remove(&(at, key));
        }
    }

    /// The key whose time comes first, and that time; it has none any more.
    pub(super) fn take_first(&mut self) -> Option<(Timestamp, u64)> {
        let first = self.order.pop_first()?;
        self.of.remove(&first.1);
        Some(first)
    }

    /// All keys, the one whose time comes first before the others.
    pub(super) fn soonest_first(&self) -> impl Iterator<Item = u64> {
        self.order.iter().map(|(_, key)| *key)
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.of.len() * KEY_BYTES
    }

    /// So many incidents were forgotten so far: if there are more than last time, one of these
    /// keys' may be among them, and all are looked at.
    pub(super) fn keep_up(&mut self, forgotten: u64) {
        if std::mem::replace(&mut self.forgotten, forgotten) != forgotten {
            let keys: Vec<u64> = self.of.keys().copied().collect();
            keys.into_iter().for_each(|key| self.hurry(key));
        }
    }

    /// Keys whose time has come at `now`, in the order of the keys; they have none any more.
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

/// Things by the number of the slot in which they are due.
#[derive(Clone, Debug)]
pub(super) struct Slotted<T> {
    slots: BTreeMap<u32, Vec<T>>,
    len: usize,
    /// Things that were taken out, for tests.
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
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All of them, with the slots in which they are due, soonest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.slots.iter().flat_map(|(slot, all)| all.iter().map(|one| (*slot, one)))
    }

    /// Puts one into a slot.
    pub(super) fn put(&mut self, slot: u32, one: T) {
        self.slots.entry(slot).or_default().push(one);
        self.len += 1;
    }

    /// The first that is due in slot `now` or before, and the slot that it was put into: of one
    /// slot, the last that was put in.
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

    /// Keeps what `stays`.
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
