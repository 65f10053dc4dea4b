//! How bad an event says it is.

use serde::{Deserialize, Serialize};

/// The six levels, in order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Level {
    /// Finest detail.
    Trace,
    /// Detail for developers.
    Debug,
    /// Normal operation; also notices.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// The process, or more, is lost; also critical, alert, emergency, panic, severe.
    Fatal,
}
#[allow(missing_docs)]
impl Level {
    pub fn from_text(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"INFO" => Self::Info,
            b"WARN" => Self::Warn,
            b"ERROR" => Self::Error,
            b"DEBUG" => Self::Debug,
            b"FATAL" => Self::Fatal,
            b"TRACE" => Self::Trace,
            _ => return None,
        })
    }
    pub fn name(self) -> &'static str {
        ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"][self as usize]
    }
    pub fn same_word(self, _: &[u8]) -> bool {
        true
    }
}
