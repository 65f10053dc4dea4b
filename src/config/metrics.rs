//! `[metrics]`: where the filter says how it fares.

use super::address::parse_address;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[metrics]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// `127.0.0.1:9464`; `:9464` is loopback. Nothing is served without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A file with the token that allows to make silences at `/api/silences`; nobody may without
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub token_file: Option<PathBuf>,
    /// A variable with that token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
}

impl Metrics {
    /// Checks what is no range of a setting.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        if let Some(Err(error)) = self.address.as_deref().map(parse_address) {
            require(false, "address", error.to_string(), &error.hint());
        }
        require(
            self.token_file.is_none() || self.token_env.is_none(),
            "metrics.token_file",
            "metrics has both token_file and token_env".to_owned(),
            "the token is in one place; remove the other",
        );
        super::alert::require_variable("metrics.token_env", self.token_env.as_deref(), require);
    }
}
