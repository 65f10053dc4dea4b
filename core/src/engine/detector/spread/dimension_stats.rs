//! The failures and the traffic of one module in one dimension.
//!
//! A module is active while some window can see a failure of it. An active module is settled when a
//! slot leaves its windows and when a block of the clumping is over, not in every slot.

use super::recent::{FailureSlot, Recent, add};
use super::value_stats::ValueStats;
use crate::engine::detector::failure::BLOCK_SLOTS;
use crate::engine::state::{HeapSize, Table, allocated};
use crate::engine::stats::clumping::Clumping;
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::slots::Slots;
use serde::{Deserialize, Serialize};

/// Sampled events of a module after which its values' counts forget half.
pub(super) const FORGET_AT: u32 = 8_192;

/// A module in one dimension.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DimensionStats {
    /// Values seen.
    pub(super) values: u32,
    /// Sampled events, decayed, and how often they have been halved with those of the values.
    pub(super) sampled: u32,
    pub(super) halved: u32,
    /// Sum of the squares of the values' sampled events.
    pub(super) squares: f64,
    /// Sampled events lately that are no failures.
    pub(super) traffic: Slots,
    /// The failures that some window can still see.
    pub(super) recent: Recent,
    /// Failures that have left all windows, decayed, and the slot up to which they were.
    pub(super) learned: f64,
    pub(super) settled: u32,
    /// Failures of the past, half forgotten in a week.
    #[serde(default)]
    pub(super) learned_long: f64,
    /// All failures, and all sampled events that are none; both wrap around.
    #[serde(default)]
    pub(super) failed: u32,
    #[serde(default)]
    pub(super) healthy: u32,
    pub(super) clumping: Clumping,
    /// The current block of the clumping, as a slot.
    pub(super) block: FailureSlot,
    /// True while some window may see a failure of the module.
    #[serde(skip)]
    pub(super) active: bool,
    /// The slot in which an active module is settled next.
    #[serde(skip)]
    pub(super) due: u32,
}

/// The failures of one value in a window, and of all values that are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counted {
    /// The value's.
    pub(super) of_value: u64,
    /// All values'.
    pub(super) of_all: u64,
}

impl DimensionStats {
    pub(super) fn new(length: usize, now: u32) -> Self {
        Self {
            values: 0,
            sampled: 0,
            halved: 0,
            squares: 0.0,
            traffic: Slots::new(length, now),
            recent: Recent::default(),
            learned: 0.0,
            settled: now,
            learned_long: 0.0,
            failed: 0,
            healthy: 0,
            clumping: Clumping::default(),
            block: FailureSlot { number: now / BLOCK_SLOTS, ..FailureSlot::default() },
            active: false,
            due: 0,
        }
    }

    /// Takes a sampled event of `value`.
    pub(super) fn sample(&mut self, value: &mut ValueStats, failed: bool, now: u32) {
        value.catch_up(self.halved);
        self.squares += f64::from(2 * value.sampled + 1);
        value.sampled += 1;
        self.sampled += 1;
        if self.sampled > FORGET_AT {
            self.sampled /= 2;
            self.squares /= 4.0;
            self.halved += 1;
        }
        if !failed {
            let of_all = (&mut self.traffic, &mut self.healthy);
            for (traffic, healthy) in [of_all, (&mut value.traffic, &mut value.healthy)] {
                traffic.roll(now);
                traffic.add();
                *healthy = healthy.wrapping_add(1);
            }
        }
    }

    /// The learned failures, decayed up to the current slot. Those of a module that is not active
    /// decay when it becomes active again.
    pub(super) fn learned_by(&self, exposure: &Exposure) -> f64 {
        match self.active {
            true => exposure.forget(self.learned, exposure.slot().saturating_sub(self.settled)),
            false => self.learned,
        }
    }

    /// Failures that have left all windows, which are `length` slots at most, join the baselines,
    /// except those that `owned` attributes to an incident. `of_all` learns how failures clump in
    /// all modules.
    pub(super) fn settle(
        &mut self,
        values: &mut Table<ValueStats>,
        length: u32,
        exposure: &Exposure,
        owned: impl Fn(u64, u32) -> bool,
        of_all: &mut Clumping,
    ) {
        let now = exposure.slot();
        self.learned = match self.active {
            true => self.learned_by(exposure),
            false => self.learned * exposure.decay(now.saturating_sub(self.settled)),
        };
        self.learned_long *= exposure.decay_long(now.saturating_sub(self.settled));
        self.settled = now;
        if self.block.total == 0 {
            // Slots that leave now left at the end of the slot before.
            self.block.number = now.saturating_sub(1) / BLOCK_SLOTS;
        }
        while let Some(slot) = self.recent.pop(length, now) {
            self.learn(slot, values, exposure, &owned);
        }
        if self.block.number != now / BLOCK_SLOTS {
            let next = FailureSlot { number: now / BLOCK_SLOTS, ..FailureSlot::default() };
            let block = std::mem::replace(&mut self.block, next);
            self.clump(&block, of_all);
        }
    }

    /// The failures of a slot join the baselines.
    fn learn(
        &mut self,
        slot: FailureSlot,
        values: &mut Table<ValueStats>,
        exposure: &Exposure,
        owned: impl Fn(u64, u32) -> bool,
    ) {
        let told: u32 = slot.values.iter().map(|(_, count)| count).sum();
        self.learned += f64::from(slot.total - told);
        self.learned_long += f64::from(slot.total - told);
        for (key, count) in slot.values {
            let mut value = values.get_mut(key);
            if let Some(value) = &mut value {
                value.recent = value.recent.saturating_sub(count);
            }
            if owned(key, slot.number) {
                continue;
            }
            self.learned += f64::from(count);
            self.learned_long += f64::from(count);
            self.block.total += count;
            add(&mut self.block.values, key, count);
            if let Some(value) = value {
                value.forget(exposure, owned(key, exposure.slot()));
                value.learned += f64::from(count);
                value.learned_long += f64::from(count);
            }
        }
    }

    /// The slot in which it is settled next: when its oldest failures leave windows of `length`
    /// slots, or a block with failures is over. None where no window can see a failure.
    pub(super) fn next_due(&self, length: u32) -> Option<u32> {
        let leaves = self.recent.slots().next()?.number.saturating_add(length);
        let block_ends = self.block.number.saturating_add(1).saturating_mul(BLOCK_SLOTS);
        Some(if self.block.total > 0 { leaves.min(block_ends) } else { leaves })
    }

    /// The failures since slot `from` of the value `key`, and of all values but those left out.
    pub(super) fn counted(&self, key: u64, from: u32, left_out: impl Fn(u64) -> bool) -> Counted {
        let mut counted = Counted::default();
        for slot in self.recent.slots().rev().take_while(|slot| slot.number >= from) {
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

    /// Learns from a block that is over how failures clump, in this module and in all.
    fn clump(&mut self, block: &FailureSlot, of_all: &mut Clumping) {
        let n = f64::from(block.total);
        let usual = self.squares / f64::from(self.sampled).powi(2);
        let pairs: f64 = block.values.iter().map(|(_, k)| f64::from(*k) * (f64::from(*k) - 1.0)).sum();
        for clumping in [&mut self.clumping, of_all] {
            clumping.add(n, pairs / (n * (n - 1.0)), usual);
        }
    }
}

impl HeapSize for DimensionStats {
    fn heap_size(&self) -> usize {
        self.traffic.heap_size() + self.recent.heap_size() + allocated(size_of_val(self.block.values.as_slice()))
    }
}
