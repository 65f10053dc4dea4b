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
//! log-normal at these depths) and 0.
//!
//! What k exceedances leave open of σ is in the chance itself, which is that of the next value and
//! not of a tail that is known: for ξ = 0 an excess over the mean of k others has the F
//! distribution with 2 and 2k degrees of freedom, P(Y > y) = (1 + y/(kσ))^−k (J. Lawless,
//! *Prediction intervals for the one parameter exponential distribution*, Technometrics 13 (1971)).
//! The quantile of a chance is so many times that of the exponential distribution, and for the
//! small ξ here the quantile of the generalised Pareto is taken as many times. The promised chance
//! is then that of all operations with as few values, half of whose fits are too narrow.
//!
//! Fits above several thresholds err in different ways: a second mode far out (a cache's misses, a
//! retry) bends those below it, and few values those above. The quantile of several is the
//! geometric mean of theirs. Where values beyond it come all the same, the largest of theirs counts
//! ([`largest_at`]).
//!
//! Memory: five numbers a fit. Cold start: no fit below 25 exceedances.

use super::log_histogram::{LogHistogram, lower_edge, middle};
use serde::{Deserialize, Serialize};

/// The tail is fitted above each of these shares of the values, and above at least so many values.
const TAILS: [(f64, f64); 3] = [(0.1, 25.0), (0.02, 50.0), (0.005, 50.0)];
/// By so much a chance is taken to be smaller than the fits say it is: on durations with modes and
/// tails of many kinds values are then beyond what is given as often as promised
/// (`detector/latency/tests/outliers.rs`).
const MODEL: f64 = 0.5;
/// The shape that few exceedances are taken to have, and the lightest tail of all.
const SHAPE: f64 = -0.1;
/// The weight of that prior, in exceedances.
const SHAPE_WEIGHT: f64 = 100.0;
/// Smallest scale: durations that nearly agree do not show how far the next may lie.
const SCALE: f64 = 0.1;
/// The depth at which the search for a chance ends: ln of the chance below the threshold's share.
const DEEPEST: f64 = 1e4;
/// Halvings of that search, which leave less than a billionth of its range.
const HALVINGS: u32 = 44;

/// A generalised Pareto tail over the logarithms of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeaksOverThreshold {
    /// ln of the threshold.
    threshold: f64,
    /// Share of the values above it.
    share: f64,
    shape: f64,
    scale: f64,
    /// How many values the scale was fitted to; 0 where it is known.
    #[serde(default)]
    exceedances: f64,
}

impl PeaksOverThreshold {
    /// The tail above the threshold that about `share` of the values exceed, or a larger share
    /// where these are fewer than `fewest`; `None` where there are not as many values.
    fn fit(values: &LogHistogram, share: f64, fewest: f64) -> Option<Self> {
        let wanted = (share * values.total()).max(fewest);
        let mut tail = values.from_top();
        let (mut exceedances, mut lowest) = (0.0, None);
        for (bucket, count) in tail.by_ref() {
            if exceedances >= fewest && exceedances + f64::from(count) > wanted {
                break;
            }
            exceedances += f64::from(count);
            lowest = Some(bucket);
        }
        let lowest = lowest.filter(|_| exceedances >= fewest)?;
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
        let scale = (mean * (1.0 - shape)).max(SCALE);
        Some(Self { threshold, share: (exceedances / values.total()).min(1.0), shape, scale, exceedances })
    }

    /// The excess, in scales, of a chance that is e^−`depth` times the share above the threshold.
    fn excess_at(&self, depth: f64) -> f64 {
        let known = if self.shape > -1e-6 { depth } else { (self.shape * depth).exp_m1() / self.shape };
        if self.exceedances > 0.0 && depth > 0.0 {
            known * self.exceedances * (depth / self.exceedances).exp_m1() / depth
        } else {
            known
        }
    }

    /// ln of the value that is exceeded with a chance of e^`ln_chance`; of the threshold for
    /// chances above its share.
    fn ln_value_at(&self, ln_chance: f64) -> f64 {
        let depth = (self.share.ln() - ln_chance).clamp(0.0, DEEPEST);
        self.threshold + self.scale * self.excess_at(depth)
    }
}

/// Several fits to the same values.
pub type Fits = [Option<PeaksOverThreshold>; TAILS.len()];

/// The fits to these values.
#[must_use]
pub fn fits(values: &LogHistogram) -> Fits {
    TAILS.map(|(share, fewest)| PeaksOverThreshold::fit(values, share, fewest))
}

/// ln of the value that is exceeded with a chance of e^`ln_chance`; minus infinity where there is
/// no fit.
fn ln_value_at(fits: &Fits, ln_chance: f64) -> f64 {
    let values = fits.iter().flatten().map(|fit| fit.ln_value_at(ln_chance));
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { f64::NEG_INFINITY }
}

/// The value that is exceeded with a chance of `chance`; 0 where there is no fit.
#[must_use]
pub fn value_at(fits: &Fits, chance: f64) -> f64 {
    ln_value_at(fits, (MODEL * chance).ln()).exp()
}

/// The value that is exceeded with a chance of `chance` by the fit that finds the largest; 0 where
/// there is no fit.
#[must_use]
pub fn largest_at(fits: &Fits, chance: f64) -> f64 {
    fits.iter().flatten().map(|fit| fit.ln_value_at((MODEL * chance).ln()).exp()).fold(0.0, f64::max)
}

/// ln of the chance that a value is as large as `value`, or larger; 0 below the thresholds and
/// where there is no fit.
#[must_use]
pub fn ln_tail(fits: &Fits, value: f64) -> f64 {
    let (ln_value, mut least, mut most) = (value.ln(), -DEEPEST, 0.0);
    let lies_beyond = ln_value > ln_value_at(fits, most);
    if !lies_beyond || fits.iter().flatten().next().is_none() {
        return 0.0;
    }
    for _ in 0..HALVINGS {
        let middle = (least + most) / 2.0;
        if ln_value_at(fits, middle) > ln_value { least = middle } else { most = middle }
    }
    (most - MODEL.ln()).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stats::log_histogram::bucket_of;
    use rand::SeedableRng;
    use rand_distr::{Distribution, Exp1, LogNormal};
    use rand_pcg::Pcg64Mcg;
    use statrs::distribution::{ContinuousCDF, FisherSnedecor, Pareto};

    fn of(values: impl IntoIterator<Item = f64>) -> LogHistogram {
        let mut histogram = LogHistogram::default();
        values.into_iter().filter_map(bucket_of).for_each(|bucket| histogram.add(bucket));
        histogram
    }

    #[test]
    fn without_shape_it_is_the_pareto_distribution_of_statrs() {
        let tail = PeaksOverThreshold { threshold: 3_f64.ln(), share: 1.0, shape: 0.0, scale: 0.4, exceedances: 0.0 };
        let theirs = Pareto::new(3.0, 2.5).unwrap();
        for value in [5.0, 40.0, 1e4] {
            assert!((MODEL * ln_tail(&[Some(tail), None, None], value).exp() / theirs.sf(value) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn tail_and_value_undo_each_other() {
        for (shape, exceedances) in [(0.0, 0.0), (-1e-7, 25.0), (-0.03, 0.0), (-0.1, 25.0), (-0.1, 4_000.0)] {
            let tail = PeaksOverThreshold { threshold: 4.0, share: 0.02, shape, scale: 0.3, exceedances };
            for chance in [1e-3_f64, 1e-5, 1e-9] {
                let other = PeaksOverThreshold { threshold: 5.0, share: 0.01, ..tail };
                for tails in [[None, Some(tail), None], [Some(other), Some(tail), Some(other)]] {
                    let value = value_at(&tails, chance);
                    assert!((ln_tail(&tails, value) - chance.ln()).abs() < 1e-6, "{shape} {chance}");
                }
            }
            assert!((value_at(&[Some(tail), None, None], 0.5) - 4_f64.exp()).abs() < 1e-9);
            assert!(value_at(&[Some(tail); 3], 0.0) > value_at(&[Some(tail); 3], 1e-9));
        }
    }

    /// The distribution of Lawless, by statrs: an excess over the mean of k others.
    #[test]
    fn without_shape_the_chance_of_the_next_value_is_that_of_the_f_distribution() {
        for exceedances in [25.0, 60.0, 1_000.0] {
            let tail = PeaksOverThreshold { threshold: 0.0, share: 1.0, shape: 0.0, scale: 0.3, exceedances };
            let theirs = FisherSnedecor::new(2.0, 2.0 * exceedances).unwrap();
            for excess in [1.0_f64, 3.0, 9.0] {
                let ours = MODEL * ln_tail(&[Some(tail); 3], (0.3_f64 * excess).exp()).exp();
                assert!((ours / theirs.sf(excess) - 1.0).abs() < 1e-6, "{exceedances} {excess}: {ours}");
            }
        }
    }

    #[test]
    fn few_constant_and_absurd_values_never_panic_nor_turn_nan() {
        for few in [vec![], vec![5.0], vec![5.0; 24]] {
            assert_eq!(fits(&of(few)), [None; 3]);
        }
        assert_eq!((value_at(&[None; 3], 1e-5), largest_at(&[None; 3], 1e-5)), (0.0, 0.0));
        assert_eq!(ln_tail(&[None; 3], 7.0), 0.0);
        let constant = fits(&of(vec![5.0; 1_000]));
        assert!(ln_tail(&constant, 5.0) > -1.0 && value_at(&constant, 1e-5) > 9.0, "{constant:?}");
        let wild = of((0..1_000).map(|i| 10_f64.powi(i % 17 - 5)));
        let wild = fits(&wild);
        for value in [f64::NAN, 0.0, -1.0, 1e-300, 1e300, f64::INFINITY] {
            let both = [ln_tail(&wild, value), ln_tail(&constant, value)];
            assert!(both.iter().all(|ln_p| ln_p.is_finite() && *ln_p <= 0.0), "{value}: {both:?}");
        }
    }

    /// How often the next value of a stream lies beyond the value that has `chance` by the fit to
    /// the values before.
    fn false_alarms(draw: impl Fn(&mut Pcg64Mcg) -> f64, learned: usize, chance: f64) -> f64 {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        let (mut alarms, mut tested) = (0_u32, 0_u32);
        for _ in 0..200 {
            let limit = value_at(&fits(&of((0..learned).map(|_| draw(&mut rng)))), chance);
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
