//! What a restart should know of loops.

use super::actor::{Actor, LoopOwner};
use super::excursions::Excursion;
use super::guard::GuardsState;
use super::learned::Learned;
use super::{Habits, Loop};
use crate::engine::detector::tracker::AttributedSlots;
use crate::engine::snapshot::Stateful;
use crate::engine::state::TableSnapshot;
use crate::engine::stats::alarm_budget::TestCount;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct LoopState {
    actors: TableSnapshot<Actor>,
    habits: TableSnapshot<Habits>,
    learned: Learned,
    spells: Vec<Excursion>,
    guards: GuardsState,
    live: BTreeMap<u64, LoopOwner>,
    #[serde(default)]
    tests: TestCount,
}

impl Stateful for Loop {
    type State = LoopState;

    fn state(&self) -> LoopState {
        LoopState {
            actors: self.actors.snapshot(),
            habits: self.habits.snapshot(),
            learned: self.learned.clone(),
            spells: self.spells.snapshot(),
            guards: self.guards.snapshot(),
            live: self.open.incidents().clone(),
            tests: self.tests,
        }
    }

    fn resume(&mut self, kept: LoopState) {
        (self.learned, self.tests) = (kept.learned, kept.tests);
        self.actors.restore(kept.actors);
        self.habits.restore(kept.habits);
        self.spells.restore(kept.spells);
        self.guards.restore(kept.guards);
        self.open.resume(kept.live, AttributedSlots::default());
    }
}
