//! An error is counted in its cells, and joins an open burst or opens one.

use super::*;

impl Burst {
    /// Counts an error, and asks whether there are too many.
    pub(super) fn count(&mut self, event: &Event<'_>, settings: BurstSettings, prior: &Prior, report: &mut Report<'_>) {
        let parsed = event.fields.parsed();
        let now = self.exposure.slot();
        let fatal = parsed.level == Some(Level::Fatal);
        let module = fold(parsed.module_hash);
        let spots = spots(event);
        let template = event.templates.get(event.template.id);
        let young = template.is_some_and(|template| event.moment.now.seconds_since(template.first) < YOUNG_S);
        let code_is_open = spots[1].is_some_and(|spot| self.open.contains(spot.place.into()));
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
                let group = match spot.scope {
                    Scope::All | Scope::Code => Some(module),
                    Scope::Module if young => Some(YOUNG),
                    _ => None,
                };
                cell.add(now, group, fatal);
                cell.active = true;
            }
            if is_new {
                self.list(spot);
            }
            if spot.scope == Scope::Module {
                self.mark(spot, parsed.module_hash);
            }
        }
        let joined = self.join(event, &spots, report);
        if joined || self.age < self.warm_up_s || self.open.contains(ALL.into()) {
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

    /// Adds the error to the open burst that it belongs to, if there is one.
    fn join(&mut self, event: &Event<'_>, spots: &[Option<CellKey>; 5], report: &mut Report<'_>) -> bool {
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
            let level = event.fields.level().max(Some(Level::Error));
            let expected = open.expected * now.seconds_since(began);
            if failure::is_critical(level == Some(Level::Fatal), errors, expected) {
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
        }
    }

    fn open(&mut self, event: &Event<'_>, spot: &CellKey, verdict: &Verdict, report: &mut Report<'_>) {
        let (now, slot) = (event.moment.now, self.exposure.slot());
        let opening = incident::opening(&event.fields, spot.scope, verdict);
        let id = report.incidents.open(opening, now, report.findings);
        let ending = Ending::new(now, slot, verdict.errors, verdict.slots, verdict.window_s);
        let first_slot = ending.first_slot;
        let (expected, usual) = (verdict.usual.expected / verdict.window_s, Some(UsualOfBurst::of(verdict)));
        let open = OpenBurst { id, spot: *spot, slot, expected, usual, ending };
        self.settle_active(spot);
        self.open.open(spot.place.into(), id, open, ending.deadline(), report.incidents);
        self.list(spot);
        self.open.attribute(spot.place.into(), first_slot, slot);
        if spot.scope == Scope::Code {
            // The overall cell has counted the same errors.
            self.open.attribute(ALL.into(), first_slot, slot);
        }
    }
}
