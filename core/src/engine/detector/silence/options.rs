//! `[detector.silence]` and its overrides.

use super::MEMBERS;
use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::detector::options::{Options, check_override};
use crate::engine::overrides::glob_matches;
use crate::engine::stats::alarm_budget::Threshold;
use crate::human_duration::HumanDuration;
use crate::setting::{Require, Setting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Also what `[detector.input]` takes.
pub(in crate::engine::detector) const THRESHOLD: Setting<f64> =
    Setting::new(1e-9, "a chance from 1e-100 to 0.001, by default 1e-9").from(1e-100).to(1e-3);
const LEAST: Setting<HumanDuration> = least_of(30);

/// The shortest pause that is told, of so many seconds where nobody says otherwise.
pub(in crate::engine::detector) const fn least_of(seconds: u64) -> Setting<HumanDuration> {
    Setting::new(HumanDuration::from_secs(seconds), "at least 1s, by default 30s for silence and 1m for input")
        .from(HumanDuration::from_secs(1))
}

/// `[detector.silence]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SilenceOptions {
    /// Whether it watches.
    pub enabled: bool,
    /// Roles or members whose values are watched, each on its own.
    #[schemars(length(min = 1, max = 8))]
    pub keys: Vec<String>,
    /// Chance of one pause that is called a silence, at most: less where
    /// `detector.false_alarms_per_day` asks for less.
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: f64,
    /// Shortest silence.
    #[schemars(transform = LEAST.range())]
    pub least: HumanDuration,
    /// How much of a stream it must have seen before it judges.
    pub warm_up: HumanDuration,
    /// Other settings for some keys; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<SilenceOverride>,
}

impl Default for SilenceOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            keys: vec!["module".into(), "host".into()],
            threshold: THRESHOLD.default,
            least: LEAST.default,
            warm_up: HumanDuration::from_secs(600),
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
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: Option<f64>,
    /// Their shortest silence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = LEAST.range())]
    pub least: Option<HumanDuration>,
}

/// What some keys can have other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SilenceSettings {
    /// Off means that these keys may stop.
    pub(super) enabled: bool,
    /// Chance of one pause that is called a silence.
    pub(super) threshold: Threshold,
    /// Shortest silence in seconds.
    pub(super) least_s: f64,
}

/// The settings of all keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeySettings {
    pub(super) usual: SilenceSettings,
    /// Seconds of stream before it judges.
    pub(super) warm_up_s: f64,
    /// Other settings for keys of a member whose name is of a form; the first that matches counts.
    overrides: Vec<(String, String, SilenceSettings)>,
}

impl KeySettings {
    pub(super) fn new(options: &SilenceOptions) -> Self {
        let SilenceOptions { enabled, threshold, least, .. } = options;
        let usual =
            SilenceSettings { enabled: *enabled, threshold: Threshold::at_most(*threshold), least_s: least.seconds() };
        let of = |other: &SilenceOverride| {
            let settings = SilenceSettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                threshold: usual.threshold.or(other.threshold),
                least_s: other.least.map_or(usual.least_s, HumanDuration::seconds),
            };
            (other.key.clone(), other.name.clone(), settings)
        };
        Self { usual, warm_up_s: options.warm_up.seconds(), overrides: options.overrides.iter().map(of).collect() }
    }

    /// The budget leaves so much to one test now.
    pub(super) fn keep_to(&mut self, budget: f64) {
        self.usual.threshold.keep_to(budget);
        self.overrides.iter_mut().for_each(|(_, _, settings)| settings.threshold.keep_to(budget));
    }

    /// The settings of a key, by number.
    pub(super) fn of(&self, number: u16) -> &SilenceSettings {
        let other = usize::from(number).checked_sub(1).and_then(|i| self.overrides.get(i));
        other.map_or(&self.usual, |(_, _, settings)| settings)
    }

    /// Which settings the key `name` of `member` has.
    pub(super) fn choose(&self, member: &str, name: &str) -> u16 {
        let matches = |(of, glob, _): &(String, String, SilenceSettings)| of == member && glob_matches(glob, name);
        self.overrides.iter().position(matches).map_or(0, |i| i as u16 + 1)
    }
}

impl Options for SilenceOptions {
    fn watches(&self) -> bool {
        self.enabled || self.overrides.iter().any(|other| other.enabled == Some(true))
    }

    fn judged(&self) -> Vec<JudgedFrom> {
        vec![JudgedFrom::after(Judged::Silences, self.warm_up)]
    }

    fn check(&self, table: &str, require: &mut Require<'_>) {
        let mut sorted: Vec<_> = self.keys.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        require(
            (1..=MEMBERS).contains(&self.keys.len())
                && sorted.len() == self.keys.len()
                && self.keys.iter().all(|key| !key.is_empty()),
            &format!("{table}.keys"),
            format!("{table}.keys names none, too many, an empty one, or one twice"),
            "one to eight roles or members, by default [\"module\", \"host\"]",
        );
        for (i, other) in self.overrides.iter().enumerate() {
            let place = format!("{table}.override.{i}");
            require(
                self.keys.contains(&other.key),
                &format!("{place}.key"),
                format!("{place}.key is {:?}", other.key),
                "one of detector.silence.keys, such as key = \"module\"",
            );
            let changes = other.enabled.is_some() || other.threshold.is_some() || other.least.is_some();
            check_override(
                &place,
                i,
                (!other.name.is_empty(), "add a pattern for its values, such as name = \"batch.*\""),
                (changes, "add at least one of enabled, threshold, least"),
                require,
            );
        }
    }
}
