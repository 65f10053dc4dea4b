//! `[detector.novelty]` and its overrides.

use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::detector::options::{Options, check_override};
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::event::{Level, Role};
use crate::human_duration::HumanDuration;
use crate::setting::{Require, Setting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const THRESHOLD: Setting<f64> =
    Setting::new(0.05, "a chance above 0 and at most 0.5, by default 0.05").above(0.0).to(0.5);

/// `[detector.novelty]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoveltyOptions {
    /// Whether it watches.
    pub enabled: bool,
    /// The chance of something new below which a first sight is told.
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: f64,
    /// How much of a stream it must have seen before it judges.
    pub warm_up: HumanDuration,
    /// Other settings for some events; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<NoveltyOverride>,
}

impl Default for NoveltyOptions {
    fn default() -> Self {
        let (threshold, warm_up) = (THRESHOLD.default, HumanDuration::from_secs(900));
        Self { enabled: true, threshold, warm_up, overrides: Vec::new() }
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
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: Option<f64>,
}

/// What some modules can have other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NoveltySettings {
    /// Off means that their news is none.
    pub(super) enabled: bool,
    /// The chance of something new below which a first sight is told.
    pub(super) threshold: f64,
    /// The least level.
    pub(super) level: Level,
}

impl NoveltyOptions {
    /// The settings of each event.
    pub(super) fn settings(&self) -> Overrides<NoveltySettings> {
        let usual = NoveltySettings { enabled: self.enabled, threshold: self.threshold, level: Level::Warn };
        let of = |other: &NoveltyOverride| {
            let settings = NoveltySettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: other.threshold.unwrap_or(usual.threshold),
                ..usual
            };
            let globs = [(Role::Module, other.module.as_deref()), (Role::Host, other.host.as_deref())];
            (KeyPattern::new(globs), settings)
        };
        Overrides::new(usual, self.overrides.iter().map(of))
    }
}

impl Options for NoveltyOptions {
    fn watches(&self) -> bool {
        self.enabled || self.overrides.iter().any(|other| other.enabled == Some(true))
    }

    fn judged(&self) -> Vec<JudgedFrom> {
        vec![
            JudgedFrom::after(Judged::Fatals, HumanDuration::from_secs(0)),
            JudgedFrom::after(Judged::NewLines, self.warm_up),
        ]
    }

    fn check(&self, table: &str, require: &mut Require<'_>) {
        for (i, other) in self.overrides.iter().enumerate() {
            let NoveltyOverride { module, host, enabled, threshold } = other;
            check_override(
                &format!("{table}.override.{i}"),
                i,
                (module.is_some() || host.is_some(), "add at least one of module, host, such as module = \"batch.*\""),
                (enabled.is_some() || threshold.is_some(), "add at least one of enabled, threshold"),
                require,
            );
        }
    }
}
