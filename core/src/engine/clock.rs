//! The stream's own time: the watermark, late events, and jumps that a broken clock makes.

use super::running_time::RunningTime;
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

const SECOND: i64 = 1_000_000_000;
/// An event further ahead than this is not believed at once.
const JUMP: i64 = 3_600 * SECOND;
/// How many events must agree before a jump, or the very first time of a stream, is believed.
const AGREEMENT: u32 = 100;
/// How many of them an event takes back that is where the stream was.
const DISSENT: u32 = 3;

/// The time of a stream, moved by its events alone.
///
/// The watermark is the highest accepted event time less the allowed lateness. An event behind it
/// is late. A jump of over an hour ahead moves nothing until 100 events agree that it is at least
/// that late, of which an event that is where the stream was takes three back: one source whose
/// clock stands at 1970 holds nobody up, nor does one that is ahead push. The first times of a
/// stream are given up for earlier ones as long as fewer than 100 events have confirmed them, so
/// that one line of the year 2099 at the start does not make all that follow late.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamClock {
    allowed_lateness: i64,
    highest: Timestamp,
    /// Some event so far had a time of its own.
    own: bool,
    confirmations: u32,
    /// A time ahead that is not believed yet, and how many events agree on it.
    ahead: Option<(Timestamp, u32)>,
    late: u64,
    running: RunningTime,
}

/// When an event happened, as far as the stream believes it; or the time at which a tick falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The event's own time, believed or not; the stream's for an event without one.
    pub time: Timestamp,
    /// The highest time so far; never goes back but for a stream's first, unconfirmed times.
    pub now: Timestamp,
    /// Seconds that the stream has run, without its stalls; what detectors reckon in. On idle live
    /// input it can be a little more than at the event that ends the pause.
    pub running: f64,
    /// When the event arrived, by the wall clock; for a tick of idle input, the wall clock.
    pub arrival: Timestamp,
    /// Behind the watermark, or an unbelieved jump ahead: to join no window.
    pub outside: bool,
}

impl StreamClock {
    /// A clock before any event.
    #[must_use]
    pub fn new(allowed_lateness_s: f64) -> Self {
        Self {
            allowed_lateness: (allowed_lateness_s * 1e9) as i64,
            highest: Timestamp::default(),
            own: false,
            confirmations: 0,
            ahead: None,
            late: 0,
            running: RunningTime::default(),
        }
    }

    /// Takes an event's time; `arrival` stands in for a stream that has told none yet.
    #[inline]
    pub fn accept(&mut self, time: Option<Timestamp>, arrival: Timestamp) -> Moment {
        let Some(time) = time else {
            if !self.own {
                self.highest = self.highest.max(arrival);
            }
            return self.inside(self.highest, arrival);
        };
        if !self.own {
            self.own = true;
            self.anchor(time);
            return self.inside(time, arrival);
        }
        let lead = time.0.saturating_sub(self.highest.0);
        if lead > JUMP {
            return self.jump(time, arrival);
        }
        if lead < -self.allowed_lateness {
            if lead < -JUMP && self.confirmations < AGREEMENT {
                self.anchor(time);
                return self.inside(time, arrival);
            }
            self.late += 1;
            return self.outside(time, arrival);
        }
        if let Some((there, agreed)) = self.ahead {
            self.ahead = agreed.checked_sub(DISSENT).map(|agreed| (there, agreed));
        }
        self.confirmations = self.confirmations.saturating_add(1);
        self.highest = self.highest.max(time);
        self.inside(time, arrival)
    }

    #[cold]
    fn jump(&mut self, time: Timestamp, arrival: Timestamp) -> Moment {
        let (there, agreed) = match self.ahead {
            // One that is further ahead agrees that it is at least that late, and with no more.
            Some((there, agreed)) if time.0.saturating_sub(there.0) > JUMP => (there, agreed + 1),
            Some((there, agreed)) if time.0 >= there.0.saturating_sub(JUMP) => (there.max(time), agreed + 1),
            _ => (time, 1),
        };
        self.ahead = Some((there, agreed));
        if agreed < AGREEMENT {
            return self.outside(time, arrival);
        }
        self.anchor(there);
        self.running.jump(there);
        self.confirmations = agreed;
        if time > there { self.outside(time, arrival) } else { self.inside(time, arrival) }
    }

    fn anchor(&mut self, time: Timestamp) {
        self.highest = time;
        self.confirmations = 1;
        self.ahead = None;
    }

    fn inside(&mut self, time: Timestamp, arrival: Timestamp) -> Moment {
        let running = self.running.advance(self.highest);
        Moment { time, now: self.highest, running, arrival, outside: false }
    }

    fn outside(&self, time: Timestamp, arrival: Timestamp) -> Moment {
        Moment { time, now: self.highest, running: self.running.age(), arrival, outside: true }
    }

    /// The stream after `idle` nanoseconds without an event, at `arrival` by the wall clock.
    #[must_use]
    pub fn idle(&self, idle: i64, arrival: Timestamp) -> Moment {
        let now = self.highest.saturating_add_nanos(idle);
        Moment { time: now, now, running: self.running.age_at(now), arrival, outside: false }
    }

    /// The highest time so far.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.highest
    }

    /// The time behind which an event is late.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        Timestamp(self.highest.0.saturating_sub(self.allowed_lateness))
    }

    /// Seconds that the stream has run, without its stalls.
    #[must_use]
    pub fn age(&self) -> f64 {
        self.running.age()
    }

    /// Events that came behind the watermark.
    #[must_use]
    pub fn late_events(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_700_000_000;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp(seconds * SECOND))
    }

    fn clock(times: impl IntoIterator<Item = i64>) -> StreamClock {
        let mut clock = StreamClock::new(10.0);
        for time in times {
            clock.accept(at(time), Timestamp(0));
        }
        clock
    }

    #[test]
    fn late_is_behind_the_watermark_and_counted() {
        let mut clock = clock(T..T + 200);
        assert!(!clock.accept(at(T + 190), Timestamp(0)).outside);
        assert!(clock.accept(at(T + 188), Timestamp(0)).outside);
        assert_eq!((clock.late_events(), clock.now()), (1, Timestamp((T + 199) * SECOND)));
    }

    #[test]
    fn a_jump_ahead_needs_a_hundred_witnesses() {
        let mut clock = clock(T..T + 200);
        for i in 0..99 {
            assert!(clock.accept(at(T + 90_000 + i), Timestamp(0)).outside);
        }
        let moment = clock.accept(at(T + 90_099), Timestamp(0));
        assert!(!moment.outside);
        assert_eq!(clock.now(), Timestamp((T + 90_099) * SECOND));
    }

    #[test]
    fn a_single_absurd_time_moves_nothing() {
        let mut clock = clock(T..T + 200);
        clock.accept(at(T + 4_000_000), Timestamp(0));
        assert_eq!(clock.accept(at(T + 200), Timestamp(0)).now, Timestamp((T + 200) * SECOND));
        // The first of a stream is given up as soon as the rest disagrees.
        let mut clock = StreamClock::new(10.0);
        clock.accept(at(T + 4_000_000), Timestamp(0));
        let moment = clock.accept(at(T), Timestamp(0));
        assert!(!moment.outside);
        assert_eq!(moment.now, Timestamp(T * SECOND));
    }

    #[test]
    fn without_times_it_is_arrival_and_then_the_predecessors() {
        let mut clock = StreamClock::new(10.0);
        assert_eq!(clock.accept(None, Timestamp(5)).time, Timestamp(5));
        assert_eq!(clock.accept(None, Timestamp(4)).time, Timestamp(5));
        clock.accept(at(T), Timestamp(6));
        assert_eq!(clock.accept(None, Timestamp(7)).time, Timestamp(T * SECOND));
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut clock = StreamClock::new(10.0);
        for time in [i64::MIN, i64::MAX, 0, i64::MIN, i64::MAX] {
            clock.accept(Some(Timestamp(time)), Timestamp(0));
        }
    }

    #[test]
    fn a_source_that_stands_at_1970_holds_nobody_up_and_one_ahead_pushes_nobody() {
        let broken = |every: i64, time: i64| (0..2_000).map(move |i| if i % every == every - 1 { time } else { T + i });
        let mut clock = clock(broken(5, 0));
        assert_eq!((clock.now(), clock.late_events() > 300), (at(T + 1_998).unwrap(), true));
        clock = self::clock(broken(2, T + 20_000));
        assert_eq!(clock.now(), at(T + 1_998).unwrap());
        // Both at once: the one far ahead agrees, and is not where the stream goes.
        let both = (0..2_000).map(|i| match i % 40 {
            7 => 0,
            8 => T + 1_000_000,
            _ => T + i,
        });
        assert_eq!(self::clock(both).now(), at(T + 1_999).unwrap());
    }

    #[test]
    fn ticks_go_on_when_the_first_times_of_a_stream_are_given_up() {
        use crate::engine::detector::r#loop::LoopGuard;
        use crate::engine::finding::State;
        use crate::engine::testing::{Stream, with_detectors};
        let guard = LoopGuard { module: Some("m".into()), max_repeats: 3, ..LoopGuard::default() };
        let mut stream = Stream::new(&with_detectors(|detector| detector.r#loop.guards = vec![guard]));
        let line = |time: i64, message: &str| format!(r#"{{"time":{time},"module":"m","message":"{message}"}}"#);
        stream.line(&line(4_070_908_800, "a clock that stands in 2099"));
        (0..6).for_each(|i| stream.line(&line(T + i, "again")));
        stream.line(&line(T + 200, "and then no more"));
        let states: Vec<State> = stream.findings.iter().map(|finding| finding.state).collect();
        assert_eq!((states.first(), states.last()), (Some(&State::Open), Some(&State::Resolved)));
    }
}
