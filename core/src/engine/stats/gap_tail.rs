//! How long a pause can be, by the tail of the gaps so far.
//!
//! Beyond the K-th largest of n gaps, u, the excesses are taken as exponential (Pickands–Balkema–de
//! Haan with shape 0; Coles, An Introduction to Statistical Modeling of Extreme Values, section
//! 4.2). With S, the sum of the m = K − 1 excesses seen, the chance that one more gap is longer
//! than g is
//!
//! P(G > g) = K/n · (1 + (g − u)/S)^−m,
//!
//! which is exact for any scale: S is a Gamma variable, and the scale is integrated out instead of
//! estimated. Gaps that vary little make S small; the limit is at least twice the longest gap, so
//! that a delayed tick of a regular key is no silence. Memory: 4 bytes for each of the K largest
//! gaps, K = 20. Cold start: below 50 gaps there is no limit.

use crate::engine::state::{HeapSize, allocated};
use serde::{Deserialize, Serialize};

/// How many of the largest gaps make the tail.
const K: usize = 20;
/// Fewest gaps before there is a limit.
const LEAST: u32 = 50;

/// The largest gaps of a key, on one clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GapTail {
    /// Ascending.
    largest: Vec<f32>,
    /// The smallest of these gaps once there are K of them. Hardly any gap is larger, and the
    /// others need no other memory.
    least: f32,
    /// All gaps so far.
    gaps: u32,
}

impl Default for GapTail {
    fn default() -> Self {
        Self { largest: Vec::new(), least: f32::NEG_INFINITY, gaps: 0 }
    }
}

impl HeapSize for GapTail {
    fn heap_size(&self) -> usize {
        allocated(size_of::<f32>() * self.largest.capacity())
    }
}

impl GapTail {
    /// Takes a gap.
    #[inline]
    pub fn add(&mut self, gap: f32) {
        self.gaps = self.gaps.saturating_add(1);
        // A gap that is not a number is not larger.
        if gap > self.least {
            self.insert(gap);
        }
    }

    #[cold]
    fn insert(&mut self, gap: f32) {
        let place = self.largest.partition_point(|&other| other < gap);
        if self.largest.len() == K {
            self.largest[..place].rotate_left(1);
            self.largest[place - 1] = gap;
        } else {
            self.largest.insert(place, gap);
        }
        if self.largest.len() == K {
            self.least = self.largest[0];
        }
    }

    /// All gaps so far.
    #[must_use]
    pub fn gaps(&self) -> u32 {
        self.gaps
    }

    /// The longest so far.
    #[must_use]
    pub fn longest(&self) -> f64 {
        self.largest.last().copied().unwrap_or_default().into()
    }

    /// The K-th longest gap: gaps of this length are usual.
    #[must_use]
    pub fn usual(&self) -> f64 {
        self.largest.first().copied().unwrap_or_default().into()
    }

    /// Sum of the excesses over the K-th longest.
    fn excess(&self) -> f64 {
        let least = self.usual();
        self.largest.iter().map(|&gap| f64::from(gap) - least).sum()
    }

    /// The gap that is exceeded with chance `p`, and twice the longest at least; infinite while too
    /// few were seen.
    #[must_use]
    pub fn limit(&self, p: f64) -> f64 {
        if self.gaps < LEAST || self.largest.len() < K {
            return f64::INFINITY;
        }
        let odds = (K as f64 / f64::from(self.gaps) / p).max(1.0);
        let beyond = self.excess() * (odds.powf(1.0 / (K - 1) as f64) - 1.0);
        (self.usual() + beyond).max(2.0 * self.longest())
    }

    /// ln of the chance that a gap is longer than `gap`; 0 while too few were seen.
    #[must_use]
    pub fn ln_p(&self, gap: f64) -> f64 {
        if self.gaps < LEAST || self.largest.len() < K || gap <= self.usual() {
            return 0.0;
        }
        let share = (K as f64 / f64::from(self.gaps)).min(1.0).ln();
        share - (K - 1) as f64 * ((gap - self.usual()) / self.excess().max(1e-12)).ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn tail(gaps: impl IntoIterator<Item = f32>) -> GapTail {
        let mut tail = GapTail::default();
        gaps.into_iter().for_each(|gap| tail.add(gap));
        tail
    }

    #[test]
    fn the_largest_are_kept_in_order_whatever_comes() {
        let tail = tail(
            [f32::NAN].into_iter().chain((0..1_000).map(|i| ((i * 7_919) % 1_000) as f32)).chain([f32::NAN, -1.0]),
        );
        assert_eq!(tail.largest, (980..1_000).map(|gap| gap as f32).collect::<Vec<_>>());
        assert_eq!((tail.gaps(), tail.longest(), tail.usual()), (1_003, 999.0, 980.0));
    }

    #[test]
    fn cold_constant_and_extreme_tails() {
        assert_eq!(tail([]).limit(1e-9), f64::INFINITY);
        assert_eq!(tail(vec![1.0; 49]).limit(1e-9), f64::INFINITY);
        assert_eq!(tail([]).ln_p(1e9), 0.0);
        let clockwork = tail(vec![30.0; 1_000]);
        assert_eq!(clockwork.limit(1e-9), 60.0);
        assert!(clockwork.ln_p(60.0) < -500.0 && clockwork.ln_p(30.0) == 0.0 && clockwork.ln_p(60.0).is_finite());
        assert!(tail(vec![0.0; 1_000]).limit(1e-9) == 0.0);
        assert!(tail((0..100).map(|_| f32::MAX)).limit(1e-9).is_finite());
    }

    #[test]
    fn limit_and_chance_are_one_formula() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(3);
        let tail = tail((0..3_000).map(|_| -random.random::<f32>().max(1e-9).ln()));
        for p in [1e-6, 1e-9, 1e-12] {
            let limit = tail.limit(p);
            assert!(limit == 2.0 * tail.longest() || (tail.ln_p(limit) - f64::ln(p)).abs() < 1e-9);
        }
    }

    /// The next gap of a Poisson stream passes the limit with the stated chance: at 1e-2 and 1e-3,
    /// where it can be counted, over many short histories. The floor of twice the longest is left
    /// out.
    #[test]
    fn on_poisson_streams_the_false_alarm_rate_is_what_is_promised() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(1);
        let trials = 20_000;
        for p in [1e-2, 1e-3] {
            let mut alarms = 0;
            for _ in 0..trials {
                let tail = tail((0..100).map(|_| -random.random::<f32>().max(1e-9).ln()));
                alarms += u32::from(tail.ln_p(-random.random::<f64>().ln()) < f64::ln(p));
            }
            let (rate, error) = (f64::from(alarms) / f64::from(trials), (p / f64::from(trials)).sqrt());
            assert!((rate - p).abs() < 4.0 * error, "{rate} for {p}");
        }
    }

    /// Power: after 1,000 gaps of a Poisson stream the limit at 1e-9 lies between 20 and 60 mean
    /// gaps.
    #[test]
    fn a_poisson_key_is_missed_within_sixty_mean_gaps() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(2);
        for _ in 0..200 {
            let limit = tail((0..1_000).map(|_| -random.random::<f32>().max(1e-9).ln())).limit(1e-9);
            assert!((14.0..60.0).contains(&limit), "{limit}");
        }
    }
}
