//! What detectors tell the detectors after them about an event, as data that the engine hands on.

use super::DetectorName;

/// What the detectors before this one tell about an event.
#[derive(Debug, Default)]
pub struct Prior {
    /// The detector that explains the event: it repeats in a loop, or is a failure of a value that
    /// has an incident. Later detectors do not count the event.
    pub suppressed_by: Option<DetectorName>,
    /// The event goes on with a run that may turn out to be a loop. It counts, but later detectors
    /// open nothing on it.
    pub postponed: bool,
    /// Failures of this event's module that sit on single values.
    pub localized: LocalizedFailures,
    /// A rule has told of this very event: that it is new is no news.
    pub told: bool,
}

impl Prior {
    /// Adds what the detector `by` tells.
    pub fn apply(&mut self, by: DetectorName, actions: Actions) {
        if actions.suppress {
            self.suppressed_by = self.suppressed_by.or(Some(by));
        }
        self.postponed |= actions.postpone;
        if let Some(localized) = actions.localized {
            self.localized = localized;
        }
    }
}

/// What one detector tells about an event to the detectors after it.
#[derive(Debug, Default)]
pub struct Actions {
    /// The detector explains the event.
    pub(super) suppress: bool,
    /// The event may be one of a loop.
    pub(super) postpone: bool,
    /// These failures sit on single values.
    pub(super) localized: Option<LocalizedFailures>,
}

impl Actions {
    /// True when the detector tells nothing.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.suppress && !self.postpone && self.localized.is_none()
    }
}

/// Failures that sit on single values of a dimension, and so say nothing about the module as a
/// whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalizedFailures {
    /// Slots of 5 s of the stream's running time, and failures in them.
    pub slots: Vec<(u32, u32)>,
    /// The share of the module's failures that these values would usually have.
    pub share: f64,
    /// True when an incident has opened on this event and owns these failures.
    pub opened: bool,
}

impl LocalizedFailures {
    /// Failures since slot `from`.
    #[must_use]
    pub fn since(&self, from: u32) -> u64 {
        self.slots.iter().filter(|(slot, _)| *slot >= from).map(|(_, count)| u64::from(*count)).sum()
    }
}
