//! Silences: sinks that alert people get no findings of matching incidents until a given time. The
//! incidents are still detected, counted and written into events, and the page marks them as
//! silenced.
//!
//! There are at most 1,000, in the order in which they were added; expired ones are dropped.

use crate::engine::finding::{DetectorName, Finding};
use crate::engine::overrides::glob_matches;
use crate::event::Timestamp;
use crate::io::directory::{Content, Directory};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Most silences at a time.
const MOST: usize = 1_000;
/// The file in which silences are stored, and its greatest length in bytes.
const FILE: &str = "silences.json";
const MOST_BYTES: u64 = 16 << 20;

/// A request for a silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only incidents of this detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<DetectorName>,
    /// Only incidents whose key has these members with matching values; `*` matches any text, `?`
    /// any character.
    #[serde(default)]
    pub key: BTreeMap<String, String>,
    /// When the silence ends, in RFC 3339.
    pub until: String,
    /// The reason, for other people.
    pub reason: String,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSilence {
    /// The id, which is needed to end the silence.
    pub id: String,
    /// The request.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// When the silence was added, in nanoseconds since the Unix epoch.
    made_ns: i64,
    until_ns: i64,
}

/// Why a silence was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The silence would match every incident.
    #[error("a silence names a detector or at least one member of a key")]
    Everything,
    /// The time cannot be parsed.
    #[error("`until` is a time such as 2026-03-02T08:00:00Z")]
    Time,
    /// The time has passed.
    #[error("`until` has passed")]
    Over,
    /// There is no reason.
    #[error("a silence has a reason of 1 to 500 characters")]
    Reason,
    /// There are too many silences.
    #[error("there are {MOST} silences already; end some")]
    Full,
}

/// All silences, in memory and, if there is a state directory, in a file that every change
/// rewrites.
#[derive(Debug, Default)]
pub struct Silences {
    list: Mutex<Vec<AlertSilence>>,
    directory: Option<Directory>,
}

impl Silences {
    fn lock(&self) -> MutexGuard<'_, Vec<AlertSilence>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Silences that are stored in the state directory, starting with those in its file.
    #[must_use]
    pub fn kept_in(directory: Directory) -> Self {
        let kept = match directory.read(FILE, MOST_BYTES) {
            Ok(Some(Content::Bytes(text))) => serde_json::from_slice::<Vec<AlertSilence>>(&text).unwrap_or_default(),
            _ => Vec::new(),
        };
        Self { list: Mutex::new(kept.into_iter().take(MOST).collect()), directory: Some(directory) }
    }

    /// Replaces the file atomically. An error is ignored: the silences still hold in memory.
    fn keep(&self, silences: &[AlertSilence]) {
        let Some(directory) = &self.directory else { return };
        let text = serde_json::to_vec(silences).unwrap_or_default();
        let _ = directory.replace(FILE, "silences.new", &[&text]);
    }

    /// Adds a silence at `now`, by the wall clock.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn add(&self, wanted: Wanted, now: Timestamp) -> Result<AlertSilence, Refused> {
        if wanted.detector.is_none() && wanted.key.is_empty() {
            return Err(Refused::Everything);
        }
        if !(1..=500).contains(&wanted.reason.chars().count()) {
            return Err(Refused::Reason);
        }
        let until: jiff::Timestamp = wanted.until.parse().map_err(|_| Refused::Time)?;
        let until_ns = i64::try_from(until.as_nanosecond()).map_err(|_| Refused::Time)?;
        if until_ns <= now.0 {
            return Err(Refused::Over);
        }
        let mut silences = self.lock();
        silences.retain(|silence| silence.until_ns > now.0);
        if silences.len() >= MOST {
            return Err(Refused::Full);
        }
        let id = format!("{:016x}", xxh3_64(format!("{wanted:?}{}{}", now.0, silences.len()).as_bytes()));
        let silence = AlertSilence { id, wanted, made_ns: now.0, until_ns };
        silences.push(silence.clone());
        self.keep(&silences);
        Ok(silence)
    }

    /// Ends a silence; false if there is none with this id.
    pub fn remove(&self, id: &str) -> bool {
        let mut silences = self.lock();
        let before = silences.len();
        silences.retain(|silence| silence.id != id);
        if silences.len() == before {
            return false;
        }
        self.keep(&silences);
        true
    }

    /// The silences in force at `now`.
    #[must_use]
    pub fn list(&self, now: Timestamp) -> Vec<AlertSilence> {
        self.lock().iter().filter(|silence| silence.until_ns > now.0).cloned().collect()
    }

    /// Whether a silence in force at `now` matches this finding.
    #[must_use]
    pub fn cover(&self, finding: &Finding, now: Timestamp) -> bool {
        self.lock().iter().any(|silence| silence.until_ns > now.0 && silence.wanted.matches(finding))
    }
}

impl Wanted {
    fn matches(&self, finding: &Finding) -> bool {
        let has = |(name, pattern): (&String, &String)| {
            finding.key.0.iter().any(|(key, value)| key == name && glob_matches(pattern, value))
        };
        self.detector.is_none_or(|detector| detector == finding.detector) && self.key.iter().all(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::{Key, Severity};
    use crate::engine::incident::{Incidents, Opening, Policy};

    const NOW: Timestamp = Timestamp::from_seconds(1_772_438_400);

    fn finding(module: &str) -> Finding {
        let (mut incidents, mut findings) = (Incidents::new(Policy::default(), 10), Vec::new());
        let opening = Opening {
            detector: DetectorName::Loop,
            kind: "exact".into(),
            rule: None,
            severity: Severity::Warning,
            key: Key(vec![("module".into(), module.into())]),
            count: 8,
            score: 0.5,
            measured: Default::default(),
            evidence: Default::default(),
            worst: None,
            cause: None,
            remedy: None,
            context: Vec::new(),
        };
        incidents.open(opening, NOW, &mut findings);
        findings.remove(0)
    }

    fn wanted(text: &str) -> Wanted {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_silence_covers_what_it_names_until_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let kept = || Silences::kept_in(Directory::create(folder.path()).unwrap());
        // A symbolic link in the place of the new file must not be followed.
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join("silences.new")).unwrap();
        let silences = kept();
        let silence = silences
            .add(wanted(r#"{"key":{"module":"db.*"},"until":"2026-03-02T09:00:00Z","reason":"upgrade"}"#), NOW)
            .unwrap();
        assert!(silences.cover(&finding("db.pool"), NOW) && !silences.cover(&finding("web"), NOW));
        assert!(!silences.cover(&finding("db.pool"), Timestamp::from_seconds(1_772_442_000)));
        assert_eq!(kept().list(NOW), vec![silence.clone()]);
        assert!(silences.remove(&silence.id) && !silences.remove(&silence.id));
        assert!(!silences.cover(&finding("db.pool"), NOW) && kept().list(NOW).is_empty());
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
    }

    #[test]
    fn what_is_no_silence_is_refused_with_the_reason() {
        for (text, refused) in [
            (r#"{"until":"2026-03-02T09:00:00Z","reason":"x"}"#, Refused::Everything),
            (r#"{"detector":"loop","until":"tomorrow","reason":"x"}"#, Refused::Time),
            (r#"{"detector":"loop","until":"2020-03-02T09:00:00Z","reason":"x"}"#, Refused::Over),
            (r#"{"detector":"loop","until":"2026-03-02T09:00:00Z","reason":""}"#, Refused::Reason),
        ] {
            assert_eq!(Silences::default().add(wanted(text), NOW), Err(refused));
        }
    }
}
