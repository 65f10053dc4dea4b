//! Failures that sit on one value of a dimension: one host has most of a module's.
//!
//! A failure is an event at level ERROR or worse (`level` says from where on) or with a failing
//! status (`failure.rs`) that no open loop explains. For each module and dimension (the host;
//! others by `dimensions`) failures are counted by value in slots of 5 s (`dimension_table.rs`).
//! With each failure its value's k of the n failures in the last 10 s, 1 min and 5 min are tested,
//! and all must reject:
//!
//! 1. *share*: a binomial tail, times the number of values (`stats::binomial`), at the greatest of
//!    three shares: the value's of the module's traffic, of its traffic in the window that did not
//!    fail, and of its past failures. The first two come from one event in about eight. How
//!    failures clump by themselves is learned (`stats::clumping`).
//! 2. *rate*: a Gamma–Poisson tail at 1.5 times the value's learned rate of failures, a second and
//!    a stream event (p < 1e-3): a value is not bad because others have become healthier. In the
//!    first ten minutes it must reject at the threshold, because little was learned.
//!
//! Failures too seldom for these windows are tested in windows of a value's last 8 to 128 failures
//! (`seldom.rs`). It judges from the first event on, with the prior of `first_minutes.rs`.
//!
//! The threshold is the budget of false alarms (`stats::alarm_budget`) over the tests of a day:
//! failures × windows, or values held × slots × windows where that is less. A failure that is
//! tested is one of those counted, which makes many of them likelier: with X of n − 1 others, q P(X
//! ≥ k − 1) ≤ P(X + 1 or X ≥ k of n), and a value has q of the failures, so that times the number
//! of values the chances of a day add up to the threshold times its failures. The baseline is what
//! has left the longest window without belonging to an incident, half forgotten in an hour; an
//! incident owns its value's slots for a half-life at most.
//!
//! A value has one incident at a time: failures of another module that sit on it as well join it.
//! Failures of an open incident are explained, so later detectors do not count them. Before that,
//! burst is told which value may have too many (p < 0.05, tested alone), and must reject without it
//! (`LocalizedFailures`). A module needs three values to compare.
//!
//! `ending.rs` says when an incident is over.
//!
//! Power, with the default budget and six values of equal traffic that seldom fail and do not
//! clump: half of the time by the tenth failure of one, nearly always by the twenty-eighth,
//! whatever their rate within five minutes.
//!
//! Memory: as `dimension_table.rs` says. Cold start: the prior; silent for
//! `warm_up_s` of stream where that is asked for.

mod counting;
mod dimension_stats;
mod dimension_table;
mod evaluate;
mod incident;
mod open_spots;
mod options;
mod recent;
mod seldom;
mod state;
mod usual;
mod value_stats;

use super::failure::{self, BLOCK_SLOTS, CALM_P, CALM_SLOTS, DAY_SLOTS, FACTOR, HALF_LIFE_S, SLOT_S, UsualRate};
use super::options::SharedOptions;
use super::tracker::{Ending, IncidentTracker, Passed};
use super::{Detector, Event, LocalizedFailures, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::deadlines::Slotted;
use crate::engine::finding::{DetectorName, Severity};
use crate::engine::incident::IncidentId;
use crate::engine::overrides::Overrides;
use crate::engine::state::{Evict, Weight};
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::failure_marks::MARK_WINDOWS;
use crate::event::{Fields, Level, Role, Timestamp};
use counting::SAMPLE;
use dimension_table::DimensionTable;
use incident::UsualOfValue;
use open_spots::OpenSpots;
use options::{Dimension, SpreadSettings};
pub use options::{SpreadOptions, SpreadOverride};
use serde::{Deserialize, Serialize};
pub use state::SpreadState;
use usual::Usual;

/// Fewest values to compare.
const VALUES: u32 = 3;

/// The detector.
#[derive(Debug)]
pub struct Spread {
    settings: Overrides<SpreadSettings>,
    /// The least level of a failure anywhere.
    least: Level,
    dimensions: Vec<Dimension>,
    warm_up_s: f64,
    budget: AlarmBudget,
    /// False-alarm probability of one test, by the budget.
    threshold: f64,
    /// Lengths of the windows in slots, ascending.
    windows: Vec<u32>,
    longest: u32,
    /// Seconds that the stream has run.
    age: f64,
    exposure: Exposure,
    sides: DimensionTable,
    /// Failures that were tested, decayed, from which the tests of a day are estimated.
    failures: f64,
    /// Modules and dimensions with failures in some window, by the slot in which each is settled.
    active: Slotted<u64>,
    /// Open incidents by value.
    open: IncidentTracker<OpenValue>,
    /// The values with an open incident, by module.
    open_spots: OpenSpots,
    /// Events until the next that is counted by value, and the state of the generator that draws
    /// them.
    until: u32,
    dice: u64,
    /// One event in so many was counted by value lately.
    one_in: u32,
    checked: u32,
}

/// A value with an open incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OpenValue {
    id: IncidentId,
    /// The modules and values of the incident; the first opened it.
    spots: Vec<CellKey>,
    /// The slot in which it opened.
    slot: u32,
    /// Failures of all values of its modules, and the share that this value should have of them.
    of: u64,
    share: f64,
    /// What is usual, for updates; none in states of versions that did not keep it.
    #[serde(default)]
    usual: Option<UsualOfValue>,
    /// Failures a second that are usual, of an incident that windows of failures have shown: what
    /// comes so seldom is learned before it is told.
    #[serde(default)]
    seldom: Option<f64>,
    ending: Ending,
}

/// A value in a module, and the key of the incident that it would open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CellKey {
    /// Module and dimension.
    side: u64,
    /// Module, dimension and value.
    key: u64,
    /// Dimension and value.
    place: u64,
}

/// A window in which a value has too many failures.
#[derive(Clone, Copy, Debug, Default)]
struct Verdict {
    ln_p: f64,
    ln_p_rate: f64,
    threshold: f64,
    failures: f64,
    of: f64,
    /// The share that it should have.
    usual: Usual,
    /// The value's own rate, and the failures expected by it.
    rate: UsualRate,
    expected_by_rate: f64,
    samples: f64,
    window_s: f64,
    slots: u32,
}

impl Registered for Spread {
    type Options = SpreadOptions;

    fn new(options: &SpreadOptions, SharedOptions { keys, budget }: SharedOptions) -> Self {
        let windows: Vec<u32> = options.windows.iter().copied().map(failure::slots_of).collect();
        let longest = windows.iter().copied().max().unwrap_or(1);
        let settings = options.settings();
        let mut spread = Self {
            least: settings.all().map(|settings| settings.level).min().unwrap_or(Level::Error),
            settings,
            dimensions: options.dimensions(),
            warm_up_s: options.warm_up.seconds(),
            budget,
            threshold: 0.0,
            windows,
            longest,
            age: 0.0,
            exposure: Exposure::new(longest, SLOT_S, HALF_LIFE_S),
            sides: DimensionTable::new(keys, longest),
            failures: 0.0,
            active: Slotted::default(),
            open: IncidentTracker::default(),
            open_spots: OpenSpots::default(),
            until: 1,
            dice: 1,
            one_in: SAMPLE,
            checked: 0,
        };
        spread.set_threshold();
        spread
    }
}

impl Spread {
    /// Takes the threshold from the tests of a day, at the rate of failures so far. Where failures
    /// are seldom there are few tests, each of which may be laxer.
    fn set_threshold(&mut self) {
        let slots = (self.exposure.past().seconds / SLOT_S + f64::from(self.longest)).max(1.0);
        let keys_a_slot = ((self.failures + 1.0) / slots).min(self.sides.len() as f64);
        let windows = self.windows.len() as f64 + MARK_WINDOWS;
        self.threshold = self.budget.threshold_of(keys_a_slot * windows * f64::from(DAY_SLOTS));
    }

    fn go_to(&mut self, age: f64) {
        self.age = age;
        let slot = (age / SLOT_S) as u32;
        if slot > self.exposure.slot() {
            self.roll(slot);
        }
    }

    /// A new slot begins: what the windows have left behind joins the baselines.
    #[cold]
    fn roll(&mut self, to: u32) {
        self.failures *= self.exposure.decay(to.saturating_sub(self.exposure.slot()));
        self.exposure.roll(to);
        let owned_slots = (HALF_LIFE_S / SLOT_S) as u32;
        let owns = |open: &&OpenValue| {
            // What comes so seldom is not learned in an hour.
            let most = if open.seldom.is_some() { DAY_SLOTS } else { owned_slots };
            to.saturating_sub(open.slot) <= most
        };
        let going = self.open.incidents().values().filter(owns);
        let slots = going.flat_map(|open| open.spots.iter().map(|spot| (spot.key, open.slot)));
        for (key, slot) in slots.collect::<Vec<_>>() {
            self.open.attribute(key, slot, to);
        }
        let Self { active, sides, exposure, open, .. } = self;
        let attributed = open.attributed();
        while let Some((due, side)) = active.next(to) {
            if let Some(next) = sides.settle(side, due, exposure, |key, slot| attributed.owns(key, slot)) {
                active.put(next, side);
            }
        }
        self.open.forget_before(to.saturating_sub(2 * self.longest));
        self.set_threshold();
    }
}

impl Detector for Spread {
    fn name(&self) -> DetectorName {
        DetectorName::Spread
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, prior: &Prior, report: &mut Report<'_>) {
        if event.moment.outside {
            return;
        }
        self.go_to(event.moment.running);
        self.exposure.add();
        let failed = failure::is_failure(&event.fields, self.least);
        self.until -= 1;
        if self.until == 0 {
            self.sample(&event.fields, failed);
        }
        if failed && prior.suppressed_by.is_none() && !prior.postponed {
            self.count(event, report);
        }
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        self.go_to(moment.running);
        if !self.open.is_empty() {
            self.check(moment.now, report);
        }
        self.checked = self.exposure.slot();
    }

    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        self.sides.bounded(visit);
        let active = self.active.len();
        visit(&mut Weight { keys: active, bytes: active * size_of::<u64>() });
        let weights = self.open.weights(|open| open.spots.capacity() * size_of::<CellKey>());
        weights.into_iter().for_each(|mut weight| visit(&mut weight));
    }

    fn tables(&self) -> Vec<TableUse> {
        self.sides.tables().map(|(table, keys, evictions)| TableUse { table, keys, evictions }).to_vec()
    }
}

#[cfg(test)]
mod tests;
