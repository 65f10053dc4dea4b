//! Plain counters of the engine's input and findings. They are not atomic: the metrics take the
//! differences once a batch.

use super::finding::{DetectorName, Finding, Severity, State};
use crate::event::{Fault, Level, ParsedEvent, Role, Shape};

/// Counts since the last [`super::Engine::take_tally`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events by level, in the order of [`Self::LEVELS`].
    pub events: [u64; 7],
    /// Events that lack a role, in the order of [`Self::UNREAD`].
    pub unread: [u64; Self::UNREAD.len()],
    /// Faults, in the order of [`Fault::ALL`].
    pub faults: [u64; Fault::ALL.len()],
    /// Opened incidents by detector and severity.
    pub opened: [[u64; Severity::ALL.len()]; DetectorName::ALL.len()],
    /// Opened situations by severity.
    pub situations: [u64; Severity::ALL.len()],
}

impl Tally {
    /// Names of the levels in the order of [`Self::events`]; the values of the metrics' label
    /// `level`.
    pub const LEVELS: [&'static str; 7] = [
        Level::Trace.name(),
        Level::Debug.name(),
        Level::Info.name(),
        Level::Warn.name(),
        Level::Error.name(),
        Level::Fatal.name(),
        "none",
    ];

    /// The roles whose absence is counted.
    pub const UNREAD: [Role; 4] = [Role::Timestamp, Role::Level, Role::Module, Role::Operation];

    /// The index of a level in [`Self::LEVELS`].
    #[inline]
    #[must_use]
    pub const fn level_index(level: Option<Level>) -> usize {
        match level {
            Some(level) => level as usize,
            None => Self::LEVELS.len() - 1,
        }
    }

    /// Counts an input event. Findings of a seismolog upstream are not counted as input.
    #[inline]
    pub fn event(&mut self, shape: Shape, level: Option<Level>) {
        if !matches!(shape, Shape::Own | Shape::Blank | Shape::Rest) {
            self.events[Self::level_index(level)] += 1;
        }
    }

    /// Counts the roles that an event lacks.
    #[inline]
    pub fn unread(&mut self, parsed: &ParsedEvent) {
        let lacks =
            [parsed.time.is_none(), parsed.level.is_none(), parsed.module_hash == 0, parsed.operation_hash == 0];
        for (count, lacks) in self.unread.iter_mut().zip(lacks) {
            *count += u64::from(lacks);
        }
    }

    /// Counts a fault.
    pub fn fault(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    /// Counts opened incidents.
    pub fn findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            if finding.state == State::Open {
                self.opened[finding.detector as usize][finding.severity as usize] += 1;
            }
        }
    }
}
