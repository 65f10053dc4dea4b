//! What a restart should know of open incidents.

use super::open_incidents::{Incident, OpenIncidents};
use super::storm::Storms;
use super::{IncidentId, Incidents};
use crate::engine::finding::DetectorName;
use serde::{Deserialize, Serialize};

/// Open incidents as kept across a restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IncidentsSnapshot(Vec<(IncidentId, Incident)>);

impl IncidentsSnapshot {
    /// Leaves out what a detector had open that knows nothing of it any more.
    pub fn forget(&mut self, detector: DetectorName) {
        self.0.retain(|(_, incident)| incident.opening.detector != detector);
    }
}

impl Incidents {
    /// What to keep across a restart.
    #[must_use]
    pub fn snapshot(&self) -> IncidentsSnapshot {
        IncidentsSnapshot(self.open.iter().map(|(id, incident)| (id, incident.clone())).collect())
    }

    /// Takes what was kept; of more than may be open, those that were joined last.
    pub fn restore(&mut self, kept: IncidentsSnapshot) {
        self.open = OpenIncidents::default();
        self.by_detector = Default::default();
        self.storms = Storms::new(self.storms.limit());
        for (id, incident) in kept.0 {
            self.insert(id, incident);
        }
    }
}
