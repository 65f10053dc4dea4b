//! Streams that have only begun: what no healthy service has is told, healthy starts are not.

use super::*;

/// A stream of `rate` events a second on `modules` modules for `seconds` seconds, of which a share
/// fails, by the second; with a status where `requests` is true.
fn stream(seed: u64, rate: i64, modules: u32, seconds: i64, requests: bool, share: impl Fn(i64) -> f64) -> Stream {
    let mut stream = Stream::new(seed);
    for i in 0..seconds * rate {
        let ms = i * 1_000 / rate;
        let failed = stream.random.random::<f64>() < share(ms / 1_000);
        let module = stream.random.random_range(0..modules);
        let status = if failed { r#","status":503"# } else { r#","status":200"# };
        let (level, more) = (if failed { "ERROR" } else { "INFO" }, if requests { status } else { "" });
        stream.line(ms, level, &format!("m{module}"), more);
    }
    stream
}

fn told_after(stream: &Stream) -> Option<f64> {
    let start = Timestamp::from_millis(1_767_225_600_000);
    let first = stream.stream.opened(DetectorName::Burst).first().map(|found| found.opened_at);
    first.map(|at| at.seconds_since(start))
}

#[test]
fn a_stream_that_begins_with_failing_is_told_once() {
    // All events, or most, fail from the first one on.
    for (rate, requests, share, within) in [
        (1, false, 1.0, 120.0),
        (10, true, 1.0, 12.0),
        (10, false, 1.0, 12.0),
        (10, true, 0.7, 60.0),
        (40, false, 0.8, 20.0),
    ] {
        let found = stream(1, rate, 1, 200, requests, |_| share);
        let after = told_after(&found);
        assert!(after <= Some(within) && after.is_some(), "{rate} {share}: {after:?}");
        assert_eq!(found.stream.opened(DetectorName::Burst).len(), 1);
    }
}

#[test]
fn a_file_cut_around_an_incident_is_told_within_seconds() {
    for (seed, rate, before, share, at) in [
        (1, 7, 0.0, 0.6, 300),
        (2, 7, 0.01, 0.6, 200),
        (3, 30, 0.05, 0.6, 120),
        (4, 30, 0.0, 0.4, 240),
        (5, 2, 0.0, 0.9, 90),
        (6, 10, 0.02, 0.5, 400),
    ] {
        let found = stream(seed, rate, 1, at + 120, true, |second| if second < at { before } else { share });
        let after = told_after(&found).map(|after| after - at as f64);
        assert!(after.is_some_and(|after| (0.0..=60.0).contains(&after)), "{seed}: {after:?}");
        let quiet = stream(seed, rate, 1, at + 120, true, |_| before);
        assert_eq!(told_after(&quiet), None, "{seed}");
    }
}

#[test]
fn healthy_starts_are_quiet() {
    for (seed, rate) in [(1, 1), (2, 5), (3, 20)] {
        for modules in [1, 5] {
            for requests in [false, true] {
                // What always fails in a twentieth or a fifth, and boots of which a third is
                // errors.
                for share in [0.0, 0.05, 0.2] {
                    let found = stream(seed, rate, modules, 400, requests, |_| share);
                    assert_eq!(told_after(&found), None, "{share} at {rate}/s in {modules}");
                }
                let boot = |second| if second < 20 { 0.33 } else { 0.01 };
                let found = stream(seed, rate, modules, 300, requests, boot);
                assert_eq!(told_after(&found), None, "a boot at {rate}/s in {modules}");
            }
        }
    }
}

#[test]
fn a_small_module_that_only_logs_errors_is_quiet() {
    let mut found = Stream::new(1);
    found.run(0, 400, 50, |stream, tenth| {
        if tenth % 10 == 0 {
            stream.line(tenth * 100 + 7, "ERROR", "handler.of.errors", "");
        }
    });
    assert_eq!(told_after(&found), None);
}

#[test]
fn a_warm_up_can_still_be_asked_for() {
    let warm_up = crate::human_duration::HumanDuration::from_secs(600);
    let mut found = Stream::with_options(1, BurstOptions { warm_up, ..BurstOptions::default() });
    found.run(0, 590, 10, |stream, tenth| stream.line(tenth * 100, "FATAL", "m3", ""));
    assert_eq!(told_after(&found), None);
}
