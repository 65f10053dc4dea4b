//! Everything that an engine can be told.

use super::detector::DetectorOptions;
use super::incident::{Incidents, Policy};
use super::rules::{Budget, Meter};
use super::template::TemplateOptions;
use std::sync::Arc;

/// Everything that an engine can be told.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Seconds that an event may be behind the highest time and still count.
    pub allowed_lateness_s: f64,
    /// Most keys of each table.
    pub keys: usize,
    /// Most incidents of one detector, kind and rule that are open at a time; all further ones are
    /// told as one.
    pub open_incidents: usize,
    /// About how many bytes all tables may take together.
    pub table_bytes: usize,
    /// How soon somebody should look.
    pub policy: Policy,
    /// The detectors.
    pub detector: DetectorOptions,
    /// Whether detectors tell what was close to an incident and none.
    pub near_misses: bool,
    /// The template miner.
    pub template: TemplateOptions,
    /// What a rule may use.
    pub budget: Budget,
    /// The wall clock that stops a rule in an emergency; without one only operations are counted.
    pub meter: Option<Arc<dyn Meter>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            allowed_lateness_s: 10.0,
            keys: 100_000,
            open_incidents: Incidents::OPEN,
            table_bytes: 80 << 20,
            policy: Policy::default(),
            detector: DetectorOptions::default(),
            near_misses: false,
            template: TemplateOptions::default(),
            budget: Budget::default(),
            meter: None,
        }
    }
}
