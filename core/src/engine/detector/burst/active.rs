//! Cells with errors in some window: each is settled when something leaves its windows, not in
//! every slot.

use super::Burst;
use super::cell::Cell;
use super::cell_key::{CellKey, EVERYWHERE, Scope};

impl Burst {
    /// The spots of all active cells.
    pub(super) fn active_spots(&self) -> Vec<CellKey> {
        let is_current =
            |due, spot: &CellKey| self.cells.get(spot.cell).is_some_and(|cell| cell.active && cell.due == due);
        self.active.iter().filter(|(due, spot)| is_current(*due, spot)).map(|(_, spot)| *spot).collect()
    }

    /// The cell of this spot shows an incident that is open.
    pub(super) fn has_incident(&self, spot: &CellKey) -> bool {
        self.open.get(spot.place.into()).is_some_and(|open| open.spot.cell == spot.cell)
    }

    /// Schedules an active cell: with an open incident it is settled in each slot, else when
    /// something leaves its windows.
    pub(super) fn list(&mut self, spot: &CellKey) {
        let (now, longest, is_open) = (self.exposure.slot(), self.longest, self.has_incident(spot));
        let Some(cell) = self.cells.get_mut(spot.cell) else { return };
        cell.due = if is_open { now.saturating_add(1) } else { cell.next_due(now, longest) };
        let due = cell.due;
        self.active.put(due, *spot);
        if self.active.len() > 2 * self.cells.len() + 1_000 {
            // Cells that were evicted leave entries behind in the schedule.
            let cells = &self.cells;
            self.active.retain(|due, spot| cells.get(spot.cell).is_some_and(|cell| cell.active && cell.due == due));
        }
    }

    /// Brings what an active cell has learned up to the current slot.
    pub(super) fn settle_active(&mut self, spot: &CellKey) {
        let now = self.exposure.slot();
        if self.cells.get(spot.cell).is_some_and(|cell| cell.active && !cell.is_settled(now)) {
            self.settle(spot);
        }
    }

    pub(super) fn settle(&mut self, spot: &CellKey) {
        let Some(cell) = self.cells.get_mut(spot.cell) else { return };
        let (open, now) = (&self.open, self.exposure.slot());
        let attributed = open.attributed();
        let going = open.get(spot.place.into()).is_some_and(|open| open.spot.cell == spot.cell)
            && attributed.owns(spot.place.into(), now);
        // A batch that warns each night is an incident of the first night.
        let keeps_all = spot.scope == Scope::Warning;
        cell.settle(&self.exposure, self.longest, going, keeps_all, |slot, group| {
            [spot.place, EVERYWHERE].into_iter().any(|place| attributed.owns(place.into(), slot.number))
                || (spot.scope.is_wide() && attributed.owns(group.into(), slot.number))
        });
    }

    /// The cell of a key; a new one where there is none yet.
    pub(super) fn cell(&mut self, spot: &CellKey) -> &mut Cell {
        let (exposure, mut is_new) = (&self.exposure, false);
        let cell = self.cells.touch(spot.cell, || {
            is_new = true;
            Cell::new(exposure)
        });
        if is_new && let Some((template, module)) = spot.text() {
            self.text_modules.note(template, module);
        }
        cell
    }
}
