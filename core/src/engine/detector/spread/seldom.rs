//! Failures that come too seldom for windows of minutes: windows of a value's last 8, 32 and 128
//! failures, whatever their span, against what it was before for days (`stats::failure_marks`).
//!
//! Both tests are those of the other windows. Failures of different minutes do not clump. Windows
//! of less than a minute are left to the others.

use super::evaluate::{SUSPECT_P, expected_by, ln_share};
use super::usual::InWindow;
use super::*;
use crate::engine::detector::first_minutes::FirstMinutes;
use crate::engine::stats::binomial;
use crate::engine::stats::failure_marks::MarkedWindow;

impl Spread {
    /// The windows of the value's last failures that are longer than a minute.
    fn marked(&self, spot: CellKey) -> Vec<MarkedWindow<5>> {
        let before = (self.exposure.slot() + 1).saturating_sub(BLOCK_SLOTS);
        self.sides.marked(spot.key, self.open.attributed().fresh_from(spot.key), before)
    }

    fn usual_of_marked(&mut self, spot: CellKey, window: &MarkedWindow<5>) -> Option<(Usual, InWindow)> {
        let owned = self.open.attributed().owns(spot.key, self.exposure.slot());
        self.sides.usual_of_marked(spot.side, spot.key, window, &self.exposure, owned)
    }

    /// The first window of failures in which this value has too many of its module's.
    pub(super) fn test_seldom(&mut self, spot: CellKey, settings: SpreadSettings) -> Option<Verdict> {
        self.marked(spot).into_iter().find_map(|window| self.weigh_marked(spot, settings, window))
    }

    fn weigh_marked(&mut self, spot: CellKey, settings: SpreadSettings, window: MarkedWindow<5>) -> Option<Verdict> {
        if window.failures < settings.min_failures {
            return None;
        }
        let (mut usual, there) = self.usual_of_marked(spot, &window)?;
        // Failures of different minutes do not clump.
        usual.clump = usual.clump.min(self.sides.marked_clump(spot.key, window.slot));
        if usual.values < VALUES {
            return None;
        }
        let (failures, of) = (f64::from(window.failures), there.of);
        let threshold = settings.threshold.unwrap_or(self.threshold);
        let ln_p = ln_share(failures, of, &usual);
        if ln_p > threshold.ln() {
            return None;
        }
        let slots = self.exposure.slot() + 1 - window.slot;
        let (rate, is_known) = self.rate_of_marked(&window, &usual, there);
        let ln_p_rate = rate.ln_p(failures, FACTOR, 1.0, 0.0);
        // Where little was learned, the rate must reject as the share does.
        let rate_p = if is_known { self.rate_p(settings) } else { threshold };
        let found = Verdict {
            ln_p,
            ln_p_rate,
            threshold,
            failures,
            of,
            usual,
            rate,
            expected_by_rate: expected_by(&rate),
            samples: usual.samples + of,
            window_s: self.seconds(slots),
            slots,
        };
        found.rejects(rate_p).then_some(found)
    }

    /// The value's own rate before the window, and whether enough came before to know it.
    fn rate_of_marked(&self, window: &MarkedWindow<5>, usual: &Usual, there: InWindow) -> (UsualRate, bool) {
        let (long, seen) = (self.exposure.long_past(), self.exposure.window(self.longest, self.seconds_of_slot()));
        let seconds = f64::from(self.exposure.slot() - window.slot) * SLOT_S + self.seconds_of_slot();
        let events = f64::from(self.exposure.total().wrapping_sub(there.events));
        // What of the window has left the windows of slots is no past.
        let before = |long: f64, window: f64, seen: f64| (long - (window - seen).max(0.0)).max(0.0);
        let past = [before(long.seconds, seconds, seen.seconds), before(long.events, events, seen.events)];
        let own = f64::from(window.failures) + f64::from(self.one_in) * there.healthy;
        let mut first = FirstMinutes::new(self.age, own, None);
        let least = [first.least_past(seconds), first.least_past(events)];
        let is_known = past[1] >= least[1];
        if !is_known {
            first = FirstMinutes::new(0.0, own, None);
        }
        let clocks = [(past[0].max(least[0]), seconds), (past[1].max(least[1]), events)];
        (UsualRate { learned: usual.learned, dispersion: usual.dispersion(there.of), clocks, first }, is_known)
    }

    /// A value whose failures of the last hours or days may be too many is suspect as well.
    pub(super) fn add_seldom_suspect(&mut self, spot: CellKey, aside: &mut LocalizedFailures) {
        let Some(window) = self.marked(spot).pop() else { return };
        let Some((usual, there)) = self.usual_of_marked(spot, &window) else { return };
        let ln_p = binomial::ln_tail(window.failures.into(), there.of, usual.share);
        if usual.values < VALUES || ln_p > SUSPECT_P.ln() {
            return;
        }
        let seen = (self.exposure.slot() + 1).saturating_sub(self.longest);
        if aside.slots.is_empty() {
            aside.slots = self.sides.slots_of(spot.side, spot.key);
            aside.share = usual.share;
        }
        aside.slots.extend(self.sides.marked_slots(spot.key, window.slot, seen));
    }
}
