//! `[[detector.loop.guard]]`: at most so many times the same line, for those that a pattern
//! matches.

use super::Span;
use crate::engine::detector::r#loop::Limit;
use crate::engine::overrides::{KeyPattern, Overrides};
use crate::event::Role;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One `[[detector.loop.guard]]`: patterns, in which `*` is any text and `?` any character, and
/// what they are allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_repeats: u32,
    /// The length of the window.
    pub within: Span,
}

impl Default for LoopGuard {
    fn default() -> Self {
        let within = Span(Duration::from_secs(60));
        Self { module: None, host: None, thread: None, max_repeats: 100, within }
    }
}

impl LoopGuard {
    /// Whom it is for.
    #[must_use]
    pub fn pattern(&self) -> KeyPattern {
        KeyPattern::new([
            (Role::Module, self.module.as_deref()),
            (Role::Host, self.host.as_deref()),
            (Role::Thread, self.thread.as_deref()),
        ])
    }

    /// What they are allowed.
    #[must_use]
    pub fn limit(&self) -> Limit {
        Limit {
            max_repeats: self.max_repeats,
            within_s: self.within.0.as_secs_f64(),
            by_host: self.host.is_some(),
            by_thread: self.thread.is_some(),
        }
    }

    /// Says what must hold of the guard in place `i`.
    pub(super) fn require(&self, i: usize, require: &mut impl FnMut(bool, &str, String, &str)) {
        let place = format!("detector.loop.guard.{i}");
        require(
            i < Overrides::<Limit>::MOST,
            &place,
            format!("more than {} guards", Overrides::<Limit>::MOST),
            "use patterns that match more",
        );
        require(
            self.module.is_some() || self.host.is_some() || self.thread.is_some(),
            &place,
            "a guard that says for whom by no pattern".to_owned(),
            "add at least one of module, host, thread; module = \"*\" is every module",
        );
        require(
            (1..=1_000_000_000).contains(&self.max_repeats),
            &format!("{place}.max_repeats"),
            format!("{place}.max_repeats is {}", self.max_repeats),
            "from 1 to 1000000000",
        );
        require(
            (1.0..=86_400.0).contains(&self.within.0.as_secs_f64()),
            &format!("{place}.within"),
            format!("{place}.within is {}", self.within),
            "from 1s to 24h",
        );
    }
}
