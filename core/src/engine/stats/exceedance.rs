//! How unlikely it is that k of the next w values lie above a quantile of the values before.
//!
//! Of n independent values let j lie above a limit that was chosen by order: the share of all
//! future values above it is then distributed as Beta(j + 1, n − j), whatever the values follow,
//! and K of the next w is beta-binomial (E. Gumbel, H. von Schelling, *The distribution of the
//! number of exceedances*, Ann. Math. Stat. 21 (1950)). For large n that is the binomial
//! distribution; for small n it accounts for how little n values say about a quantile. Ties only
//! lower the chance.
//!
//! Values that come in clumps are not independent. The intra-class correlation ρ of the
//! beta-binomial, 1/(a + b + 1), models that: a + b is lowered until the distribution has the
//! observed ρ (J. Griffiths, Biometrics 29 (1973)).
//!
//! Memory: two numbers. Cold start: without values a share of one half, about which nothing is
//! known.

use statrs::function::gamma::ln_gamma;

/// Smallest share assumed above any limit: smaller shares cannot be estimated. It also keeps the
/// sums below from underflowing, for windows of up to 128.
const LEAST_SHARE: f64 = 0.005;

/// What is known of the share of values above a limit: Beta(`a`, `b`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exceedance {
    a: f64,
    b: f64,
}

impl Exceedance {
    /// `above` of `total` values lay above the limit; `correlation` is the correlation of
    /// successive values, 0 to 1.
    #[must_use]
    pub fn new(above: f64, total: f64, correlation: f64) -> Self {
        let total = if total.is_finite() { total.max(0.0) } else { 0.0 };
        let above = if above.is_finite() { above.clamp(0.0, total) } else { total };
        let share = ((above + 1.0) / (total + 2.0)).clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
        let correlation = (correlation.clamp(0.0, 0.9) + 1.0 / (total + 2.0)).min(0.9);
        let weight = 1.0 / correlation - 1.0;
        Self { a: share * weight, b: (1.0 - share) * weight }
    }

    /// The expected share.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// ln P(K ≥ `k`) of the next `of` values; 0 for k = 0, and minus infinity for k > `of`.
    #[must_use]
    pub fn ln_tail(&self, k: u32, of: u32) -> f64 {
        if k == 0 {
            return 0.0;
        }
        if k > of {
            return f64::NEG_INFINITY;
        }
        let (w, first) = (f64::from(of), f64::from(k));
        let ln_first = ln_gamma(w + 1.0) - ln_gamma(first + 1.0) - ln_gamma(w - first + 1.0)
            + ln_beta(first + self.a, w - first + self.b)
            - ln_beta(self.a, self.b);
        let (mut sum, mut term) = (1.0, 1.0);
        for i in k..of {
            term /= self.down(f64::from(i + 1), w);
            sum += term;
        }
        (ln_first + sum.ln()).min(0.0)
    }

    /// For each threshold, highest last: the smallest k of `of` (at most 128) with P(K ≥ k) below
    /// it; `of` + 1 for none.
    #[must_use]
    pub fn critical<const N: usize>(&self, of: u32, thresholds: [f64; N]) -> [u32; N] {
        let w = f64::from(of);
        let mut term = (ln_beta(w + self.a, self.b) - ln_beta(self.a, self.b)).exp();
        let mut critical = [of + 1; N];
        let (mut sum, mut k) = (0.0, of);
        for (critical, threshold) in critical.iter_mut().zip(thresholds) {
            *critical = k + 1;
            while k > 0 && sum + term < threshold {
                sum += term;
                term *= self.down(f64::from(k), w);
                *critical = k;
                k -= 1;
            }
        }
        critical
    }

    /// P(K = k − 1) / P(K = k).
    fn down(&self, k: f64, w: f64) -> f64 {
        k * (self.b + w - k) / ((w - k + 1.0) * (self.a + k - 1.0))
    }
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;
    use statrs::distribution::{Binomial, DiscreteCDF};

    #[test]
    fn with_much_knowledge_it_is_the_binomial_of_statrs() {
        for (share, k, of) in [(0.25, 8, 8), (0.1, 12, 32), (0.01, 4, 8), (0.25, 70, 128)] {
            let ours = Exceedance::new(share * 1e11, 1e11, 0.0).ln_tail(k, of).exp();
            let theirs = Binomial::new(share, u64::from(of)).unwrap().sf(u64::from(k) - 1);
            assert!((ours / theirs - 1.0).abs() < 1e-3, "{share} {k} {of}: {ours} {theirs}");
        }
    }

    #[test]
    fn it_is_certain_or_impossible_at_the_edges_and_never_nan() {
        for (above, total, correlation) in
            [(0.0, 0.0, 0.0), (f64::NAN, 5.0, 0.0), (9.0, f64::INFINITY, 0.0), (0.0, 1e9, 0.0), (5.0, 5.0, 1.0)]
        {
            let exceedance = Exceedance::new(above, total, correlation);
            assert_eq!(exceedance.ln_tail(0, 128), 0.0);
            assert_eq!(exceedance.ln_tail(9, 8), f64::NEG_INFINITY);
            for k in 1..=128 {
                let ln_p = exceedance.ln_tail(k, 128);
                assert!(ln_p.is_finite() && ln_p <= 0.0, "{above} {total} {k}: {ln_p}");
            }
        }
        // Without values nothing is rejected.
        assert_eq!(Exceedance::new(0.0, 0.0, 0.0).critical(8, [1e-9]), [9]);
    }

    #[test]
    fn critical_counts_are_the_first_below_their_thresholds() {
        for (above, total, correlation) in [(50.0, 200.0, 0.0), (20.0, 2_000.0, 0.0), (2_000.0, 20_000.0, 0.01)] {
            let exceedance = Exceedance::new(above, total, correlation);
            for of in [8, 32, 128] {
                for (critical, threshold) in exceedance.critical(of, [1e-9, 1e-3]).into_iter().zip([1e-9_f64, 1e-3]) {
                    assert!(exceedance.ln_tail(critical, of) < threshold.ln());
                    assert!(exceedance.ln_tail(critical - 1, of) >= threshold.ln() - 1e-9);
                }
            }
        }
    }

    #[test]
    fn correlation_asks_for_more() {
        let critical = |rho| Exceedance::new(100.0, 10_000.0, rho).critical(32, [1e-9])[0];
        assert!(critical(0.0) < critical(0.005) && critical(0.005) < critical(0.03));
    }

    #[test]
    fn on_a_null_stream_it_rejects_no_more_often_than_promised() {
        // The limit is the value that 50 of 200 lie above, as a baseline's quantile is; the next 32
        // are tested.
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        let exceedance = Exceedance::new(50.0, 200.0, 0.0);
        for alpha in [0.05, 0.01, 1e-3] {
            let critical = exceedance.critical(32, [alpha])[0];
            let rounds = 60_000;
            let rejected = (0..rounds)
                .filter(|_| {
                    let mut learned: [f64; 200] = std::array::from_fn(|_| rng.random());
                    learned.sort_by(f64::total_cmp);
                    (0..32).filter(|_| rng.random::<f64>() > learned[149]).count() as u32 >= critical
                })
                .count();
            let share = rejected as f64 / f64::from(rounds);
            let error = 3.0 * (alpha / f64::from(rounds)).sqrt();
            assert!(share <= alpha + error && share > alpha / 8.0, "{alpha}: {share}");
        }
    }
}
