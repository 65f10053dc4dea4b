//! The life of an incident: open, ongoing at doubling counts, resolved; one id all along.
//!
//! Evict three times: in number, in the bytes that all tables share, and for each detector, kind
//! and rule in what is open at a time, beyond which further ones are told as one (`storm.rs`). What
//! is forgotten is counted.

mod open_incidents;
mod storm;

use super::finding::{self, DetectorName, Evidence, Finding, Key, RuleFinding, Severity, State};
use super::state::{Evict, TableUse};
use crate::event::{Level, Timestamp};
use open_incidents::{Incident, OpenIncidents};
use serde::{Deserialize, Serialize};
use storm::Storms;
use xxhash_rust::xxh3::Xxh3;

/// How soon somebody should look, by the worst level involved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For FATAL.
    pub fatal: String,
    /// For ERROR.
    pub error: String,
    /// For WARN.
    pub warn: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self { fatal: "5m".into(), error: "1h".into(), warn: "24h".into() }
    }
}

impl Policy {
    pub(super) fn respond_within(&self, worst: Option<Level>) -> Option<String> {
        match worst? {
            Level::Fatal => Some(self.fatal.clone()),
            Level::Error => Some(self.error.clone()),
            Level::Warn => Some(self.warn.clone()),
            _ => None,
        }
    }
}

/// Which incident; the number behind its `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub u64);

/// What a detector says when it opens an incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opening {
    /// Who found it.
    pub detector: DetectorName,
    /// What exactly.
    pub kind: String,
    /// The rule, for rules.
    pub rule: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// Whose incident.
    pub key: Key,
    /// Events it rests on so far.
    pub count: u64,
    /// 0 to 1.
    pub score: f64,
    /// One sentence.
    pub summary: String,
    /// Why.
    pub evidence: Evidence,
    /// The worst level involved.
    pub worst: Option<Level>,
    /// What causes it.
    pub cause: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
    /// Lines that led up to it.
    pub context: Vec<String>,
}

/// All open incidents.
#[derive(Clone, Debug)]
pub struct Incidents {
    open: OpenIncidents,
    by_detector: [u64; DetectorName::ALL.len()],
    cap: usize,
    evictions: u64,
    storms: Storms,
    policy: Policy,
}

/// Incidents that have to give keep so many.
const KEPT: usize = 1_000;

impl Incidents {
    /// So many incidents of one detector, kind and rule are open at a time unless a caller says
    /// otherwise.
    pub const OPEN: usize = 1_000;

    /// None open; at most `cap` at a time, beyond which the one that was quiet longest is
    /// forgotten.
    #[must_use]
    pub fn new(policy: Policy, cap: usize) -> Self {
        Self {
            open: OpenIncidents::default(),
            by_detector: [0; DetectorName::ALL.len()],
            cap: cap.max(1),
            evictions: 0,
            storms: Storms::new(Self::OPEN),
            policy,
        }
    }

    /// At most `limit` of one detector, kind and rule are open at a time; all further ones are told
    /// as one.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { storms: Storms::new(limit), ..self }
    }

    /// Opens an incident at `now` and says so in `findings`. Where too many of its kind are open,
    /// it joins their storm instead, and the id is that of no incident that is open.
    pub fn open(&mut self, mut opening: Opening, now: Timestamp, findings: &mut Vec<Finding>) -> IncidentId {
        let id = id_of(&opening, now);
        let Opening { key, summary, cause, remedy, .. } = &mut opening;
        finding::fit(key, summary, cause, remedy);
        self.close(id);
        let group = storm::group_of(&opening);
        if self.storms.takes(group) {
            self.fold(opening, group, now, findings);
        } else {
            let context = std::mem::take(&mut opening.context);
            let incident = Incident::new(opening, now);
            findings.push(Finding { context, ..incident.finding(id, State::Open, now, &self.policy) });
            self.insert(id, incident);
        }
        id
    }

    /// True when the next incident of a rule would join a storm, so that nothing need be gathered
    /// for it.
    #[must_use]
    pub fn is_storm_of(&self, rule: &str) -> bool {
        self.storms.takes(storm::group(DetectorName::Rule as u8, rule, Some(rule)))
    }

    /// One more incident of a group that has as many as may be open.
    fn fold(&mut self, opening: Opening, group: u64, now: Timestamp, findings: &mut Vec<Finding>) {
        self.storms.count();
        let known = self.storms.of(group).filter(|id| self.open.contains(*id));
        let (id, state) = known.map_or_else(
            || {
                let opening = storm::opening(opening.clone(), self.storms.limit());
                let id = id_of(&opening, now);
                self.insert(id, Incident::of_storm(opening, now));
                (id, State::Open)
            },
            |id| (id, State::Ongoing),
        );
        let Some(incident) = self.open.get_mut(id) else { return };
        if let Some(storm) = &mut incident.storm {
            storm.join(&opening, &mut incident.opening);
        }
        if state == State::Ongoing && !incident.add(opening.count.max(1), opening.worst, now) {
            return;
        }
        incident.tell_storm();
        findings.push(incident.finding(id, state, now, &self.policy));
        self.open.weigh(id);
    }

    /// Ends the storms that nothing has joined for long.
    pub fn tick(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        let is_over = |id: &IncidentId| self.open.get(*id).is_some_and(|storm| storm::is_over(storm.last, now));
        let over: Vec<IncidentId> = self.storms.open().filter(is_over).collect();
        for id in over {
            if let Some(incident) = self.open.get_mut(id) {
                incident.tell_storm();
            }
            self.resolve(id, now, findings);
        }
    }

    /// Adds `events` to an incident at `now`; says `ongoing` when its count has doubled since it
    /// was last said, or when it has become worse.
    ///
    /// `update` brings the evidence and the summary up to date and runs only when something is
    /// said.
    pub fn join(
        &mut self,
        id: IncidentId,
        events: u64,
        level: Option<Level>,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        update: impl FnOnce(&Key, &mut Evidence, &mut String, u64),
    ) {
        let Some(incident) = self.open.get_mut(id) else { return };
        if !incident.add(events, level, now) {
            return;
        }
        let Opening { evidence, summary, key, cause, remedy, .. } = &mut incident.opening;
        update(key, evidence, summary, incident.count);
        finding::fit(key, summary, cause, remedy);
        findings.push(incident.finding(id, State::Ongoing, now, &self.policy));
        self.open.weigh(id);
    }

    /// The incident that a detector of what happens has opened last at this place; one of silence
    /// is about what does not.
    #[must_use]
    pub fn open_at(&self, place: &Key) -> Option<IncidentId> {
        self.open.at(place)
    }

    /// A rule knows what an incident comes of, and what helps: said at once, on the finding that
    /// opens it if that is among `findings`. The first that knows is the one that is kept.
    pub fn explain(&mut self, id: IncidentId, found: &RuleFinding, now: Timestamp, findings: &mut Vec<Finding>) {
        let Some(incident) = self.open.get_mut(id) else { return };
        let Opening { key, summary, evidence, severity, cause, remedy, .. } = &mut incident.opening;
        if cause.is_some() || remedy.is_some() {
            return;
        }
        (*cause, *remedy) = (found.cause.clone(), found.remedy.clone());
        *severity = (*severity).max(found.severity);
        evidence.more.insert("explained_by".into(), explained_by(found).into());
        finding::fit(key, summary, cause, remedy);
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

    /// An incident has turned out to be at least this severe; the next [`Self::join`] says so,
    /// whatever the count.
    pub fn raise(&mut self, id: IncidentId, severity: Severity) {
        if let Some(incident) = self.open.get_mut(id) {
            incident.opening.severity = incident.opening.severity.max(severity);
        }
    }

    /// Ends an incident and says so, with its total count and how long it lasted.
    pub fn resolve(&mut self, id: IncidentId, now: Timestamp, findings: &mut Vec<Finding>) {
        self.resolve_updated(id, 0.0, now, findings, |_, _, _, _| {});
    }

    /// As [`resolve`](Self::resolve); `update` brings the evidence and the summary up to date, as
    /// in [`join`](Self::join). By its own events it `lasted` so many seconds since it opened,
    /// which is more than the stream's time tells where they came late.
    pub fn resolve_updated(
        &mut self,
        id: IncidentId,
        lasted: f64,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        update: impl FnOnce(&Key, &mut Evidence, &mut String, u64),
    ) {
        let Some(mut incident) = self.close(id) else { return };
        let Opening { key, evidence, summary, .. } = &mut incident.opening;
        update(key, evidence, summary, incident.count);
        incident.end();
        let mut finding = incident.finding(id, State::Resolved, now, &self.policy);
        let duration = incident.last.seconds_since(incident.opened_at).max(0.0).max(lasted);
        let events = counted(incident.count as f64, "event");
        finding.summary = format!("ended after {events} in {duration:.1} s: {}", finding.summary);
        finding.evidence.more.insert("duration_s".into(), round(duration, 3).into());
        findings.push(finding);
    }

    /// Forgets an incident without a word, because there is no room for it; that is counted.
    pub(super) fn forget(&mut self, id: IncidentId) {
        if self.close(id).is_some() {
            self.evictions += 1;
        }
    }

    /// True while the incident is open.
    #[must_use]
    pub fn is_open(&self, id: IncidentId) -> bool {
        self.open.contains(id)
    }

    /// Whose an open incident is: its rule and its key.
    pub(super) fn owner(&self, id: IncidentId) -> Option<(&str, &Key)> {
        let opening = &self.open.get(id)?.opening;
        Some((&opening.kind, &opening.key))
    }

    /// Every open incident as it was when something was added to it last.
    pub fn still_open(&self) -> impl Iterator<Item = Finding> {
        self.open.iter().map(|(id, incident)| incident.finding(id, State::Ongoing, incident.last, &self.policy))
    }

    /// Open incidents of each detector, in the order of [`DetectorName::ALL`].
    #[must_use]
    pub fn open_by_detector(&self) -> [u64; DetectorName::ALL.len()] {
        self.by_detector
    }

    /// Incidents that were forgotten because too many were open.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// How many are open and were forgotten; how many storms there are, and what joined them.
    #[must_use]
    pub fn tables(&self) -> [TableUse; 2] {
        let storms = self.storms.open().count() as u64;
        [
            TableUse { table: "incidents", keys: self.open.len() as u64, evictions: self.evictions },
            TableUse { table: "storms", keys: storms, evictions: self.storms.folded() },
        ]
    }

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
        for (id, mut incident) in kept.0 {
            // Earlier versions kept what led up to it.
            incident.opening.context = Vec::new();
            self.insert(id, incident);
        }
    }

    /// Takes an incident, for which another one may have to go.
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

    /// Takes out an incident.
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

/// Open incidents as kept across a restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IncidentsSnapshot(Vec<(IncidentId, Incident)>);

impl IncidentsSnapshot {
    /// Leaves out what a detector had open that knows nothing of it any more.
    pub fn forget(&mut self, detector: DetectorName) {
        self.0.retain(|(_, incident)| incident.opening.detector != detector);
    }
}

/// Which rule explains an incident, and how, cut to what a finding can carry.
fn explained_by(found: &RuleFinding) -> String {
    let mut text = format!("{}: {}", found.rule, found.summary);
    finding::cut(&mut text, finding::TEXT_BYTES);
    text
}

/// xxh3-64 over detector, kind, rule, key and opening time, each ended by a zero byte.
fn id_of(opening: &Opening, opened_at: Timestamp) -> IncidentId {
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

/// 1 − 1/(1 − log10 p / 6), from ln p.
#[must_use]
pub fn score_of(ln_p: f64) -> f64 {
    if ln_p.is_nan() || ln_p >= 0.0 {
        return 0.0;
    }
    1.0 - 1.0 / (1.0 - ln_p / std::f64::consts::LN_10 / 6.0)
}

/// p from ln p, never below the smallest that JSON readers can hold, to two digits.
#[must_use]
pub fn p_of(ln_p: f64) -> f64 {
    let log10 = (ln_p / std::f64::consts::LN_10).clamp(-300.0, 0.0);
    let exponent = log10.floor();
    format!("{:.1}e{exponent}", 10_f64.powf(log10 - exponent)).parse().unwrap_or(1e-300)
}

/// A count with its noun: `1 error`, `12 errors`.
#[must_use]
pub(super) fn counted(count: f64, noun: &str) -> String {
    let count = format!("{count:.0}");
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// `value` to `digits` behind the point.
#[must_use]
pub fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests;
