//! `[detector.input]`.

use super::WARM_UP;
use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::detector::options::Options;
use crate::engine::detector::silence::{THRESHOLD, least_of};
use crate::human_duration::HumanDuration;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const LEAST: Setting<HumanDuration> = least_of(60);

/// `[detector.input]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InputOptions {
    /// Whether it watches.
    pub enabled: bool,
    /// Chance of one pause that is called a stall.
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: f64,
    /// Shortest stall.
    #[schemars(transform = LEAST.range())]
    pub least: HumanDuration,
}

impl Default for InputOptions {
    fn default() -> Self {
        Self { enabled: true, threshold: THRESHOLD.default, least: LEAST.default }
    }
}

impl Options for InputOptions {
    fn watches(&self) -> bool {
        self.enabled
    }

    fn judged(&self) -> Vec<JudgedFrom> {
        vec![JudgedFrom::after(Judged::Clocks, HumanDuration::from_secs(0)), JudgedFrom::after(Judged::Stalls, WARM_UP)]
    }
}
