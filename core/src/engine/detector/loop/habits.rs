//! How often the lines of a module continue runs and excursions.

use super::learned::{HABIT_RUN, Habit, Learned};
use crate::engine::state::HeapSize;
use serde::{Deserialize, Serialize};

/// The habits of one module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Habits {
    pub(super) runs: Habit,
    pub(super) spells: Habit,
    /// The module's lines, halved as often as the counts of lines are.
    #[serde(default)]
    lines: f64,
    #[serde(default)]
    halvings: u32,
}

impl HeapSize for Habits {}

impl Habits {
    /// Learns from a line that extends a run to `run` lines and an excursion to `spell` lines; 0
    /// where it extends none. The habits of the whole stream learn the same.
    #[inline]
    pub(super) fn learn(&mut self, learned: &mut Learned, line: u64, run: u32, spell: u32) {
        if self.halvings != learned.halvings() {
            self.catch_up(learned.halvings());
        }
        self.lines += 1.0;
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

    /// The module's lines so far.
    pub(super) fn lines(&self) -> f64 {
        self.lines
    }

    #[cold]
    fn catch_up(&mut self, halvings: u32) {
        let behind = halvings.saturating_sub(self.halvings).min(64);
        self.lines *= 0.5_f64.powi(behind as i32);
        self.halvings = halvings;
    }
}
