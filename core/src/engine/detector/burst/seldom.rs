//! Errors that come too seldom for windows of minutes: windows of a module's last 8 to 128
//! errors, whatever their span, against what it was before for days.
//!
//! The rate is tested at three times the usual one, because the share of errors of a day and of a
//! night differ more than those of two minutes. The past is half forgotten in a week. Windows that
//! the longest of the others still sees are left to those.

use super::*;
use crate::engine::detector::first_minutes::FirstMinutes;
use crate::engine::stats::failure_marks::MarkedWindow;

/// Windows of errors allow this many times the usual rate.
const FACTOR: f64 = 3.0;

impl Burst {
    /// Marks an error in a module's cell. Those of an open incident are no evidence again.
    pub(super) fn mark(&mut self, spot: &CellKey, module: u64) {
        let totals = [self.exposure.total(), self.traffic.total(module)];
        let is_open = [spot.place, ALL].into_iter().any(|place| self.open.contains(place.into()));
        let now = self.exposure.slot();
        match self.cells.get_mut(spot.cell) {
            Some(cell) if is_open => cell.clear_marks(),
            Some(cell) => cell.mark(now, totals),
            None => {}
        }
    }

    /// The errors of a module so far belong to an incident.
    pub(super) fn clear_marks(&mut self, module: u64) {
        if let Some(cell) = self.cells.get_mut(CellKey::of_module(module).cell) {
            cell.clear_marks();
        }
    }

    /// The first window of errors in which a module has too many.
    pub(super) fn test_seldom(
        &mut self,
        spot: &CellKey,
        settings: BurstSettings,
        aside: &LocalizedFailures,
    ) -> Option<Verdict> {
        let (Scope::Module, Some(module)) = (spot.scope, spot.module) else { return None };
        let fresh = self.fresh_from(spot.place).max(self.everywhere.map_or(0, |last| last.saturating_add(1)));
        let seen = (self.exposure.slot() + 1).saturating_sub(self.longest);
        let windows = self.cells.get(spot.cell)?.marked(fresh, seen);
        windows.into_iter().flatten().find_map(|window| self.test_marked(spot, module, settings, window, aside))
    }

    fn test_marked(
        &mut self,
        spot: &CellKey,
        module: u64,
        settings: BurstSettings,
        window: MarkedWindow<2>,
        aside: &LocalizedFailures,
    ) -> Option<Verdict> {
        let out = aside.since(window.slot);
        let errors = u64::from(window.failures).saturating_sub(out);
        let threshold = settings.threshold.unwrap_or(self.threshold);
        if errors < u64::from(settings.min_errors) {
            return None;
        }
        let keep = if out > 0 { 1.0 - aside.share } else { 1.0 };
        let (rate, others) = self.usual_of_marked(spot, module, window)?;
        let mut ln_p = rate.ln_p(errors as f64, FACTOR, keep, threshold.ln());
        if ln_p <= threshold.ln() && others.0 > rate.learned.max(OTHERS) {
            ln_p = ln_p.max(rate.tail(errors as f64, FACTOR, others.0, (others.1 + 1.0) * keep));
        }
        let slots = self.exposure.slot() + 1 - window.slot;
        let found = Verdict { ln_p, threshold, errors: errors as f64, slots, ..Verdict::default() };
        (ln_p <= threshold.ln()).then(|| self.told(spot, found, rate, keep))
    }

    /// The module's rate before a window of errors; and its events that are no errors, before the
    /// window and in it.
    fn usual_of_marked(
        &mut self,
        spot: &CellKey,
        module: u64,
        window: MarkedWindow<2>,
    ) -> Option<(UsualRate, (f64, f64))> {
        self.settle_active(spot);
        let now = self.exposure.slot();
        let since = |now: u32, then: u32| f64::from(now.wrapping_sub(then));
        let events = since(self.exposure.total(), window.totals[0]);
        let others = since(self.traffic.total(module), window.totals[1]);
        let seconds = f64::from(now - window.slot) * SLOT_S + self.seconds_of_slot();
        let (long, seen) = (self.exposure.long_past(), self.window(self.longest));
        let (others_long, others_seen) = self.traffic.others_long(module, &self.exposure);
        // What of the window has left the longest of the others was learned, and is taken back.
        let before = |long: f64, window: f64, seen: f64| (long - (window - seen).max(0.0)).max(0.0);
        let past = [before(long.seconds, seconds, seen.seconds), before(long.events, events, seen.events)];
        let cell = self.cells.get(spot.cell)?;
        let left = f64::from(window.failures) - cell.since((now + 1).saturating_sub(self.longest)) as f64;
        let learned = cell.learned_long() - left.max(0.0) * self.exposure.decay_long(now - window.slot);
        let own = others + f64::from(window.failures);
        let mut first = FirstMinutes::new(self.age, own, Some(events));
        let least = [first.least_past(seconds), first.least_past(events)];
        if past[1] < least[1] {
            first = FirstMinutes::new(0.0, own, Some(events));
        }
        let clocks = [(past[0].max(least[0]), seconds), (past[1].max(least[1]), events)];
        // Errors of different minutes do not clump.
        let dispersion = cell.dispersion().min(cell.clump(window.slot));
        let rate = UsualRate { learned: learned.max(0.0), dispersion, clocks, first };
        Some((rate, (before(others_long, others, others_seen), others)))
    }
}
