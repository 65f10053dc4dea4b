//! What was called inside of a call, by the trace that both carry: so that a call is blamed for
//! its own share of its duration alone.
//!
//! A service logs a request when it has answered, so that the innermost call is logged first. When
//! the outer call comes, what the calls inside of it took longer than they ever usually did is
//! taken off its duration. That is a statistic of its own, in the baseline as in the test: where
//! nothing has changed it does not change, and where an inner call becomes slow the outer ones stay
//! as they were. What an inner call grew by is its own share as well, so that a chain of calls adds
//! up.
//!
//! A call lies inside of another if it has the same trace, is another operation, took no longer,
//! and ended within its duration (and a second, for clocks). Calls beside each other do so half of
//! the time by chance: of two operations one is inside of the other where the other is seldom
//! inside of it (`nesting.rs`). Of calls that ran at the same time the one that grew most counts,
//! for whoever called them waited for that one. Memory: 4,096 traces of at most six calls, 176
//! bytes each, and none before the first trace comes; a new trace takes the place of another whose
//! hash ends alike. A restart knows those of the last minute, at most 512: requests that are on
//! their way then are judged as all others are. Cold start: an operation that has no baseline has
//! not grown.

use super::last_hops::{LastLine, is_of, line};
use super::nesting::Nesting;
use crate::engine::state::Weight;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// Traces that are remembered.
const TRACES: usize = 4_096;
/// Calls of one trace that are remembered, the last ones.
const HOPS: usize = 6;
/// Milliseconds by which clocks of two services may differ.
const SLACK_MS: f64 = 1_000.0;
/// Milliseconds by which what is said to lie inside of a call may lie outside.
const EDGE_MS: f64 = 5.0;
/// A call inside of another is as usual where its own share grew by at most this part of what the
/// outer one grew by.
const AS_USUAL: f64 = 0.25;

/// Traces that a restart knows at most, and how old the last call of one may be, in seconds.
const STORED: usize = 512;
const STORED_S: f64 = 60.0;

/// A call of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hop {
    /// The operation.
    pub(super) key: u64,
    /// When it was logged.
    pub(super) time: Timestamp,
    /// How long it took, and by how much its own share was longer than usual, in milliseconds.
    pub(super) ms: f32,
    pub(super) grown: f32,
}

/// One trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trace {
    id: u64,
    count: u32,
    hops: [Hop; HOPS],
    /// The last line, and the last of another module than that.
    last: [LastLine; 2],
}

/// The traces of the last calls.
#[derive(Debug, Default)]
pub(super) struct Traces {
    traces: Vec<Trace>,
    nesting: Nesting,
}

impl Traces {
    /// By how many milliseconds the calls inside of this one took longer than usual. Learns which
    /// operations lie inside of others.
    #[inline]
    pub(super) fn grown_inside(&mut self, id: u64, outer: &Hop) -> f64 {
        let Self { traces, nesting } = self;
        let calls = calls_of(traces, id);
        let mut grown = 0.0;
        for hop in calls.iter().filter(|hop| outer.is_within(hop)) {
            nesting.learn(outer.key, hop.key);
        }
        for hop in calls.iter().filter(|hop| hop.is_within(outer)) {
            nesting.learn(hop.key, outer.key);
            if hop.grown > 0.0 && nesting.is_inside(hop.key, outer.key) && !nesting.is_outdone(hop, calls) {
                grown += f64::from(hop.grown);
            }
        }
        grown
    }

    /// The operations inside of a call that is slower by `grown` milliseconds, and are as usual.
    pub(super) fn as_usual(&self, id: u64, outer: &Hop, grown: f64) -> Vec<u64> {
        let mut grew: Vec<(u64, f64)> = Vec::new();
        let inside =
            |hop: &&Hop| hop.is_within(outer) && hop.is_inside(outer) && self.nesting.is_inside(hop.key, outer.key);
        for hop in calls_of(&self.traces, id).iter().filter(inside) {
            match grew.iter_mut().find(|(key, _)| *key == hop.key) {
                Some((_, sum)) => *sum += f64::from(hop.grown),
                None => grew.push((hop.key, f64::from(hop.grown))),
            }
        }
        grew.retain(|(_, sum)| *sum <= AS_USUAL * grown);
        grew.into_iter().map(|(key, _)| key).collect()
    }

    /// The operations that a call lies inside of, the last first, where their lines came first.
    pub(super) fn outside(&self, id: u64, inner: &Hop) -> impl Iterator<Item = u64> {
        let outer =
            |hop: &&Hop| inner.is_within(hop) && inner.is_inside(hop) && self.nesting.is_inside(inner.key, hop.key);
        calls_of(&self.traces, id).iter().rev().filter(outer).map(|hop| hop.key)
    }

    /// The last line of the trace that another module than this one wrote.
    #[inline]
    pub(super) fn last_line(&self, id: u64, module: u64) -> LastLine {
        let trace = self.traces.get(id as usize % TRACES).filter(|trace| trace.id == id);
        trace.map_or(0, |trace| trace.last[usize::from(is_of(trace.last[0], module))])
    }

    /// Remembers a line of a module, which says how long something took if it is `done`.
    #[inline]
    pub(super) fn note(&mut self, id: u64, module: u64, done: bool) {
        let Some(trace) = self.trace(id) else { return };
        if !is_of(trace.last[0], module) {
            trace.last[1] = trace.last[0];
        }
        trace.last[0] = line(module, done);
    }

    #[inline]
    fn trace(&mut self, id: u64) -> Option<&mut Trace> {
        if self.traces.is_empty() {
            self.traces.resize(TRACES, Trace::default());
        }
        let trace = self.traces.get_mut(id as usize % TRACES)?;
        if trace.id != id {
            (trace.id, trace.count, trace.last) = (id, 0, [0; 2]);
        }
        Some(trace)
    }

    /// Remembers a call.
    #[inline]
    pub(super) fn add(&mut self, id: u64, hop: Hop) {
        let Some(trace) = self.trace(id) else { return };
        trace.hops[trace.count as usize % HOPS] = hop;
        trace.count = trace.count.wrapping_add(1).max(1);
    }

    pub(super) fn weight(&self) -> Weight {
        Weight { keys: 0, bytes: self.traces.len() * size_of::<Trace>() + self.nesting.bytes() }
    }

    /// The traces that a restart should know, the newest first.
    pub(super) fn state(&self) -> Vec<Trace> {
        let mut called: Vec<(Timestamp, Trace)> = self
            .traces
            .iter()
            .filter_map(|trace| Some((trace.calls().iter().map(|hop| hop.time).max()?, *trace)))
            .collect();
        called.sort_by_key(|(time, trace)| (std::cmp::Reverse(*time), trace.id));
        let newest = called.first().map_or(Timestamp::default(), |(time, _)| *time);
        called.retain(|(time, _)| newest.seconds_since(*time) <= STORED_S);
        called.truncate(STORED);
        called.into_iter().map(|(_, trace)| trace).collect()
    }

    pub(super) fn resume(&mut self, stored: Vec<Trace>) {
        for one in stored.into_iter().rev() {
            if let Some(trace) = self.trace(one.id) {
                *trace = one;
            }
        }
    }
}

impl Hop {
    /// True where a call may lie inside of another, as far as clocks of two services can tell.
    fn is_within(&self, outer: &Self) -> bool {
        let within_ms = f64::from(outer.ms) + SLACK_MS;
        let apart_ms = outer.time.seconds_since(self.time).abs() * 1e3;
        self.key != outer.key && self.ms <= outer.ms && apart_ms <= within_ms
    }

    /// True where it does by one clock, whether lines have the times at which calls began or ended.
    fn is_inside(&self, outer: &Self) -> bool {
        let later_ms = self.time.seconds_since(outer.time) * 1e3;
        let shorter_ms = f64::from(outer.ms) - f64::from(self.ms);
        later_ms.abs() <= shorter_ms + EDGE_MS
    }

    /// True where two calls ran at the same time, by the same clock.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let later_ms = self.time.seconds_since(other.time) * 1e3;
        let (mine, theirs) = (f64::from(self.ms), f64::from(other.ms));
        if later_ms >= 0.0 { later_ms < mine } else { -later_ms < theirs }
    }
}

/// The calls of a trace that are remembered.
fn calls_of(traces: &[Trace], id: u64) -> &[Hop] {
    traces.get(id as usize % TRACES).filter(|trace| trace.id == id).map_or(&[], Trace::calls)
}

impl Trace {
    /// The last calls.
    fn calls(&self) -> &[Hop] {
        &self.hops[..HOPS.min(self.count as usize)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(key: u64, at_ms: i64, ms: f32, grown: f32) -> Hop {
        Hop { key, time: Timestamp::from_millis(at_ms), ms, grown }
    }

    #[test]
    fn what_lies_inside_is_of_the_same_trace_shorter_and_within() {
        let mut traces = Traces::default();
        let outer = hop(1, 10_000, 500.0, 0.0);
        assert_eq!(traces.grown_inside(7, &outer), 0.0);
        for (id, inner, expected) in [
            (7, hop(2, 9_990, 80.0, 30.0), 30.0),
            // A second call of the same, and one of another operation, add up.
            (7, hop(2, 9_900, 80.0, 20.0), 50.0),
            (7, hop(3, 9_996, 100.0, 5.0), 55.0),
            // The operation itself, a longer call, and one of long before do not.
            (7, hop(1, 9_996, 100.0, 99.0), 55.0),
            (7, hop(4, 9_996, 501.0, 99.0), 55.0),
            (7, hop(5, 8_000, 10.0, 99.0), 55.0),
            (8, hop(5, 9_990, 10.0, 99.0), 55.0),
        ] {
            traces.add(id, inner);
            assert_eq!(traces.grown_inside(7, &outer), expected, "{inner:?}");
        }
        assert_eq!(traces.as_usual(7, &outer, 200.0), [2, 3]);
        assert_eq!(traces.as_usual(7, &outer, 40.0), [3]);
    }

    #[test]
    fn of_calls_at_the_same_time_the_one_that_grew_most_counts() {
        let mut traces = Traces::default();
        // Of three calls beside each other each is the longest now and then.
        for id in 0..60 {
            for i in 0..3 {
                let call = hop(2 + (id + i) % 3, 1_000 + i as i64, 100.0 + i as f32, 0.0);
                assert_eq!(traces.grown_inside(id, &call), 0.0);
                traces.add(id, call);
            }
            traces.grown_inside(id, &hop(1, 1_010, 150.0, 0.0));
        }
        traces.add(99, hop(2, 1_000, 300.0, 200.0));
        // The longer one is not blamed less because a shorter one grew at its side.
        assert_eq!(traces.grown_inside(99, &hop(3, 1_010, 310.0, 0.0)), 0.0);
        traces.add(99, hop(3, 1_010, 310.0, 210.0));
        assert_eq!(traces.grown_inside(99, &hop(1, 1_020, 360.0, 0.0)), 210.0);
        // Two of the same operation, one after the other and then at the same time.
        traces.add(99, hop(2, 1_500, 100.0, 50.0));
        assert_eq!(traces.grown_inside(99, &hop(1, 1_600, 700.0, 0.0)), 260.0);
        traces.add(99, hop(2, 1_510, 100.0, 40.0));
        assert_eq!(traces.grown_inside(99, &hop(1, 1_600, 700.0, 0.0)), 260.0);
    }

    #[test]
    fn what_is_said_to_be_inside_lies_inside() {
        let mut traces = Traces::default();
        for inner in [hop(2, 9_990, 80.0, 0.0), hop(3, 9_400, 20.0, 0.0), hop(4, 10_050, 20.0, 0.0)] {
            traces.add(7, inner);
        }
        assert_eq!(traces.as_usual(7, &hop(1, 10_000, 500.0, 400.0), 400.0), [2, 4]);
    }

    #[test]
    fn the_last_calls_of_the_last_traces_are_kept() {
        let mut traces = Traces::default();
        (0..20).for_each(|key| traces.add(7, hop(key, key as i64 * 10, 1.0, 1.0)));
        assert_eq!(traces.grown_inside(7, &hop(99, 0, 5.0, 0.0)), HOPS as f64);
        traces.add(7 + TRACES as u64, hop(1, 0, 1.0, 1.0));
        assert_eq!(traces.grown_inside(7, &hop(99, 0, 5.0, 0.0)), 0.0);
        assert!(traces.weight().bytes <= 1 << 20);
    }

    #[test]
    fn a_restart_knows_the_newest_traces_of_the_last_minute() {
        let mut traces = Traces::default();
        assert_eq!(traces.state(), []);
        (0..1_000_u64).for_each(|i| traces.add(i, hop(1, i as i64 * 10, 50.0, 20.0)));
        traces.note(2_000, 8, false);
        let mut again = Traces::default();
        again.resume(traces.state());
        let outer = |i: i64| hop(2, i * 10 + 5, 80.0, 0.0);
        let known: Vec<bool> = (0..1_000).map(|i| again.grown_inside(i as u64, &outer(i)) == 20.0).collect();
        assert_eq!(known.iter().position(|known| *known), Some(1_000 - STORED));
        assert_eq!(known.iter().filter(|known| **known).count(), STORED);
        // What is older than a minute is over.
        traces.add(7, hop(1, 100_000, 50.0, 20.0));
        assert_eq!(traces.state().len(), 1);
    }
}
