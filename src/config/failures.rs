//! `[detector.burst]` and `[detector.spread]`: the detectors that count failures, and their
//! overrides.

use super::Span;
use super::overrides::claim_override;
use crate::engine::detector::burst::{BurstOptions, BurstSettings};
use crate::engine::detector::spread::{Dimension, SpreadOptions, SpreadSettings};
use crate::engine::overrides::KeyPattern;
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::event::{Level, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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

impl From<Level> for FailureLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Fatal => Self::Fatal,
            Level::Error => Self::Error,
            Level::Warn | Level::Info | Level::Debug | Level::Trace => Self::Warn,
        }
    }
}

/// `[detector.burst]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Burst {
    /// Whether it watches.
    pub enabled: bool,
    /// False-alarm probability of one test, in place of what `detector.false_alarms_per_day` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.01))]
    pub threshold: Option<f64>,
    /// `warn`, `error` or `fatal`: from which level on an event is an error; a failing status
    /// always is one.
    pub level: FailureLevel,
    /// Lengths of the windows, ascending.
    pub windows: Vec<Span>,
    /// Fewest errors of a burst.
    #[schemars(range(min = 2, max = 100_000))]
    pub min_errors: u32,
    /// How much of a stream it must have seen before it judges.
    pub warm_up: Span,
    /// Other settings for some modules; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<BurstOverride>,
}

impl Default for Burst {
    fn default() -> Self {
        let BurstOptions { usual, windows_s, warm_up_s, keys: _, budget: _, overrides: _ } = BurstOptions::default();
        Self {
            enabled: usual.enabled,
            threshold: usual.threshold,
            level: usual.level.into(),
            windows: spans(&windows_s),
            min_errors: usual.min_errors,
            warm_up: Span(Duration::from_secs_f64(warm_up_s)),
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
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.01))]
    pub threshold: Option<f64>,
    /// From which level on an event of theirs is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<FailureLevel>,
    /// Fewest errors of a burst of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 100_000))]
    pub min_errors: Option<u32>,
}

/// `[detector.spread]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Spread {
    /// Whether it watches.
    pub enabled: bool,
    /// False-alarm probability of one test, in place of what `detector.false_alarms_per_day` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.01))]
    pub threshold: Option<f64>,
    /// `warn`, `error` or `fatal`: from which level on an event is a failure; a failing status
    /// always is one.
    pub level: FailureLevel,
    /// By what failures are told apart: names of roles, or of members behind a dot, such as
    /// `.zone`.
    pub dimensions: Vec<String>,
    /// Lengths of the windows, ascending.
    pub windows: Vec<Span>,
    /// Fewest failures of a bad value.
    #[schemars(range(min = 2, max = 100_000))]
    pub min_failures: u32,
    /// How much of a stream it must have seen before it judges.
    pub warm_up: Span,
    /// Other settings for some modules and hosts; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<SpreadOverride>,
}

impl Default for Spread {
    fn default() -> Self {
        let SpreadOptions { usual, dimensions, windows_s, warm_up_s, keys: _, budget: _, overrides: _ } =
            SpreadOptions::default();
        Self {
            enabled: usual.enabled,
            threshold: usual.threshold,
            level: usual.level.into(),
            dimensions: dimensions.iter().map(|dimension| dimension.name().to_owned()).collect(),
            windows: spans(&windows_s),
            min_failures: usual.min_failures,
            warm_up: Span(Duration::from_secs_f64(warm_up_s)),
            overrides: Vec::new(),
        }
    }
}

/// One `[[detector.spread.override]]`: patterns, in which `*` is any text and `?` any character,
/// and what is other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpreadOverride {
    /// The module must look like this: `batch.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The host must look like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether failures of these modules on these hosts are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// False-alarm probability of one test of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.01))]
    pub threshold: Option<f64>,
    /// From which level on an event of theirs is a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<FailureLevel>,
    /// Fewest failures of a bad value among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 100_000))]
    pub min_failures: Option<u32>,
}

/// What the engine's options are made of besides a detector's own table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    pub(super) keys: usize,
    pub(super) budget: AlarmBudget,
}

impl Burst {
    pub(super) fn options(&self, shared: Shared) -> BurstOptions {
        let Self { enabled, threshold, level, windows, min_errors, warm_up, overrides } = self;
        let usual =
            BurstSettings { enabled: *enabled, threshold: *threshold, min_errors: *min_errors, level: (*level).into() };
        let others = overrides.iter().map(|other| {
            let settings = BurstSettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: other.threshold.or(usual.threshold),
                min_errors: other.min_errors.unwrap_or(usual.min_errors),
                level: other.level.map_or(usual.level, Into::into),
            };
            (KeyPattern::new([(Role::Module, Some(other.module.as_str()))]), settings)
        });
        BurstOptions {
            usual,
            windows_s: seconds(windows),
            warm_up_s: warm_up.0.as_secs_f64(),
            keys: shared.keys,
            budget: shared.budget,
            overrides: others.collect(),
        }
    }

    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        claim_windows("detector.burst", &self.windows, require);
        claim_numbers("detector.burst", self.threshold, "min_errors", Some(self.min_errors), require);
        for (i, other) in self.overrides.iter().enumerate() {
            let place = format!("detector.burst.override.{i}");
            let BurstOverride { module, enabled, threshold, level, min_errors } = other;
            let changes = enabled.is_some() || threshold.is_some() || level.is_some() || min_errors.is_some();
            claim_override(
                &place,
                i,
                (!module.is_empty(), "add module, such as module = \"batch.*\""),
                (changes, "add at least one of enabled, threshold, level, min_errors"),
                require,
            );
            claim_numbers(&place, *threshold, "min_errors", *min_errors, require);
        }
    }
}

impl Spread {
    pub(super) fn options(&self, shared: Shared) -> SpreadOptions {
        let Self { enabled, threshold, level, dimensions, windows, min_failures, warm_up, overrides } = self;
        let usual = SpreadSettings {
            enabled: *enabled,
            threshold: *threshold,
            min_failures: *min_failures,
            level: (*level).into(),
        };
        let others = overrides.iter().map(|other| {
            let settings = SpreadSettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: other.threshold.or(usual.threshold),
                min_failures: other.min_failures.unwrap_or(usual.min_failures),
                level: other.level.map_or(usual.level, Into::into),
            };
            let globs = [(Role::Module, other.module.as_deref()), (Role::Host, other.host.as_deref())];
            (KeyPattern::new(globs), settings)
        });
        SpreadOptions {
            usual,
            dimensions: dimensions.iter().filter_map(|name| dimension(name)).collect(),
            windows_s: seconds(windows),
            warm_up_s: warm_up.0.as_secs_f64(),
            keys: shared.keys,
            budget: shared.budget,
            overrides: others.collect(),
        }
    }

    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        require(
            (1..=8).contains(&self.dimensions.len()),
            "detector.spread.dimensions",
            format!("detector.spread.dimensions has {} names", self.dimensions.len()),
            "one to eight names, by default [\"host\"]; enabled = false switches it off",
        );
        for name in &self.dimensions {
            require(
                dimension(name).is_some(),
                "detector.spread.dimensions",
                format!("detector.spread.dimensions has {name:?}, which is no role"),
                "a role such as host or operation, or a member behind a dot, such as \".zone\"",
            );
        }
        claim_windows("detector.spread", &self.windows, require);
        claim_numbers("detector.spread", self.threshold, "min_failures", Some(self.min_failures), require);
        for (i, other) in self.overrides.iter().enumerate() {
            let place = format!("detector.spread.override.{i}");
            let SpreadOverride { module, host, enabled, threshold, level, min_failures } = other;
            let changes = enabled.is_some() || threshold.is_some() || level.is_some() || min_failures.is_some();
            claim_override(
                &place,
                i,
                (module.is_some() || host.is_some(), "add at least one of module, host, such as module = \"batch.*\""),
                (changes, "add at least one of enabled, threshold, level, min_failures"),
                require,
            );
            claim_numbers(&place, *threshold, "min_failures", *min_failures, require);
        }
    }
}

/// The dimension of a name: a role's, or a literal member's behind a dot.
fn dimension(name: &str) -> Option<Dimension> {
    if let Some(member) = name.strip_prefix('.') {
        return (!member.is_empty()).then(|| Dimension::Member(member.to_owned()));
    }
    let role = Role::ALL.into_iter().find(|role| role.name() == name)?;
    // Times and durations are no values to compare by.
    (!matches!(role, Role::Timestamp | Role::Duration)).then_some(Dimension::Role(role))
}

fn spans(seconds: &[f64]) -> Vec<Span> {
    seconds.iter().map(|&seconds| Span(Duration::from_secs_f64(seconds))).collect()
}

fn seconds(spans: &[Span]) -> Vec<f64> {
    spans.iter().map(|span| span.0.as_secs_f64()).collect()
}

fn claim_windows(table: &str, windows: &[Span], require: &mut impl FnMut(bool, &str, String, &str)) {
    let windows = seconds(windows);
    require(
        (1..=8).contains(&windows.len())
            && windows.is_sorted()
            && windows.iter().all(|window| (5.0..=3_600.0).contains(window)),
        &format!("{table}.windows"),
        format!("{table}.windows are out of range or out of order"),
        "one to eight from 5s to 1h, ascending, by default [\"10s\", \"1m\", \"5m\"]",
    );
}

fn claim_numbers(
    place: &str,
    threshold: Option<f64>,
    least_name: &str,
    least: Option<u32>,
    require: &mut impl FnMut(bool, &str, String, &str),
) {
    if let Some(threshold) = threshold {
        require(
            threshold > 0.0 && threshold <= 0.01,
            &format!("{place}.threshold"),
            format!("{place}.threshold is {threshold}"),
            "a false-alarm probability above 0 and at most 0.01, such as 1e-8; leave it out for what \
             detector.false_alarms_per_day gives",
        );
    }
    let least = least.unwrap_or(2);
    require(
        (2..=100_000).contains(&least),
        &format!("{place}.{least_name}"),
        format!("{place}.{least_name} is {least}"),
        "from 2 to 100000, by default 5",
    );
}
