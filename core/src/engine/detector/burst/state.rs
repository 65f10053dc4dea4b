//! What a restart should know of burst.

use super::cell::Cell;
use super::cell_key::CellKey;
use super::incident::OpenBurstsState;
use super::text_modules::TextModulesSnapshot;
use super::traffic::TrafficSnapshot;
use super::{Burst, Slotted};
use crate::engine::snapshot::Stateful;
use crate::engine::state::TableSnapshot;
use crate::engine::stats::exposure::Exposure;
use serde::{Deserialize, Serialize};

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct BurstState {
    windows: Vec<u32>,
    age: f64,
    exposure: Exposure,
    traffic: TrafficSnapshot,
    cells: TableSnapshot<Cell>,
    #[serde(default)]
    text_modules: TextModulesSnapshot,
    active: Vec<CellKey>,
    places: OpenBurstsState,
    #[serde(default)]
    everywhere: Option<u32>,
    checked: u32,
}

impl Stateful for Burst {
    type State = BurstState;

    fn state(&self) -> BurstState {
        BurstState {
            windows: self.windows.clone(),
            age: self.age,
            exposure: self.exposure.clone(),
            traffic: self.traffic.snapshot(),
            cells: self.cells.snapshot(),
            text_modules: self.text_modules.snapshot(),
            active: self.active_spots(),
            places: OpenBurstsState { open: self.open.incidents().clone(), owned: self.open.attributed().clone() },
            everywhere: self.everywhere,
            checked: self.checked,
        }
    }

    fn compatible(&self, state: &BurstState) -> Result<(), &'static str> {
        if state.windows != self.windows {
            return Err("its windows were others");
        }
        Ok(())
    }

    fn resume(&mut self, kept: BurstState) {
        self.age = kept.age;
        self.exposure = kept.exposure;
        self.traffic.restore(kept.traffic);
        self.cells.restore(kept.cells);
        self.text_modules.restore(kept.text_modules, kept.active.iter().filter_map(CellKey::text));
        self.open.resume(kept.places.open, kept.places.owned);
        self.everywhere = kept.everywhere;
        self.checked = kept.checked;
        self.active = Slotted::default();
        kept.active.iter().for_each(|spot| self.list(spot));
        self.set_threshold();
    }
}
