//! From the first line on: what nothing healthy begins with is a loop, and what many healthy
//! programs begin with is none.

use super::*;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp, Zipf};
use rand_pcg::Pcg64;

/// What a stream is from its first line on: milliseconds, level, module and message.
type Lines = Vec<(i64, &'static str, &'static str, String)>;

/// So many lines from a moment on, each so many milliseconds after the one before.
fn lines(
    count: i64,
    from: i64,
    step: i64,
    level: &'static str,
    module: &'static str,
    text: impl Fn(i64) -> String,
) -> Lines {
    (0..count).map(|i| (from + i * step, level, module, text(i))).collect()
}

fn opened_in(name: &str, mut lines: Lines) -> Vec<Finding> {
    lines.sort_by_key(|(time, ..)| *time);
    let mut stream = Stream::new();
    for (time, level, module, message) in &lines {
        stream.put(*time, level, module, message);
    }
    let opened: Vec<_> = stream.opened().into_iter().cloned().collect();
    let told: Vec<_> = opened.iter().map(|open| open.summary.to_string()).collect();
    assert!(opened.len() <= 1, "{name}: {told:?}");
    opened
}

#[test]
fn a_loop_needs_no_history() {
    let same = |_| "call failed: connection refused".to_owned();
    let word = |period: i64| move |i: i64| format!("state {}", char::from(b'a' + (i % period) as u8));
    let ten = |module| lines(10, 0, 1_000, "INFO", module, |i| format!("step {i} done"));
    let faults: Vec<(&str, u64, Lines)> = vec![
        ("errors at 100 a second", 64, lines(2_000, 0, 10, "ERROR", "a", same)),
        ("errors at 10 a second", 64, lines(200, 0, 100, "ERROR", "a", same)),
        ("errors at 5 a second", 64, lines(150, 0, 200, "ERROR", "a", same)),
        (
            "errors in whole seconds",
            128,
            lines(2_000, 0, 10, "FATAL", "a", same)
                .into_iter()
                .map(|(time, level, module, text)| (time / 1_000 * 1_000, level, module, text))
                .collect(),
        ),
        ("errors after ten lines", 64, [ten("a"), lines(200, 10_000, 10, "ERROR", "a", same)].concat()),
        (
            "errors of another module after ten lines",
            64,
            [ten("a"), lines(200, 10_000, 10, "ERROR", "b", same)].concat(),
        ),
        ("warnings at 50 a second", 128, lines(400, 0, 20, "WARN", "a", same)),
        ("attempts that count", 128, lines(400, 0, 30, "WARN", "a", |i| format!("attempt {i} failed"))),
        ("two lines", 128, lines(600, 0, 10, "ERROR", "a", word(2))),
        ("five lines after ten", 128, [ten("a"), lines(600, 10_000, 10, "ERROR", "a", word(5))].concat()),
        ("sixteen lines", 160, lines(1_600, 0, 5, "ERROR", "a", word(16))),
        (
            "one error in a round of three",
            128,
            lines(900, 0, 10, "INFO", "a", word(3))
                .into_iter()
                .map(|(time, level, module, text)| {
                    (time, if text.ends_with('c') { "ERROR" } else { level }, module, text)
                })
                .collect(),
        ),
        // At INFO the first minute shows which programs speak: after it, what is new is a loop.
        (
            "harmless lines after a minute and a half",
            200,
            [
                lines(450, 0, 200, "INFO", "b", |i| format!("work item {i} done")),
                lines(400, 90_000, 50, "INFO", "a", word(4)),
            ]
            .concat(),
        ),
    ];
    for (name, most, lines) in faults {
        let opened = opened_in(name, lines);
        assert!(opened.first().is_some_and(|open| open.count <= most), "{name}: {opened:?}");
    }
}

#[test]
fn what_healthy_programs_begin_with_is_no_loop() {
    let said = |text: &'static str| move |_: i64| text.to_owned();
    let mut twins: Vec<(String, Lines)> = vec![
        ("health checks".into(), lines(9_000, 0, 20, "INFO", "a", said("GET /health 200"))),
        (
            "two checks in turn".into(),
            lines(6_000, 0, 20, "INFO", "a", |i| format!("GET /{} 200", ["a", "b"][i as usize % 2])),
        ),
        (
            "a boot that loads".into(),
            lines(40, 0, 20, "INFO", "a", |i| format!("loading module {}", char::from(b'a' + (i % 26) as u8))),
        ),
        ("a boot that loads, equal lines".into(), lines(40, 0, 5, "INFO", "a", said("loading module"))),
        ("a batch that counts up".into(), lines(3_000, 0, 15, "INFO", "a", |i| format!("row {i} of 3000 written"))),
        ("a batch whose rows are members".into(), lines(3_000, 0, 15, "INFO", "a", said("row written"))),
        ("debug lines".into(), lines(6_000, 0, 10, "DEBUG", "a", said("poll returned nothing"))),
        ("a list of steps".into(), lines(30, 0, 50, "INFO", "a", |i| format!("step {i} of 30"))),
        (
            "a database that is waited for".into(),
            lines(90, 0, 1_000, "ERROR", "a", said("connection refused, trying again")),
        ),
        ("the same, twice a second at WARN".into(), lines(240, 0, 500, "WARN", "a", said("not ready"))),
        ("retries that back off".into(), (0..10).map(|i| (20 << i, "ERROR", "a", "no answer".to_owned())).collect()),
        ("forty notices of one old option".into(), lines(40, 100, 4, "WARN", "a", said("option is deprecated"))),
        ("a list of 25 that are missing".into(), lines(25, 100, 3, "ERROR", "a", said("plugin is missing"))),
        (
            "an error that was always there".into(),
            [
                lines(6_000, 0, 50, "INFO", "a", |i| format!("request {i} served")),
                lines(1_500, 7, 200, "ERROR", "a", said("cannot parse the agent")),
            ]
            .concat(),
        ),
        (
            "a second program, which beats ten times a second".into(),
            [
                lines(1_200, 0, 100, "INFO", "a", |i| format!("request {i} served")),
                lines(1_000, 20_000, 100, "INFO", "b", said("alive")),
            ]
            .concat(),
        ),
    ];
    for step in [100, 200, 333, 1_000] {
        twins.push((format!("a beat each {step} ms"), lines(2_000, 0, step, "INFO", "a", said("alive"))));
    }
    for (name, lines) in twins {
        let opened = opened_in(&name, lines);
        assert!(opened.is_empty(), "{name}: {opened:?}");
    }
}

/// Lines of a healthy program: Poisson arrivals of templates with Zipf shares, most of them without
/// a number, from a few threads, with a heartbeat. A test rejects with a chance of 1e-10 at most:
/// in 80 streams of 3,000 lines none should.
#[test]
fn random_lines_are_no_loop_from_the_first_on() {
    for seed in 0..80 {
        let mut random = Pcg64::seed_from_u64(seed);
        let (rate, kinds) = (random.random_range(2.0..60.0), random.random_range(3..60_u32));
        let (gap, kind) =
            (Exp::new(rate).unwrap(), Zipf::new(f64::from(kinds), random.random_range(0.8..1.6)).unwrap());
        let threads = random.random_range(1..8);
        let (mut stream, mut time, mut beat) = (Stream::new(), 0.0_f64, 0_i64);
        for _ in 0..3_000 {
            time += gap.sample(&mut random);
            while beat * 500 < (time * 1e3) as i64 {
                stream.line(&line(beat * 500, "INFO", "timer", "t", "alive", ""));
                beat += 1;
            }
            let kind: u32 = kind.sample(&mut random) as u32;
            let level = match (kind * 7 + seed as u32) % 20 {
                // What a healthy program says most is no warning.
                _ if kind < 3 => "INFO",
                0 => "ERROR",
                1 | 2 => "WARN",
                3 => "DEBUG",
                _ => "INFO",
            };
            let number = if kind.is_multiple_of(3) { random.random_range(0..1_000_000) } else { kind };
            let (module, thread) = (format!("m{}", kind % 4), format!("t{}", random.random_range(0..threads)));
            stream.line(&line((time * 1e3) as i64, level, &module, &thread, &format!("kind {kind} of {number}"), ""));
        }
        let told: Vec<_> = stream.opened().into_iter().map(|open| open.summary.to_string()).collect();
        assert!(told.is_empty(), "seed {seed}, {rate} a second, {kinds} kinds, {threads} threads: {told:?}");
    }
}
