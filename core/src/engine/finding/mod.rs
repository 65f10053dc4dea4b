//! A finding: what is said when an incident opens, goes on and ends, as data. Its JSON is a
//! contract (`json.rs`), its words are those of `narrate`.

mod evidence;
mod json;
mod key;
mod members;
mod near_miss;
mod rounding;
mod schema;

pub use evidence::{
    Evidence, GuardEvidence, InputEvidence, LatencyEvidence, LoopEvidence, Measured, NoveltyEvidence, RateEvidence,
    RuleEvidence, ShareEvidence, ShiftEvidence, SilenceEvidence, StoppedEvidence, StormEvidence, UnfinishedEvidence,
    test, unit,
};
pub(super) use json::IncidentJson;
pub use json::SCHEMA_VERSION;
pub use key::Key;
pub(super) use key::{TEXT_BYTES, cut, fit_summary, name_of};
pub use members::milliseconds;
pub use near_miss::{NearMiss, Reason};
pub use rounding::{p_of, round, score_of, significant};
pub use schema::schema;

pub use super::detector::DetectorName;
use crate::event::{Level, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It begins.
    Open,
    /// It goes on; said at doubling counts.
    Ongoing,
    /// It has ended.
    Resolved,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Severity {
    /// To know.
    Info,
    /// To look at.
    Warning,
    /// To act on.
    Critical,
}

impl Severity {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// As in findings, metrics and rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What is said of an incident at one moment: who found what where, how often, since when, and the
/// evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// One for all findings of an incident: a hash of detector, kind, key and opening time, 16 hex
    /// digits.
    pub id: String,
    /// When this is said, in event time: the timestamp of an event of its own.
    pub said_at: Timestamp,
    /// Who found it.
    pub detector: DetectorName,
    /// What exactly.
    pub kind: String,
    /// The rule's name, for rules.
    pub rule: Option<String>,
    /// Begins, goes on or has ended.
    pub state: State,
    /// How much it matters.
    pub severity: Severity,
    /// How soon somebody should look, by the worst level involved.
    pub respond_within: Option<String>,
    /// Whose incident it is: role or member name and value.
    pub key: Key,
    /// When it began.
    pub opened_at: Timestamp,
    /// Seconds from there to its last event; none while it goes on.
    pub duration_s: Option<f64>,
    /// Events so far.
    pub count: u64,
    /// 0 to 1: 1 − 1/(1 − log10 p / 6) for tests; by severity for rules.
    pub score: f64,
    /// One sentence that contains every value of `key`, and for one that has ended how.
    pub summary: Summary,
    /// What was measured, and held against what.
    pub measured: Measured,
    /// What only this detector says.
    pub evidence: Evidence,
    /// The rule that knows what this comes of, and what it says.
    pub explained_by: Option<String>,
    /// What causes this, where a table knows.
    pub cause: Option<String>,
    /// What to do, where a table knows.
    pub remedy: Option<String>,
    /// The lines that led up to it.
    pub context: Vec<String>,
}

/// A finding in one sentence. Its parts are rendered once, where the finding is made (`narrate`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How an incident has ended, in front of what it was: `ended after 20 events in 29.9 s: `.
    pub ending: Option<String>,
    /// What it is.
    pub sentence: String,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.ending.as_deref().unwrap_or_default())?;
        f.write_str(&self.sentence)
    }
}

impl From<&str> for Summary {
    fn from(sentence: &str) -> Self {
        Self { ending: None, sentence: sentence.to_owned() }
    }
}

impl Finding {
    /// Appends the finding as one line of JSON for readers who have no event around it: with a
    /// member `at`, when this is said. At most `limit` bytes and a line end; false, and `out` as it
    /// was, when it is too long.
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
        // The brace that opens the finding has been written before `at`.
        out.remove(open);
        out.push(b'\n');
        true
    }

    /// Appends the finding as JSON if that takes at most `limit` bytes: its context goes first,
    /// then its examples.
    ///
    /// With texts that `fit` has cut 8 KiB always suffice. False, and `out` as it was, when it is
    /// too long.
    pub fn write(&self, limit: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let mut finding = std::borrow::Cow::Borrowed(self);
        let keep_all = |_: &mut std::borrow::Cow<'_, Self>| {};
        let drop_context = |finding: &mut std::borrow::Cow<'_, Self>| finding.to_mut().context.clear();
        let drop_examples = |finding: &mut std::borrow::Cow<'_, Self>| finding.to_mut().evidence.drop_examples();
        for trim in [&keep_all as &dyn Fn(&mut _), &drop_context, &drop_examples] {
            trim(&mut finding);
            // Maps with text keys and finite numbers cannot fail to serialise into memory.
            if serde_json::to_writer(&mut *out, &*finding).is_ok() && out.len() - start <= limit {
                return true;
            }
            out.truncate(start);
        }
        false
    }

    /// What only its detector says, without lines, as members of the JSON.
    #[must_use]
    pub fn own_members(&self) -> serde_json::Map<String, serde_json::Value> {
        let own = members::OwnJson { explained_by: self.explained_by.clone(), ..members::OwnJson::of(&self.evidence) };
        members::OwnJson { example: None, ..own }.to_members()
    }

    /// Shows every text that quotes the stream or that people have written to `visit`, which may
    /// change it.
    pub fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.summary.sentence);
        self.key.0.iter_mut().for_each(|(_, value)| visit(value));
        let known = self.cause.iter_mut().chain(&mut self.remedy).chain(&mut self.explained_by);
        known.chain(&mut self.context).for_each(&mut *visit);
        self.evidence.for_each_text(visit);
    }
}

/// What a rule's `finding(#{…})` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFinding {
    /// The rule's name.
    pub rule: String,
    /// Whose incident: the members that the rule's `key` names, with this event's values.
    pub key: Key,
    /// The rule's, unless the call says otherwise.
    pub severity: Severity,
    /// What is said; the key's values are added by the engine where it lacks them.
    pub summary: String,
    /// What causes this.
    pub cause: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
    /// How long after the last match the incident resolves, in seconds.
    pub cooldown_s: f64,
    /// How many of the stream's last lines to show.
    pub context: usize,
    /// The count that the rule compared, where it called `count`.
    pub observed: Option<f64>,
    /// The window of that count, in seconds.
    pub window_s: Option<f64>,
    /// The level of the event, for the policy.
    pub level: Option<Level>,
    /// The incident ends.
    pub resolved: bool,
    /// Where the event stands, by the names that detectors use in keys, of a rule that explains
    /// what they find.
    pub place: Option<Key>,
}

#[cfg(test)]
mod tests;
