//! The JSON of a finding, which is the contract with its readers. The schema (`schema.rs`) is
//! generated from these types: members in the order of output, with their descriptions.
//!
//! Members may be added, but never renamed or given another meaning. A missing member is read as
//! none, so that findings and open incidents of other versions can be read.

use super::evidence::Measured;
use super::key::split_unsaid;
use super::members::OwnJson;
use super::rfc3339::{as_rfc3339, from_rfc3339};
use super::rounding::round;
use super::{DetectorName, Finding, InSituation, Key, Severity, State, Summary};
use crate::engine::incident::Opening;
use crate::event::{Level, Timestamp};
use crate::narrate::{self, Language};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The version of the contract. It increases when a member is removed or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// A finding.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct FindingJson {
    /// One for all findings of an incident: 16 hex digits.
    id: String,
    /// Who found it.
    detector: DetectorName,
    /// What exactly. Of `loop`: `exact`, `counter`, `cycle`, `guard`; of `burst`: `surge`, `share`;
    /// of `latency`: `outlier`, `shift`, `unfinished`; of `spread`: `value`; of `silence`: `key`;
    /// of `novelty`: `template`, `exception`; of `input`: `stalled`, `clock`; of `rule`: the rule's
    /// name.
    kind: String,
    /// The rule's name; null for detectors.
    #[serde(default)]
    rule: Option<String>,
    /// `open` when the incident begins, `ongoing` when it is said again, `resolved` when it has
    /// ended.
    state: State,
    /// How much it matters. It never falls while an incident is open.
    severity: Severity,
    /// How soon somebody should look, by the worst level involved (`[policy]`); null below WARN.
    #[serde(default)]
    respond_within: Option<String>,
    /// Whose incident it is: names of roles or members, and their values.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    key: Key,
    /// When the incident began: RFC 3339, in UTC.
    #[serde(serialize_with = "as_rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "String")]
    opened_at: Timestamp,
    /// Events so far.
    #[serde(default)]
    count: u64,
    /// How sure it is, from 0 to 1: 1 − 1/(1 − log10 p / 6) for tests; 0.5, 0.75 or 0.95 by
    /// severity for rules and limits.
    #[serde(default)]
    score: f64,
    /// One sentence, which has every value of `key`.
    summary: String,
    /// The language of summary and remedy, where it is not English (`output.language`).
    #[serde(default, skip_serializing_if = "Language::is_default")]
    language: Language,
    /// Why.
    #[serde(default)]
    evidence: EvidenceJson,
    /// What causes this, where a rule knows.
    #[serde(default)]
    cause: Option<String>,
    /// What to do, where it is known.
    #[serde(default)]
    remedy: Option<String>,
    /// The lines that led up to it, the newest last; with the first finding of an incident only.
    #[serde(default)]
    context: Vec<String>,
    /// The incidents with one cause that it belongs to. It is missing where situations are switched
    /// off, and in findings of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    situation: Option<InSituation>,
}

/// What was measured, and what only some detectors say.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(super) struct EvidenceJson {
    /// The quantity seen, in `unit`.
    #[serde(default)]
    observed: f64,
    /// What it normally is, in `unit`; null where nothing is known to be normal.
    #[serde(default)]
    expected: Option<f64>,
    /// The unit of both.
    #[serde(default)]
    unit: Cow<'static, str>,
    /// The statistical test, or what else has decided: `limit`, `rule`, `storm`.
    #[serde(default)]
    test: Cow<'static, str>,
    /// What the test's result was held against; null for rules.
    #[serde(default)]
    threshold: Option<f64>,
    /// The chance of as much without a fault; null where nothing was tested.
    #[serde(default)]
    p_value: Option<f64>,
    /// How many values it rests on.
    #[serde(default)]
    samples: u64,
    /// How long a time it looked at, in seconds; null for rules that count nothing.
    #[serde(default)]
    window_s: Option<f64>,
    /// By way of JSON values, so that there is code for each member once and not for each format
    /// that is read or written.
    #[serde(flatten)]
    #[schemars(with = "OwnJson")]
    own: Map<String, Value>,
}

/// An open incident in a snapshot, with the members of its findings.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct IncidentJson {
    detector: DetectorName,
    kind: String,
    rule: Option<String>,
    severity: Severity,
    key: Key,
    count: u64,
    score: f64,
    summary: String,
    evidence: EvidenceJson,
    worst: Option<Level>,
    cause: Option<String>,
    remedy: Option<String>,
}

impl IncidentJson {
    /// The stored form of an incident with its sentence and the rule that explains it.
    pub(in crate::engine) fn new(opening: &Opening, sentence: &str, explained_by: Option<&str>) -> Self {
        let own = OwnJson { explained_by: explained_by.map(str::to_owned), ..OwnJson::of(&opening.evidence) };
        Self {
            detector: opening.detector,
            kind: opening.kind.clone(),
            rule: opening.rule.clone(),
            severity: opening.severity,
            key: opening.key.clone(),
            count: opening.count,
            score: opening.score,
            summary: sentence.to_owned(),
            evidence: EvidenceJson::new(&opening.measured, own),
            worst: opening.worst,
            cause: opening.cause.clone(),
            remedy: opening.remedy.clone(),
        }
    }

    /// The incident, its sentence, and the rule that explains it.
    pub(in crate::engine) fn into_parts(self) -> (Opening, String, Option<String>) {
        let (measured, mut own) = self.evidence.into_parts();
        let explained_by = own.explained_by.take();
        let opening = Opening {
            evidence: own.into_evidence(self.detector, &self.kind, &measured),
            detector: self.detector,
            kind: self.kind,
            rule: self.rule,
            severity: self.severity,
            key: self.key,
            count: self.count,
            score: self.score,
            measured,
            worst: self.worst,
            cause: self.cause,
            remedy: self.remedy,
            context: Vec::new(),
        };
        (opening, self.summary, explained_by)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = OwnJson {
            duration_s: self.duration_s.map(|seconds| round(seconds, 3)),
            explained_by: self.explained_by.clone(),
            ..OwnJson::of(&self.evidence)
        };
        let json = FindingJson {
            id: self.id.clone(),
            detector: self.detector,
            kind: self.kind.clone(),
            rule: self.rule.clone(),
            state: self.state,
            severity: self.severity,
            respond_within: self.respond_within.clone(),
            key: self.key.clone(),
            opened_at: self.opened_at,
            count: self.count,
            score: self.score,
            summary: self.summary.to_string(),
            language: self.language,
            evidence: EvidenceJson::new(&self.measured, own),
            cause: self.cause.clone(),
            remedy: self.remedy.clone(),
            context: self.context.clone(),
            situation: self.situation.clone(),
        };
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Finding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = FindingJson::deserialize(deserializer)?;
        let (measured, mut own) = json.evidence.into_parts();
        let (duration_s, explained_by) = (own.duration_s.take(), own.explained_by.take());
        Ok(Self {
            summary: Summary::read(&json.summary, &json.key, json.state, duration_s),
            language: json.language,
            evidence: own.into_evidence(json.detector, &json.kind, &measured),
            id: json.id,
            said_at: Timestamp::default(),
            detector: json.detector,
            kind: json.kind,
            rule: json.rule,
            state: json.state,
            severity: json.severity,
            respond_within: json.respond_within,
            key: json.key,
            opened_at: json.opened_at,
            duration_s,
            count: json.count,
            score: json.score,
            measured,
            explained_by,
            cause: json.cause,
            remedy: json.remedy,
            context: json.context,
            situation: json.situation,
        })
    }
}

impl Summary {
    /// Splits a summary from JSON into its parts. The ending is the one that the duration of the
    /// finding would give, in any language.
    fn read(text: &str, key: &Key, state: State, duration_s: Option<f64>) -> Self {
        let (text, unsaid) = text.split_at(split_unsaid(text, key));
        let unsaid = unsaid.to_owned();
        let seconds = duration_s.filter(|_| state == State::Resolved);
        let endings =
            seconds.into_iter().flat_map(|seconds| Language::ALL.map(|words| narrate::ending(words, seconds)));
        for ending in endings {
            if let Some(sentence) = text.strip_prefix(&ending) {
                return Self { sentence: sentence.to_owned(), ending: Some(ending), unsaid };
            }
        }
        Self { sentence: text.to_owned(), ending: None, unsaid }
    }
}

impl EvidenceJson {
    fn new(measured: &Measured, own: OwnJson) -> Self {
        let Measured { observed, expected, unit, test, threshold, p_value, samples, window_s } = measured.clone();
        Self { observed, expected, unit, test, threshold, p_value, samples, window_s, own: own.to_members() }
    }

    fn into_parts(self) -> (Measured, OwnJson) {
        let Self { observed, expected, unit, test, threshold, p_value, samples, window_s, own } = self;
        (Measured { observed, expected, unit, test, threshold, p_value, samples, window_s }, OwnJson::from_members(own))
    }
}
