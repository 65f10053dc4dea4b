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
//! and ended within its duration (and a second, for clocks). Memory: 4,096 traces of at most six
//! calls, 176 bytes each, and none before the first trace comes; a new trace takes the place of
//! another whose hash ends alike. A restart forgets them: what is on its way then is judged by its
//! whole duration. Cold start: an operation that has no baseline has not grown.

use super::last_hops::{LastLine, is_of, line};
use crate::engine::state::Weight;
use crate::event::Timestamp;

/// Traces that are remembered.
const TRACES: usize = 4_096;
/// Calls of one trace that are remembered, the last ones.
const HOPS: usize = 6;
/// Milliseconds by which clocks of two services may differ.
const SLACK_MS: f64 = 1_000.0;
/// A call inside of another is as usual where its own share grew by at most this part of what the
/// outer one grew by.
const AS_USUAL: f64 = 0.25;

/// A call of a trace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hop {
    /// The operation.
    pub(super) key: u64,
    /// When it was logged.
    pub(super) time: Timestamp,
    /// How long it took, and by how much its own share was longer than usual, in milliseconds.
    pub(super) ms: f32,
    pub(super) grown: f32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Trace {
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
}

impl Traces {
    /// By how many milliseconds the calls inside of this one took longer than usual.
    #[inline]
    pub(super) fn grown_inside(&self, id: u64, outer: &Hop) -> f64 {
        self.inside(id, outer).map(|hop| f64::from(hop.grown)).sum()
    }

    /// The operations inside of a call that is slower by `grown` milliseconds, and are as usual.
    pub(super) fn as_usual(&self, id: u64, outer: &Hop, grown: f64) -> Vec<u64> {
        let mut grew: Vec<(u64, f64)> = Vec::new();
        for hop in self.inside(id, outer) {
            match grew.iter_mut().find(|(key, _)| *key == hop.key) {
                Some((_, sum)) => *sum += f64::from(hop.grown),
                None => grew.push((hop.key, f64::from(hop.grown))),
            }
        }
        grew.retain(|(_, sum)| *sum <= AS_USUAL * grown);
        grew.into_iter().map(|(key, _)| key).collect()
    }

    fn inside(&self, id: u64, outer: &Hop) -> impl Iterator<Item = &Hop> {
        let trace = self.traces.get(id as usize % TRACES).filter(|trace| trace.id == id);
        let hops = trace.map_or(&[][..], |trace| &trace.hops[..HOPS.min(trace.count as usize)]);
        let within_ms = f64::from(outer.ms) + SLACK_MS;
        hops.iter().filter(move |hop| {
            hop.key != outer.key && hop.ms <= outer.ms && outer.time.seconds_since(hop.time).abs() * 1e3 <= within_ms
        })
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
        Weight { keys: 0, bytes: self.traces.len() * size_of::<Trace>() }
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
            (7, hop(2, 9_995, 80.0, 20.0), 50.0),
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
    fn the_last_calls_of_the_last_traces_are_kept() {
        let mut traces = Traces::default();
        (0..20).for_each(|key| traces.add(7, hop(key, 0, 1.0, 1.0)));
        assert_eq!(traces.grown_inside(7, &hop(99, 0, 5.0, 0.0)), HOPS as f64);
        traces.add(7 + TRACES as u64, hop(1, 0, 1.0, 1.0));
        assert_eq!(traces.grown_inside(7, &hop(99, 0, 5.0, 0.0)), 0.0);
        assert!(traces.weight().bytes <= 1 << 20);
    }
}
