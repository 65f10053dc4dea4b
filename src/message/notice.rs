//! A notice: what people are told of a finding. It is small and owned, and can be stored in a file.

use crate::engine::finding::{Finding, InSituation, Key, Severity, SituationCause, State};
use crate::event::Timestamp;
use crate::narrate::{Language, ending, next_step, numbers};
use crate::plain::plain;
use crate::terminal::layout;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Most lines in a notice, and most characters of each.
const LINES: usize = 10;
const LINE_CHARACTERS: usize = 300;

/// The notice of a finding. Its members are the variables of payload templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The id of the situation, the same in all of its findings; of an incident that is of none,
    /// its own.
    pub id: String,
    /// The id of the incident.
    #[serde(default)]
    pub incident: String,
    /// How many incidents the situation has had.
    #[serde(default)]
    pub incidents: u64,
    /// The detector that made the finding.
    pub detector: String,
    /// The kind of finding, as the detector names it.
    pub kind: String,
    /// The name of the rule, if a rule made the finding.
    pub rule: Option<String>,
    /// Whether the situation opens, goes on or is resolved.
    pub state: State,
    /// The severity.
    pub severity: Severity,
    /// How soon somebody should look, as a duration.
    pub respond_within: Option<String>,
    /// The key of the incident.
    pub key: Key,
    /// When the incident began, in RFC 3339.
    pub opened_at: String,
    /// When the finding was made, in RFC 3339.
    pub said_at: String,
    /// When the incident began, in nanoseconds since the Unix epoch.
    pub opened_ns: i64,
    /// When the finding was made, in nanoseconds since the Unix epoch.
    pub said_ns: i64,
    /// Events of the incident so far.
    pub count: u64,
    /// The score, from 0 to 1.
    pub score: f64,
    /// The summary, in one sentence.
    pub summary: String,
    /// The language of the texts.
    #[serde(default)]
    pub language: Language,
    /// The numbers, in one line; empty where there are none.
    pub evidence: String,
    /// The recommended first step, if there is no remedy.
    #[serde(default)]
    pub next_step: Option<String>,
    /// The cause, if a rule gives one.
    pub cause: Option<String>,
    /// The remedy, if a rule gives one.
    pub remedy: Option<String>,
    /// Log lines that show the incident.
    pub lines: Vec<String>,
}

impl Notice {
    /// Makes the notice of a finding.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        let clip = |line: &String| layout::clip(line, LINE_CHARACTERS);
        let mut lines: Vec<String> = finding.evidence.examples().iter().take(LINES).map(clip).collect();
        if lines.is_empty() {
            let from = finding.context.len().saturating_sub(LINES);
            lines = finding.context[from..].iter().map(clip).collect();
        }
        let notice = Self {
            id: finding.id.clone(),
            incident: finding.id.clone(),
            incidents: 1,
            detector: finding.detector.name().to_owned(),
            kind: finding.kind.clone(),
            rule: finding.rule.clone(),
            state: finding.state,
            severity: finding.severity,
            respond_within: finding.respond_within.clone(),
            key: finding.key.clone(),
            opened_at: finding.opened_at.to_string(),
            said_at: finding.said_at.to_string(),
            opened_ns: finding.opened_at.0,
            said_ns: finding.said_at.0,
            count: finding.count,
            score: finding.score,
            summary: plain(&finding.summary.title()),
            language: finding.language,
            evidence: plain(&numbers(finding.language, finding)),
            next_step: next_step(finding.language, finding).filter(|_| finding.remedy.is_none()),
            cause: finding.cause.clone(),
            remedy: finding.remedy.clone(),
            lines,
        };
        match &finding.situation {
            Some(situation) => notice.of_situation(situation),
            None => notice,
        }
    }

    /// The notice of the situation that the finding belongs to: people are told of that, and not of
    /// each of its incidents.
    fn of_situation(self, situation: &InSituation) -> Self {
        let is_over = situation.state == State::Resolved;
        let lasted_s = self.said().seconds_since(situation.opened_at).max(0.0);
        let summary = match (situation.incidents, is_over) {
            (..=1, _) => self.summary,
            (_, false) => plain(&situation.title),
            (_, true) => format!("{}{}", ending(self.language, lasted_s), plain(&situation.title)),
        };
        let cause = situation.cause.as_ref().filter(|_| situation.incidents > 1);
        let places = cause.map(|SituationCause { module, host, operation, .. }| {
            let named = [("module", module), ("host", host), ("operation", operation)];
            named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
        });
        Self {
            id: situation.id.clone(),
            incidents: situation.incidents,
            state: situation.state,
            severity: situation.severity,
            key: places.map_or(self.key, Key),
            opened_at: situation.opened_at.to_string(),
            opened_ns: situation.opened_at.0,
            summary,
            ..self
        }
    }

    /// The notice by which a sink is tried: it says that it is a test.
    #[must_use]
    pub fn test(sink: &str, severity: Severity, now: Timestamp) -> Self {
        Self {
            id: format!("{:016x}", xxh3_64(&now.0.to_le_bytes())),
            incident: String::new(),
            incidents: 1,
            detector: "test".to_owned(),
            kind: "test".to_owned(),
            rule: None,
            state: State::Open,
            severity,
            respond_within: None,
            key: Key(vec![("sink".to_owned(), sink.to_owned())]),
            opened_at: now.to_string(),
            said_at: now.to_string(),
            opened_ns: now.0,
            said_ns: now.0,
            count: 1,
            score: 0.0,
            summary: format!("this is a test of the sink {sink}; nothing has happened"),
            language: Language::En,
            evidence: "sent by `seismolog alert test`".to_owned(),
            next_step: None,
            cause: None,
            remedy: None,
            lines: Vec::new(),
        }
    }

    /// What is told of it behind the summary, each with its name where it needs one: since when,
    /// cause and remedy, and what was measured.
    pub(super) fn facts(&self) -> Vec<(Option<&'static str>, String)> {
        let (words, is_over) = (self.language.words(), self.state == State::Resolved);
        let mut facts = vec![(Some(words.since_name), self.since())];
        if is_over {
            facts.push((Some(words.until_name), at(&self.said_at)));
        }
        let within = self.respond_within.as_ref().filter(|_| !is_over);
        let next_step = self.next_step.as_ref().filter(|_| !is_over);
        let named = [
            (words.respond_name, within),
            (words.cause, self.cause.as_ref()),
            (words.remedy, self.remedy.as_ref()),
            (words.next_step, next_step),
        ];
        facts.extend(named.into_iter().filter_map(|(name, text)| Some((Some(name), text?.clone()))));
        if !is_over && !self.evidence.is_empty() {
            facts.push((None, self.evidence.clone()));
        }
        facts
    }

    /// The approximate size in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts =
            [&self.id, &self.detector, &self.kind, &self.opened_at, &self.said_at, &self.summary, &self.evidence];
        let others =
            [&self.rule, &self.respond_within, &self.cause, &self.remedy, &self.next_step].into_iter().flatten();
        let key = self.key.0.iter().flat_map(|(name, value)| [name, value]);
        let all = texts.into_iter().chain(others).chain(key).chain(&self.lines);
        size_of::<Self>() + all.map(|text| size_of::<String>() + text.len()).sum::<usize>()
    }

    /// When the incident began, for people: `2026-03-02 08:41:12 UTC`.
    #[must_use]
    pub fn since(&self) -> String {
        at(&self.opened_at)
    }

    /// When the incident began.
    #[must_use]
    pub fn opened(&self) -> Timestamp {
        Timestamp(self.opened_ns)
    }

    /// When the finding was made.
    #[must_use]
    pub fn said(&self) -> Timestamp {
        Timestamp(self.said_ns)
    }

    /// Replaces this notice by a later one of the same incident. The lines are kept if the later
    /// one has none.
    pub fn replace_by(&mut self, later: Self) {
        let lines = std::mem::take(&mut self.lines);
        *self = later;
        if self.lines.is_empty() {
            self.lines = lines;
        }
    }
}

/// A time in RFC 3339 as people write it, to the second.
fn at(time: &str) -> String {
    match (time.get(..10), time.get(11..19)) {
        (Some(day), Some(second)) if time.ends_with('Z') => format!("{day} {second} UTC"),
        _ => time.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A notice of the incident `id` in this state.
    pub(crate) fn notice(id: u64, state: State, severity: Severity) -> Notice {
        let at = Timestamp::from_seconds(1_700_000_000 + id as i64);
        Notice {
            id: format!("{id:016x}"),
            incident: format!("{id:016x}"),
            incidents: 1,
            detector: "burst".into(),
            kind: "surge".into(),
            rule: None,
            state,
            severity,
            respond_within: Some("1h".into()),
            key: Key(vec![("module".into(), format!("shop.{id}"))]),
            opened_at: at.to_string(),
            said_at: at.to_string(),
            opened_ns: at.0,
            said_ns: at.0 + 5_000_000_000,
            count: 12,
            score: 0.9,
            summary: match state {
                State::Resolved => format!("resolved: 12 errors of shop.{id}"),
                _ => format!("12 errors of shop.{id}"),
            },
            language: Language::En,
            evidence: "12 errors in 10 s: 1.2 a second, usually 36 an hour".into(),
            next_step: None,
            cause: Some("the \"pool\" is empty".into()),
            remedy: None,
            lines: vec!["connection refused".into()],
        }
    }
}
