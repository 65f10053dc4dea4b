//! The table of open incidents, with indexes by locality and by the time of the last event.
//!
//! The size of an incident is computed when it opens and when its texts change, so the total is
//! known and not estimated. Evicting one takes logarithmic time. Memory: about 500 bytes an
//! incident and its texts, at most 12 KiB.

use super::storm::Storm;
use super::{IncidentId, Opening, Policy};
use crate::engine::finding::{
    self, Evidence, Finding, IncidentJson, Key, RuleFinding, Severity, State, Summary, TEXT_BYTES, hash_of_parts, round,
};
use crate::engine::state::allocated;
use crate::event::{Level, Timestamp};
use crate::narrate::{self, Language, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of an incident's entries in the maps, including the free room that trees leave.
const PLACES_BYTES: usize = 96;
/// Bytes of each name and value of its key in the index by locality.
const PAIR_BYTES: usize = 48;
/// Most incidents that are checked per part of a locality, the newest first.
const LOOKED_AT: usize = 64;

/// An open incident. Its context lines are reported once, when it opens, and not stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "IncidentSnapshot", into = "IncidentSnapshot")]
pub(super) struct Incident {
    pub(super) opening: Opening,
    /// The sentence of the last report.
    pub(super) sentence: String,
    /// The language of the sentence; an incident keeps it.
    language: Language,
    /// The rule that explains the incident, and its summary.
    explained_by: Option<String>,
    /// Its duration in seconds, once it has ended.
    duration_s: Option<f64>,
    pub(super) opened_at: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
    /// The count at which the next report is due.
    announce_at: u64,
    /// The last severity reported. None in snapshots of versions that did not store it.
    said: Option<Severity>,
    /// The incidents that it stands for, where it is a storm.
    pub(super) storm: Option<Box<Storm>>,
    /// Its position in the index by last event, which can be older than `last`.
    pub(super) noted: Timestamp,
    /// Its approximate size in bytes.
    pub(super) weight: usize,
}

/// The snapshot of [`Incident`].
#[derive(Serialize, Deserialize)]
struct IncidentSnapshot {
    opening: IncidentJson,
    opened_at: Timestamp,
    last: Timestamp,
    count: u64,
    announce_at: u64,
    #[serde(default)]
    language: Language,
    #[serde(default)]
    said: Option<Severity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storm: Option<Box<Storm>>,
}

impl From<Incident> for IncidentSnapshot {
    fn from(incident: Incident) -> Self {
        let Incident {
            opening,
            sentence,
            language,
            explained_by,
            opened_at,
            last,
            count,
            announce_at,
            said,
            storm,
            ..
        } = incident;
        let opening = IncidentJson::new(&opening, &sentence, explained_by.as_deref());
        Self { opening, opened_at, last, count, announce_at, language, said, storm }
    }
}

impl From<IncidentSnapshot> for Incident {
    fn from(kept: IncidentSnapshot) -> Self {
        let IncidentSnapshot { opening, opened_at, last, count, announce_at, language, said, storm } = kept;
        let (opening, sentence, explained_by) = opening.into_parts();
        let (noted, weight, duration_s) = (last, 0, None);
        Self {
            opening,
            sentence,
            language,
            explained_by,
            duration_s,
            opened_at,
            last,
            count,
            announce_at,
            said,
            storm,
            noted,
            weight,
        }
    }
}

impl Incident {
    pub(super) fn new(mut opening: Opening, now: Timestamp, language: Language) -> Self {
        opening.key.fit();
        opening.remedy = opening.remedy.or_else(|| narrate::remedy(language, opening.detector, &opening.kind));
        opening.cause.iter_mut().chain(&mut opening.remedy).for_each(|text| finding::cut(text, TEXT_BYTES));
        let count = opening.count.max(1);
        let mut incident = Self {
            said: Some(opening.severity),
            opening,
            sentence: String::new(),
            language,
            explained_by: None,
            duration_s: None,
            opened_at: now,
            last: now,
            count,
            announce_at: count.saturating_mul(2),
            storm: None,
            noted: now,
            weight: 0,
        };
        incident.tell();
        incident
    }

    /// A storm: an incident that stands for many.
    pub(super) fn of_storm(opening: Opening, now: Timestamp, language: Language) -> Self {
        Self { storm: Some(Box::default()), ..Self::new(opening, now, language) }
    }

    /// Adds events. True when a report is due: the count has doubled since the last one, or the
    /// severity has risen.
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

    /// Records that the current severity is reported.
    pub(super) fn say(&mut self) {
        self.said = Some(self.opening.severity);
    }

    /// Renders the sentence from the current data.
    pub(super) fn tell(&mut self) {
        let Opening { detector, kind, key, measured, evidence, .. } = &self.opening;
        let subject = Subject { detector: *detector, kind, key, measured, evidence };
        self.sentence = narrate::summary(self.language, &subject);
        finding::fit_sentence(self.language, &mut self.sentence, key);
        if let Evidence::Rule(rule) = &mut self.opening.evidence {
            // The sentence is the rule's own text, so it is stored once.
            rule.said = String::new();
        }
    }

    /// Removes what it quotes of its events. What a rule says is its author's.
    pub(super) fn drop_quotes(&mut self) {
        if let Some(storm) = &mut self.storm {
            storm.drop_quotes();
        }
        self.opening.evidence.drop_quotes();
        if !matches!(self.opening.evidence, Evidence::Rule(_)) {
            self.tell();
        }
    }

    /// Adds the cause that a rule knows. False if a cause or remedy is already known.
    pub(super) fn explain(&mut self, found: &RuleFinding) -> bool {
        let Opening { severity, cause, remedy, .. } = &mut self.opening;
        if cause.is_some() || remedy.is_some() {
            return false;
        }
        (*cause, *remedy) = (found.cause.clone(), found.remedy.clone());
        *severity = (*severity).max(found.severity);
        let mut explained_by = format!("{}: {}", found.rule, found.summary);
        let known = cause.iter_mut().chain(remedy).chain([&mut explained_by]);
        known.for_each(|text| finding::cut(text, TEXT_BYTES));
        self.explained_by = Some(explained_by);
        true
    }

    /// Ends the incident after at least `lasted` seconds. Resets the severity to the one last
    /// reported, because the last finding should not be the first to raise it.
    pub(super) fn end(&mut self, lasted: f64) {
        self.duration_s = Some(self.last.seconds_since(self.opened_at).max(0.0).max(lasted));
        self.opening.severity = self.said.unwrap_or(self.opening.severity);
    }

    /// For a storm, updates its measurements and sentence.
    pub(super) fn update_storm(&mut self) {
        if let Some(storm) = &self.storm {
            let lasted_s = self.last.seconds_since(self.opened_at).max(0.0);
            storm.update(&mut self.opening, self.count, round(lasted_s, 3));
            self.tell();
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
            duration_s: self.duration_s,
            score: round(opening.score, 3),
            summary: Summary {
                ending: self.duration_s.map(|seconds| narrate::ending(self.language, seconds)),
                sentence: self.sentence.clone(),
                unsaid: finding::unsaid(self.language, &self.sentence, &opening.key),
            },
            language: self.language,
            measured: opening.measured.clone(),
            evidence: opening.evidence.clone(),
            explained_by: self.explained_by.clone(),
            cause: opening.cause.clone(),
            remedy: opening.remedy.clone(),
            context: Vec::new(),
            situation: None,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct OpenIncidents {
    by_id: BTreeMap<IncidentId, Incident>,
    /// Incidents by the time of their last event. Updated lazily: an incident with newer events is
    /// moved when it reaches the front.
    quiet: BTreeSet<(Timestamp, u64)>,
    /// Explainable incidents by hash of one name and value of the key, then by opening time.
    places: BTreeSet<(u64, Timestamp, IncidentId)>,
    bytes: usize,
}

impl OpenIncidents {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Approximate size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn contains(&self, id: IncidentId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(super) fn get(&self, id: IncidentId) -> Option<&Incident> {
        self.by_id.get(&id)
    }

    /// An incident for changes to everything but its key. The caller must call [`Self::weigh`]
    /// after a change to its texts.
    pub(super) fn get_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        self.by_id.get_mut(&id)
    }

    /// All incidents, ordered by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (IncidentId, &Incident)> {
        self.by_id.iter().map(|(id, incident)| (*id, incident))
    }

    pub(super) fn insert(&mut self, id: IncidentId, mut incident: Incident) {
        incident.noted = incident.last;
        // The text was built by appending and is kept long, so unused capacity is worth freeing.
        incident.sentence.shrink_to_fit();
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

    /// Updates the size of an incident whose texts have changed.
    pub(super) fn weigh(&mut self, id: IncidentId) {
        if let Some(incident) = self.by_id.get_mut(&id) {
            let before = std::mem::replace(&mut incident.weight, 0);
            incident.weight = weight_of(incident);
            self.bytes = self.bytes.saturating_sub(before) + incident.weight;
        }
    }

    /// The incident without events for longest.
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

    /// The newest explainable incident at a locality.
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

/// The hashes under which an incident is in the index by locality; none if rules cannot explain it.
fn places_of(opening: &Opening) -> impl Iterator<Item = u64> {
    let parts = if opening.detector.properties().explainable { opening.key.0.as_slice() } else { &[] };
    parts.iter().map(|(name, value)| part_of(name, value))
}

fn part_of(name: &str, value: &str) -> u64 {
    hash_of_parts([name, value]).digest()
}

/// Approximate size of an incident in bytes.
fn weight_of(incident: &Incident) -> usize {
    let opening = &incident.opening;
    let text = |text: &String| allocated(text.capacity());
    let optional = |text: &Option<String>| text.as_ref().map_or(0, |text| allocated(text.capacity()));
    let key: usize = opening.key.0.iter().map(|(name, value)| PAIR_BYTES + text(name) + text(value)).sum();
    let texts = [&opening.kind, &incident.sentence].map(text);
    let others = [&opening.rule, &opening.cause, &opening.remedy, &incident.explained_by].map(optional);
    let storm = incident.storm.as_ref().map_or(0, |keys| keys.heap_size());
    let own =
        size_of::<Incident>() + PLACES_BYTES + allocated(opening.key.0.capacity() * size_of::<(String, String)>());
    own + key + texts.iter().sum::<usize>() + others.iter().sum::<usize>() + opening.evidence.heap_size() + storm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::{DetectorName, Measured};
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
            measured: Measured::default(),
            evidence: Evidence::default(),
            worst: None,
            cause: None,
            remedy: None,
            context: Vec::new(),
        };
        Incident::new(opening, now, Language::En)
    }

    proptest! {
        /// The indexes give the same results as a scan over all incidents.
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
                        incident.sentence.push_str("more");
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
