//! How likely something new is that is no fault, from what has been seen once only.
//!
//! Kinds that were seen once stand for those that were not seen yet (Good, The Population
//! Frequencies of Species, 1953). A sighting of x such kinds among n is followed by one of a new
//! kind with a chance of about (x + 1)/(n + 1), and as many sightings again would bring about x
//! new kinds; in a day to come, where discoveries thin out as 1/t, x·ln(1 + day/t) after a time t.
//!
//! A kind that was seen once long ago says little of today, as what a program warns of when it
//! starts: it weighs 2·s/n when it was seen at sighting s of n, which adds up to as many where new
//! kinds go on coming (that weight is 1 on average), and fades where none came since. Sightings
//! are counted on two clocks, time and evidence, and the larger weight counts.
//!
//! Evidence is a sighting at WARN and worse; a line below is worth a three-hundredth of one: a
//! module that wrote thousands of lines without a warning says that its first is rare. A module's
//! own evidence and that of all others is pooled but for the one that has most of it, which would
//! speak for all; likewise the kinds seen once, but for those of modules that always have something
//! new to say, up to an eighth of all: such a module makes no other one deaf.
//!
//! Memory: 36 bytes a module, 60 for a kind seen once, both capped, and 6 KiB. Cold start: with
//! nothing seen the chance is 1.

use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a line below WARN is worth, in sightings at WARN and worse.
const WORTH_BELOW: f64 = 1.0 / 300.0;
/// One module of so many, and one at least, may always have something new to say.
const HABITUAL_OF: usize = 8;
/// Such a module has had so many kinds, or has so many that were seen once.
const KINDS_OF_HABIT: u64 = 20;
const SINGLES_OF_HABIT: f64 = 3.0;
/// Of fewer modules none is left out.
const FEW_MODULES: usize = 4;
/// Modules whose kinds seen once are summed up each; those of further ones are summed up together.
const MODULES: usize = 128;
/// Seconds of a day.
const DAY_S: f64 = 86_400.0;

/// When something was seen, on both clocks: seconds of running time, and evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    time: f64,
    evidence: f64,
}

/// A kind that was seen once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Single {
    module: u64,
    seen: Seen,
    /// It was told, and is the only one of its module that was: somebody knows of it, and it does
    /// not count as usual.
    excused: bool,
}

impl HeapSize for Single {}

/// What kinds of a module that were seen once add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    kinds: u64,
    seen: Seen,
    excused: bool,
}

/// What is known of a module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Evidence {
    /// Its sightings.
    seen: f64,
    /// Kinds that it has had, and other values of known ones.
    kinds: u64,
}

impl HeapSize for Evidence {}

/// Kinds that were seen once, by module, and how much was seen in all.
#[derive(Debug)]
pub(super) struct Discoveries {
    modules: Table<Evidence>,
    total: f64,
    /// The most that a module has, and which.
    most: (f64, u64),
    singles: Table<Single>,
    sums: BTreeMap<u64, Sum>,
    /// Of the modules for which there is no room in `sums`.
    further: Sum,
}

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub(super) struct DiscoveriesState {
    modules: TableSnapshot<Evidence>,
    singles: TableSnapshot<Single>,
}

impl Discoveries {
    pub(super) fn new(keys: usize) -> Self {
        let (modules, singles) = (Table::new(keys), Table::new(keys));
        Self { modules, total: 0.0, most: (0.0, 0), singles, sums: BTreeMap::new(), further: Sum::default() }
    }

    /// A line of `module`, at WARN and worse or below.
    #[inline]
    pub(super) fn hear(&mut self, module: u64, is_warning: bool) {
        let worth = if is_warning { 1.0 } else { WORTH_BELOW };
        let own = self.modules.touch(module, Evidence::default);
        own.seen += worth;
        self.total += worth;
        if own.seen > self.most.0 {
            self.most = (own.seen, module);
        }
    }

    /// Something of `module` was seen for the first time, at `running` seconds.
    pub(super) fn first(&mut self, kind: u64, module: u64, running: f64, told: bool) {
        self.again(kind);
        let seen = Seen { time: running, evidence: self.total };
        let sum = Self::sum_of(&mut self.sums, &mut self.further, module);
        let excused = told && !sum.excused;
        let single = Single { module, seen, excused };
        sum.add(&single);
        *self.singles.touch(kind, || single) = single;
        self.variant(module);
    }

    /// A module has shown something new that may be no kind of its own.
    pub(super) fn variant(&mut self, module: u64) {
        self.modules.touch(module, Evidence::default).kinds += 1;
    }

    /// A kind was seen for the second time, or turned out to be none of its own.
    pub(super) fn again(&mut self, kind: u64) {
        let Some(single) = self.singles.get_mut(kind) else { return };
        // The table has no way to give up a key: what is left of it counts for nothing.
        let single = std::mem::replace(single, Single { seen: Seen::default(), excused: false, ..*single });
        if single.seen == Seen::default() {
            return;
        }
        let sum = self.sums.get_mut(&single.module).unwrap_or(&mut self.further);
        sum.take(&single);
        if sum.kinds == 0 {
            self.sums.remove(&single.module);
        }
    }

    fn sum_of<'a>(sums: &'a mut BTreeMap<u64, Sum>, further: &'a mut Sum, module: u64) -> &'a mut Sum {
        if sums.len() < MODULES || sums.contains_key(&module) { sums.entry(module).or_default() } else { further }
    }

    /// The chance that a warning of `module` is of a new kind, where a fault is none.
    pub(super) fn chance(&self, module: u64, running: f64) -> f64 {
        let own = self.modules.get(module).map_or(0.0, |own| own.seen);
        let left_out = if self.modules.len() < FEW_MODULES { 0.0 } else { self.most.0 };
        let of_others = if self.most.1 == module { 0.0 } else { self.total - own - left_out };
        ((self.usual(module, running) + 1.0) / (own + of_others.max(0.0) + 1.0)).min(1.0)
    }

    /// How many new kinds that are no fault the day to come is expected to bring, in this module
    /// and those that do not always have something new to say.
    pub(super) fn a_day(&self, module: u64, running: f64) -> f64 {
        self.usual(module, running) * (1.0 + DAY_S / running.max(1.0)).ln()
    }

    /// Kinds seen once, as far as they say something of today.
    fn usual(&self, module: u64, running: f64) -> f64 {
        let weigh = |sum: &Sum| {
            let (time, evidence) = (sum.seen.time / running.max(1.0), sum.seen.evidence / self.total.max(1.0));
            2.0 * time.max(evidence)
        };
        let is_habit = |module: u64, weight: f64| {
            weight >= SINGLES_OF_HABIT || self.modules.get(module).is_some_and(|of| of.kinds >= KINDS_OF_HABIT)
        };
        let (mut usual, mut habits) = (weigh(&self.further), Vec::new());
        for (&other, sum) in &self.sums {
            let weight = weigh(sum);
            if other != module && is_habit(other, weight) { habits.push(weight) } else { usual += weight }
        }
        habits.sort_unstable_by(f64::total_cmp);
        habits.truncate(habits.len().saturating_sub((self.modules.len() / HABITUAL_OF).max(1)));
        usual + habits.iter().sum::<f64>()
    }

    /// The evidence in all.
    pub(super) fn evidence(&self) -> f64 {
        self.total
    }

    pub(super) fn tables(&mut self) -> [&mut dyn Evict; 2] {
        [&mut self.modules, &mut self.singles]
    }

    pub(super) fn snapshot(&self) -> DiscoveriesState {
        DiscoveriesState { modules: self.modules.snapshot(), singles: self.singles.snapshot() }
    }

    pub(super) fn restore(&mut self, kept: DiscoveriesState) {
        self.modules.restore(kept.modules);
        self.singles.restore(kept.singles);
        self.total = self.modules.values().map(|own| own.seen).sum();
        let most = self.modules.iter().max_by(|a, b| a.1.seen.total_cmp(&b.1.seen).then(a.0.cmp(&b.0)));
        self.most = most.map_or((0.0, 0), |(module, own)| (own.seen, module));
        (self.sums, self.further) = (BTreeMap::new(), Sum::default());
        for single in self.singles.values().filter(|single| single.seen != Seen::default()) {
            Self::sum_of(&mut self.sums, &mut self.further, single.module).add(single);
        }
    }
}

impl Sum {
    fn add(&mut self, single: &Single) {
        self.kinds += 1;
        self.excused |= single.excused;
        if !single.excused {
            self.seen.time += single.seen.time;
            self.seen.evidence += single.seen.evidence;
        }
    }

    fn take(&mut self, single: &Single) {
        self.kinds = self.kinds.saturating_sub(1);
        if single.excused {
            self.excused = false;
        } else {
            self.seen.time = (self.seen.time - single.seen.time).max(0.0);
            self.seen.evidence = (self.seen.evidence - single.seen.evidence).max(0.0);
        }
    }
}
