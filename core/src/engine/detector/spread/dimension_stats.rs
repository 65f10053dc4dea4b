//! How one module's failures, and its traffic, lie on the values of one dimension.

use super::recent::{FailureSlot, Recent, add};
use crate::engine::overrides::Choice;
use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot, allocated};
use crate::engine::stats::clumping::{Clumping, PRIOR, dispersion};
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::slots::Slots;
use serde::{Deserialize, Serialize};

/// Sampled events of a module after which its values' counts forget half.
const FORGET_AT: u32 = 8_192;
/// Weight of the prior of a share, in sampled events and in failures.
const PRIOR_EVENTS: f64 = 20.0;
const PRIOR_FAILURES: f64 = 10.0;
/// Slots of a block by which clumping is measured: a minute.
const BLOCK_SLOTS: u32 = 12;

/// A module in one dimension.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DimensionStats {
    /// Values seen.
    pub(super) values: u32,
    /// Sampled events, forgetting, and how often they and their values' have been halved.
    sampled: u32,
    halved: u32,
    /// Sum of the squares of the values' sampled events.
    squares: f64,
    /// Sampled events lately that are no failures.
    traffic: Slots,
    /// The failures that some window can still see.
    recent: Recent,
    /// Failures that have left all windows, forgetting, and the slot up to which they have.
    learned: f64,
    settled: u32,
    clumping: Clumping,
    /// The clumping's block at hand, as a slot.
    block: FailureSlot,
    /// It is on the list of modules to settle.
    #[serde(skip)]
    pub(super) active: bool,
}

/// A value of a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ValueStats {
    sampled: u32,
    halved: u32,
    traffic: Slots,
    learned: f64,
    settled: u32,
    /// Failures that some window can still see and that were told apart; less than the truth after
    /// an eviction.
    #[serde(skip)]
    recent: u32,
    /// Which settings it has.
    #[serde(skip)]
    pub(super) choice: Choice,
}

/// Both tables. Memory: a module and dimension 500 bytes and 16 bytes for each slot and value with
/// failures in the last five minutes, a value 350 bytes; both are capped.
#[derive(Debug)]
pub(super) struct DimensionTable {
    sides: Table<DimensionStats>,
    values: Table<ValueStats>,
    /// How failures clump in all modules: if they do not, one that has few needs not show it alone.
    clumping: Clumping,
    length: u32,
}

/// What is kept of them across a restart.
#[derive(Serialize, Deserialize)]
pub(super) struct DimensionTableSnapshot {
    sides: TableSnapshot<DimensionStats>,
    values: TableSnapshot<ValueStats>,
    clumping: Clumping,
}

/// The failures of one value in a window, against those of all that are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counted {
    /// The value's.
    pub(super) of_value: u64,
    /// All values'.
    pub(super) of_all: u64,
}

/// What is usual of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Usual {
    /// The share of the module's failures that it should have at most.
    pub(super) share: f64,
    /// Failures in the past that its rate is measured by.
    pub(super) learned: f64,
    /// How the module's failures clump, and how many at once.
    pub(super) correlation: f64,
    pub(super) clump: f64,
    /// Values of the module.
    pub(super) values: u32,
    /// Events that the share rests on.
    pub(super) samples: f64,
}

impl Usual {
    /// How much more than binomial ones the counts of so many failures of the module vary.
    pub(super) fn dispersion(&self, failures: f64) -> f64 {
        dispersion(self.correlation, self.clump, failures)
    }
}

impl DimensionTable {
    pub(super) fn new(keys: usize, length: u32) -> Self {
        Self { sides: Table::new(keys), values: Table::new(keys), clumping: Clumping::default(), length }
    }

    /// Values held.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value `key` of `side`, known from now on.
    pub(super) fn value(&mut self, side: u64, key: u64, now: u32) -> (&mut DimensionStats, &mut ValueStats) {
        let (length, mut new) = (self.length as usize, false);
        let entry = self.sides.touch(side, || DimensionStats {
            values: 0,
            sampled: 0,
            halved: 0,
            squares: 0.0,
            traffic: Slots::new(length, now),
            recent: Recent::default(),
            learned: 0.0,
            settled: now,
            clumping: Clumping::default(),
            block: FailureSlot { number: now / BLOCK_SLOTS, ..FailureSlot::default() },
            active: false,
        });
        let halved = entry.halved;
        let value = self.values.touch(key, || {
            new = true;
            ValueStats {
                sampled: 0,
                halved,
                traffic: Slots::new(length, now),
                learned: 0.0,
                settled: now,
                recent: 0,
                choice: Choice::default(),
            }
        });
        entry.values += u32::from(new);
        (entry, value)
    }

    /// Takes a sampled event.
    pub(super) fn sample(&mut self, side: u64, key: u64, failed: bool, now: u32) {
        let (side, value) = self.value(side, key, now);
        value.catch_up(side.halved);
        side.squares += f64::from(2 * value.sampled + 1);
        value.sampled += 1;
        side.sampled += 1;
        if side.sampled > FORGET_AT {
            side.sampled /= 2;
            side.squares /= 4.0;
            side.halved += 1;
        }
        if !failed {
            for traffic in [&mut side.traffic, &mut value.traffic] {
                traffic.roll(now);
                traffic.add();
            }
        }
    }

    /// Counts a failure.
    pub(super) fn fail(&mut self, side: u64, key: u64, now: u32) {
        let (side, value) = self.value(side, key, now);
        value.recent += u32::from(side.recent.fail(key, now));
    }

    /// Puts a module and dimension on the list of those to settle; false where it is there.
    pub(super) fn list(&mut self, side: u64) -> bool {
        self.sides.get_mut(side).is_some_and(|side| !std::mem::replace(&mut side.active, true))
    }

    /// Failures of the value `key` that some window can see.
    pub(super) fn recent_of(&self, key: u64) -> u32 {
        self.values.get(key).map_or(0, |value| value.recent)
    }

    /// What has left all windows joins the baselines, but for what `owned` says belongs to an
    /// incident.
    pub(super) fn settle(&mut self, side: u64, exposure: &Exposure, owned: impl Fn(u64, u32) -> bool) {
        let Some(side) = self.sides.get_mut(side) else { return };
        let now = exposure.slot();
        side.learned *= exposure.decay(now.saturating_sub(side.settled));
        side.settled = now;
        while let Some(slot) = side.recent.pop(self.length, now) {
            let told: u32 = slot.values.iter().map(|(_, count)| count).sum();
            side.learned += f64::from(slot.total - told);
            for (key, count) in slot.values {
                let mut value = self.values.get_mut(key);
                if let Some(value) = &mut value {
                    value.recent = value.recent.saturating_sub(count);
                }
                if owned(key, slot.number) {
                    continue;
                }
                side.learned += f64::from(count);
                side.block.total += count;
                add(&mut side.block.values, key, count);
                if let Some(value) = value {
                    value.forget(exposure, owned(key, now));
                    value.learned += f64::from(count);
                }
            }
        }
        if side.block.number != now / BLOCK_SLOTS {
            let block =
                std::mem::replace(&mut side.block, FailureSlot { number: now / BLOCK_SLOTS, ..FailureSlot::default() });
            side.clump(&block, &mut self.clumping);
        }
    }

    /// Takes it off that list.
    pub(super) fn unlist(&mut self, side: u64) {
        if let Some(side) = self.sides.get_mut(side) {
            side.active = false;
        }
    }

    /// Puts it back on while some window can see a failure of it; false where none can, or where it
    /// is there.
    pub(super) fn list_again(&mut self, side: u64) -> bool {
        let Some(side) = self.sides.get_mut(side) else { return false };
        !side.recent.is_empty() && !std::mem::replace(&mut side.active, true)
    }

    /// Failures since slot `from` of the value `key`, and of all but the values left out.
    pub(super) fn counted(&mut self, side: u64, key: u64, from: u32, left_out: impl Fn(u64) -> bool) -> Counted {
        let mut counted = Counted::default();
        let Some(side) = self.sides.get_mut(side) else { return counted };
        for slot in side.recent.slots().rev().take_while(|slot| slot.number >= from) {
            counted.of_all += u64::from(slot.total);
            for &(value, count) in &slot.values {
                if value == key {
                    counted.of_value += u64::from(count);
                } else if left_out(value) {
                    counted.of_all -= u64::from(count);
                }
            }
        }
        counted
    }

    /// All values with failures that some window can see, most first, and their sum with those not
    /// told apart.
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

    /// What is usual of the value `key`: the greatest of its share of the traffic, of the traffic
    /// of the last `slots` slots that did not fail, and of past failures; each shrunk to the one
    /// before, the first to equal shares.
    pub(super) fn usual(&mut self, side: u64, key: u64, slots: u32, exposure: &Exposure, owned: bool) -> Option<Usual> {
        let (side, value) = (self.sides.get_mut(side)?, self.values.get_mut(key)?);
        let now = exposure.slot();
        value.catch_up(side.halved);
        value.forget(exposure, owned);
        side.traffic.roll(now);
        value.traffic.roll(now);
        let shrunk = |of_value: f64, of_all: f64, to: f64, weight: f64| (of_value + weight * to) / (of_all + weight);
        let equal = 1.0 / f64::from(side.values.max(1));
        let usually = shrunk(value.sampled.into(), side.sampled.into(), equal, PRIOR_EVENTS);
        let now = shrunk(value.traffic.sum(slots) as f64, side.traffic.sum(slots) as f64, usually, PRIOR_EVENTS);
        let failing = shrunk(value.learned, side.learned, usually, PRIOR_FAILURES);
        let share = usually.max(now).max(failing).min(1.0);
        // Modules that clump say little of one that may not: it shows soon enough.
        let of_others = self.clumping.correlation(PRIOR).min(PRIOR);
        Some(Usual {
            share,
            learned: value.learned.max(share * side.learned),
            correlation: side.clumping.correlation(of_others),
            clump: side.clumping.size(),
            values: side.values,
            samples: f64::from(side.sampled) + side.learned,
        })
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

    /// Takes what was kept; `active` are the modules on the list of those to settle.
    pub(super) fn restore(&mut self, kept: DimensionTableSnapshot, active: &[u64]) {
        self.sides.restore(kept.sides);
        self.values.restore(kept.values);
        self.clumping = kept.clumping;
        for &(key, count) in self.sides.values().flat_map(|side| side.recent.slots()).flat_map(|slot| &slot.values) {
            if let Some(value) = self.values.get_mut(key) {
                value.recent = value.recent.saturating_add(count);
            }
        }
        for side in active {
            if let Some(side) = self.sides.get_mut(*side) {
                side.active = true;
            }
        }
    }
}

impl HeapSize for DimensionStats {
    fn heap_size(&self) -> usize {
        self.traffic.heap_size() + self.recent.heap_size() + allocated(size_of_val(self.block.values.as_slice()))
    }
}

impl HeapSize for ValueStats {
    fn heap_size(&self) -> usize {
        self.traffic.heap_size()
    }
}

impl DimensionStats {
    /// A block is over: how its failures clump is learned, of this module and of all.
    fn clump(&mut self, block: &FailureSlot, of_all: &mut Clumping) {
        let n = f64::from(block.total);
        let usual = self.squares / f64::from(self.sampled).powi(2);
        let pairs: f64 = block.values.iter().map(|(_, k)| f64::from(*k) * (f64::from(*k) - 1.0)).sum();
        for clumping in [&mut self.clumping, of_all] {
            clumping.add(n, pairs / (n * (n - 1.0)), usual);
        }
    }
}

impl ValueStats {
    fn catch_up(&mut self, halved: u32) {
        self.sampled >>= halved.saturating_sub(self.halved).min(31);
        self.halved = halved;
    }

    /// Forgets up to now; while an incident owns it, it keeps what it knew.
    fn forget(&mut self, exposure: &Exposure, owned: bool) {
        let slots = exposure.slot().saturating_sub(self.settled);
        if slots > 0 && !owned {
            self.learned *= exposure.decay(slots);
        }
        self.settled = exposure.slot();
    }
}

#[cfg(test)]
mod tests {
    use super::super::recent::GROUPS;
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

    #[test]
    fn failures_are_counted_by_value_and_in_windows() {
        let (mut sides, mut exposure) = sides();
        for (slot, key) in [(100, 10), (100, 20), (101, 20), (102, 20), (102, 30)] {
            exposure.roll(slot);
            sides.fail(SIDE, key, slot);
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
            sides.fail(SIDE, 30, slot);
            sides.settle(SIDE, &exposure, |_, _| false);
        }
        let usual = sides.usual(SIDE, 30, 1, &exposure, false).unwrap();
        assert!(usual.share > 0.9 && usual.learned > 80.0, "{usual:?}");
    }

    #[test]
    fn what_an_incident_owns_teaches_nothing() {
        let (mut sides, mut exposure) = sides();
        for slot in 100..200 {
            exposure.roll(slot);
            (0..5).for_each(|_| sides.fail(SIDE, 30, slot));
            sides.settle(SIDE, &exposure, |key, _| key == 30);
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
                (0..6).for_each(|_| sides.fail(SIDE, [10, 20, 30][slot as usize / 12 % 3], slot));
                [11, 12, 13].iter().for_each(|&key| sides.fail(other, key, slot));
            }
            [SIDE, other].into_iter().for_each(|side| sides.settle(side, &exposure, |_, _| false));
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
        (0..50).for_each(|key| sides.fail(key, key, 60));
        assert!(sides.tables().iter().all(|&(_, keys, evictions)| keys == 2 && evictions > 0));
    }

    #[test]
    fn values_beyond_those_told_apart_in_a_slot_count_for_all() {
        let (mut sides, _) = sides();
        (0..GROUPS as u64 + 10).for_each(|key| sides.fail(SIDE, 1_000 + key, 100));
        assert_eq!(sides.counted(SIDE, 1_000, 0, |_| false), Counted { of_value: 1, of_all: GROUPS as u64 + 10 });
        assert_eq!(sides.by_value(SIDE).0.len(), GROUPS);
    }
}
