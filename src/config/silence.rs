//! `[detector.silence]` and its overrides.

use super::Span;
use super::overrides::claim_override;
use crate::engine::detector::silence::{MEMBERS, NamePattern, Settings, SilenceOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[detector.silence]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Silence {
    /// Whether it watches.
    pub enabled: bool,
    /// Roles or members whose values are watched, each on its own.
    #[schemars(length(min = 1, max = 8))]
    pub keys: Vec<String>,
    /// Chance of one pause that is called a silence.
    #[schemars(range(min = 1e-100, max = 1e-3))]
    pub threshold: f64,
    /// Shortest silence.
    pub least: Span,
    /// How much of a stream it must have seen before it judges.
    pub warm_up: Span,
    /// Other settings for some keys; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<SilenceOverride>,
}

impl Default for Silence {
    fn default() -> Self {
        let SilenceOptions { usual, members, warm_up_s, keys: _, overrides: _ } = SilenceOptions::default();
        let span = |seconds| Span(Duration::from_secs_f64(seconds));
        Self {
            enabled: usual.enabled,
            keys: members,
            threshold: usual.threshold,
            least: span(usual.least_s),
            warm_up: span(warm_up_s),
            overrides: Vec::new(),
        }
    }
}

/// One `[[detector.silence.override]]`: which keys, by their name, in which `*` is any text and `?`
/// any character, and what is other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SilenceOverride {
    /// Whose values: one of `keys`.
    pub key: String,
    /// The value must look like this: `batch.*`.
    pub name: String,
    /// Whether they are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Chance of one pause of theirs that is called a silence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1e-100, max = 1e-3))]
    pub threshold: Option<f64>,
    /// Their shortest silence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<Span>,
}

impl Silence {
    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        let mut sorted: Vec<_> = self.keys.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        require(
            (1..=MEMBERS).contains(&self.keys.len())
                && sorted.len() == self.keys.len()
                && self.keys.iter().all(|key| !key.is_empty()),
            "detector.silence.keys",
            "detector.silence.keys names none, too many, an empty one, or one twice".into(),
            "one to eight roles or members, by default [\"module\", \"host\"]",
        );
        claim_threshold("detector.silence", self.threshold, require);
        claim_least("detector.silence", self.least, require);
        for (i, other) in self.overrides.iter().enumerate() {
            let place = format!("detector.silence.override.{i}");
            require(
                self.keys.contains(&other.key),
                &format!("{place}.key"),
                format!("{place}.key is {:?}", other.key),
                "one of detector.silence.keys, such as key = \"module\"",
            );
            let changes = other.enabled.is_some() || other.threshold.is_some() || other.least.is_some();
            claim_override(
                &place,
                i,
                (!other.name.is_empty(), "add a pattern for its values, such as name = \"batch.*\""),
                (changes, "add at least one of enabled, threshold, least"),
                require,
            );
            claim_threshold(&place, other.threshold.unwrap_or(1e-9), require);
            claim_least(&place, other.least.unwrap_or(self.least), require);
        }
    }

    /// What the detector is told.
    pub(super) fn options(&self, keys: usize) -> SilenceOptions {
        let usual = Settings { enabled: self.enabled, threshold: self.threshold, least_s: self.least.0.as_secs_f64() };
        let other = |other: &SilenceOverride| {
            let settings = Settings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: other.threshold.unwrap_or(usual.threshold),
                least_s: other.least.map_or(usual.least_s, |least| least.0.as_secs_f64()),
            };
            (NamePattern { member: other.key.clone(), glob: other.name.clone() }, settings)
        };
        SilenceOptions {
            usual,
            members: self.keys.clone(),
            warm_up_s: self.warm_up.0.as_secs_f64(),
            keys,
            overrides: self.overrides.iter().map(other).collect(),
        }
    }
}

pub(super) fn claim_threshold(place: &str, threshold: f64, require: &mut impl FnMut(bool, &str, String, &str)) {
    require(
        (1e-100..=1e-3).contains(&threshold),
        &format!("{place}.threshold"),
        format!("{place}.threshold is {threshold}"),
        "a chance from 1e-100 to 0.001, by default 1e-9",
    );
}

pub(super) fn claim_least(place: &str, least: Span, require: &mut impl FnMut(bool, &str, String, &str)) {
    require(
        least.0 >= Duration::from_secs(1),
        &format!("{place}.least"),
        format!("{place}.least is {least}"),
        "at least 1s, by default 30s for silence and 1m for input",
    );
}
