//! Page's test on counts: has a raised rate come back to usual?
//!
//! The counts of equal spans have the rate λ₁ while an incident goes on and λ₀ < λ₁ when it is
//! over. Each count k adds its log-likelihood ratio (λ₁ − λ₀ − k ln(λ₁/λ₀))/φ to a sum that never
//! falls below 0. The incident is over when the sum has reached ln D. E. Page, *Continuous
//! inspection schemes*, Biometrika 41 (1954). While it goes on, at least D spans pass on average
//! before that happens by chance (G. Lorden, Ann. Math. Statist. 42 (1971), theorem 2). Once it is
//! over, the test takes about ln D · φ / (λ₁ − λ₀ − λ₀ ln(λ₁/λ₀)) spans, and nothing finds it
//! sooner for the same D. Memory: a number.

use serde::{Deserialize, Serialize};

/// The sum.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Page(f64);

impl Page {
    /// Takes the count of one span, in which `usual` are expected when it is over and `going` while
    /// it goes on, both varying `dispersion` times as much as Poisson counts.
    pub fn add(&mut self, count: f64, usual: f64, going: f64, dispersion: f64) {
        // The least expected number, so that dividing by it is safe.
        let usual = usual.max(1e-12);
        if going <= usual || !count.is_finite() || !going.is_finite() {
            return;
        }
        self.0 = (self.0 + (going - usual - count * (going / usual).ln()) / dispersion.max(1.0)).max(0.0);
    }

    /// A sum that says that the incident is over, where that is known otherwise.
    #[must_use]
    pub fn ended() -> Self {
        Self(f64::INFINITY)
    }

    /// True when the incident is over, by a test that errs once in `spans` spans while it goes on.
    #[must_use]
    pub fn is_over(&self, spans: f64) -> bool {
        self.0 >= spans.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_distr::{Distribution, Poisson};

    /// Spans until it is over, at most `most`.
    fn length(rate: f64, usual: f64, going: f64, spans: f64, most: u32, random: &mut rand_pcg::Pcg64) -> u32 {
        let counts = Poisson::new(rate).unwrap();
        let mut page = Page::default();
        for n in 1..=most {
            page.add(counts.sample(random), usual, going, 1.0);
            if page.is_over(spans) {
                return n;
            }
        }
        most
    }

    #[test]
    fn it_errs_as_seldom_as_promised_and_ends_as_soon() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(3);
        for (usual, going) in [(0.1, 1.0), (5.0, 8.0), (20.0, 24.0)] {
            let mut mean = |rate: f64| -> f64 {
                (0..200).map(|_| f64::from(length(rate, usual, going, 200.0, 5_000, &mut random))).sum::<f64>() / 200.0
            };
            assert!(mean(going) >= 200.0, "{usual} {going}");
            let soon = 200_f64.ln() / (going - usual - usual * (going / usual).ln());
            assert!(mean(usual) <= 1.5 * soon + 2.0, "{usual} {going}");
        }
    }

    #[test]
    fn nothing_makes_it_nan() {
        let mut page = Page::default();
        for (count, usual, going) in
            [(f64::NAN, 1.0, 2.0), (1.0, 2.0, 1.0), (1.0, f64::NAN, 1.0), (1.0, 1.0, f64::INFINITY)]
        {
            page.add(count, usual, going, 1.0);
        }
        assert!(!page.is_over(2.0));
        page.add(0.0, 0.0, 5.0, f64::NAN);
        assert!(page.is_over(100.0));
    }
}
