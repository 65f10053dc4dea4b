//! `[detector.latency]`, its overrides, and its pairs of start and end.

use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::detector::options::{Options, check_override};
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::engine::stats::alarm_budget::Threshold;
use crate::event::Role;
use crate::human_duration::HumanDuration;
use crate::setting::{Require, Setting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const THRESHOLDS: &str =
    "a false-alarm probability from 1e-100 to 0.001, by default 1e-5 for outliers and 1e-9 for shifts";
const OUTLIER_THRESHOLD: Setting<f64> = Setting::new(1e-5, THRESHOLDS).from(1e-100).to(1e-3);
const SHIFT_THRESHOLD: Setting<f64> = Setting::new(1e-9, THRESHOLDS).from(1e-100).to(1e-3);
const TOLERANCE: Setting<f64> = Setting::new(1.25, "a factor from 1 to 100, by default 1.25").from(1.0).to(100.0);
const TIMEOUT: Setting<HumanDuration> = Setting::new(HumanDuration::from_secs(300), "from 1ms to 168h, by default 5m")
    .from(HumanDuration::from_millis(1))
    .to(HumanDuration::from_secs(7 * 86_400));
/// Most kinds of pairs: each is looked for in every message.
const MOST_PAIRS: usize = 100;

/// `[detector.latency]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LatencyOptions {
    /// Whether it watches.
    pub enabled: bool,
    /// Chance that one value of a faultless operation is called an outlier, at most: less where
    /// `detector.false_alarms_per_day` asks for less.
    #[schemars(transform = OUTLIER_THRESHOLD.range())]
    pub outlier_threshold: f64,
    /// False-alarm probability of one test for a shift, at most: less where
    /// `detector.false_alarms_per_day` asks for less.
    #[schemars(transform = SHIFT_THRESHOLD.range())]
    pub shift_threshold: f64,
    /// Slower, or faster, by less than this factor is no shift.
    #[schemars(transform = TOLERANCE.range())]
    pub tolerance: f64,
    /// A shift that goes on for so long is the normal level.
    pub new_normal: HumanDuration,
    /// Other settings for some operations; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<LatencyOverride>,
    /// Events that begin and end one piece of work, whose duration no event has.
    #[serde(rename = "pair", skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<LatencyPair>,
}

impl Default for LatencyOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            outlier_threshold: OUTLIER_THRESHOLD.default,
            shift_threshold: SHIFT_THRESHOLD.default,
            tolerance: TOLERANCE.default,
            new_normal: HumanDuration::from_secs(7_200),
            overrides: Vec::new(),
            pairs: Vec::new(),
        }
    }
}

/// One `[[detector.latency.override]]`: patterns, in which `*` is any text and `?` any character,
/// and what is other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LatencyOverride {
    /// The operation, as findings name it, must look like this: `/export/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The module must look like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The host must look like this. Durations of these hosts are then learned apart from those of
    /// others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether these operations are judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Chance that one value of theirs is called an outlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = OUTLIER_THRESHOLD.range())]
    pub outlier_threshold: Option<f64>,
    /// False-alarm probability of one test of theirs for a shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = SHIFT_THRESHOLD.range())]
    pub shift_threshold: Option<f64>,
    /// Slower, or faster, by less than this factor is no shift of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = TOLERANCE.range())]
    pub tolerance: Option<f64>,
    /// A shift of theirs that goes on for so long is the normal level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_normal: Option<HumanDuration>,
}

/// One `[[detector.latency.pair]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyPair {
    /// What the work is called in findings and metrics.
    #[schemars(length(min = 1, max = 200))]
    pub operation: String,
    /// Work begins with a message that contains this; `*` is any text and `?` any character.
    /// `template:` and an id for all messages of one template.
    #[schemars(length(min = 1))]
    pub start: String,
    /// It ends with a message that contains this.
    #[schemars(length(min = 1))]
    pub end: String,
    /// What a start shares with its end: roles such as `trace`, `thread` and `host`, or names of
    /// members.
    #[serde(default = "by_trace")]
    #[schemars(length(min = 1))]
    pub by: Vec<String>,
    /// Work that has not ended after this time is a finding.
    #[serde(default = "usual_timeout")]
    #[schemars(transform = TIMEOUT.range())]
    pub timeout: HumanDuration,
}

fn by_trace() -> Vec<String> {
    vec![Role::Trace.name().into()]
}

fn usual_timeout() -> HumanDuration {
    TIMEOUT.default
}

/// What can be another for one operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LatencySettings {
    /// Off means that its durations are measured for metrics and not judged.
    pub(super) enabled: bool,
    pub(super) outlier_threshold: Threshold,
    pub(super) shift_threshold: Threshold,
    pub(super) tolerance: f64,
    /// Seconds after which a shift is the normal level.
    pub(super) new_normal_s: f64,
    /// These are for some hosts, whose durations are therefore learned apart from those of others.
    pub(super) apart: bool,
}

/// What tells which start an end belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PairBy {
    Role(Role),
    Member(String),
}

impl LatencyOptions {
    /// What operations have that no override matches.
    pub(super) fn usual(&self) -> LatencySettings {
        LatencySettings {
            enabled: self.enabled,
            outlier_threshold: Threshold::at_most(self.outlier_threshold),
            shift_threshold: Threshold::at_most(self.shift_threshold),
            tolerance: self.tolerance,
            new_normal_s: self.new_normal.seconds(),
            apart: false,
        }
    }

    /// The settings of each operation.
    pub(super) fn settings(&self) -> Overrides<LatencySettings> {
        let usual = self.usual();
        let of = |other: &LatencyOverride| {
            let pattern = KeyPattern::new([
                (Role::Operation, other.operation.as_deref()),
                (Role::Module, other.module.as_deref()),
                (Role::Host, other.host.as_deref()),
            ]);
            let settings = LatencySettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                outlier_threshold: usual.outlier_threshold.or(other.outlier_threshold),
                shift_threshold: usual.shift_threshold.or(other.shift_threshold),
                tolerance: other.tolerance.unwrap_or(usual.tolerance),
                new_normal_s: other.new_normal.map_or(usual.new_normal_s, HumanDuration::seconds),
                apart: other.host.is_some(),
            };
            (pattern, settings)
        };
        Overrides::new(usual, self.overrides.iter().map(of))
    }
}

impl Options for LatencyOptions {
    fn watches(&self) -> bool {
        self.enabled || self.overrides.iter().any(|other| other.enabled == Some(true))
    }

    fn judged(&self) -> Vec<JudgedFrom> {
        vec![JudgedFrom::values(Judged::SlowerCalls, 64), JudgedFrom::values(Judged::SlowCalls, 360)]
    }

    fn check(&self, table: &str, require: &mut Require<'_>) {
        for (i, other) in self.overrides.iter().enumerate() {
            other.check(&format!("{table}.override.{i}"), i, require);
        }
        for (i, pair) in self.pairs.iter().enumerate() {
            pair.check(&format!("{table}.pair.{i}"), i, require);
        }
    }
}

impl LatencyOverride {
    fn check(&self, place: &str, i: usize, require: &mut Require<'_>) {
        let Self { operation, module, host, enabled, outlier_threshold, shift_threshold, tolerance, new_normal } = self;
        let thresholds = outlier_threshold.is_some() || shift_threshold.is_some();
        let says = operation.is_some() || module.is_some() || host.is_some();
        let changes = enabled.is_some() || thresholds || tolerance.is_some() || new_normal.is_some();
        check_override(
            place,
            i,
            (says, "add at least one of operation, module, host, such as operation = \"/export/*\""),
            (changes, "add at least one of enabled, outlier_threshold, shift_threshold, tolerance, new_normal"),
            require,
        );
    }
}

impl LatencyPair {
    /// What a start shares with its end.
    pub(super) fn shared(&self) -> Vec<PairBy> {
        let by = |name: &String| match Role::from_name(name) {
            Some(role) => PairBy::Role(role),
            None => PairBy::Member(name.clone()),
        };
        self.by.iter().map(by).collect()
    }

    fn check(&self, place: &str, i: usize, require: &mut Require<'_>) {
        require(i < MOST_PAIRS, place, format!("more than {MOST_PAIRS} pairs"), "use patterns that match more");
        for (key, text) in [("start", &self.start), ("end", &self.end)] {
            require(
                text.chars().any(|c| !matches!(c, '*' | '?')),
                &format!("{place}.{key}"),
                format!("{place}.{key} is {text:?}, which every message contains"),
                "a part of the message, such as \"request * started\"",
            );
            let id = text.strip_prefix("template:");
            require(
                id.is_none_or(|id| id.len() == 16 && u64::from_str_radix(id, 16).is_ok()),
                &format!("{place}.{key}"),
                format!("{place}.{key} is {text:?}"),
                "behind template: stand 16 hexadecimal digits, as `seismolog templates` prints them",
            );
        }
        require(
            self.start != self.end,
            &format!("{place}.end"),
            format!("{place} begins and ends with the same message"),
            "two different messages",
        );
        require(
            !self.operation.is_empty() && self.operation.len() <= 200,
            &format!("{place}.operation"),
            format!("{place}.operation is {:?}", self.operation),
            "a name of 1 to 200 bytes",
        );
        require(
            !self.by.is_empty() && self.by.iter().all(|name| !name.is_empty()),
            &format!("{place}.by"),
            format!("{place}.by names nothing"),
            "roles or members that a start shares with its end, by default [\"trace\"]",
        );
    }
}
