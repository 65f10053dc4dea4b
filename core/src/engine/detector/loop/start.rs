//! What is believed of a line before the stream has shown anything: how healthy programs begin.
//!
//! Each belief is a prior that exposure adds to, so that after a few minutes only what was seen
//! counts:
//!
//! - *How often one exact line comes.* At ERROR as if ten seconds without it had passed, at WARN as
//!   if three had: P(N ≥ k) of the Gamma–Poisson rate falls below 1e-10 only for lines that come
//!   more often than 23/10 and 23/3 a second for good. That is faster than a start that waits for
//!   something once or twice a second, and slower than what never rests. At INFO and below a line
//!   may come as often as it likes, and what began within the first minute of a stream is how a
//!   program begins: only what is new after it is tested.
//! - *Which share of the events it is.* At ERROR as if 50 other events had passed, at WARN 30: a
//!   line is tested as unusual from some 30 and 45 % of all events on.
//! - *How often lines go on with a run.* In the first 2,000 lines of sixteen logs (loghub) a fifth
//!   of the lines at ERROR do, half of those at WARN and up to two fifths at INFO, in lists that
//!   boots work off; 0.6, 0.8 and 0.95 are beyond them. [`WEIGHT`] lines of the stream weigh as
//!   much as this.

use crate::engine::detector::failure::by_status;
use crate::event::{Fields, Level};
use serde::{Deserialize, Serialize};

/// Lines that the belief about runs is worth.
pub(super) const WEIGHT: f64 = 20.0;

/// What is believed of a line at the beginning, by how bad the line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Start {
    /// INFO and below, with no failing status.
    #[default]
    Harmless,
    /// WARN.
    Warning,
    /// ERROR and worse, or with a failing status.
    Failure,
}

impl Start {
    /// What is believed of the line of this event.
    pub(super) fn of(fields: &Fields<'_>) -> Self {
        if fields.level() >= Some(Level::Error) || by_status(fields.status()) {
            Self::Failure
        } else if fields.level() == Some(Level::Warn) {
            Self::Warning
        } else {
            Self::Harmless
        }
    }

    /// Seconds of the stream in which lines begin that are never tested.
    pub(super) fn untested_s(self) -> f64 {
        if self == Self::Harmless { 60.0 } else { 0.0 }
    }

    /// Seconds without the line that are believed to have passed before the stream.
    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::Harmless => 0.0,
            Self::Warning => 3.0,
            Self::Failure => 10.0,
        }
    }

    /// Events of other lines that are believed to have passed.
    pub(super) fn events(self) -> f64 {
        match self {
            Self::Harmless => 0.0,
            Self::Warning => 30.0,
            Self::Failure => 50.0,
        }
    }

    /// The share of lines that go on with a run.
    pub(super) fn share(self) -> f64 {
        match self {
            Self::Harmless => 0.95,
            Self::Warning => 0.8,
            Self::Failure => 0.6,
        }
    }
}
