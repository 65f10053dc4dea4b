//! What is found, and what is not, while little is known.

use super::*;

/// Calls with these durations, from the first on; how many incidents they open.
fn opened(seed: u64, calls: usize, mut took: impl FnMut(&mut Pcg64Mcg, usize) -> f64) -> usize {
    let mut stream = Stream::new();
    stream.rng = Pcg64Mcg::seed_from_u64(seed);
    for i in 0..calls {
        let duration = took(&mut stream.rng, i);
        stream.call(duration);
    }
    stream.opened()
}

#[test]
fn what_becomes_a_hundred_times_as_slow_after_fifty_calls_is_told() {
    for (calm, factor, within) in [(50, 100.0, 40), (70, 100.0, 40), (100, 20.0, 40), (150, 8.0, 40), (200, 5.0, 40)] {
        let found = |seed| {
            opened(seed, calm + within, |rng, i| log_normal(rng, 20.0, 0.4) * if i < calm { 1.0 } else { factor }) > 0
        };
        let found = (0..20).filter(|seed| found(*seed)).count();
        assert!(found >= 19, "×{factor} after {calm} calls: {found} of 20");
    }
}

/// Of a hundred healthy starts of each kind at most one may say anything in its first 400 calls;
/// what comes twice in a hundred calls is news the first times where it did not come before.
#[test]
fn healthy_starts_are_quiet() {
    type Duration = fn(&mut Pcg64Mcg, usize) -> f64;
    let kinds: [(&str, usize, Duration); 9] = [
        ("log-normal", 1, |rng, _| log_normal(rng, 40.0, 0.6)),
        ("gamma", 1, |rng, _| Gamma::new(2.0, 20.0).unwrap().sample(rng)),
        ("hits and misses", 1, |rng, _| {
            if rng.random_bool(0.1) { log_normal(rng, 80.0, 0.4) } else { log_normal(rng, 0.8, 0.3) }
        }),
        ("rare misses", 10, |rng, _| {
            if rng.random_bool(0.02) { log_normal(rng, 300.0, 0.4) } else { log_normal(rng, 2.0, 0.3) }
        }),
        ("a cold cache", 1, |rng, i| log_normal(rng, 20.0 * (1.0 + 20.0 * (-(i as f64) / 30.0).exp()), 0.4)),
        ("a cold cache that fills slowly", 1, |rng, i| {
            let misses = 1.0 / (1.0 + i as f64 / 20.0);
            if rng.random_bool(misses) { log_normal(rng, 300.0, 0.4) } else { log_normal(rng, 3.0, 0.3) }
        }),
        ("load that grows by half", 1, |rng, i| log_normal(rng, 20.0 * (1.0 + i as f64 / 800.0), 0.4)),
        ("slow from the first call", 1, |rng, _| log_normal(rng, 20_000.0, 0.5)),
        ("collections of garbage", 1, |rng, i| log_normal(rng, 10.0, 0.3) * if i % 90 < 6 { 15.0 } else { 1.0 }),
    ];
    for (what, allowed, took) in kinds {
        let loud = (0..100).filter(|seed| opened(*seed, 400, took) > 0).count();
        assert!(loud <= allowed, "{what}: {loud} of 100");
    }
}

/// Durations of which each goes halfway with the one before. Where they hang together over tens of
/// calls, as at nine tenths, an excursion is a shift for as long as it lasts, and is told.
#[test]
fn durations_that_hang_together_are_no_storm() {
    let mut all = 0;
    for seed in 0..5 {
        let mut state = 0.0_f64;
        all += opened(seed, 20_000, |rng, _| {
            state = 0.5 * state + 0.75_f64.sqrt() * log_normal(rng, 1.0, 1.0).ln();
            40.0 * (0.5 * state).exp()
        });
    }
    assert!(all <= 1, "{all} in 100,000 calls");
}
