//! How the failures of modules, and their traffic, lie on the values of dimensions: both tables.

use super::dimension_stats::{Counted, DimensionStats};
use super::recent::FailureSlot;
use super::usual::{InWindow, Usual};
use super::value_stats::ValueStats;
use crate::engine::detector::failure::BLOCK_SLOTS;
use crate::engine::state::{Evict, Table, TableSnapshot};
use crate::engine::stats::clumping::{Clumping, PRIOR};
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::failure_marks::MarkedWindow;
use serde::{Deserialize, Serialize};

/// Both tables. Memory: a module and dimension 500 bytes and 16 bytes for each slot and value with
/// failures in the last five minutes, a value 400 bytes, 1,100 from
/// its second failure on; both are capped.
#[derive(Debug)]
pub(super) struct DimensionTable {
    sides: Table<DimensionStats>,
    values: Table<ValueStats>,
    /// How failures clump in all modules, which is the prior for a module with few failures.
    clumping: Clumping,
    length: u32,
}

/// Both tables as kept across a restart.
#[derive(Serialize, Deserialize)]
pub(super) struct DimensionTableSnapshot {
    sides: TableSnapshot<DimensionStats>,
    values: TableSnapshot<ValueStats>,
    clumping: Clumping,
}

impl DimensionTable {
    pub(super) fn new(keys: usize, length: u32) -> Self {
        Self { sides: Table::new(keys), values: Table::new(keys), clumping: Clumping::default(), length }
    }

    /// Modules and dimensions held.
    pub(super) fn modules(&self) -> usize {
        self.sides.len()
    }

    /// Values held.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value `key` of the module and dimension `side`, made where there is none yet.
    pub(super) fn value(&mut self, side: u64, key: u64, now: u32) -> (&mut DimensionStats, &mut ValueStats) {
        let (length, mut new) = (self.length as usize, false);
        let entry = self.sides.touch(side, || DimensionStats::new(length, now));
        let halved = entry.halved;
        let value = self.values.touch(key, || {
            new = true;
            ValueStats::new(length, halved, now)
        });
        entry.values += u32::from(new);
        (entry, value)
    }

    /// Takes a sampled event.
    pub(super) fn sample(&mut self, side: u64, key: u64, failed: bool, now: u32) {
        let (side, value) = self.value(side, key, now);
        side.sample(value, failed, now);
    }

    /// Counts a failure; `events` is how many events the stream has had.
    pub(super) fn fail(&mut self, side: u64, key: u64, now: u32, events: u32) {
        let of_all = self.clumping.correlation(PRIOR).min(PRIOR);
        let (side, value) = self.value(side, key, now);
        value.recent += u32::from(side.recent.fail(key, now));
        side.failed = side.failed.wrapping_add(1);
        let clumping = side.clumping.correlation(of_all) as f32;
        value.marks.add(now, [side.failed, value.healthy, side.healthy, events, clumping.to_bits()]);
    }

    /// The failures of the value `key` so far belong to an incident.
    pub(super) fn clear_marks(&mut self, key: u64) {
        if let Some(value) = self.values.get_mut(key) {
            value.marks.clear();
        }
    }

    /// The windows of the value's last failures that begin in slot `from` or later, and before slot
    /// `to`.
    pub(super) fn marked(&self, key: u64, from: u32, to: u32) -> Vec<MarkedWindow<5>> {
        self.values.get(key).map_or_else(Vec::new, |value| value.marks.windows(from, to).collect())
    }

    /// The slots from `from` on and before `to` with failures of the value `key`, and how many,
    /// about.
    pub(super) fn marked_slots(&self, key: u64, from: u32, to: u32) -> Vec<(u32, u32)> {
        self.values.get(key).map_or_else(Vec::new, |value| value.marks.slots(from, to))
    }

    /// How many failures of the value `key` since slot `from` came in the same minute as one of
    /// them, on average.
    pub(super) fn marked_clump(&self, key: u64, from: u32) -> f64 {
        self.values.get(key).map_or(1.0, |value| value.marks.clump(from, BLOCK_SLOTS))
    }

    /// What is usual of the value `key` before a window of its last failures, and what there was in
    /// the window.
    pub(super) fn usual_of_marked(
        &mut self,
        side: u64,
        key: u64,
        window: &MarkedWindow<5>,
        exposure: &Exposure,
        owned: bool,
    ) -> Option<(Usual, InWindow)> {
        let (side, value) = (self.sides.get_mut(side)?, self.values.get_mut(key)?);
        Some(Usual::of_marked(side, value, window, exposure, owned, &self.clumping))
    }

    /// Failures of the value `key` that some window can see.
    pub(super) fn recent_of(&self, key: u64) -> u32 {
        self.values.get(key).map_or(0, |value| value.recent)
    }

    /// A module and dimension has a failure. Settles it and makes it active; returns the slot in
    /// which it is due, or none where it is active already.
    pub(super) fn activate(&mut self, side: u64, exposure: &Exposure, owned: impl Fn(u64, u32) -> bool) -> Option<u32> {
        let stats = self.sides.get_mut(side).filter(|stats| !stats.active)?;
        stats.settle(&mut self.values, self.length, exposure, owned, &mut self.clumping);
        stats.active = true;
        stats.due = stats.next_due(self.length)?;
        Some(stats.due)
    }

    /// True where a module and dimension is active and due in slot `due`. A module that was evicted
    /// and came again has an outdated slot as well.
    pub(super) fn is_due(&self, side: u64, due: u32) -> bool {
        self.sides.get(side).is_some_and(|stats| stats.active && stats.due == due)
    }

    /// Settles a module and dimension that is due in slot `due`; returns the slot in which it is
    /// due next, or none where it is not active any more.
    pub(super) fn settle(
        &mut self,
        side: u64,
        due: u32,
        exposure: &Exposure,
        owned: impl Fn(u64, u32) -> bool,
    ) -> Option<u32> {
        let stats = self.sides.get_mut(side).filter(|stats| stats.active && stats.due == due)?;
        stats.settle(&mut self.values, self.length, exposure, owned, &mut self.clumping);
        let next = stats.next_due(self.length);
        (stats.active, stats.due) = (next.is_some(), next.unwrap_or_default());
        next
    }

    /// The failures since slot `from` of the value `key`, and of all values but those left out.
    pub(super) fn counted(&self, side: u64, key: u64, from: u32, left_out: impl Fn(u64) -> bool) -> Counted {
        self.sides.get(side).map(|side| side.counted(key, from, left_out)).unwrap_or_default()
    }

    /// Sampled events of the value `key` in the last `slots` slots that are no failures.
    pub(super) fn healthy(&mut self, key: u64, slots: u32, now: u32) -> u64 {
        let Some(value) = self.values.get_mut(key) else { return 0 };
        value.traffic.roll(now);
        value.traffic.sum(slots)
    }

    /// What is usual of the value `key` over the last `slots` slots.
    pub(super) fn usual(&mut self, side: u64, key: u64, slots: u32, exposure: &Exposure, owned: bool) -> Option<Usual> {
        let (side, value) = (self.sides.get_mut(side)?, self.values.get_mut(key)?);
        Some(Usual::of(side, value, slots, exposure, owned, &self.clumping))
    }

    /// All values with failures that some window can see, most first, and the sum of all failures,
    /// values beyond the most included.
    pub(super) fn by_value(&mut self, side: u64) -> (Vec<(u64, u32)>, u32) {
        let Some(side) = self.sides.get_mut(side) else { return (Vec::new(), 0) };
        let total = side.recent.slots().map(|slot| slot.total).sum();
        let mut values = side.recent.sums().to_vec();
        values.sort_unstable_by_key(|&(_, count)| std::cmp::Reverse(count));
        (values, total)
    }

    /// The slots with failures of the value `key`, and how many.
    pub(super) fn slots_of(&mut self, side: u64, key: u64) -> Vec<(u32, u32)> {
        let Some(side) = self.sides.get_mut(side) else { return Vec::new() };
        let in_slot =
            |slot: &FailureSlot| slot.values.iter().find(|(value, _)| *value == key).map(|(_, n)| (slot.number, *n));
        side.recent.slots().filter_map(in_slot).collect()
    }

    pub(super) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.sides);
        visit(&mut self.values);
    }

    pub(super) fn tables(&self) -> [(&'static str, u64, u64); 2] {
        [
            ("spread_modules", self.sides.len() as u64, self.sides.evictions()),
            ("spread_values", self.values.len() as u64, self.values.evictions()),
        ]
    }

    pub(super) fn snapshot(&self) -> DimensionTableSnapshot {
        DimensionTableSnapshot { sides: self.sides.snapshot(), values: self.values.snapshot(), clumping: self.clumping }
    }

    /// Restores both tables; `active` are the modules that were active. Returns the slot in which
    /// each is due, in the same order.
    pub(super) fn restore(&mut self, kept: DimensionTableSnapshot, active: &[u64]) -> Vec<(u32, u64)> {
        self.sides.restore(kept.sides);
        self.values.restore(kept.values);
        self.clumping = kept.clumping;
        for &(key, count) in self.sides.values().flat_map(|side| side.recent.slots()).flat_map(|slot| &slot.values) {
            if let Some(value) = self.values.get_mut(key) {
                value.recent = value.recent.saturating_add(count);
            }
        }
        let mut all_due = Vec::new();
        for &side in active {
            let Some(stats) = self.sides.get_mut(side) else { continue };
            if let Some(due) = stats.next_due(self.length) {
                (stats.active, stats.due) = (true, due);
                all_due.push((due, side));
            }
        }
        all_due
    }
}

#[cfg(test)]
mod tests {
    use super::super::dimension_stats::FORGET_AT;
    use super::super::recent::GROUPS;
    use super::super::usual::PRIOR_EVENTS;
    use super::*;

    const SIDE: u64 = 1;
    const SECONDS: f64 = 5.0;

    /// Three values with 60, 30 and 10 of a hundred sampled events, in slots 0 to 99, four slots
    /// long.
    fn sides() -> (DimensionTable, Exposure) {
        let (mut sides, mut exposure) = (DimensionTable::new(100, 4), Exposure::new(4, SECONDS, 3_600.0));
        for slot in 0..100 {
            exposure.roll(slot);
            sides.sample(SIDE, [10, 10, 20, 10, 20, 10, 20, 10, 10, 30][slot as usize % 10], false, slot);
        }
        (sides, exposure)
    }

    /// What a new slot does: a module with a failure becomes active, an active one is settled when
    /// it is due.
    fn settle(sides: &mut DimensionTable, side: u64, exposure: &Exposure, owned: impl Fn(u64, u32) -> bool) {
        let due = sides.sides.get(side).filter(|stats| stats.active).map(|stats| stats.due);
        match due {
            Some(due) if due <= exposure.slot() => drop(sides.settle(side, due, exposure, owned)),
            Some(_) => {}
            None => drop(sides.activate(side, exposure, owned)),
        }
    }

    #[test]
    fn failures_are_counted_by_value_and_in_windows() {
        let (mut sides, mut exposure) = sides();
        for (slot, key) in [(100, 10), (100, 20), (101, 20), (102, 20), (102, 30)] {
            exposure.roll(slot);
            sides.fail(SIDE, key, slot, 0);
        }
        assert_eq!(sides.counted(SIDE, 20, 0, |_| false), Counted { of_value: 3, of_all: 5 });
        assert_eq!(sides.counted(SIDE, 20, 101, |_| false), Counted { of_value: 2, of_all: 3 });
        assert_eq!(sides.counted(SIDE, 20, 0, |key| key == 10), Counted { of_value: 3, of_all: 4 });
        assert_eq!(sides.counted(9, 20, 0, |_| false), Counted::default());
        assert_eq!(sides.by_value(SIDE).0[0], (20, 3));
        assert_eq!(sides.slots_of(SIDE, 20), [(100, 1), (101, 1), (102, 1)]);
        assert!(sides.by_value(9).0.is_empty() && sides.slots_of(9, 20).is_empty());
    }

    #[test]
    fn the_usual_share_is_that_of_the_traffic_drawn_to_equal_shares() {
        let (mut sides, exposure) = sides();
        for (key, of_hundred) in [(10, 60.0), (20, 30.0), (30, 10.0)] {
            let usual = sides.usual(SIDE, key, 1, &exposure, false).unwrap();
            let expected = (of_hundred + PRIOR_EVENTS / 3.0) / (100.0 + PRIOR_EVENTS);
            assert!(usual.share >= expected && usual.share < expected + 0.05, "{key}: {usual:?}");
            assert_eq!((usual.values, usual.learned), (3, 0.0));
        }
        assert!(sides.usual(SIDE, 99, 1, &exposure, false).is_none());
        assert!(sides.usual(9, 10, 1, &exposure, false).is_none());
    }

    #[test]
    fn a_value_that_always_fails_is_expected_to() {
        let (mut sides, mut exposure) = sides();
        for slot in 100..200 {
            exposure.roll(slot);
            sides.fail(SIDE, 30, slot, 0);
            settle(&mut sides, SIDE, &exposure, |_, _| false);
        }
        let usual = sides.usual(SIDE, 30, 1, &exposure, false).unwrap();
        assert!(usual.share > 0.9 && usual.learned > 80.0, "{usual:?}");
    }

    #[test]
    fn what_an_incident_owns_teaches_nothing() {
        let (mut sides, mut exposure) = sides();
        for slot in 100..200 {
            exposure.roll(slot);
            (0..5).for_each(|_| sides.fail(SIDE, 30, slot, 0));
            settle(&mut sides, SIDE, &exposure, |key, _| key == 30);
        }
        let usual = sides.usual(SIDE, 30, 1, &exposure, true).unwrap();
        assert!(usual.share < 0.25 && usual.learned == 0.0 && usual.correlation == PRIOR, "{usual:?}");
    }

    #[test]
    fn clumps_are_learned_of_each_module() {
        let (mut sides, mut exposure) = sides();
        let (other, now) = (2, exposure.slot());
        (0..30).for_each(|i| sides.sample(other, [11, 12, 13][i % 3], false, now));
        for slot in 100..400 {
            exposure.roll(slot);
            if slot % 12 == 0 {
                // All on one value, and each on its own.
                (0..6).for_each(|_| sides.fail(SIDE, [10, 20, 30][slot as usize / 12 % 3], slot, 0));
                [11, 12, 13].iter().for_each(|&key| sides.fail(other, key, slot, 0));
            }
            [SIDE, other].into_iter().for_each(|side| settle(&mut sides, side, &exposure, |_, _| false));
        }
        let [clumping, calm] = [(SIDE, 10), (other, 11)]
            .map(|(side, key)| sides.usual(side, key, 1, &exposure, false).unwrap().correlation);
        assert!(clumping > 0.6 && calm < 0.2, "{clumping} {calm}");
        let usual = sides.usual(SIDE, 10, 1, &exposure, false).unwrap();
        assert!((usual.dispersion(5.0) - (1.0 + 4.0 * clumping)).abs() < 1e-9);
    }

    #[test]
    fn counts_that_forget_keep_their_shares_and_tables_their_caps() {
        let mut sides = DimensionTable::new(2, 4);
        for i in 0..60_000_u32 {
            sides.sample(SIDE, if i % 4 == 0 { 20 } else { 10 }, false, i / 1_000);
        }
        let exposure = Exposure::new(4, SECONDS, 3_600.0);
        let usual = sides.usual(SIDE, 20, 1, &exposure, false).unwrap();
        assert!((usual.share - 0.25).abs() < 0.02 && usual.samples <= f64::from(FORGET_AT), "{usual:?}");
        (0..50).for_each(|key| sides.fail(key, key, 60, 0));
        assert!(sides.tables().iter().all(|&(_, keys, evictions)| keys == 2 && evictions > 0));
    }

    #[test]
    fn values_beyond_those_told_apart_in_a_slot_count_for_all() {
        let (mut sides, _) = sides();
        (0..GROUPS as u64 + 10).for_each(|key| sides.fail(SIDE, 1_000 + key, 100, 0));
        assert_eq!(sides.counted(SIDE, 1_000, 0, |_| false), Counted { of_value: 1, of_all: GROUPS as u64 + 10 });
        assert_eq!(sides.by_value(SIDE).0.len(), GROUPS);
    }
}
