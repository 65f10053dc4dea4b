//! Incidents of rules: one per rule and key, resolved after a cooldown without a match.
//!
//! A rule with `explains: true` knows the cause of what detectors count. Its finding adds cause and
//! remedy to the incident that a detector has open at the event's locality (module, host, thread,
//! operation, error code, template). Where none is open, the finding waits, because a detector may
//! be about to open one. If the rule still matches after a minute, it opens an incident of its own.
//!
//! Watched findings are stored by a hash of rule and key. When the table is full, the one that
//! would end first is forgotten. Memory: about 150 bytes each, capped in number and part of the
//! budget of all tables.

use super::deadlines::Deadlines;
use super::detector::{Report, TableUse};
use super::finding::{DetectorName, Evidence, Measured, RuleEvidence, RuleFinding, Severity, test, unit};
use super::incident::{IncidentId, Incidents, Opening};
use super::recent::Recent;
use super::state::Evict;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::Xxh3;

/// Seconds of event time that an explaining finding waits for a detector's incident.
const PATIENCE_S: f64 = 60.0;
/// Seconds between two searches for that incident.
const LOOK_S: f64 = 1.0;
/// Bytes per watched finding, including the free room that trees leave.
const WATCHED_BYTES: usize = 160;
/// Findings that eviction under memory pressure always leaves.
const KEPT: usize = 1_000;

/// Findings of rules and what became of them, by rule and key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "RuleIncidentsSnapshot", into = "RuleIncidentsSnapshot")]
pub struct RuleIncidents {
    found: BTreeMap<u64, Watched>,
    /// When each finding would end. Deadlines are lazy: one that has matched again gets a new
    /// deadline when the old one comes due.
    due: Deadlines,
    cap: usize,
    evictions: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    standing: Standing,
    last: Timestamp,
    cooldown_s: f64,
}

impl Watched {
    /// When it ends if it does not match again.
    fn deadline(&self) -> Timestamp {
        self.last.saturating_add_seconds(self.cooldown_s)
    }
}

/// What became of a rule's finding.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Standing {
    /// It is an incident of the rule.
    Own(IncidentId),
    /// It explains an incident of a detector.
    Explains(IncidentId),
    /// It has waited for such an incident `since`, and last searched for one at `looked`.
    Waits { since: Timestamp, looked: Timestamp },
}

/// The snapshot of [`RuleIncidents`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct RuleIncidentsSnapshot {
    #[serde(default)]
    watched: Vec<(u64, Watched)>,
    /// The format of earlier versions, with the full rule and key.
    #[serde(default)]
    found: BTreeMap<(String, Vec<(String, String)>), Watched>,
    cap: usize,
}

impl From<RuleIncidentsSnapshot> for RuleIncidents {
    fn from(kept: RuleIncidentsSnapshot) -> Self {
        let mut all = Self::new(kept.cap);
        let found = kept.found.into_iter().map(|((rule, key), watched)| (key_of(&rule, &key), watched));
        found.chain(kept.watched).for_each(|(key, watched)| all.insert(key, watched));
        all
    }
}

impl From<RuleIncidents> for RuleIncidentsSnapshot {
    fn from(all: RuleIncidents) -> Self {
        Self { watched: all.found.into_iter().collect(), found: BTreeMap::new(), cap: all.cap }
    }
}

impl RuleIncidents {
    /// An empty table for at most `cap` findings.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { found: BTreeMap::new(), due: Deadlines::default(), cap: cap.max(1), evictions: 0 }
    }

    /// Handles a match of a rule at `now`: opens its incident, continues it, resolves it at the
    /// rule's request, or attaches the finding to a detector's incident.
    pub fn take(&mut self, found: RuleFinding, recent: &Recent, now: Timestamp, report: &mut Report<'_>) {
        let key = key_of(&found.rule, &found.key.0);
        if found.resolved {
            if let Some(Watched { standing: Standing::Own(id), .. }) = self.remove(key) {
                report.incidents.resolve(id, now, report.findings);
            }
            return;
        }
        let mut looks_from = None;
        if let Some(watched) = self.found.get_mut(&key) {
            watched.last = watched.last.max(now);
            match watched.standing {
                Standing::Own(id) if report.incidents.is_open(id) => {
                    report.incidents.join_updated(id, 1, found.level, now, report.findings, |known, count| {
                        let measured = &mut known.measured;
                        measured.observed = found.observed.unwrap_or(count as f64);
                        (measured.samples, measured.window_s) = (count, found.window_s);
                        known.evidence = Evidence::Rule(RuleEvidence { said: found.summary });
                    });
                    return;
                }
                Standing::Explains(id) if report.incidents.is_open(id) => return,
                Standing::Waits { since, looked } => {
                    let waited = now.seconds_since(since);
                    if waited < PATIENCE_S && now.seconds_since(looked) < LOOK_S {
                        return;
                    }
                    looks_from = Some(since);
                }
                // The incident has ended, but the rule still matches: open another.
                Standing::Own(_) | Standing::Explains(_) => {}
            }
        }
        let cooldown_s = found.cooldown_s;
        let standing = standing(found, looks_from.unwrap_or(now), recent, now, report);
        self.remove(key);
        if let Standing::Own(id) = standing
            && !report.incidents.is_open(id)
        {
            // The finding was merged into a storm, and so will be the next match; nothing to watch.
            return;
        }
        if self.found.len() >= self.cap {
            self.forget_one(report.incidents);
        }
        self.insert(key, Watched { standing, last: now, cooldown_s });
    }

    /// Resolves incidents without a match during their cooldown.
    pub fn tick(&mut self, now: Timestamp, report: &mut Report<'_>) {
        let mut over = Vec::new();
        for key in self.due.take_due(now) {
            let Some(watched) = self.found.get(&key) else { continue };
            let deadline = watched.deadline();
            if deadline >= now {
                self.due.arm(key, deadline);
                continue;
            }
            if let Some(Watched { standing: Standing::Own(id), .. }) = self.remove(key) {
                over.push(id);
            }
        }
        // Sorted by rule and key, so that the order does not depend on the hashes.
        over.sort_by(|one, other| {
            let owner = |id: &IncidentId| report.incidents.owner(*id).map(|(rule, key)| (rule, &key.0));
            owner(one).cmp(&owner(other))
        });
        over.into_iter().for_each(|id| report.incidents.resolve(id, now, report.findings));
    }

    /// Counts watched incidents of rules.
    #[cfg(test)]
    pub(super) fn own(&self) -> usize {
        self.found.values().filter(|watched| matches!(watched.standing, Standing::Own(_))).count()
    }

    /// The size and evictions of the table.
    pub(super) fn table(&self) -> TableUse {
        TableUse { table: "rule_incidents", keys: self.found.len() as u64, evictions: self.evictions }
    }

    /// Restores a snapshot but keeps the current cap.
    pub(super) fn restore(&mut self, kept: Self) {
        *self = Self { cap: self.cap, ..kept };
    }

    /// Stops watching incidents that the incident table has forgotten.
    pub(super) fn forget_closed(&mut self, incidents: &Incidents) {
        let due = &mut self.due;
        self.found.retain(|key, watched| {
            let stays = match watched.standing {
                Standing::Own(id) | Standing::Explains(id) => incidents.is_open(id),
                Standing::Waits { .. } => true,
            };
            if !stays {
                due.disarm(*key);
            }
            stays
        });
    }

    fn insert(&mut self, key: u64, watched: Watched) {
        self.due.arm(key, watched.deadline());
        self.found.insert(key, watched);
    }

    fn remove(&mut self, key: u64) -> Option<Watched> {
        self.due.disarm(key);
        self.found.remove(&key)
    }

    /// Makes room for one more: stops watching the finding that would end first and forgets its
    /// incident.
    fn forget_one(&mut self, incidents: &mut Incidents) {
        while let Some((due, key)) = self.due.take_first() {
            let Some(watched) = self.found.get(&key) else { continue };
            let deadline = watched.deadline();
            if deadline > due {
                self.due.arm(key, deadline);
                continue;
            }
            self.evictions += 1;
            if let Some(Watched { standing: Standing::Own(id), .. }) = self.found.remove(&key) {
                incidents.forget(id);
            }
            return;
        }
    }
}

impl Evict for RuleIncidents {
    fn keys(&self) -> usize {
        self.found.len()
    }

    fn size_bytes(&mut self) -> usize {
        self.found.len() * WATCHED_BYTES
    }

    /// Evicts findings without an incident of their own. Incidents of rules stay, because only this
    /// table resolves them; they are evicted by the incident table, where they weigh more.
    fn shrink(&mut self) -> bool {
        let count = self.found.len();
        let more = count.saturating_sub(KEPT.min(self.cap)).min(count.div_ceil(8));
        let is_own = |key: &u64| matches!(self.found.get(key), Some(Watched { standing: Standing::Own(_), .. }));
        let gone: Vec<u64> = self.due.soonest_first().filter(|key| !is_own(key)).take(more).collect();
        for key in &gone {
            self.remove(*key);
        }
        self.evictions += gone.len() as u64;
        !gone.is_empty()
    }
}

/// A hash of a rule and a key.
fn key_of(rule: &str, key: &[(String, String)]) -> u64 {
    let mut hash = Xxh3::new();
    for part in std::iter::once(rule).chain(key.iter().flat_map(|(name, value)| [name.as_str(), value])) {
        hash.update(&part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.digest()
}

/// Decides what becomes of a finding that has waited `since`.
fn standing(
    found: RuleFinding,
    since: Timestamp,
    recent: &Recent,
    now: Timestamp,
    report: &mut Report<'_>,
) -> Standing {
    if let Some(place) = &found.place {
        if let Some(id) = report.incidents.open_at(place) {
            report.incidents.explain(id, &found, now, report.findings);
            return Standing::Explains(id);
        }
        if now.seconds_since(since) < PATIENCE_S {
            return Standing::Waits { since, looked: now };
        }
    }
    let context = if report.incidents.is_storm_of(&found.rule) { 0 } else { found.context };
    Standing::Own(report.incidents.open(opening(found, recent.last(context)), now, report.findings))
}

fn opening(found: RuleFinding, context: Vec<String>) -> Opening {
    let score = match found.severity {
        Severity::Info => 0.5,
        Severity::Warning => 0.75,
        Severity::Critical => 0.95,
    };
    Opening {
        detector: DetectorName::Rule,
        kind: found.rule.clone(),
        severity: found.severity,
        key: found.key,
        count: 1,
        score,
        measured: Measured {
            observed: found.observed.unwrap_or(1.0),
            unit: unit::EVENTS.into(),
            test: test::RULE.into(),
            samples: 1,
            window_s: found.window_s,
            ..Measured::default()
        },
        evidence: Evidence::Rule(RuleEvidence { said: found.summary }),
        worst: found.level,
        cause: found.cause,
        remedy: found.remedy,
        context,
        rule: Some(found.rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::{Finding, Key, State};
    use crate::engine::incident::{Incidents, Policy};

    fn key(parts: &[(&str, &str)]) -> Key {
        Key(parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn full_disk(place: &Key) -> RuleFinding {
        RuleFinding {
            rule: "disk_full".into(),
            key: key(&[("host", "h1")]),
            severity: Severity::Critical,
            summary: "h1: the disk is full".into(),
            cause: Some("no space is left".into()),
            remedy: None,
            cooldown_s: 300.0,
            context: 0,
            observed: Some(5.0),
            window_s: Some(60.0),
            level: None,
            resolved: false,
            place: Some(place.clone()),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    /// Runs a rule that matches at these seconds, while a detector opens an incident of `module` at
    /// `opens`, and returns the findings.
    fn said(matches: &[i64], module: &str, opens: i64) -> Vec<(i64, DetectorName, State, Option<String>)> {
        let mut incidents = Incidents::new(Policy::default(), 10);
        let (mut rules, recent) = (RuleIncidents::new(10), Recent::default());
        let place = key(&[("module", "store"), ("host", "h1")]);
        let mut said = Vec::new();
        for second in 0..1000 {
            let mut findings: Vec<Finding> = Vec::new();
            if second == opens {
                let own = key(&[("module", module), ("unknown", "x")]);
                let opening =
                    Opening { detector: DetectorName::Burst, key: own, ..opening(full_disk(&place), Vec::new()) };
                let opening = Opening { cause: None, severity: Severity::Info, ..opening };
                incidents.open(opening, at(second), &mut findings);
            }
            let mut report = Report::new(&mut incidents, &mut findings);
            if matches.contains(&second) {
                rules.take(full_disk(&place), &recent, at(second), &mut report);
            }
            rules.tick(at(second), &mut report);
            said.extend(findings.into_iter().map(|found| (second, found.detector, found.state, found.cause)));
        }
        said
    }

    #[test]
    fn what_explains_joins_the_incident_at_its_place_or_waits() {
        use DetectorName::{Burst, Rule};
        use State::{Ongoing, Open, Resolved};
        let cause = || Some("no space is left".to_owned());
        let ended = |second| (second, Rule, Resolved, cause());
        let cases: [(&[i64], &str, i64, Vec<_>); 6] = [
            // The incident is already open; opens on the same event; opens a little later.
            (&[20, 21], "store", 10, vec![(10, Burst, Open, None), (20, Burst, Ongoing, cause())]),
            (&[10, 90], "store", 10, vec![(10, Burst, Open, cause())]),
            (&[5, 9, 12, 90], "store", 10, vec![(10, Burst, Open, None), (12, Burst, Ongoing, cause())]),
            // No detector opens one: the rule reports what lasts a minute, and nothing shorter.
            (&[5, 64, 65], "store", 2000, vec![(65, Rule, Open, cause()), ended(366)]),
            (&[5, 30, 64], "store", 2000, vec![]),
            // The open incident is of another module.
            (&[20, 80], "web", 10, vec![(10, Burst, Open, None), (80, Rule, Open, cause()), ended(381)]),
        ];
        for (matches, module, opens, expected) in cases {
            assert_eq!(said(matches, module, opens), expected, "{matches:?} {module} {opens}");
        }
    }

    /// Earlier versions stored rule and key in full.
    #[test]
    fn what_earlier_versions_kept_goes_on() {
        use crate::engine::snapshot::{pack, unpack};
        let mut incidents = Incidents::new(Policy::default(), 10);
        let (mut findings, recent) = (Vec::new(), Recent::default());
        let found = RuleFinding { place: None, ..full_disk(&key(&[])) };
        let id = incidents.open(opening(found.clone(), Vec::new()), at(1), &mut findings);
        let watched = Watched { standing: Standing::Own(id), last: at(1), cooldown_s: 300.0 };
        let earlier = BTreeMap::from([((found.rule.clone(), found.key.0.clone()), watched)]);
        let kept = RuleIncidentsSnapshot { found: earlier, cap: 10, ..RuleIncidentsSnapshot::default() };
        let mut rules = RuleIncidents::new(10);
        rules.restore(unpack(&pack(&kept)).unwrap());
        rules.restore(unpack(&pack(&rules)).unwrap());
        let mut report = Report::new(&mut incidents, &mut findings);
        rules.take(found, &recent, at(2), &mut report);
        rules.tick(at(302), &mut report);
        assert!(report.incidents.is_open(id));
        rules.tick(at(303), &mut report);
        let said: Vec<_> = findings.iter().map(|finding| (finding.state, finding.count)).collect();
        assert_eq!(said, [(State::Open, 1), (State::Ongoing, 2), (State::Resolved, 2)]);
        assert!(rules.found.is_empty() && rules.due.soonest_first().next().is_none());
    }

    #[test]
    fn of_too_many_the_one_that_would_end_first_is_forgotten_with_its_incident() {
        let mut incidents = Incidents::new(Policy::default(), 100);
        let (mut rules, mut findings, recent) = (RuleIncidents::new(3), Vec::new(), Recent::default());
        let of = |host: &str| RuleFinding { place: None, key: key(&[("host", host)]), ..full_disk(&key(&[])) };
        for (second, host) in [(1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "d")] {
            rules.take(of(host), &recent, at(second), &mut Report::new(&mut incidents, &mut findings));
        }
        assert_eq!((rules.keys(), rules.table().evictions, incidents.evictions()), (3, 1, 1));
        let mut open: Vec<_> = incidents.still_open().map(|finding| finding.key.0[0].1.clone()).collect();
        open.sort();
        assert_eq!(open, ["a", "c", "d"]);
        // Only waiting and explaining findings are evicted under memory pressure; a rule's own
        // stay.
        assert!(!rules.shrink());
    }

    #[test]
    fn a_key_is_at_a_place_that_shares_a_part_and_contradicts_none() {
        let place = key(&[("module", "store"), ("host", "h1")]);
        for (parts, is_there) in [
            (&[("module", "store")][..], true),
            (&[("module", "store"), ("thread", "7")], true),
            (&[("module", "store"), ("host", "h2")], false),
            (&[("thread", "7")], false),
            (&[], false),
        ] {
            assert_eq!(key(parts).is_at(&place), is_there, "{parts:?}");
        }
    }
}
