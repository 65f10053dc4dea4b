//! The life of an incident under one id: open, ongoing (reported each time its count doubles),
//! resolved.
//!
//! Open incidents have three limits: their number, the memory budget of all tables, and a number
//! for each detector, kind and rule, above which further ones are reported as one storm
//! (`storm.rs`). Evicted incidents are counted and reported as resolved.

mod id;
mod open_incidents;
mod opening;
mod policy;
mod state;
mod storm;

use super::finding::{DetectorName, Finding, Key, RuleFinding, Severity, State};
use super::state::{Evict, TableUse};
use crate::event::{Level, Timestamp};
use crate::narrate::Language;
pub use id::IncidentId;
use id::id_of;
use open_incidents::{Incident, OpenIncidents};
pub use opening::Opening;
pub use policy::Policy;
pub use state::IncidentsSnapshot;
use storm::Storms;

/// All open incidents.
#[derive(Clone, Debug)]
pub struct Incidents {
    open: OpenIncidents,
    by_detector: [u64; DetectorName::ALL.len()],
    cap: usize,
    evictions: u64,
    /// Evicted incidents that are not yet reported as resolved.
    forgotten: Vec<(IncidentId, Incident)>,
    storms: Storms,
    policy: Policy,
    language: Language,
}

/// Incidents that [`Evict::shrink`] always leaves.
const KEPT: usize = 1_000;

impl Incidents {
    /// Default for the most open incidents of one detector, kind and rule.
    pub const OPEN: usize = 1_000;

    /// No open incidents. With more than `cap`, the one without events for longest is evicted.
    #[must_use]
    pub fn new(policy: Policy, cap: usize) -> Self {
        Self {
            open: OpenIncidents::default(),
            by_detector: [0; DetectorName::ALL.len()],
            cap: cap.max(1),
            evictions: 0,
            forgotten: Vec::new(),
            storms: Storms::new(Self::OPEN),
            policy,
            language: Language::default(),
        }
    }

    /// Sets the language of sentences.
    #[must_use]
    pub fn with_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Limits the open incidents of one detector, kind and rule to `limit`; further ones are
    /// reported as one storm.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { storms: Storms::new(limit), ..self }
    }

    /// Opens an incident at `now` and reports it in `findings`. Where too many of its kind are open
    /// it joins their storm instead; then no incident with the returned id is open.
    pub fn open(&mut self, mut opening: Opening, now: Timestamp, findings: &mut Vec<Finding>) -> IncidentId {
        let id = id_of(&opening, now);
        self.close(id);
        let group = storm::group_of(&opening);
        let context = std::mem::take(&mut opening.context);
        let incident = Incident::new(opening, now, self.language);
        if self.storms.takes(group) {
            self.fold(incident, group, now, findings);
        } else {
            findings.push(Finding { context, ..incident.finding(id, State::Open, now, &self.policy) });
            self.insert(id, incident);
        }
        id
    }

    /// True when the next incident of a rule would join a storm, so that no context need be
    /// collected.
    #[must_use]
    pub fn is_storm_of(&self, rule: &str) -> bool {
        self.storms.takes(storm::group(DetectorName::Rule as u8, rule, Some(rule)))
    }

    /// Adds an incident to the storm of its group, which has as many open incidents as allowed.
    fn fold(&mut self, joins: Incident, group: u64, now: Timestamp, findings: &mut Vec<Finding>) {
        self.storms.count();
        let known = self.storms.of(group).filter(|id| self.open.contains(*id));
        let (id, state) = known.map_or_else(
            || {
                let opening = storm::opening(joins.opening.clone(), self.storms.limit());
                let id = id_of(&opening, now);
                self.insert(id, Incident::of_storm(opening, now, self.language));
                (id, State::Open)
            },
            |id| (id, State::Ongoing),
        );
        let Some(incident) = self.open.get_mut(id) else { return };
        if let Some(storm) = &mut incident.storm {
            storm.join(&joins, &mut incident.opening);
        }
        if state == State::Ongoing && !incident.add(joins.opening.count.max(1), joins.opening.worst, now) {
            return;
        }
        incident.update_storm();
        findings.push(incident.finding(id, state, now, &self.policy));
        self.open.weigh(id);
    }

    /// Reports evicted incidents as resolved, and ends storms that no incident has joined for long.
    pub fn tick(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        // An incident with the same id may have opened again; it stays open.
        for (id, mut incident) in self.forgotten.drain(..).filter(|(id, _)| !self.open.contains(*id)) {
            incident.update_storm();
            incident.end(0.0);
            findings.push(incident.finding(id, State::Resolved, now, &self.policy));
        }
        let is_over = |id: &IncidentId| self.open.get(*id).is_some_and(|storm| storm::is_over(storm.last, now));
        let over: Vec<IncidentId> = self.storms.open().filter(is_over).collect();
        for id in over {
            if let Some(incident) = self.open.get_mut(id) {
                incident.update_storm();
            }
            self.resolve(id, now, findings);
        }
    }

    /// Adds `events` to an incident at `now`. Reports `ongoing` when the count has doubled since
    /// the last report, or when the incident has become more severe.
    pub fn join(
        &mut self,
        id: IncidentId,
        events: u64,
        level: Option<Level>,
        now: Timestamp,
        findings: &mut Vec<Finding>,
    ) {
        if let Some(incident) = self.open.get_mut(id)
            && incident.add(events, level, now)
        {
            findings.push(incident.finding(id, State::Ongoing, now, &self.policy));
        }
    }

    /// As [`join`](Self::join). Before a report, `update` sets the measurements and the evidence
    /// for the count so far; it is not called otherwise.
    pub fn join_updated(
        &mut self,
        id: IncidentId,
        events: u64,
        level: Option<Level>,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        update: impl FnOnce(&mut Opening, u64),
    ) {
        let Some(incident) = self.open.get_mut(id) else { return };
        if !incident.add(events, level, now) {
            return;
        }
        update(&mut incident.opening, incident.count);
        incident.tell();
        findings.push(incident.finding(id, State::Ongoing, now, &self.policy));
        self.open.weigh(id);
    }

    /// Changes what is known about an incident without adding an event, and reports that at once.
    pub fn amend(
        &mut self,
        id: IncidentId,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        amend: impl FnOnce(&mut Opening),
    ) {
        let Some(incident) = self.open.get_mut(id) else { return };
        amend(&mut incident.opening);
        incident.tell();
        findings.push(incident.finding(id, State::Ongoing, now, &self.policy));
        self.open.weigh(id);
    }

    /// The newest open incident at a locality, of the detectors whose incidents a rule can explain.
    /// Incidents of `silence` are not: they are about events that are missing.
    #[must_use]
    pub fn open_at(&self, place: &Key) -> Option<IncidentId> {
        self.open.at(place)
    }

    /// A rule adds cause and remedy to an incident. If a finding of the incident is still among
    /// `findings`, it is rewritten; otherwise an `ongoing` finding is added. The first rule that
    /// explains an incident wins.
    pub fn explain(&mut self, id: IncidentId, found: &RuleFinding, now: Timestamp, findings: &mut Vec<Finding>) {
        let Some(incident) = self.open.get_mut(id) else { return };
        if !incident.explain(found) {
            return;
        }
        incident.say();
        let id_text = format!("{:016x}", id.0);
        match findings.iter_mut().rev().find(|finding| finding.id == id_text && finding.state != State::Resolved) {
            Some(said) => {
                let context = std::mem::take(&mut said.context);
                *said = Finding { context, ..incident.finding(id, said.state, now, &self.policy) };
            }
            None => findings.push(incident.finding(id, State::Ongoing, now, &self.policy)),
        }
        self.open.weigh(id);
    }

    /// Raises the severity of an incident to at least `severity`; the next [`Self::join`] reports
    /// that, whatever the count.
    pub fn raise(&mut self, id: IncidentId, severity: Severity) {
        if let Some(incident) = self.open.get_mut(id) {
            incident.opening.severity = incident.opening.severity.max(severity);
        }
    }

    /// Resolves an incident and reports its total count and duration.
    pub fn resolve(&mut self, id: IncidentId, now: Timestamp, findings: &mut Vec<Finding>) {
        self.resolve_as_told(id, 0.0, now, findings);
    }

    /// As [`resolve`](Self::resolve), after `update` as in [`join_updated`](Self::join_updated).
    /// `lasted` is the duration in seconds by the incident's own events; it exceeds the duration in
    /// stream time where events came late. The longer of the two is reported.
    pub fn resolve_updated(
        &mut self,
        id: IncidentId,
        lasted: f64,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        update: impl FnOnce(&mut Opening, u64),
    ) {
        if let Some(incident) = self.open.get_mut(id) {
            update(&mut incident.opening, incident.count);
            incident.tell();
            self.open.weigh(id);
        }
        self.resolve_as_told(id, lasted, now, findings);
    }

    fn resolve_as_told(&mut self, id: IncidentId, lasted: f64, now: Timestamp, findings: &mut Vec<Finding>) {
        let Some(mut incident) = self.close(id) else { return };
        incident.end(lasted);
        findings.push(incident.finding(id, State::Resolved, now, &self.policy));
    }

    /// Evicts an incident for lack of room. This is counted, and the next tick reports the incident
    /// as resolved: otherwise neither the incident nor an alert for it would ever end.
    pub(super) fn forget(&mut self, id: IncidentId) {
        if let Some(incident) = self.close(id) {
            self.evictions += 1;
            self.forgotten.push((id, incident));
        }
    }

    /// Removes what an incident quotes of its events, because the one at hand is withheld.
    pub(super) fn drop_quotes(&mut self, id: IncidentId) {
        if let Some(incident) = self.open.get_mut(id) {
            incident.drop_quotes();
            self.open.weigh(id);
        }
    }

    /// The time of the last event of an open incident.
    #[must_use]
    pub fn last_event(&self, id: IncidentId) -> Option<Timestamp> {
        self.open.get(id).map(|incident| incident.last)
    }

    /// True while the incident is open.
    #[must_use]
    pub fn is_open(&self, id: IncidentId) -> bool {
        self.open.contains(id)
    }

    /// The rule and the key of an open incident.
    pub(super) fn owner(&self, id: IncidentId) -> Option<(&str, &Key)> {
        let opening = &self.open.get(id)?.opening;
        Some((&opening.kind, &opening.key))
    }

    /// Findings for all open incidents, as of their last event.
    pub fn still_open(&self) -> impl Iterator<Item = Finding> {
        self.open.iter().map(|(id, incident)| incident.finding(id, State::Ongoing, incident.last, &self.policy))
    }

    /// Open incidents of each detector, in the order of [`DetectorName::ALL`].
    #[must_use]
    pub fn open_by_detector(&self) -> [u64; DetectorName::ALL.len()] {
        self.by_detector
    }

    /// Incidents evicted because too many were open.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Sizes for metrics: open and evicted incidents; storms and the incidents that joined them.
    #[must_use]
    pub fn tables(&self) -> [TableUse; 2] {
        let storms = self.storms.open().count() as u64;
        [
            TableUse { table: "incidents", keys: self.open.len() as u64, evictions: self.evictions },
            TableUse { table: "storms", keys: storms, evictions: self.storms.folded() },
        ]
    }

    /// Stores an incident, evicting another if the table is full.
    fn insert(&mut self, id: IncidentId, incident: Incident) {
        if self.open.len() >= self.cap
            && let Some(quietest) = self.open.quietest()
        {
            self.forget(quietest);
        }
        self.by_detector[incident.opening.detector as usize] += 1;
        self.storms.opened(storm::group_of(&incident.opening), id, incident.storm.is_some());
        self.open.insert(id, incident);
    }

    /// Removes an incident.
    fn close(&mut self, id: IncidentId) -> Option<Incident> {
        let incident = self.open.remove(id)?;
        self.by_detector[incident.opening.detector as usize] -= 1;
        self.storms.closed(storm::group_of(&incident.opening), id);
        Some(incident)
    }
}

impl Evict for Incidents {
    fn keys(&self) -> usize {
        self.open.len()
    }

    fn size_bytes(&mut self) -> usize {
        self.open.bytes()
    }

    fn shrink(&mut self) -> bool {
        let count = self.open.len();
        let more = count.saturating_sub(KEPT.min(self.cap)).min(count.div_ceil(8));
        for _ in 0..more {
            if let Some(quietest) = self.open.quietest() {
                self.forget(quietest);
            }
        }
        more > 0
    }
}

#[cfg(test)]
mod tests;
