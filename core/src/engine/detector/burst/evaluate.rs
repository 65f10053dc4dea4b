//! Tests whether a cell has too many errors, and whether an open burst is over.

use super::*;
use crate::engine::detector::first_minutes::FirstMinutes;
use crate::engine::finding::{NearMiss, Reason};

impl Burst {
    /// The first window in which the cell has too many errors.
    pub(super) fn test(
        &mut self,
        spot: &CellKey,
        settings: BurstSettings,
        aside: &LocalizedFailures,
    ) -> Option<Verdict> {
        let (now, least) = (self.exposure.slot(), u64::from(settings.min_errors));
        let threshold = settings.threshold.unwrap_or(self.threshold);
        let fresh = self.fresh_from(spot.place).max(self.fresh_from(EVERYWHERE));
        for i in 0..self.windows.len() {
            let window = self.windows[i];
            if i > 0 && f64::from(self.windows[i - 1]) * SLOT_S > self.age {
                // The window before was all of the stream.
                break;
            }
            let from = (now + 1).saturating_sub(window).max(fresh);
            let slots = (now + 1).saturating_sub(from);
            let all = if slots == 0 { 0 } else { self.since(spot, from) };
            if all < least {
                continue;
            }
            let Some(usual) = self.usual(spot, slots) else { continue };
            // The count of all errors rules most windows out, without asking whose errors they are.
            let ln_p_of_all = self.ln_p_of(&usual, spot, all, slots, (FACTOR, 1.0), threshold.ln());
            if ln_p_of_all > threshold.ln() {
                continue;
            }
            let (errors, keep) = self.unexplained(spot, from, all, aside);
            if errors < least {
                continue;
            }
            let ln_p = match errors == all && keep == 1.0 {
                true => ln_p_of_all,
                false => self.ln_p_of(&usual, spot, errors, slots, (FACTOR, keep), threshold.ln()),
            };
            let rejects = ln_p <= threshold.ln();
            let adds = |burst: &mut Self| {
                burst.adds_to_its_whole(spot, from, slots, aside)
                    || burst.outdoes_its_life(spot, errors, slots, keep, threshold.ln())
            };
            if rejects && adds(self) {
                return Some(self.verdict(spot, errors, slots, keep, ln_p, threshold));
            }
        }
        None
    }

    /// No cell has too many errors: reports the module's cell as a near miss if one of its windows
    /// nearly has.
    #[cold]
    pub(super) fn near_miss(
        &mut self,
        event: &Event<'_>,
        spot: &CellKey,
        settings: BurstSettings,
        report: &mut Report<'_>,
    ) {
        let (now, threshold) = (self.exposure.slot(), settings.threshold.unwrap_or(self.threshold));
        for i in 0..self.windows.len() {
            let slots = self.windows[i].min(now + 1);
            let errors = self.since(spot, now + 1 - slots);
            let ln_p = self.ln_p(spot, errors, slots, FACTOR, 1.0, threshold.ln());
            let verdict = self.verdict(spot, errors, slots, 1.0, ln_p, threshold);
            report.near_miss(ln_p, threshold, |ln_p, threshold| NearMiss {
                detector: DetectorName::Burst,
                kind: "surge",
                key: event.fields.text(Role::Module).unwrap_or_default().into_owned(),
                ln_p,
                threshold,
                why: Reason::Errors { errors, window_s: verdict.window_s, expected: verdict.usual.expected },
            });
        }
    }

    pub(super) fn verdict(
        &mut self,
        spot: &CellKey,
        errors: u64,
        slots: u32,
        keep: f64,
        ln_p: f64,
        threshold: f64,
    ) -> Verdict {
        let found = Verdict { ln_p, threshold, errors: errors as f64, slots, ..Verdict::default() };
        let usual = self.usual(spot, slots).unwrap_or_default();
        self.told(spot, found, usual, keep)
    }

    /// What is told of a window, besides its errors and their chance.
    pub(super) fn told(&mut self, spot: &CellKey, found: Verdict, rate: UsualRate, keep: f64) -> Verdict {
        let from = (self.exposure.slot() + 1).saturating_sub(found.slots);
        let in_window = self.window(found.slots);
        let (exposure, window) = rate.clocks[0];
        let (low, high) = gamma_poisson::credible_interval(rate.learned, rate.dispersion, exposure, window * keep);
        let expected = (rate.learned + 0.5) * window * keep / exposure.max(1.0);
        let is_share = spot.scope == Scope::Share;
        Verdict {
            usual: UsualNumber { expected, low, high },
            rate,
            keep,
            window_s: in_window.seconds.max(1.0),
            fatal: self.cells.get_mut(spot.cell).is_some_and(|cell| cell.fatal_since(from)),
            samples: match is_share {
                true => rate.clocks.iter().map(|(exposure, window)| exposure + window).fold(0.0, f64::max),
                false => self.exposure.past().events + in_window.events,
            },
            requests: if is_share { window } else { 0.0 },
            ..found
        }
    }

    /// The errors of the cell since slot `from`.
    pub(super) fn since(&mut self, spot: &CellKey, from: u32) -> u64 {
        match (spot.scope, spot.module) {
            (Scope::Share, Some(module)) => {
                let slots = (self.exposure.slot() + 1).saturating_sub(from);
                self.share(spot, module, slots, 0).map_or(0, |share| share.failed)
            }
            _ => self.cells.get_mut(spot.cell).map_or(0, |cell| cell.since(from)),
        }
    }

    /// Of `all` errors since slot `from`, those that no narrower cell explains, and the share of
    /// the usual errors that is counted among them.
    fn unexplained(&mut self, spot: &CellKey, from: u32, all: u64, aside: &LocalizedFailures) -> (u64, f64) {
        let strongest = match spot.scope {
            Scope::All => 2,
            Scope::Code => 1,
            Scope::Module | Scope::Text | Scope::Share | Scope::Warning => {
                let out = aside.since(from);
                return (all.saturating_sub(out), if out > 0 { 1.0 - aside.share } else { 1.0 });
            }
        };
        let horizon = self.exposure.slot().saturating_sub(self.longest).max(1);
        let (attributed, cell) = (self.open.attributed(), self.cells.get_mut(spot.cell));
        (
            cell.map_or(0, |cell| {
                cell.spread_since(from, strongest, |module| attributed.fresh_from(module.into()) > horizon)
            }),
            1.0,
        )
    }

    /// A new part that replaces another adds nothing to its whole: after a deploy every template is
    /// new. For a template its module, and for an error code all modules together, must have too
    /// many as well, at any factor; or the module's older templates must go on.
    fn adds_to_its_whole(&mut self, spot: &CellKey, from: u32, slots: u32, aside: &LocalizedFailures) -> bool {
        let whole = match (spot.scope, spot.module) {
            (Scope::Text, Some(module)) => CellKey::of_module(module),
            (Scope::Code, _) => ALL_CELL,
            _ => return true,
        };
        let errors = self.since(&whole, from).saturating_sub(aside.since(from));
        if self.ln_p(&whole, errors, slots, 1.0, 1.0, WHOLE_P.ln()) <= WHOLE_P.ln() {
            return true;
        }
        if whole.scope != Scope::Module {
            return false;
        }
        let Some((behind, older)) = self.cells.get_mut(whole.cell).and_then(|cell| cell.without_since(from, YOUNG))
        else {
            return false;
        };
        let slots = (self.exposure.slot() + 1).saturating_sub(behind);
        let older = older.saturating_sub(aside.since(behind));
        slots > 0 && self.ln_p(&whole, older, slots, 0.5, 1.0, GOES_ON_P.ln()) <= GOES_ON_P.ln()
    }

    /// A template that is not new must have too many even for its rate since it was first seen, and
    /// for its largest minute: templates that come in bouts show the size of a bout before they
    /// show how much bouts vary.
    fn outdoes_its_life(&mut self, spot: &CellKey, errors: u64, slots: u32, keep: f64, enough: f64) -> bool {
        self.settle_active(spot);
        let Some(cell) = self.cells.get_mut(spot.cell).filter(|_| spot.scope == Scope::Text) else { return false };
        let (errors, lived) = (errors as f64, self.exposure.share_since(cell.born()));
        if errors <= LARGEST_TIMES * keep * cell.largest(slots) {
            return false;
        }
        let Some(mut usual) = self.usual(spot, slots) else { return false };
        usual.clocks = usual.clocks.map(|(exposure, window)| (exposure * lived, window));
        usual.ln_p(errors, FACTOR, keep, enough) <= enough
    }

    pub(super) fn window(&self, slots: u32) -> SecondsAndEvents {
        self.exposure.window(slots, self.seconds_of_slot())
    }

    /// Seconds of the current slot that have passed.
    pub(super) fn seconds_of_slot(&self) -> f64 {
        self.age - f64::from(self.exposure.slot()) * SLOT_S
    }

    fn share(&mut self, spot: &CellKey, module: u64, slots: u32, before: u32) -> Option<Share> {
        let attributed = self.open.attributed();
        self.traffic.share(module, slots, before, &self.exposure, |slot| attributed.owns(spot.place.into(), slot))
    }

    /// The slots in front of a window that have not left the longest one and belong to no incident.
    fn before(&self, spot: &CellKey, slots: u32) -> u32 {
        let seen = (self.exposure.slot() + 1).saturating_sub(self.fresh_from(spot.place));
        seen.min(self.longest).saturating_sub(slots)
    }

    /// The same while the stream is too young for what has left the longest window to be its past.
    fn early(&self, spot: &CellKey, slots: u32) -> u32 {
        let is_early = self.age < f64::from(3 * self.longest) * SLOT_S;
        if is_early { self.before(spot, slots) } else { 0 }
    }

    fn usual(&mut self, spot: &CellKey, slots: u32) -> Option<UsualRate> {
        if let (Scope::Share, Some(module)) = (spot.scope, spot.module) {
            return self.usual_share(spot, module, slots);
        }
        self.settle_active(spot);
        let (window, mut past, before) = (self.window(slots), self.exposure.past(), self.early(spot, slots));
        let first = self.first_minutes(spot, slots, window.events);
        let from = (self.exposure.slot() + 1).saturating_sub(slots);
        let all = if before > 0 { self.window(slots + before) } else { window };
        let cell = self.cells.get(spot.cell)?;
        let mut learned = cell.learned();
        if before > 0 {
            past.seconds += all.seconds - window.seconds;
            past.events += all.events - window.events;
            learned += (cell.since(from - before) - cell.since(from)) as f64;
        }
        let clocks = [(past.seconds, window.seconds.max(1.0)), (past.events, window.events)];
        let clocks = clocks.map(|(past, window)| (past.max(first.least_past(window)), window));
        Some(UsualRate { learned, dispersion: cell.dispersion(), clocks, first })
    }

    fn usual_share(&mut self, spot: &CellKey, module: u64, slots: u32) -> Option<UsualRate> {
        let share = self.share(spot, module, slots, self.before(spot, slots))?;
        let first = match (share.is_known, FirstMinutes::last_at(self.age)) {
            (false, _) => FirstMinutes::new(0.0, share.all, None),
            (true, true) => FirstMinutes::new(self.age, share.all, None),
            (true, false) => FirstMinutes::default(),
        };
        let clock = (share.learned_all.max(first.least_past(share.all)), share.all);
        Some(UsualRate { learned: share.learned_failed, dispersion: share.dispersion, clocks: [clock; 2], first })
    }

    /// What is expected of the last `slots` slots of a young stream, which have had `events`
    /// events.
    fn first_minutes(&mut self, spot: &CellKey, slots: u32, events: f64) -> FirstMinutes {
        if !FirstMinutes::last_at(self.age) {
            return FirstMinutes::default();
        }
        let Some(module) = spot.module else { return FirstMinutes::new(self.age, events, None) };
        let from = (self.exposure.slot() + 1).saturating_sub(slots);
        let errors = self.since(&CellKey::of_module(module), from) as f64;
        let (_, others) = self.traffic.others(module, slots, 0, &self.exposure);
        FirstMinutes::new(self.age, others + errors, Some(events))
    }

    /// ln of the chance of so many errors in the last `slots` slots at `factor` times the usual
    /// rate, on the clock that finds them likeliest; `keep` is the share of the cell's usual errors
    /// that the count is taken from.
    pub(super) fn ln_p(&mut self, spot: &CellKey, errors: u64, slots: u32, factor: f64, keep: f64, enough: f64) -> f64 {
        let Some(usual) = self.usual(spot, slots) else { return 0.0 };
        self.ln_p_of(&usual, spot, errors, slots, (factor, keep), enough)
    }

    /// The same, where what is usual in the window is known.
    fn ln_p_of(
        &mut self,
        usual: &UsualRate,
        spot: &CellKey,
        errors: u64,
        slots: u32,
        (factor, keep): (f64, f64),
        enough: f64,
    ) -> f64 {
        let mut ln_p = usual.ln_p(errors as f64, factor, keep, enough);
        // Each clock can only raise the chance: after one that explains the count, the next is not
        // asked.
        if ln_p <= enough
            && spot.scope != Scope::Share
            && let Some(module) = spot.module
        {
            let (others, now) = self.traffic.others(module, slots, self.early(spot, slots), &self.exposure);
            if others > usual.learned.max(OTHERS) {
                ln_p = ln_p.max(usual.tail(errors as f64, factor, others, (now + 1.0) * keep));
            }
        }
        ln_p
    }

    /// Ends the bursts that are over. All are examined when a slot has ended, else those whose
    /// deadline has come.
    pub(super) fn check(&mut self, now: Timestamp, report: &mut Report<'_>) {
        let slot = self.exposure.slot();
        let from = std::mem::replace(&mut self.checked, slot);
        let due = self.open.due(now, report.incidents);
        let places = if slot > from { self.open.keys() } else { due };
        for place in places {
            let Some(mut open) = self.open.get(place).cloned() else { continue };
            if slot > from {
                self.watch(&mut open, from, slot);
            }
            if open.ending.is_over(now) || !report.incidents.is_open(open.id) {
                report.incidents.resolve(open.id, now, report.findings);
                self.open.end(place);
                self.open.attribute(place, slot, slot);
                if place == u64::from(ALL) {
                    self.own_everywhere(slot, slot);
                }
            } else {
                self.open.go_on(place, open.ending.deadline());
                self.open.update(place, open);
            }
        }
    }

    /// The first slot whose errors are not yet attributed to an incident of `place`.
    pub(super) fn fresh_from(&self, place: u32) -> u32 {
        self.open.attributed().fresh_from(place.into())
    }

    /// Attributes slots of all modules and codes to an incident of the overall cell.
    fn own_everywhere(&mut self, from: u32, to: u32) {
        self.open.attribute(EVERYWHERE.into(), from, to);
        self.everywhere = Some(to);
    }

    /// Attributes the slots up to `to` to the open bursts, for `most` slots since each
    /// opened, or as many as it owns.
    pub(super) fn attribute_open(&mut self, to: u32, most: u32) {
        let owns = |open: &OpenBurst| to.saturating_sub(open.slot) <= open.owns.unwrap_or(most);
        let going = self.open.incidents().iter().filter(|(_, open)| owns(open));
        let going: Vec<_> = going.map(|(place, open)| (*place, open.slot, open.ending.first_slot)).collect();
        for (place, slot, first_slot) in going {
            self.open.attribute(place, slot, to);
            if place == u64::from(ALL) {
                self.own_everywhere(first_slot, to);
            }
        }
    }

    /// Tells the end of a burst what the slots from `from` to the one before `slot` have shown.
    fn watch(&mut self, open: &mut OpenBurst, from: u32, slot: u32) {
        let spot = open.spot;
        let (Some(usual), Some(before)) = (self.usual(&spot, slot - from + 1), self.usual(&spot, 1)) else {
            open.ending.end();
            return;
        };
        let errors = self.since(&spot, from).saturating_sub(self.since(&spot, slot));
        let expected = (0..2).map(|i| {
            let (exposure, window) = usual.clocks[i];
            (usual.learned + 0.5) * (window - before.clocks[i].1).max(0.0) / exposure.max(1.0)
        });
        // What comes so seldom that days are looked at is learned before it is told.
        let expected = match open.is_seldom() {
            true => open.expected * f64::from(slot - from) * SLOT_S,
            false => expected.fold(0.0, f64::max),
        };
        let calm = CALM_SLOTS.min(self.longest).min(slot + 1);
        let recent = self.since(&spot, (slot + 1).saturating_sub(calm));
        open.ending.watch(Passed {
            slots: slot - from,
            failures: errors as f64,
            usual: expected,
            dispersion: usual.dispersion,
            calm: self.ln_p(&spot, recent, calm, FACTOR, 1.0, CALM_P.ln()) > CALM_P.ln(),
        });
    }
}
