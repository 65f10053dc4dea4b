//! The open silences: in the order of their opening, by incident, and by when their keys stopped.
//!
//! Keys that stop together belong to one incident, so a silent key asks which open incident stopped
//! at about its time. Two indices answer by whole seconds of running time: they read the seconds
//! around the one that is asked for, not every open incident.
//!
//! Deadlines are in running time, counted from the beginning of the stream: an incident is examined
//! when its key is gone, or at the next tick when its key or the incident itself was forgotten.
//! Memory: 350 bytes an incident, the names that it lists, and 32 bytes for each key that joined.

use super::GONE_S;
use crate::engine::deadlines::after;
use crate::engine::detector::tracker::IncidentTracker;
use crate::engine::incident::{IncidentId, Incidents};
use crate::engine::state::{Weight, allocated};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Names that a finding lists of keys that stopped with its own.
const LISTED: usize = 8;
/// Bytes of an incident in the three indices.
const INDEX_BYTES: usize = 120;
/// Bytes of a key that joined an incident and is parked.
const JOINED_BYTES: usize = 32;

/// An open incident: whose it is, and who joined it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenSilence {
    pub(super) id: IncidentId,
    pub(super) member: usize,
    pub(super) key: u64,
    /// When the key spoke last.
    pub(super) stopped: f64,
    /// One of the key's usual long gaps.
    pub(super) usual: f64,
    /// What the next update adds to the count of the incident: each time as much as it is, so that
    /// updates come at doubling counts.
    pub(super) weight: u64,
    /// When the last key that belongs to the incident spoke last.
    pub(super) latest: f64,
    /// Names of keys that joined, and how many more there are.
    pub(super) also: Vec<String>,
    pub(super) unlisted: u32,
    /// Members and keys that joined and are parked until the incident is over.
    #[serde(skip)]
    pub(super) joined: BTreeSet<(u8, u64)>,
}

impl OpenSilence {
    pub(super) fn is_of(&self, member: usize, key: u64) -> bool {
        (self.member, self.key) == (member, key)
    }
}

/// All open silences. Few are open at a time: five open in a warm-up time, and each ends within a
/// day.
#[derive(Debug, Default)]
pub(super) struct OpenSilences {
    /// By number. Numbers ascend as incidents open, so the tracker's order is the order of opening.
    tracker: IncidentTracker<OpenSilence>,
    /// The number of the next incident.
    next: u64,
    numbers: BTreeMap<IncidentId, u64>,
    /// The second in which an incident's own key stopped, and the incident's number.
    stopped: BTreeSet<(u64, u64)>,
    /// An incident's member, the second in which the last of its keys stopped, and its number.
    latest: BTreeSet<(usize, u64, u64)>,
}

impl OpenSilences {
    /// Adds an incident that `incidents` was told to open.
    pub(super) fn open(&mut self, silence: OpenSilence, incidents: &Incidents) {
        let number = self.index(&silence);
        let deadline = gone_at(silence.stopped);
        self.tracker.open(number, silence.id, silence, deadline, incidents);
    }

    /// Numbers an incident and puts it into the indices.
    fn index(&mut self, silence: &OpenSilence) -> u64 {
        let number = self.next;
        self.next += 1;
        self.numbers.insert(silence.id, number);
        self.stopped.insert((silence.stopped as u64, number));
        self.latest.insert((silence.member, silence.latest as u64, number));
        number
    }

    /// The number of the incident `id`, if it is open.
    pub(super) fn number_of(&self, id: IncidentId) -> Option<u64> {
        self.numbers.get(&id).copied()
    }

    pub(super) fn get(&self, number: u64) -> Option<&OpenSilence> {
        self.tracker.get(number)
    }

    /// The same to change; what the indices hold (`id`, `member`, `stopped`, `latest`) stays.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut OpenSilence> {
        self.tracker.get_mut(number)
    }

    /// The incident that opened last.
    pub(super) fn last(&self) -> Option<u64> {
        self.tracker.incidents().last_key_value().map(|(number, _)| *number)
    }

    /// The incident that opened first of those whose own key stopped within `seconds` of `at` and
    /// that `matches`.
    pub(super) fn stopped_near(&self, at: f64, seconds: f64, matches: impl Fn(&OpenSilence) -> bool) -> Option<u64> {
        let around = around(at, seconds);
        let near = self.stopped.range((*around.start(), 0)..=(*around.end(), u64::MAX));
        self.first_of(near.map(|(_, number)| *number), matches)
    }

    /// The incident of `member` that opened first of those whose last key stopped within `seconds`
    /// of `at` and that `matches`.
    pub(super) fn latest_near(
        &self,
        member: usize,
        at: f64,
        seconds: f64,
        matches: impl Fn(&OpenSilence) -> bool,
    ) -> Option<u64> {
        let around = around(at, seconds);
        let near = self.latest.range((member, *around.start(), 0)..=(member, *around.end(), u64::MAX));
        self.first_of(near.map(|(.., number)| *number), matches)
    }

    fn first_of(&self, numbers: impl Iterator<Item = u64>, matches: impl Fn(&OpenSilence) -> bool) -> Option<u64> {
        numbers.filter(|number| self.get(*number).is_some_and(&matches)).min()
    }

    /// A key called `name` that spoke last at `stopped` joins an incident.
    pub(super) fn join(&mut self, number: u64, stopped: f64, name: impl FnOnce() -> String) {
        let Some(open) = self.tracker.get_mut(number) else { return };
        open.weight += 1;
        if open.also.len() < LISTED {
            open.also.push(name());
        } else {
            open.unlisted += 1;
        }
        if stopped > open.latest {
            self.latest.remove(&(open.member, open.latest as u64, number));
            open.latest = stopped;
            self.latest.insert((open.member, open.latest as u64, number));
        }
    }

    /// Takes an incident that is over out.
    pub(super) fn end(&mut self, number: u64) -> Option<OpenSilence> {
        let silence = self.tracker.end(number)?;
        self.numbers.remove(&silence.id);
        self.stopped.remove(&(silence.stopped as u64, number));
        self.latest.remove(&(silence.member, silence.latest as u64, number));
        Some(silence)
    }

    /// A key that belongs to the incident `id` was forgotten: the incident is examined with the
    /// next tick.
    pub(super) fn hurry(&mut self, id: IncidentId) {
        if let Some(number) = self.number_of(id) {
            self.tracker.hurry(number);
        }
    }

    /// Incidents that may be over without a line at this running time, in the order of opening.
    /// [`Self::go_on`] says of each that is not.
    pub(super) fn due(&mut self, running: f64, incidents: &Incidents) -> Vec<u64> {
        self.tracker.due(Timestamp((running * 1e9) as i64), incidents)
    }

    /// The incident is not over.
    pub(super) fn go_on(&mut self, number: u64) {
        if let Some(open) = self.tracker.get(number) {
            let deadline = gone_at(open.stopped);
            self.tracker.go_on(number, deadline);
        }
    }

    /// What is kept across a restart: the incidents in the order of opening.
    pub(super) fn state(&self) -> Vec<OpenSilence> {
        self.tracker.incidents().values().cloned().collect()
    }

    /// Goes on with incidents that were kept. All are examined with the next tick.
    pub(super) fn resume(&mut self, kept: Vec<OpenSilence>) {
        *self = Self::default();
        let numbered = kept.into_iter().map(|silence| (self.index(&silence), silence)).collect();
        self.tracker.resume(numbered, Default::default());
    }

    /// What they take beside the tables of keys.
    pub(super) fn weights(&self) -> [Weight; 2] {
        self.tracker.weights(|open| {
            let names: usize = open.also.iter().map(|name| allocated(name.len()) + size_of::<String>()).sum();
            INDEX_BYTES + names + open.joined.len() * JOINED_BYTES
        })
    }
}

/// Whole seconds in which a time within `seconds` of `at` may lie, with one more at each end, so
/// that rounding leaves none out.
fn around(at: f64, seconds: f64) -> RangeInclusive<u64> {
    (at - seconds - 1.0) as u64..=(at + seconds + 1.0) as u64
}

/// When a key that spoke last at `stopped` is taken for gone.
fn gone_at(stopped: f64) -> Timestamp {
    after(Timestamp(0), stopped + GONE_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::incident::Policy;
    use proptest::prelude::*;

    fn silence(id: u64, member: usize, stopped: f64) -> OpenSilence {
        OpenSilence {
            id: IncidentId(id),
            member,
            key: id,
            stopped,
            usual: 1.0,
            weight: 1,
            latest: stopped,
            also: Vec::new(),
            unlisted: 0,
            joined: BTreeSet::new(),
        }
    }

    fn open(silences: impl IntoIterator<Item = OpenSilence>) -> (OpenSilences, Incidents) {
        let (mut open, incidents) = (OpenSilences::default(), Incidents::new(Policy::default(), 10));
        silences.into_iter().for_each(|silence| open.open(silence, &incidents));
        (open, incidents)
    }

    #[test]
    fn a_silence_is_found_by_incident_and_by_when_its_keys_stopped() {
        let (mut all, _) = open([silence(70, 0, 100.5), silence(30, 1, 90.0), silence(50, 1, 100.0)]);
        assert_eq!((all.number_of(IncidentId(30)), all.last()), (Some(1), Some(2)));
        // Of two that stopped then, the one that opened first.
        assert_eq!(all.stopped_near(101.0, 1.0, |_| true), Some(0));
        assert_eq!(all.stopped_near(101.0, 1.0, |open| open.member == 1), Some(2));
        assert_eq!(all.latest_near(1, 400.0, 300.0, |_| true), Some(2));
        all.join(1, 350.0, || "host h1".to_owned());
        assert_eq!(all.latest_near(1, 400.0, 300.0, |_| true), Some(1));
        assert_eq!(all.end(1).map(|over| over.also), Some(vec!["host h1".to_owned()]));
        assert_eq!(all.latest_near(1, 400.0, 100.0, |_| true), None);
        assert_eq!((all.number_of(IncidentId(30)), all.stopped_near(90.0, 2.0, |_| true)), (None, None));
    }

    #[test]
    fn only_what_may_be_over_is_due() {
        let (mut all, incidents) = open([silence(1, 0, 100.0), silence(2, 0, 200.0)]);
        // Neither is open among the incidents, so both are examined at once.
        assert_eq!(all.due(300.0, &incidents), [0, 1]);
        [0, 1].into_iter().for_each(|number| all.go_on(number));
        assert_eq!(all.due(86_400.0, &incidents), [0; 0]);
        assert_eq!(all.due(86_500.0, &incidents), [0]);
        all.hurry(IncidentId(2));
        all.hurry(IncidentId(9));
        assert_eq!(all.due(86_501.0, &incidents), [1]);
    }

    #[test]
    fn a_restart_keeps_the_order_of_opening_and_examines_all() {
        let (mut all, incidents) = open([silence(7, 0, 100.0), silence(3, 0, 50.0), silence(5, 1, 70.0)]);
        all.end(0);
        let mut again = OpenSilences::default();
        again.resume(all.state());
        assert_eq!([3, 5].map(|id| again.number_of(IncidentId(id))), [Some(0), Some(1)]);
        assert_eq!(again.due(71.0, &incidents), [0, 1]);
        assert_eq!(again.latest_near(1, 70.0, 1.0, |_| true), Some(1));
    }

    #[test]
    fn names_and_keys_that_joined_are_weighed() {
        let (mut all, _) = open([silence(1, 0, 100.0)]);
        let bytes = |all: &OpenSilences| all.weights().iter().map(|weight| weight.bytes).sum::<usize>();
        let before = bytes(&all);
        all.join(0, 101.0, || "x".repeat(200));
        all.get_mut(0).unwrap().joined.insert((0, 9));
        assert!(bytes(&all) >= before + 232, "{before} {}", bytes(&all));
    }

    proptest! {
        #[test]
        fn an_index_answers_as_a_walk_of_all_would(
            stops in proptest::collection::vec((0_usize..3, 0_u32..4_000), 0..60),
            (ended, member, at, within) in (0_u64..60, 0_usize..3, 0_u32..4_000, 0_u32..500),
        ) {
            let stops: Vec<_> = stops.into_iter().map(|(member, tenths)| (member, f64::from(tenths) / 10.0)).collect();
            let silences = stops.iter().zip(0_u64..).map(|(&(member, stopped), id)| silence(id, member, stopped));
            let (mut all, _) = open(silences);
            all.end(ended);
            let (at, within) = (f64::from(at) / 10.0, f64::from(within) / 10.0);
            let walk = |matches: &dyn Fn(usize, f64) -> bool| {
                let known = stops.iter().zip(0_u64..).filter(|(_, number)| *number != ended);
                known.filter(|((member, stopped), _)| matches(*member, *stopped)).map(|(_, number)| number).next()
            };
            let near = |stopped: f64| (stopped - at).abs() <= within;
            prop_assert_eq!(all.stopped_near(at, within, |open| near(open.stopped)), walk(&|_, stopped| near(stopped)));
            prop_assert_eq!(
                all.latest_near(member, at, within, |open| near(open.latest)),
                walk(&|of, stopped| of == member && near(stopped))
            );
        }
    }
}
