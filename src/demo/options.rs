//! What a demo stream is made of: seed, time, rate, and the faults wanted.

use crate::engine::finding::DetectorName;
use std::str::FromStr;

/// 2026-03-02T08:00:00Z, in seconds since the Unix epoch.
const DEFAULT_START: i64 = 1_772_438_400;
/// 2100-01-01T00:00:00Z: every time of a stream that begins before is a date that all tools read.
const LAST_START: i64 = 4_102_444_800;
/// Seconds: shorter has no room for a baseline, longer (30 days) would schedule tens of thousands
/// of faults.
const DURATIONS: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;
/// Events a second.
const RATES: std::ops::RangeInclusive<f64> = 1.0..=100_000.0;

/// A kind of fault. Its name is the label's `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// One line again and again.
    LoopExact,
    /// One line again and again, with a number that counts up.
    LoopCounter,
    /// Two to five lines that take turns.
    LoopCycle,
    /// Many errors of one module for one or two minutes.
    Burst,
    /// Somewhat more errors of one module for seven minutes.
    SlowBurn,
    /// One route many times slower for up to a minute.
    LatencySpike,
    /// One route two to three times slower for nine minutes.
    LatencyShift,
    /// One request that takes far too long.
    LatencyOutlier,
    /// One host fails a third of its requests.
    BadNode,
    /// A module that says nothing for minutes.
    Silence,
    /// An error that nothing has said before.
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

    /// The name, as labels spell it.
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

    /// The detectors that a fault of this kind is for.
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

    /// Roughly how long a fault of this kind is, in seconds.
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

    /// Reads a list of names, separated by commas: kinds, `loops` for the three kinds of loop,
    /// `all`, or `none`. A kind named twice counts once; the order says nothing.
    ///
    /// # Errors
    /// [`OptionError::UnknownFault`] for a name that is none of these; an empty one is none of them
    /// either.
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

/// The name that `--faults` takes and that is most like what was written.
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

/// Why no stream can be made of the options.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OptionError {
    /// A name that is no kind of fault.
    #[error("no fault is called `{name}`; the nearest name is `{nearest}`")]
    UnknownFault {
        /// What was written.
        name: String,
        /// The known name most like it.
        nearest: &'static str,
    },
    /// A rate that cannot be met.
    #[error("a rate of {rate} events a second is not between {} and {}", RATES.start(), RATES.end())]
    Rate {
        /// Events a second.
        rate: f64,
    },
    /// Too short or too long.
    #[error("a duration of {duration_s} s is not between {} s and {} s (30 days)", DURATIONS.start(), DURATIONS.end())]
    Duration {
        /// Seconds.
        duration_s: u64,
    },
    /// Before 1970 or after 2099.
    #[error("a start at {start} s is not between 1970 and 2099")]
    Start {
        /// Seconds since the Unix epoch.
        start: i64,
    },
    /// None of the faults wanted finds room.
    #[error("none of the faults ({kinds}) fits into {duration_s} s; the first fifth is clean, and a fault ends a minute before the stream: make it longer{}", if *.quiet { ", or its rate higher" } else { "" })]
    NoRoom {
        /// The names of the kinds wanted.
        kinds: String,
        /// Seconds.
        duration_s: u64,
        /// Whether a silence is among them, which needs a module that speaks often enough to be
        /// missed.
        quiet: bool,
    },
}

/// What to make. The same options give the same bytes everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct ShopOptions {
    /// Another seed is another stream.
    pub seed: u64,
    /// When it begins, in seconds since the Unix epoch; 1970 to 2099.
    pub start: i64,
    /// How long it is, in seconds; a minute to 30 days.
    pub duration_s: u64,
    /// Events a second, on average; 1 to 100,000.
    pub rate: f64,
    /// The kinds of fault to put in; may be empty.
    pub faults: Vec<FaultKind>,
}

impl Default for ShopOptions {
    /// 30 minutes at 20 events a second, with loops.
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
        // A rate that is not a number is in no range.
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
