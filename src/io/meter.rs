//! The emergency stop of rules by time, where counting operations is not enough.

use crate::engine::rules::Meter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Stops the evaluation of a rule that takes longer than a limit.
///
/// On a busy machine a thread can be paused for longer than the limit, and that is not the rule's
/// fault. So the first half of the limit is wall time, which is cheap to read; after that the
/// thread's own CPU time counts.
#[derive(Debug)]
pub struct WallMeter {
    half: Duration,
    origin: Instant,
    /// Nanoseconds from `origin` to the begin of the current evaluation.
    begun: AtomicU64,
    /// The thread's CPU time in nanoseconds at the first reading in the second half; 0 before.
    half_spent: AtomicU64,
}

impl WallMeter {
    /// A meter with this limit for one evaluation.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { half: limit / 2, origin: Instant::now(), begun: AtomicU64::new(0), half_spent: AtomicU64::new(0) }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Meter for WallMeter {
    fn begin(&self) {
        self.begun.store(self.elapsed(), Ordering::Relaxed);
        self.half_spent.store(0, Ordering::Relaxed);
    }

    fn is_overtime(&self) -> bool {
        let elapsed = u128::from(self.elapsed_ns());
        if elapsed <= self.half.as_nanos() {
            return false;
        }
        let Some(now) = processor_ns() else { return elapsed > 2 * self.half.as_nanos() };
        match self.half_spent.load(Ordering::Relaxed) {
            0 => {
                self.half_spent.store(now, Ordering::Relaxed);
                false
            }
            half_spent => u128::from(now.saturating_sub(half_spent)) > self.half.as_nanos(),
        }
    }

    fn elapsed_ns(&self) -> u64 {
        self.elapsed().saturating_sub(self.begun.load(Ordering::Relaxed))
    }

    fn clock_ns(&self) -> u64 {
        self.elapsed()
    }
}

/// The CPU time of this thread in nanoseconds, to a few milliseconds; `None` where the system does
/// not tell.
fn processor_ns() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().filter(|nanoseconds| *nanoseconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_thread_works_itself_is_overtime() {
        let meter = WallMeter::new(Duration::from_millis(20));
        meter.begin();
        assert!(!meter.is_overtime());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!meter.is_overtime() && !meter.is_overtime(), "it was asleep");
        let start = Instant::now();
        while !meter.is_overtime() {
            assert!(start.elapsed() < Duration::from_secs(10));
        }
        meter.begin();
        assert!(!meter.is_overtime());
    }
}
