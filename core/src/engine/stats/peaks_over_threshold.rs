//! How unlikely one value is for the tail of the values so far.
//!
//! Peaks over threshold: values above a high threshold u follow a generalised Pareto distribution,
//! whatever the values themselves follow (J. Pickands, *Statistical inference using extreme order
//! statistics*, Ann. Stat. 3 (1975); S. Coles, *An Introduction to Statistical Modeling of Extreme
//! Values*, §4.2): P(X > u + y) = ζ·(1 + ξy/σ)^(−1/ξ) with ζ the share of exceedances, and
//! ζ·e^(−y/σ) for ξ = 0. Here X is the logarithm of a duration, so that ξ = 0 is a power law.
//!
//! Shape and scale are fitted by moments (J. Hosking, J. Wallis, *Parameter and quantile estimation
//! for the generalized Pareto distribution*, Technometrics 29 (1987), §3): ξ = (1 − m²/s²)/2, σ =
//! m(1 − ξ), from mean m and variance s² of the excesses. Few exceedances say little of a shape, so
//! ξ is shrunk to −0.1 with the weight of 100 values, and held between −0.1 (heavier than the
//! log-normal at these depths) and 0. For σ the upper 95 % bound is taken. Both err towards
//! silence.
//!
//! Memory: four numbers. Cold start: no fit below 25 exceedances.

use super::log_histogram::{LogHistogram, lower_edge, middle};
use serde::{Deserialize, Serialize};

/// Fewest exceedances of a fit.
const EXCEEDANCES: f64 = 25.0;
/// The shape that few exceedances are taken to have, and the lightest tail of all.
const SHAPE: f64 = -0.1;
/// The weight of that prior, in exceedances.
const SHAPE_WEIGHT: f64 = 100.0;
/// Smallest scale: durations that nearly agree do not show how far the next may lie.
const SCALE: f64 = 0.1;
/// The one-sided 95 % point of the normal distribution.
const NORMAL_95: f64 = 1.645;

/// A generalised Pareto tail over the logarithms of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeaksOverThreshold {
    /// ln of the threshold.
    threshold: f64,
    /// Share of the values above it.
    share: f64,
    shape: f64,
    scale: f64,
}

impl PeaksOverThreshold {
    /// The tail above the threshold that about `share` of the values exceed, or a larger share
    /// where these are fewer than 25; `None` where there are not as many values.
    #[must_use]
    pub fn fit(values: &LogHistogram, share: f64) -> Option<Self> {
        let wanted = (share * values.total()).max(EXCEEDANCES);
        let mut tail = values.from_top();
        let (mut exceedances, mut lowest) = (0.0, None);
        for (bucket, count) in tail.by_ref() {
            if exceedances >= EXCEEDANCES && exceedances + f64::from(count) > wanted {
                break;
            }
            exceedances += f64::from(count);
            lowest = Some(bucket);
        }
        let lowest = lowest.filter(|_| exceedances >= EXCEEDANCES)?;
        let threshold = lower_edge(lowest).ln();
        let (mut sum, mut squares) = (0.0, 0.0);
        for (bucket, count) in values.from_top().take_while(|(bucket, _)| *bucket >= lowest) {
            let excess = middle(bucket).ln() - threshold;
            sum += f64::from(count) * excess;
            squares += f64::from(count) * excess * excess;
        }
        let mean = sum / exceedances;
        let variance = (squares / exceedances - mean * mean).max(0.2 * mean * mean);
        let fitted = (1.0 - mean * mean / variance) / 2.0;
        let shape = (SHAPE * SHAPE_WEIGHT + fitted * exceedances) / (SHAPE_WEIGHT + exceedances);
        let shape = shape.clamp(SHAPE, 0.0);
        let scale = (mean * (1.0 - shape) * (1.0 + NORMAL_95 / exceedances.sqrt())).max(SCALE);
        Some(Self { threshold, share: (exceedances / values.total()).min(1.0), shape, scale })
    }

    /// ln of the chance that a value is as large as `value`, or larger; 0 below the threshold.
    #[must_use]
    pub fn ln_tail(&self, value: f64) -> f64 {
        let excess = (value.ln() - self.threshold) / self.scale;
        if excess.is_nan() || excess <= 0.0 {
            return 0.0;
        }
        let ln_beyond = if self.shape > -1e-6 {
            -excess
        } else {
            // Beyond the end of a bounded tail everything is impossible; as finite as anything can
            // be.
            (1.0 + self.shape * excess).max(1e-30).ln() * (-1.0 / self.shape)
        };
        self.share.ln() + ln_beyond.max(-1e4)
    }

    /// The value that is exceeded with a chance of `chance`; the threshold for chances above its
    /// share.
    #[must_use]
    pub fn value_at(&self, chance: f64) -> f64 {
        let ratio = (chance / self.share).min(1.0);
        let excess = if self.shape > -1e-6 { -ratio.ln() } else { (ratio.powf(-self.shape) - 1.0) / self.shape };
        (self.threshold + self.scale * excess).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stats::log_histogram::bucket_of;
    use rand::SeedableRng;
    use rand_distr::{Distribution, Exp1, LogNormal};
    use rand_pcg::Pcg64Mcg;
    use statrs::distribution::{ContinuousCDF, Pareto};

    fn of(values: impl IntoIterator<Item = f64>) -> LogHistogram {
        let mut histogram = LogHistogram::default();
        values.into_iter().filter_map(bucket_of).for_each(|bucket| histogram.add(bucket));
        histogram
    }

    #[test]
    fn without_shape_it_is_the_pareto_distribution_of_statrs() {
        let tail = PeaksOverThreshold { threshold: 3_f64.ln(), share: 1.0, shape: 0.0, scale: 0.4 };
        let theirs = Pareto::new(3.0, 2.5).unwrap();
        for value in [3.1, 5.0, 40.0, 1e4] {
            assert!((tail.ln_tail(value).exp() / theirs.sf(value) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn tail_and_value_undo_each_other() {
        for shape in [0.0, -1e-7, -0.03, -0.1] {
            let tail = PeaksOverThreshold { threshold: 4.0, share: 0.02, shape, scale: 0.3 };
            for chance in [1e-3_f64, 1e-5, 1e-9] {
                let value = tail.value_at(chance);
                assert!((tail.ln_tail(value) - chance.ln()).abs() < 1e-6, "{shape} {chance}");
            }
            assert!((tail.value_at(0.5) - 4_f64.exp()).abs() < 1e-9);
        }
    }

    #[test]
    fn few_constant_and_absurd_values_never_panic_nor_turn_nan() {
        assert_eq!(PeaksOverThreshold::fit(&LogHistogram::default(), 0.02), None);
        assert_eq!(PeaksOverThreshold::fit(&of([5.0]), 0.02), None);
        assert_eq!(PeaksOverThreshold::fit(&of(vec![5.0; 24]), 0.02), None);
        let constant = PeaksOverThreshold::fit(&of(vec![5.0; 1_000]), 0.02).unwrap();
        assert!(constant.ln_tail(5.0) > -1.0 && constant.value_at(1e-5) > 9.0, "{constant:?}");
        let wild = of((0..1_000).map(|i| 10_f64.powi(i % 17 - 5)));
        let wild = PeaksOverThreshold::fit(&wild, 0.02).unwrap();
        for value in [f64::NAN, 0.0, -1.0, 1e-300, 1e300, f64::INFINITY] {
            assert!(wild.ln_tail(value) <= 0.0 && constant.ln_tail(value) <= 0.0, "{value}");
        }
    }

    /// How often the next value of a stream lies beyond the value that has `chance` by the fit to
    /// the values before.
    fn false_alarms(draw: impl Fn(&mut Pcg64Mcg) -> f64, learned: usize, chance: f64) -> f64 {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        let (mut alarms, mut tested) = (0_u32, 0_u32);
        for _ in 0..200 {
            let tail = PeaksOverThreshold::fit(&of((0..learned).map(|_| draw(&mut rng))), 0.02).unwrap();
            let limit = tail.value_at(chance);
            for _ in 0..20_000 {
                alarms += u32::from(draw(&mut rng) > limit);
                tested += 1;
            }
        }
        f64::from(alarms) / f64::from(tested)
    }

    #[test]
    fn on_null_streams_it_rejects_no_more_often_than_promised() {
        let log_normal = LogNormal::new(3.5, 0.5).unwrap();
        for learned in [400, 2_000] {
            for chance in [1e-3, 1e-4] {
                let plain = false_alarms(|rng| log_normal.sample(rng), learned, chance);
                let pauses = false_alarms(
                    |rng| log_normal.sample(rng) * if rand::RngExt::random::<f64>(rng) < 0.01 { 3.0 } else { 1.0 },
                    learned,
                    chance,
                );
                // A power law has the heaviest tail within the bounds of the shape, and the
                // shrinkage costs at most a factor of three.
                let power = false_alarms(|rng| (0.5 * Distribution::<f64>::sample(&Exp1, rng)).exp(), learned, chance);
                assert!(plain <= chance && pauses <= chance * 1.2, "{learned} {chance}: {plain} {pauses}");
                assert!(power <= chance * 3.0, "{learned} {chance}: {power}");
            }
        }
    }
}
