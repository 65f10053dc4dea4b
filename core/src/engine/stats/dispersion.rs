//! Overdispersion: the factor φ by which the variance of counts exceeds their mean.
//!
//! φ̂ = mean of (N − m)² / m over blocks of about equal exposure, N the count and m the expected
//! count (Pearson's estimate; P. McCullagh, J. Nelder, *Generalized Linear Models*, 2nd ed., §4.5.2
//! and §6.2.4). A tail is then taken of counts and exposure both divided by φ
//! (`gamma_poisson::ln_tail_dispersed` says why). An extreme block adds at most six times the
//! estimate so far, so that one undetected incident does not make the key deaf. Memory: two
//! numbers. Cold start: φ = 2 with the weight of ten blocks; after sixty blocks it forgets half.

use serde::{Deserialize, Serialize};

const PRIOR: f64 = 2.0;
const PRIOR_BLOCKS: f64 = 10.0;
const MOST_BLOCKS: f64 = 60.0;
const CLIP: f64 = 6.0;

/// The estimate of φ.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Dispersion {
    sum: f64,
    blocks: f64,
}

impl Default for Dispersion {
    fn default() -> Self {
        Self { sum: PRIOR * PRIOR_BLOCKS, blocks: PRIOR_BLOCKS }
    }
}

impl Dispersion {
    /// Takes a block's count and its expected count. Expected counts below one are too coarse to
    /// divide by.
    pub fn add(&mut self, count: f64, expected: f64) {
        if !count.is_finite() || !expected.is_finite() || expected <= 0.0 {
            return;
        }
        self.add_factor((count - expected).powi(2) / expected.max(1.0));
    }

    /// Takes the estimate of φ from one block.
    pub fn add_factor(&mut self, factor: f64) {
        if !factor.is_finite() {
            return;
        }
        self.sum += factor.clamp(0.0, CLIP * self.factor());
        self.blocks += 1.0;
        if self.blocks > MOST_BLOCKS {
            self.sum /= 2.0;
            self.blocks /= 2.0;
        }
    }

    /// φ, at least 1.
    #[must_use]
    pub fn factor(&self) -> f64 {
        (self.sum / self.blocks).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_distr::{Distribution, Gamma, Poisson};

    #[test]
    fn it_finds_the_factor_of_poisson_and_of_gamma_poisson_counts() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(7);
        for (phi, low, high) in [(1.0_f64, 1.0, 1.6), (4.0, 2.5, 5.5)] {
            let mut dispersion = Dispersion::default();
            for _ in 0..300 {
                // Gamma rates of mean 20 whose counts have a variance of 20 φ.
                let rate = if phi > 1.0 {
                    Gamma::new(20.0 / (phi - 1.0), phi - 1.0).unwrap().sample(&mut random)
                } else {
                    20.0
                };
                dispersion.add(Poisson::new(rate.max(1e-9)).unwrap().sample(&mut random), 20.0);
            }
            assert!((low..high).contains(&dispersion.factor()), "{phi}: {}", dispersion.factor());
        }
    }

    #[test]
    fn nothing_makes_it_less_than_one_or_not_finite() {
        let mut dispersion = Dispersion::default();
        assert_eq!(dispersion.factor(), 2.0);
        for (count, expected) in [(f64::NAN, 1.0), (1.0, f64::NAN), (1.0, 0.0), (1.0, -3.0), (f64::INFINITY, 1.0)] {
            dispersion.add(count, expected);
        }
        assert_eq!(dispersion.factor(), 2.0);
        (0..500).for_each(|_| dispersion.add(5.0, 5.0));
        assert_eq!(dispersion.factor(), 1.0);
        dispersion.add(1e12, 1.0);
        assert!(dispersion.factor() < 1.5);
    }
}
