//! How much failures clump: the chance ρ, over what independence gives, that two of them sit on one
//! value.
//!
//! Of a block with n failures, S the share of its pairs that sit on one value, and s the chance
//! that two events do, (S − s)/(1 − s) estimates the intraclass correlation ρ, and counts vary φ(n)
//! = 1 + (n − 1) ρ times as much as binomial ones (A. Agresti, *Categorical Data Analysis*, 3rd
//! ed., §14.3). Blocks weigh n − 1, because φ is known that well by them, and ten at most, so that
//! one undetected incident does not make a key deaf. An estimate from few failures is drawn towards
//! a prior, which can be the estimate from more of them (empirical Bayes), and at first is
//! [`PRIOR`]. Memory: three numbers. Cold start: the prior, with the weight of thirty failures.
//! After a thousand the estimate forgets half. φ stops growing at the size of a usual block: clumps
//! are no larger, and are independent of each other.

use serde::{Deserialize, Serialize};

/// ρ where nothing is known: with the size below, counts vary twice as much as binomial ones.
pub const PRIOR: f64 = 0.05;
const PRIOR_SIZE: f64 = 20.0;
const PRIOR_WEIGHT: f64 = 30.0;
const MOST_WEIGHT: f64 = 1_000.0;
const BLOCK_WEIGHT: f64 = 10.0;

/// The estimate of ρ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clumping {
    sum: f64,
    weight: f64,
    size: f64,
}

impl Clumping {
    /// Takes a block of `failures`. `same` is the share of its pairs that sit on one value, `usual`
    /// the chance that two events do.
    pub fn add(&mut self, failures: f64, same: f64, usual: f64) {
        let correlation = (same - usual) / (1.0 - usual);
        // Nothing can be learned where all events have one value.
        if !(correlation * failures).is_finite() || failures < 2.0 || !(0.0..0.95).contains(&usual) {
            return;
        }
        let weight = (failures - 1.0).min(BLOCK_WEIGHT);
        self.sum += weight * correlation.min(1.0);
        self.weight += weight;
        self.size += weight * failures;
        if self.weight > MOST_WEIGHT {
            self.sum /= 2.0;
            self.weight /= 2.0;
            self.size /= 2.0;
        }
    }

    /// ρ, drawn towards `prior`.
    #[must_use]
    pub fn correlation(&self, prior: f64) -> f64 {
        ((self.sum + PRIOR_WEIGHT * prior) / (self.weight + PRIOR_WEIGHT)).clamp(0.0, 1.0)
    }

    /// Failures of a usual block: more than these do not clump together.
    #[must_use]
    pub fn size(&self) -> f64 {
        (self.size + PRIOR_WEIGHT * PRIOR_SIZE) / (self.weight + PRIOR_WEIGHT)
    }
}

/// φ of so many failures, of which as many as `size` may clump together.
#[must_use]
pub fn dispersion(correlation: f64, size: f64, failures: f64) -> f64 {
    1.0 + (failures.min(size) - 1.0).max(0.0) * correlation
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    /// Blocks of `n` failures on six values: each sits where the last one did with a chance of
    /// `sticky`, else anywhere.
    fn learned(seed: u64, n: u32, sticky: f64) -> f64 {
        let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
        let mut clumping = Clumping::default();
        for _ in 0..200 {
            let leader = random.random_range(0..6_usize);
            let mut counts = [0.0_f64; 6];
            for _ in 0..n {
                let value = if random.random::<f64>() < sticky { leader } else { random.random_range(0..6) };
                counts[value] += 1.0;
            }
            let pairs: f64 = counts.iter().map(|k| k * (k - 1.0)).sum();
            clumping.add(n.into(), pairs / f64::from(n * (n - 1)), 1.0 / 6.0);
        }
        clumping.correlation(PRIOR)
    }

    #[test]
    fn it_finds_the_correlation_of_failures_that_follow_a_leader() {
        // Two failures both follow it with a chance of sticky².
        for (n, sticky, rho) in [(2, 0.0, 0.0), (12, 0.0, 0.0), (3, 0.5, 0.25), (12, 0.5, 0.25), (20, 1.0, 1.0)] {
            let got = learned(1, n, sticky);
            assert!((got - rho).abs() < 0.07, "{n} {sticky}: {got}");
        }
    }

    #[test]
    fn few_failures_are_drawn_towards_the_prior_and_nonsense_is_not_taken() {
        let mut clumping = Clumping::default();
        for (failures, same, usual) in
            [(1.0, 1.0, 0.2), (5.0, f64::NAN, 0.2), (5.0, 1.0, 1.0), (f64::NAN, 1.0, 0.2), (5.0, 1.0, -0.1)]
        {
            clumping.add(failures, same, usual);
        }
        assert_eq!((clumping.correlation(0.05), clumping.correlation(0.2)), (0.05, 0.2));
        // One incident of a thousand failures weighs ten.
        clumping.add(1_000.0, 1.0, 0.2);
        assert!((clumping.correlation(0.0) - 0.25).abs() < 1e-9);
        (0..10_000).for_each(|_| clumping.add(2.0, 0.0, 0.2));
        assert!(clumping.correlation(0.05) < 0.01 && clumping.weight <= MOST_WEIGHT);
        assert!(clumping.size() < 4.0 && Clumping::default().size() == PRIOR_SIZE);
        assert_eq!(
            [(1.0, 9.0), (0.0, 9.0), (5.0, 9.0), (90.0, 9.0)].map(|(n, size)| dispersion(0.5, size, n)),
            [1.0, 1.0, 3.0, 5.0]
        );
    }
}
