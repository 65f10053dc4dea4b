//! The open incidents: by id, by what they are about, and the one that was quiet longest first.
//!
//! Each is weighed when it opens and when what is said of it changes, so that their weight is known
//! and not estimated. To forget one costs the logarithm of their number. Memory: about 500 bytes an
//! incident and its texts, 12 KiB at most.

use super::finding::{self, Finding, Key, Severity, State};
use super::incident::{IncidentId, Opening, Policy, round};
use super::state::allocated;
use super::storm::Storm;
use crate::event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::Xxh3;

/// Bytes of an incident's places in the maps, with the room that trees leave free.
const PLACES_BYTES: usize = 96;
/// Bytes of each name and value of its key in the index of places.
const PAIR_BYTES: usize = 48;
/// So many of the incidents that share a part of their key with a place are looked at, the newest
/// first.
const LOOKED_AT: usize = 64;

/// An open incident. What led up to it is said once, when it opens, and not kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Incident {
    pub(super) opening: Opening,
    pub(super) opened_at: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
    /// The count at which it is said again.
    announce_at: u64,
    /// The worst severity that was said. None in states of versions that did not know.
    #[serde(default)]
    said: Option<Severity>,
    /// What it stands for, where it is a storm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) storm: Option<Box<Storm>>,
    /// Where it stands in the order in which incidents are forgotten.
    #[serde(skip)]
    pub(super) noted: Timestamp,
    /// About how many bytes it takes.
    #[serde(skip)]
    pub(super) weight: usize,
}

impl Incident {
    pub(super) fn new(opening: Opening, now: Timestamp) -> Self {
        let count = opening.count.max(1);
        let announce_at = count.saturating_mul(2);
        let said = Some(opening.severity);
        Self { opening, opened_at: now, last: now, count, announce_at, said, storm: None, noted: now, weight: 0 }
    }

    /// An incident that stands for many.
    pub(super) fn of_storm(opening: Opening, now: Timestamp) -> Self {
        Self { storm: Some(Box::default()), ..Self::new(opening, now) }
    }

    /// Adds events; true when the count has doubled since it was last said, or when it has become
    /// worse.
    pub(super) fn add(&mut self, events: u64, level: Option<Level>, now: Timestamp) -> bool {
        self.count = self.count.saturating_add(events);
        self.last = self.last.max(now);
        self.opening.worst = self.opening.worst.max(level);
        let has_doubled = self.count >= self.announce_at;
        if has_doubled {
            self.announce_at = self.count.saturating_mul(2);
        }
        let is_told = has_doubled || self.said.is_some_and(|said| self.opening.severity > said);
        if is_told {
            self.say();
        }
        is_told
    }

    /// Its present severity is being said.
    pub(super) fn say(&mut self) {
        self.said = Some(self.opening.severity);
    }

    /// It ends. An end is no place to say for the first time how bad it was.
    pub(super) fn end(&mut self) {
        self.opening.severity = self.said.unwrap_or(self.opening.severity);
    }

    /// Where it is a storm, brings what is said of it up to date.
    pub(super) fn tell_storm(&mut self) {
        if let Some(storm) = &self.storm {
            let lasted_s = self.last.seconds_since(self.opened_at).max(0.0);
            storm.tell(&mut self.opening, self.count, round(lasted_s, 3));
            let Opening { key, summary, cause, remedy, .. } = &mut self.opening;
            finding::fit(key, summary, cause, remedy);
        }
    }

    pub(super) fn finding(&self, id: IncidentId, state: State, now: Timestamp, policy: &Policy) -> Finding {
        let opening = &self.opening;
        Finding {
            id: format!("{:016x}", id.0),
            said_at: now,
            detector: opening.detector,
            kind: opening.kind.clone(),
            rule: opening.rule.clone(),
            state,
            severity: opening.severity,
            respond_within: policy.respond_within(opening.worst),
            key: opening.key.clone(),
            opened_at: self.opened_at,
            count: self.count,
            score: round(opening.score, 3),
            summary: opening.summary.clone(),
            evidence: opening.evidence.clone(),
            cause: opening.cause.clone(),
            remedy: opening.remedy.clone(),
            context: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct OpenIncidents {
    by_id: BTreeMap<IncidentId, Incident>,
    /// When each was joined last, as far as was noted: those that go on are noted again when they
    /// come to the front.
    quiet: BTreeSet<(Timestamp, u64)>,
    /// Those of detectors of what happens, by a name and its value, and when they opened.
    places: BTreeSet<(u64, Timestamp, IncidentId)>,
    bytes: usize,
}

impl OpenIncidents {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn contains(&self, id: IncidentId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(super) fn get(&self, id: IncidentId) -> Option<&Incident> {
        self.by_id.get(&id)
    }

    /// An incident to be changed in all but its key; after a change of its texts it is to be
    /// weighed again.
    pub(super) fn get_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        self.by_id.get_mut(&id)
    }

    /// In the order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (IncidentId, &Incident)> {
        self.by_id.iter().map(|(id, incident)| (*id, incident))
    }

    pub(super) fn insert(&mut self, id: IncidentId, mut incident: Incident) {
        incident.noted = incident.last;
        // It was put together by appending, and stays for long.
        incident.opening.summary.shrink_to_fit();
        incident.weight = weight_of(&incident);
        self.bytes += incident.weight;
        self.quiet.insert((incident.noted, id.0));
        for place in places_of(&incident.opening) {
            self.places.insert((place, incident.opened_at, id));
        }
        self.by_id.insert(id, incident);
    }

    pub(super) fn remove(&mut self, id: IncidentId) -> Option<Incident> {
        let incident = self.by_id.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(incident.weight);
        self.quiet.remove(&(incident.noted, id.0));
        for place in places_of(&incident.opening) {
            self.places.remove(&(place, incident.opened_at, id));
        }
        Some(incident)
    }

    /// The texts of an incident have changed.
    pub(super) fn weigh(&mut self, id: IncidentId) {
        if let Some(incident) = self.by_id.get_mut(&id) {
            let before = std::mem::replace(&mut incident.weight, 0);
            incident.weight = weight_of(incident);
            self.bytes = self.bytes.saturating_sub(before) + incident.weight;
        }
    }

    /// The one that nothing was added to for longest.
    pub(super) fn quietest(&mut self) -> Option<IncidentId> {
        loop {
            let (noted, id) = *self.quiet.first()?;
            let id = IncidentId(id);
            let Some(incident) = self.by_id.get_mut(&id) else {
                self.quiet.pop_first();
                continue;
            };
            if incident.last == noted {
                return Some(id);
            }
            incident.noted = incident.last;
            self.quiet.pop_first();
            self.quiet.insert((incident.last, id.0));
        }
    }

    /// The newest of a detector of what happens that is about this place.
    pub(super) fn at(&self, place: &Key) -> Option<IncidentId> {
        let newest = |part: u64| {
            let (first, last) =
                ((part, Timestamp(i64::MIN), IncidentId(0)), (part, Timestamp(i64::MAX), IncidentId(u64::MAX)));
            let ids = self.places.range(first..=last).rev().take(LOOKED_AT);
            let mut there =
                ids.filter(|(_, _, id)| self.by_id.get(id).is_some_and(|incident| incident.opening.key.is_at(place)));
            there.next().map(|(_, opened_at, id)| (*opened_at, *id))
        };
        place.0.iter().filter_map(|(name, value)| newest(part_of(name, value))).max().map(|(_, id)| id)
    }
}

/// Under which parts of its key an incident is found.
fn places_of(opening: &Opening) -> impl Iterator<Item = u64> {
    let parts = if opening.detector.properties().explainable { opening.key.0.as_slice() } else { &[] };
    parts.iter().map(|(name, value)| part_of(name, value))
}

fn part_of(name: &str, value: &str) -> u64 {
    let mut hash = Xxh3::new();
    for part in [name, value] {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.digest()
}

/// About how many bytes an incident takes.
fn weight_of(incident: &Incident) -> usize {
    let opening = &incident.opening;
    let text = |text: &String| allocated(text.capacity());
    let optional = |text: &Option<String>| text.as_ref().map_or(0, |text| allocated(text.capacity()));
    let key: usize = opening.key.0.iter().map(|(name, value)| PAIR_BYTES + text(name) + text(value)).sum();
    let texts = [&opening.kind, &opening.summary, &opening.evidence.unit, &opening.evidence.test].map(text);
    let others = [&opening.rule, &opening.cause, &opening.remedy].map(optional);
    let more: usize =
        opening.evidence.more.iter().map(|(name, value)| PAIR_BYTES + text(name) + size_of_value(value)).sum();
    let context: usize = opening.context.iter().map(|line| size_of::<String>() + text(line)).sum();
    let storm = incident.storm.as_ref().map_or(0, |keys| keys.heap_size());
    let own =
        size_of::<Incident>() + PLACES_BYTES + allocated(opening.key.0.capacity() * size_of::<(String, String)>());
    own + key + texts.iter().sum::<usize>() + others.iter().sum::<usize>() + more + context + storm
}

fn size_of_value(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => allocated(text.capacity()),
            Value::Array(items) => items.iter().map(size_of_value).sum(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| PAIR_BYTES + allocated(name.capacity()) + size_of_value(value)).sum()
            }
        }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Evidence;
    use super::*;
    use crate::engine::finding::DetectorName;
    use proptest::prelude::*;

    fn incident(detector: DetectorName, key: &[(&str, u8)], now: Timestamp) -> Incident {
        let opening = Opening {
            detector,
            kind: "x".into(),
            rule: None,
            severity: Severity::Info,
            key: Key(key.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect()),
            count: 1,
            score: 0.0,
            summary: String::new(),
            evidence: Evidence::default(),
            worst: None,
            cause: None,
            remedy: None,
            context: Vec::new(),
        };
        Incident::new(opening, now)
    }

    proptest! {
        /// What the indexes say is what a walk over all of them would.
        #[test]
        fn indexes_agree_with_a_walk(steps in proptest::collection::vec((0u8..4, 0u64..20, 0u8..3, 0u8..3), 0..200)) {
            let mut open = OpenIncidents::default();
            for (i, (step, id, module, host)) in steps.into_iter().enumerate() {
                let (id, now) = (IncidentId(id), Timestamp(i as i64 / 3));
                let key = [("module", module), ("host", host)];
                let detector = [DetectorName::Burst, DetectorName::Rule][usize::from(step) % 2];
                match step {
                    0 | 1 => {
                        open.remove(id);
                        open.insert(id, incident(detector, &key[..usize::from(host).clamp(1, 2)], now));
                    }
                    2 => drop(open.remove(id)),
                    _ => if let Some(incident) = open.get_mut(id) {
                        incident.add(1, None, now);
                        incident.opening.summary.push_str("more");
                        open.weigh(id);
                    },
                }
                let quietest = open.iter().min_by_key(|(_, incident)| incident.last).map(|(id, _)| id);
                prop_assert_eq!(open.quietest(), quietest);
                let place = Key(key.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect());
                let there = open.iter().filter(|(_, incident)| {
                    incident.opening.detector == DetectorName::Burst && incident.opening.key.is_at(&place)
                });
                let newest = there.max_by_key(|(_, incident)| incident.opened_at).map(|(id, _)| id);
                prop_assert_eq!(open.at(&place), newest);
                prop_assert_eq!(open.bytes(), open.iter().map(|(_, incident)| weight_of(incident)).sum::<usize>());
            }
        }
    }
}
