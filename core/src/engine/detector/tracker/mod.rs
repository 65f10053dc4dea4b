//! The open incidents of a detector by key, one a key at a time; when each may be over; and the
//! slots that belong to them.
//!
//! A detector that counts in slots asks `ending.rs` whether an incident has calmed, and leaves the
//! slots of incidents (`attributed_slots.rs`) out of what it tests and learns. Each detector is
//! told when an incident may be over because nothing joined it, so a tick costs what is due and not
//! what is open. Memory: the data of each incident, 92 bytes for its entries in the maps, and 80
//! bytes for each key with slots, 8 for each span of them.

mod attributed_slots;
mod ending;

use crate::engine::deadlines::Deadlines;
use crate::engine::incident::{IncidentId, Incidents};
use crate::engine::state::Weight;
use crate::event::Timestamp;
pub(super) use attributed_slots::AttributedSlots;
pub(super) use ending::{Ending, Passed};
use std::collections::BTreeMap;

/// Bytes of a key and of its room in the map.
const KEY_BYTES: usize = 32;

/// The open incidents of a detector, with the data `I` of each. Keys are any 64-bit numbers, such
/// as hashes.
#[derive(Clone, Debug)]
pub(super) struct IncidentTracker<I> {
    open: BTreeMap<u64, I>,
    deadlines: Deadlines,
    attributed: AttributedSlots,
}

impl<I> Default for IncidentTracker<I> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), deadlines: Deadlines::default(), attributed: AttributedSlots::default() }
    }
}

impl<I> IncidentTracker<I> {
    /// True when no incident is open.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.open.contains_key(&key)
    }

    pub(super) fn get(&self, key: u64) -> Option<&I> {
        self.open.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut I> {
        self.open.get_mut(&key)
    }

    /// Replaces the data of the incident of `key`, which is open.
    pub(super) fn update(&mut self, key: u64, incident: I) {
        self.open.insert(key, incident);
    }

    /// The keys of all incidents, ascending.
    pub(super) fn keys(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// All incidents by key.
    pub(super) fn incidents(&self) -> &BTreeMap<u64, I> {
        &self.open
    }

    /// Adds the incident `id`, which may be over at `deadline`. An incident that has joined a storm
    /// is examined at the next tick.
    pub(super) fn open(&mut self, key: u64, id: IncidentId, incident: I, deadline: Timestamp, incidents: &Incidents) {
        self.open.insert(key, incident);
        self.deadlines.arm(key, deadline);
        if !incidents.is_open(id) {
            self.deadlines.hurry(key);
        }
    }

    /// The incident of `key` goes on at least until `deadline`.
    #[inline]
    pub(super) fn go_on(&mut self, key: u64, deadline: Timestamp) {
        self.deadlines.arm(key, deadline);
    }

    /// Takes the incident of `key` out: it is over.
    pub(super) fn end(&mut self, key: u64) -> Option<I> {
        self.deadlines.disarm(key);
        self.open.remove(&key)
    }

    /// The incident of `key` is examined at the next tick, because what it is about was evicted.
    pub(super) fn hurry(&mut self, key: u64) {
        self.deadlines.hurry(key);
    }

    /// Keys whose incidents may be over at `now`, ascending; all keys where an incident was
    /// forgotten. [`Self::go_on`] must be called for those that are not over.
    pub(super) fn due(&mut self, now: Timestamp, incidents: &Incidents) -> Vec<u64> {
        self.deadlines.keep_up(incidents.evictions());
        self.deadlines.take_due(now)
    }

    /// Attributes the slots `from` to `to` to an incident of `key`.
    pub(super) fn attribute(&mut self, key: u64, from: u32, to: u32) {
        self.attributed.own(key, from, to);
    }

    /// The slots that belong to incidents.
    pub(super) fn attributed(&self) -> &AttributedSlots {
        &self.attributed
    }

    /// Forgets attributed slots that no window and no baseline that is still to learn can see.
    pub(super) fn forget_before(&mut self, slot: u32) {
        self.attributed.forget_before(slot);
    }

    /// What the tracker takes beside the tables; each incident has `bytes` elsewhere.
    pub(super) fn weights(&self, bytes: impl Fn(&I) -> usize) -> [Weight; 2] {
        let keys = self.open.len();
        let elsewhere: usize = self.open.values().map(bytes).sum();
        let bytes = keys * (size_of::<I>() + KEY_BYTES) + self.deadlines.bytes() + elsewhere;
        [Weight { keys, bytes }, self.attributed.weight()]
    }

    /// Restores incidents and slots; all incidents are examined at the next tick.
    pub(super) fn resume(&mut self, open: BTreeMap<u64, I>, attributed: AttributedSlots) {
        (self.open, self.attributed, self.deadlines) = (open, attributed, Deadlines::default());
        self.open.keys().for_each(|key| self.deadlines.hurry(*key));
    }

    /// How many keys were examined.
    #[cfg(test)]
    pub(super) fn looks(&self) -> usize {
        self.deadlines.looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::incident::Policy;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn what_is_due_is_looked_at_once_and_what_goes_on_again() {
        let (mut tracker, incidents) = (IncidentTracker::default(), Incidents::new(Policy::default(), 10));
        // Neither is open among the incidents, so that both are looked at at once.
        [7, 3].into_iter().for_each(|key| tracker.open(key, IncidentId(key), key, at(100), &incidents));
        assert_eq!(tracker.due(at(1), &incidents), [3, 7]);
        [3, 7].into_iter().for_each(|key| tracker.go_on(key, at(100)));
        assert_eq!(tracker.due(at(99), &incidents), [0; 0]);
        assert_eq!(tracker.end(3), Some(3));
        assert_eq!(tracker.due(at(101), &incidents), [7]);
        assert_eq!((tracker.keys(), tracker.contains(3)), (vec![7], false));
    }

    #[test]
    fn a_restart_looks_at_all_and_knows_the_slots() {
        let (mut tracker, incidents) = (IncidentTracker::default(), Incidents::new(Policy::default(), 10));
        tracker.open(1, IncidentId(1), 'a', at(100), &incidents);
        tracker.attribute(1, 5, 6);
        let mut again = IncidentTracker::default();
        again.resume(tracker.incidents().clone(), tracker.attributed().clone());
        assert_eq!((again.get(1), again.attributed().owns(1, 6)), (Some(&'a'), true));
        assert_eq!(again.due(Timestamp(i64::MIN), &incidents), [1]);
    }

    #[test]
    fn deadlines_are_weighed() {
        let (mut tracker, incidents) = (IncidentTracker::default(), Incidents::new(Policy::default(), 10));
        let weight = |tracker: &IncidentTracker<u64>| tracker.weights(|_| 100)[0].bytes;
        let empty = weight(&tracker);
        (0..1_000).for_each(|key| tracker.open(key, IncidentId(key), key, at(100), &incidents));
        assert!(weight(&tracker) - empty >= 1_000 * (60 + 8 + 100), "{}", weight(&tracker));
    }
}
