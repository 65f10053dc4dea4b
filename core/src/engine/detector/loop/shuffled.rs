//! The lines of an actor in the order of their times, where they come in another.
//!
//! A shipper that sends chunks side by side, or a program whose threads share one name, hands lines
//! on out of order, and a cycle in them cannot be seen by arrival. Once a line of an actor is
//! earlier than the one before it, fingerprints wait until the newest line is as much later as
//! lines were late so far ([`MOST_LATE_S`] at most), and are then compared in the order of their
//! times, beside the comparison by arrival. Events leave at once. An actor whose lines have come in
//! order for a while waits no more.
//!
//! Memory: none for an actor in order; else 600 bytes, and 24 for each line that waits
//! ([`MOST_WAITING`] at most: beyond that the earliest waits no longer).

use super::actor::{Actor, Pushed};
use super::distinct::Distinct;
use crate::engine::state::{HeapSize, allocated};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Lines that come later than this many seconds after a later one are not waited for.
const MOST_LATE_S: f64 = 3.0;
/// How much longer than the latest line so far is waited.
const MARGIN: f64 = 1.1;
/// An excursion waits so many times as long as a line.
const EXCURSION_WAITS: f64 = 2.5;
const MOST_WAITING: usize = 256;
/// Lines in order after which nothing waits any more.
const IN_ORDER: u32 = 256;

/// An actor's lines by their times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shuffled {
    /// The lines that wait no more, as if they had come in this order.
    sorted: Actor,
    /// By time; of one time, by arrival.
    waiting: VecDeque<Waiting>,
    newest: Timestamp,
    /// How long a line waits, in seconds.
    wait_s: f64,
    in_order: u32,
    /// What the last line that waits no more did.
    pushed: Pushed,
}

/// A line that waits.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiting {
    time: Timestamp,
    line: u32,
    request: Distinct,
}

impl HeapSize for Shuffled {
    fn heap_size(&self) -> usize {
        allocated(size_of::<Self>())
            + allocated(self.waiting.capacity() * size_of::<Waiting>())
            + self.sorted.heap_size()
    }
}

impl Shuffled {
    fn after(newest: Timestamp) -> Self {
        Self {
            sorted: Actor::new(newest),
            waiting: VecDeque::new(),
            newest,
            wait_s: 0.0,
            in_order: 0,
            pushed: Pushed::default(),
        }
    }

    /// The lines by their times, to take texts from.
    pub(super) fn sorted(&mut self) -> &mut Actor {
        &mut self.sorted
    }

    fn push(&mut self, waiting: Waiting, min_repeats: u32) -> Pushed {
        let late = self.newest.seconds_since(waiting.time);
        if late > 0.0 {
            self.in_order = 0;
            if late <= MOST_LATE_S {
                self.wait_s = self.wait_s.max(MARGIN * late);
            }
        } else {
            self.in_order += 1;
            self.newest = waiting.time;
        }
        let earlier = self.waiting.iter().rev().position(|other| other.time <= waiting.time);
        self.waiting.insert(earlier.map_or(0, |behind| self.waiting.len() - behind), waiting);
        while let Some(&first) = self.waiting.front()
            && (self.waiting.len() > MOST_WAITING || self.newest.seconds_since(first.time) >= self.wait_s)
        {
            self.waiting.pop_front();
            self.pushed = self.sorted.push(first.line, min_repeats, first.time, || first.request);
            self.sorted.last = first.time;
        }
        self.pushed
    }
}

impl Actor {
    /// Takes a line among the actor's lines by their times; nothing for an actor whose lines come
    /// in order.
    #[inline]
    pub(super) fn push_by_time(
        &mut self,
        line: u32,
        min_repeats: u32,
        time: Timestamp,
        request: impl FnOnce() -> Distinct,
    ) -> Pushed {
        if self.shuffled.is_none() && time >= self.last {
            return Pushed::default();
        }
        self.push_shuffled(Waiting { time, line, request: request() }, min_repeats)
    }

    /// Gathers the text of a line for a cycle that the lines by their times may be.
    #[inline]
    pub(super) fn gather_by_time<'a>(&mut self, pushed: Pushed, text: impl FnOnce() -> Option<Cow<'a, str>>) {
        if let Some(shuffled) = &mut self.shuffled {
            shuffled.sorted.keep_text(pushed.longest > 0, text());
        }
    }

    /// The lines by their times, where they come in another order.
    pub(super) fn by_time(&self) -> Option<&Self> {
        self.shuffled.as_deref().map(|shuffled| &shuffled.sorted)
    }

    /// Seconds that an excursion of this actor must have lasted, so that a cycle can show itself
    /// before its lines are told one by one.
    pub(super) fn waits_s(&self) -> f64 {
        self.shuffled.as_ref().map_or(0.0, |shuffled| EXCURSION_WAITS * shuffled.wait_s)
    }

    #[cold]
    fn push_shuffled(&mut self, waiting: Waiting, min_repeats: u32) -> Pushed {
        let last = self.last;
        let shuffled = self.shuffled.get_or_insert_with(|| Box::new(Shuffled::after(last)));
        let pushed = shuffled.push(waiting, min_repeats);
        if shuffled.in_order >= IN_ORDER {
            self.shuffled = None;
        }
        pushed
    }
}
