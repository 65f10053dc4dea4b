//! What comes at the same hour every day, and what is over.

use super::*;

/// Days of calls, one in `gap_s` seconds on average, of six operations; from `slow.0` to `slow.1`
/// o'clock they take `slow.2` times as long.
fn days(seed: u64, days: usize, gap_s: f64, slow: impl Fn(usize) -> (f64, f64, f64)) -> Stream {
    let mut stream = Stream::new();
    stream.rng = Pcg64Mcg::seed_from_u64(seed);
    let mut now = 0.0;
    while now < days as f64 * 86_400.0 {
        now += -gap_s * (1.0 - stream.rng.random::<f64>()).ln();
        let (day, hour) = ((now / 86_400.0) as usize, now % 86_400.0 / 3_600.0);
        let (from, to, factor) = slow(day);
        let factor = if (from..to).contains(&hour) { factor } else { 1.0 };
        let operation = stream.rng.random_range(0..6);
        let took = log_normal(&mut stream.rng, 20.0 * f64::from(operation + 1), 0.45) * factor;
        stream.line(
            (now * 1e3) as i64,
            &format!(r#""route":"/{}","duration_ms":{took:.2}"#, ["a", "b", "c", "d", "e", "f"][operation as usize]),
        );
    }
    stream
}

#[test]
fn a_slow_hour_every_night_is_told_once() {
    for (seed, gap_s, from, length, factor) in [
        (1, 40.0, 2.0, 1.0, 5.0),
        (2, 30.0, 22.5, 0.9, 3.0),
        (3, 30.0, 4.5, 0.6, 8.0),
        (4, 25.0, 1.0, 2.0, 4.0),
        (5, 60.0, 3.0, 1.5, 10.0),
    ] {
        let stream = days(seed, 5, gap_s, |day| {
            let late = day as f64 * 0.37 % 0.2;
            (from + late, from + late + length, factor)
        });
        assert!(stream.opened() <= 2, "{seed}: {:#?}", stream.sentences());
    }
}

#[test]
fn without_slow_nights_nothing_is_said() {
    for (seed, gap_s) in [(1, 40.0), (2, 25.0)] {
        let stream = days(seed, 5, gap_s, |_| (0.0, 0.0, 1.0));
        assert_eq!(stream.opened(), 0, "{seed}: {:#?}", stream.sentences());
    }
}

#[test]
fn what_is_worse_or_longer_or_at_another_hour_is_told() {
    let usual = (2.0, 3.0, 4.0);
    for (what, seed, last) in [
        ("at noon", 11, (12.0, 13.0, 4.0)),
        ("five times as slow again", 12, (2.0, 3.0, 20.0)),
        ("until six", 13, (2.0, 6.0, 4.0)),
    ] {
        let told = |last| days(seed, 5, 30.0, |day| if day == 4 { last } else { usual }).opened();
        assert!(told(last) > told(usual), "{what}");
    }
}

#[test]
fn slow_streams_find_what_fast_ones_do() {
    for gap_ms in [100, 3_000, 10_000, 60_000] {
        let mut stream = Stream::new();
        let mut calls = |count: usize, factor: f64| {
            for _ in 0..count {
                stream.now += gap_ms;
                let took = log_normal(&mut stream.rng, 40.0, 0.4) * factor;
                stream.line(stream.now, &format!(r#""route":"/a","duration_ms":{took:.2}"#));
            }
        };
        calls(1_500, 1.0);
        calls(40, 3.0);
        calls(200, 1.0);
        assert_eq!(stream.opened(), 1, "{gap_ms}: {:?}", stream.said());
        assert_eq!(stream.findings.last().unwrap().state, State::Resolved, "{gap_ms}");
    }
}

/// A leak, and the restart that ends it: a level that came so slowly that nothing was said is no
/// news when it goes.
#[test]
fn back_to_what_it_was_is_no_news() {
    for seed in 0..5 {
        let mut stream = Stream::new();
        stream.rng = Pcg64Mcg::seed_from_u64(seed);
        stream.calls(3_000, 1.0);
        (0..20_000).for_each(|i| stream.calls(1, 4_f64.powf(f64::from(i) / 20_000.0)));
        let before = stream.opened();
        stream.calls(2_000, 1.0);
        assert_eq!(stream.opened(), before, "{seed}: {:#?}", stream.sentences());
        // What it never was is.
        stream.calls(300, 0.05);
        assert_eq!(stream.opened(), before + 1, "{seed}: {:#?}", stream.sentences());
    }
}

/// One slow call is no habit: one of the next day at the same hour is told as well.
#[test]
fn one_slow_call_is_told_though_one_came_yesterday() {
    let mut stream = Stream::new();
    for i in 0..2 * 8_640_i64 {
        let slow = i % 8_640 == 6_000;
        let took = if slow { 4_000.0 } else { log_normal(&mut stream.rng, 40.0, 0.4) };
        stream.line(i * 10_000, &format!(r#""route":"/a","duration_ms":{took:.2}"#));
    }
    assert_eq!(stream.opened(), 2, "{:#?}", stream.sentences());
}
