//! What a rule may cost. Results depend on counted operations alone; a clock, where the caller
//! gives one, only ends what no count foresaw.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Limits on what rules use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Operations that one evaluation of one rule may take: about one for each expression and
    /// statement.
    pub operations: u64,
    /// Keys that each call site of each rule remembers.
    pub keys: usize,
    /// Bytes that each rule remembers over all its call sites and keys, about.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { operations: 50_000, keys: 100_000, bytes: 64 << 20 }
    }
}

/// The emergency stop: a clock that the engine itself does not have.
pub trait Meter: Debug + Send + Sync {
    /// An evaluation begins.
    fn begin(&self);
    /// True when the evaluation has taken longer than any should (50 ms); it then ends as a
    /// failure.
    fn is_overtime(&self) -> bool;
    /// Nanoseconds since the evaluation began.
    fn elapsed_ns(&self) -> u64;
    /// Nanoseconds since some moment in the past: for costs, never for what is decided.
    fn clock_ns(&self) -> u64 {
        0
    }
}

/// How often the clock is looked at, in operations.
const OPERATIONS_A_LOOK: u64 = 16;

/// Counts the operations of the evaluation that runs. Rhai counts too, but begins anew in every
/// closure that a function such as `map` calls, so that nested closures would escape its limit.
#[derive(Debug)]
pub(crate) struct Spent {
    operations: AtomicU64,
    limit: u64,
    meter: Option<Arc<dyn Meter>>,
    /// The meter has been told that the evaluation began.
    begun: AtomicBool,
}

/// Why an evaluation was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    Operations,
    Time,
}

impl Spent {
    pub(crate) fn new(limit: u64, meter: Option<Arc<dyn Meter>>) -> Self {
        Self { operations: AtomicU64::new(0), limit, meter, begun: AtomicBool::new(false) }
    }

    /// An evaluation begins. Reading a clock takes longer than many an evaluation: unless it is
    /// `timed`, the meter hears of it only when its operations first come to a look at the clock.
    pub(crate) fn begin(&self, timed: bool) {
        self.operations.store(0, Ordering::Relaxed);
        self.begun.store(timed, Ordering::Relaxed);
        if timed && let Some(meter) = &self.meter {
            meter.begin();
        }
    }

    /// Nanoseconds that a timed evaluation has taken so far; 0 without a clock.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.meter.as_ref().map_or(0, |meter| meter.elapsed_ns())
    }

    /// One more operation. Only one evaluation runs at a time, so that a load and a store do
    /// without a locked addition.
    #[inline]
    pub(crate) fn spend(&self) -> Option<Excess> {
        self.spend_many(1)
    }

    /// As [`Self::spend`], for a function that does much at once.
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

    /// The clock, where there is one.
    pub(crate) fn meter(&self) -> Option<Arc<dyn Meter>> {
        self.meter.clone()
    }

    /// The limit in operations.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }
}
