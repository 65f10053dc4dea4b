//! `[state]`

use super::HumanDuration;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const INTERVAL: Setting<HumanDuration> =
    Setting::new(HumanDuration::from_secs(60), "at least 1s, by default 1m").from(HumanDuration::from_secs(1));

/// `[state]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The directory in which baselines, templates, open incidents and the state of rules are kept
    /// across restarts. Nothing is kept without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// How often it is written; it is written at the end, too.
    #[schemars(transform = INTERVAL.range())]
    pub interval: HumanDuration,
}

impl Default for State {
    fn default() -> Self {
        Self { path: None, interval: INTERVAL.default }
    }
}

impl State {
    /// Checks what is no range of a setting.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        require(
            self.path.as_ref().is_none_or(|path| !path.as_os_str().is_empty()),
            "state.path",
            "state.path is empty".into(),
            "name a directory, or leave it out to keep nothing",
        );
    }
}
