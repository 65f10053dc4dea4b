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
