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
//! Evidence is a sighting at WARN and worse; a line below is worth a thousandth of one, or a
//! hundredth where it is that of a module, or of a whole stream, that never had a warning:
//! thousands of lines without one say that the first is rare. A module's own evidence and that of
//! all others is pooled but for the one that has most of it, which would speak for all. So are the
//! kinds seen once, but for those of modules that always have something new to say, up to an eighth
//! of all: such a module makes no other one deaf.
//!
//! Memory: 52 bytes a module, 60 for a kind seen once, both capped, and 6 KiB. Cold start: with
//! nothing seen the chance is 1.

use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a line below WARN is worth, in sightings at WARN and worse.
const WORTH_BELOW: f64 = 1e-3;
/// What it is worth where there never was a warning.
const WORTH_OF_NONE: f64 = 1e-2;
/// Of the module that has most evidence, this share counts for itself at least.
const SHARE_OF_MOST: f64 = 0.1;
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
pub(super) struct SeenAt {
    time: f64,
    evidence: f64,
}

/// A kind that was seen once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Single {
    module: u64,
    seen: SeenAt,
    /// It was told, and is the only one of its module that was: somebody knows of it, and it does
    /// not count as usual.
    excused: bool,
}

impl HeapSize for Single {}

/// What kinds of a module that were seen once add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    kinds: u64,
    seen: SeenAt,
    excused: bool,
}

/// What is known of a module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct SightCount {
    /// Its sightings at WARN and worse, and below.
    warnings: u64,
    below: u64,
    /// Kinds that it has had, and other values of known ones.
    kinds: u64,
}

impl HeapSize for SightCount {}

impl SightCount {
    #[inline]
    fn weight(&self) -> f64 {
        self.warnings as f64 + WORTH_BELOW * self.below as f64
    }
}

/// Kinds that were seen once, by module, and how much was seen in all.
#[derive(Debug)]
pub(super) struct Discoveries {
    modules: Table<SightCount>,
    /// Of all modules.
    total: SightCount,
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
    modules: TableSnapshot<SightCount>,
    singles: TableSnapshot<Single>,
}

impl Discoveries {
    pub(super) fn new(keys: usize) -> Self {
        let (modules, singles) = (Table::new(keys), Table::new(keys));
        Self {
            modules,
            total: SightCount::default(),
            most: (0.0, 0),
            singles,
            sums: BTreeMap::new(),
            further: Sum::default(),
        }
    }

    /// A line of `module`, at WARN and worse or below.
    #[inline]
    pub(super) fn hear(&mut self, module: u64, is_warning: bool) {
        let own = self.modules.touch(module, SightCount::default);
        for evidence in [&mut *own, &mut self.total] {
            evidence.warnings += u64::from(is_warning);
            evidence.below += u64::from(!is_warning);
        }
        let weight = own.weight();
        if weight > self.most.0 {
            self.most = (weight, module);
        }
    }

    /// Something of `module` was seen for the first time, at `running` seconds.
    pub(super) fn first(&mut self, kind: u64, module: u64, running: f64, told: bool) {
        self.again(kind);
        let seen = SeenAt { time: running, evidence: self.total.weight() };
        let sum = Self::sum_of(&mut self.sums, &mut self.further, module);
        let excused = told && !sum.excused;
        let single = Single { module, seen, excused };
        sum.add(&single);
        *self.singles.touch(kind, || single) = single;
        self.variant(module);
    }

    /// A module has shown something new that may be no kind of its own.
    pub(super) fn variant(&mut self, module: u64) {
        self.modules.touch(module, SightCount::default).kinds += 1;
    }

    /// A kind was seen for the second time, or turned out to be none of its own.
    pub(super) fn again(&mut self, kind: u64) {
        let Some(single) = self.singles.get_mut(kind) else { return };
        // The table has no way to give up a key: what is left of it counts for nothing.
        let single = std::mem::replace(single, Single { seen: SeenAt::default(), excused: false, ..*single });
        if single.seen == SeenAt::default() {
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
        let known = self.modules.get(module).copied().unwrap_or_default();
        let (own, all) = (known.weight(), self.total.weight());
        let pooled = if self.modules.len() < FEW_MODULES {
            all
        } else if self.most.1 == module {
            (all - own) + own.min(all - own).max(SHARE_OF_MOST * own)
        } else {
            all - self.most.0
        };
        // The warning in question is one.
        let of_none = match (self.total.warnings, known.warnings) {
            (..=1, _) => self.total.below,
            (_, ..=1) => known.below,
            _ => 0,
        };
        let evidence = pooled.max(WORTH_OF_NONE * of_none as f64);
        ((self.usual(module, running) + 1.0) / (evidence + 1.0)).min(1.0)
    }

    /// How many new kinds that are no fault the day to come is expected to bring, in this module
    /// and those that do not always have something new to say.
    pub(super) fn a_day(&self, module: u64, running: f64) -> f64 {
        self.usual(module, running) * (1.0 + DAY_S / running.max(1.0)).ln()
    }

    /// Kinds seen once, as far as they say something of today.
    fn usual(&self, module: u64, running: f64) -> f64 {
        let weigh = |sum: &Sum| {
            let (time, evidence) = (sum.seen.time / running.max(1.0), sum.seen.evidence / self.total.weight().max(1.0));
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

    /// Sightings at WARN and worse.
    pub(super) fn warnings(&self) -> u64 {
        self.total.warnings
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
        (self.total, self.most) = (SightCount::default(), (0.0, 0));
        for (module, own) in self.modules.iter() {
            self.total.warnings += own.warnings;
            self.total.below += own.below;
            if own.weight() > self.most.0 {
                self.most = (own.weight(), module);
            }
        }
        (self.sums, self.further) = (BTreeMap::new(), Sum::default());
        for single in self.singles.values().filter(|single| single.seen != SeenAt::default()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn cold_known_and_ever_new() {
        let mut seen = Discoveries::new(100);
        assert_eq!((seen.chance(1, 0.0), seen.a_day(1, 0.0)), (1.0, 0.0));
        (0..999).for_each(|_| seen.hear(1, true));
        assert!((seen.chance(1, 999.0) - 1e-3).abs() < 1e-9);
        // 30,000 lines without a warning are as good as a hundred with.
        (0..30_000).for_each(|_| seen.hear(2, false));
        assert!((seen.chance(2, 999.0) - 1.0 / 1_030.0).abs() < 1e-5);
        seen.hear(3, true);
        assert!(Discoveries::new(1).chance(1, 0.0) > 0.5);
        seen.first(7, 2, 500.0, false);
        assert!(seen.a_day(2, 1_000.0) > 4.0 && seen.a_day(2, 1e8) < 0.01);
        seen.again(7);
        assert_eq!((seen.a_day(2, 1_000.0), seen.sums.len()), (0.0, 0));
        // One that was told is excused, a second is not.
        seen.first(8, 2, 1_000.0, true);
        assert_eq!(seen.a_day(2, 1_000.0), 0.0);
        seen.first(9, 2, 1_000.0, true);
        assert!(seen.a_day(2, 1_000.0) > 4.0);
    }

    #[test]
    fn one_module_of_habit_makes_no_other_one_deaf_and_the_loudest_does_not_speak_for_all() {
        let mut seen = Discoveries::new(1_000);
        (0..1_000).for_each(|_| seen.hear(0, true));
        (1..8).for_each(|module| (0..10).for_each(|_| seen.hear(module, true)));
        assert!((seen.chance(1, 100.0) - 1.0 / 71.0).abs() < 1e-9);
        (0..10).for_each(|kind| seen.first(kind, 0, 90.0, false));
        assert_eq!(seen.a_day(1, 100.0), 0.0);
        assert!(seen.a_day(0, 100.0) > 50.0);
        seen.first(10, 2, 90.0, false);
        assert!(seen.a_day(1, 100.0) > 5.0);
    }

    #[test]
    fn more_modules_than_are_summed_up_each_are_summed_up_together() {
        let mut seen = Discoveries::new(1_000);
        (0..300).for_each(|module| seen.first(module, module, 50.0, false));
        assert!(seen.sums.len() <= MODULES && seen.further.kinds == 300 - MODULES as u64);
        (0..300).for_each(|kind| seen.again(kind));
        assert!(seen.sums.is_empty() && seen.usual(1, 100.0) < 1e-9);
    }

    /// Warnings of Pitman and Yor's process, whose new kinds never end: at sighting n with K kinds
    /// so far the next is new with a chance of (θ + σK)/(n + θ). Ten days with one a minute, of
    /// which all kinds are usual. How many are told in a day, by the rule that the detector has.
    fn told_a_day(modules: u64, sigma: f64, theta: f64, seed: u64) -> f64 {
        let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
        let (mut seen, mut counts) = (Discoveries::new(100_000), vec![Vec::<u64>::new(); modules as usize]);
        let (mut told, mut running) = (0.0, 0.0);
        while running < 10.0 * DAY_S {
            running -= 60.0 * (1.0 - random.random::<f64>()).ln();
            let module = random.random_range(0..modules);
            seen.hear(module, true);
            let counts = &mut counts[module as usize];
            let (n, kinds) = (counts.iter().sum::<u64>() as f64, counts.len());
            let mut at = random.random::<f64>() * (n + theta);
            let known = counts.iter().position(|count| {
                at -= *count as f64 - sigma;
                at < 0.0
            });
            let key = |kind: usize| module << 32 | kind as u64;
            if let Some(kind) = known {
                counts[kind] += 1;
                if counts[kind] == 2 {
                    seen.again(key(kind));
                }
                continue;
            }
            counts.push(1);
            let tells =
                running > 900.0 && seen.chance(module, running) < 0.05 && seen.a_day(module, running) <= 1.0 / 6.0;
            seen.first(key(kinds), module, running, tells);
            told += f64::from(u8::from(tells));
        }
        told / 10.0
    }

    /// The whole filter is allowed one false alarm a day.
    #[test]
    fn streams_whose_new_kinds_never_end_are_quiet() {
        for (modules, sigma, theta) in
            [(1, 0.0, 0.5), (1, 0.0, 2.0), (1, 0.0, 10.0), (1, 0.5, 5.0), (8, 0.0, 0.5), (8, 0.3, 2.0), (8, 0.7, 2.0)]
        {
            let mean = (0..5).map(|seed| told_a_day(modules, sigma, theta, seed)).sum::<f64>() / 5.0;
            assert!(mean <= 1.0, "{modules} {sigma} {theta}: {mean}");
        }
    }
}
