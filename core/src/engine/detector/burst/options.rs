//! What a user can set.

use crate::engine::overrides::KeyPattern;
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::event::Level;

/// What a user can set.
#[derive(Clone, Debug, PartialEq)]
pub struct BurstOptions {
    /// What modules have that no override matches.
    pub usual: BurstSettings,
    /// Lengths of the windows in seconds, ascending.
    pub windows_s: Vec<f64>,
    /// Seconds of stream before it judges.
    pub warm_up_s: f64,
    /// Most cells and modules held, each.
    pub keys: usize,
    /// False alarms that the whole filter may have.
    pub budget: AlarmBudget,
    /// Other settings for the modules that match; the first match wins.
    pub overrides: Vec<(KeyPattern, BurstSettings)>,
}

/// What can be another for one module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurstSettings {
    /// Off means that its errors are not counted.
    pub enabled: bool,
    /// False-alarm probability of one test, in place of what the budget gives.
    pub threshold: Option<f64>,
    /// Fewest errors of a burst.
    pub min_errors: u32,
    /// The least level of an error.
    pub level: Level,
}

impl BurstOptions {
    /// True when there is any module that it could watch.
    #[must_use]
    pub fn watches(&self) -> bool {
        self.usual.enabled || self.overrides.iter().any(|(_, settings)| settings.enabled)
    }
}

impl Default for BurstOptions {
    fn default() -> Self {
        Self {
            usual: BurstSettings { enabled: true, threshold: None, min_errors: 5, level: Level::Error },
            windows_s: vec![10.0, 60.0, 300.0],
            warm_up_s: 600.0,
            keys: 100_000,
            budget: AlarmBudget::default(),
            overrides: Vec::new(),
        }
    }
}
