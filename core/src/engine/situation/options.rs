//! `[situation]`

use crate::human_duration::HumanDuration;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const REOPEN: Setting<HumanDuration> =
    Setting::new(HumanDuration::from_secs(3_600), "at most 24h, by default 1h").to(HumanDuration::from_secs(86_400));

/// `[situation]`: incidents with one cause are told as one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SituationOptions {
    /// Whether findings say to which situation they belong. If not, each incident is told for
    /// itself.
    pub enabled: bool,
    /// What comes back within this time after its end is the same situation.
    #[schemars(transform = REOPEN.range())]
    pub reopen: HumanDuration,
}

impl Default for SituationOptions {
    fn default() -> Self {
        Self { enabled: true, reopen: REOPEN.default }
    }
}
