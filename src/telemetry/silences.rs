//! Silences: of incidents that match, nobody is told until a time. They are found, counted and
//! written onto events as ever; only sinks that alert people are not told, and the page marks them.
//!
//! At most 1,000, kept in the order of their making; over is over and is forgotten.

use crate::engine::finding::{DetectorName, Finding};
use crate::engine::overrides::glob_matches;
use crate::event::Timestamp;
use crate::io::directory::{Content, Directory};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Most silences.
const MOST: usize = 1_000;
/// The file that they are kept in, and how long it is at most.
const FILE: &str = "silences.json";
const MOST_BYTES: u64 = 16 << 20;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only incidents of this detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<DetectorName>,
    /// Only incidents whose key has these members with such values; `*` is any text, `?` any
    /// character.
    #[serde(default)]
    pub key: BTreeMap<String, String>,
    /// Until when: RFC 3339.
    pub until: String,
    /// Why, for whoever wonders.
    pub reason: String,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSilence {
    /// To end it by.
    pub id: String,
    /// What was asked for.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// When it was made: nanoseconds since the Unix epoch.
    made_ns: i64,
    until_ns: i64,
}

/// Why a silence is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It would silence everything.
    #[error("a silence names a detector or at least one member of a key")]
    Everything,
    /// No time that can be read.
    #[error("`until` is a time such as 2026-03-02T08:00:00Z")]
    Time,
    /// It is over already.
    #[error("`until` has passed")]
    Over,
    /// No reason given.
    #[error("a silence has a reason of 1 to 500 characters")]
    Reason,
    /// There are too many.
    #[error("there are 1000 silences already; end some")]
    Full,
}

/// All silences, in memory and, where there is a place for state, in a file that is written anew
/// with every change.
#[derive(Debug, Default)]
pub struct Silences {
    list: Mutex<Vec<AlertSilence>>,
    directory: Option<Directory>,
}

impl Silences {
    fn lock(&self) -> MutexGuard<'_, Vec<AlertSilence>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Silences that are kept in the directory of the state; those that are in it now.
    #[must_use]
    pub fn kept_in(directory: Directory) -> Self {
        let kept = match directory.read(FILE, MOST_BYTES) {
            Ok(Some(Content::Bytes(text))) => serde_json::from_slice::<Vec<AlertSilence>>(&text).unwrap_or_default(),
            _ => Vec::new(),
        };
        Self { list: Mutex::new(kept.into_iter().take(MOST).collect()), directory: Some(directory) }
    }

    /// Writes the file, beside the old one and then over it. That it cannot be written takes no
    /// silence away.
    fn keep(&self, silences: &[AlertSilence]) {
        let Some(directory) = &self.directory else { return };
        let text = serde_json::to_vec(silences).unwrap_or_default();
        let _ = directory.replace(FILE, "silences.new", &[&text]);
    }

    /// Makes a silence at `now`, by the wall clock.
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

    /// Ends a silence; false when there is none of this id.
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

    /// Those that hold at `now`.
    #[must_use]
    pub fn list(&self, now: Timestamp) -> Vec<AlertSilence> {
        self.lock().iter().filter(|silence| silence.until_ns > now.0).cloned().collect()
    }

    /// Whether nobody is to be told of this finding at `now`.
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
        // A link in the place of the fresh file is not written through.
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
