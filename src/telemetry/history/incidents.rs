//! The incidents that the page shows, in order of their opening: the latest state and the log lines
//! of each.
//!
//! They are bounded in number and bytes. To make room, the oldest resolved incidents lose their
//! lines, up to half of the resolved ones; then the oldest resolved ones are dropped. Open
//! incidents are dropped last.

use super::kept::{KeptIncident, Row};
use super::severity_named;
use crate::engine::finding::{DetectorName, Finding, State};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::str::FromStr;

/// Most incidents that are kept.
const MOST: usize = 10_000;
/// The kept incidents.
#[derive(Debug)]
pub(super) struct Incidents {
    most_bytes: usize,
    /// The approximate size of all incidents in bytes.
    bytes: usize,
    /// The incidents by serial number, in order of opening.
    kept: BTreeMap<u64, KeptIncident>,
    by_id: HashMap<String, u64>,
    ended: BTreeSet<u64>,
    /// Serial numbers of resolved incidents that still have their lines.
    lined: BTreeSet<u64>,
    /// Serial numbers by the revision of the last change; each incident occurs once.
    changes: BTreeMap<u64, u64>,
    opened: u64,
    revision: u64,
    open_by_severity: [u64; 3],
    opened_by_detector: [u64; DetectorName::ALL.len()],
}

/// A filter for incidents, parsed from the query of a URL. An empty value does not filter, because
/// a form sends empty fields as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// `open` for open incidents, `ended` for resolved ones.
    #[serde(deserialize_with = "filled_in")]
    pub state: Option<String>,
    /// The name of a severity.
    #[serde(deserialize_with = "filled_in")]
    pub severity: Option<String>,
    /// The name of a detector.
    #[serde(deserialize_with = "filled_in")]
    pub detector: Option<String>,
    /// Words that must all occur in summary, detector, kind, rule or id.
    #[serde(rename = "q")]
    pub words: String,
    /// Only incidents that opened at or after this time, in milliseconds since the Unix epoch.
    #[serde(rename = "from", deserialize_with = "filled_in")]
    pub from_ms: Option<i64>,
    /// Only incidents that opened before this time, in milliseconds since the Unix epoch.
    #[serde(rename = "to", deserialize_with = "filled_in")]
    pub to_ms: Option<i64>,
    /// Only incidents with a serial number below this one.
    #[serde(deserialize_with = "filled_in")]
    pub before: Option<u64>,
    /// Whether open incidents come first, the worst of them at the top; otherwise the newest come
    /// first.
    #[serde(rename = "order", deserialize_with = "is_worst")]
    pub worst_first: bool,
    /// How many incidents to skip at the start of the list.
    #[serde(deserialize_with = "or_zero")]
    pub offset: usize,
    /// How many incidents to return.
    #[serde(deserialize_with = "filled_in")]
    pub limit: Option<usize>,
}

fn filled_in<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(Error::custom) }
}

fn or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    filled_in(deserializer).map(Option::unwrap_or_default)
}

fn is_worst<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "worst" => Ok(true),
        "newest" | "" => Ok(false),
        _ => Err(Error::custom("it is newest or worst")),
    }
}

/// A part of the list of incidents.
#[derive(Debug, Serialize)]
pub(super) struct List<'a> {
    /// How many incidents pass the filter, including those outside of this part.
    matched: usize,
    /// How many incidents are kept.
    kept: usize,
    /// The latest change that this list includes.
    revision: u64,
    incidents: Vec<Row<'a>>,
}

impl Incidents {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            bytes: 0,
            kept: BTreeMap::new(),
            by_id: HashMap::new(),
            ended: BTreeSet::new(),
            lined: BTreeSet::new(),
            changes: BTreeMap::new(),
            opened: 0,
            revision: 0,
            open_by_severity: [0; 3],
            opened_by_detector: [0; DetectorName::ALL.len()],
        }
    }

    pub(super) fn take(&mut self, finding: &Finding, line: Option<&str>, silenced: bool) {
        self.revision += 1;
        let serial = match self.by_id.get(&finding.id) {
            Some(serial) => *serial,
            None => self.insert(finding, line),
        };
        let Some(kept) = self.kept.get_mut(&serial) else { return };
        let (severity, was) = (finding.severity, severity_named(kept.severity));
        if kept.state != State::Resolved {
            was.into_iter().for_each(|was| self.open_by_severity[was as usize] -= 1);
        }
        if finding.state == State::Resolved {
            self.ended.insert(serial);
            self.lined.insert(serial);
        } else {
            self.open_by_severity[severity as usize] += 1;
            self.ended.remove(&serial);
            self.lined.remove(&serial);
        }
        self.changes.remove(&kept.revision);
        self.changes.insert(self.revision, serial);
        kept.revision = self.revision;
        kept.update(finding, silenced);
        let weight = kept.weight();
        self.bytes = self.bytes - std::mem::replace(&mut kept.bytes, weight) + weight;
        while (self.kept.len() > MOST || self.bytes > self.most_bytes) && self.kept.len() > 1 {
            self.make_room();
        }
    }

    /// Takes the lines of the oldest resolved incident that still has some; drops the oldest
    /// resolved incident if half of them have no lines.
    fn make_room(&mut self) {
        if let Some(serial) = self.lined.first().copied()
            && self.bytes > self.most_bytes
            && 2 * self.lined.len() > self.ended.len()
            && let Some(kept) = self.kept.get_mut(&serial)
        {
            self.lined.remove(&serial);
            kept.forget_lines();
            let weight = kept.weight();
            self.bytes = self.bytes - std::mem::replace(&mut kept.bytes, weight) + weight;
        } else if let Some(oldest) = self.ended.first().or_else(|| self.kept.keys().next()).copied() {
            self.forget(oldest);
        }
    }

    fn insert(&mut self, finding: &Finding, line: Option<&str>) -> u64 {
        self.opened += 1;
        let serial = self.opened;
        self.opened_by_detector[finding.detector as usize] += 1;
        self.open_by_severity[finding.severity as usize] += 1;
        self.by_id.insert(finding.id.clone(), serial);
        self.kept.insert(serial, KeptIncident::new(serial, finding, line));
        serial
    }

    fn forget(&mut self, serial: u64) {
        self.ended.remove(&serial);
        self.lined.remove(&serial);
        let Some(kept) = self.kept.remove(&serial) else { return };
        self.bytes -= kept.bytes;
        self.by_id.remove(&kept.id);
        self.changes.remove(&kept.revision);
        if kept.state != State::Resolved {
            severity_named(kept.severity).into_iter().for_each(|was| self.open_by_severity[was as usize] -= 1);
        }
    }

    pub(super) fn list(&self, filter: &Filter) -> List<'_> {
        let words: Vec<String> = filter.words.split_whitespace().map(str::to_lowercase).collect();
        let passes = |kept: &&KeptIncident| kept.passes(filter, &words);
        let limit = filter.limit.unwrap_or(100).min(500);
        let before = filter.before.unwrap_or(u64::MAX);
        let mut passed: Vec<&KeptIncident> = self.kept.values().rev().filter(passes).collect();
        let matched = passed.len();
        if filter.worst_first {
            // The sort is stable, so incidents of equal rank stay in order, the newest first.
            passed.sort_by_key(|kept| kept.rank());
        }
        let wanted = passed.into_iter().filter(|kept| kept.serial < before).skip(filter.offset).take(limit);
        List {
            matched,
            kept: self.kept.len(),
            revision: self.revision,
            incidents: wanted.map(KeptIncident::row).collect(),
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&KeptIncident> {
        self.kept.get(self.by_id.get(id)?)
    }

    /// The incidents that changed after `revision`, the latest change first.
    pub(super) fn changed_since(&self, revision: u64, most: usize) -> Vec<Row<'_>> {
        let after = self.changes.range(revision + 1..).rev();
        after.take(most).filter_map(|(_, serial)| self.kept.get(serial)).map(KeptIncident::row).collect()
    }

    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn bytes_anew(&self) -> usize {
        self.kept.values().map(KeptIncident::weight).sum()
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn open_by_severity(&self) -> [u64; 3] {
        self.open_by_severity
    }

    pub(super) fn opened_by_detector(&self) -> [u64; DetectorName::ALL.len()] {
        self.opened_by_detector
    }
}
