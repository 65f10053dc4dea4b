//! `[detector.loop]`.

use super::{LoopGuard, LoopOverride, Span, overrides};
use crate::engine::detector::r#loop::{LoopOptions, LoopSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[detector.loop]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Loop {
    /// Whether it watches.
    pub enabled: bool,
    /// Least repeats before a run is tested.
    #[schemars(range(min = 3, max = 10_000))]
    pub min_repeats: u32,
    /// False-alarm probability of one test.
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.01))]
    pub threshold: f64,
    /// At INFO and below, what rests this long or longer in each round is a timer, not a fault.
    pub timer_period: Span,
    /// Other settings for some actors; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<LoopOverride>,
    /// Absolute limits for some actors; the first whose pattern matches wins.
    #[serde(rename = "guard", skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<LoopGuard>,
}

impl Default for Loop {
    fn default() -> Self {
        let LoopOptions { enabled, min_repeats, threshold, timer_period_s, keys: _, overrides: _, guards: _ } =
            LoopOptions::default();
        Self {
            enabled,
            min_repeats,
            threshold,
            timer_period: Span(Duration::from_secs_f64(timer_period_s)),
            overrides: Vec::new(),
            guards: Vec::new(),
        }
    }
}

impl Loop {
    /// What the detector is told, with at most `keys` keys in each table.
    #[must_use]
    pub fn options(&self, keys: usize) -> LoopOptions {
        let usual = LoopSettings { enabled: self.enabled, min_repeats: self.min_repeats, threshold: self.threshold };
        LoopOptions {
            enabled: self.enabled,
            min_repeats: self.min_repeats,
            threshold: self.threshold,
            timer_period_s: self.timer_period.0.as_secs_f64(),
            keys,
            overrides: self.overrides.iter().map(|other| (other.pattern(), other.settings(usual))).collect(),
            guards: self.guards.iter().map(|guard| (guard.pattern(), guard.limit())).collect(),
        }
    }

    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        overrides::claim_loop("detector.loop", self.min_repeats, self.threshold, require);
        for (i, other) in self.overrides.iter().enumerate() {
            other.require(i, self, require);
        }
        for (i, guard) in self.guards.iter().enumerate() {
            guard.require(i, require);
        }
    }
}
