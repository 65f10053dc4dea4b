//! `[state]`

use super::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// `[state]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The directory in which baselines, templates, open incidents and the state of rules are kept
    /// across restarts. Nothing is kept without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// How often it is written; it is written at the end, too.
    pub interval: Span,
}

impl Default for State {
    fn default() -> Self {
        Self { path: None, interval: Span(Duration::from_secs(60)) }
    }
}

impl State {
    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        require(
            self.path.as_ref().is_none_or(|path| !path.as_os_str().is_empty()),
            "state.path",
            "state.path is empty".into(),
            "name a directory, or leave it out to keep nothing",
        );
        require(
            self.interval.0 >= Duration::from_secs(1),
            "state.interval",
            format!("state.interval is {}", self.interval),
            "at least 1s, by default 1m",
        );
    }
}
