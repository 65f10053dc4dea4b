//! Near misses: observations that almost became findings.

use super::DetectorName;

/// An observation that a detector tested and did not report, for users who ask why it did not fire.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    /// The detector.
    pub detector: DetectorName,
    /// The kind of incident that it would have been.
    pub kind: &'static str,
    /// The key.
    pub key: String,
    /// Natural logarithm of the probability without a fault.
    pub ln_p: f64,
    /// The probability below which it would have been an incident.
    pub threshold: f64,
    /// The values seen, or the reason against an incident.
    pub why: Reason,
}

/// Why no incident was opened.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// `lines` lines came `repeats` times in `lasted_s` seconds.
    Repeats {
        /// Lines per round.
        lines: usize,
        /// Rounds.
        repeats: u32,
        /// Seconds from the first line to the last.
        lasted_s: f64,
    },
    /// The number of errors in a window was not unusual enough.
    Errors {
        /// Errors.
        errors: u64,
        /// Length of the window, in seconds.
        window_s: f64,
        /// The usual number of errors in such a window.
        expected: f64,
    },
    /// The number of a module's failures on one value was not unusual enough.
    Failures {
        /// Failures on the value.
        failures: f64,
        /// Failures of the module.
        of: f64,
        /// Length of the window, in seconds.
        window_s: f64,
        /// Failures expected from the value's usual share.
        expected: f64,
        /// Failures expected from the value's own rate, where that was the reason.
        expected_by_rate: Option<f64>,
    },
    /// The number of slow calls of an operation was not unusual enough.
    SlowCalls {
        /// The tested shift.
        shift: super::ShiftEvidence,
        /// The median now and the usual median, in milliseconds.
        medians_ms: [f64; 2],
    },
    /// Too few events of other keys have passed.
    FewEvents {
        /// Events of other keys since the key's last event.
        events: f64,
        /// Events beyond which the key counts as silent.
        limit: f64,
    },
    /// A key had an event before it counted as silent.
    Spoke {
        /// Its pause, in seconds and in events of the stream.
        pause: (f64, f64),
        /// The limits of such a pause, in the same units.
        limits: (f64, f64),
    },
    /// A key has not been active for long enough.
    NotEstablished,
    /// Other keys came back after restarts; this one has this many seconds for a restart.
    Restart(f64),
    /// A new key has taken this key's place.
    Replaced,
    /// The detector's table of keys has evicted some.
    ForgottenKeys,
    /// New things are not rare enough here.
    NotRare,
    /// The detector has not learned for long enough.
    NotLearned,
    /// A table of known things has evicted some, so that a first occurrence proves little.
    ForgottenSights,
    /// Too many things are new; this one joins an open incident.
    TooMuchNew,
    /// A known template says the same but for a word.
    Variant,
}
