//! Exact repeats across the stream: excursions of one line above its learned rate.
//!
//! An excursion is the rise of a CUSUM chart (E. S. Page, *Continuous inspection schemes*,
//! Biometrika 41, 1954): it lasts as long as the line has come at least [`RISE`] times as often as
//! its learned rate since the excursion began, by the second and by events of other lines, and
//! restarts where it has not. A busy hour or a busy module raises both clocks, and is no rise. So a
//! line that was always there is measured from the moment at which it became more frequent, and the
//! excursions of a heartbeat are short. An excursion is evidence only when its actors have gone
//! round: fifty hosts that write a line once each have not, nor have fifty threads that start. One
//! module on one host that writes it each time from a new thread has (an attempt for each
//! connection, a process for each try), once the threads are too many for a pool. Actors and
//! requests are counted by 64 bits each (`distinct.rs`).
//!
//! Memory: 4,096 slots of 64 bytes. One line holds a slot: each of its own arrivals votes for it,
//! each other line votes against it (R. S. Boyer, J. S. Moore, *MJRTY*, 1981), so a line that makes
//! up most of its slot keeps the slot.

use super::distinct::{ALL_BITS, Distinct};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

const SLOTS: usize = 4_096;
/// How many times the learned rate an excursion must keep. Lines come in clusters, several times as
/// many in one minute as in the next; a loop brings tens of times as many.
pub(super) const RISE: f64 = 5.0;
/// A gap of so many mean gaps ends an excursion.
const GAPS: f64 = 10.0;
/// Rounds that each actor of an excursion, and each request, must have gone, on average.
pub(super) const ROUNDS: u32 = 4;
/// Lines of one module on one host, each from another thread, that are too many for a pool of
/// threads at work or at its start.
const NEW_THREADS: u32 = 128;
/// Seconds without its line after which a slot is free.
const STALE_S: f64 = 60.0;

/// The excursion of one line. It fills one cache line, so that reading it costs one miss.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[repr(align(64))]
pub(super) struct Excursion {
    line: u64,
    /// Lines of the excursion, the first included.
    pub(super) count: u32,
    against: u32,
    /// The earliest time of its lines.
    pub(super) began: Timestamp,
    /// Events of the stream before the excursion began.
    events: f64,
    /// The latest time.
    pub(super) last: Timestamp,
    seen_actors: Distinct,
    /// Module and host, as a hash, while all lines come from one; 0 after that.
    place: u64,
    /// The trace ids of the lines but the first; none where lines have none.
    #[serde(default)]
    requests: Distinct,
}

/// What a line does to its excursion.
#[derive(Clone, Copy, Debug)]
pub(super) enum Update {
    /// The line is in no excursion.
    Alone,
    /// The line extends this excursion.
    Extended(Excursion),
    /// The line starts an excursion after one of so many lines has ended.
    Restarted(u32),
}

/// Who writes a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Emitter {
    /// Module, host and thread.
    pub(super) actor: u64,
    /// Module and host.
    pub(super) place: u64,
}

/// Who goes round in an excursion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Who {
    /// So many actors, several rounds each.
    Actors(u32),
    /// One module on one host, with a new thread for each round.
    NewThreads,
}

impl Excursion {
    fn begin(line: u64, speaker: Emitter, time: Timestamp, events: f64) -> Self {
        let (seen_actors, place) = (Distinct::of(speaker.actor), speaker.place);
        let requests = Distinct::default();
        Self { line, count: 1, against: 0, began: time, events, last: time, seen_actors, place, requests }
    }

    /// Who has gone round; none while nobody has.
    pub(super) fn who(&self) -> Option<Who> {
        let actors = self.actors();
        if self.count / ROUNDS >= actors {
            return Some(Who::Actors(actors));
        }
        // A pool of threads would have written several of so many lines from the same thread.
        (self.place != 0
            && self.count >= NEW_THREADS
            && f64::from(actors) >= 0.75 * f64::from(self.count.min(ALL_BITS)))
        .then_some(Who::NewThreads)
    }

    /// How many actors the excursion has, or a few more.
    fn actors(&self) -> u32 {
        self.seen_actors.count()
    }

    /// True where several actors write the line.
    #[inline]
    pub(super) fn is_shared(&self) -> bool {
        self.seen_actors.is_several()
    }

    /// Seconds from the earliest line to the latest.
    pub(super) fn lasted(&self) -> f64 {
        self.last.seconds_since(self.began).max(0.0)
    }

    /// The requests that its lines belong to; none where they name none.
    pub(super) fn requests(&self) -> Distinct {
        self.requests
    }
}

fn slot_of(line: u64) -> usize {
    (line >> 40) as usize % SLOTS
}

/// The excursions of a stream.
#[derive(Clone, Debug)]
pub(super) struct Excursions {
    slots: Vec<Excursion>,
}

impl Excursions {
    pub(super) fn new() -> Self {
        Self { slots: vec![Excursion::default(); SLOTS] }
    }

    /// Takes a line after so many events of the stream. `expected` tells how often the line would
    /// have come, at its rate before its last so many, in so many seconds and among so many events
    /// of other lines; `request` is its trace id.
    #[inline]
    pub(super) fn push(
        &mut self,
        line: u64,
        speaker: Emitter,
        time: Timestamp,
        events: f64,
        expected: impl FnOnce(f64, f64, f64) -> f64,
        request: impl FnOnce() -> Distinct,
    ) -> Update {
        let slot = &mut self.slots[slot_of(line)];
        if slot.line == line {
            return slot.go_on(speaker, time, events, expected, request);
        }
        if slot.against < slot.count && slot.count > 1 && time.seconds_since(slot.last) < STALE_S {
            slot.against += 1;
        } else {
            *slot = Excursion::begin(line, speaker, time, events);
        }
        Update::Alone
    }

    /// Reads the memory that [`Self::push`] will need.
    #[inline]
    pub(super) fn prefetch(&self, line: u64) -> u64 {
        self.slots[slot_of(line)].line
    }

    /// The excursions that have begun, to keep across a restart.
    pub(super) fn snapshot(&self) -> Vec<Excursion> {
        self.slots.iter().filter(|spell| spell.count > 0).copied().collect()
    }

    pub(super) fn restore(&mut self, kept: Vec<Excursion>) {
        *self = Self::new();
        for spell in kept {
            self.slots[slot_of(spell.line)] = spell;
        }
    }
}

impl Excursion {
    fn go_on(
        &mut self,
        speaker: Emitter,
        time: Timestamp,
        events: f64,
        expected: impl FnOnce(f64, f64, f64) -> f64,
        request: impl FnOnce() -> Distinct,
    ) -> Update {
        let (gap, began) = (time.seconds_since(self.last), self.began.min(time));
        let elapsed = self.last.max(time).seconds_since(began).max(0.0);
        let count = f64::from(self.count) + 1.0;
        // The second line sets the pace: before it, only the learned rate says whether the two
        // belong together.
        let longest = if self.count > 1 { GAPS * (elapsed / count).max(0.1) } else { f64::INFINITY };
        let others = (events - self.events - count).max(0.0);
        if gap > longest || count < RISE * expected(count, elapsed, others) {
            let ended = self.count;
            *self = Self::begin(self.line, speaker, time, events);
            return if ended > 1 { Update::Restarted(ended) } else { Update::Alone };
        }
        self.count = self.count.saturating_add(1);
        self.against = self.against.saturating_sub(1);
        (self.began, self.last) = (began, self.last.max(time));
        self.seen_actors.add(Distinct::of(speaker.actor));
        self.requests.add(request());
        if speaker.place != self.place {
            self.place = 0;
        }
        Update::Extended(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millis(milliseconds)
    }

    impl Update {
        fn spell(self) -> Option<Excursion> {
            if let Self::Extended(spell) = self { Some(spell) } else { None }
        }
    }

    fn speaker(actor: u64) -> Emitter {
        Emitter { actor, place: 5 }
    }

    #[test]
    fn a_learned_rate_keeps_spells_short_and_more_of_it_lets_them_grow() {
        let mut spells = Excursions::new();
        let each_second = |_: f64, elapsed: f64, _: f64| elapsed;
        let longest = (0..100)
            .filter_map(|i| spells.push(7, speaker(1), at(i * 1_000), 0.0, each_second, Distinct::default).spell())
            .map(|spell| spell.count)
            .max();
        assert_eq!(longest, None);
        let spell = (0..50)
            .filter_map(|i| {
                spells.push(7, speaker(1), at(100_000 + i * 100), 0.0, each_second, Distinct::default).spell()
            })
            .last()
            .unwrap();
        assert!(spell.count >= 48 && spell.actors() == 1, "{spell:?}");
    }

    #[test]
    fn a_slot_is_kept_by_the_line_that_fills_it() {
        let mut spells = Excursions::new();
        let mut last = None;
        for i in 0..200_000_i64 {
            spells.push(xxh3_64(&i.to_le_bytes()), speaker(1), at(i), 0.0, |_, _, _| 0.0, Distinct::default);
            if i % 20 == 0 {
                last = spells.push(7, speaker(2), at(i), 0.0, |_, _, _| 0.0, Distinct::default).spell();
            }
        }
        assert!(last.is_some_and(|spell| spell.count > 9_000), "{last:?}");
        let mut again = Excursions::new();
        again.restore(spells.snapshot());
        assert_eq!(
            again
                .push(7, speaker(2), at(200_000), 0.0, |_, _, _| 0.0, Distinct::default)
                .spell()
                .map(|spell| spell.count),
            last.map(|spell| spell.count + 1)
        );
    }

    #[test]
    fn actors_are_counted_until_they_are_too_many() {
        for (actors, least, most) in [(1_u64, 1, 1), (5, 4, 5), (60, 40, 90), (5_000, u32::MAX, u32::MAX)] {
            let mut spells = Excursions::new();
            let last = (0..actors + 1)
                .filter_map(|i| {
                    spells
                        .push(
                            9,
                            speaker(xxh3_64(&(i % actors).to_le_bytes())),
                            at(1),
                            0.0,
                            |_, _, _| 0.0,
                            Distinct::default,
                        )
                        .spell()
                })
                .last();
            let counted = last.unwrap().actors();
            assert!((least..=most).contains(&counted), "{actors}: {counted}");
        }
    }

    #[test]
    fn one_place_with_ever_new_threads_goes_round_and_pools_and_fleets_do_not() {
        let who = |lines: u64, of: &dyn Fn(u64) -> Emitter| {
            let mut spells = Excursions::new();
            (0..lines)
                .filter_map(|i| spells.push(9, of(i), at(i as i64), 0.0, |_, _, _| 0.0, Distinct::default).spell())
                .last()
                .unwrap()
                .who()
        };
        let hash = |i: u64| xxh3_64(&i.to_le_bytes());
        assert_eq!(who(100, &|i| speaker(hash(i))), None, "too few to tell");
        assert_eq!(who(140, &|i| speaker(hash(i))), Some(Who::NewThreads));
        assert_eq!(who(5_000, &|i| speaker(hash(i))), Some(Who::NewThreads));
        assert_eq!(who(140, &|i| speaker(hash(i % 60))), None, "a pool");
        assert_eq!(who(5_000, &|i| Emitter { actor: hash(i), place: hash(i % 1_000) }), None, "a fleet");
        assert!(matches!(who(500, &|i| speaker(hash(i % 20))), Some(Who::Actors(15..=25))));
    }

    #[test]
    fn long_gaps_and_odd_times_begin_anew() {
        let mut spells = Excursions::new();
        for i in 0..10 {
            spells.push(7, speaker(1), at(i * 10), 0.0, |_, _, _| 0.0, Distinct::default);
        }
        assert!(matches!(
            spells.push(7, speaker(1), at(60_000), 0.0, |_, _, _| 0.0, Distinct::default),
            Update::Restarted(10)
        ));
        assert!(
            spells
                .push(7, speaker(1), Timestamp(i64::MIN), 0.0, |_, _, _| 0.0, Distinct::default)
                .spell()
                .is_some_and(|spell| spell.count == 2)
        );
        assert!(spells.push(7, speaker(1), at(60_000), 0.0, |_, _, _| f64::NAN, Distinct::default).spell().is_some());
    }
}
