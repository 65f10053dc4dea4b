//! Warnings: one template of a module at WARN that comes too often, such as retries of many workers
//! or requests that are turned away.
//!
//! Warnings are held to more than errors. Their rate is tested at three times the usual one, and at
//! a hundredth of the threshold; on the same clocks, and on these also against what is remembered
//! for days, because a batch that warns each night is forgotten by the next. And they must be a
//! third or more of what their module says (p < 1e-5, by the prior of the first minutes): what
//! warns of one line in twenty does so more often whenever there is more to do. Their incident is a
//! warning at most.

use super::*;
use crate::engine::detector::first_minutes::FirstMinutes;
use crate::human_duration::HumanDuration;

/// Windows of warnings allow this many times the usual rate.
const FACTOR: f64 = 3.0;
/// The threshold is this part of that of errors.
const STRICTER: f64 = 0.01;
/// Fewest warnings are so many times the fewest errors.
const FEWEST: u32 = 2;
/// Warnings of the stream's beginning are learned and not judged: what warns steadily from its
/// start on is as it always was.
pub(super) const SETTLES: HumanDuration = HumanDuration::from_secs(600);
/// So many are by chance in a healthy module only this seldom.
const SHARE_P: f64 = 1e-5;
/// A smaller part of the module's events than this never is: by the prior of the first minutes
/// alone there is more with a chance of 0.025.
const SHARE: f64 = 0.1;

impl Burst {
    /// Counts a warning, and asks whether there are too many.
    pub(super) fn count_warning(&mut self, event: &Event<'_>, report: &mut Report<'_>) {
        let (module, template) = (event.fields.parsed().module_hash, event.template.id.0);
        let choice = &mut self.traffic.module(module, self.exposure.slot()).choice;
        let settings = *self.settings.of(choice, &event.fields);
        if template == 0 || !settings.enabled || settings.level > Level::Error {
            return;
        }
        let spot = CellKey::of_template(Scope::Warning, module, template);
        let spots = [Some(spot)];
        self.add(event, &spots, false);
        let is_told = [spot.place, fold(module), ALL].into_iter().any(|place| self.open.contains(place.into()));
        if self.join(event, &spots, report) || is_told || self.age < self.warm_up_s.max(SETTLES.seconds()) {
            return;
        }
        if let Some(verdict) = self.test_warnings(&spot, module, settings) {
            self.open(event, &spot, &verdict, report);
        }
    }

    /// The first window in which a template has too many warnings.
    fn test_warnings(&mut self, spot: &CellKey, module: u64, settings: BurstSettings) -> Option<Verdict> {
        if self.cells.get_mut(spot.cell).is_some_and(Cell::is_tested) {
            return None;
        }
        let (now, mut most) = (self.exposure.slot(), 0);
        let threshold = STRICTER * settings.threshold.unwrap_or(self.threshold);
        let fresh = self.fresh_from(spot.place).max(self.fresh_from(EVERYWHERE));
        for i in 0..self.windows.len() {
            let from = (now + 1).saturating_sub(self.windows[i]).max(fresh);
            let slots = (now + 1).saturating_sub(from);
            let warnings = if slots == 0 { 0 } else { self.since(spot, from) };
            let (_, own) = self.traffic.others(module, slots, 0, &self.exposure);
            if warnings < u64::from(FEWEST * settings.min_errors) || (warnings as f64) < SHARE * own {
                continue;
            }
            most = most.max(warnings);
            let ln_p = self.ln_p(spot, warnings, slots, FACTOR, 1.0, threshold.ln());
            if ln_p <= threshold.ln() && self.is_unusual_for_days(spot, module, warnings, slots, threshold) {
                return Some(self.verdict(spot, warnings, slots, 1.0, ln_p, threshold));
            }
        }
        if let Some(cell) = self.cells.get_mut(spot.cell) {
            cell.test_later(most);
        }
        None
    }

    /// So many warnings are too many for the longer past as well, and for any healthy module.
    fn is_unusual_for_days(&mut self, spot: &CellKey, module: u64, warnings: u64, slots: u32, threshold: f64) -> bool {
        let (long, window) = (self.exposure.long_past(), self.window(slots));
        let (others_long, _) = self.traffic.others_long(module, &self.exposure);
        let (_, own) = self.traffic.others(module, slots, 0, &self.exposure);
        let Some(cell) = self.cells.get(spot.cell) else { return false };
        let (learned, dispersion) = (cell.learned_long(), cell.dispersion());
        let clocks = [(long.seconds, window.seconds.max(1.0)), (long.events, window.events)];
        let rate = UsualRate { learned, dispersion, clocks, first: FirstMinutes::default() };
        let warnings = warnings as f64;
        let is_usual =
            |past: f64, window: f64| past > 0.0 && rate.tail(warnings, FACTOR, past, window) > threshold.ln();
        // Warnings are among the module's events that are no errors.
        let is_usual = clocks.into_iter().any(|(past, window)| is_usual(past, window))
            || (others_long > OTHERS && is_usual(others_long, own));
        !is_usual && FirstMinutes::new(0.0, own, None).ln_p(warnings, 1.0) <= SHARE_P.ln()
    }
}
