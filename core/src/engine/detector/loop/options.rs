//! `[detector.loop]`, its overrides and its guards.

use super::start::Start;
use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::detector::options::{Options, check_override};
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::engine::stats::alarm_budget::Threshold;
use crate::event::Role;
use crate::human_duration::HumanDuration;
use crate::setting::{Require, Setting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MIN_REPEATS: Setting<u32> = Setting::new(8, "from 3 to 10000").from(3).to(10_000);
const THRESHOLD: Setting<f64> =
    Setting::new(1e-10, "a false-alarm probability above 0 and at most 0.01, by default 1e-10").above(0.0).to(0.01);
const MAX_REPEATS: Setting<u32> = Setting::new(100, "from 1 to 1000000000").from(1).to(1_000_000_000);
const WITHIN: Setting<HumanDuration> = Setting::new(HumanDuration::from_secs(60), "from 1s to 24h")
    .from(HumanDuration::from_secs(1))
    .to(HumanDuration::from_secs(86_400));

/// `[detector.loop]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoopOptions {
    /// Whether it watches.
    pub enabled: bool,
    /// Least repeats before a run is tested.
    #[schemars(transform = MIN_REPEATS.range())]
    pub min_repeats: u32,
    /// False-alarm probability of one test, at most: less where `detector.false_alarms_per_day`
    /// asks for less.
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: f64,
    /// At INFO and below, what rests this long or longer in each round is a timer, not a fault.
    pub timer_period: HumanDuration,
    /// Other settings for some actors; the first whose pattern matches wins.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<LoopOverride>,
    /// Absolute limits for some actors; the first whose pattern matches wins.
    #[serde(rename = "guard", skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<LoopGuard>,
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            min_repeats: MIN_REPEATS.default,
            threshold: THRESHOLD.default,
            timer_period: HumanDuration::from_millis(500),
            overrides: Vec::new(),
            guards: Vec::new(),
        }
    }
}

/// One `[[detector.loop.override]]`: patterns, in which `*` is any text and `?` any character, and
/// what is other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoopOverride {
    /// The module must look like this: `batch.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The host must look like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The thread must look like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Whether these actors are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Least repeats before a run of theirs is tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = MIN_REPEATS.range())]
    pub min_repeats: Option<u32>,
    /// False-alarm probability of one test of theirs, in place of what
    /// `detector.false_alarms_per_day` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = THRESHOLD.range())]
    pub threshold: Option<f64>,
}

/// One `[[detector.loop.guard]]`: patterns, in which `*` is any text and `?` any character, and
/// what they are allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoopGuard {
    /// The module must look like this: `batch.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The host must look like this; lines of each host then count on their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The thread must look like this; lines of each thread then count on their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The same line may come so often within the window; one more is a finding.
    #[schemars(transform = MAX_REPEATS.range())]
    pub max_repeats: u32,
    /// The length of the window.
    #[schemars(transform = WITHIN.range())]
    pub within: HumanDuration,
}

impl Default for LoopGuard {
    fn default() -> Self {
        let (max_repeats, within) = (MAX_REPEATS.default, WITHIN.default);
        Self { module: None, host: None, thread: None, max_repeats, within }
    }
}

/// What can be another for one actor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LoopSettings {
    /// Off means that its lines are only counted.
    pub(super) enabled: bool,
    pub(super) min_repeats: u32,
    pub(super) threshold: Threshold,
}

/// At most so many times the same line in so long a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    /// One more is a finding.
    pub(super) max_repeats: u32,
    /// The length of the window, in seconds.
    pub(super) within_s: f64,
    /// Lines of each host count on their own.
    pub(super) by_host: bool,
    /// Lines of each thread count on their own.
    pub(super) by_thread: bool,
}

fn pattern(module: Option<&str>, host: Option<&str>, thread: Option<&str>) -> KeyPattern {
    KeyPattern::new([(Role::Module, module), (Role::Host, host), (Role::Thread, thread)])
}

impl LoopOptions {
    /// The settings of each actor.
    pub(super) fn settings(&self) -> Overrides<LoopSettings> {
        let usual = LoopSettings {
            enabled: self.enabled,
            min_repeats: self.min_repeats,
            threshold: Threshold::at_most(self.threshold),
        };
        let of = |other: &LoopOverride| {
            let settings = LoopSettings {
                enabled: other.enabled.unwrap_or(usual.enabled),
                min_repeats: other.min_repeats.unwrap_or(usual.min_repeats),
                threshold: usual.threshold.or(other.threshold),
            };
            (pattern(other.module.as_deref(), other.host.as_deref(), other.thread.as_deref()), settings)
        };
        Overrides::new(usual, self.overrides.iter().map(of))
    }
}

impl LoopGuard {
    /// Whom it is for, and what they are allowed.
    pub(super) fn limit(&self) -> (KeyPattern, Limit) {
        let Self { module, host, thread, max_repeats, within } = self;
        let (by_host, by_thread) = (host.is_some(), thread.is_some());
        let limit = Limit { max_repeats: *max_repeats, within_s: within.seconds(), by_host, by_thread };
        (pattern(module.as_deref(), host.as_deref(), thread.as_deref()), limit)
    }
}

impl Options for LoopOptions {
    fn watches(&self) -> bool {
        self.enabled || !self.guards.is_empty() || self.overrides.iter().any(|other| other.enabled == Some(true))
    }

    fn judged(&self) -> Vec<JudgedFrom> {
        let untested = HumanDuration::from_secs(Start::Harmless.untested_s() as u64);
        vec![
            JudgedFrom::after(Judged::LoopsOfFailures, HumanDuration::from_secs(0)),
            JudgedFrom::after(Judged::HarmlessLoops, untested),
        ]
    }

    fn check(&self, table: &str, require: &mut Require<'_>) {
        for (i, other) in self.overrides.iter().enumerate() {
            let LoopOverride { module, host, thread, enabled, min_repeats, threshold } = other;
            check_override(
                &format!("{table}.override.{i}"),
                i,
                (
                    module.is_some() || host.is_some() || thread.is_some(),
                    "add at least one of module, host, thread, such as module = \"batch.*\"",
                ),
                (
                    enabled.is_some() || min_repeats.is_some() || threshold.is_some(),
                    "add at least one of enabled, min_repeats, threshold",
                ),
                require,
            );
        }
        let most = Overrides::<Limit>::MOST;
        for (i, guard) in self.guards.iter().enumerate() {
            let place = format!("{table}.guard.{i}");
            require(i < most, &place, format!("more than {most} guards"), "use patterns that match more");
            require(
                guard.module.is_some() || guard.host.is_some() || guard.thread.is_some(),
                &place,
                "a guard that says for whom by no pattern".to_owned(),
                "add at least one of module, host, thread; module = \"*\" is every module",
            );
        }
    }
}
