//! A finding: what is said when an incident opens, goes on and ends. Its JSON is a contract.

pub use super::detector::DetectorName;
use crate::event::time::{TimeContext, time_text};
use crate::event::{Level, Timestamp};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What was observed, what was expected, by which test, on how many samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The quantity seen, in `unit`.
    pub observed: f64,
    /// What it normally is, in `unit`.
    pub expected: f64,
    /// The unit of both.
    pub unit: String,
    /// The statistical test, or `rule`.
    pub test: String,
    /// What the test's result was held against.
    pub threshold: f64,
    /// The chance of this without a fault; null for rules.
    pub p_value: Option<f64>,
    /// How many values it rests on.
    pub samples: u64,
    /// How long a time it looked at, in seconds.
    pub window_s: f64,
    /// What only this detector says: `period`, `repeats`, `example`…
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// What a person reads of an incident, and a program routes by. Read back, members that are missing
/// are empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// One for all findings of an incident: a hash of detector, kind, key and opening time, 16 hex
    /// digits.
    pub id: String,
    /// When this is said, in event time: the timestamp of an event of its own.
    #[serde(skip)]
    pub said_at: Timestamp,
    /// Who found it.
    pub detector: DetectorName,
    /// What exactly.
    pub kind: String,
    /// The rule's name, for rules.
    #[serde(default)]
    pub rule: Option<String>,
    /// Begins, goes on or has ended.
    pub state: State,
    /// How much it matters.
    pub severity: Severity,
    /// How soon somebody should look, by the worst level involved.
    #[serde(default)]
    pub respond_within: Option<String>,
    /// Whose incident it is: role or member name and value.
    #[serde(default)]
    pub key: Key,
    /// When it began.
    #[serde(serialize_with = "as_rfc3339", deserialize_with = "from_rfc3339")]
    pub opened_at: Timestamp,
    /// Events so far.
    #[serde(default)]
    pub count: u64,
    /// 0 to 1: 1 − 1/(1 − log10 p / 6) for tests; by severity for rules.
    #[serde(default)]
    pub score: f64,
    /// One sentence that contains every value of `key`.
    pub summary: String,
    /// Why.
    #[serde(default)]
    pub evidence: Evidence,
    /// What causes this, where a table knows.
    #[serde(default)]
    pub cause: Option<String>,
    /// What to do, where a table knows.
    #[serde(default)]
    pub remedy: Option<String>,
    /// The lines that led up to it.
    #[serde(default)]
    pub context: Vec<String>,
}

fn from_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    let utc = TimeContext::new("UTC", 1970).ok();
    let time = utc.and_then(|mut utc| time_text(text.as_bytes(), &mut utc));
    time.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no time")))
}

fn as_rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// Most bytes that a summary, a cause or a remedy takes as JSON; a summary's key values come out of
/// [`KEY_BYTES`].
pub(super) const TEXT_BYTES: usize = 1 << 10;
/// Most bytes that all values of a key take together as JSON.
const KEY_BYTES: usize = 1 << 10;
/// Most bytes that an engine keeps of a name: more than a key can tell.
const NAME_BYTES: usize = 2 * KEY_BYTES;
/// Stands where a text was cut.
const CUT: char = '…';

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
        let drop_examples =
            |finding: &mut std::borrow::Cow<'_, Self>| drop(finding.to_mut().evidence.more.remove("example"));
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
}

/// Cuts the texts of an opening to what a finding can carry, and makes sure that `summary` has
/// every value of `key` word for word, cut alike.
pub(super) fn fit(key: &mut Key, summary: &mut String, cause: &mut Option<String>, remedy: &mut Option<String>) {
    let room = KEY_BYTES / key.0.len().max(1);
    for (_, value) in &mut key.0 {
        let whole = value.clone();
        if cut(value, room) {
            *summary = summary.replace(&whole, value);
        }
    }
    cut(summary, 2 * TEXT_BYTES);
    for (_, value) in &key.0 {
        if !summary.contains(value.as_str()) {
            summary.push_str(&format!(" ({value})"));
        }
    }
    for text in cause.iter_mut().chain(remedy) {
        cut(text, TEXT_BYTES);
    }
}

/// As much of a name as is worth keeping.
pub(super) fn name_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_BYTES)]
}

/// Cuts `text` so that it takes at most `limit` bytes inside a JSON string; true when something was
/// cut.
pub(super) fn cut(text: &mut String, limit: usize) -> bool {
    let mut bytes = 0;
    let mut keep = 0;
    for (i, c) in text.char_indices() {
        bytes += match c {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            '\0'..='\x1f' => 6,
            _ => c.len_utf8(),
        };
        if bytes > limit {
            text.truncate(keep);
            text.push(CUT);
            return true;
        }
        if bytes + CUT.len_utf8() <= limit {
            keep = i + c.len_utf8();
        }
    }
    false
}

/// Names and values in a fixed order; serialised as a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(pub Vec<(String, String)>);

impl Key {
    /// True when this is the key of something at `place`: what both name is the same, and they name
    /// something.
    #[must_use]
    pub fn is_at(&self, place: &Self) -> bool {
        let value = |name: &str| place.0.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let mut shared = self.0.iter().filter_map(|(name, own)| value(name).map(|value| own == value)).peekable();
        shared.peek().is_some() && shared.all(|same| same)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Key;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Key, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Key(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
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
