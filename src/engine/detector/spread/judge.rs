//! Has this value too many? The tests, who is only suspect, and when an incident is over.

use super::*;
use crate::engine::stats::{binomial, gamma_poisson};

/// By its rate alone a value has too many below this chance.
const RATE_P: f64 = 1e-3;
/// A value is suspect below this chance, taken for itself and as if failures never clumped: better one too many.
const SUSPECT_P: f64 = 0.05;
/// Fewest failures of a module of which anything is suspect.
const SUSPECT_OF: u32 = 3;
/// Seconds without a failure that end an incident whatever the windows say…
const UNHEARD_S: f64 = 120.0;
/// …if they are so many of its own gaps.
const UNHEARD_GAPS: f64 = 10.0;

impl Spread {
    /// Is there a window in which this value has too many of its module's failures?
    pub(super) fn test(&mut self, spot: Spot, settings: SpreadSettings) -> Option<Verdict> {
        let (now, least) = (self.exposure.slot(), u64::from(settings.min_failures));
        let threshold = settings.threshold.unwrap_or(self.threshold);
        let fresh = self.owned.fresh_from(spot.key);
        // A value that has an incident is not one of those that this one is compared with.
        let spots = self.open.values().flat_map(|open| &open.spots);
        let bad: Vec<u64> = spots.filter(|other| other.side == spot.side).map(|other| other.key).collect();
        for i in 0..self.windows.len() {
            let window = self.windows[i];
            if f64::from(window) * SLOT_S * 2.0 > self.age {
                break;
            }
            let from = (now + 1).saturating_sub(window).max(fresh);
            let slots = (now + 1).saturating_sub(from);
            let counted = self.sides.counted(spot.side, spot.key, from, |key| bad.contains(&key));
            if slots == 0 || counted.of_value < least {
                continue;
            }
            let mut usual = self.usual(spot.side, spot.key, slots)?;
            if usual.values < VALUES {
                return None;
            }
            let of_bad: f64 =
                bad.iter().filter_map(|&key| self.usual(spot.side, key, slots)).map(|bad| bad.share).sum();
            usual.share = among_the_rest(usual.share, of_bad);
            let (failures, of) = (counted.of_value as f64, counted.of_all as f64);
            let ln_p = ln_share(failures, of, &usual);
            if ln_p > threshold.ln() {
                continue;
            }
            let (ln_p_rate, expected_by_rate) = self.ln_rate(failures, slots, &usual);
            if ln_p_rate <= RATE_P.ln() {
                let window_s = self.seconds(slots);
                let (share, samples) = (usual.share, usual.samples + of);
                return Some(Verdict {
                    ln_p,
                    ln_p_rate,
                    threshold,
                    failures,
                    of,
                    share,
                    expected_by_rate,
                    samples,
                    window_s,
                    slots,
                });
            }
        }
        None
    }

    fn usual(&mut self, side: u64, key: u64, slots: u32) -> Option<side::Usual> {
        let owned = self.owned.owns(key, self.exposure.slot());
        self.sides.usual(side, key, slots, &self.exposure, owned)
    }

    /// ln of the chance of so many failures at 1.5 times the value's rate, on the clock that finds them likeliest, and the
    /// number expected by the first.
    fn ln_rate(&self, failures: f64, slots: u32, usual: &side::Usual) -> (f64, f64) {
        let past = self.exposure.past();
        let window = self.exposure.window(slots, self.seconds_of_slot());
        let tail = |exposure: f64, window: f64| {
            gamma_poisson::ln_tail_dispersed(failures, usual.learned * FACTOR, usual.dispersion, exposure, window)
        };
        let expected = (usual.learned + 0.5) * window.seconds.max(1.0) / past.seconds.max(1.0);
        (tail(past.seconds, window.seconds.max(1.0)).max(tail(past.events, window.events)), expected)
    }

    fn seconds_of_slot(&self) -> f64 {
        self.age - f64::from(self.exposure.slot()) * SLOT_S
    }

    fn seconds(&self, slots: u32) -> f64 {
        self.exposure.window(slots, self.seconds_of_slot()).seconds.max(1.0)
    }

    /// Tells burst of the failures of this value.
    pub(super) fn tell_aside(&mut self, spot: Spot, report: &mut Report<'_>) {
        report.aside.slots = self.sides.slots_of(spot.side, spot.key);
    }

    /// Tells burst of the values of this module that have too many of its failures, if not so surely that an incident
    /// could open: as a whole the module must have too many without them.
    pub(super) fn tell_suspects(&mut self, spot: Spot, report: &mut Report<'_>) {
        let (by_value, total) = self.sides.by_value(spot.side);
        if total < SUSPECT_OF {
            return;
        }
        let (longest, mut aside) = (self.longest, Aside::default());
        let mut rest = f64::from(total);
        for (key, count) in by_value {
            if count < 2 {
                break;
            }
            let Some(usual) = self.usual(spot.side, key, longest) else { continue };
            // The next is compared with those that are left.
            let share = among_the_rest(usual.share, aside.share);
            if usual.values < VALUES || binomial::ln_tail(count.into(), rest, share) > SUSPECT_P.ln() {
                break;
            }
            aside.slots.extend(self.sides.slots_of(spot.side, key));
            aside.share += usual.share;
            rest -= f64::from(count);
        }
        // Of several dimensions that of most failures: they overlap, and may not be taken out twice.
        if aside.since(0) > report.aside.since(0) {
            aside.share = aside.share.min(1.0);
            report.aside = aside;
        }
    }

    /// Ends the incidents that are over.
    pub(super) fn check(&mut self, now: Timestamp, report: &mut Report<'_>) {
        let slot = self.exposure.slot();
        let from = std::mem::replace(&mut self.checked, slot);
        for (place, mut open) in self.open.clone() {
            if slot > from {
                self.watch(&mut open, from, slot);
            }
            let gap = open.heard.seconds_since(open.began).max(0.0) / open.failures.max(1) as f64;
            let unheard = now.seconds_since(open.heard) > UNHEARD_S.max(UNHEARD_GAPS * gap);
            let over = open.calm >= CALM_IN_A_ROW && open.page.is_over(SLOTS_OF_A_DAY);
            if over || unheard || !report.incidents.is_open(open.id) {
                report.incidents.resolve(open.id, now, report.findings);
                self.open.remove(&place);
                for spot in &open.spots {
                    self.owned.own(spot.key, slot, slot);
                }
            } else {
                self.open.insert(place, open);
            }
        }
    }

    /// The slots from `from` to the one before `slot` have ended: has the value come back to usual in them?
    fn watch(&mut self, open: &mut Open, from: u32, slot: u32) {
        let passed = f64::from(slot - from);
        let calm = CALM_SLOTS.min(self.longest);
        let (mut failures, mut recent, mut usual) = (0, 0, None::<side::Usual>);
        for spot in open.spots.clone() {
            let mut since = |from| self.sides.counted(spot.side, spot.key, from, |_| false).of_value;
            failures += since(from).saturating_sub(since(slot));
            recent += since((slot + 1).saturating_sub(calm));
            if let Some(of_spot) = self.usual(spot.side, spot.key, calm) {
                let sum = usual.get_or_insert(side::Usual { learned: 0.0, dispersion: 1.0, ..of_spot });
                sum.learned += of_spot.learned;
                sum.dispersion = sum.dispersion.max(of_spot.dispersion);
            }
        }
        let Some(usual) = usual else {
            // Evicted: over for whoever watches it.
            open.calm = CALM_IN_A_ROW;
            open.page = Page::ended();
            return;
        };
        let expected = (usual.learned + 0.5) * passed * SLOT_S / self.exposure.past().seconds.max(1.0);
        let heard = f64::from((open.heard_slot + 1).saturating_sub(open.first_slot).max(1));
        let going = open.failures as f64 / heard * passed;
        if going <= FACTOR * expected {
            // What it was is usual by now.
            open.page = Page::ended();
        }
        open.page.add(failures as f64, expected, going, usual.dispersion);
        let looks_usual = self.ln_rate(recent as f64, calm, &usual).0 > CALM_P.ln();
        open.calm = if looks_usual { open.calm + (slot - from) } else { 0 };
    }
}

/// A value's share of what is left when values with `others` of it are taken out.
fn among_the_rest(share: f64, others: f64) -> f64 {
    (share / (1.0 - others).max(f64::EPSILON)).min(1.0)
}

/// ln of the chance that so many of the failures sit on one value, over all values.
fn ln_share(failures: f64, of: f64, usual: &side::Usual) -> f64 {
    binomial::ln_tail_dispersed(failures, of, usual.share, usual.dispersion) + f64::from(usual.values).ln()
}
