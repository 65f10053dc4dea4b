//! What is counted of every event: each module's events that are no errors, and how the hosts share in them.

use crate::engine::state::{Table, TableSnapshot};
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::slots::Slots;
use serde::{Deserialize, Serialize};

/// One event in so many is counted by host: shares need no more, and the others cost nothing.
const SAMPLE: u32 = 8;
/// Sampled events of a module after which its hosts' counts forget half.
const FORGET_AT: u32 = 8_192;
/// Prior weight of equal shares, in sampled events.
const PRIOR: f64 = 20.0;

/// A module's events that are no errors.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Module {
    others: Slots,
    /// Those that have left all windows, forgetting.
    learned: f64,
    hosts: u32,
    sampled: u32,
    /// How often its hosts' counts have been halved.
    halved: u32,
}

/// Sampled events of one host in one module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Host {
    sampled: u32,
    halved: u32,
}

/// The counts. Memory: about 4 bytes a slot and module, 40 bytes a module and host, both capped.
#[derive(Debug)]
pub(super) struct Traffic {
    modules: Table<Module>,
    hosts: Table<Host>,
    turn: u32,
    length: u32,
}

/// What is kept of it across a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TrafficSnapshot {
    modules: TableSnapshot<Module>,
    hosts: TableSnapshot<Host>,
    turn: u32,
}

impl Traffic {
    pub(super) fn new(keys: usize, length: u32) -> Self {
        Self { modules: Table::new(keys), hosts: Table::new(keys), turn: 0, length }
    }

    /// Takes an event of `module`; `host` is asked for its hash when it is this event's turn.
    #[inline]
    pub(super) fn count(&mut self, module: u64, failed: bool, exposure: &Exposure, host: impl FnOnce() -> u64) {
        self.turn += 1;
        let sampled = self.turn >= SAMPLE;
        if failed && !sampled {
            return;
        }
        let (now, length) = (exposure.slot(), self.length);
        let entry = self.modules.touch(module, || Module {
            others: Slots::new(length as usize, now),
            learned: 0.0,
            hosts: 0,
            sampled: 0,
            halved: 0,
        });
        if !failed {
            if entry.others.newest() != now {
                entry.roll(exposure);
            }
            entry.others.add();
        }
        if sampled {
            self.turn = 0;
            let host = host();
            if host != 0 {
                self.sample(module, host);
            }
        }
    }

    fn sample(&mut self, module: u64, host: u64) {
        let Some(entry) = self.modules.get_mut(module) else { return };
        let known = self.hosts.len() as u64 + self.hosts.evictions();
        let count = self.hosts.touch(module ^ host.rotate_left(17), || Host { sampled: 0, halved: entry.halved });
        count.sampled = (count.sampled >> entry.halved.saturating_sub(count.halved).min(31)) + 1;
        count.halved = entry.halved;
        entry.sampled += 1;
        if self.hosts.len() as u64 + self.hosts.evictions() > known {
            entry.hosts += 1;
        }
        if entry.sampled > FORGET_AT {
            entry.sampled /= 2;
            entry.halved += 1;
        }
    }

    /// The module's events that are no errors: in the past, and in the last `slots` slots.
    pub(super) fn others(&mut self, module: u64, slots: u32, exposure: &Exposure) -> (f64, f64) {
        let Some(entry) = self.modules.get_mut(module) else { return (0.0, 0.0) };
        entry.roll(exposure);
        (entry.learned, entry.others.sum(slots) as f64)
    }

    /// Hosts that the module was seen on.
    pub(super) fn hosts(&mut self, module: u64) -> u32 {
        self.modules.get_mut(module).map_or(0, |entry| entry.hosts)
    }

    /// The share of the module's events that come from `host`, shrunk to equal shares.
    pub(super) fn share(&mut self, module: u64, host: u64) -> f64 {
        let Some(entry) = self.modules.get_mut(module) else { return 1.0 };
        let count = self.hosts.get_mut(module ^ host.rotate_left(17)).copied().unwrap_or_default();
        let sampled = count.sampled >> entry.halved.saturating_sub(count.halved).min(31);
        let equal = 1.0 / f64::from(entry.hosts.max(1));
        ((f64::from(sampled) + PRIOR * equal) / (f64::from(entry.sampled) + PRIOR)).min(1.0)
    }

    pub(super) fn tables(&self) -> [(&'static str, u64, u64); 2] {
        [
            ("burst_modules", self.modules.len() as u64, self.modules.evictions()),
            ("burst_hosts", self.hosts.len() as u64, self.hosts.evictions()),
        ]
    }

    pub(super) fn snapshot(&self) -> TrafficSnapshot {
        TrafficSnapshot { modules: self.modules.snapshot(), hosts: self.hosts.snapshot(), turn: self.turn }
    }

    pub(super) fn restore(&mut self, kept: TrafficSnapshot) {
        self.modules.restore(kept.modules);
        self.hosts.restore(kept.hosts);
        self.turn = kept.turn;
    }
}

impl Module {
    #[cold]
    fn roll(&mut self, exposure: &Exposure) {
        let slots = exposure.slot().saturating_sub(self.others.newest());
        self.learned = self.learned * exposure.decay(slots) + self.others.roll(exposure.slot()) as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_traffic_and_forget() {
        let (mut traffic, exposure) = (Traffic::new(100, 4), Exposure::new(4, 5.0, 3_600.0));
        assert_eq!((traffic.hosts(1), traffic.share(1, 7)), (0, 1.0));
        for i in 0..80_000_u64 {
            traffic.count(1, false, &exposure, || [7, 7, 7, 8][(i / 8 % 4) as usize]);
        }
        assert_eq!(traffic.hosts(1), 2);
        assert!((traffic.share(1, 7) - 0.75).abs() < 0.02 && (traffic.share(1, 8) - 0.25).abs() < 0.02);
        for _ in 0..400_000 {
            traffic.count(1, false, &exposure, || 8);
        }
        assert!(traffic.share(1, 7) < 0.1 && traffic.share(1, 8) > 0.9);
        assert!(traffic.share(1, 99) < 0.01);
    }

    #[test]
    fn errors_are_not_among_the_others_and_the_past_is_what_left() {
        let (mut traffic, mut exposure) = (Traffic::new(100, 4), Exposure::new(4, 5.0, 3_600.0));
        for slot in 0..10 {
            exposure.roll(slot);
            (0..6).for_each(|i| traffic.count(1, i < 2, &exposure, || 0));
        }
        let (past, window) = traffic.others(1, 2, &exposure);
        assert!((past - 24.0).abs() < 0.2 && window == 8.0, "{past} {window}");
        assert_eq!(traffic.others(2, 2, &exposure), (0.0, 0.0));
    }
}
