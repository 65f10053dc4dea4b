//! What a restart should know of spread.

use super::counting::SAMPLE;
use super::dimension_table::DimensionTableSnapshot;
use super::{OpenValue, Slotted, Spread};
use crate::engine::detector::tracker::AttributedSlots;
use crate::engine::snapshot::Stateful;
use crate::engine::stats::exposure::Exposure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct SpreadState {
    windows: Vec<u32>,
    age: f64,
    exposure: Exposure,
    sides: DimensionTableSnapshot,
    failures: f64,
    active: Vec<u64>,
    open: BTreeMap<u64, OpenValue>,
    owned: AttributedSlots,
    until: u32,
    dice: u64,
    #[serde(default = "usual_sample")]
    one_in: u32,
    checked: u32,
}

/// States of versions that counted one event in eight of any stream do not say so.
fn usual_sample() -> u32 {
    SAMPLE
}

impl Stateful for Spread {
    type State = SpreadState;

    fn state(&self) -> SpreadState {
        SpreadState {
            windows: self.windows.clone(),
            age: self.age,
            exposure: self.exposure.clone(),
            sides: self.sides.snapshot(),
            failures: self.failures,
            active: self
                .active
                .iter()
                .filter(|(due, side)| self.sides.is_due(**side, *due))
                .map(|(_, side)| *side)
                .collect(),
            open: self.open.incidents().clone(),
            owned: self.open.attributed().clone(),
            until: self.until,
            dice: self.dice,
            one_in: self.one_in,
            checked: self.checked,
        }
    }

    fn compatible(&self, state: &SpreadState) -> Result<(), &'static str> {
        if state.windows != self.windows {
            return Err("its windows were others");
        }
        Ok(())
    }

    fn resume(&mut self, kept: SpreadState) {
        self.age = kept.age;
        self.exposure = kept.exposure;
        self.active = Slotted::default();
        for (due, side) in self.sides.restore(kept.sides, &kept.active) {
            self.active.put(due, side);
        }
        self.failures = kept.failures;
        self.open_spots = kept.open.values().flat_map(|open| open.spots.iter().copied()).collect();
        self.open.resume(kept.open, kept.owned);
        self.until = kept.until.max(1);
        self.dice = kept.dice;
        self.one_in = kept.one_in;
        self.checked = kept.checked;
        self.set_threshold();
    }
}
