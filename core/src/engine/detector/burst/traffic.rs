//! Counts of every event by module: events that are no errors, and events with a status.

use crate::engine::detector::failure::BLOCK_SLOTS;
use crate::engine::detector::{ModuleCounts, failure};
use crate::engine::overrides::Choice;
use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot, allocated};
use crate::engine::stats::dispersion::Dispersion;
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::slots::Slots;
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Past requests from which on the share that fails is known.
const REQUESTS: f64 = 100.0;

/// The name for all modules together that are not listed.
const OTHER: &str = "other";
/// Bytes of a module's name that are kept.
const NAME_BYTES: usize = 128;

/// A module's events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Module {
    /// Recent events that are no errors.
    others: Slots,
    /// Events that have left all windows, decaying; and as [`Exposure::long_past`] does.
    learned: f64,
    #[serde(default)]
    learned_long: f64,
    /// All events that are no errors; it wraps around.
    #[serde(default)]
    total: u32,
    /// None until the first event with a status.
    requests: Option<Box<Requests>>,
    /// Which settings it has.
    #[serde(skip)]
    pub(super) choice: Choice,
    /// The name, the events and the errors of the module, for metrics and the page. These counters
    /// begin with the process.
    #[serde(skip)]
    name: Box<str>,
    #[serde(skip)]
    events: u64,
    #[serde(skip)]
    errors: u64,
}

/// A module's events with a status.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Requests {
    all: Slots,
    failed: Slots,
    learned_all: f64,
    learned_failed: f64,
    dispersion: Dispersion,
    /// The current block of the dispersion: its number, its requests and failures.
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
    /// The past has enough requests to know the share that fails.
    pub(super) is_known: bool,
}

/// The counts. Memory: 4 bytes a slot and module, three times as much for modules with requests;
/// modules are capped.
#[derive(Debug)]
pub(super) struct Traffic {
    modules: Table<Module>,
    length: u32,
}

/// The traffic as kept across a restart.
pub(super) type TrafficSnapshot = TableSnapshot<Module>;

impl Traffic {
    pub(super) fn new(keys: usize, length: u32) -> Self {
        Self { modules: Table::new(keys), length }
    }

    /// Reads the memory that events of these modules will need.
    pub(super) fn prefetch<const N: usize>(&self, modules: [u64; N]) {
        self.modules.prefetch(modules, |_, module| {
            let requests = module.requests.as_deref().map_or(0, |requests| requests.all.prefetch());
            requests ^ module.others.prefetch() ^ module.events ^ module.errors ^ u64::from(module.choice.number())
        });
    }

    /// The module's counts, made where there are none yet.
    #[inline]
    pub(super) fn module(&mut self, module: u64, now: u32) -> &mut Module {
        let length = self.length as usize;
        self.modules.touch(module, || Module {
            others: Slots::new(length, now),
            learned: 0.0,
            learned_long: 0.0,
            total: 0,
            requests: None,
            choice: Choice::default(),
            name: Box::default(),
            events: 0,
            errors: 0,
        })
    }

    /// Events and errors of the `most` busiest modules, and of all others together.
    pub(super) fn counts(&self, most: usize) -> Vec<ModuleCounts> {
        // Names are cut, and a module may be called `other`: modules of one name are added up.
        let mut by_name: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (_, module) in self.modules.iter().filter(|(_, module)| module.events > 0) {
            let (events, errors) = by_name.entry(&module.name).or_default();
            (*events, *errors) = (*events + module.events, *errors + module.errors);
        }
        let mut others = by_name.remove(OTHER).into_iter().collect::<Vec<_>>();
        let mut all: Vec<_> = by_name.into_iter().collect();
        // A stable order, by name where modules are as busy.
        all.sort_by_key(|(_, (events, _))| Reverse(*events));
        others.extend(all.split_off(most.min(all.len())).into_iter().map(|(_, counts)| counts));
        let sum = others.iter().copied().reduce(|(events, errors), more| (events + more.0, errors + more.1));
        let told = |(name, (events, errors)): (&str, (u64, u64))| ModuleCounts { module: name.into(), events, errors };
        all.into_iter().chain(sum.map(|sum| (OTHER, sum))).map(told).collect()
    }

    /// The module's events that are no errors: in the past with `before` slots in front of the
    /// window, and in the last `slots` slots, the window.
    pub(super) fn others(&mut self, module: u64, slots: u32, before: u32, exposure: &Exposure) -> (f64, f64) {
        let Some(entry) = self.modules.get_mut(module) else { return (0.0, 0.0) };
        entry.roll(exposure);
        let window = entry.others.sum(slots) as f64;
        let gap = if before > 0 { entry.others.sum(slots + before) as f64 - window } else { 0.0 };
        (entry.learned + gap, window)
    }

    /// All events of the module that are no errors; it wraps around.
    pub(super) fn total(&self, module: u64) -> u32 {
        self.modules.get(module).map_or(0, |entry| entry.total)
    }

    /// The module's events that are no errors: in the longer past, and in the last `length` slots,
    /// which are not part of it.
    pub(super) fn others_long(&mut self, module: u64, exposure: &Exposure) -> (f64, f64) {
        let length = self.length;
        let Some(entry) = self.modules.get_mut(module) else { return (0.0, 0.0) };
        entry.roll(exposure);
        (entry.learned_long, entry.others.sum(length) as f64)
    }

    /// The module's requests in the last `slots` slots and before; where only a few have left all
    /// windows, the `before` slots in front of the window are part of the past.
    pub(super) fn share(
        &mut self,
        module: u64,
        slots: u32,
        before: u32,
        exposure: &Exposure,
        owned: impl Fn(u32) -> bool,
    ) -> Option<Share> {
        let requests = self.modules.get_mut(module)?.requests.as_mut()?;
        requests.roll(exposure, owned);
        let (failed, all) = (requests.failed.sum(slots), requests.all.sum(slots) as f64);
        let is_known = requests.learned_all >= REQUESTS;
        let (gap_failed, gap_all) = match is_known || before == 0 {
            true => (0.0, 0.0),
            false => {
                ((requests.failed.sum(slots + before) - failed) as f64, requests.all.sum(slots + before) as f64 - all)
            }
        };
        Some(Share {
            failed,
            all,
            learned_failed: requests.learned_failed + gap_failed,
            learned_all: requests.learned_all + gap_all,
            dispersion: requests.dispersion.factor(),
            is_known: is_known || requests.learned_all + gap_all >= REQUESTS,
        })
    }

    pub(super) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.modules);
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

impl HeapSize for Module {
    fn heap_size(&self) -> usize {
        let of = |requests: &Requests| {
            allocated(size_of::<Requests>()) + requests.all.heap_size() + requests.failed.heap_size()
        };
        self.others.heap_size() + self.requests.as_deref().map_or(0, of)
    }
}

impl Module {
    /// Counts any event.
    #[inline]
    pub(super) fn hear(&mut self, fields: &Fields<'_>) {
        if self.name.is_empty() {
            self.name = name_of(fields);
        }
        self.events += 1;
        self.errors += u64::from(failure::is_failure(fields, Level::Error));
    }

    /// Counts an event that is no error, or that another detector explains.
    #[inline]
    pub(super) fn count_other(&mut self, exposure: &Exposure) {
        if self.others.newest() != exposure.slot() {
            self.roll(exposure);
        }
        self.others.add();
        self.total = self.total.wrapping_add(1);
    }

    /// Counts an event with a status. `owned` is true of slots that belong to an incident of this
    /// module.
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
        let left = self.others.roll(exposure.slot()) as f64;
        self.learned = self.learned * exposure.decay(slots) + left;
        self.learned_long = self.learned_long * exposure.decay_long(slots) + left;
    }
}

#[cold]
fn name_of(fields: &Fields<'_>) -> Box<str> {
    let name = fields.text(Role::Module).filter(|name| !name.is_empty());
    name.map_or_else(|| "none".into(), |name| name[..name.floor_char_boundary(NAME_BYTES)].into())
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

    /// Slots that have left all windows are learned: requests and failures of a slot, or neither.
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
        let (past, window) = traffic.others(1, 2, 0, &exposure);
        assert!((past - 24.0).abs() < 0.2 && window == 8.0, "{past} {window}");
        assert_eq!(traffic.others(2, 2, 0, &exposure), (0.0, 0.0));
    }

    #[test]
    fn the_busiest_modules_are_told_and_the_rest_as_one() {
        let mut traffic = Traffic::new(100, 4);
        for (key, name, events, errors) in [(1, "a", 5, 2), (2, "b", 9, 0), (3, "c", 9, 1), (4, "d", 1, 1)] {
            let module = traffic.module(key, 0);
            (module.name, module.events, module.errors) = (name.into(), events, errors);
        }
        // A module without an event since the restart is not listed.
        traffic.module(5, 0);
        let told = |traffic: &Traffic, most| -> Vec<_> {
            traffic.counts(most).into_iter().map(|told| (told.module, told.events, told.errors)).collect()
        };
        let of = |list: &[(&str, u64, u64)]| -> Vec<_> {
            list.iter().map(|(name, events, errors)| ((*name).to_owned(), *events, *errors)).collect()
        };
        assert_eq!(told(&traffic, 4), of(&[("b", 9, 0), ("c", 9, 1), ("a", 5, 2), ("d", 1, 1)]));
        assert_eq!(told(&traffic, 2), of(&[("b", 9, 0), ("c", 9, 1), ("other", 6, 3)]));
        assert_eq!(told(&traffic, 0), of(&[("other", 24, 4)]));
        for (key, name) in [(6, "other"), (7, "a")] {
            let module = traffic.module(key, 0);
            (module.name, module.events) = (name.into(), 10);
        }
        assert_eq!(told(&traffic, 2), of(&[("a", 15, 2), ("b", 9, 0), ("other", 20, 2)]));
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
            assert_eq!(traffic.share(1, 2, 0, &exposure, owned).unwrap().is_known, slot >= 14);
            // The slots in front of the window are past enough while few have left it.
            let early = traffic.share(1, 2, 2, &exposure, owned).unwrap();
            assert_eq!((early.is_known, early.learned_all >= 20.0), (slot >= 12, slot >= 3), "{early:?}");
        }
        let share = traffic.share(1, 2, 0, &exposure, owned).unwrap();
        assert_eq!((share.failed, share.all), (2, 20.0));
        assert!((share.learned_failed / share.learned_all - 0.1).abs() < 1e-9 && share.learned_all > 250.0);
        exposure.roll(1_000);
        assert_eq!(traffic.share(1, 2, 0, &exposure, owned).map(|share| share.all), Some(0.0));
        assert!(traffic.share(2, 2, 0, &exposure, owned).is_none());
    }
}
