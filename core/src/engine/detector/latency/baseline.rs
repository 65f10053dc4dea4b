//! What is usual for one operation: its learned durations, and the limits that follow from them.

use super::LatencySettings;
use super::window::{BELOW, LONGEST, Lanes, NEVER, ValueLevel, WINDOWS, lanes};
use crate::engine::state::{HeapSize, allocated};
use crate::engine::stats::exceedance::Exceedance;
use crate::engine::stats::log_histogram::{LogHistogram, bucket_of, lower_edge};
use crate::engine::stats::peaks_over_threshold::{self, Fits};
use crate::event::Timestamp;
use serde::{Deserialize, Serialize};

/// Shares of the baseline above the quantiles that recent values are compared with: 75, 90 and 99
/// %.
pub(super) const SHARES: [f64; 3] = [0.25, 0.10, 0.01];
/// The share below the quantile that fast values are compared with: 25 %.
pub(super) const SHARE_BELOW: f64 = 0.25;
/// How many limits there are; the lower one is the last.
pub(super) const LIMITS: usize = SHARES.len() + 1;
/// Values to learn before any value is tested.
const FIRST: f64 = 32.0;
/// Values after which a baseline is no longer young. What an operation does in its first minutes
/// (cold caches, first connections) is not all that it will do, so that a young baseline's limits
/// are wider by the power [`WIDENS`] of what it lacks: eightfold at 50 values.
const WARM: f64 = 200.0;
const WIDENS: f64 = 1.5;
/// Values after which faster calls are looked for: those of a cold cache are few among them.
const SETTLED: f64 = 1_000.0;
/// While a baseline is young, a value is learned when so many came after it.
const YOUNG_BEHIND: u64 = 32;
/// Values after which a baseline forgets half,
const REMEMBERED: f64 = 20_000.0;
/// and the seconds after which it does with fewer values, so that it follows the day,
const HALF_LIFE_S: f64 = 7_200.0;
/// down to this many values.
const KEPT: f64 = 4_000.0;
/// An outlier is at least this many times the 99 % quantile: closer values need no attention.
const OUTLIER_FACTOR: f64 = 3.5;
/// A young baseline has not seen the operation's rare modes (a pause, a retry): at this many values
/// the outlier factor is doubled, and it falls as more values come.
const YOUNG: f64 = 400.0;
/// Values up to this many times a value that was learned twice are known.
const KNOWN_FACTOR: f64 = 1.25;
/// What each halving of the baseline leaves of a known value.
const KNOWN_FADES: f64 = 0.8;
/// A call is calm while no count is rarer than this.
pub(super) const CALM: f64 = 1e-3;
/// Slow calls are still coming while a count of the newest eight is rarer than this.
const CURRENT: f64 = 0.05;
/// The weight of the prior of no clumping, in blocks of calm values; after as many blocks half is
/// forgotten.
const BLOCK_PRIOR: f64 = 4.0;
const BLOCKS: f64 = 100.0;
/// A block counts for at most this many times the dispersion so far: it may have been a fault.
const BLOCK_CLIP: f64 = 6.0;
/// The coarsest step of durations that is noticed, in milliseconds, and the finest.
const COARSEST: f64 = 10_000.0;
const FINEST: f64 = 1e-4;

/// The learned durations of an operation, in milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) learned: LogHistogram,
    /// Values to learn before the limits are computed again.
    due: u32,
    /// The step in which values come: the largest power of ten of which all are multiples.
    grain: f64,
    /// The largest values learned, largest first.
    known: [f64; 2],
    /// Mean squared excess of blocks of calm values above each limit, over the binomial variance;
    /// and the number of blocks.
    dispersion: [f64; LIMITS],
    blocks: f64,
    /// When half was forgotten last.
    halved: Timestamp,
    /// The lowest median so far, and the lowest since a shift became the baseline, in milliseconds;
    /// 0 until there is one.
    lowest: f64,
    normal: f64,
    pub(super) limits: Option<Box<Limits>>,
}

/// What follows from a baseline, until it is computed again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Limits {
    /// Recent values are counted above the first three, and below the last.
    levels: [f64; LIMITS],
    /// A single value is an outlier above this.
    pub(super) outlier: f64,
    /// By window and limit, one lane each: so many values beyond the limit are a shift.
    pub(super) shift: [Lanes; WINDOWS.len()],
    /// By window and limit: so many values beyond the limit are not calm.
    pub(super) restless: [Lanes; WINDOWS.len()],
    /// By limit: with so many of the newest eight values beyond it, they are still coming.
    pub(super) current: Lanes,
    /// By limit: values beyond the limit, all values, and their correlation.
    shares: [(f64, f64, f64); LIMITS],
    tails: Fits,
    /// The chance of an outlier that the limit stands for.
    pub(super) chance: f64,
}

impl Limits {
    /// Where a value lies among the limits.
    #[inline]
    pub(super) fn place(&self, value: f64) -> ValueLevel {
        let [first, second, third, below] = self.levels;
        if value < below {
            return BELOW;
        }
        ValueLevel::from(value > first) + ValueLevel::from(value > second) + ValueLevel::from(value > third)
    }

    /// What is known of the share of values beyond limit `i`.
    pub(super) fn exceedance(&self, i: usize) -> Exceedance {
        let (beyond, total, correlation) = self.shares[i];
        Exceedance::new(beyond, total, correlation)
    }

    /// What is known of one host's share beyond limit `i`: `beyond` of `total` values lay there.
    pub(super) fn exceedance_of(&self, i: usize, beyond: f64, total: f64) -> Exceedance {
        Exceedance::new(beyond, total, self.shares[i].2)
    }

    /// ln of the chance of a value this large.
    pub(super) fn ln_tail(&self, value: f64) -> f64 {
        peaks_over_threshold::ln_tail(&self.tails, value)
    }
}

/// The nearest integer of a number that is not negative, ties to even. `f64::round` is a function
/// call on targets that need not have an instruction for it.
#[inline]
fn nearest(value: f64) -> f64 {
    // All numbers between 2^52 and 2^53 are integers, so the addition rounds. Numbers above 2^51
    // are taken as integers.
    const INTEGERS: f64 = (1_u64 << 52) as f64;
    if value < INTEGERS / 2.0 { value + INTEGERS - INTEGERS } else { value }
}

impl HeapSize for Baseline {
    fn heap_size(&self) -> usize {
        self.learned.heap_size() + self.limits.as_deref().map_or(0, |_| allocated(size_of::<Limits>()))
    }
}

impl Baseline {
    /// Reads what [`Self::learn`] of this bucket and [`Limits::place`] will.
    pub(super) fn prefetch(&self, bucket: u16) -> u64 {
        let limits = self.limits.as_deref().map_or(0, |limits| {
            limits.levels[0].to_bits() ^ limits.outlier.to_bits() ^ limits.shift[0] ^ limits.restless[0]
        });
        limits ^ self.learned.prefetch(bucket) ^ u64::from(self.due) ^ self.known[0].to_bits() ^ self.blocks.to_bits()
    }

    pub(super) fn new() -> Self {
        Self {
            learned: LogHistogram::default(),
            due: FIRST as u32,
            grain: COARSEST,
            known: [0.0; 2],
            dispersion: [0.0; LIMITS],
            blocks: 0.0,
            halved: Timestamp::default(),
            lowest: 0.0,
            normal: 0.0,
            limits: None,
        }
    }

    /// True until enough values are learned for single ones to be judged.
    #[inline]
    pub(super) fn is_young(&self) -> bool {
        self.learned.total() < WARM
    }

    /// How many values a young baseline is behind the newest.
    pub(super) fn young_behind(&self) -> u64 {
        if self.learned.total() < FIRST { 0 } else { YOUNG_BEHIND }
    }

    /// What is left of a duration without the milliseconds by which calls inside of it grew: no
    /// less than the operation took when it was fastest.
    #[inline]
    pub(super) fn own_share(&self, value: f64, grown_inside: f64) -> f64 {
        if grown_inside <= 0.0 || self.lowest <= 0.0 {
            value
        } else {
            (value - grown_inside).max(self.lowest.min(value))
        }
    }

    /// By how many milliseconds a duration is longer than half of the calls were when the operation
    /// was fastest. What is longer by habit must not change: outer calls have it in their
    /// baselines.
    #[inline]
    pub(super) fn grown(&self, own: f64) -> f64 {
        if self.lowest > 0.0 { (own - self.lowest).max(0.0) } else { 0.0 }
    }

    /// True of a duration above the 99 % limit.
    #[inline]
    pub(super) fn is_slow(&self, value: f64) -> bool {
        self.limits.as_ref().is_some_and(|limits| value > limits.levels[SHARES.len() - 1])
    }

    /// True of a median that is no news to an operation: half of its calls took no longer before,
    /// since it was last said that they did.
    pub(super) fn was_as_fast(&self, median: f64, tolerance: f64) -> bool {
        median * tolerance >= self.normal
    }

    /// Learns the step in which values come.
    #[inline]
    pub(super) fn notice_grain(&mut self, value: f64) {
        while self.grain > FINEST {
            let steps = value / self.grain;
            if (steps - nearest(steps)).abs() <= 1e-6 {
                break;
            }
            self.grain /= 10.0;
        }
    }

    /// Learns a value at `now`. `per_day` is how many come in a day.
    #[inline]
    pub(super) fn learn(
        &mut self,
        bucket: u16,
        settings: &LatencySettings,
        now: Timestamp,
        per_day: impl FnOnce() -> f64,
    ) {
        let value = lower_edge(bucket);
        // An outlier is learned as the largest value that is not one, so that it does not stretch
        // the tail over the next.
        let most = self.limits.as_ref().map_or(f64::INFINITY, |limits| limits.outlier);
        self.learned.add(if value > most { bucket_of(most).unwrap_or(bucket) } else { bucket });
        if value > self.known[1] {
            self.known = if value > self.known[0] { [value, self.known[0]] } else { [self.known[0], value] };
        }
        self.due = self.due.saturating_sub(1);
        if self.due == 0 {
            self.compute(settings, now, per_day());
        }
    }

    /// Learns how calm values clump: `beyond` of the last 128 lay beyond each limit.
    pub(super) fn learn_block(&mut self, beyond: [u16; LIMITS]) {
        // The first block of a baseline that is not young any more has limits of all sorts.
        let Some(limits) = self.limits.as_ref().filter(|_| self.learned.total() > WARM) else { return };
        for (i, (dispersion, beyond)) in self.dispersion.iter_mut().zip(beyond).enumerate() {
            let share = limits.exceedance(i).share();
            let expected = LONGEST as f64 * share;
            let excess = (f64::from(beyond) - expected).max(0.0);
            let so_far = ((BLOCK_PRIOR + *dispersion) / (BLOCK_PRIOR + self.blocks)).max(1.0);
            *dispersion += (excess * excess / (expected * (1.0 - share))).min(BLOCK_CLIP * so_far);
        }
        self.blocks += 1.0;
        if self.blocks > BLOCKS {
            self.blocks /= 2.0;
            self.dispersion = self.dispersion.map(|dispersion| dispersion / 2.0);
        }
    }

    /// An incident that did not end becomes the baseline.
    pub(super) fn replace(&mut self, learned: LogHistogram, settings: &LatencySettings, now: Timestamp, per_day: f64) {
        *self = Self { learned, grain: self.grain, halved: now, lowest: self.lowest, ..Self::new() };
        self.compute(settings, now, per_day);
    }

    /// The correlation ρ that follows from the dispersion of blocks: φ = 1 + (m − 1)ρ.
    fn correlation(&self, limit: usize) -> f64 {
        let dispersion = (BLOCK_PRIOR + self.dispersion[limit]) / (BLOCK_PRIOR + self.blocks);
        ((dispersion - 1.0) / (LONGEST as f64 - 1.0)).max(0.0)
    }

    #[cold]
    fn compute(&mut self, settings: &LatencySettings, now: Timestamp, per_day: f64) {
        self.forget(now);
        let total = self.learned.total();
        let young = (WARM / total.max(1.0)).powf(WIDENS).max(1.0);
        // Seldom enough to cost little, often enough that a young baseline is soon used.
        self.due = (total / 16.0).clamp(32.0, 1_024.0) as u32;
        if self.is_young() {
            self.due = (total.min(WARM - total)).ceil().max(1.0) as u32;
        }
        let mut levels = [f64::INFINITY; LIMITS];
        let mut shares = [(0.0, 0.0, 0.0); LIMITS];
        for (i, share) in SHARES.into_iter().enumerate() {
            let Some((bucket, above)) = self.learned.upper_quantile(share) else { return };
            levels[i] = lower_edge(bucket + 1) * settings.tolerance * young + self.grain;
            shares[i] = (above, total, self.correlation(i));
        }
        let Some((bucket, below)) = self.learned.lower_quantile(SHARE_BELOW) else { return };
        levels[LIMITS - 1] = lower_edge(bucket) / settings.tolerance - self.grain;
        shares[LIMITS - 1] = (below, total, self.correlation(LIMITS - 1));
        // Few values say nothing of the tail, and may be slow because they are the first.
        let tells_outliers = total > WARM;
        let tails = if tells_outliers { peaks_over_threshold::fits(&self.learned) } else { Fits::default() };
        // A busy operation meets its one in 100,000 every minute: chance may exceed the limit at
        // most once a day.
        let chance = settings.outlier_threshold.value().min(1.0 / per_day.max(1.0));
        let tail = self.tail(&tails, chance);
        let usual = (levels[SHARES.len() - 1] - self.grain) / (settings.tolerance * young);
        let factor = OUTLIER_FACTOR * (1.0 + YOUNG / total);
        let outlier = tail.max(factor * usual + 2.0 * self.grain).max(KNOWN_FACTOR * self.known[1]);
        let outlier = if tells_outliers { outlier } else { f64::INFINITY };
        let (mut current, median) = ([NEVER; LIMITS], self.value_at(0.5));
        let lower = |lowest: f64| if lowest > 0.0 { lowest.min(median) } else { median };
        (self.lowest, self.normal) = (lower(self.lowest), lower(self.normal));
        let (mut shift, mut restless) = ([[NEVER; LIMITS]; WINDOWS.len()], [[NEVER; LIMITS]; WINDOWS.len()]);
        for (i, (beyond, total, correlation)) in shares.into_iter().enumerate() {
            let exceedance = Exceedance::new(beyond, total, correlation);
            let faster = i == LIMITS - 1;
            if faster && total < SETTLED {
                continue;
            }
            for (w, width) in WINDOWS.into_iter().enumerate() {
                let thresholds = [settings.shift_threshold.value(), CALM, CURRENT];
                let critical = exceedance.critical(width as u32, thresholds).map(|count| count as u16);
                if w == 0 {
                    current[i] = critical[2];
                }
                // Eight fast calls are no finding: a shift to faster calls needs a longer window.
                if !(faster && w == 0) {
                    [shift[w][i], restless[w][i]] = [critical[0], critical[1]];
                }
            }
        }
        let (shift, restless, current) = (shift.map(lanes), restless.map(lanes), lanes(current));
        self.limits = Some(Box::new(Limits { levels, outlier, shift, restless, current, shares, tails, chance }));
    }

    /// What one value must exceed by the tails alone. Where two came that no tail explains, such as
    /// a cache's first misses, the tails are doubted.
    fn tail(&self, tails: &Fits, chance: f64) -> f64 {
        let tail = peaks_over_threshold::value_at(tails, chance);
        if self.known[1] > tail { peaks_over_threshold::largest_at(tails, chance) } else { tail }
    }

    /// Forgets half when enough has come, or enough time has passed.
    fn forget(&mut self, now: Timestamp) {
        let total = self.learned.total();
        let aged = now.seconds_since(self.halved) >= HALF_LIFE_S;
        if self.halved == Timestamp::default() {
            self.halved = now;
        } else if total > REMEMBERED || (aged && total > KEPT) {
            self.learned.halve();
            self.halved = now;
            self.known = self.known.map(|known| known * KNOWN_FADES);
        }
    }

    /// The value in milliseconds that this share of the baseline lies above.
    pub(super) fn value_at(&self, share: f64) -> f64 {
        self.learned.value_at(share).unwrap_or(0.0)
    }
}
