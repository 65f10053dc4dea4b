//! How often each FATAL comes. Every one is told, but a program that writes the same again and again
//! has one incident that goes on: until it has been quiet for ten times its mean gap.

use crate::engine::state::HeapSize;
use serde::{Deserialize, Serialize};

/// So many of its own gaps without it end an incident.
const GAPS: f64 = 10.0;

/// The FATALs of a module and template.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct FatalTimes {
    first: f64,
    last: f64,
    count: u64,
}

impl HeapSize for FatalTimes {}

impl FatalTimes {
    /// One more at `running` seconds. Returns after how many seconds without a further one an
    /// incident of it is over, `least` at least.
    pub(super) fn add(&mut self, running: f64, least: f64) -> f64 {
        if self.count == 0 {
            self.first = running;
        }
        self.last = running.max(self.last);
        self.count += 1;
        let gaps = (self.count - 1) as f64;
        least.max(if gaps > 0.0 { GAPS * (self.last - self.first) / gaps } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_comes_again_and_again_is_waited_for() {
        let mut times = FatalTimes::default();
        assert_eq!([0.0, 10.0, 3_600.0].map(|at| times.add(at, 900.0)), [900.0, 900.0, 18_000.0]);
    }
}
