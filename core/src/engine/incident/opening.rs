//! What a detector says of an incident.

use crate::engine::finding::{DetectorName, Evidence, Key, Measured, Severity, p_of, score_of};
use crate::event::Level;

/// What a detector knows of an incident when it opens it, and when it goes on.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who found it.
    pub detector: DetectorName,
    /// What exactly.
    pub kind: String,
    /// The rule, for rules.
    pub rule: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// Whose incident.
    pub key: Key,
    /// Events it rests on so far.
    pub count: u64,
    /// 0 to 1.
    pub score: f64,
    /// What was measured.
    pub measured: Measured,
    /// What only this detector says.
    pub evidence: Evidence,
    /// The worst level involved.
    pub worst: Option<Level>,
    /// What causes it.
    pub cause: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
    /// Lines that led up to it.
    pub context: Vec<String>,
}

impl Opening {
    /// More has been observed: so much, in so many seconds, on so many samples, at this chance, by
    /// which the score goes.
    pub fn update(&mut self, observed: f64, window_s: f64, samples: u64, ln_p: f64) {
        let measured = &mut self.measured;
        (measured.observed, measured.window_s, measured.samples) = (observed, Some(window_s), samples);
        (measured.p_value, self.score) = (Some(p_of(ln_p)), score_of(ln_p));
    }
}
