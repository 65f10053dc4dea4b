//! A finding: what is reported when an incident opens, continues or ends, as data. Its JSON is a
//! contract (`json.rs`); its sentences are in `narrate`.

mod evidence;
mod json;
mod key;
mod members;
mod near_miss;
mod rfc3339;
mod rounding;
mod schema;
mod situation;

pub use evidence::{
    ClockEvidence, Evidence, GuardEvidence, InputEvidence, LatencyEvidence, LoopEvidence, Measured, NoveltyEvidence,
    RateEvidence, RuleEvidence, ShareEvidence, ShiftEvidence, SilenceEvidence, StoppedEvidence, StormEvidence,
    UnfinishedEvidence, test, unit,
};
pub(super) use json::IncidentJson;
pub use json::SCHEMA_VERSION;
pub use key::Key;
pub(super) use key::{TEXT_BYTES, cut, fit_sentence, hash_of_parts, name_of, unsaid};
pub use members::milliseconds;
pub use near_miss::{NearMiss, Reason};
pub use rounding::{p_of, round, score_of, significant};
pub use schema::schema;
pub use situation::{InSituation, SituationCause, SituationRole};

pub use super::detector::DetectorName;
use crate::event::{Level, Timestamp};
use crate::narrate::{self, Language, Subject};
use serde::{Deserialize, Serialize};

/// Where an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The incident begins.
    Open,
    /// The incident goes on; reported when its count has doubled.
    Ongoing,
    /// The incident has ended.
    Resolved,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Severity {
    /// For information; nobody has to act.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Somebody should act at once.
    Critical,
}

impl Severity {
    /// All severities, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The name in findings, metrics and rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One report about an incident: which detector found what for which key, how often, since when,
/// and the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The id of the incident, the same in all its findings: a hash of detector, kind, key and
    /// opening time, as 16 hex digits.
    pub id: String,
    /// The event time of this report; the timestamp of a finding that leaves as an event of its
    /// own.
    pub said_at: Timestamp,
    /// The detector.
    pub detector: DetectorName,
    /// The kind of finding, such as `cycle`.
    pub kind: String,
    /// The rule's name, for rules.
    pub rule: Option<String>,
    /// Whether the incident opens, continues or has ended.
    pub state: State,
    /// The severity.
    pub severity: Severity,
    /// Response time by the worst level involved.
    pub respond_within: Option<String>,
    /// The key of the incident: names of roles or members, and their values.
    pub key: Key,
    /// When the incident began.
    pub opened_at: Timestamp,
    /// Seconds from there to the last event; none while the incident is open.
    pub duration_s: Option<f64>,
    /// Events so far.
    pub count: u64,
    /// 0 to 1. Tests: 1 − 1/(1 − log10 p / 6). Rules: a constant per severity.
    pub score: f64,
    /// One sentence with every value of `key`.
    pub summary: Summary,
    /// The language of the summary.
    pub language: Language,
    /// What was measured, and the threshold.
    pub measured: Measured,
    /// The evidence of the detector.
    pub evidence: Evidence,
    /// The rule that explains the incident, and its summary.
    pub explained_by: Option<String>,
    /// The cause, where a rule or its table knows one.
    pub cause: Option<String>,
    /// The remedy, where a rule or its table knows one.
    pub remedy: Option<String>,
    /// The last lines of the stream before the finding.
    pub context: Vec<String>,
    /// The situation that the incident belongs to; none before the finding has been placed, and
    /// where situations are switched off.
    pub situation: Option<InSituation>,
}

/// A finding in one sentence. The parts are rendered once, when the finding is made (`narrate`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// For an incident that has ended, the prefix of the sentence: `resolved after 30 s: `.
    pub ending: Option<String>,
    /// The sentence.
    pub sentence: String,
    /// Values of the key that mean nothing to a person, such as hashes: the contract has them in
    /// the summary.
    pub unsaid: String,
}

impl Summary {
    /// What a person reads: without the hashes of the key.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}{}", self.ending.as_deref().unwrap_or_default(), self.sentence)
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.ending.as_deref().unwrap_or_default())?;
        f.write_str(&self.sentence)?;
        f.write_str(&self.unsaid)
    }
}

impl From<&str> for Summary {
    fn from(sentence: &str) -> Self {
        Self { ending: None, sentence: sentence.to_owned(), unsaid: String::new() }
    }
}

impl Finding {
    /// Appends the finding as one line of JSON with a member `at`, the time of the report, for
    /// readers who see no event around it. Writes at most `limit` bytes and a line end. Returns
    /// false, with `out` unchanged, when the finding does not fit.
    pub fn write_line(&self, limit: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.extend_from_slice(b"{\"at\":\"");
        self.said_at.write_rfc3339(out);
        out.extend_from_slice(b"\",");
        let (open, head) = (out.len(), out.len() - start);
        if !self.write(limit.saturating_sub(head), out) {
            out.truncate(start);
            return false;
        }
        // `at` was written with an opening brace of its own, so the second brace is removed.
        out.remove(open);
        out.push(b'\n');
        true
    }

    /// Appends the finding as JSON of at most `limit` bytes. A finding that is too long loses its
    /// context first, then its examples.
    ///
    /// 8 KiB always suffice for texts that `fit` has cut. Returns false, with `out` unchanged, when
    /// the finding does not fit.
    pub fn write(&self, limit: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let mut finding = std::borrow::Cow::Borrowed(self);
        let keep_all = |_: &mut std::borrow::Cow<'_, Self>| {};
        let drop_context = |finding: &mut std::borrow::Cow<'_, Self>| finding.to_mut().context.clear();
        let drop_examples = |finding: &mut std::borrow::Cow<'_, Self>| finding.to_mut().evidence.drop_examples();
        for trim in [&keep_all as &dyn Fn(&mut _), &drop_context, &drop_examples] {
            trim(&mut finding);
            // Serialising maps with text keys and finite numbers into memory cannot fail.
            if serde_json::to_writer(&mut *out, &*finding).is_ok() && out.len() - start <= limit {
                return true;
            }
            out.truncate(start);
        }
        false
    }

    /// The finding with its summary in `language`, made anew from its data. Rules speak for
    /// themselves, and what a storm quotes is not in its data.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        if self.language == language {
            return self;
        }
        let known = narrate::remedy(self.language, self.detector, &self.kind);
        if known.is_some() && self.remedy == known {
            self.remedy = narrate::remedy(language, self.detector, &self.kind);
        }
        let ended = self.summary.ending.is_some();
        self.summary.ending = self.duration_s.filter(|_| ended).map(|seconds| narrate::ending(language, seconds));
        self.language = language;
        // What these say is not in the JSON that they are read from.
        if !matches!(self.evidence, Evidence::Rule(_) | Evidence::Storm(_)) {
            self.render();
        }
        self.summary.unsaid = unsaid(language, &self.summary.sentence, &self.key);
        self
    }

    /// Removes all that quotes the event which carries the finding, because the event is withheld.
    /// What a rule says is its author's.
    pub(in crate::engine) fn drop_quotes(&mut self) {
        self.evidence.drop_quotes();
        if !matches!(self.evidence, Evidence::Rule(_)) {
            self.render();
        }
    }

    /// Renders the sentence from the data.
    fn render(&mut self) {
        let (kind, key, measured, evidence) = (&*self.kind, &self.key, &self.measured, &self.evidence);
        let subject = Subject { detector: self.detector, kind, key, measured, evidence };
        self.summary.sentence = narrate::summary(self.language, &subject);
        fit_sentence(self.language, &mut self.summary.sentence, key);
    }

    /// The detector's members of the JSON evidence, without example lines.
    #[must_use]
    pub fn own_members(&self) -> serde_json::Map<String, serde_json::Value> {
        let own = members::OwnJson { explained_by: self.explained_by.clone(), ..members::OwnJson::of(&self.evidence) };
        members::OwnJson { example: None, ..own }.to_members()
    }

    /// Calls `visit` with every text that quotes the stream or was written by a person; it may
    /// change the text.
    pub fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.summary.sentence);
        visit(&mut self.summary.unsaid);
        self.key.0.iter_mut().for_each(|(_, value)| visit(value));
        let known = self.cause.iter_mut().chain(&mut self.remedy).chain(&mut self.explained_by);
        known.chain(&mut self.context).for_each(&mut *visit);
        self.evidence.for_each_text(visit);
        if let Some(situation) = &mut self.situation {
            situation.for_each_text(visit);
        }
    }
}

/// A finding as a rule's `finding(#{…})` asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFinding {
    /// The rule's name.
    pub rule: String,
    /// The key of the incident: the members that the rule's `key` names, with this event's values.
    pub key: Key,
    /// The rule's severity, unless the call gives another.
    pub severity: Severity,
    /// The summary. The engine appends key values that it lacks.
    pub summary: String,
    /// The cause.
    pub cause: Option<String>,
    /// The remedy.
    pub remedy: Option<String>,
    /// Seconds without a match after which the incident resolves.
    pub cooldown_s: f64,
    /// How many of the stream's last lines to add as context.
    pub context: usize,
    /// The count that the rule compared, where it called `count`.
    pub observed: Option<f64>,
    /// The window of that count, in seconds.
    pub window_s: Option<f64>,
    /// The level of the event, from which the response time follows.
    pub level: Option<Level>,
    /// The rule ends its incident.
    pub resolved: bool,
    /// For a rule that explains detectors' incidents: the locality of the event, with the names
    /// that detectors use in keys.
    pub place: Option<Key>,
}

#[cfg(test)]
mod tests;
