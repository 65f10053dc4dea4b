//! What comes of a call that shows something: an incident, a part of one, or nothing.

use super::Latency;
use super::episodes::{OnsetKind, Placement};
use super::evaluate::Found;
use super::incident;
use super::operation::Operation;
use super::traces::Hop;
use crate::engine::detector::Report;
use crate::engine::finding::{Evidence, StoppedEvidence};
use crate::engine::incident::{IncidentId, Incidents};
use crate::event::Timestamp;

/// Seconds after an incident was opened in which calls inside of its calls are part of it.
const LATELY_S: f64 = 60.0;

impl Latency {
    /// Says of an open incident after which service nothing came.
    #[cold]
    pub(super) fn tell_stopped(&mut self, key: u64, now: Timestamp, report: &mut Report<'_>) {
        let Some(operation) = self.operations.get(key) else { return };
        let own = operation.going.as_ref().filter(|going| !going.joined).and_then(|going| going.id);
        if let (Some(id), Some(stopped)) = (own, self.stopped(operation)) {
            report.incidents.amend(id, now, report.findings, |known| {
                if let Evidence::Latency(evidence) = &mut known.evidence {
                    evidence.stopped = Some(stopped);
                }
            });
        }
        if let Some(operation) = self.operations.get_mut(key) {
            operation.last_hops.told = true;
        }
    }

    /// The incident that was opened lately of a call that this one lies inside of, where lines of
    /// outer calls come first.
    fn outer(&self, hop: Option<(u64, Hop)>, now: Timestamp, incidents: &Incidents) -> Option<IncidentId> {
        let (trace, hop) = hop?;
        self.traces.outside(trace, &hop).find_map(|key| {
            let going = self.operations.get(key)?.going.as_ref()?;
            let lately = !going.down && now.seconds_since(going.opened) <= LATELY_S;
            going.id.filter(|id| lately && incidents.is_open(*id))
        })
    }

    /// After which service nothing came in the slow calls of an operation. A service is known by
    /// the durations that it usually logs.
    fn stopped(&self, operation: &Operation) -> Option<StoppedEvidence> {
        let stopped = operation.last_hops.stopped()?;
        let there = self.operations.values().find(|other| stopped.after(other.module_hash))?;
        Some(StoppedEvidence { after: there.module_name().to_owned(), count: stopped.count, of: stopped.of })
    }

    /// Opens what was found, joins it to the incident that it is part of, or holds it.
    #[cold]
    pub(super) fn open(&mut self, found: Found, hop: Option<(u64, Hop)>, now: Timestamp, report: &mut Report<'_>) {
        let Found { mut opening, onset } = found;
        let outer = if onset.kind == OnsetKind::Faster { None } else { self.outer(hop, now, report.incidents) };
        let placement = outer.map_or_else(|| self.episodes.place(&onset, now, report.incidents), Placement::Joins);
        let Some(operation) = self.operations.get(onset.key) else { return };
        let held = operation.going.is_some();
        if placement == Placement::Held && (held || onset.kind == OnsetKind::Outlier) {
            return;
        }
        let id = match placement {
            Placement::Own => {
                let name = |key: &u64| Some(self.operations.get(*key)?.name_of_hop(&operation.name));
                if let (Some((trace, hop)), Evidence::Latency(evidence)) = (hop, &mut opening.evidence) {
                    let usual = self.traces.as_usual(trace, &hop, f64::from(hop.grown));
                    evidence.as_usual = usual.iter().filter_map(name).collect();
                    evidence.stopped = self.stopped(operation);
                }
                Some(report.incidents.open(opening, now, report.findings))
            }
            Placement::Joins(id) => {
                report.incidents.amend(id, now, report.findings, |known| {
                    let name = outer.map(|_| operation.name_of_hop(known.key.value("operation").unwrap_or_default()));
                    incident::add(known, operation, opening.severity, name);
                });
                Some(id)
            }
            Placement::Held => None,
        };
        let Some(operation) = self.operations.get_mut(onset.key) else { return };
        operation.last_hops.told = operation.last_hops.stopped().is_some();
        operation.begin(id, matches!(placement, Placement::Joins(_)), onset.kind, onset.factor, now);
        self.episodes.begin(&onset, id, now, operation.silent_s(), report.incidents);
    }
}
