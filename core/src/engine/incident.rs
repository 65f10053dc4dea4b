//! The life of an incident: open, ongoing at doubling counts, resolved; one id all along.

use super::finding::{self, DetectorName, Evidence, Finding, Key, RuleFinding, Severity, State};
use crate::event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    fn respond_within(&self, worst: Option<Level>) -> Option<String> {
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

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Incident {
    opening: Opening,
    opened_at: Timestamp,
    last: Timestamp,
    count: u64,
    /// The count at which it is said again.
    announce_at: u64,
    /// The worst severity that was said. None in states of versions that did not know.
    #[serde(default)]
    said: Option<Severity>,
}

impl Incident {
    /// True when it is worse than anybody was told.
    fn has_escalated(&self) -> bool {
        self.said.is_some_and(|said| self.opening.severity > said)
    }
}

/// All open incidents.
#[derive(Clone, Debug)]
pub struct Incidents {
    open: BTreeMap<IncidentId, Incident>,
    by_detector: [u64; DetectorName::ALL.len()],
    cap: usize,
    evictions: u64,
    policy: Policy,
}

impl Incidents {
    /// None open; at most `cap` at a time, beyond which the one that was quiet longest is forgotten.
    #[must_use]
    pub fn new(policy: Policy, cap: usize) -> Self {
        Self { open: BTreeMap::new(), by_detector: [0; DetectorName::ALL.len()], cap: cap.max(1), evictions: 0, policy }
    }

    /// Opens an incident at `now` and says so in `findings`.
    pub fn open(&mut self, mut opening: Opening, now: Timestamp, findings: &mut Vec<Finding>) -> IncidentId {
        let id = id_of(&opening, now);
        let Opening { key, summary, cause, remedy, .. } = &mut opening;
        finding::fit(key, summary, cause, remedy);
        if self.open.len() >= self.cap {
            self.forget_one();
        }
        self.by_detector[opening.detector as usize] += 1;
        let count = opening.count.max(1);
        let said = Some(opening.severity);
        let incident = Incident { opening, opened_at: now, last: now, count, announce_at: count * 2, said };
        findings.push(self.finding(id, &incident, State::Open, now));
        if let Some(old) = self.open.insert(id, incident) {
            self.by_detector[old.opening.detector as usize] -= 1;
        }
        id
    }

    /// Adds `events` to an incident at `now`; says `ongoing` when its count has doubled since it was last said, or when it
    /// has become worse.
    ///
    /// `update` brings the evidence and the summary up to date and runs only when something is said.
    pub fn join(
        &mut self,
        id: IncidentId,
        events: u64,
        level: Option<Level>,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        update: impl FnOnce(&mut Evidence, &mut String, u64),
    ) {
        let Some(incident) = self.open.get_mut(&id) else { return };
        incident.count += events;
        incident.last = incident.last.max(now);
        incident.opening.worst = incident.opening.worst.max(level);
        if incident.count >= incident.announce_at {
            incident.announce_at = incident.count.saturating_mul(2);
        } else if !incident.has_escalated() {
            return;
        }
        incident.said = Some(incident.opening.severity);
        let Opening { evidence, summary, key, cause, remedy, .. } = &mut incident.opening;
        update(evidence, summary, incident.count);
        finding::fit(key, summary, cause, remedy);
        let incident = incident.clone();
        findings.push(self.finding(id, &incident, State::Ongoing, now));
    }

    /// The incident that a detector of what happens has opened last at this place; one of silence is about what does not.
    #[must_use]
    pub fn open_at(&self, place: &Key) -> Option<IncidentId> {
        use DetectorName::{Burst, Latency, Loop, Novelty, Spread};
        let is_there = |incident: &Incident| {
            matches!(incident.opening.detector, Loop | Burst | Latency | Spread | Novelty)
                && incident.opening.key.is_at(place)
        };
        let there = self.open.iter().filter(|(_, incident)| is_there(incident));
        there.max_by_key(|(_, incident)| incident.opened_at).map(|(id, _)| *id)
    }

    /// A rule knows what an incident comes of, and what helps: said at once, on the finding that opens it if that is among
    /// `findings`. The first that knows is the one that is kept.
    pub fn explain(&mut self, id: IncidentId, found: &RuleFinding, now: Timestamp, findings: &mut Vec<Finding>) {
        let Some(incident) = self.open.get_mut(&id) else { return };
        let Opening { key, summary, evidence, severity, cause, remedy, .. } = &mut incident.opening;
        if cause.is_some() || remedy.is_some() {
            return;
        }
        (*cause, *remedy) = (found.cause.clone(), found.remedy.clone());
        *severity = (*severity).max(found.severity);
        incident.said = Some(*severity);
        evidence.more.insert("explained_by".into(), format!("{}: {}", found.rule, found.summary).into());
        finding::fit(key, summary, cause, remedy);
        let incident = incident.clone();
        let id_text = format!("{:016x}", id.0);
        match findings.iter_mut().rev().find(|finding| finding.id == id_text && finding.state != State::Resolved) {
            Some(said) => *said = self.finding(id, &incident, said.state, now),
            None => findings.push(self.finding(id, &incident, State::Ongoing, now)),
        }
    }

    /// An incident has turned out to be at least this severe; the next [`Self::join`] says so, whatever the count.
    pub fn raise(&mut self, id: IncidentId, severity: Severity) {
        if let Some(incident) = self.open.get_mut(&id) {
            incident.opening.severity = incident.opening.severity.max(severity);
        }
    }

    /// Ends an incident and says so, with its total count and how long it lasted.
    pub fn resolve(&mut self, id: IncidentId, now: Timestamp, findings: &mut Vec<Finding>) {
        self.resolve_updated(id, 0.0, now, findings, |_, _, _| {});
    }

    /// As [`resolve`](Self::resolve); `update` brings the evidence and the summary up to date, as in
    /// [`join`](Self::join). By its own events it `lasted` so many seconds since it opened, which is more than the stream's
    /// time tells where they came late.
    pub fn resolve_updated(
        &mut self,
        id: IncidentId,
        lasted: f64,
        now: Timestamp,
        findings: &mut Vec<Finding>,
        update: impl FnOnce(&mut Evidence, &mut String, u64),
    ) {
        let Some(mut incident) = self.open.remove(&id) else { return };
        update(&mut incident.opening.evidence, &mut incident.opening.summary, incident.count);
        // An end is no place to say for the first time how bad it was.
        incident.opening.severity = incident.said.unwrap_or(incident.opening.severity);
        self.by_detector[incident.opening.detector as usize] -= 1;
        let mut finding = self.finding(id, &incident, State::Resolved, now);
        let duration = incident.last.seconds_since(incident.opened_at).max(0.0).max(lasted);
        let events = counted(incident.count as f64, "event");
        finding.summary = format!("ended after {events} in {duration:.1} s: {}", finding.summary);
        finding.evidence.more.insert("duration_s".into(), round(duration, 3).into());
        findings.push(finding);
    }

    /// True while the incident is open.
    #[must_use]
    pub fn is_open(&self, id: IncidentId) -> bool {
        self.open.contains_key(&id)
    }

    /// Every open incident as it was when something was added to it last.
    pub fn still_open(&self) -> impl Iterator<Item = Finding> {
        self.open.iter().map(|(id, incident)| self.finding(*id, incident, State::Ongoing, incident.last))
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

    /// What to keep across a restart.
    #[must_use]
    pub fn snapshot(&self) -> IncidentsSnapshot {
        IncidentsSnapshot(self.open.iter().map(|(id, incident)| (*id, incident.clone())).collect())
    }

    /// Takes what was kept.
    pub fn restore(&mut self, kept: IncidentsSnapshot) {
        self.open = kept.0.into_iter().collect();
        self.by_detector = Default::default();
        for incident in self.open.values() {
            self.by_detector[incident.opening.detector as usize] += 1;
        }
    }

    fn forget_one(&mut self) {
        let quietest = self.open.iter().min_by_key(|(_, incident)| incident.last).map(|(id, _)| *id);
        if let Some(incident) = quietest.and_then(|id| self.open.remove(&id)) {
            self.by_detector[incident.opening.detector as usize] -= 1;
            self.evictions += 1;
        }
    }

    fn finding(&self, id: IncidentId, incident: &Incident, state: State, now: Timestamp) -> Finding {
        let opening = &incident.opening;
        Finding {
            id: format!("{:016x}", id.0),
            said_at: now,
            detector: opening.detector,
            kind: opening.kind.clone(),
            rule: opening.rule.clone(),
            state,
            severity: opening.severity,
            respond_within: self.policy.respond_within(opening.worst),
            key: opening.key.clone(),
            opened_at: incident.opened_at,
            count: incident.count,
            score: round(opening.score, 3),
            summary: opening.summary.clone(),
            evidence: opening.evidence.clone(),
            cause: opening.cause.clone(),
            remedy: opening.remedy.clone(),
            context: if state == State::Open { opening.context.clone() } else { Vec::new() },
        }
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
mod tests {
    use super::*;

    fn opening() -> Opening {
        Opening {
            detector: DetectorName::Loop,
            kind: "cycle".into(),
            rule: None,
            severity: Severity::Warning,
            key: Key(vec![("module".into(), "retry.c41".into()), ("thread".into(), "t-1".into())]),
            count: 8,
            score: 0.5,
            summary: "3 lines on retry.c41".into(),
            evidence: Evidence::default(),
            worst: Some(Level::Warn),
            cause: None,
            remedy: None,
            context: Vec::new(),
        }
    }

    #[test]
    fn an_incident_opens_once_doubles_and_resolves_under_one_id() {
        let mut incidents = Incidents::new(Policy::default(), 10);
        let mut findings = Vec::new();
        let id = incidents.open(opening(), Timestamp(1_000_000_000), &mut findings);
        for i in 0..100 {
            incidents.join(id, 1, Some(Level::Error), Timestamp(2_000_000_000 + i), &mut findings, |_, _, _| {});
        }
        incidents.resolve(id, Timestamp(9_000_000_000), &mut findings);
        incidents.resolve(id, Timestamp(9_000_000_000), &mut findings);
        let said: Vec<_> = findings.iter().map(|finding| (finding.state, finding.count)).collect();
        assert_eq!(
            said,
            [
                (State::Open, 8),
                (State::Ongoing, 16),
                (State::Ongoing, 32),
                (State::Ongoing, 64),
                (State::Resolved, 108)
            ]
        );
        assert!(findings.iter().all(|finding| finding.id == findings[0].id && finding.id.len() == 16));
        assert_eq!(findings[0].summary, "3 lines on retry.c41 (t-1)");
        assert_eq!(findings[0].respond_within.as_deref(), Some("24h"));
        assert_eq!(findings[4].respond_within.as_deref(), Some("1h"));
        assert_eq!(incidents.open_by_detector(), [0; 8]);
    }

    #[test]
    fn what_becomes_worse_is_said_at_once_and_no_end_is_worse_than_what_was_said() {
        let mut incidents = Incidents::new(Policy::default(), 10);
        let mut findings = Vec::new();
        let id = incidents.open(opening(), Timestamp(1_000_000_000), &mut findings);
        let join = |incidents: &mut Incidents, findings: &mut Vec<Finding>| {
            incidents.join(id, 1, None, Timestamp(2_000_000_000), findings, |_, _, _| {});
        };
        join(&mut incidents, &mut findings);
        incidents.raise(id, Severity::Critical);
        join(&mut incidents, &mut findings);
        incidents.raise(id, Severity::Warning);
        join(&mut incidents, &mut findings);
        incidents.resolve(id, Timestamp(9_000_000_000), &mut findings);
        let mild = incidents.open(opening(), Timestamp(10_000_000_000), &mut findings);
        incidents.raise(mild, Severity::Critical);
        incidents.resolve(mild, Timestamp(11_000_000_000), &mut findings);
        let said: Vec<_> = findings.iter().map(|finding| (finding.state, finding.severity, finding.count)).collect();
        assert_eq!(
            said,
            [
                (State::Open, Severity::Warning, 8),
                (State::Ongoing, Severity::Critical, 10),
                (State::Resolved, Severity::Critical, 11),
                (State::Open, Severity::Warning, 8),
                (State::Resolved, Severity::Warning, 8),
            ]
        );
    }

    #[test]
    fn too_many_open_incidents_forget_the_quietest() {
        let mut incidents = Incidents::new(Policy::default(), 2);
        let mut findings = Vec::new();
        let ids: Vec<_> = (0..3).map(|i| incidents.open(opening(), Timestamp(i), &mut findings)).collect();
        assert!(!incidents.is_open(ids[0]) && incidents.is_open(ids[2]));
        assert_eq!((incidents.evictions(), incidents.open_by_detector()[0]), (1, 2));
    }

    #[test]
    fn scores_and_p_values_stay_finite() {
        assert!((score_of(-10.0 * std::f64::consts::LN_10) - (1.0 - 1.0 / (1.0 + 10.0 / 6.0))).abs() < 1e-12);
        assert_eq!(score_of(0.0), 0.0);
        assert_eq!(score_of(f64::NAN), 0.0);
        assert_eq!(score_of(f64::NEG_INFINITY), 1.0);
        assert_eq!(p_of(f64::NEG_INFINITY), 1e-300);
        assert!((p_of((3.2e-11_f64).ln()) - 3.2e-11).abs() < 1e-20);
    }
}
