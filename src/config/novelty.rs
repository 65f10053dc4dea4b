//! `[detector.novelty]`, its overrides, and `[detector.input]`.

use super::Span;
use super::overrides::claim_override;
use super::silence::{claim_least, claim_threshold};
use crate::engine::detector::input::InputOptions;
use crate::engine::detector::novelty::{NoveltyOptions, NoveltySettings};
use crate::engine::overrides::KeyPattern;
use crate::event::{Level, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[detector.novelty]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Novelty {
    /// Whether it watches.
    pub enabled: bool,
    /// The chance of something new below which a first sight is told.
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.5))]
    pub threshold: f64,
    /// How much of a stream it must have seen before it judges.
    pub warm_up: Span,
    /// Other settings for some events; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<NoveltyOverride>,
}

impl Default for Novelty {
    fn default() -> Self {
        let NoveltyOptions { usual, warm_up_s, keys: _, overrides: _ } = NoveltyOptions::default();
        let warm_up = Span(Duration::from_secs_f64(warm_up_s));
        Self { enabled: usual.enabled, threshold: usual.threshold, warm_up, overrides: Vec::new() }
    }
}

/// One `[[detector.novelty.override]]`: patterns, in which `*` is any text and `?` any character,
/// and what is other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoveltyOverride {
    /// The module must look like this: `batch.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The host must look like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether their news is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The chance of something new below which a first sight of theirs is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.5))]
    pub threshold: Option<f64>,
}

impl Novelty {
    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        let threshold = |place: &str, threshold: f64, require: &mut dyn FnMut(bool, &str, String, &str)| {
            require(
                threshold > 0.0 && threshold <= 0.5,
                &format!("{place}.threshold"),
                format!("{place}.threshold is {threshold}"),
                "a chance above 0 and at most 0.5, by default 0.05",
            );
        };
        threshold("detector.novelty", self.threshold, require);
        for (i, other) in self.overrides.iter().enumerate() {
            let place = format!("detector.novelty.override.{i}");
            let says = other.module.is_some() || other.host.is_some();
            claim_override(
                &place,
                i,
                (says, "add at least one of module, host, such as module = \"batch.*\""),
                (other.enabled.is_some() || other.threshold.is_some(), "add at least one of enabled, threshold"),
                require,
            );
            threshold(&place, other.threshold.unwrap_or(0.05), require);
        }
    }

    /// What the detector is told.
    pub(super) fn options(&self, keys: usize) -> NoveltyOptions {
        let usual = NoveltySettings { enabled: self.enabled, threshold: self.threshold, level: Level::Warn };
        let other = |other: &NoveltyOverride| {
            let settings = NoveltySettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: other.threshold.unwrap_or(usual.threshold),
                ..usual
            };
            let globs = [(Role::Module, other.module.as_deref()), (Role::Host, other.host.as_deref())];
            (KeyPattern::new(globs), settings)
        };
        let overrides = self.overrides.iter().map(other).collect();
        NoveltyOptions { usual, warm_up_s: self.warm_up.0.as_secs_f64(), keys, overrides }
    }
}

/// `[detector.input]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InputDetector {
    /// Whether it watches.
    pub enabled: bool,
    /// Chance of one pause that is called a stall.
    #[schemars(range(min = 1e-100, max = 1e-3))]
    pub threshold: f64,
    /// Shortest stall.
    pub least: Span,
}

impl Default for InputDetector {
    fn default() -> Self {
        let InputOptions { enabled, threshold, least_s } = InputOptions::default();
        Self { enabled, threshold, least: Span(Duration::from_secs_f64(least_s)) }
    }
}

impl InputDetector {
    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        claim_threshold("detector.input", self.threshold, require);
        claim_least("detector.input", self.least, require);
    }

    /// What the detector is told.
    pub(super) fn options(&self) -> InputOptions {
        InputOptions { enabled: self.enabled, threshold: self.threshold, least_s: self.least.0.as_secs_f64() }
    }
}
