//! The chance that the next sighting is of a new kind, by Good and Turing's estimate.
//!
//! Of n sightings f₁ kinds were seen once: the next is of a new kind with a chance of about (f₁ +
//! 1)/(n + 1) (Good, The Population Frequencies of Species, 1953; one is added because n and f₁ may
//! be small). A stream that changes keeps an old n too large: the share of new kinds among about
//! the last 200 sightings bounds the chance from below. Both forget half of themselves when n
//! passes 100,000. Memory: three numbers. Cold start: with nothing seen the chance is 1.

use serde::{Deserialize, Serialize};

/// Sightings over which the share of new kinds is averaged.
const RECENT: f64 = 200.0;
/// Sightings at which the past is halved.
const MOST: f64 = 100_000.0;

/// Counts of kinds and sightings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct GoodTuring {
    once: f64,
    sightings: f64,
    recent: f64,
}

impl GoodTuring {
    /// Takes a sighting of a kind that has been seen `count` times, this one included. Returns the
    /// chance, before it, that it would be of a new kind.
    #[inline]
    pub(super) fn see(&mut self, count: u64) -> f64 {
        let chance = self.chance();
        self.sightings += 1.0;
        self.recent -= self.recent / RECENT;
        match count {
            1 => {
                self.once += 1.0;
                self.recent += 1.0 / RECENT;
            }
            2 => self.once = (self.once - 1.0).max(0.0),
            _ => {}
        }
        if self.sightings > MOST {
            self.sightings /= 2.0;
            self.once /= 2.0;
        }
        chance
    }

    /// The chance that the next sighting is of a new kind.
    pub(super) fn chance(&self) -> f64 {
        ((self.once + 1.0) / (self.sightings + 1.0)).max(self.recent)
    }

    /// Sightings so far, decayed.
    pub(super) fn sightings(&self) -> f64 {
        self.sightings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn cold_known_and_ever_new() {
        let mut chance = GoodTuring::default();
        assert_eq!(chance.see(1), 1.0);
        (2..1_000).for_each(|count| _ = chance.see(count));
        assert!(chance.see(1_000) < 0.002);
        // All at once everything is new: a deploy.
        let seen: Vec<f64> = (0..40).map(|_| chance.see(1)).collect();
        assert!(seen[0] < 0.002 && seen[39] > 0.15, "{seen:?}");
        let mut ever_new = GoodTuring::default();
        assert!((0..10_000).all(|_| ever_new.see(1) > 0.5));
        for _ in 0..1_000_000 {
            ever_new.see(3);
        }
        assert!(ever_new.sightings() <= MOST && ever_new.see(3) < 0.05);
    }

    /// Kinds drawn by Zipf's law: over the second half of a stream the estimates add up to the new
    /// kinds that came.
    #[test]
    fn the_estimate_is_calibrated() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(1);
        let (mut expected, mut came) = (0.0, 0.0);
        for _ in 0..200 {
            let (mut chance, mut counts) = (GoodTuring::default(), std::collections::HashMap::new());
            for i in 0..2_000 {
                let kind = (1.0 / random.random::<f64>().max(1e-6)) as u64;
                let count = counts.entry(kind).or_insert(0_u64);
                *count += 1;
                let estimate = chance.see(*count);
                if i >= 1_000 {
                    expected += estimate;
                    came += f64::from(u8::from(*count == 1));
                }
            }
        }
        // The larger of two estimates, so that it errs upwards, towards silence.
        assert!(came <= 1.05 * expected && expected < 1.6 * came, "{expected} {came}");
    }
}
