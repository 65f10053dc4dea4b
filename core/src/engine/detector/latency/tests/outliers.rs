//! Single calls: how many are told of services that are well, and how slow one must be to be told.

use super::*;
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::engine::stats::log_histogram::bucket_of;
use baseline::Baseline;
use statrs::distribution::{ContinuousCDF, Normal};

/// A call a second, for so many days.
const DAY: usize = 86_400;

/// Durations of a service that is well.
enum Durations {
    /// Log-normal ones: each mode with its share, median and sigma.
    Modes(&'static [(f64, f64, f64)]),
    Weibull(f64),
    PowerLaw(f64),
}

impl Durations {
    fn draw(&self, rng: &mut Pcg64Mcg) -> f64 {
        let uniform = 1.0 - rng.random::<f64>();
        match self {
            Self::Modes(modes) => {
                let mut left = uniform;
                let mode = modes.iter().find(|(share, ..)| {
                    left -= share;
                    left <= 0.0
                });
                let (_, median, sigma) = mode.unwrap_or(&modes[0]);
                log_normal(rng, *median, *sigma)
            }
            Self::Weibull(shape) => (-uniform.ln()).powf(1.0 / shape),
            Self::PowerLaw(exponent) => uniform.powf(-1.0 / exponent),
        }
    }

    /// The chance of a longer one.
    fn beyond(&self, value: f64) -> f64 {
        match self {
            Self::Modes(modes) => {
                let normal = Normal::standard();
                modes.iter().map(|(share, median, sigma)| share * normal.sf((value / median).ln() / sigma)).sum()
            }
            Self::Weibull(shape) => (-value.powf(*shape)).exp(),
            Self::PowerLaw(exponent) => value.max(1.0).powf(-exponent),
        }
    }
}

/// The settings of a filter that judges `calls` a day with the usual budget.
fn settings(calls: usize) -> LatencySettings {
    let mut settings = LatencyOptions::default().usual();
    settings.outlier_threshold.keep_to(AlarmBudget::default().threshold_of(calls as f64));
    settings
}

/// The limit for one call of a service that has had so many.
fn limit_after(values: usize, settings: &LatencySettings, rng: &mut Pcg64Mcg, durations: &Durations) -> f64 {
    let mut baseline = Baseline::new();
    for second in 0..values as i64 {
        let value = durations.draw(rng);
        baseline.notice_grain(value);
        baseline.learn(bucket_of(value).unwrap(), settings, Timestamp::from_seconds(second), || DAY as f64);
    }
    baseline.limits.map_or(f64::INFINITY, |limits| limits.outlier)
}

/// How many calls of a service that is well are expected to be told on each of two days. Its
/// durations change over the day by `swing`.
fn expected(seed: u64, durations: &Durations, swing: f64) -> [f64; 2] {
    let (settings, mut rng, mut baseline) = (settings(DAY), Pcg64Mcg::seed_from_u64(seed), Baseline::new());
    let mut told = [0.0; 2];
    for second in 0..2 * DAY {
        let factor = 1.0 + swing * (second as f64 / DAY as f64 * std::f64::consts::TAU).sin();
        let value = durations.draw(&mut rng) * factor;
        baseline.notice_grain(value);
        baseline.learn(bucket_of(value).unwrap(), &settings, Timestamp::from_seconds(second as i64), || DAY as f64);
        // The chance changes slowly: it is asked for at every 64th call.
        if second % 64 == 0
            && let Some(limits) = &baseline.limits
        {
            told[second / DAY] += 64.0 * durations.beyond(limits.outlier / factor);
        }
    }
    told
}

/// The budget gives single calls a sixth of a false alarm a day. Services with modes and tails of
/// every usual kind keep to it from the first day on, at one call a second each. A power law, which
/// few values do not tell from a log-normal one, has three times as many, and what comes once in
/// hundreds of calls is news the first times.
#[test]
fn healthy_services_have_no_more_outliers_a_day_than_promised() {
    use Durations::{Modes, PowerLaw, Weibull};
    let promised = AlarmBudget::default().share();
    let kinds: [(&str, [f64; 2], f64, Durations); 10] = [
        ("log-normal, narrow", [1.0; 2], 0.0, Modes(&[(1.0, 1.0, 0.3)])),
        ("log-normal, wide", [1.0; 2], 0.0, Modes(&[(1.0, 1.0, 1.0)])),
        ("log-normal, whose median changes by the hour", [1.0; 2], 0.4, Modes(&[(1.0, 1.0, 0.6)])),
        ("Weibull", [1.0; 2], 0.0, Weibull(0.6)),
        ("exponential, whose mean changes by the hour", [1.0; 2], 0.3, Weibull(1.0)),
        ("one call in a hundred three times as long", [1.0; 2], 0.0, Modes(&[(0.99, 1.0, 0.4), (0.01, 3.0, 0.4)])),
        ("two modes", [1.0; 2], 0.0, Modes(&[(0.6, 1.0, 0.3), (0.4, 40.0, 0.3)])),
        ("a cache that misses one in ten", [1.0; 2], 0.0, Modes(&[(0.9, 1.0, 0.3), (0.1, 100.0, 0.3)])),
        ("power law", [5.0, 5.0], 0.0, PowerLaw(2.5)),
        ("tenfold pauses in one of five hundred", [8.0, 1.0], 0.0, Modes(&[(0.998, 1.0, 0.4), (0.002, 10.0, 0.4)])),
    ];
    for (what, allowed, swing, durations) in kinds {
        let seeds = 3;
        let mut told = [0.0; 2];
        for seed in 0..seeds {
            let days = expected(seed, &durations, swing);
            (0..2).for_each(|day| told[day] += days[day] / promised / seeds as f64);
        }
        assert!((0..2).all(|day| told[day] <= allowed[day]), "{what}: {told:.2?} of what is promised");
    }
}

/// How many times its usual duration one call must take to be told, after so many calls.
#[test]
fn how_slow_one_call_must_be() {
    let settings = settings(DAY);
    let narrow = Durations::Modes(&[(1.0, 1.0, 0.3)]);
    let usual = Durations::Modes(&[(1.0, 1.0, 0.6)]);
    let wide = Durations::Modes(&[(1.0, 1.0, 1.0)]);
    // A service whose durations have pauses among them, as most have.
    let pauses = Durations::Modes(&[(0.99, 1.0, 0.3), (0.01, 3.0, 0.3)]);
    for (values, most) in [
        (50, [f64::INFINITY; 4]),
        (250, [22.0, 42.0, 400.0, 30.0]),
        (1_000, [11.0, 27.0, 250.0, 18.0]),
        (10_000, [8.5, 22.0, 180.0, 20.0]),
    ] {
        for (durations, most) in [&narrow, &usual, &wide, &pauses].into_iter().zip(most) {
            let mut rng = Pcg64Mcg::seed_from_u64(9);
            let mut limits: Vec<f64> = (0..9).map(|_| limit_after(values, &settings, &mut rng, durations)).collect();
            limits.sort_by(f64::total_cmp);
            assert!(limits[4] <= most && limits[4].is_finite() == (values > 200), "{values}: {limits:?}");
        }
    }
}
