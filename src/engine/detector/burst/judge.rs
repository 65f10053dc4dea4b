//! Is it too much? The tests of one spot, and when an open burst is over.

use super::*;
use crate::engine::detector::NearMiss;

impl Burst {
    /// Is there a window with too many errors for this cell?
    pub(super) fn test(&mut self, spot: &Spot) -> Option<Verdict> {
        let (now, age) = (self.exposure.slot(), self.age);
        let (least, alpha) = (u64::from(self.options.min_errors), self.options.threshold.ln());
        let cell = self.cells.get_mut(spot.cell)?;
        if cell.seen() < least {
            return None;
        }
        let fresh = self.places.fresh_from(spot.place);
        for i in 0..self.windows.len() {
            let window = self.windows[i];
            if f64::from(window) * self.options.slot_s * 2.0 > age {
                break;
            }
            let from = (now + 1).saturating_sub(window).max(fresh);
            let slots = (now + 1).saturating_sub(from);
            let cell = self.cells.get_mut(spot.cell)?;
            let mut errors = cell.since(from);
            if slots == 0 || errors < least || self.ln_p(spot, errors, slots, 1.0).0 > alpha {
                continue;
            }
            let mut keep = 1.0;
            let cell = self.cells.get_mut(spot.cell)?;
            if spot.scope.is_wide() {
                let horizon = now.saturating_sub(self.longest);
                let places = &self.places;
                let (others, top) = cell.groups_since(from, |group| places.fresh_from(group) > horizon.max(1));
                errors = others - top.map_or(0, |(_, count)| count);
            } else if let Some((host, of_host)) = cell.groups_since(from, |_| false).1
                && let Some(share) = self.share_if_too_many(spot, host, from)
            {
                errors -= of_host;
                keep = 1.0 - share;
            }
            if errors < least {
                continue;
            }
            let (ln_p, expected) = self.ln_p(spot, errors, slots, keep);
            if ln_p <= alpha {
                let window = self.window(slots);
                let fatal = self.cells.get_mut(spot.cell)?.fatal_since(from);
                let samples = window.events + self.exposure.past().events;
                let window_s = window.seconds.max(1.0);
                return Some(Verdict { ln_p, errors: errors as f64, expected, window_s, slots, samples, fatal });
            }
        }
        None
    }

    /// No cell has too many errors: tells of the module's, if its window has nearly too many.
    #[cold]
    pub(super) fn near_miss(&mut self, event: &Event<'_>, spots: &[Option<Spot>; 4], report: &mut Report<'_>) {
        let (now, threshold) = (self.exposure.slot(), self.options.threshold);
        let Some(spot) = spots.iter().flatten().find(|spot| spot.scope == Scope::Module) else { return };
        for slots in self.windows.clone() {
            let Some(cell) = self.cells.get_mut(spot.cell) else { return };
            let errors = cell.since((now + 1).saturating_sub(slots));
            let (ln_p, expected) = self.ln_p(spot, errors, slots, 1.0);
            report.near_miss(ln_p, threshold, |ln_p, threshold| NearMiss {
                detector: DetectorName::Burst,
                kind: "surge",
                key: event.fields.text(Role::Module).unwrap_or_default().into_owned(),
                ln_p,
                threshold,
                why: format!("{errors} errors in {:.0} s, {expected:.2} expected", self.window(slots).seconds),
            });
        }
    }

    /// The share of `host` in the module's traffic, if it has more of the errors since slot `from` than that; of those of
    /// the cell or of the whole module, which may be enough to tell where one text is not.
    pub(super) fn share_if_too_many(&mut self, spot: &Spot, host: u32, from: u32) -> Option<f64> {
        let module = spot.module?;
        let hosts = self.traffic.hosts(module);
        if host == NO_GROUP || hosts < 3 {
            return None;
        }
        let share = self.traffic.share(module, u64::from(host));
        let cells = [spot.cell, module ^ SALTS[Scope::Module as usize]];
        let too_many = cells.into_iter().any(|cell| {
            let Some(cell) = self.cells.get_mut(cell) else { return false };
            let errors = cell.since(from);
            let of_host = errors - cell.groups_since(from, |group| group == host).0;
            binomial::ln_tail(of_host as f64, errors as f64, share) + f64::from(hosts).ln() < HOST_P.ln()
        });
        too_many.then_some(share)
    }

    pub(super) fn window(&self, slots: u32) -> crate::engine::stats::exposure::Span {
        let into = self.age - f64::from(self.exposure.slot()) * self.options.slot_s;
        self.exposure.window(slots, into)
    }

    /// ln of the chance of so many errors in the last `slots` slots on the clock that finds them likeliest, and the
    /// expected number by the first; `keep` is the share of the cell's usual errors that the count is out of.
    pub(super) fn ln_p(&mut self, spot: &Spot, errors: u64, slots: u32, keep: f64) -> (f64, f64) {
        let (window, past) = (self.window(slots), self.exposure.past());
        let Some(cell) = self.cells.get_mut(spot.cell) else { return (0.0, 0.0) };
        let (k, learned, dispersion) = (errors as f64, cell.learned(), cell.dispersion());
        let tail = |exposure: f64, window: f64| {
            gamma_poisson::ln_tail_dispersed(k, learned * FACTOR, dispersion, exposure, window * keep)
        };
        let expected = (learned + 0.5) * window.seconds * keep / past.seconds.max(1.0);
        let enough = self.options.threshold.ln();
        let mut ln_p = tail(past.seconds, window.seconds.max(1.0));
        // Each clock can only make it likelier: where one has explained it, the next is not asked.
        if ln_p <= enough {
            ln_p = ln_p.max(tail(past.events, window.events));
        }
        if ln_p <= enough
            && let Some(module) = spot.module
        {
            let (others, others_now) = self.traffic.others(module, slots, &self.exposure);
            if others > learned.max(OTHERS) {
                ln_p = ln_p.max(tail(others, others_now + 1.0));
            }
        }
        (ln_p, expected)
    }

    /// Ends the bursts that are over.
    pub(super) fn check(&mut self, now: Timestamp, report: &mut Report<'_>) {
        let slot = self.exposure.slot();
        let passed = slot.saturating_sub(std::mem::replace(&mut self.checked, slot));
        for (place, open) in self.places.open.clone() {
            let scope = if place == ALL { Scope::All } else { Scope::Module };
            let spot = Spot { scope, cell: open.cell, place, module: open.module };
            let slots = open.slots.max(CALM_SLOTS).min(self.longest);
            let from = (slot + 1).saturating_sub(slots);
            let errors = self.cells.get_mut(open.cell).map(|cell| cell.since(from));
            let calm = match errors {
                Some(errors) if passed > 0 && self.ln_p(&spot, errors, slots, 1.0).0 > CALM_P.ln() => {
                    open.calm + passed
                }
                Some(_) if passed > 0 => 0,
                Some(_) => open.calm,
                // Evicted: over for whoever watches it.
                None => CALM_IN_A_ROW,
            };
            let unheard = now.seconds_since(open.heard) > UNHEARD_S;
            if calm >= CALM_IN_A_ROW || unheard || !report.incidents.is_open(open.id) {
                report.incidents.resolve(open.id, now, report.findings);
                self.places.open.remove(&place);
                self.places.own(place, slot, slot);
            } else if let Some(open) = self.places.open.get_mut(&place) {
                open.calm = calm;
            }
        }
    }
}
