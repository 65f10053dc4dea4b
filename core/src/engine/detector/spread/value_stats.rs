//! The failures and the traffic of one value of a module.

use crate::engine::overrides::Choice;
use crate::engine::state::HeapSize;
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::failure_marks::FailureMarks;
use crate::engine::stats::slots::Slots;
use serde::{Deserialize, Serialize};

/// A value of a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ValueStats {
    pub(super) sampled: u32,
    pub(super) halved: u32,
    pub(super) traffic: Slots,
    pub(super) learned: f64,
    /// Failures of the past, half forgotten in a week.
    #[serde(default)]
    pub(super) learned_long: f64,
    /// All sampled events that are no failures; it wraps around.
    #[serde(default)]
    pub(super) healthy: u32,
    /// Marks of its last failures, with totals of the module's failures, the sampled events of the
    /// value and of the module that are none, the stream's events, and how the module's failures
    /// clump, as the bits of an `f32`.
    #[serde(default)]
    pub(super) marks: FailureMarks<5>,
    pub(super) settled: u32,
    /// Failures that some window can still see and that were told apart; less than the truth after
    /// an eviction.
    #[serde(skip)]
    pub(super) recent: u32,
    /// Which settings it has.
    #[serde(skip)]
    pub(super) choice: Choice,
}

impl ValueStats {
    pub(super) fn new(length: usize, halved: u32, now: u32) -> Self {
        Self {
            sampled: 0,
            halved,
            traffic: Slots::new(length, now),
            learned: 0.0,
            learned_long: 0.0,
            healthy: 0,
            marks: FailureMarks::default(),
            settled: now,
            recent: 0,
            choice: Choice::default(),
        }
    }

    /// The counts of the module have been halved `halved` times: so have these.
    pub(super) fn catch_up(&mut self, halved: u32) {
        self.sampled >>= halved.saturating_sub(self.halved).min(31);
        self.halved = halved;
    }

    /// Forgets up to now; while an incident owns the value, the value keeps what it knew.
    pub(super) fn forget(&mut self, exposure: &Exposure, owned: bool) {
        let slots = exposure.slot().saturating_sub(self.settled);
        if slots > 0 && !owned {
            self.learned *= exposure.decay(slots);
            self.learned_long *= exposure.decay_long(slots);
        }
        self.settled = exposure.slot();
    }
}

impl HeapSize for ValueStats {
    fn heap_size(&self) -> usize {
        self.traffic.heap_size() + self.marks.heap_size()
    }
}
