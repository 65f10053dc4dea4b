//! What can be set of the latency detector.

use crate::engine::overrides::KeyPattern;
use crate::event::Role;

/// What can be set of the latency detector.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyOptions {
    /// What operations have that no override matches.
    pub settings: LatencySettings,
    /// Most operations, hosts of operations, templates with durations, and begun pairs held, each.
    pub keys: usize,
    /// Other settings for the operations that match; the first match wins.
    pub overrides: Vec<(KeyPattern, LatencySettings)>,
    /// Events that belong together as start and end.
    pub pairs: Vec<PairOptions>,
}

impl Default for LatencyOptions {
    fn default() -> Self {
        Self { settings: LatencySettings::default(), keys: 100_000, overrides: Vec::new(), pairs: Vec::new() }
    }
}

impl LatencyOptions {
    /// True when there is any operation that it could watch.
    #[must_use]
    pub fn watches(&self) -> bool {
        self.settings.enabled || self.overrides.iter().any(|(_, settings)| settings.enabled)
    }
}

/// What can be another for one operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencySettings {
    /// Off means that its durations are measured for metrics and not judged.
    pub enabled: bool,
    /// Chance that one value of a faultless operation is called an outlier.
    pub outlier_threshold: f64,
    /// False-alarm probability of one test for a shift.
    pub shift_threshold: f64,
    /// Slower, or faster, by less than this factor is no shift.
    pub tolerance: f64,
    /// Seconds after which a shift is the normal level.
    pub new_normal_s: f64,
    /// These are for some hosts, whose durations are therefore learned apart from those of others.
    pub apart: bool,
}

impl Default for LatencySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            outlier_threshold: 1e-5,
            shift_threshold: 1e-9,
            tolerance: 1.25,
            new_normal_s: 7_200.0,
            apart: false,
        }
    }
}

/// Two kinds of events that begin and end one piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct PairOptions {
    /// What the work is called in findings and metrics.
    pub operation: String,
    /// Messages that begin it contain a text of this form, or are of this template.
    pub start: String,
    /// Messages that end it.
    pub end: String,
    /// What start and end have in common, and no other pair at that time.
    pub by: Vec<PairBy>,
    /// Seconds after which work that has not ended is a finding.
    pub timeout_s: f64,
}

/// What tells which start an end belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairBy {
    /// A role.
    Role(Role),
    /// A member of this name.
    Member(String),
}
