//! How unlikely so many successes are in a number of trials.
//!
//! P(X ≥ k) for X ~ Binomial(n, q), summed from its largest term on: P(X = k) = n!/(k!(n−k)!) ·
//! qᵏ(1−q)ⁿ⁻ᵏ and P(X = k+1)/P(X = k) = (n−k)/(k+1) · q/(1−q). N. Johnson, A. Kemp, S. Kotz,
//! *Univariate Discrete Distributions*, 3rd ed., §3.2. No state; cold start: without trials nothing
//! is unlikely.

use statrs::distribution::{Beta, ContinuousCDF};
use statrs::function::gamma::ln_gamma;

/// ln P(X ≥ `k`) of `n` trials that succeed with a chance of `q`.
///
/// 0 (certain) for k at or below the mean, and where an argument is out of range or not finite.
#[must_use]
pub fn ln_tail(k: f64, n: f64, q: f64) -> f64 {
    let sane = k.is_finite() && n.is_finite() && (0.0..1.0).contains(&q) && k <= n;
    if !sane || k <= 0.0 || k <= n * q {
        return 0.0;
    }
    if q == 0.0 {
        return f64::NEG_INFINITY;
    }
    let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let first = ways + k * q.ln() + (n - k) * (-q).ln_1p();
    let odds = q / (1.0 - q);
    let (mut sum, mut term, mut i) = (1.0, 1.0, k);
    // Above the mean each term is smaller than the one before.
    while i < n && term > sum * 1e-12 {
        term *= (n - i) / (i + 1.0) * odds;
        sum += term;
        i += 1.0;
    }
    (first + sum.ln()).min(0.0)
}

/// ln P(X ≥ `k`) where counts vary `dispersion` times as much as binomial ones: in units of
/// `dispersion` trials, which keeps the share (as [`super::gamma_poisson::ln_tail_dispersed`]).
#[must_use]
pub fn ln_tail_dispersed(k: f64, n: f64, q: f64, dispersion: f64) -> f64 {
    ln_tail(k / dispersion, n / dispersion, q)
}

/// The interval that holds a share with a chance of 95 %, if `samples` showed it as `share`:
/// quantiles of Beta(½ + successes, ½ + failures). All of [0, 1] where an argument is invalid.
#[must_use]
pub fn credible_interval(share: f64, samples: f64) -> (f64, f64) {
    match Beta::new(share * samples + 0.5, (1.0 - share) * samples + 0.5) {
        Ok(beta) if (0.0..=1.0).contains(&share) => (beta.inverse_cdf(0.025), beta.inverse_cdf(0.975)),
        _ => (0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    #[test]
    fn the_tail_agrees_with_statrs() {
        for (k, n, q) in [(1_u64, 1_u64, 0.5), (5, 10, 0.2), (30, 100, 0.1), (400, 1_000, 0.3), (12, 12, 0.25)] {
            let theirs = Binomial::new(q, n).unwrap().sf(k - 1);
            let ours = ln_tail(k as f64, n as f64, q).exp();
            assert!((ours / theirs - 1.0).abs() < 1e-6, "{k} of {n}: {ours} {theirs}");
        }
    }

    #[test]
    fn dispersion_keeps_the_share_and_fattens_the_tail() {
        let tails = [1.0, 2.0, 8.0].map(|dispersion| ln_tail_dispersed(30.0, 60.0, 0.2, dispersion));
        assert!(tails[0] < tails[1] && tails[1] < tails[2] && tails[2] < 0.0, "{tails:?}");
        assert_eq!(ln_tail_dispersed(12.0, 60.0, 0.2, 3.0), 0.0);
        assert_eq!(ln_tail_dispersed(12.0, 60.0, 0.2, f64::NAN), 0.0);
    }

    #[test]
    fn the_interval_holds_the_share() {
        // The quantiles of Beta(5.5, 45.5), by numerical integration of its density.
        let (low, high) = credible_interval(0.1, 50.0);
        assert!((low - 0.0392).abs() < 1e-4 && (high - 0.2054).abs() < 1e-4, "{low} {high}");
        let (low, high) = credible_interval(0.0, 10.0);
        assert!(low < 1e-4 && high < 0.25, "{low} {high}");
        for (share, samples) in [(f64::NAN, 1.0), (2.0, 10.0), (0.5, -9.0), (-1.0, 3.0)] {
            assert_eq!(credible_interval(share, samples), (0.0, 1.0));
        }
    }

    #[test]
    fn the_edges_are_certain_or_impossible_but_never_nan() {
        for (k, n, q) in [(0.0, 10.0, 0.5), (5.0, 10.0, 0.5), (11.0, 10.0, 0.5), (5.0, 10.0, 1.0), (1.0, 0.0, 0.5)] {
            assert_eq!(ln_tail(k, n, q), 0.0, "{k} of {n} at {q}");
        }
        for (k, n, q) in [(f64::NAN, 10.0, 0.5), (1.0, f64::NAN, 0.5), (1.0, 10.0, f64::NAN), (1.0, 10.0, -0.5)] {
            assert_eq!(ln_tail(k, n, q), 0.0);
        }
        assert_eq!(ln_tail(1.0, 10.0, 0.0), f64::NEG_INFINITY);
        let deep = ln_tail(1e6, 1e6, 1e-6);
        assert!(deep.is_finite() && deep < -1e6);
    }
}
