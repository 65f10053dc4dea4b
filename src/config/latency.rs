//! `[detector.latency]`, its overrides, and its pairs of start and end.

use super::Span;
use super::overrides::claim_override;
use crate::engine::detector::latency::{LatencyOptions, LatencySettings, PairBy, PairOptions};
use crate::engine::overrides::KeyPattern;
use crate::event::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most kinds of pairs: each is looked for in every message.
const MOST_PAIRS: usize = 100;

/// `[detector.latency]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Whether it watches.
    pub enabled: bool,
    /// Chance that one value of a faultless operation is called an outlier.
    #[schemars(range(min = 1e-100, max = 1e-3))]
    pub outlier_threshold: f64,
    /// False-alarm probability of one test for a shift.
    #[schemars(range(min = 1e-100, max = 1e-3))]
    pub shift_threshold: f64,
    /// Slower, or faster, by less than this factor is no shift.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub tolerance: f64,
    /// A shift that goes on for so long is the normal level.
    pub new_normal: Span,
    /// Other settings for some operations; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<LatencyOverride>,
    /// Events that begin and end one piece of work, whose duration no event has.
    #[serde(rename = "pair", skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<LatencyPair>,
}

impl Default for Latency {
    fn default() -> Self {
        let LatencySettings { enabled, outlier_threshold, shift_threshold, tolerance, new_normal_s, apart: _ } =
            LatencySettings::default();
        let new_normal = Span(Duration::from_secs_f64(new_normal_s));
        let (overrides, pairs) = (Vec::new(), Vec::new());
        Self { enabled, outlier_threshold, shift_threshold, tolerance, new_normal, overrides, pairs }
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
    #[schemars(range(min = 1e-100, max = 1e-3))]
    pub outlier_threshold: Option<f64>,
    /// False-alarm probability of one test of theirs for a shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1e-100, max = 1e-3))]
    pub shift_threshold: Option<f64>,
    /// Slower, or faster, by less than this factor is no shift of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0, max = 100.0))]
    pub tolerance: Option<f64>,
    /// A shift of theirs that goes on for so long is the normal level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_normal: Option<Span>,
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
    #[serde(default = "five_minutes")]
    pub timeout: Span,
}

fn by_trace() -> Vec<String> {
    vec![Role::Trace.name().into()]
}

fn five_minutes() -> Span {
    Span(Duration::from_secs(300))
}

impl Latency {
    /// What the detector is told, with room for so many `keys`.
    #[must_use]
    pub fn options(&self, keys: usize) -> LatencyOptions {
        let settings = LatencySettings {
            enabled: self.enabled,
            outlier_threshold: self.outlier_threshold,
            shift_threshold: self.shift_threshold,
            tolerance: self.tolerance,
            new_normal_s: self.new_normal.0.as_secs_f64(),
            apart: false,
        };
        LatencyOptions {
            settings,
            keys,
            overrides: self.overrides.iter().map(|other| (other.pattern(), other.settings(settings))).collect(),
            pairs: self.pairs.iter().map(LatencyPair::options).collect(),
        }
    }

    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        let place = "detector.latency";
        claim_numbers(place, Some(self.outlier_threshold), Some(self.shift_threshold), Some(self.tolerance), require);
        for (i, other) in self.overrides.iter().enumerate() {
            other.require(&format!("{place}.override.{i}"), i, require);
        }
        for (i, pair) in self.pairs.iter().enumerate() {
            pair.require(&format!("{place}.pair.{i}"), i, require);
        }
    }
}

/// What must hold of settings, wherever they stand.
fn claim_numbers(
    place: &str,
    outlier: Option<f64>,
    shift: Option<f64>,
    tolerance: Option<f64>,
    require: &mut impl FnMut(bool, &str, String, &str),
) {
    for (key, threshold) in [("outlier_threshold", outlier), ("shift_threshold", shift)] {
        let Some(threshold) = threshold else { continue };
        require(
            (1e-100..=1e-3).contains(&threshold),
            &format!("{place}.{key}"),
            format!("{place}.{key} is {threshold}"),
            "a false-alarm probability from 1e-100 to 0.001, by default 1e-5 for outliers and 1e-9 for shifts",
        );
    }
    if let Some(tolerance) = tolerance {
        require(
            (1.0..=100.0).contains(&tolerance),
            &format!("{place}.tolerance"),
            format!("{place}.tolerance is {tolerance}"),
            "a factor from 1 to 100, by default 1.25",
        );
    }
}

impl LatencyOverride {
    /// Whom it is for.
    fn pattern(&self) -> KeyPattern {
        KeyPattern::new([
            (Role::Operation, self.operation.as_deref()),
            (Role::Module, self.module.as_deref()),
            (Role::Host, self.host.as_deref()),
        ])
    }

    /// What they have in place of `usual`.
    fn settings(&self, usual: LatencySettings) -> LatencySettings {
        LatencySettings {
            enabled: self.enabled.unwrap_or(usual.enabled),
            outlier_threshold: self.outlier_threshold.unwrap_or(usual.outlier_threshold),
            shift_threshold: self.shift_threshold.unwrap_or(usual.shift_threshold),
            tolerance: self.tolerance.unwrap_or(usual.tolerance),
            new_normal_s: self.new_normal.map_or(usual.new_normal_s, |span| span.0.as_secs_f64()),
            apart: self.host.is_some(),
        }
    }

    fn require(&self, place: &str, i: usize, require: &mut impl FnMut(bool, &str, String, &str)) {
        let Self { operation, module, host, enabled, outlier_threshold, shift_threshold, tolerance, new_normal } = self;
        let thresholds = outlier_threshold.is_some() || shift_threshold.is_some();
        let says = operation.is_some() || module.is_some() || host.is_some();
        let changes = enabled.is_some() || thresholds || tolerance.is_some() || new_normal.is_some();
        claim_override(
            place,
            i,
            (says, "add at least one of operation, module, host, such as operation = \"/export/*\""),
            (changes, "add at least one of enabled, outlier_threshold, shift_threshold, tolerance, new_normal"),
            require,
        );
        claim_numbers(place, *outlier_threshold, *shift_threshold, *tolerance, require);
    }
}

impl LatencyPair {
    fn options(&self) -> PairOptions {
        let by = |name: &String| match Role::ALL.into_iter().find(|role| role.name() == name) {
            Some(role) => PairBy::Role(role),
            None => PairBy::Member(name.clone()),
        };
        PairOptions {
            operation: self.operation.clone(),
            start: self.start.clone(),
            end: self.end.clone(),
            by: self.by.iter().map(by).collect(),
            timeout_s: self.timeout.0.as_secs_f64(),
        }
    }

    fn require(&self, place: &str, i: usize, require: &mut impl FnMut(bool, &str, String, &str)) {
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
        let timeout = self.timeout.0.as_secs_f64();
        require(
            (0.001..=86_400.0 * 7.0).contains(&timeout),
            &format!("{place}.timeout"),
            format!("{place}.timeout is {}", self.timeout),
            "from 1ms to 168h, by default 5m",
        );
    }
}
