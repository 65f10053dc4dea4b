//! Streams whose clocks are right, and streams whose clocks are not.

use super::*;

const T: i64 = 1_700_000_000;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp(seconds * SECOND))
}

fn clock(times: impl IntoIterator<Item = i64>) -> StreamClock {
    let mut clock = StreamClock::new(10.0);
    for time in times {
        clock.accept(at(time), 0, Timestamp(0));
    }
    clock
}

#[test]
fn late_is_behind_the_watermark_and_counted() {
    let mut clock = clock(T..T + 200);
    assert!(!clock.accept(at(T + 190), 0, Timestamp(0)).outside);
    assert!(clock.accept(at(T + 188), 0, Timestamp(0)).outside);
    assert_eq!((clock.late_events(), clock.now()), (1, Timestamp((T + 199) * SECOND)));
}

#[test]
fn a_jump_ahead_needs_a_hundred_witnesses() {
    let mut clock = clock(T..T + 200);
    for i in 0..99 {
        assert!(clock.accept(at(T + 90_000 + i), 0, Timestamp(0)).outside);
    }
    let moment = clock.accept(at(T + 90_099), 0, Timestamp(0));
    assert!(!moment.outside);
    assert_eq!(clock.now(), Timestamp((T + 90_099) * SECOND));
}

#[test]
fn a_single_absurd_time_moves_nothing() {
    let mut clock = clock(T..T + 200);
    clock.accept(at(T + 4_000_000), 0, Timestamp(0));
    assert_eq!(clock.accept(at(T + 200), 0, Timestamp(0)).now, Timestamp((T + 200) * SECOND));
    // The first of a stream is given up as soon as the rest disagrees.
    let mut clock = StreamClock::new(10.0);
    clock.accept(at(T + 4_000_000), 0, Timestamp(0));
    let moment = clock.accept(at(T), 0, Timestamp(0));
    assert!(!moment.outside);
    assert_eq!(moment.now, Timestamp(T * SECOND));
}

#[test]
fn without_times_it_is_arrival_and_then_the_predecessors() {
    let mut clock = StreamClock::new(10.0);
    assert_eq!(clock.accept(None, 0, Timestamp(5)).time, Timestamp(5));
    assert_eq!(clock.accept(None, 0, Timestamp(4)).time, Timestamp(5));
    clock.accept(at(T), 0, Timestamp(6));
    assert_eq!(clock.accept(None, 0, Timestamp(7)).time, Timestamp(T * SECOND));
}

#[test]
fn extremes_do_not_overflow() {
    let mut clock = StreamClock::new(10.0);
    for time in [i64::MIN, i64::MAX, 0, i64::MIN, i64::MAX] {
        clock.accept(Some(Timestamp(time)), 0, Timestamp(0));
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
