//! An error is counted in its cells, and joins an open burst or opens one.

use super::*;

/// Equal lines of one actor that are left to loop: it would have opened by then.
const LOOP_LINES: u32 = 16;

impl Burst {
    /// Counts an error, and asks whether there are too many.
    pub(super) fn count(&mut self, event: &Event<'_>, settings: BurstSettings, prior: &Prior, report: &mut Report<'_>) {
        let spots = spots(event);
        let again = self.add(event, &spots, prior.postponed);
        let joined = self.join(event, &spots, report);
        if joined || self.age < self.warm_up_s || self.open.contains(ALL.into()) {
            return;
        }
        // One actor's equal lines are a loop's, if they are one.
        if prior.postponed || (1..LOOP_LINES).contains(&again) {
            return;
        }
        for spot in spots.iter().flatten() {
            if self.open.contains(spot.place.into()) {
                continue;
            }
            let settings = if spot.scope.is_wide() { self.usual } else { settings };
            let found = self.test(spot, settings, &prior.localized);
            if let Some(verdict) = found.or_else(|| self.test_seldom(spot, settings, &prior.localized)) {
                self.open(event, spot, &verdict, report);
                return;
            }
        }
        if report.wants_near_misses()
            && let Some(spot) = spots.iter().flatten().find(|spot| spot.scope == Scope::Module)
        {
            self.near_miss(event, spot, settings, report);
        }
    }

    /// Adds an error to its cells; how many errors its run of its actor had before. A run is of
    /// equal lines, or of what is `postponed`.
    pub(super) fn add(&mut self, event: &Event<'_>, spots: &[Option<CellKey>], postponed: bool) -> u32 {
        let parsed = event.fields.parsed();
        let (now, fatal) = (self.exposure.slot(), parsed.level == Some(Level::Fatal));
        let is_young = self.is_young(event);
        let code_is_open = spots.iter().flatten().any(|spot| spot.scope == Scope::Code && self.is_open(spot));
        let mut again = 0;
        for spot in spots.iter().flatten() {
            if spot.scope == Scope::Share || (spot.scope == Scope::All && code_is_open) {
                continue;
            }
            let cell = self.cell(spot);
            let is_new = !cell.active;
            if is_new {
                self.settle(spot);
            }
            if let Some(cell) = self.cells.get_mut(spot.cell) {
                cell.add(now, spot.group(parsed.module_hash, is_young), fatal);
                cell.active = true;
                if spot.scope == Scope::Text {
                    again = cell.repeat(parsed.actor_hash, parsed.message_hash, postponed);
                }
            }
            if is_new {
                self.list(spot);
            }
            if spot.scope == Scope::Module {
                self.mark(spot, parsed.module_hash);
            }
        }
        again
    }

    fn is_young(&self, event: &Event<'_>) -> bool {
        let template = event.templates.get(event.template.id);
        template.is_some_and(|template| event.moment.now.seconds_since(template.first) < YOUNG_S)
    }

    fn is_open(&self, spot: &CellKey) -> bool {
        self.open.contains(spot.place.into())
    }

    /// An open incident of a loop explains this error: those of its run before are no errors of
    /// burst's either.
    #[cold]
    pub(super) fn leave_to_loop(&mut self, event: &Event<'_>) {
        let parsed = event.fields.parsed();
        let spots = spots(event);
        let text = spots.iter().flatten().find(|spot| spot.scope == Scope::Text);
        let cell = text.and_then(|spot| self.cells.get_mut(spot.cell));
        let errors = cell.map_or(0, |cell| cell.take_run(parsed.actor_hash));
        if errors == 0 {
            return;
        }
        let is_young = self.is_young(event);
        for spot in spots.iter().flatten() {
            if let Some(cell) = self.cells.get_mut(spot.cell) {
                cell.take_back(errors, spot.group(parsed.module_hash, is_young));
            }
        }
        self.clear_marks(parsed.module_hash);
    }

    /// Adds the error to the open burst that it belongs to, if there is one.
    pub(super) fn join(&mut self, event: &Event<'_>, spots: &[Option<CellKey>], report: &mut Report<'_>) -> bool {
        if self.open.is_empty() {
            return false;
        }
        let (now, slot) = (event.moment.now, self.exposure.slot());
        for spot in spots.iter().flatten() {
            let Some(open) = self.open.get_mut(spot.place.into()) else { continue };
            if open.spot.cell != spot.cell {
                continue;
            }
            open.ending.hear(now, slot);
            let deadline = open.ending.deadline();
            let (began, errors) = (open.ending.began, open.ending.failures as f64);
            let is_warning = spot.scope == Scope::Warning;
            let level = event.fields.level().max((!is_warning).then_some(Level::Error));
            let expected = open.expected * now.seconds_since(began);
            if !is_warning && failure::is_critical(level == Some(Level::Fatal), errors, expected) {
                report.incidents.raise(open.id, Severity::Critical);
            }
            let lasted_s = now.seconds_since(began).max(1.0);
            let incidents = &mut report.incidents;
            match open.usual {
                Some(usual) => incidents.join_updated(open.id, 1, level, now, report.findings, |known, count| {
                    incident::go_on(known, &usual, count, lasted_s);
                }),
                // The incident comes from the state of an older version, which did not keep what is
                // usual: its evidence stays as it is.
                None => incidents.join(open.id, 1, level, now, report.findings),
            }
            self.open.go_on(spot.place.into(), deadline);
            return true;
        }
        false
    }

    /// Spread has opened an incident for a value of a dimension: the slots that show it are
    /// attributed, so they are neither evidence for burst nor learned.
    #[cold]
    pub(super) fn leave_to_spread(&mut self, module: u64, aside: &LocalizedFailures) {
        if let Some(first) = aside.slots.iter().map(|(slot, _)| *slot).min() {
            self.open.attribute(fold(module).into(), first, self.exposure.slot());
            self.clear_marks(module);
        }
    }

    /// How many slots the incident owns at most, if not those of a half-life. What fails from the
    /// first line on may always do; what comes so seldom is not learned in an hour.
    fn owned_slots(&self, verdict: &Verdict) -> Option<u32> {
        let (past, window) = verdict.rate.clocks[1];
        if verdict.slots > self.longest {
            Some(failure::DAY_SLOTS)
        } else {
            (verdict.rate.first.least_past(window) >= past).then_some(2 * self.longest)
        }
    }

    pub(super) fn open(&mut self, event: &Event<'_>, spot: &CellKey, verdict: &Verdict, report: &mut Report<'_>) {
        let (now, slot) = (event.moment.now, self.exposure.slot());
        let opening = incident::opening(&event.fields, spot.scope, verdict);
        let id = report.incidents.open(opening, event.moment.own(), report.findings);
        let ending = Ending::new(now, slot, verdict.errors, verdict.slots, verdict.window_s);
        let first_slot = ending.first_slot;
        let (expected, usual) = (verdict.usual.expected / verdict.window_s, Some(UsualOfBurst::of(verdict)));
        let owns = self.owned_slots(verdict);
        let open = OpenBurst { id, spot: *spot, slot, owns, expected, usual, ending };
        self.settle_active(spot);
        self.open.open(spot.place.into(), id, open, ending.deadline(), report.incidents);
        self.list(spot);
        self.open.attribute(spot.place.into(), first_slot, slot);
        if let Some(module) = spot.module {
            self.clear_marks(module);
        }
        if spot.scope == Scope::Code {
            // The overall cell has counted the same errors.
            self.open.attribute(ALL.into(), first_slot, slot);
        }
    }
}
