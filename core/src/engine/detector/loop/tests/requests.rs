//! Equal lines of different requests, and of several threads that ask now and then, are no loop;
//! one that tries again is, whatever its trace ids.

use super::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const BEFORE: i64 = 1_200_000;

/// A line with a trace id.
fn traced(time: i64, level: &str, module: &str, thread: &str, message: &str, trace: i64) -> String {
    line(time, level, module, thread, message, &format!(r#","trace_id":"req-{trace}""#))
}

/// Twenty minutes in which a module serves a request each `step` milliseconds with two lines, then
/// as many more requests as `failing`, which all fail.
fn outage(step: i64, failing: i64, thread: &str) -> Stream {
    let mut stream = Stream::new();
    let before = BEFORE / step;
    for i in 0..before + failing {
        stream.line(&traced(i * step, "INFO", "gateway", thread, "request goes on to upstream", i));
        if i < before {
            stream.line(&traced(i * step + step / 4, "INFO", "gateway", thread, "upstream answered", i));
        } else {
            stream.line(&traced(i * step + step / 2, "ERROR", "gateway", thread, "deadline exceeded", i));
        }
    }
    stream
}

#[test]
fn requests_that_all_fail_are_an_outage_and_no_loop() {
    for (step, failing) in [(1_000, 30), (1_000, 400), (300, 300), (100, 1_000), (40, 2_000)] {
        for thread in ["main", ""] {
            let stream = outage(step, failing, thread);
            assert_eq!(stream.opened(), Vec::<&Finding>::new(), "each {step} ms");
            assert!(!stream.0.opened(DetectorName::Burst).is_empty(), "each {step} ms");
        }
    }
}

#[test]
fn one_request_that_is_tried_again_is_a_loop_with_one_trace_id_or_a_new_one_each_time() {
    for (step, trace) in [(10, 0), (10, 1), (20, 1), (50, 0), (50, 1), (400, 0)] {
        let mut stream = outage(1_000, 0, "main");
        for i in 0..200 {
            let text = "deadline exceeded, trying again";
            stream.line(&traced(BEFORE + i * step, "ERROR", "gateway", "main", text, 9_000 + i * trace));
        }
        assert_eq!(stream.opened().len(), 1, "each {step} ms, trace ids step by {trace}: {:?}", stream.findings);
    }
    // A cycle with a new id each attempt, in a module that is new.
    let mut stream = outage(1_000, 0, "main");
    for i in 0..200 {
        stream.line(&traced(BEFORE + i * 10, "INFO", "agent", "main", "asking for a lease", 9_000 + i));
        stream.line(&traced(BEFORE + i * 10 + 3, "WARN", "agent", "main", "no lease", 9_000 + i));
    }
    assert_eq!(stream.opened().len(), 1, "{:?}", stream.findings);
}

#[test]
fn a_new_service_whose_requests_have_two_lines_each_is_no_loop() {
    for step in [10, 50, 200] {
        let mut stream = Stream::warmed();
        for i in 0..400 {
            stream.line(&traced(T + i * step, "INFO", "orders", "main", "request begins", i));
            stream.line(&traced(T + i * step + step / 3, "INFO", "orders", "main", "request ends", i));
        }
        assert_eq!(stream.opened(), Vec::<&Finding>::new(), "each {step} ms");
    }
}

/// An error of one text each few seconds, from threads that each ask once in a while: a burst
/// within a minute, and no loop. Threads that go round are one.
#[test]
fn the_same_error_from_several_threads_is_a_burst_unless_each_goes_round() {
    for (seed, threads, step) in [(1, 10, 4_000), (2, 10, 2_000), (3, 12, 5_000), (4, 4, 3_000), (5, 20, 2_500)] {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut stream = Stream::new();
        (0..12_000).for_each(|i| stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done")));
        let begin = 2_400_000;
        for i in 0..1_500_000 / step {
            let (time, thread) = (begin + i * step + random.random_range(-400..400), format!("exec-{}", i % threads));
            stream.line(&line(time, "INFO", "checkout", &thread, "asking the bank", ""));
            stream.line(&line(time + 800, "ERROR", "checkout", &thread, "no answer from the bank", ""));
            (0..step / 200).for_each(|k| {
                stream.put(begin + i * step + 1_300 + k * 200, "INFO", "m1", &format!("work item {k}.{i} done"))
            });
        }
        assert_eq!(stream.opened(), Vec::<&Finding>::new(), "{threads} threads, each {step} ms");
        let told = stream.0.opened(DetectorName::Burst).into_iter().map(|open| open.opened_at).min();
        let told = told.map(|at| at.seconds_since(Timestamp::from_millis(1_767_225_600_000 + begin)));
        assert!(told.is_some_and(|after| after <= 60.0), "{threads} threads, each {step} ms: {told:?}");
    }
    let mut stream = Stream::warmed();
    for i in 0..2_000 {
        stream.line(&line(T + i * 10, "ERROR", "checkout", &format!("exec-{}", i % 10), "no answer from the bank", ""));
    }
    assert_eq!(stream.opened().len(), 1, "{:?}", stream.findings);
}

/// What loop opens nothing for is a burst's: errors in pairs, in small groups, and by a slow clock.
#[test]
fn only_an_open_loop_hides_errors_from_burst() {
    for (group, gap, every) in [(2, 5, 4_000), (2, 800, 6_000), (1, 0, 2_500), (3, 300, 9_000)] {
        let mut stream = Stream::new();
        (0..12_000).for_each(|i| stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done")));
        for i in 0..100 {
            for k in 0..group {
                let time = 2_400_000 + i * every + k * gap;
                stream.line(&line(time, "ERROR", "checkout", &format!("t{}", i % 9), "no answer from the bank", ""));
            }
        }
        let opened = stream.0.opened(DetectorName::Burst);
        assert_eq!((opened.len(), stream.opened().len()), (1, 0), "{group} each {every} ms");
    }
    // A loop of errors is told once.
    for step in [5, 20, 100, 200] {
        let mut stream = Stream::new();
        (0..12_000).for_each(|i| stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done")));
        (0..300).for_each(|i| stream.put(2_400_000 + i * step, "ERROR", "m3", "cannot bind port"));
        let told = [DetectorName::Loop, DetectorName::Burst, DetectorName::Spread].map(|by| stream.0.opened(by).len());
        assert_eq!(told, [1, 0, 0], "each {step} ms");
    }
}
