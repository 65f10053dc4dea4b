//! What the tables `[detector.…]` of the configuration have in common.
//!
//! Each detector's table stands beside its code. Numbers have their range, hint and default from
//! one line (`setting.rs`); [`Options::check`] checks what is no range.

use super::judged::JudgedFrom;
use crate::engine::overrides::Overrides;
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::human_duration::HumanDuration;
use crate::setting::{Require, Setting};

/// `detector.false_alarms_per_day`.
pub const FALSE_ALARMS_PER_DAY: Setting<f64> =
    Setting::new(1.0, "from 0.000001 to 1000, by default 1: one false alarm a day from all detectors together")
        .from(0.000_001)
        .to(1_000.0);

/// One detector's table.
pub trait Options: Default {
    /// True when the detector has anything to watch.
    fn watches(&self) -> bool;

    /// What the detector judges, and from when on.
    fn judged(&self) -> Vec<JudgedFrom>;

    /// Says what must hold of the table besides the ranges of its settings; `table` is where it
    /// stands.
    fn check(&self, _table: &str, _require: &mut Require<'_>) {}
}

/// What detectors are told besides their own tables.
#[derive(Clone, Copy, Debug)]
pub struct SharedOptions {
    /// Most keys of each table of a detector.
    pub keys: usize,
    /// False alarms that the whole filter may have.
    pub budget: AlarmBudget,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self { keys: 100_000, budget: AlarmBudget::default() }
    }
}

/// Checks override `i` of any detector: it must say for whom it is, and must change something. Each
/// condition comes with its hint.
pub(super) fn check_override(
    place: &str,
    i: usize,
    (says, how): (bool, &str),
    (changes, what): (bool, &str),
    require: &mut Require<'_>,
) {
    let most = Overrides::<()>::MOST;
    require(i < most, place, format!("more than {most} overrides"), "use patterns that match more");
    require(says, place, "an override that says for whom by no pattern".to_owned(), how);
    require(changes, place, "an override that changes nothing".to_owned(), what);
}

/// The usual lengths of the windows in which failures are counted.
pub(super) fn usual_windows() -> Vec<HumanDuration> {
    [10, 60, 300].map(HumanDuration::from_secs).to_vec()
}

/// Checks the lengths of windows.
pub(super) fn check_windows(table: &str, windows: &[HumanDuration], require: &mut Require<'_>) {
    let windows: Vec<f64> = windows.iter().map(|window| window.seconds()).collect();
    require(
        (1..=8).contains(&windows.len())
            && windows.is_sorted()
            && windows.iter().all(|window| (5.0..=3_600.0).contains(window)),
        &format!("{table}.windows"),
        format!("{table}.windows are out of range or out of order"),
        "one to eight from 5s to 1h, ascending, by default [\"10s\", \"1m\", \"5m\"]",
    );
}
