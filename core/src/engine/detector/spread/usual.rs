//! What is usual of one value of a module: the share of the module's failures that the value should
//! have, and how surely.

use super::dimension_stats::DimensionStats;
use super::value_stats::ValueStats;
use crate::engine::stats::clumping::{Clumping, PRIOR, dispersion};
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::failure_marks::MarkedWindow;
use serde::{Deserialize, Serialize};

/// Weight of the prior of a share, in sampled events and in failures.
pub(super) const PRIOR_EVENTS: f64 = 20.0;
const PRIOR_FAILURES: f64 = 10.0;

/// What is usual of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Usual {
    /// The share of the module's failures that it should have at most.
    pub(super) share: f64,
    /// Failures in the past that its rate is measured by.
    pub(super) learned: f64,
    /// How the module's failures clump, and how many at once.
    pub(super) correlation: f64,
    pub(super) clump: f64,
    /// Values of the module.
    pub(super) values: u32,
    /// Events that the share rests on.
    pub(super) samples: f64,
}

/// What there was in a window of a value's last failures.
#[derive(Clone, Copy, Debug)]
pub(super) struct InWindow {
    /// Failures of the module.
    pub(super) of: f64,
    /// Sampled events of the value that are no failures.
    pub(super) healthy: f64,
    /// How many events the stream had had when the window began.
    pub(super) events: u32,
}

/// A share, shrunk to another one that has this weight.
fn shrunk(of_value: f64, of_all: f64, to: f64, weight: f64) -> f64 {
    (of_value + weight * to) / (of_all + weight)
}

/// Equal shares of all values.
fn equal(side: &DimensionStats) -> f64 {
    1.0 / f64::from(side.values.max(1))
}

impl Usual {
    /// What is usual of a value: the greatest of its share of the traffic, of the traffic of the
    /// last `slots` slots that did not fail, and of past failures; each shrunk to the one before,
    /// the first to equal shares. `of_all` says how failures clump in all modules.
    pub(super) fn of(
        side: &mut DimensionStats,
        value: &mut ValueStats,
        slots: u32,
        exposure: &Exposure,
        owned: bool,
        of_all: &Clumping,
    ) -> Self {
        let now = exposure.slot();
        value.catch_up(side.halved);
        value.forget(exposure, owned);
        side.traffic.roll(now);
        value.traffic.roll(now);
        let learned = side.learned_by(exposure);
        let usually = shrunk(value.sampled.into(), side.sampled.into(), equal(side), PRIOR_EVENTS);
        let now = shrunk(value.traffic.sum(slots) as f64, side.traffic.sum(slots) as f64, usually, PRIOR_EVENTS);
        let failing = shrunk(value.learned, learned, usually, PRIOR_FAILURES);
        let share = usually.max(now).max(failing).min(1.0);
        // Modules that clump say little of one that may not: it shows soon enough.
        let of_others = of_all.correlation(PRIOR).min(PRIOR);
        Self {
            share,
            learned: value.learned.max(share * learned),
            correlation: side.clumping.correlation(of_others),
            clump: side.clumping.size(),
            values: side.values,
            samples: f64::from(side.sampled) + learned,
        }
    }

    /// The same before a window of the value's last failures, by what is remembered for days.
    pub(super) fn of_marked(
        side: &mut DimensionStats,
        value: &mut ValueStats,
        window: &MarkedWindow<5>,
        exposure: &Exposure,
        owned: bool,
        of_all: &Clumping,
    ) -> (Self, InWindow) {
        let all = Self::of(side, value, 1, exposure, owned, of_all);
        let [failed, healthy, healthy_of_all, events, clumping] = window.totals;
        let since = |now: u32, then: u32| f64::from(now.wrapping_sub(then));
        let (of, healthy) = (since(side.failed, failed), since(value.healthy, healthy));
        // What of the window has left the windows of slots was learned, and is taken back.
        let decay = exposure.decay_long(exposure.slot().saturating_sub(window.slot));
        let recent: u32 = side.recent.slots().map(|slot| slot.total).sum();
        let decayed = exposure.decay_long(exposure.slot().saturating_sub(side.settled));
        let before =
            |long: f64, window: f64, recent: u32| (long - (window - f64::from(recent)).max(0.0) * decay).max(0.0);
        let learned = before(value.learned_long, window.failures.into(), value.recent);
        let learned_of_all = before(side.learned_long * decayed, of, recent).max(learned);
        let usually = shrunk(value.sampled.into(), side.sampled.into(), equal(side), PRIOR_EVENTS);
        let now = shrunk(healthy, since(side.healthy, healthy_of_all), usually, PRIOR_EVENTS);
        let failing = shrunk(learned, learned_of_all, usually, PRIOR_FAILURES);
        let share = usually.max(now).max(failing).min(1.0);
        // Failures of the window itself clump on the value that has too many.
        let correlation = f64::from(f32::from_bits(clumping)).clamp(0.0, 1.0);
        (
            Self { share, learned: learned.max(share * learned_of_all), correlation, ..all },
            InWindow { of, healthy, events },
        )
    }

    /// How much more than binomial ones the counts of so many failures of the module vary.
    pub(super) fn dispersion(&self, failures: f64) -> f64 {
        dispersion(self.correlation, self.clump, failures)
    }
}
