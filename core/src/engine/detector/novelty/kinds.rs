//! Exception types and stacks that were seen.

use super::good_turing::{Discoveries, DiscoveriesState};
use crate::engine::state::{Table, TableSnapshot};

/// How often each kind was seen, and the chance that the next is new.
#[derive(Debug)]
pub(super) struct Kinds {
    pub(super) counts: Table<u64>,
    pub(super) discoveries: Discoveries,
}

impl Kinds {
    pub(super) fn new(keys: usize) -> Self {
        Self { counts: Table::new(keys), discoveries: Discoveries::new(keys) }
    }

    /// Takes a sighting; true when it is the first.
    pub(super) fn see(&mut self, kind: u64, module: u64) -> bool {
        self.discoveries.hear(module, true);
        let count = self.counts.touch(kind, || 0);
        *count += 1;
        let count = *count;
        if count == 2 {
            self.discoveries.again(kind);
        }
        count == 1
    }

    pub(super) fn snapshot(&self) -> KindsState {
        (self.discoveries.snapshot(), self.counts.snapshot())
    }

    pub(super) fn restore(&mut self, (discoveries, counts): KindsState) {
        self.discoveries.restore(discoveries);
        self.counts.restore(counts);
    }
}

pub(super) type KindsState = (DiscoveriesState, TableSnapshot<u64>);
