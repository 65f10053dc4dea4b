//! The id of an incident.

use super::Opening;
use crate::engine::finding::{Finding, hash_of_parts};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// The id of an incident, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub u64);

impl IncidentId {
    /// The id that a detector's finding has; none where it is no number.
    pub(in crate::engine) fn of(finding: &Finding) -> Option<Self> {
        u64::from_str_radix(&finding.id, 16).ok().map(Self)
    }
}

/// xxh3-64 over detector, kind, rule and key, each part ended by a zero byte, and the opening time.
pub(super) fn id_of(opening: &Opening, opened_at: Timestamp) -> IncidentId {
    let rule = opening.rule.as_deref().unwrap_or_default();
    let mut hash = hash_of_parts([opening.detector.name(), &opening.kind, rule].into_iter().chain(opening.key.parts()));
    hash.update(&opened_at.0.to_le_bytes());
    IncidentId(hash.digest())
}
