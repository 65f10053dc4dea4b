//! Incidents of rules: one for each rule and key, resolved after a cooldown without a match.
//!
//! A rule that says `explains: true` knows what stands behind what detectors count. Its finding joins the incident that a
//! detector has open at the event's place (module, host, thread, operation, error code, template) and gives it cause and
//! remedy. Where none is open it waits, for a detector may be about to open one: what still matches after a minute
//! becomes an incident of the rule's own.

use super::detector::Report;
use super::finding::{DetectorName, Evidence, RuleFinding, Severity};
use super::incident::{IncidentId, Opening};
use super::recent::Recent;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a finding that explains waits for an incident to explain, in seconds of event time.
const PATIENCE_S: f64 = 60.0;
/// How often it looks for one, in seconds.
const LOOK_S: f64 = 1.0;

/// What rules have found and what has become of it, by rule and key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RuleIncidents {
    found: BTreeMap<(String, Vec<(String, String)>), Watched>,
    cap: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    standing: Standing,
    last: Timestamp,
    cooldown_s: f64,
}

/// What has become of a rule's finding.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Standing {
    /// It is an incident.
    Own(IncidentId),
    /// It explains an incident of a detector.
    Explains(IncidentId),
    /// It waits for one since a time, and looked at another.
    Waits { since: Timestamp, looked: Timestamp },
}

impl RuleIncidents {
    /// None found; at most `cap` are watched.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { found: BTreeMap::new(), cap: cap.max(1) }
    }

    /// A rule matched at `now`: its incident opens, or goes on, or ends at the rule's own word, or is a detector's.
    pub fn take(&mut self, found: RuleFinding, recent: &Recent, now: Timestamp, report: &mut Report<'_>) {
        let place = (found.rule.clone(), found.key.0.clone());
        let known = self.found.get_mut(&place);
        if found.resolved {
            if let Some(Watched { standing: Standing::Own(id), .. }) = self.found.remove(&place) {
                report.incidents.resolve(id, now, report.findings);
            }
            return;
        }
        let mut looks_from = None;
        if let Some(watched) = known {
            watched.last = watched.last.max(now);
            match watched.standing {
                Standing::Own(id) if report.incidents.is_open(id) => {
                    report.incidents.join(id, 1, found.level, now, report.findings, |evidence, summary, count| {
                        evidence.observed = found.observed.unwrap_or(count as f64);
                        evidence.samples = count;
                        summary.clone_from(&found.summary);
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
                // What it was about is over, and it matches on.
                Standing::Own(_) | Standing::Explains(_) => {}
            }
        }
        let cooldown_s = found.cooldown_s;
        let standing = standing(found, looks_from.unwrap_or(now), recent, now, report);
        if self.found.len() >= self.cap {
            // As many as there may be: the incidents' own cap has counted what was forgotten.
            self.found.retain(|_, watched| match watched.standing {
                Standing::Own(id) | Standing::Explains(id) => report.incidents.is_open(id),
                Standing::Waits { .. } => false,
            });
        }
        self.found.insert(place, Watched { standing, last: now, cooldown_s });
    }

    /// Resolves what has not matched for its cooldown.
    pub fn tick(&mut self, now: Timestamp, report: &mut Report<'_>) {
        self.found.retain(|_, watched| {
            let over = now.seconds_since(watched.last) > watched.cooldown_s;
            if over && let Standing::Own(id) = watched.standing {
                report.incidents.resolve(id, now, report.findings);
            }
            !over
        });
    }
}

/// What becomes of a finding that has waited `since`.
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
    Standing::Own(report.incidents.open(opening(found, recent), now, report.findings))
}

fn opening(found: RuleFinding, recent: &Recent) -> Opening {
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
        summary: found.summary,
        evidence: Evidence {
            observed: found.observed.unwrap_or(1.0),
            expected: 0.0,
            unit: "events".into(),
            test: "rule".into(),
            threshold: 0.0,
            p_value: None,
            samples: 1,
            window_s: found.window_s.unwrap_or(0.0),
            more: serde_json::Map::new(),
        },
        worst: found.level,
        cause: found.cause,
        remedy: found.remedy,
        context: recent.last(found.context),
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

    /// Rules that match at these seconds, while a detector opens an incident of `module` at `opens`; what is said.
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
                    Opening { detector: DetectorName::Burst, key: own, ..opening(full_disk(&place), &recent) };
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
            // It is open already; on this very event; a little later.
            (&[20, 21], "store", 10, vec![(10, Burst, Open, None), (20, Burst, Ongoing, cause())]),
            (&[10, 90], "store", 10, vec![(10, Burst, Open, cause())]),
            (&[5, 9, 12, 90], "store", 10, vec![(10, Burst, Open, None), (12, Burst, Ongoing, cause())]),
            // Nobody finds anything: what goes on for a minute is told, what does not is not.
            (&[5, 64, 65], "store", 2000, vec![(65, Rule, Open, cause()), ended(366)]),
            (&[5, 30, 64], "store", 2000, vec![]),
            // What is open is elsewhere.
            (&[20, 80], "web", 10, vec![(10, Burst, Open, None), (80, Rule, Open, cause()), ended(381)]),
        ];
        for (matches, module, opens, expected) in cases {
            assert_eq!(said(matches, module, opens), expected, "{matches:?} {module} {opens}");
        }
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
