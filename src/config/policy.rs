//! `[policy]`

use super::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[policy]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// `respond_within` when the worst level is FATAL.
    pub fatal: Span,
    /// When it is ERROR.
    pub error: Span,
    /// When it is WARN.
    pub warn: Span,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fatal: Span(Duration::from_secs(300)),
            error: Span(Duration::from_secs(3_600)),
            warn: Span(Duration::from_secs(86_400)),
        }
    }
}
