//! Storms: more incidents of one kind than anybody reads are reported as one.
//!
//! At most `limit` incidents of one detector, kind and rule are open at a time. Further ones join a
//! storm, an incident with the key `scope: storm`. It is reported at doubling counts and ends when
//! nothing has joined it for [`CALM_S`]. While it is open, the limit is halved: otherwise each end
//! of an incident that opened before the storm would let a new one open beside it.
//!
//! The number of different keys is estimated from the k smallest of their hashes (Bar-Yossef et
//! al., *Counting distinct elements in a data stream*, 2002): exact below k = 256, above with a
//! standard error of 1/√(k − 2) ≈ 6 %. Memory: 4 KiB a storm; there is at most one for each
//! detector, kind and rule.

use super::open_incidents::Incident;
use super::{IncidentId, Opening};
use crate::engine::finding::{Evidence, Key, Measured, StormEvidence, hash_of_parts, test, unit};
use crate::engine::state::allocated;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::Xxh3;

/// Seconds after the last incident that joined, after which a storm ends.
const CALM_S: f64 = 600.0;
/// The key of every storm.
const SCOPE: (&str, &str) = ("scope", "storm");
/// How many of the smallest key hashes are kept.
const SMALLEST: usize = 256;
/// Most bytes that the storm's summary quotes of its latest incident.
const QUOTED_BYTES: usize = 400;

/// The incidents that have joined a storm.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Storm {
    keys: Keys,
    /// The summary of the last one.
    latest: String,
}

impl Storm {
    /// Adds the incident `joins`. The storm takes on its severity, level and score if they are
    /// higher.
    pub(super) fn join(&mut self, joins: &Incident, storm: &mut Opening) {
        self.keys.add(&joins.opening.key);
        self.latest.clear();
        self.latest.push_str(&joins.sentence[..joins.sentence.floor_char_boundary(QUOTED_BYTES)]);
        storm.severity = storm.severity.max(joins.opening.severity);
        storm.worst = storm.worst.max(joins.opening.worst);
        storm.score = storm.score.max(joins.opening.score);
    }

    /// Removes what it quotes of the last incident that joined.
    pub(super) fn drop_quotes(&mut self) {
        self.latest.clear();
    }

    /// Updates the measurements and the evidence: `count` events in `lasted_s` seconds so far.
    pub(super) fn update(&self, storm: &mut Opening, count: u64, lasted_s: f64) {
        let measured = &mut storm.measured;
        (measured.observed, measured.samples, measured.window_s) = (self.keys.count(), count, Some(lasted_s));
        storm.evidence = Evidence::Storm(StormEvidence { latest: self.latest.clone() });
    }

    /// Approximate heap size in bytes.
    pub(super) fn heap_size(&self) -> usize {
        self.keys.0.len() * 16 + allocated(self.latest.capacity())
    }
}

/// The keys that have joined a storm: the smallest of their hashes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Keys(BTreeSet<u64>);

impl Keys {
    /// Adds the key of an incident that joined.
    fn add(&mut self, key: &Key) {
        let hash = hash_of_parts(key.parts()).digest();
        let is_full = self.0.len() >= SMALLEST;
        if is_full && self.0.last().is_some_and(|largest| hash >= *largest) {
            return;
        }
        if self.0.insert(hash) && is_full {
            self.0.pop_last();
        }
    }

    /// The estimated number of different keys.
    fn count(&self) -> f64 {
        let kept = self.0.len() as f64;
        match self.0.last() {
            Some(&largest) if self.0.len() >= SMALLEST => {
                let estimate = (kept - 1.0) / (largest as f64 / u64::MAX as f64);
                // Rounded to two digits, so that the estimate does not look like an exact count.
                let step = 10_f64.powf(estimate.log10().floor() - 1.0);
                (estimate / step).round() * step
            }
            _ => kept,
        }
    }
}

/// The number of open incidents of one detector, kind and rule, and their storm if one is open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    open: usize,
    storm: Option<IncidentId>,
}

/// All groups with an open incident.
#[derive(Clone, Debug)]
pub(super) struct Storms {
    groups: BTreeMap<u64, Group>,
    limit: usize,
    folded: u64,
}

impl Storms {
    pub(super) fn new(limit: usize) -> Self {
        Self { groups: BTreeMap::new(), limit: limit.max(1), folded: 0 }
    }

    /// True when the next incident of this group must join a storm.
    pub(super) fn takes(&self, group: u64) -> bool {
        self.groups.get(&group).is_some_and(|group| {
            group.open >= self.limit || (group.storm.is_some() && group.open >= self.limit.div_ceil(2))
        })
    }

    /// The open storm of this group.
    pub(super) fn of(&self, group: u64) -> Option<IncidentId> {
        self.groups.get(&group)?.storm
    }

    /// Counts an incident that joined a storm.
    pub(super) fn count(&mut self) {
        self.folded += 1;
    }

    pub(super) fn opened(&mut self, group: u64, id: IncidentId, is_storm: bool) {
        let group = self.groups.entry(group).or_default();
        if is_storm {
            group.storm = Some(id);
        } else {
            group.open += 1;
        }
    }

    pub(super) fn closed(&mut self, number: u64, id: IncidentId) {
        let Some(group) = self.groups.get_mut(&number) else { return };
        if group.storm == Some(id) {
            group.storm = None;
        } else {
            group.open = group.open.saturating_sub(1);
        }
        if group.open == 0 && group.storm.is_none() {
            self.groups.remove(&number);
        }
    }

    /// All open storms.
    pub(super) fn open(&self) -> impl Iterator<Item = IncidentId> {
        self.groups.values().filter_map(|group| group.storm)
    }

    /// Incidents that joined a storm instead of opening.
    pub(super) fn folded(&self) -> u64 {
        self.folded
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

/// The group that an incident belongs to.
pub(super) fn group_of(opening: &Opening) -> u64 {
    group(opening.detector as u8, &opening.kind, opening.rule.as_deref())
}

/// The group of a detector's kind, or of a rule, as a hash.
pub(super) fn group(detector: u8, kind: &str, rule: Option<&str>) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[detector]);
    for part in [kind, rule.unwrap_or_default()] {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.digest()
}

/// Opens a storm for `first`, the first incident above the limit.
pub(super) fn opening(first: Opening, limit: usize) -> Opening {
    let measured = Measured {
        observed: 1.0,
        unit: unit::INCIDENTS.into(),
        test: test::STORM.into(),
        threshold: Some(limit as f64),
        samples: first.count.max(1),
        window_s: Some(0.0),
        ..Measured::default()
    };
    let key = Key(vec![(SCOPE.0.into(), SCOPE.1.into())]);
    Opening { key, measured, evidence: Evidence::Storm(StormEvidence::default()), context: Vec::new(), ..first }
}

/// True when a storm whose last incident joined at `last` has ended by `now`.
pub(super) fn is_over(last: Timestamp, now: Timestamp) -> bool {
    now.seconds_since(last) > CALM_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_once_and_beyond_a_few_about() {
        let key = |i: usize| Key(vec![("module".into(), format!("m-{i}"))]);
        let mut keys = Keys::default();
        assert_eq!(keys.count(), 0.0);
        for i in 0..SMALLEST - 1 {
            keys.add(&key(i));
            keys.add(&key(i / 2));
        }
        assert_eq!(keys.count(), (SMALLEST - 1) as f64);
        for (from, to) in [(0, 1_000), (1_000, 10_000), (10_000, 200_000)] {
            (from..to).for_each(|i| keys.add(&key(i)));
            let off = keys.count() / to as f64;
            assert!((0.8..1.25).contains(&off), "{} of {to}", keys.count());
            assert_eq!(keys.0.len(), SMALLEST);
        }
    }

    #[test]
    fn a_group_is_full_at_its_limit_and_in_a_storm_at_half_of_it() {
        let mut storms = Storms::new(4);
        let id = |i: u64| IncidentId(i);
        (0..4).for_each(|i| storms.opened(7, id(i), false));
        assert!(storms.takes(7) && !storms.takes(8));
        storms.closed(7, id(0));
        assert!(!storms.takes(7));
        storms.opened(7, id(9), true);
        assert!(storms.takes(7));
        (1..3).for_each(|i| storms.closed(7, id(i)));
        assert!(!storms.takes(7));
        storms.closed(7, id(3));
        assert_eq!(storms.open().collect::<Vec<_>>(), [id(9)]);
        storms.closed(7, id(9));
        assert!(storms.groups.is_empty());
    }
}
