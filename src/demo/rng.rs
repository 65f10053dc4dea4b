//! The demo's random numbers: one generator for each purpose, and the few distributions that the
//! stream draws from.
//!
//! The same seed must give the same bytes on every machine. PCG is specified bit for bit. The
//! exponential and the cosine come from `libm` in Rust, because the platform's C library may round
//! differently. (`rand_distr` may still call the C library's logarithm in one draw of thousands;
//! the last bit of that result is lost when times are truncated to microseconds.) A test compares
//! the stream with a stored hash, so that a new version of a dependency cannot change it unnoticed.

use rand::{Rng as _, RngExt, SeedableRng};
use rand_distr::{Exp1, StandardNormal};
use rand_pcg::Pcg64Mcg;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A random generator for one purpose; each purpose has its own.
#[derive(Clone, Debug)]
pub(super) struct Rng(Pcg64Mcg);

impl Rng {
    pub(super) fn new(seed: u64, purpose: &str) -> Rng {
        Rng(Pcg64Mcg::seed_from_u64(xxh3_64_with_seed(purpose.as_bytes(), seed)))
    }

    /// A separate generator for one occurrence: however much that draws, later occurrences draw the
    /// same numbers.
    pub(super) fn split(&mut self) -> Rng {
        Rng(Pcg64Mcg::seed_from_u64(self.0.next_u64()))
    }

    /// A whole number in `low..=high`.
    pub(super) fn whole(&mut self, low: u32, high: u32) -> u32 {
        self.0.random_range(low..=high)
    }

    /// A number in [low, high).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// A random item of `choices`, which must not be empty.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    /// A random index below `length`, which must be small and not 0.
    pub(super) fn index(&mut self, length: usize) -> usize {
        // Drawn as a u32, because a usize would draw differently on machines with another word
        // size.
        self.whole(0, u32::try_from(length).map_or(u32::MAX, |length| length.saturating_sub(1))) as usize
    }

    /// A random index; each has the probability of its weight.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let mut left = self.whole(1, weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            if left <= weight {
                return index;
            }
            left -= weight;
        }
        0
    }

    /// Random seconds to the next event of a Poisson process of `rate` events per second.
    pub(super) fn gap(&mut self, rate: f64) -> f64 {
        self.0.sample::<f64, _>(Exp1) / rate
    }

    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.0.sample::<f64, _>(StandardNormal))
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

/// Cards dealt in random order, each once before any is dealt again. Rare lines of a service thus
/// occur early in the stream and are no novelty later.
#[derive(Clone, Debug)]
pub(super) struct Deck {
    order: Vec<usize>,
    dealt: usize,
}

impl Deck {
    pub(super) fn new(cards: usize) -> Deck {
        Deck { order: (0..cards).collect(), dealt: cards }
    }

    /// The index of the next card; the deck must not be empty.
    pub(super) fn deal(&mut self, rng: &mut Rng) -> usize {
        if self.dealt >= self.order.len() {
            rng.shuffle(&mut self.order);
            self.dealt = 0;
        }
        self.dealt += 1;
        self.order[self.dealt - 1]
    }
}
