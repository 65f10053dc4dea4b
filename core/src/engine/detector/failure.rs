//! What counts as a failure, for the detectors that count them.

use crate::event::{Fields, Level};
use crate::human_duration::HumanDuration;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds of a slot, the grain of windows and of hysteresis.
pub(super) const SLOT_S: f64 = 5.0;
/// Seconds in which baselines forget half.
pub(super) const HALF_LIFE_S: f64 = 3_600.0;
/// Something is wrong only beyond this many times the usual rate.
pub(super) const FACTOR: f64 = 1.5;
/// An incident looks usual above this chance…
pub(super) const CALM_P: f64 = 0.01;
/// …over a minute.
pub(super) const CALM_SLOTS: u32 = 12;

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

/// Slots of a window.
pub(super) fn slots_of(window: HumanDuration) -> u32 {
    ((window.seconds() / SLOT_S).round() as u32).max(1)
}

/// It failed by its status, whatever its level: the server's fault (5xx), a time that ran out (408;
/// 504 is among the 5xx), or a caller that gave up waiting (499).
#[inline]
pub(super) fn by_status(status: Option<u16>) -> bool {
    matches!(status, Some(408 | 499 | 500..=599))
}

/// It failed: a level of `least` or worse, or a failing status.
#[inline]
pub(super) fn is_failure(fields: &Fields<'_>, least: Level) -> bool {
    fields.look().level >= Some(least) || by_status(fields.status())
}

/// Two significant digits.
pub(super) fn significant(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}
