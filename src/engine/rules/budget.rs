//! What a rule may cost. Results depend on counted operations alone; a clock, where the caller gives one, only ends what
//! no count foresaw.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Limits on what rules use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Operations that one evaluation of one rule may take: about one for each expression and statement.
    pub operations: u64,
    /// Keys that each call site of each rule remembers.
    pub keys: usize,
    /// Instants that each call site of each rule remembers over all its keys; 16 bytes each.
    pub instants: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { operations: 50_000, keys: 100_000, instants: 1_000_000 }
    }
}

/// The emergency stop: a clock that the engine itself does not have.
pub trait Meter: Debug + Send + Sync {
    /// An evaluation begins.
    fn begin(&self);
    /// True when the evaluation has taken longer than any should (50 ms); it then ends as a failure.
    fn is_overtime(&self) -> bool;
    /// Nanoseconds since some moment in the past: for costs, never for what is decided.
    fn elapsed_ns(&self) -> u64 {
        0
    }
}

/// How often the clock is looked at, in operations.
const OPERATIONS_A_LOOK: u64 = 16;

/// Counts the operations of the evaluation that runs. Rhai counts too, but begins anew in every closure that a function
/// such as `map` calls, so that nested closures would escape its limit.
#[derive(Debug)]
pub(super) struct Spent {
    operations: AtomicU64,
    limit: u64,
    meter: Option<Arc<dyn Meter>>,
}

/// Why an evaluation was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Operations,
    Time,
}

impl Spent {
    pub(super) fn new(limit: u64, meter: Option<Arc<dyn Meter>>) -> Self {
        Self { operations: AtomicU64::new(0), limit, meter }
    }

    /// An evaluation begins.
    pub(super) fn begin(&self) {
        self.operations.store(0, Ordering::Relaxed);
        if let Some(meter) = &self.meter {
            meter.begin();
        }
    }

    /// One more operation. Only one evaluation runs at a time, so that a load and a store do without a locked addition.
    #[inline]
    pub(super) fn spend(&self) -> Option<Excess> {
        self.spend_many(1)
    }

    /// As [`Self::spend`], for a function that does much at once.
    #[inline]
    pub(super) fn spend_many(&self, operations: u64) -> Option<Excess> {
        let spent = self.operations.load(Ordering::Relaxed).saturating_add(operations);
        self.operations.store(spent, Ordering::Relaxed);
        if spent > self.limit {
            return Some(Excess::Operations);
        }
        let meter = self.meter.as_ref()?;
        (spent % OPERATIONS_A_LOOK < operations && meter.is_overtime()).then_some(Excess::Time)
    }

    /// The limit in operations.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }
}
