//! Response times: how soon somebody should look at an incident.

use crate::event::Level;

/// Response times by the worst level of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For FATAL.
    pub fatal: String,
    /// For ERROR.
    pub error: String,
    /// For WARN.
    pub warn: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self { fatal: "5m".into(), error: "1h".into(), warn: "24h".into() }
    }
}

impl Policy {
    pub(in crate::engine) fn respond_within(&self, worst: Option<Level>) -> Option<String> {
        match worst? {
            Level::Fatal => Some(self.fatal.clone()),
            Level::Error => Some(self.error.clone()),
            Level::Warn => Some(self.warn.clone()),
            _ => None,
        }
    }
}
