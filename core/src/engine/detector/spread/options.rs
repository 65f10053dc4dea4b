//! `[detector.spread]` and its overrides.

use crate::engine::detector::failure::{FailureLevel, MIN_FAILURES, THRESHOLD};
use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::detector::options::{Options, check_override, check_windows, usual_windows};
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::event::{Fields, Level, Role};
use crate::human_duration::HumanDuration;
use crate::setting::Require;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// What events are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    /// A role.
    Role(Role),
    /// A literal member.
    Member(String),
}

impl Dimension {
    /// The dimension of a name: a role's, or a literal member's behind a dot.
    fn of(name: &str) -> Option<Self> {
        if let Some(member) = name.strip_prefix('.') {
            return (!member.is_empty()).then(|| Self::Member(member.to_owned()));
        }
        let role = Role::from_name(name)?;
        // Times and durations are no values to compare by.
        (!matches!(role, Role::Timestamp | Role::Duration)).then_some(Self::Role(role))
    }

    /// Its name in a finding's key.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Role(role) => role.name(),
            Self::Member(name) => name,
        }
    }

    pub(super) fn hash_of(&self, fields: &Fields<'_>) -> Option<u64> {
        match self {
            Self::Role(role) => fields.hash(*role),
            Self::Member(_) => self.text_of(fields).map(|text| xxh3_64(text.as_bytes())),
        }
    }

    pub(super) fn text_of<'a>(&self, fields: &Fields<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::Role(role) => fields.text(*role),
            Self::Member(name) => fields.member(name)?.into_scalar(),
        }
    }
}

/// `[detector.spread]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpreadOptions {
    /// Whether it watches.
    pub enabled: bool,
    /// False-alarm probability of one test, in place of what `detector.false_alarms_per_day` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: Option<f64>,
    /// `warn`, `error` or `fatal`: from which level on an event is a failure; a failing status
    /// always is one.
    pub level: FailureLevel,
    /// By what failures are told apart: names of roles, or of members behind a dot, such as
    /// `.zone`.
    pub dimensions: Vec<String>,
    /// Lengths of the windows, ascending.
    pub windows: Vec<HumanDuration>,
    /// Fewest failures of a bad value.
    #[schemars(transform = MIN_FAILURES.range())]
    pub min_failures: u32,
    /// How much of a stream it must have seen before it judges; by default nothing.
    pub warm_up: HumanDuration,
    /// Other settings for some modules and hosts; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<SpreadOverride>,
}

impl Default for SpreadOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: THRESHOLD.default,
            level: FailureLevel::Error,
            dimensions: vec![Role::Host.name().to_owned()],
            windows: usual_windows(),
            min_failures: MIN_FAILURES.default,
            warm_up: HumanDuration::from_secs(0),
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
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: Option<f64>,
    /// From which level on an event of theirs is a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<FailureLevel>,
    /// Fewest failures of a bad value among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = MIN_FAILURES.range())]
    pub min_failures: Option<u32>,
}

/// What can be another for one module and host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SpreadSettings {
    /// Off means that its failures are not counted.
    pub(super) enabled: bool,
    /// In place of what the budget gives.
    pub(super) threshold: Option<f64>,
    pub(super) min_failures: u32,
    /// The least level of a failure.
    pub(super) level: Level,
}

impl SpreadOptions {
    /// By what events are told apart.
    pub(super) fn dimensions(&self) -> Vec<Dimension> {
        self.dimensions.iter().filter_map(|name| Dimension::of(name)).collect()
    }

    /// The settings of each module and host.
    pub(super) fn settings(&self) -> Overrides<SpreadSettings> {
        let Self { enabled, threshold, min_failures, level, .. } = self;
        let level = (*level).into();
        let usual = SpreadSettings { enabled: *enabled, threshold: *threshold, min_failures: *min_failures, level };
        let of = |other: &SpreadOverride| {
            let settings = SpreadSettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: other.threshold.or(usual.threshold),
                min_failures: other.min_failures.unwrap_or(usual.min_failures),
                level: other.level.map_or(usual.level, Into::into),
            };
            let globs = [(Role::Module, other.module.as_deref()), (Role::Host, other.host.as_deref())];
            (KeyPattern::new(globs), settings)
        };
        Overrides::new(usual, self.overrides.iter().map(of))
    }
}

impl Options for SpreadOptions {
    fn watches(&self) -> bool {
        !self.dimensions.is_empty() && (self.enabled || self.overrides.iter().any(|other| other.enabled == Some(true)))
    }

    fn judged(&self) -> Vec<JudgedFrom> {
        vec![JudgedFrom::after(Judged::BadValues, self.warm_up)]
    }

    fn check(&self, table: &str, require: &mut Require<'_>) {
        let dimensions = format!("{table}.dimensions");
        require(
            (1..=8).contains(&self.dimensions.len()),
            &dimensions,
            format!("{dimensions} has {} names", self.dimensions.len()),
            "one to eight names, by default [\"host\"]; enabled = false switches it off",
        );
        for name in &self.dimensions {
            require(
                Dimension::of(name).is_some(),
                &dimensions,
                format!("{dimensions} has {name:?}, which is no role"),
                "a role such as host or operation, or a member behind a dot, such as \".zone\"",
            );
        }
        check_windows(table, &self.windows, require);
        for (i, other) in self.overrides.iter().enumerate() {
            let SpreadOverride { module, host, enabled, threshold, level, min_failures } = other;
            let changes = enabled.is_some() || threshold.is_some() || level.is_some() || min_failures.is_some();
            check_override(
                &format!("{table}.override.{i}"),
                i,
                (module.is_some() || host.is_some(), "add at least one of module, host, such as module = \"batch.*\""),
                (changes, "add at least one of enabled, threshold, level, min_failures"),
                require,
            );
        }
    }
}
