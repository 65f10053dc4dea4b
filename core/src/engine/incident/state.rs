//! Snapshots of open incidents.

use super::open_incidents::{Incident, OpenIncidents};
use super::storm::Storms;
use super::{IncidentId, Incidents};
use crate::engine::finding::DetectorName;
use serde::{Deserialize, Serialize};

/// The snapshot of all open incidents.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IncidentsSnapshot(Vec<(IncidentId, Incident)>);

impl IncidentsSnapshot {
    /// Removes the incidents of a detector that starts without state.
    pub fn forget(&mut self, detector: DetectorName) {
        self.0.retain(|(_, incident)| incident.opening.detector != detector);
    }
}

impl Incidents {
    /// Takes a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> IncidentsSnapshot {
        IncidentsSnapshot(self.open.iter().map(|(id, incident)| (id, incident.clone())).collect())
    }

    /// Restores a snapshot. If it has more incidents than may be open, those with the latest events
    /// are kept.
    pub fn restore(&mut self, kept: IncidentsSnapshot) {
        self.open = OpenIncidents::default();
        self.by_detector = Default::default();
        self.storms = Storms::new(self.storms.limit());
        for (id, incident) in kept.0 {
            self.insert(id, incident);
        }
    }
}
