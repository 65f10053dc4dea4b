//! Incidents of rules: one for each rule and key, resolved after a cooldown without a match.

use super::detector::Report;
use super::finding::{DetectorName, Evidence, RuleFinding, Severity};
use super::incident::{IncidentId, Opening};
use super::recent::Recent;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Open incidents of rules, by rule and key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RuleIncidents {
    open: BTreeMap<(String, Vec<(String, String)>), Watched>,
    cap: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    id: IncidentId,
    last: Timestamp,
    cooldown_s: f64,
}

impl RuleIncidents {
    /// None open; at most `cap`.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { open: BTreeMap::new(), cap: cap.max(1) }
    }

    /// A rule matched at `now`: its incident opens, or goes on, or ends at the rule's own word.
    pub fn take(&mut self, found: RuleFinding, recent: &Recent, now: Timestamp, report: &mut Report<'_>) {
        let place = (found.rule.clone(), found.key.0.clone());
        if found.resolved {
            if let Some(watched) = self.open.remove(&place) {
                report.incidents.resolve(watched.id, now, report.findings);
            }
            return;
        }
        if let Some(watched) = self.open.get_mut(&place)
            && report.incidents.is_open(watched.id)
        {
            watched.last = watched.last.max(now);
            report.incidents.join(watched.id, 1, found.level, now, report.findings, |evidence, summary, count| {
                evidence.observed = found.observed.unwrap_or(count as f64);
                evidence.samples = count;
                summary.clone_from(&found.summary);
            });
            return;
        }
        if self.open.len() >= self.cap {
            // As many open as there may be: the incidents' own cap has counted what was forgotten.
            self.open.retain(|_, watched| report.incidents.is_open(watched.id));
        }
        let cooldown_s = found.cooldown_s;
        let id = report.incidents.open(opening(found, recent), now, report.findings);
        self.open.insert(place, Watched { id, last: now, cooldown_s });
    }

    /// Resolves what has not matched for its cooldown.
    pub fn tick(&mut self, now: Timestamp, report: &mut Report<'_>) {
        self.open.retain(|_, watched| {
            let over = now.seconds_since(watched.last) > watched.cooldown_s;
            if over {
                report.incidents.resolve(watched.id, now, report.findings);
            }
            !over
        });
    }
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
