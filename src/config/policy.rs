//! `[policy]`

use super::HumanDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[policy]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// `respond_within` when the worst level is FATAL.
    pub fatal: HumanDuration,
    /// When it is ERROR.
    pub error: HumanDuration,
    /// When it is WARN.
    pub warn: HumanDuration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fatal: HumanDuration(Duration::from_secs(300)),
            error: HumanDuration(Duration::from_secs(3_600)),
            warn: HumanDuration(Duration::from_secs(86_400)),
        }
    }
}
