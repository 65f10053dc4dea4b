//! The id of an incident.

use super::Opening;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The id of an incident, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub u64);

/// xxh3-64 over detector, kind, rule and key, each part ended by a zero byte, and the opening time.
pub(super) fn id_of(opening: &Opening, opened_at: Timestamp) -> IncidentId {
    let mut hash = Xxh3::new();
    let rule = opening.rule.as_deref().unwrap_or_default();
    for part in [opening.detector.name(), &opening.kind, rule]
        .into_iter()
        .chain(opening.key.0.iter().flat_map(|(name, value)| [name.as_str(), value]))
    {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.update(&opened_at.0.to_le_bytes());
    IncidentId(hash.digest())
}
