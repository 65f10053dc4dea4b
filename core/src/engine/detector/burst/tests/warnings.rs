//! Warnings that come too often, and those that come with the load.

use super::*;

/// A module whose events warn with a chance of `share`, by the second; ten a second of many
/// workers, besides the background.
fn warning(seed: u64, rate: i64, seconds: i64, share: impl Fn(i64) -> f64) -> Stream {
    let mut stream = Stream::new(seed);
    stream.run(0, seconds, 20, |stream, tenth| {
        for i in 0..rate {
            let warns = stream.random.random::<f64>() < share(tenth / 10);
            stream.line(tenth * 100 + i, if warns { "WARN" } else { "INFO" }, "publisher", "");
        }
    });
    stream
}

#[test]
fn a_storm_of_warnings_is_a_warning_and_no_more() {
    for (seed, usual, storm) in [(1, 0.0, 0.6), (2, 0.01, 0.5), (3, 0.02, 0.7), (4, 0.0, 0.9), (5, 0.05, 0.6)] {
        let found = warning(seed, 1, 1_800, |second| if (1_200..1_500).contains(&second) { storm } else { usual });
        assert_eq!(found.opened(), [("burst", "publisher")], "{seed}");
        let (first, last) = (&found.stream.findings[0], found.stream.findings.last().unwrap());
        assert!(
            first.summary.sentence.contains(" warnings in ") && first.summary.sentence.contains(" (usually "),
            "{}",
            first.summary
        );
        assert_eq!(
            (last.state, last.severity, last.respond_within.as_deref()),
            (State::Resolved, Severity::Warning, Some("24h"))
        );
    }
}

#[test]
fn warnings_that_come_with_the_load_are_quiet() {
    // As many as ever; more of them with more to do; a share that is too small to be a storm.
    for (seed, rate, share) in [(1, 1, 0.05), (2, 4, 0.1), (3, 1, 0.3)] {
        assert_eq!(warning(seed, rate, 1_800, |_| share).opened(), [], "{seed}");
    }
    assert_eq!(warning(4, 2, 1_800, |second| if second > 1_200 { 0.15 } else { 0.01 }).opened(), []);
    let mut surge = Stream::new(5);
    surge.run(0, 1_800, 10, |stream, tenth| {
        let times = if (12_000..15_000).contains(&tenth) { 8 } else { 1 };
        for i in 0..times {
            let level = if stream.random.random_range(0..4) == 0 { "WARN" } else { "INFO" };
            stream.line(tenth * 100 + i, level, "edge", "");
        }
    });
    assert_eq!(surge.opened(), []);
}

#[test]
fn a_batch_that_warns_each_night_is_quiet_from_the_second_night_on() {
    let mut stream = Stream::new(6);
    let mut found = Vec::new();
    for night in 0..3_i64 {
        for minute in 0..1_440_i64 {
            let from = (night * 1_440 + minute) * 60;
            for i in 0..6 {
                stream.line((from + i * 10) * 1_000, "INFO", "web", "");
            }
            for i in (0..60).filter(|_| (120..150).contains(&minute)) {
                let level = if stream.random.random_range(0..3) == 0 { "WARN" } else { "INFO" };
                stream.line((from + i) * 1_000 + 500, level, "batch", "");
            }
        }
        found.push(stream.opened().len());
    }
    assert!(found[0] <= 1 && found[2] == found[0], "{found:?}");
}
