//! What is counted of every event, by module: events that are no errors, and those that tell a status.

use crate::engine::overrides::Choice;
use crate::engine::state::{Table, TableSnapshot};
use crate::engine::stats::dispersion::Dispersion;
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::slots::Slots;
use serde::{Deserialize, Serialize};

/// Slots of a block by which dispersion is measured: a minute.
const BLOCK_SLOTS: u32 = 12;
/// Fewest requests of the past in which a share is worth something.
const REQUESTS: f64 = 100.0;

/// A module's events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Module {
    /// Those that are no errors.
    others: Slots,
    /// Those that have left all windows, forgetting.
    learned: f64,
    /// Made when the first event with a status comes.
    requests: Option<Box<Requests>>,
    /// Which settings it has.
    #[serde(skip)]
    pub(super) choice: Choice,
}

/// A module's events with a status.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Requests {
    all: Slots,
    failed: Slots,
    learned_all: f64,
    learned_failed: f64,
    dispersion: Dispersion,
    /// The dispersion's block at hand: its number, its requests and failures.
    block: (u32, f64, f64),
}

/// A module's requests lately and in the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    pub(super) failed: u64,
    pub(super) all: f64,
    pub(super) learned_failed: f64,
    pub(super) learned_all: f64,
    pub(super) dispersion: f64,
}

/// The counts. Memory: 4 bytes a slot and module, three times as much for modules with requests; modules are capped.
#[derive(Debug)]
pub(super) struct Traffic {
    modules: Table<Module>,
    length: u32,
}

/// What is kept of it across a restart.
pub(super) type TrafficSnapshot = TableSnapshot<Module>;

impl Traffic {
    pub(super) fn new(keys: usize, length: u32) -> Self {
        Self { modules: Table::new(keys), length }
    }

    /// The module, known from now on.
    #[inline]
    pub(super) fn module(&mut self, module: u64, now: u32) -> &mut Module {
        let length = self.length as usize;
        self.modules.touch(module, || Module {
            others: Slots::new(length, now),
            learned: 0.0,
            requests: None,
            choice: Choice::default(),
        })
    }

    /// The module's events that are no errors: in the past, and in the last `slots` slots.
    pub(super) fn others(&mut self, module: u64, slots: u32, exposure: &Exposure) -> (f64, f64) {
        let Some(entry) = self.modules.get_mut(module) else { return (0.0, 0.0) };
        entry.roll(exposure);
        (entry.learned, entry.others.sum(slots) as f64)
    }

    /// The module's requests in the last `slots` slots and before, if there were enough to know the share that fails.
    pub(super) fn share(
        &mut self,
        module: u64,
        slots: u32,
        exposure: &Exposure,
        owned: impl Fn(u32) -> bool,
    ) -> Option<Share> {
        let requests = self.modules.get_mut(module)?.requests.as_mut()?;
        requests.roll(exposure, owned);
        (requests.learned_all >= REQUESTS).then(|| Share {
            failed: requests.failed.sum(slots),
            all: requests.all.sum(slots) as f64,
            learned_failed: requests.learned_failed,
            learned_all: requests.learned_all,
            dispersion: requests.dispersion.factor(),
        })
    }

    /// All modules known.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.modules.iter().map(|(module, _)| module)
    }

    pub(super) fn table(&self) -> (&'static str, u64, u64) {
        ("burst_modules", self.modules.len() as u64, self.modules.evictions())
    }

    pub(super) fn snapshot(&self) -> TrafficSnapshot {
        self.modules.snapshot()
    }

    pub(super) fn restore(&mut self, kept: TrafficSnapshot) {
        self.modules.restore(kept);
    }
}

impl Module {
    /// Takes an event that is no error, or that another detector explains.
    #[inline]
    pub(super) fn count_other(&mut self, exposure: &Exposure) {
        if self.others.newest() != exposure.slot() {
            self.roll(exposure);
        }
        self.others.add();
    }

    /// Takes an event with a status; `owned` are slots that belong to an incident of this module.
    #[inline]
    pub(super) fn count_request(&mut self, failed: bool, exposure: &Exposure, owned: impl Fn(u32) -> bool) {
        let length = self.others.length();
        let requests = self.requests.get_or_insert_with(|| Box::new(Requests::new(length, exposure.slot())));
        if requests.all.newest() != exposure.slot() {
            requests.roll(exposure, owned);
        }
        requests.all.add();
        if failed {
            requests.failed.add();
        }
    }

    #[cold]
    fn roll(&mut self, exposure: &Exposure) {
        let slots = exposure.slot().saturating_sub(self.others.newest());
        self.learned = self.learned * exposure.decay(slots) + self.others.roll(exposure.slot()) as f64;
    }
}

impl Requests {
    fn new(length: usize, now: u32) -> Self {
        Self {
            all: Slots::new(length, now),
            failed: Slots::new(length, now),
            learned_all: 0.0,
            learned_failed: 0.0,
            dispersion: Dispersion::default(),
            block: (now / BLOCK_SLOTS, 0.0, 0.0),
        }
    }

    /// What has left all windows is learned, both numbers of a slot or none.
    #[cold]
    fn roll(&mut self, exposure: &Exposure, owned: impl Fn(u32) -> bool) {
        let (now, length) = (exposure.slot(), self.all.length() as u32);
        let slots = now.saturating_sub(self.all.newest());
        self.learned_all *= exposure.decay(slots);
        self.learned_failed *= exposure.decay(slots);
        for _ in 0..slots.min(length) {
            let (all, failed) = (f64::from(self.all.step()), f64::from(self.failed.step()));
            let left = self.all.newest().checked_sub(length);
            if left.is_some_and(|left| !owned(left)) {
                self.learned_all += all;
                self.learned_failed += failed;
                self.block.1 += all;
                self.block.2 += failed;
            }
        }
        self.all.roll(now);
        self.failed.roll(now);
        if self.block.0 != now / BLOCK_SLOTS {
            let expected = self.learned_failed.max(1.0) / self.learned_all.max(1.0) * self.block.1;
            if self.learned_all >= REQUESTS {
                self.dispersion.add(self.block.2, expected);
            }
            self.block = (now / BLOCK_SLOTS, 0.0, 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_not_among_the_others_and_the_past_is_what_left() {
        let (mut traffic, mut exposure) = (Traffic::new(100, 4), Exposure::new(4, 5.0, 3_600.0));
        for slot in 0..10 {
            exposure.roll(slot);
            (0..4).for_each(|_| traffic.module(1, slot).count_other(&exposure));
        }
        let (past, window) = traffic.others(1, 2, &exposure);
        assert!((past - 24.0).abs() < 0.2 && window == 8.0, "{past} {window}");
        assert_eq!(traffic.others(2, 2, &exposure), (0.0, 0.0));
    }

    #[test]
    fn a_share_is_learned_from_slots_that_nobody_owns() {
        let (mut traffic, mut exposure) = (Traffic::new(100, 4), Exposure::new(4, 5.0, 3_600.0));
        // Of ten requests one fails; in slots 20 to 29 all do, and those belong to an incident.
        let owned = |slot: u32| (20..30).contains(&slot);
        for slot in 0..40 {
            exposure.roll(slot);
            for i in 0..10 {
                traffic.module(1, slot).count_request(i == 0 || owned(slot), &exposure, owned);
            }
            assert_eq!(traffic.share(1, 2, &exposure, owned).is_some(), slot >= 14);
        }
        let share = traffic.share(1, 2, &exposure, owned).unwrap();
        assert_eq!((share.failed, share.all), (2, 20.0));
        assert!((share.learned_failed / share.learned_all - 0.1).abs() < 1e-9 && share.learned_all > 250.0);
        exposure.roll(1_000);
        assert_eq!(traffic.share(1, 2, &exposure, owned).map(|share| share.all), Some(0.0));
        assert!(traffic.share(2, 2, &exposure, owned).is_none());
    }
}
