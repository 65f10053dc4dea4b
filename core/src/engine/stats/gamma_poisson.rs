//! How unlikely a count is for a rate that was learned from counts.
//!
//! The number N of events in a window w, for a rate λ with posterior Gamma(a, b) (a: ½ plus the
//! events seen, b: the exposure they were seen in), is negative binomial: P(N = k) = Γ(k+a)/(Γ(a)
//! k!) · pᵏ (1−p)ᵃ with p = w/(b+w). A. Gelman et al., *Bayesian Data Analysis*, 3rd ed., §2.6.
//! Without events (a = ½) a long exposure expects little. Cold start: without exposure (b = 0)
//! nothing is unlikely.

use statrs::distribution::{ContinuousCDF, Gamma};
use statrs::function::gamma::ln_gamma;

/// ln P(N ≥ k) for a rate with posterior Gamma(`shape`, `exposure`) over `window` (in the
/// exposure's unit).
///
/// 0 (certain) for k ≤ 0, for k at or below the mean, and where there is no exposure or an argument
/// is not finite.
#[must_use]
pub fn ln_tail(k: f64, shape: f64, exposure: f64, window: f64) -> f64 {
    let sane = k.is_finite() && shape.is_finite() && exposure.is_finite() && window.is_finite();
    if !sane || k <= 0.0 || exposure <= 0.0 || shape <= 0.0 || k <= mean(shape, exposure, window) {
        return 0.0;
    }
    if window <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let p = window / (exposure + window);
    let first = ln_gamma(k + shape) - ln_gamma(shape) - ln_gamma(k + 1.0) + k * p.ln() + shape * (-p).ln_1p();
    // Above the mean each term is smaller than the one before; the rest of the sum is bounded by a
    // geometric series.
    let (mut sum, mut term, mut n) = (1.0, 1.0, k);
    for _ in 0..10_000 {
        let ratio = (n + shape) / (n + 1.0) * p;
        term *= ratio;
        sum += term;
        n += 1.0;
        if ratio < 1.0 && term * ratio / (1.0 - ratio) < sum * 1e-9 {
            break;
        }
    }
    (first + sum.ln()).min(0.0)
}

/// ln P(N ≥ k) where `learned` events came in `exposure` and counts vary `dispersion` times as much
/// as Poisson ones, as [`super::dispersion`] learns it.
///
/// Counts and exposure are taken in units of φ = `dispersion` events, and the window is not: in
/// these units as many are expected as in single events. With the window divided too, the mean
/// would be kept, and the tail would be too short: that of a mixture of Poisson counts falls as
/// (1 − 1/φ)ᵏ, that of counts in units of φ faster. At most four times as many are rejected as
/// should be at 1e-4 where up to one is expected, where that would be thirteen; the more are
/// expected, the more the test errs towards silence.
#[must_use]
pub fn ln_tail_dispersed(k: f64, learned: f64, dispersion: f64, exposure: f64, window: f64) -> f64 {
    ln_tail(k / dispersion, learned / dispersion + 0.5, exposure / dispersion, window)
}

/// The interval that holds the expected count of a window with a chance of 95 %: quantiles of the
/// rate's posterior, times the window. From 0 to infinity without exposure.
#[must_use]
pub fn credible_interval(learned: f64, dispersion: f64, exposure: f64, window: f64) -> (f64, f64) {
    match Gamma::new(learned / dispersion + 0.5, exposure / dispersion) {
        Ok(rate) if learned >= 0.0 && window > 0.0 => {
            (rate.inverse_cdf(0.025) * window, rate.inverse_cdf(0.975) * window)
        }
        _ => (0.0, f64::INFINITY),
    }
}

/// The expected count.
#[must_use]
pub fn mean(shape: f64, exposure: f64, window: f64) -> f64 {
    if exposure > 0.0 { shape * window / exposure } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::Gamma as Gammas;
    use statrs::distribution::{DiscreteCDF, NegativeBinomial};

    #[test]
    fn a_dispersed_tail_is_calibrated_where_little_is_expected_and_else_errs_towards_silence() {
        for dispersion in [2.0, 4.0, 8.0] {
            for mean in [0.2, 1.0, 5.0, 20.0] {
                let rejects =
                    |k: &u64| ln_tail_dispersed(*k as f64, 200.0 * mean, dispersion, 200.0, 1.0) <= 1e-4_f64.ln();
                let k = (1..2_000).find(rejects).unwrap();
                // A gamma mixture of Poisson counts of this mean and dispersion.
                let counts = NegativeBinomial::new(mean / (dispersion - 1.0), 1.0 / dispersion).unwrap();
                let p = counts.sf(k - 1);
                assert!(p <= 4e-4 && (mean > 1.0 || p >= 5e-6), "{dispersion} {mean}: {k} errors have {p}");
            }
        }
    }

    #[test]
    fn the_tail_agrees_with_statrs() {
        for (k, shape, exposure, window) in
            [(3, 0.5, 100.0, 1.0), (10, 4.5, 60.0, 30.0), (25, 20.5, 600.0, 300.0), (200, 50.5, 10.0, 20.0)]
        {
            let theirs = NegativeBinomial::new(shape, exposure / (exposure + window)).unwrap().sf(k - 1);
            let ours = ln_tail(k as f64, shape, exposure, window).exp();
            assert!((ours / theirs - 1.0).abs() < 1e-5, "{k}: {ours} {theirs}");
        }
    }

    #[test]
    fn the_edges_are_certain_or_impossible_but_never_nan() {
        assert_eq!(ln_tail(5.0, 0.5, 0.0, 1.0), 0.0);
        assert_eq!(ln_tail(0.0, 0.5, 10.0, 1.0), 0.0);
        assert_eq!(ln_tail(1.0, 50.0, 10.0, 1.0), 0.0);
        assert_eq!(ln_tail(f64::NAN, 0.5, 10.0, 1.0), 0.0);
        assert_eq!(ln_tail(3.0, 0.5, 10.0, 0.0), f64::NEG_INFINITY);
        let deep = ln_tail(40_000.0, 0.5, 86_400.0, 1.0);
        assert!(deep.is_finite() && deep < -100_000.0);
    }

    #[test]
    fn on_a_null_stream_it_rejects_no_more_often_than_promised() {
        // Counts drawn from the very distribution: P(p-value ≤ α) ≤ α, by the definition of a tail.
        let (shape, exposure, window) = (6.5, 60.0, 20.0);
        let null = NegativeBinomial::new(shape, exposure / (exposure + window)).unwrap();
        for alpha in [0.05_f64, 1e-3, 1e-6] {
            let critical = (0..1_000).find(|&k| ln_tail(f64::from(k), shape, exposure, window) <= alpha.ln()).unwrap();
            assert!(null.sf(u64::try_from(critical).unwrap() - 1) <= alpha * 1.000_01);
        }
    }

    #[test]
    fn learned_rates_and_dispersions_reject_no_more_often_than_promised() {
        use crate::engine::stats::dispersion::Dispersion;
        use rand::SeedableRng;
        use rand_distr::{Distribution, Poisson};
        let mut random = rand_pcg::Pcg64::seed_from_u64(11);
        // An hour of minutes is learned, the next minute is tested; at the learned rate, and where
        // minutes vary more than the prior expects, at 1.5 times it, as burst does.
        for (phi, factor) in [(1.0_f64, 1.0), (2.0, 1.0), (4.0, 1.5)] {
            for mean in [2.0_f64, 20.0] {
                let mut minute = || -> f64 {
                    let rate = match phi > 1.0 {
                        true => Gammas::new(mean / (phi - 1.0), phi - 1.0).unwrap().sample(&mut random),
                        false => mean,
                    };
                    Poisson::new(rate.max(1e-9)).unwrap().sample(&mut random)
                };
                let mut rejected = 0;
                for _ in 0..4_000 {
                    let (mut dispersion, mut learned) = (Dispersion::default(), 0.0);
                    for n in 1..=60 {
                        let count = minute();
                        learned += count;
                        dispersion.add(count, learned / f64::from(n));
                    }
                    let ln_p = ln_tail_dispersed(minute(), learned * factor, dispersion.factor(), 3_600.0, 60.0);
                    rejected += u32::from(ln_p < 0.01_f64.ln());
                }
                // 40 are promised; 60 are three standard deviations more.
                assert!(rejected <= 60, "dispersion {phi}, mean {mean}: {rejected} of 4000");
            }
        }
    }

    #[test]
    fn the_interval_holds_the_expected_and_narrows_with_what_is_learned() {
        // The quantiles of χ² with one degree of freedom, 0.000982 and 5.024, halved.
        let (low, high) = credible_interval(0.0, 1.0, 100.0, 1.0);
        assert!((low / 4.91e-6 - 1.0).abs() < 1e-3 && (high / 0.025_12 - 1.0).abs() < 1e-3, "{low} {high}");
        let mut width = f64::INFINITY;
        for learned in [1.0, 10.0, 100.0, 10_000.0] {
            let (low, high) = credible_interval(learned, 2.0, learned * 10.0, 30.0);
            assert!(low < 3.0 && 3.0 < high && high - low < width, "{learned}: {low} {high}");
            width = high - low;
        }
        assert!(width < 0.2);
        assert_eq!(credible_interval(5.0, 1.0, 0.0, 1.0), (0.0, f64::INFINITY));
        assert_eq!(credible_interval(f64::NAN, 1.0, 1.0, 1.0), (0.0, f64::INFINITY));
    }

    #[test]
    fn dispersion_keeps_the_mean_and_fattens_the_tail() {
        let tails = [1.0, 2.0, 8.0].map(|dispersion| ln_tail_dispersed(40.0, 60.0, dispersion, 600.0, 60.0));
        assert!(tails[0] < tails[1] && tails[1] < tails[2], "{tails:?}");
        assert_eq!(ln_tail_dispersed(5.0, 60.0, 4.0, 600.0, 60.0), 0.0);
        assert_eq!(ln_tail_dispersed(5.0, 60.0, f64::NAN, 600.0, 60.0), 0.0);
    }
}
