//! Which slow operations are one finding, and which are none.
//!
//! *Together*: an operation that became slow when another of its module did joins that incident. It
//! did if the calls that show it began to come before the other incident was opened, so that
//! nothing tells which was first; one slow call, if it began at most ten seconds after that. On a
//! host that is slow alone the operations of a module are one incident whenever they show it. A
//! call inside of one that was told, which was logged after that one, joins it (`opening.rs`).
//!
//! *By the clock*: what was slow at this hour yesterday, or at this hour on two of the last eight
//! days (a batch at night, a backup), is held: it becomes a finding when it goes on for longer
//! than it did then, or is half as slow again. A module's operations share what is remembered,
//! because each alone may have too few calls at night to be seen every time.
//!
//! Memory: the data of each open incident, and sixteen spans of 24 bytes for each module that had
//! a shift. Cold start: nothing is held.

use super::operation::OpenLatency;
use super::window::HostId;
use crate::engine::deadlines::after;
use crate::engine::detector::Report;
use crate::engine::detector::tracker::{AttributedSlots, IncidentTracker};
use crate::engine::incident::{IncidentId, Incidents};
use crate::engine::snapshot::Stateful;
use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot, allocated};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DAY_S: f64 = 86_400.0;
/// Days after which a span is forgotten: a week, and the day on which it is asked for.
const DAYS: i64 = 8;
/// Days ago that count alone: what comes every day, and what comes every week.
const ALONE: [i64; 2] = [1, 7];
/// A job begins earlier or later by so much, in seconds; a long one by half of its length.
const DRIFT_S: f64 = 900.0;
const DRIFT_SHARE: f64 = 0.5;
const LONGEST_DRIFT_S: f64 = 7_200.0;
/// What is slower than it was then by this factor is news.
const WORSE: f64 = 1.5;
/// Seconds after an incident was opened in which one slow call of the module belongs to it: what
/// stops a module stops its operations, each at its next call.
const TOGETHER_S: f64 = 10.0;
/// Spans that are remembered of a module.
const SPANS: usize = 16;

/// A time in which a module had slow operations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Span {
    began: Timestamp,
    ended: Timestamp,
    /// By how much the slowest was slower than usual.
    factor: f64,
}

impl Span {
    /// True when `now` lies in this span by the time of day, `days` later.
    fn recurs(&self, now: Timestamp, days: i64) -> bool {
        let drift = DRIFT_S.max(DRIFT_SHARE * self.ended.seconds_since(self.began)).min(LONGEST_DRIFT_S);
        let later = days as f64 * DAY_S;
        now.seconds_since(self.began) >= later - drift && now.seconds_since(self.ended) <= later + drift
    }
}

/// The times in which a module had slow operations, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Spans(Vec<Span>);

impl HeapSize for Spans {
    fn heap_size(&self) -> usize {
        allocated(self.0.capacity() * size_of::<Span>())
    }
}

impl Spans {
    fn add(&mut self, span: Span) {
        match self.0.last_mut() {
            Some(last) if span.began.seconds_since(last.ended) <= DRIFT_S => {
                last.began = last.began.min(span.began);
                last.ended = last.ended.max(span.ended);
                last.factor = last.factor.max(span.factor);
            }
            _ => {
                let oldest = after(span.ended, -(DAYS as f64 * DAY_S) - LONGEST_DRIFT_S);
                let full = self.0.len() >= SPANS;
                self.0.drain(..usize::from(full));
                self.0.retain(|one| one.ended >= oldest);
                self.0.push(span);
            }
        }
    }

    /// How slow it was at this time of day before, at most.
    fn known_factor(&self, now: Timestamp) -> Option<f64> {
        let recurring = self.0.iter().filter(|span| (1..=DAYS).any(|day| span.recurs(now, day)));
        recurring.map(|span| span.factor).reduce(f64::max)
    }

    /// True when it was as slow as `factor` at this time of day before.
    fn recur(&self, now: Timestamp, factor: f64) -> bool {
        let mut days = 0;
        for span in self.0.iter().filter(|span| factor <= WORSE * span.factor) {
            let Some(day) = (1..=DAYS).find(|day| span.recurs(now, *day)) else { continue };
            if ALONE.contains(&day) {
                return true;
            }
            days += 1;
        }
        days >= 2
    }
}

/// An operation that is slow or fast, as far as others need to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Episode {
    /// None while it is held.
    id: Option<IncidentId>,
    module: u64,
    opened: Timestamp,
    /// When the first of the calls that show it came, and the last that was not calm.
    onset: Timestamp,
    last: Timestamp,
    /// By how much it is slower than usual; 0 of one slow call and of fast ones.
    factor: f64,
    /// True of fast calls.
    #[serde(default)]
    fast: bool,
    /// The host that is slow alone.
    #[serde(default)]
    host: Option<HostId>,
}

/// What is to open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Onset {
    pub(super) key: u64,
    pub(super) module: u64,
    /// When the first of the calls that show it came.
    pub(super) since: Timestamp,
    /// By how much it is slower than usual, or beyond what one call may be.
    pub(super) factor: f64,
    pub(super) kind: OnsetKind,
}

/// Of what kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnsetKind {
    /// One slow call.
    Outlier,
    /// Slow calls, of all hosts or of one.
    Slower(Option<HostId>),
    /// Fast calls.
    Faster,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// An incident of its own.
    Own,
    /// It joins this one.
    Joins(IncidentId),
    /// It is as it was at this time of day before.
    Held,
}

/// The open incidents by operation, and when modules were slow.
#[derive(Debug)]
pub(super) struct Episodes {
    open: IncidentTracker<Episode>,
    spans: Table<Spans>,
}

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub(super) struct EpisodesState {
    open: BTreeMap<u64, Episode>,
    spans: TableSnapshot<Spans>,
}

impl Episodes {
    pub(super) fn new(keys: usize) -> Self {
        Self { open: IncidentTracker::default(), spans: Table::new(keys) }
    }

    /// What comes of an operation that is slow or fast at `now`.
    pub(super) fn place(&self, onset: &Onset, now: Timestamp, incidents: &Incidents) -> Placement {
        if onset.kind == OnsetKind::Faster {
            return Placement::Own;
        }
        if self.spans.get(onset.module).is_some_and(|spans| spans.recur(now, onset.factor)) {
            return Placement::Held;
        }
        let together = self.open.incidents().iter().find_map(|(key, other)| {
            let same = *key != onset.key && other.module == onset.module && !other.fast;
            let at_once = match onset.kind {
                OnsetKind::Outlier => onset.since <= after(other.opened, TOGETHER_S),
                OnsetKind::Slower(None) => other.factor > 0.0 && onset.since <= other.opened,
                OnsetKind::Slower(host) => other.host == host,
                OnsetKind::Faster => false,
            };
            other.id.filter(|id| same && at_once && incidents.is_open(*id))
        });
        together.map_or(Placement::Own, Placement::Joins)
    }

    /// An incident of the operation is open from `now` on, or held.
    pub(super) fn begin(
        &mut self,
        onset: &Onset,
        id: Option<IncidentId>,
        now: Timestamp,
        silent_s: f64,
        incidents: &Incidents,
    ) {
        let factor = if matches!(onset.kind, OnsetKind::Slower(_)) { onset.factor } else { 0.0 };
        let since = self.open.get(onset.key).map_or(onset.since, |held| held.onset.min(onset.since));
        let host = if let OnsetKind::Slower(host) = onset.kind { host } else { None };
        let (module, fast) = (onset.module, onset.kind == OnsetKind::Faster);
        let episode = Episode { id, module, opened: now, onset: since, last: now, factor, fast, host };
        self.open.open(onset.key, id.unwrap_or(IncidentId(0)), episode, after(now, silent_s), incidents);
    }

    /// The operation's incident is still open, and over when `silent_s` pass without a call that is
    /// not calm.
    #[inline]
    pub(super) fn go_on(&mut self, key: u64, going: &OpenLatency, silent_s: f64) {
        let last = going.restless;
        if let Some(episode) = self.open.get_mut(key) {
            (episode.last, episode.host) = (last, going.host);
            if going.shift && !going.down {
                episode.factor = episode.factor.max(going.factor);
            }
        }
        self.open.go_on(key, after(last, silent_s));
    }

    /// The operation is as usual: its incident is over with the last operation that is in it.
    pub(super) fn end(&mut self, key: u64, now: Timestamp, report: &mut Report<'_>) {
        let Some(Episode { id, module, onset, last, factor, .. }) = self.open.end(key) else { return };
        if factor > 0.0 {
            let spans = self.spans.touch(module, Spans::default);
            // What is held does not raise what is held the next day.
            let known = if id.is_none() { spans.known_factor(onset) } else { None };
            let factor = known.map_or(factor, |known| factor.min(known));
            spans.add(Span { began: onset, ended: last.max(onset), factor });
        }
        let others = self.open.incidents().values().any(|other| other.id == id);
        if let Some(id) = id.filter(|_| !others) {
            report.incidents.resolve(id, now, report.findings);
        }
    }

    /// True while the incident of the operation is open or held.
    pub(super) fn is_open(&self, key: u64, incidents: &Incidents) -> bool {
        self.open.get(key).is_some_and(|episode| episode.id.is_none_or(|id| incidents.is_open(id)))
    }

    /// Operations whose incidents may be over at `now`.
    pub(super) fn due(&mut self, now: Timestamp, incidents: &Incidents) -> Vec<u64> {
        self.open.due(now, incidents)
    }

    /// The operation was evicted.
    pub(super) fn hurry(&mut self, key: u64) {
        self.open.hurry(key);
    }

    pub(super) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.spans);
        let [mut open, _] = self.open.weights(|_| 0);
        visit(&mut open);
    }
}

impl Stateful for Episodes {
    type State = EpisodesState;

    fn state(&self) -> EpisodesState {
        EpisodesState { open: self.open.incidents().clone(), spans: self.spans.snapshot() }
    }

    fn resume(&mut self, kept: EpisodesState) {
        self.open.resume(kept.open, AttributedSlots::default());
        self.spans.restore(kept.spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: f64) -> Timestamp {
        after(Timestamp::from_seconds(1_767_225_600), hours * 3_600.0)
    }

    fn span(from: f64, to: f64, factor: f64) -> Span {
        Span { began: hours(from), ended: hours(to), factor }
    }

    #[test]
    fn what_comes_at_the_same_hour_is_known_by_yesterday_last_week_or_two_days_of_eight() {
        for (spans, at, factor, known) in [
            (vec![span(2.0, 3.0, 5.0)], 26.0, 5.0, true),
            // Half an hour of drift for an hour, and half as slow again.
            (vec![span(2.0, 3.0, 5.0)], 25.6, 7.4, true),
            (vec![span(2.0, 3.0, 5.0)], 27.4, 5.0, true),
            (vec![span(2.0, 3.0, 5.0)], 27.6, 5.0, false),
            (vec![span(2.0, 3.0, 5.0)], 25.4, 5.0, false),
            (vec![span(2.0, 3.0, 5.0)], 26.0, 7.6, false),
            // The same day, and the day after tomorrow.
            (vec![span(2.0, 3.0, 5.0)], 3.2, 5.0, false),
            (vec![span(2.0, 3.0, 5.0)], 50.5, 5.0, false),
            (vec![span(2.0, 3.0, 5.0), span(50.0, 51.0, 5.0)], 98.5, 5.0, true),
            (vec![span(2.0, 3.0, 5.0)], 2.5 + 7.0 * 24.0, 5.0, true),
            (vec![], 26.0, 1.0, false),
        ] {
            let mut all = Spans::default();
            spans.iter().for_each(|span| all.add(*span));
            assert_eq!(all.recur(hours(at), factor), known, "{spans:?} {at} {factor}");
        }
    }

    #[test]
    fn spans_that_meet_are_one_and_old_ones_go() {
        let mut all = Spans::default();
        all.add(span(2.0, 2.2, 3.0));
        all.add(span(2.3, 3.0, 4.0));
        assert_eq!(all.0, [span(2.0, 3.0, 4.0)]);
        (1..40).for_each(|i| all.add(span(2.0 + f64::from(i), 2.5 + f64::from(i), 3.0)));
        assert!(all.0.len() == SPANS && all.heap_size() < 1_000, "{}", all.0.len());
        all.add(span(1_000.0, 1_001.0, 3.0));
        assert_eq!(all.0.len(), 1);
    }
}
