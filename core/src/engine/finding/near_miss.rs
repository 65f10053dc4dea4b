//! What was nearly a finding.

use super::DetectorName;

/// What a detector looked at closely and did not call an incident, for whoever asks why it did not
/// fire.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    /// Whose.
    pub detector: DetectorName,
    /// What kind of incident it would have been.
    pub kind: &'static str,
    /// Where.
    pub key: String,
    /// ln of the chance of this without a fault.
    pub ln_p: f64,
    /// The chance that would have been small enough.
    pub threshold: f64,
    /// What was seen, or what stood against it.
    pub why: Reason,
}

/// Why something was no incident.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// `lines` lines came `repeats` times in `lasted_s` seconds.
    Repeats {
        /// Lines of one round.
        lines: usize,
        /// Rounds.
        repeats: u32,
        /// Seconds.
        lasted_s: f64,
    },
    /// So many errors came in a window.
    Errors {
        /// Errors.
        errors: u64,
        /// Seconds.
        window_s: f64,
        /// Errors that are usual in it.
        expected: f64,
    },
    /// So many of a module's failures sit on one value.
    Failures {
        /// The value's.
        failures: f64,
        /// The module's.
        of: f64,
        /// Seconds.
        window_s: f64,
        /// Failures that are usual of the value's share.
        expected: f64,
        /// Failures that are usual of its own rate, where it is that which stood against it.
        expected_by_rate: Option<f64>,
    },
    /// So many calls of an operation were slow.
    SlowCalls {
        /// The shift that shows in them.
        shift: super::ShiftEvidence,
        /// Medians now and usually, in milliseconds.
        medians_ms: [f64; 2],
    },
    /// The stream has had too few events meanwhile.
    FewEvents {
        /// Events of others that passed.
        events: f64,
        /// Events that would be too many.
        limit: f64,
    },
    /// A key spoke in time.
    Spoke {
        /// Its pause, in seconds and in events of the stream.
        pause: (f64, f64),
        /// What would be a silence.
        limits: (f64, f64),
    },
    /// A key has not spoken for long enough.
    NotEstablished,
    /// Others have come back from restarts, and a key has so many seconds for one.
    Restart(f64),
    /// A newcomer speaks in a key's place.
    Replaced,
    /// The detector's table of keys has had to forget some.
    ForgottenKeys,
    /// What is new is not rare enough here.
    NotRare,
    /// The detector has not learned for long enough.
    NotLearned,
    /// A table of what was seen has had to forget, so that a first sight means nothing.
    ForgottenSights,
    /// Too much is new: it joins what is open.
    TooMuchNew,
    /// A known template says the same but for a word.
    Variant,
}
