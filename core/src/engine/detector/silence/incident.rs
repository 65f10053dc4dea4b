//! What is said of a silence.

use super::key::{Key, Pause};
use crate::engine::finding::{self, DetectorName, Evidence, Severity};
use crate::engine::incident::{Opening, p_of, round, score_of};
use crate::event::Timestamp;

/// The incident of `key`, silent for `pause` where `limits` would be possible.
pub(super) fn opening(member: &str, key: &Key, pause: Pause, limits: Pause, threshold: f64) -> Opening {
    let ln_p = key.ln_p(pause);
    let (longest, _) = key.longest_and_usual();
    let mut evidence = Evidence {
        observed: round(pause.seconds, 1),
        expected: round(longest, 1),
        unit: "s".into(),
        test: "tail of its own gaps, in seconds and in events of the others".into(),
        threshold,
        p_value: Some(p_of(ln_p)),
        samples: key.lines().into(),
        window_s: round(pause.seconds, 1),
        more: serde_json::Map::new(),
    };
    evidence.more.insert("last_seen".into(), Timestamp(key.last_time).to_string().into());
    evidence.more.insert("events_of_others".into(), pause.events.into());
    evidence.more.insert("limit_s".into(), round(limits.seconds, 1).into());
    evidence.more.insert("limit_events".into(), round(limits.events, 0).into());
    Opening {
        detector: DetectorName::Silence,
        kind: "key".into(),
        rule: None,
        severity: Severity::Warning,
        key: finding::Key(vec![(member.to_owned(), key.name.to_string())]),
        count: 1,
        score: score_of(ln_p),
        summary: said(member, &key.name, pause.seconds, longest, &[], 0),
        evidence,
        worst: None,
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// The sentence; `also` are those that stopped with it, and `unlisted` how many more.
pub(super) fn said(member: &str, name: &str, seconds: f64, longest: f64, also: &[String], unlisted: u32) -> String {
    let mut said = format!("{member} {name} has said nothing for {seconds:.0} s");
    if longest > 0.0 {
        said.push_str(&format!(", its longest pause before was {longest:.1} s"));
    }
    if !also.is_empty() {
        said.push_str(&format!("; with it stopped {}", also.join(", ")));
    }
    if unlisted > 0 {
        said.push_str(&format!(" and {unlisted} more"));
    }
    said
}
