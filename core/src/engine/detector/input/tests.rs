use super::*;
use crate::engine::Persist as _;
use crate::engine::finding::State;
use crate::engine::{EngineOptions, Outcome, testing};

/// A live input: one line each second for `seconds`, then ticks; all by the wall clock.
fn live(stream: &mut testing::Stream, from: i64, seconds: i64) {
    for second in from..from + seconds {
        stream.arrival = Timestamp::from_seconds(1_000 + second);
        stream.line(&format!(r#"{{"time":"{}","message":"work"}}"#, Timestamp::from_seconds(1_767_225_600 + second)));
    }
}

fn idle(stream: &mut testing::Stream, seconds: std::ops::Range<i64>) {
    let mut outcome = Outcome::default();
    for second in seconds {
        stream.engine.tick(Timestamp::from_seconds(1_000 + second), &mut outcome);
        stream.findings.append(&mut outcome.before);
    }
}

#[test]
fn a_stalled_input_is_told_once_as_itself_and_resolves() {
    let mut stream = testing::Stream::new(&EngineOptions::default());
    live(&mut stream, 0, 1_000);
    assert_eq!(stream.findings, []);
    idle(&mut stream, 1_000..1_500);
    live(&mut stream, 1_500, 10);
    let said: Vec<_> = stream.findings.iter().map(|found| (found.detector, found.state)).collect();
    assert_eq!(said, [(DetectorName::Input, State::Open), (DetectorName::Input, State::Resolved)]);
    let (first, last) = (&stream.findings[0], &stream.findings[1]);
    assert!(first.kind == "stalled" && (60.0..70.0).contains(&first.measured.observed), "{first:?}");
    assert!((495.0..=505.0).contains(&last.measured.observed), "{last:?}");
}

#[test]
fn a_cold_start_a_short_pause_and_a_process_that_was_stopped_are_quiet() {
    let mut stream = testing::Stream::new(&EngineOptions::default());
    live(&mut stream, 0, 100);
    idle(&mut stream, 100..400);
    live(&mut stream, 400, 1_000);
    idle(&mut stream, 1_400..1_450);
    live(&mut stream, 1_450, 1_000);
    // The process slept for a day.
    idle(&mut stream, 90_000..90_010);
    live(&mut stream, 90_010, 10);
    assert_eq!(stream.findings, []);
}

#[test]
fn a_pause_that_comes_again_is_a_habit() {
    let mut stream = testing::Stream::new(&EngineOptions::default());
    for night in 0..5 {
        live(&mut stream, night * 4_000, 3_000);
        idle(&mut stream, night * 4_000 + 3_000..(night + 1) * 4_000);
    }
    assert_eq!(stream.opened(DetectorName::Input).len(), 2);
}

#[test]
fn a_snapshot_keeps_what_was_learned_but_not_the_clock() {
    let mut stream = testing::Stream::new(&EngineOptions::default());
    live(&mut stream, 0, 1_000);
    let mut second = testing::Stream::new(&EngineOptions::default());
    second.engine.restore(&stream.engine.snapshot()).unwrap();
    live(&mut second, 50_000, 10);
    assert_eq!(second.findings, []);
    idle(&mut second, 50_010..50_100);
    assert_eq!(second.opened(DetectorName::Input).len(), 1);
    assert!(Input::new(&InputOptions::default(), SharedOptions::default()).restore(b"nonsense").is_err());
}

/// A line of ten hosts each fifth of a second, of which some are off by so many seconds.
fn hosts(stream: &mut testing::Stream, seconds: std::ops::Range<i64>, off: &[(i64, i64)]) {
    for i in seconds.start * 5..seconds.end * 5 {
        // In no order, so that no host always speaks behind another.
        let host = i * i % 7 + i % 4;
        let ahead = off.iter().find(|(of, _)| *of == host).map_or(0, |(_, ahead)| *ahead);
        let time = 1_767_225_600_000 + i * 200 + ahead * 1_000;
        stream.line(&format!(r#"{{"time":{time},"host":"pod-{host}","message":"work {i}"}}"#));
    }
}

#[test]
fn a_clock_that_is_off_is_told_once_by_name_and_resolves_when_it_is_right() {
    let mut stream = testing::Stream::new(&EngineOptions::default());
    hosts(&mut stream, 0..600, &[]);
    hosts(&mut stream, 600..1_500, &[(2, 420), (5, -10_800)]);
    let said = |stream: &testing::Stream| -> Vec<String> {
        let texts = stream.findings.iter().map(|found| format!("{:?}: {}", found.state, found.summary));
        texts.collect()
    };
    assert_eq!(
        said(&stream),
        [
            "Open: the clock of host pod-2 is 7 min ahead of the others",
            "Open: the clock of host pod-5 is 3 h behind the others, or its lines come late",
        ]
    );
    for found in stream.opened(DetectorName::Input) {
        let since = found.opened_at.seconds_since(Timestamp::from_seconds(1_767_225_600 + 600));
        assert!((60.0..300.0).contains(&since) && found.kind == "clock" && found.severity == Severity::Warning);
    }
    let mut second = testing::Stream::new(&EngineOptions::default());
    second.engine.restore(&stream.engine.snapshot()).unwrap();
    hosts(&mut second, 1_500..1_800, &[(5, -10_800)]);
    assert_eq!(second.findings.len(), 1, "{:?}", said(&second));
    assert!(second.findings[0].state == State::Resolved && second.findings[0].key.0[0].1 == "pod-2");
}

#[test]
fn offsets_of_seconds_and_late_shippers_are_no_fault_of_a_clock() {
    let mut stream = testing::Stream::new(&EngineOptions::default());
    hosts(&mut stream, 0..1_500, &[(2, 8), (5, -8), (6, 20)]);
    assert_eq!(stream.findings, []);
}
