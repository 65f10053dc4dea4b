//! What a detector reports to open an incident.

use crate::engine::finding::{DetectorName, Evidence, Key, Measured, Severity, p_of, score_of};
use crate::event::Level;

/// What a detector knows of an incident, when it opens and while it continues.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The detector.
    pub detector: DetectorName,
    /// The kind of incident.
    pub kind: String,
    /// The rule's name, for rules.
    pub rule: Option<String>,
    /// The severity.
    pub severity: Severity,
    /// The key.
    pub key: Key,
    /// Events so far.
    pub count: u64,
    /// The score, 0 to 1.
    pub score: f64,
    /// What was measured.
    pub measured: Measured,
    /// The evidence of the detector.
    pub evidence: Evidence,
    /// The highest level involved.
    pub worst: Option<Level>,
    /// The cause.
    pub cause: Option<String>,
    /// The remedy.
    pub remedy: Option<String>,
    /// The last lines of the stream before the incident.
    pub context: Vec<String>,
}

impl Opening {
    /// Updates the measurements: the observed value, the window in seconds, the number of samples
    /// and the logarithm of the p-value, from which the score follows.
    pub fn update(&mut self, observed: f64, window_s: f64, samples: u64, ln_p: f64) {
        let measured = &mut self.measured;
        (measured.observed, measured.window_s, measured.samples) = (observed, Some(window_s), samples);
        (measured.p_value, self.score) = (Some(p_of(ln_p)), score_of(ln_p));
    }
}
