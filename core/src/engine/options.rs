//! The options of an engine.

use super::detector::DetectorOptions;
use super::incident::{Incidents, Policy};
use super::rules::{Budget, Meter};
use super::situation::SituationOptions;
use super::template::TemplateOptions;
use crate::narrate::Language;
use std::sync::Arc;

/// The options of an engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Seconds that an event may be behind the highest time seen without counting as late.
    pub allowed_lateness_s: f64,
    /// Most keys of each table.
    pub keys: usize,
    /// Most open incidents of one detector, kind and rule; further ones are reported as one storm.
    pub open_incidents: usize,
    /// Approximate memory budget of all tables together, in bytes.
    pub table_bytes: usize,
    /// The language of findings.
    pub language: Language,
    /// Response times by level.
    pub policy: Policy,
    /// Which incidents are told as one.
    pub situation: SituationOptions,
    /// The detectors.
    pub detector: DetectorOptions,
    /// Whether detectors report near misses.
    pub near_misses: bool,
    /// The template miner.
    pub template: TemplateOptions,
    /// The limits of one run of a rule.
    pub budget: Budget,
    /// The clock that stops a rule in an emergency and times detectors. Without it, only operations
    /// are limited.
    pub meter: Option<Arc<dyn Meter>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            allowed_lateness_s: 10.0,
            keys: 100_000,
            open_incidents: Incidents::OPEN,
            table_bytes: 80 << 20,
            language: Language::default(),
            policy: Policy::default(),
            situation: SituationOptions::default(),
            detector: DetectorOptions::default(),
            near_misses: false,
            template: TemplateOptions::default(),
            budget: Budget::default(),
            meter: None,
        }
    }
}
