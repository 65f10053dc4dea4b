//! The emergency stop of rules: wall time, where counting operations is not enough.

use crate::engine::rules::Meter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Stops a rule's evaluation that takes longer than a limit.
#[derive(Debug)]
pub struct WallMeter {
    limit: Duration,
    origin: Instant,
    /// Nanoseconds from `origin` to the begin of the evaluation at hand.
    begun: AtomicU64,
}

impl WallMeter {
    /// A meter with this limit for one evaluation.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, origin: Instant::now(), begun: AtomicU64::new(0) }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Meter for WallMeter {
    fn begin(&self) {
        self.begun.store(self.elapsed(), Ordering::Relaxed);
    }

    fn is_overtime(&self) -> bool {
        let spent = self.elapsed().saturating_sub(self.begun.load(Ordering::Relaxed));
        u128::from(spent) > self.limit.as_nanos()
    }

    fn elapsed_ns(&self) -> u64 {
        self.elapsed().saturating_sub(self.begun.load(Ordering::Relaxed))
    }

    fn clock_ns(&self) -> u64 {
        self.elapsed()
    }
}
