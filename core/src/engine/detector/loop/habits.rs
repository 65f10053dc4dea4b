//! How a module's lines go on with each other.

use super::learned::{HABIT_RUN, Habit, Learned};
use crate::engine::state::HeapSize;
use serde::{Deserialize, Serialize};

/// The habits of one module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Habits {
    pub(super) runs: Habit,
    pub(super) spells: Habit,
}

impl HeapSize for Habits {}

impl Habits {
    /// The module says a line that goes on with a run of `run` lines and with a spell of `spell`
    /// lines; 0 says with none. The whole stream's habits learn the same.
    #[inline]
    pub(super) fn learn(&mut self, learned: &mut Learned, line: u64, run: u32, spell: u32) {
        if run <= HABIT_RUN {
            self.runs.add(run > 0);
            learned.runs.add(run > 0);
        }
        if spell <= HABIT_RUN {
            self.spells.add(spell > 0);
            learned.spells.add(spell > 0);
            if spell > 0 {
                learned.count_spell(line);
            }
        }
    }
}
