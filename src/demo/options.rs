//! The options of a demo stream: seed, start, duration, rate, and the wanted faults.

use crate::engine::finding::DetectorName;
use std::str::FromStr;

/// 2026-03-02T08:00:00Z, in seconds since the Unix epoch.
const DEFAULT_START: i64 = 1_772_438_400;
/// 2100-01-01T00:00:00Z: all tools can read the dates of a stream that begins before.
const LAST_START: i64 = 4_102_444_800;
/// Allowed seconds: a shorter stream has no room for a baseline, one over 30 days would have tens
/// of thousands of faults.
const DURATIONS: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;
/// Allowed events per second.
const RATES: std::ops::RangeInclusive<f64> = 1.0..=100_000.0;

/// A kind of fault. Its name is the label's `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// One line, over and over.
    LoopExact,
    /// One line with a counter, over and over.
    LoopCounter,
    /// Two to five lines that alternate, over and over.
    LoopCycle,
    /// Many errors of one module in one or two minutes.
    Burst,
    /// A few more errors than usual of one module, for seven minutes.
    SlowBurn,
    /// One route many times slower for up to a minute.
    LatencySpike,
    /// One route two to three times slower for nine minutes.
    LatencyShift,
    /// One request that takes far too long.
    LatencyOutlier,
    /// One host fails a third of its requests.
    BadNode,
    /// A module that logs nothing for minutes.
    Silence,
    /// An error that never occurred before.
    Novelty,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [FaultKind; 11] = [
        FaultKind::LoopExact,
        FaultKind::LoopCounter,
        FaultKind::LoopCycle,
        FaultKind::Burst,
        FaultKind::SlowBurn,
        FaultKind::LatencySpike,
        FaultKind::LatencyShift,
        FaultKind::LatencyOutlier,
        FaultKind::BadNode,
        FaultKind::Silence,
        FaultKind::Novelty,
    ];

    /// The three kinds of loop.
    pub const LOOPS: [FaultKind; 3] = [FaultKind::LoopExact, FaultKind::LoopCounter, FaultKind::LoopCycle];

    /// The kind's name in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::LoopExact => "loop_exact",
            FaultKind::LoopCounter => "loop_counter",
            FaultKind::LoopCycle => "loop_cycle",
            FaultKind::Burst => "burst",
            FaultKind::SlowBurn => "slow_burn",
            FaultKind::LatencySpike => "latency_spike",
            FaultKind::LatencyShift => "latency_shift",
            FaultKind::LatencyOutlier => "latency_outlier",
            FaultKind::BadNode => "bad_node",
            FaultKind::Silence => "silence",
            FaultKind::Novelty => "novelty",
        }
    }

    /// The detectors that are meant to find this kind of fault.
    #[must_use]
    pub const fn detectors(self) -> &'static [DetectorName] {
        match self {
            FaultKind::LoopExact | FaultKind::LoopCounter | FaultKind::LoopCycle => &[DetectorName::Loop],
            FaultKind::Burst | FaultKind::SlowBurn => &[DetectorName::Burst],
            FaultKind::LatencySpike | FaultKind::LatencyShift | FaultKind::LatencyOutlier => &[DetectorName::Latency],
            FaultKind::BadNode => &[DetectorName::Spread, DetectorName::Burst],
            FaultKind::Silence => &[DetectorName::Silence],
            FaultKind::Novelty => &[DetectorName::Novelty],
        }
    }

    /// A typical length of this kind of fault, in seconds.
    pub(super) const fn typical_s(self) -> f64 {
        match self {
            FaultKind::LoopExact | FaultKind::LoopCounter | FaultKind::LoopCycle => 15.0,
            FaultKind::Burst => 75.0,
            FaultKind::SlowBurn | FaultKind::Silence => 420.0,
            FaultKind::LatencySpike => 45.0,
            FaultKind::LatencyShift => 540.0,
            FaultKind::LatencyOutlier => 1.0,
            FaultKind::BadNode => 135.0,
            FaultKind::Novelty => 10.0,
        }
    }

    /// Parses names separated by commas: kinds, `loops` for the three kinds of loop, `all`, or
    /// `none`. A kind named twice counts once, and the order does not matter.
    ///
    /// # Errors
    /// [`OptionError::UnknownFault`] for any other name, the empty one included.
    pub fn parse_list(list: &str) -> Result<Vec<FaultKind>, OptionError> {
        let mut kinds = Vec::new();
        for name in list.split(',').map(str::trim) {
            match name {
                "all" => kinds.extend(FaultKind::ALL),
                "loops" => kinds.extend(FaultKind::LOOPS),
                "none" => {}
                _ => kinds.push(name.parse()?),
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        Ok(kinds)
    }
}

impl FromStr for FaultKind {
    type Err = OptionError;

    fn from_str(name: &str) -> Result<FaultKind, OptionError> {
        FaultKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| OptionError::UnknownFault { name: name.to_owned(), nearest: nearest(name) })
    }
}

/// The name that `--faults` accepts and that is most similar to `name`.
fn nearest(name: &str) -> &'static str {
    let likeness = |known: &str| strsim::jaro_winkler(known, &name.to_lowercase().replace('-', "_"));
    let groups = ["all", "loops", "none"];
    FaultKind::ALL
        .map(FaultKind::name)
        .into_iter()
        .chain(groups)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .unwrap_or("all")
}

/// Why no stream can be made with the options.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OptionError {
    /// The name is no kind of fault.
    #[error("no fault is called `{name}`; the nearest name is `{nearest}`")]
    UnknownFault {
        /// The name as the user wrote it.
        name: String,
        /// The most similar known name.
        nearest: &'static str,
    },
    /// The rate is out of range.
    #[error("a rate of {rate} events a second is not between {} and {}", RATES.start(), RATES.end())]
    Rate {
        /// Events per second.
        rate: f64,
    },
    /// The stream would be too short or too long.
    #[error("a duration of {duration_s} s is not between {} s and {} s (30 days)", DURATIONS.start(), DURATIONS.end())]
    Duration {
        /// Seconds.
        duration_s: u64,
    },
    /// The start is before 1970 or after 2099.
    #[error("a start at {start} s is not between 1970 and 2099")]
    Start {
        /// Seconds since the Unix epoch.
        start: i64,
    },
    /// None of the wanted faults fits.
    #[error("none of the faults ({kinds}) fits into {duration_s} s; the first fifth is clean, and a fault ends a minute before the stream: make it longer{}", if *.quiet { ", or its rate higher" } else { "" })]
    NoRoom {
        /// The names of the wanted kinds.
        kinds: String,
        /// Seconds.
        duration_s: u64,
        /// Whether a silence is among them, which needs a module that logs often enough for its
        /// silence to be noticed.
        quiet: bool,
    },
}

/// The options of a stream. The same options give the same bytes on every machine.
#[derive(Clone, Debug, PartialEq)]
pub struct ShopOptions {
    /// The seed of all randomness.
    pub seed: u64,
    /// When the stream begins, in seconds since the Unix epoch; 1970 to 2099.
    pub start: i64,
    /// The stream's length in seconds; a minute to 30 days.
    pub duration_s: u64,
    /// Events per second, on average; 1 to 100,000.
    pub rate: f64,
    /// The kinds of fault to inject; may be empty.
    pub faults: Vec<FaultKind>,
}

impl Default for ShopOptions {
    /// 30 minutes at 20 events per second, with loops.
    fn default() -> ShopOptions {
        ShopOptions {
            seed: 1,
            start: DEFAULT_START,
            duration_s: 30 * 60,
            rate: 20.0,
            faults: FaultKind::LOOPS.to_vec(),
        }
    }
}

impl ShopOptions {
    pub(super) fn check(&self) -> Result<(), OptionError> {
        // NaN is in no range either.
        if !RATES.contains(&self.rate) {
            return Err(OptionError::Rate { rate: self.rate });
        }
        if !DURATIONS.contains(&self.duration_s) {
            return Err(OptionError::Duration { duration_s: self.duration_s });
        }
        if !(0..LAST_START).contains(&self.start) {
            return Err(OptionError::Start { start: self.start });
        }
        Ok(())
    }
}
