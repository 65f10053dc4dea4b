//! How often FATALs come. Every one is told, but a program that writes the same again and again has
//! one incident that goes on: until it has been quiet for ten times its mean gap. Where five kinds
//! and more come once a minute all the time, they are one trouble of the whole stream.

use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot};
use crate::engine::template::TemplateId;
use serde::{Deserialize, Serialize};

/// So many of its own gaps without it end an incident.
const GAPS: f64 = 10.0;
/// So many kinds, with a FATAL in so many seconds on average, are one trouble.
const KINDS: usize = 5;
const USUAL_S: f64 = 60.0;

/// The FATALs of a module and template.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct FatalTimes {
    first: f64,
    count: u64,
}

impl HeapSize for FatalTimes {}

/// All FATALs, by hashes of modules and templates.
#[derive(Debug)]
pub(super) struct Fatals {
    times: Table<FatalTimes>,
    count: u64,
}

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub(super) struct FatalsState {
    times: TableSnapshot<FatalTimes>,
    count: u64,
}

impl Fatals {
    pub(super) fn new(keys: usize) -> Self {
        Self { times: Table::new(keys), count: 0 }
    }

    /// One more at `running` seconds. Returns after how many seconds without a further one an
    /// incident of it is over, `least` at least.
    pub(super) fn add(&mut self, module: u64, template: TemplateId, running: f64, least: f64) -> f64 {
        self.count += 1;
        let times = self.times.touch(module.rotate_left(32) ^ template.0, FatalTimes::default);
        if times.count == 0 {
            times.first = running;
        }
        times.count += 1;
        let gaps = (times.count - 1) as f64;
        least.max(if gaps > 0.0 { GAPS * (running - times.first) / gaps } else { 0.0 })
    }

    /// True where they are one trouble of the whole stream.
    pub(super) fn are_usual(&self, running: f64) -> bool {
        self.times.len() >= KINDS && running <= self.count as f64 * USUAL_S
    }

    pub(super) fn table(&mut self) -> &mut dyn Evict {
        &mut self.times
    }

    pub(super) fn snapshot(&self) -> FatalsState {
        FatalsState { times: self.times.snapshot(), count: self.count }
    }

    pub(super) fn restore(&mut self, kept: FatalsState) {
        self.times.restore(kept.times);
        self.count = kept.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_comes_again_and_again_is_waited_for_and_many_kinds_are_one_trouble() {
        let mut fatals = Fatals::new(100);
        let patience = [0.0, 10.0, 3_600.0].map(|at| fatals.add(1, TemplateId(1), at, 900.0));
        assert_eq!(patience, [900.0, 900.0, 18_000.0]);
        (2..=5).for_each(|kind| _ = fatals.add(1, TemplateId(kind), 3_600.0, 900.0));
        assert!(!fatals.are_usual(3_600.0) && fatals.are_usual(7.0 * 60.0));
    }
}
