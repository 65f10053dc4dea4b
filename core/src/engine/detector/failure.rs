//! What counts as a failure, and how many are usual, for the detectors that count them.

use super::first_minutes::FirstMinutes;
use crate::engine::finding::significant;
use crate::engine::stats::gamma_poisson;
use crate::event::{Fields, Level};
use crate::human_duration::HumanDuration;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds of a slot, the grain of windows and of hysteresis.
pub(super) const SLOT_S: f64 = 5.0;
/// Seconds in which baselines forget half.
pub(super) const HALF_LIFE_S: f64 = 3_600.0;
/// Tests allow this many times the usual rate.
pub(super) const FACTOR: f64 = 1.5;
/// A window looks usual again above this chance,
pub(super) const CALM_P: f64 = 0.01;
/// and is this many slots long: a minute.
pub(super) const CALM_SLOTS: u32 = 12;

/// Slots of a block by which dispersion and clumping are measured: a minute.
pub(super) const BLOCK_SLOTS: u32 = 12;
/// Slots of a day.
pub(super) const DAY_SLOTS: u32 = (86_400.0 / SLOT_S) as u32;
/// At any level, an incident is critical from so many failures on that are so many times the
/// expected ones.
const CRITICAL_FAILURES: f64 = 20.0;
const CRITICAL_TIMES: f64 = 10.0;

/// The threshold of one test, where it is set.
pub(super) const THRESHOLD: Setting<f64, Option<f64>> = Setting::new(
    None,
    "a false-alarm probability above 0 and at most 0.01, such as 1e-8; leave it out for what \
     detector.false_alarms_per_day gives",
)
.above(0.0)
.to(0.01);
/// Fewest failures of an incident.
pub(super) const MIN_FAILURES: Setting<u32> = Setting::new(5, "from 2 to 100000, by default 5").from(2).to(100_000);

/// From which level on an event is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureLevel {
    /// WARN, ERROR and FATAL.
    Warn,
    /// ERROR and FATAL.
    Error,
    /// FATAL alone.
    Fatal,
}

impl From<FailureLevel> for Level {
    fn from(level: FailureLevel) -> Self {
        match level {
            FailureLevel::Warn => Self::Warn,
            FailureLevel::Error => Self::Error,
            FailureLevel::Fatal => Self::Fatal,
        }
    }
}

/// True when somebody should act at once.
pub(super) fn is_critical(fatal: bool, failures: f64, expected: f64) -> bool {
    fatal || (failures >= CRITICAL_FAILURES && failures >= CRITICAL_TIMES * expected)
}

/// Slots of a window.
pub(super) fn slots_of(window: HumanDuration) -> u32 {
    ((window.seconds() / SLOT_S).round() as u32).max(1)
}

/// True of a failing status: a server's fault (5xx, a gateway's timeout among them), a request
/// timeout (408), or a client that gave up waiting (499).
#[inline]
pub(super) fn by_status(status: Option<u16>) -> bool {
    matches!(status, Some(408 | 499 | 500..=599))
}

/// True of an event at level `least` or worse, or with a failing status.
#[inline]
pub(in crate::engine) fn is_failure(fields: &Fields<'_>, least: Level) -> bool {
    fields.parsed().level >= Some(least) || by_status(fields.status())
}

/// The failures learned over the past, and the length of the past and of a window on each clock.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct UsualRate {
    /// Failures of the past.
    pub(super) learned: f64,
    /// How much more than Poisson counts the failures vary.
    pub(super) dispersion: f64,
    /// Exposure of the past and of the window, in seconds and in events.
    pub(super) clocks: [(f64, f64); 2],
    /// What is expected while little is learned.
    #[serde(default)]
    pub(super) first: FirstMinutes,
}

impl UsualRate {
    /// ln of the chance of `failures` in the window at `factor` times the rate, on the clock that
    /// finds them likeliest. A result above `enough` is returned without asking the next clock.
    /// `keep` is the share of the usual failures that the count is taken from.
    pub(super) fn ln_p(&self, failures: f64, factor: f64, keep: f64, enough: f64) -> f64 {
        let mut ln_p = f64::NEG_INFINITY;
        for (exposure, window) in self.clocks {
            if ln_p <= enough {
                ln_p = ln_p.max(self.tail(failures, factor, exposure, window * keep));
            }
        }
        if ln_p <= enough { ln_p.max(self.first.ln_p(failures, keep)) } else { ln_p }
    }

    pub(super) fn tail(&self, failures: f64, factor: f64, exposure: f64, window: f64) -> f64 {
        gamma_poisson::ln_tail_dispersed(failures, self.learned * factor, self.dispersion, exposure, window)
    }

    /// The same rate over a window so many times as long, with as much traffic a second.
    pub(super) fn over(self, times: f64) -> Self {
        let clocks = self.clocks.map(|(exposure, window)| (exposure, window * times));
        Self { clocks, first: self.first.over(times), ..self }
    }

    /// Events, or requests, that a test rests on.
    pub(super) fn samples(&self) -> f64 {
        let (past, window) = self.clocks[1];
        past + window
    }
}

/// How many failures are usual, with an interval that holds the true number with a chance of 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct UsualNumber {
    pub(super) expected: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl UsualNumber {
    /// The number and its interval for so many times as much: of a rate so many times as long, of a
    /// share so many times the whole.
    pub(super) fn times(self, times: f64) -> Self {
        Self { expected: self.expected * times, low: self.low * times, high: self.high * times }
    }

    /// The number and its interval for one second of so many, or for one failure of so many.
    pub(super) fn per(self, amount: f64) -> Self {
        Self { expected: self.expected / amount, low: self.low / amount, high: self.high / amount }
    }

    /// The number and its interval, rounded as in findings.
    pub(super) fn in_digits(self) -> Self {
        Self { expected: significant(self.expected), low: significant(self.low), high: significant(self.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_goes_on_with_the_time_and_its_bounds_do_not_drift() {
        let a_second = UsualNumber { expected: 0.043, low: 0.0312, high: 0.0578 };
        for seconds in 1..5_000_u32 {
            let UsualNumber { expected, low, high } = a_second.times(f64::from(seconds)).in_digits();
            let exact = [0.043, 0.0312, 0.0578].map(|rate| rate * f64::from(seconds));
            for (shown, exact) in [expected, low, high].into_iter().zip(exact) {
                assert!((shown / exact - 1.0).abs() <= 0.05, "{shown} for {exact} after {seconds} s");
            }
        }
    }
}
