//! Streams of an event a minute or two, and errors that come one by one.

use super::*;

/// Runs of four jobs, one every `gap` seconds: of those from number `from` on, `fails` says which
/// fail, and of all others one in fifty does. Of bursts: how many failures of
/// job 2 it took.
fn jobs(seed: u64, gap: i64, runs: i64, from: i64, fails: impl Fn(&mut rand_pcg::Pcg64, i64) -> bool) -> Vec<u32> {
    let (mut stream, mut failures, mut told) = (Stream::new(seed), 0, Vec::new());
    for run in 0..runs {
        let job = run % 4;
        let chance = stream.random.random_range(0..50) == 0;
        let failed = if run >= from { chance || fails(&mut stream.random, job) } else { chance };
        failures += u32::from(failed && run >= from && job == 2);
        let before = stream.stream.opened(DetectorName::Burst).len();
        let (level, ms) = (if failed { "ERROR" } else { "INFO" }, stream.random.random_range(0..gap * 100));
        stream.line(run * gap * 1_000 + ms, level, &format!("job{job}"), "");
        if stream.stream.opened(DetectorName::Burst).len() > before {
            told.push(failures);
        }
    }
    told
}

#[test]
fn a_job_that_begins_to_fail_is_told_within_twenty_failures_however_seldom_it_runs() {
    let mut needed = Vec::new();
    for gap in [15, 60, 120, 300] {
        for seed in 1..4 {
            let told = jobs(seed, gap, 2_400, 2_000, |random, job| job == 2 && random.random_range(0..5) > 0);
            assert_eq!(told.len(), 1, "{gap} s, {seed}: {told:?}");
            needed.extend(told);
        }
    }
    needed.sort_unstable();
    assert!(needed[needed.len() * 19 / 20] <= 20, "{needed:?}");
}

#[test]
fn jobs_that_fail_as_ever_are_quiet() {
    for gap in [15, 60, 300] {
        for seed in 1..4 {
            assert_eq!(jobs(seed, gap, 3_000, 3_000, |_, _| false), [0; 0], "{gap} s, {seed}");
        }
    }
}

#[test]
fn slow_streams_have_no_more_false_alarms_than_the_budget() {
    // A thousand times the default: 167 a day of this detector, and a day is tested.
    let options = testing::with_detectors(|detector| detector.false_alarms_per_day = 1_000.0);
    let mut stream = Stream::with_engine(5, options);
    for i in 0..86_400 / 20_i64 {
        let (module, level) = (stream.random.random_range(0..5), stream.random.random_range(0..10));
        stream.line(i * 20_000, if level == 0 { "ERROR" } else { "INFO" }, &format!("m{module}"), "");
    }
    let found = stream.stream.opened(DetectorName::Burst).len();
    assert!(found <= 167, "{found}");
}

#[test]
fn a_state_goes_on_with_the_same_marks() {
    let seldom = |stream: &mut Stream, from: i64, to: i64| {
        for i in from..to {
            let level = if i >= 500 && i % 2 == 0 || i % 50 == 0 { "ERROR" } else { "INFO" };
            stream.line(i * 60_000, level, "job", "");
        }
    };
    let mut whole = Stream::new(1);
    seldom(&mut whole, 0, 506);
    let mut second = Stream::new(1);
    second.engine.restore(&whole.engine.snapshot()).unwrap();
    second.random = whole.random.clone();
    second.findings.clone_from(&whole.findings);
    [&mut whole, &mut second].into_iter().for_each(|stream| seldom(stream, 506, 560));
    assert_eq!(whole.findings, second.findings);
    assert_eq!(whole.stream.opened(DetectorName::Burst).len(), 1);
}
