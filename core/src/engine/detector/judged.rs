//! What detectors judge, and how much of a stream passes before each of it is judged, as data.

use crate::human_duration::HumanDuration;
use serde::Serialize;

/// What a detector judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// Loops of lines at WARN and worse, or with a failing status.
    LoopsOfFailures,
    /// Loops of other lines.
    HarmlessLoops,
    /// Too many errors.
    Errors,
    /// Too many warnings.
    Warnings,
    /// Calls that became slower.
    SlowerCalls,
    /// Single slow calls.
    SlowCalls,
    /// Values that have most of the failures.
    BadValues,
    /// Keys that stop.
    Silences,
    /// FATALs.
    Fatals,
    /// Lines, exceptions and stacks never seen before.
    NewLines,
    /// Stalls of the input.
    Stalls,
    /// Clocks that are off.
    Clocks,
}

/// From when on something is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedFrom {
    /// What.
    pub what: Judged,
    /// How much of a stream passes before.
    pub after: HumanDuration,
    /// How many values of a key must have come.
    pub values: u32,
}

impl JudgedFrom {
    /// Judged after so much of a stream.
    #[must_use]
    pub const fn after(what: Judged, after: HumanDuration) -> Self {
        Self { what, after, values: 0 }
    }

    /// Judged of each key after so many values.
    #[must_use]
    pub const fn values(what: Judged, values: u32) -> Self {
        Self { what, after: HumanDuration::from_secs(0), values }
    }

    /// True where the beginning of a stream that was recorded is not judged.
    #[must_use]
    pub fn misses_the_start(&self) -> bool {
        // Only a live input can stall.
        self.after.seconds() > 0.0 && self.what != Judged::Stalls
    }
}
