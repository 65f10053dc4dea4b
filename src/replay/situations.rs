//! Situations in the report: incidents with one cause are one row, their incidents below it.

use super::document::{Incident, Rfc3339};
use crate::engine::finding::{InSituation, Severity, SituationCause, SituationRole, State};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A situation of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Situation {
    /// The id, as in the findings.
    pub id: String,
    /// What is wrong, in one line.
    pub title: String,
    /// The worst severity of its incidents.
    pub severity: Severity,
    /// When it began.
    pub opened_at: Rfc3339,
    /// Seconds from there to its last event; none if it had not ended.
    pub duration_s: Option<f64>,
    /// What probably causes it.
    pub cause: Option<SituationCause>,
    /// Modules, hosts and operations that it is about.
    pub places: Vec<String>,
    /// How many incidents it had.
    pub incidents: u64,
    /// The ids of those that are in the report, the cause first, then by time.
    pub ids: Vec<String>,
}

/// Groups incidents by situation, the worst first, then by time; incidents are sorted alike. An
/// incident without a situation has none here, and is sorted by itself.
pub(super) fn group(incidents: &mut [Incident]) -> Vec<Situation> {
    let mut situations: BTreeMap<String, Situation> = BTreeMap::new();
    for incident in incidents.iter() {
        if let Some(told) = &incident.finding.situation {
            let known = situations.entry(told.id.clone()).or_insert_with(|| situation(told));
            // What was told last knows most.
            if told.incidents > known.incidents || told.state == State::Resolved {
                (known.title, known.cause, known.places) =
                    (told.title.clone(), told.cause.clone(), told.places.clone());
                known.incidents = told.incidents;
            }
            known.severity = known.severity.max(told.severity);
            if told.state == State::Resolved {
                let end = incident.duration_s.map(|lasted| incident.finding.opened_at.saturating_add_seconds(lasted));
                known.duration_s = end.map(|end| end.seconds_since(told.opened_at).max(0.0));
            }
        }
    }
    let order = |incident: &Incident| {
        let finding = &incident.finding;
        let own = (Reverse(finding.severity), finding.opened_at, finding.id.clone());
        let known = finding.situation.as_ref().and_then(|told| situations.get(&told.id));
        let place = known.map_or(own, |known| (Reverse(known.severity), known.opened_at.0, known.id.clone()));
        let is_effect = finding.situation.as_ref().is_some_and(|told| told.role != SituationRole::Cause);
        (place, is_effect, finding.opened_at, finding.id.clone())
    };
    incidents.sort_by_cached_key(order);
    for incident in incidents.iter() {
        if let Some(told) = &incident.finding.situation
            && let Some(known) = situations.get_mut(&told.id)
        {
            known.ids.push(incident.finding.id.clone());
        }
    }
    let mut situations: Vec<Situation> = situations.into_values().collect();
    situations
        .sort_by(|a, b| (Reverse(a.severity), a.opened_at, &a.id).cmp(&(Reverse(b.severity), b.opened_at, &b.id)));
    situations
}

fn situation(told: &InSituation) -> Situation {
    Situation {
        id: told.id.clone(),
        title: told.title.clone(),
        severity: told.severity,
        opened_at: Rfc3339(told.opened_at),
        duration_s: None,
        cause: told.cause.clone(),
        places: told.places.clone(),
        incidents: told.incidents,
        ids: Vec::new(),
    }
}
