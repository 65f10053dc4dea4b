//! Limits on what rules use. Results depend only on counted operations; a clock, if the caller
//! provides one, is an emergency stop for costs that the count does not capture.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The limits of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most operations of one evaluation of one rule; each expression and statement is about one.
    pub operations: u64,
    /// Most keys of each call site of each rule.
    pub keys: usize,
    /// Most bytes of each rule's state, over all its call sites and keys, approximately.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { operations: 50_000, keys: 100_000, bytes: 64 << 20 }
    }
}

/// The clock for the emergency stop. The engine itself has none.
pub trait Meter: Debug + Send + Sync {
    /// Starts the measurement of an evaluation.
    fn begin(&self);
    /// True when the evaluation has taken longer than any should (50 ms). It then ends as a
    /// failure.
    fn is_overtime(&self) -> bool;
    /// Nanoseconds since [`Self::begin`].
    fn elapsed_ns(&self) -> u64;
    /// Nanoseconds since a fixed moment in the past; used for cost metrics only, never for
    /// decisions.
    fn clock_ns(&self) -> u64 {
        0
    }
}

/// The clock is read once in this many operations.
const OPERATIONS_A_LOOK: u64 = 16;

/// Counts the operations of the current evaluation. Rhai's own counter restarts in every closure
/// that a function such as `map` calls, so nested closures would escape its limit.
#[derive(Debug)]
pub(crate) struct Spent {
    operations: AtomicU64,
    limit: u64,
    meter: Option<Arc<dyn Meter>>,
    /// Whether [`Meter::begin`] was called for this evaluation.
    begun: AtomicBool,
}

/// The limit that an evaluation exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Operations,
    Time,
}

impl Spent {
    pub(crate) fn new(limit: u64, meter: Option<Arc<dyn Meter>>) -> Self {
        Self { operations: AtomicU64::new(0), limit, meter, begun: AtomicBool::new(false) }
    }

    /// Starts an evaluation. Reading a clock takes longer than many evaluations, so unless this one
    /// is `timed`, the meter is started only at the first check of the clock.
    pub(crate) fn begin(&self, timed: bool) {
        self.operations.store(0, Ordering::Relaxed);
        self.begun.store(timed, Ordering::Relaxed);
        if timed && let Some(meter) = &self.meter {
            meter.begin();
        }
    }

    /// Nanoseconds of a timed evaluation so far; 0 without a clock.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.meter.as_ref().map_or(0, |meter| meter.elapsed_ns())
    }

    /// Counts an operation. Only one evaluation runs at a time, so a load and a store suffice and
    /// no atomic addition is needed.
    #[inline]
    pub(crate) fn spend(&self) -> Option<Excess> {
        self.spend_many(1)
    }

    /// As [`Self::spend`], for a function that counts as many operations.
    #[inline]
    pub(crate) fn spend_many(&self, operations: u64) -> Option<Excess> {
        let spent = self.operations.load(Ordering::Relaxed).saturating_add(operations);
        self.operations.store(spent, Ordering::Relaxed);
        if spent > self.limit {
            return Some(Excess::Operations);
        }
        let meter = self.meter.as_ref()?;
        if spent % OPERATIONS_A_LOOK >= operations {
            return None;
        }
        if !self.begun.swap(true, Ordering::Relaxed) {
            meter.begin();
            return None;
        }
        meter.is_overtime().then_some(Excess::Time)
    }

    /// The clock, if there is one.
    pub(crate) fn meter(&self) -> Option<Arc<dyn Meter>> {
        self.meter.clone()
    }

    /// The limit in operations.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }
}
