//! What can be set of the loop detector.

use crate::engine::overrides::KeyPattern;

/// What can be set of the loop detector.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopOptions {
    /// Off means that it watches nothing but its guards.
    pub enabled: bool,
    /// Least lines of a run before it is tested.
    pub min_repeats: u32,
    /// False-alarm probability of one test.
    pub threshold: f64,
    /// Seconds: at INFO and below, what rests this long or longer in each round is taken for a
    /// timer, not a fault.
    pub timer_period_s: f64,
    /// Most actors, modules and guarded lines held, each.
    pub keys: usize,
    /// Other settings for the actors whose module, host and thread match; the first match wins.
    pub overrides: Vec<(KeyPattern, LoopSettings)>,
    /// Absolute limits for the actors whose module, host and thread match; the first match wins.
    pub guards: Vec<(KeyPattern, Limit)>,
}

/// What can be another for one actor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoopSettings {
    /// As in [`LoopOptions`].
    pub enabled: bool,
    /// As in [`LoopOptions`].
    pub min_repeats: u32,
    /// As in [`LoopOptions`].
    pub threshold: f64,
}

/// At most so many times the same line in so long a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// One more is a finding.
    pub max_repeats: u32,
    /// The length of the window, in seconds.
    pub within_s: f64,
    /// Lines of each host count on their own.
    pub by_host: bool,
    /// Lines of each thread count on their own.
    pub by_thread: bool,
}

impl LoopOptions {
    /// What actors have that no override matches.
    #[must_use]
    pub fn settings(&self) -> LoopSettings {
        LoopSettings { enabled: self.enabled, min_repeats: self.min_repeats, threshold: self.threshold }
    }

    /// True when there is any actor that it could watch.
    #[must_use]
    pub fn watches(&self) -> bool {
        self.enabled || !self.guards.is_empty() || self.overrides.iter().any(|(_, settings)| settings.enabled)
    }
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            min_repeats: 8,
            threshold: 1e-10,
            timer_period_s: 0.5,
            keys: 100_000,
            overrides: Vec::new(),
            guards: Vec::new(),
        }
    }
}
