//! `[[detector.NAME.override]]`: other settings for the keys that match a pattern.

use super::Loop;
use crate::engine::detector::r#loop::LoopSettings;
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::event::Role;
use serde::{Deserialize, Serialize};

/// One `[[detector.loop.override]]`: patterns, in which `*` is any text and `?` any character, and
/// what is other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    #[schemars(range(min = 3, max = 10_000))]
    pub min_repeats: Option<u32>,
    /// False-alarm probability of one test of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 0.01))]
    pub threshold: Option<f64>,
}

impl LoopOverride {
    /// Whom it is for.
    #[must_use]
    pub fn pattern(&self) -> KeyPattern {
        KeyPattern::new([
            (Role::Module, self.module.as_deref()),
            (Role::Host, self.host.as_deref()),
            (Role::Thread, self.thread.as_deref()),
        ])
    }

    /// What they have in place of `usual`.
    #[must_use]
    pub fn settings(&self, usual: LoopSettings) -> LoopSettings {
        LoopSettings {
            enabled: self.enabled.unwrap_or(usual.enabled),
            min_repeats: self.min_repeats.unwrap_or(usual.min_repeats),
            threshold: self.threshold.unwrap_or(usual.threshold),
        }
    }

    /// Says what must hold of the override in place `i`.
    pub(super) fn require(&self, i: usize, usual: &Loop, require: &mut impl FnMut(bool, &str, String, &str)) {
        let place = format!("detector.loop.override.{i}");
        let says = self.module.is_some() || self.host.is_some() || self.thread.is_some();
        let changes = self.enabled.is_some() || self.min_repeats.is_some() || self.threshold.is_some();
        claim_override(
            &place,
            i,
            (says, "add at least one of module, host, thread, such as module = \"batch.*\""),
            (changes, "add at least one of enabled, min_repeats, threshold"),
            require,
        );
        let repeats = self.min_repeats.unwrap_or(usual.min_repeats);
        // What it takes over has been judged where it stands.
        if self.min_repeats.is_some() || self.threshold.is_some() {
            let threshold = self.threshold.unwrap_or(usual.threshold);
            claim_loop(&place, repeats, threshold, require);
        }
    }
}

/// What must hold of the override in place `i`, whatever its detector: it says for whom, and it
/// changes something. Each comes with a hint for where it does not.
pub(super) fn claim_override(
    place: &str,
    i: usize,
    (says, how): (bool, &str),
    (changes, what): (bool, &str),
    require: &mut impl FnMut(bool, &str, String, &str),
) {
    let most = Overrides::<()>::MOST;
    require(i < most, place, format!("more than {most} overrides"), "use patterns that match more");
    require(says, place, "an override that says for whom by no pattern".to_owned(), how);
    require(changes, place, "an override that changes nothing".to_owned(), what);
}

/// What must hold of settings of the loop detector, wherever they stand.
pub(super) fn claim_loop(
    place: &str,
    repeats: u32,
    threshold: f64,
    require: &mut impl FnMut(bool, &str, String, &str),
) {
    require(
        (3..=10_000).contains(&repeats),
        &format!("{place}.min_repeats"),
        format!("{place}.min_repeats is {repeats}"),
        "from 3 to 10000",
    );
    require(
        threshold > 0.0 && threshold <= 0.01,
        &format!("{place}.threshold"),
        format!("{place}.threshold is {threshold}"),
        "a false-alarm probability above 0 and at most 0.01, by default 1e-10",
    );
}
