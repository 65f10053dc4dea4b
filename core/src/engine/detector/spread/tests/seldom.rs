//! A bad node on streams of an event every few seconds or minutes, by day and by night; and in the
//! first minutes.

use super::*;

/// Requests to six hosts, one every `gap_ms` on average, fewer at night where `daily`, of which one
/// in a hundred fails; from number `from` on host 3 fails `bad` times of ten. How many failures of
/// the bad host it took to tell, of each incident.
fn slow(seed: u64, gap_ms: i64, requests: i64, daily: bool, from: i64, bad: u32) -> Vec<u64> {
    let mut stream = Stream::new(seed, SpreadOptions::default());
    let (mut ms, mut failures, mut told) = (0, 0, Vec::new());
    for i in 0..requests {
        let is_night = daily && ms / 1_000 % 86_400 < 28_800;
        ms += stream.random.random_range(1..2 * gap_ms * if is_night { 8 } else { 1 });
        let host = stream.random.random_range(0..6);
        let is_bad = i >= from && host == 3 && stream.random.random_range(0..10) < bad;
        let failed = is_bad || stream.random.random_range(0..100) == 0;
        failures += u64::from(failed && i >= from && host == 3);
        let before = stream.stream.opened(DetectorName::Spread).len();
        stream.put(ms, "m", host, failed);
        if stream.stream.opened(DetectorName::Spread).len() > before {
            told.push(failures);
        }
    }
    told
}

#[test]
fn a_bad_node_is_told_within_fifteen_failures_however_slow_the_stream() {
    let mut needed = Vec::new();
    for (gap_ms, daily) in
        [(2_000, false), (3_000, false), (10_000, false), (60_000, false), (20_000, true), (5_000, true)]
    {
        for seed in 1..4 {
            let told = slow(seed, gap_ms, 4_000, daily, 3_500, 8);
            assert_eq!(told.len(), 1, "{gap_ms} {seed}: {told:?}");
            needed.extend(told);
        }
    }
    needed.sort_unstable();
    assert!(needed[needed.len() * 19 / 20] <= 15, "{needed:?}");
}

#[test]
fn slow_streams_of_healthy_nodes_are_quiet() {
    for (gap_ms, daily) in [(3_000, false), (60_000, false), (20_000, true)] {
        for seed in 1..4 {
            assert_eq!(slow(seed, gap_ms, 6_000, daily, 6_000, 0), [0; 0], "{gap_ms} {seed}");
        }
    }
}

#[test]
fn a_node_that_fails_from_the_first_line_on_is_told_and_healthy_starts_are_not() {
    for seed in 1..5 {
        let mut stream = Stream::new(seed, SpreadOptions::default());
        stream.run(0, 200, |_, module, host| module == 2 && host == 3);
        assert_eq!(stream.opened(), [("spread", vec!["h3", "m2"])], "{seed}");
        let mut quiet = Stream::new(seed + 10, SpreadOptions::default());
        quiet.run(0, 400, |random, _, _| random.random_range(0..10) == 0);
        assert_eq!(quiet.opened(), [], "{seed}");
    }
}
