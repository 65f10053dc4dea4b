//! The errors of one key: the last slots in detail, older ones as a rate that forgets.

use crate::engine::detector::failure::BLOCK_SLOTS;
use crate::engine::state::{HeapSize, allocated};
use crate::engine::stats::dispersion::Dispersion;
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::failure_marks::{FailureMarks, MARK_WINDOWS, MarkedWindow};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Modules told apart in one slot of a cell of several; the rest are counted together.
const GROUPS: usize = 32;
/// A window is tested again when it has grown by this part of itself.
const RETEST: u64 = 8;
/// The group of errors without a group, and of groups beyond the most.
const NO_GROUP: u32 = 0;

/// Errors of one slot, by module in cells of several, and with those of young templates apart in
/// cells of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CellSlot {
    pub(super) number: u32,
    total: u32,
    groups: Vec<(u32, u32)>,
}

/// Errors of one actor in a row, by hashes of the actor and of its last line.
#[derive(Clone, Copy, Debug, Default)]
struct ErrorRun {
    actor: u64,
    line: u64,
    /// Errors before the last.
    before: u32,
}

/// Marks of the last errors of a module, with totals of the stream's events and of the module's
/// other events.
pub(super) type ErrorMarks = FailureMarks<2>;

/// Errors of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cell {
    /// The slots with errors that some window can still see, oldest first.
    recent: VecDeque<CellSlot>,
    /// Errors that have left all windows, forgetting as [`Exposure::past`] does.
    learned: f64,
    /// The same, forgetting as [`Exposure::long_past`] does.
    #[serde(default)]
    learned_long: f64,
    /// The slot up to which the learned errors were decayed.
    settled: u32,
    dispersion: Dispersion,
    /// The current block of the dispersion: its number, its errors, and the past events when it
    /// began.
    block: (u32, f64, f64),
    /// Errors of the largest block, incidents included, half forgotten in twelve hours; and of the
    /// current block.
    largest: f64,
    all: f64,
    /// The slot in which it was first seen.
    born: u32,
    /// Marks of the last errors, in cells of modules.
    #[serde(default)]
    marks: ErrorMarks,
    /// The run of one actor that the last error belongs to, of cells of templates.
    #[serde(skip)]
    run: ErrorRun,
    /// Warnings to come before the next test, in cells of warnings.
    #[serde(default)]
    untested: u32,
    /// The last slot with a FATAL event.
    fatal: Option<u32>,
    /// True while the cell is scheduled to be settled when something leaves its windows.
    pub(super) active: bool,
    /// The slot in which the cell is settled next.
    #[serde(skip)]
    pub(super) due: u32,
}

impl HeapSize for Cell {
    fn heap_size(&self) -> usize {
        let groups = self.recent.iter().map(|slot| allocated(size_of_val(slot.groups.as_slice()))).sum::<usize>();
        allocated(self.recent.capacity() * size_of::<CellSlot>()) + groups + self.marks.heap_size()
    }
}

impl Cell {
    pub(super) fn new(exposure: &Exposure) -> Self {
        Self {
            recent: VecDeque::new(),
            learned: 0.0,
            learned_long: 0.0,
            settled: exposure.slot(),
            dispersion: Dispersion::default(),
            // A key never seen before was silent in all of the past.
            block: (exposure.slot() / BLOCK_SLOTS, 0.0, exposure.past_events()),
            largest: 0.0,
            all: 0.0,
            born: exposure.slot(),
            marks: ErrorMarks::default(),
            run: ErrorRun::default(),
            untested: 0,
            fatal: None,
            active: false,
            due: 0,
        }
    }

    /// A window of `events` is not tested again before an eighth as many have come, so that tests
    /// cost little where there are many.
    pub(super) fn test_later(&mut self, events: u64) {
        self.untested = (events / RETEST) as u32;
    }

    /// True while a test would say what the last one said; one event nearer to the next.
    pub(super) fn is_tested(&mut self) -> bool {
        let waits = self.untested > 0;
        self.untested = self.untested.saturating_sub(1);
        waits
    }

    /// Counts an error in slot `now`, of the module `group` where that is not the cell's own, or of
    /// a [`YOUNG`](super::YOUNG) template.
    pub(super) fn add(&mut self, now: u32, group: Option<u32>, fatal: bool) {
        if self.recent.back().is_none_or(|slot| slot.number != now) {
            self.recent.push_back(CellSlot { number: now, total: 0, groups: Vec::new() });
        }
        let Some(slot) = self.recent.back_mut() else { return };
        slot.total = slot.total.saturating_add(1);
        if let Some(group) = group {
            if let Some((_, count)) = slot.groups.iter_mut().find(|(known, _)| *known == group) {
                *count = count.saturating_add(1);
            } else if slot.groups.len() < GROUPS {
                slot.groups.push((group, 1));
            }
        }
        if fatal {
            self.fatal = Some(now);
        }
    }

    /// Takes a line of an actor, by the hashes of both; how many errors its run had before. A line
    /// goes on with the run of its actor where it is equal to the one before, or where loop says
    /// that it is one of a run.
    pub(super) fn repeat(&mut self, actor: u64, line: u64, in_run: bool) -> u32 {
        let goes_on = self.run.actor == actor && (in_run || self.run.line == line);
        let before = if goes_on { self.run.before.saturating_add(1) } else { 0 };
        self.run = ErrorRun { actor, line, before };
        before
    }

    /// The run of this actor belongs to an incident of another detector: how many errors it was.
    pub(super) fn take_run(&mut self, actor: u64) -> u32 {
        let run = std::mem::take(&mut self.run);
        if run.actor == actor && run.before > 0 { run.before + 1 } else { 0 }
    }

    /// Takes the last `errors` errors back, those of a group where there is one.
    pub(super) fn take_back(&mut self, mut errors: u32, group: Option<u32>) {
        for slot in self.recent.iter_mut().rev() {
            let told: u32 = slot.groups.iter().map(|(_, count)| count).sum();
            let mut rest = slot.total - told;
            let of_group = group.and_then(|group| slot.groups.iter_mut().find(|(known, _)| *known == group));
            let count = of_group.map_or(&mut rest, |(_, count)| count);
            let taken = errors.min(*count);
            *count -= taken;
            slot.total -= taken;
            errors -= taken;
        }
    }

    /// Errors that have left all windows of `length` slots join the baseline, except those that
    /// `owned` attributes to an incident. While that incident is `going`, the usual number of
    /// errors joins in their place. The longer baseline `keeps_all` of them, or the same.
    pub(super) fn settle(
        &mut self,
        exposure: &Exposure,
        length: u32,
        going: bool,
        keeps_all: bool,
        mut owned: impl FnMut(&CellSlot, u32) -> bool,
    ) {
        let now = exposure.slot();
        let slots = now.saturating_sub(self.settled);
        if slots > 0 && !going {
            // A cell that was silent since it was settled last decays in one step.
            self.learned = match self.active {
                true => exposure.forget(self.learned, slots),
                false => self.learned * exposure.decay(slots),
            };
            self.learned_long *= exposure.decay_long(slots);
        }
        self.settled = now;
        while let Some(slot) = self.recent.front()
            && slot.number.saturating_add(length) <= now
        {
            let told: u32 = slot.groups.iter().map(|(_, count)| count).sum();
            let rest = if owned(slot, NO_GROUP) { 0 } else { slot.total - told };
            let kept: u32 = slot.groups.iter().filter(|(group, _)| !owned(slot, *group)).map(|(_, count)| count).sum();
            self.learned += f64::from(kept + rest);
            self.learned_long += f64::from(if keeps_all { slot.total } else { kept + rest });
            self.block.1 += f64::from(kept + rest);
            self.all += f64::from(slot.total);
            self.recent.pop_front();
        }
        let block = now / BLOCK_SLOTS;
        if block != self.block.0 {
            let past = exposure.past();
            // The rate counts from half a warm-up on: before that, one block is most of what is
            // known.
            if past.seconds > 300.0 {
                let events = exposure.past_events() - self.block.2;
                self.dispersion.add(self.block.1, self.learned.max(1.0) / past.events.max(1.0) * events);
            }
            self.largest = (self.largest * exposure.decay(1)).max(std::mem::take(&mut self.all));
            self.block = (block, 0.0, exposure.past_events());
        }
    }

    /// True when the cell was settled in slot `now`.
    pub(super) fn is_settled(&self, now: u32) -> bool {
        self.settled >= now
    }

    /// The first slot after `now` in which something leaves all windows of `length` slots, or a
    /// block begins.
    pub(super) fn next_due(&self, now: u32, length: u32) -> u32 {
        let leaves = self.recent.front().map_or(u32::MAX, |slot| slot.number.saturating_add(length));
        leaves.min((now / BLOCK_SLOTS + 1) * BLOCK_SLOTS).max(now.saturating_add(1))
    }

    /// True when no window can see an error of this cell.
    pub(super) fn is_silent(&self) -> bool {
        self.recent.is_empty()
    }

    /// Errors from slot `from` on.
    pub(super) fn since(&self, from: u32) -> u64 {
        self.recent.iter().rev().take_while(|slot| slot.number >= from).map(|slot| u64::from(slot.total)).sum()
    }

    /// The slot behind the first from slot `from` on that has errors of a group, and the errors
    /// without it from there on.
    pub(super) fn without_since(&self, from: u32, group: u32) -> Option<(u32, u64)> {
        let of_group = |slot: &CellSlot| slot.groups.iter().find(|(known, _)| *known == group).map(|(_, count)| *count);
        let seen = self.recent.iter().filter(|slot| slot.number >= from);
        let behind = seen.clone().find(|slot| of_group(slot).is_some())?.number + 1;
        let rest = seen.filter(|slot| slot.number >= behind);
        Some((behind, rest.map(|slot| u64::from(slot.total - of_group(slot).unwrap_or(0))).sum()))
    }

    /// Errors from slot `from` on of modules that are not left out, without the `strongest` of
    /// these.
    pub(super) fn spread_since(&self, from: u32, strongest: usize, left_out: impl Fn(u32) -> bool) -> u64 {
        let mut groups: Vec<(u32, u64)> = Vec::new();
        let mut total = 0;
        for slot in self.recent.iter().rev().take_while(|slot| slot.number >= from) {
            total += u64::from(slot.total);
            for &(group, count) in &slot.groups {
                match groups.iter_mut().find(|(known, _)| *known == group) {
                    Some((_, sum)) => *sum += u64::from(count),
                    None => groups.push((group, u64::from(count))),
                }
            }
        }
        let (out, mut rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(|&(group, _)| left_out(group));
        rest.sort_unstable_by_key(|&(_, count)| std::cmp::Reverse(count));
        total - out.iter().chain(rest.iter().take(strongest)).map(|(_, count)| count).sum::<u64>()
    }

    /// Adds what another cell has counted; both are of one key from now on.
    pub(super) fn take(&mut self, other: Self) {
        for slot in other.recent {
            match self.recent.binary_search_by_key(&slot.number, |slot| slot.number) {
                Ok(place) => self.recent[place].total = self.recent[place].total.saturating_add(slot.total),
                Err(place) => self.recent.insert(place, slot),
            }
        }
        self.learned += other.learned;
        self.learned_long += other.learned_long;
        self.block.1 += other.block.1;
        self.largest = self.largest.max(other.largest);
        self.all += other.all;
        self.born = self.born.min(other.born);
        self.fatal = self.fatal.max(other.fatal);
    }

    /// A FATAL event since slot `from`.
    pub(super) fn fatal_since(&self, from: u32) -> bool {
        self.fatal.is_some_and(|slot| slot >= from)
    }

    /// The slot in which it was first seen.
    pub(super) fn born(&self) -> u32 {
        self.born
    }

    /// The most errors that a past window of `slots` slots may have had: as if all of it were the
    /// largest minute.
    pub(super) fn largest(&self, slots: u32) -> f64 {
        self.largest * f64::from(slots.max(BLOCK_SLOTS)) / f64::from(BLOCK_SLOTS)
    }

    /// Errors in the past, forgetting.
    pub(super) fn learned(&self) -> f64 {
        self.learned
    }

    /// Errors in the past, half forgotten in a week.
    pub(super) fn learned_long(&self) -> f64 {
        self.learned_long
    }

    /// Marks an error in slot `now`, at these totals.
    pub(super) fn mark(&mut self, now: u32, totals: [u32; 2]) {
        self.marks.add(now, totals);
    }

    /// How many errors since slot `from` come in one minute, on average.
    pub(super) fn clump(&self, from: u32) -> f64 {
        self.marks.clump(from, BLOCK_SLOTS)
    }

    /// The errors so far belong to an incident.
    pub(super) fn clear_marks(&mut self) {
        self.marks.clear();
    }

    /// Windows counted in errors that begin in slot `from` or later, and before slot `to`.
    pub(super) fn marked(&self, from: u32, to: u32) -> [Option<MarkedWindow<2>>; MARK_WINDOWS as usize] {
        let mut found = [None; MARK_WINDOWS as usize];
        // Where errors are many, all marks are of the last minutes.
        if self.marks.reach_before(to) {
            found.iter_mut().zip(self.marks.windows(from, to)).for_each(|(found, window)| *found = Some(window));
        }
        found
    }

    /// How much more than Poisson counts the errors vary.
    pub(super) fn dispersion(&self) -> f64 {
        self.dispersion.factor()
    }
}
