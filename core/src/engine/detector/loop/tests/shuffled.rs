//! Lines out of order: cycles show themselves by the times of their lines, and late lines open
//! nothing.

use super::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Lines by when they arrive: each up to so many milliseconds after its time.
fn shuffled(seed: u64, late: i64, lines: impl Iterator<Item = (i64, String)>) -> Vec<String> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut arriving: Vec<_> = lines.map(|(time, line)| (time + random.random_range(0..=late), line)).collect();
    arriving.sort_by_key(|(arrival, _)| *arrival);
    arriving.into_iter().map(|(_, line)| line).collect()
}

/// Fifteen seconds of a cycle of so many lines, among other lines.
fn cycle(period: i64, step: i64) -> impl Iterator<Item = (i64, String)> {
    (0..15_000 / step).flat_map(move |i| {
        let (time, word) = (T + i * step, char::from(b'a' + (i % period) as u8));
        let said = line(time, "INFO", "m3", "t", &format!("state {word}"), "");
        [(time, said), (time, line(time, "INFO", "m4", "t", &format!("others go on {i}"), ""))]
    })
}

#[test]
fn cycles_survive_a_shuffle_of_seconds() {
    for (seed, period, step, late) in
        [(1, 2, 40, 500), (2, 3, 40, 2_000), (3, 5, 40, 2_000), (4, 5, 90, 1_000), (5, 16, 20, 1_500), (6, 7, 25, 0)]
    {
        let mut stream = Stream::warmed();
        shuffled(seed, late, cycle(period, step)).iter().for_each(|line| stream.line(line));
        let opened = stream.opened();
        let told: Vec<_> = opened.iter().map(|open| open.summary.to_string()).collect();
        assert_eq!(opened.len(), 1, "{period} lines, up to {late} ms late: {told:?}");
        let open = opened[0];
        assert_eq!((open.kind.as_str(), open.own_members()["period"].as_i64()), ("cycle", Some(period)), "{told:?}");
        assert!(open.evidence.examples().len() as i64 <= period, "{open:?}");
        assert_eq!(stream.findings.last().map(|last| &last.id), Some(&open.id), "one incident");
    }
}

#[test]
fn random_lines_out_of_order_are_no_loop() {
    for seed in 0..30 {
        let mut random = Pcg64::seed_from_u64(seed);
        let (kinds, late) = (random.random_range(8..40), random.random_range(1..2_500));
        let lines = (0..4_000).map(|i| {
            let (time, kind) = (i * 60, random.random_range(0..kinds));
            (time, line(time, if kind % 5 == 0 { "WARN" } else { "INFO" }, "m3", "t", &format!("kind {kind}"), ""))
        });
        let lines: Vec<_> = lines.collect();
        let mut stream = Stream::new();
        shuffled(seed, late, lines.into_iter()).iter().for_each(|line| stream.line(line));
        assert_eq!(stream.opened(), Vec::<&Finding>::new(), "seed {seed}");
    }
}

#[test]
fn a_snapshot_keeps_the_lines_that_wait() {
    let lines = shuffled(3, 2_000, cycle(5, 40));
    let (mut whole, mut first) = (Stream::warmed(), Stream::warmed());
    lines.iter().for_each(|line| whole.line(line));
    let (before, after) = lines.split_at(60);
    before.iter().for_each(|line| first.line(line));
    let mut second = Stream::new();
    second.engine.restore(&first.engine.snapshot()).unwrap();
    after.iter().for_each(|line| second.line(line));
    first.findings.append(&mut second.findings);
    assert_eq!(whole.findings, first.findings);
}

#[test]
fn an_actor_in_order_again_waits_no_more() {
    let mut actor = Actor::new(Timestamp(0));
    let mut say = |line: u32, milliseconds: i64| {
        let time = Timestamp::from_millis(milliseconds);
        actor.push(line, 8, time, distinct::Distinct::default);
        actor.push_by_time(line, 8, time, distinct::Distinct::default);
        actor.last = time;
        actor.shuffled.is_some()
    };
    assert!((0..100).all(|i| !say(i, 1_000 + i64::from(i))));
    assert!(say(100, 900));
    assert!((0..255).all(|i| say(i, 2_000 + i64::from(i))));
    assert!(!say(255, 3_000));
}

/// A backlog in the middle of today: of yesterday, of an hour ago, or of half a minute ago.
#[test]
fn late_lines_open_no_loop() {
    for late in [30_000, 600_000, 3_500_000, 86_400_000, 30 * 86_400_000] {
        for period in [1, 3] {
            let mut stream = Stream::new();
            for i in 0..20_000_i64 {
                stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done"));
                if (15_000..15_300).contains(&i) {
                    let text = format!("old trouble {}", char::from(b'a' + (i % period) as u8));
                    stream.put(i * 200 - late, "ERROR", "m3", &text);
                }
            }
            assert_eq!(stream.opened(), Vec::<&Finding>::new(), "{late} ms late, {period} lines");
        }
    }
}
