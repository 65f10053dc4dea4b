//! `[detector.burst]` and its overrides.

use super::warnings::SETTLES;
use crate::engine::detector::failure::{FailureLevel, MIN_FAILURES, THRESHOLD};
use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::detector::options::{Options, check_override, check_windows, usual_windows};
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::event::{Level, Role};
use crate::human_duration::HumanDuration;
use crate::setting::Require;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[detector.burst]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BurstOptions {
    /// Whether it watches.
    pub enabled: bool,
    /// False-alarm probability of one test, in place of what `detector.false_alarms_per_day` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: Option<f64>,
    /// `warn`, `error` or `fatal`: from which level on an event is an error; a failing status
    /// always is one.
    pub level: FailureLevel,
    /// Lengths of the windows, ascending.
    pub windows: Vec<HumanDuration>,
    /// Fewest errors of a burst.
    #[schemars(transform = MIN_FAILURES.range())]
    pub min_errors: u32,
    /// How much of a stream it must have seen before it judges; by default nothing.
    pub warm_up: HumanDuration,
    /// Other settings for some modules; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<BurstOverride>,
}

impl Default for BurstOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: THRESHOLD.default,
            level: FailureLevel::Error,
            windows: usual_windows(),
            min_errors: MIN_FAILURES.default,
            warm_up: HumanDuration::from_secs(0),
            overrides: Vec::new(),
        }
    }
}

/// One `[[detector.burst.override]]`: a pattern, in which `*` is any text and `?` any character,
/// and what is other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BurstOverride {
    /// The module must look like this: `batch.*`.
    pub module: String,
    /// Whether these modules are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// False-alarm probability of one test of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: Option<f64>,
    /// From which level on an event of theirs is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<FailureLevel>,
    /// Fewest errors of a burst of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = MIN_FAILURES.range())]
    pub min_errors: Option<u32>,
}

/// What can be another for one module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BurstSettings {
    /// Off means that its errors are not counted.
    pub(super) enabled: bool,
    /// In place of what the budget gives.
    pub(super) threshold: Option<f64>,
    pub(super) min_errors: u32,
    /// The least level of an error.
    pub(super) level: Level,
}

impl BurstOptions {
    /// What modules have that no override matches.
    pub(super) fn usual(&self) -> BurstSettings {
        let Self { enabled, threshold, min_errors, level, .. } = self;
        BurstSettings { enabled: *enabled, threshold: *threshold, min_errors: *min_errors, level: (*level).into() }
    }

    /// The settings of each module.
    pub(super) fn settings(&self) -> Overrides<BurstSettings> {
        let usual = self.usual();
        let of = |other: &BurstOverride| {
            let settings = BurstSettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: other.threshold.or(usual.threshold),
                min_errors: other.min_errors.unwrap_or(usual.min_errors),
                level: other.level.map_or(usual.level, Into::into),
            };
            (KeyPattern::new([(Role::Module, Some(other.module.as_str()))]), settings)
        };
        Overrides::new(usual, self.overrides.iter().map(of))
    }
}

impl Options for BurstOptions {
    fn watches(&self) -> bool {
        self.enabled || self.overrides.iter().any(|other| other.enabled == Some(true))
    }

    fn judged(&self) -> Vec<JudgedFrom> {
        let warnings = if self.warm_up.0 > SETTLES.0 { self.warm_up } else { SETTLES };
        vec![JudgedFrom::after(Judged::Errors, self.warm_up), JudgedFrom::after(Judged::Warnings, warnings)]
    }

    fn check(&self, table: &str, require: &mut Require<'_>) {
        check_windows(table, &self.windows, require);
        for (i, other) in self.overrides.iter().enumerate() {
            let BurstOverride { module, enabled, threshold, level, min_errors } = other;
            let changes = enabled.is_some() || threshold.is_some() || level.is_some() || min_errors.is_some();
            check_override(
                &format!("{table}.override.{i}"),
                i,
                (!module.is_empty(), "add module, such as module = \"batch.*\""),
                (changes, "add at least one of enabled, threshold, level, min_errors"),
                require,
            );
        }
    }
}
