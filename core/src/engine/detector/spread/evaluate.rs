//! Tests whether a value has too many failures, which values are only suspect, and when an incident
//! is over.

use super::*;
use crate::engine::detector::first_minutes::FirstMinutes;
use crate::engine::finding::{NearMiss, Reason};
use crate::engine::stats::binomial;

/// By its rate alone, a value has too many failures below this chance.
const RATE_P: f64 = 1e-3;
/// A value is suspect below this chance, tested alone and as if failures never clumped: a suspect
/// too many does no harm.
pub(super) const SUSPECT_P: f64 = 0.05;
/// Fewest failures of a module with suspects.
const SUSPECT_OF: u32 = 3;

impl Spread {
    /// The first window in which this value has too many of its module's failures.
    pub(super) fn test(&mut self, spot: CellKey, settings: SpreadSettings) -> Option<Verdict> {
        if self.sides.recent_of(spot.key) < settings.min_failures {
            return None;
        }
        let bad = self.bad(spot.side);
        let rate_p = self.rate_p(settings);
        for i in 0..self.windows.len() {
            if i > 0 && f64::from(self.windows[i - 1]) * SLOT_S > self.age {
                // The window before was all of the stream.
                break;
            }
            let found = self.weigh(spot, settings, self.windows[i], &bad);
            if found.is_some_and(|found| found.rejects(rate_p)) {
                return found;
            }
        }
        None
    }

    /// No window has too many: reports those that nearly have.
    #[cold]
    pub(super) fn near_miss(
        &mut self,
        event: &Event<'_>,
        number: usize,
        spot: CellKey,
        settings: SpreadSettings,
        report: &mut Report<'_>,
    ) {
        let bad = self.bad(spot.side);
        for i in 0..self.windows.len() {
            let Some(verdict) = self.weigh(spot, settings, self.windows[i], &bad) else { continue };
            report.near_miss(verdict.ln_p, verdict.threshold, |ln_p, threshold| {
                let value = self.dimensions[number].text_of(&event.fields).unwrap_or_default();
                let module = event.fields.text(Role::Module).unwrap_or_default();
                let Verdict { failures, of, usual, window_s, expected_by_rate, .. } = verdict;
                let expected_by_rate = (ln_p <= threshold.ln()).then_some(expected_by_rate);
                NearMiss {
                    detector: DetectorName::Spread,
                    kind: "value",
                    key: format!("{value} {module}"),
                    ln_p,
                    threshold,
                    why: Reason::Failures { failures, of, window_s, expected: usual.share * of, expected_by_rate },
                }
            });
        }
    }

    /// The values of a module with an open incident, which no value is compared with.
    fn bad(&self, side: u64) -> Vec<u64> {
        self.open_spots.of(side).iter().map(|other| other.key).collect()
    }

    /// How unlikely this value's failures in a window are; none where there are too few to test.
    fn weigh(&mut self, spot: CellKey, settings: SpreadSettings, window: u32, bad: &[u64]) -> Option<Verdict> {
        let (now, least) = (self.exposure.slot(), u64::from(settings.min_failures));
        let from = (now + 1).saturating_sub(window).max(self.open.attributed().fresh_from(spot.key));
        let slots = (now + 1).saturating_sub(from);
        let counted = self.sides.counted(spot.side, spot.key, from, |key| bad.contains(&key));
        if slots == 0 || counted.of_value < least {
            return None;
        }
        let mut usual = self.usual(spot.side, spot.key, slots)?;
        if usual.values < VALUES {
            return None;
        }
        let of_bad: f64 = bad.iter().filter_map(|&key| self.usual(spot.side, key, slots)).map(|bad| bad.share).sum();
        usual.share = among_the_rest(usual.share, of_bad);
        let (failures, of) = (counted.of_value as f64, counted.of_all as f64);
        let threshold = settings.threshold.unwrap_or(self.threshold);
        let mut verdict = Verdict {
            ln_p: ln_share(failures, of, &usual),
            threshold,
            failures,
            of,
            usual,
            samples: usual.samples + of,
            window_s: self.seconds(slots),
            slots,
            ..Verdict::default()
        };
        if verdict.ln_p <= threshold.ln() {
            verdict.rate = self.rate(&[spot], slots, &usual, of);
            verdict.ln_p_rate = verdict.rate.ln_p(failures, FACTOR, 1.0, 0.0);
            verdict.expected_by_rate = expected_by(&verdict.rate);
        }
        Some(verdict)
    }

    fn usual(&mut self, side: u64, key: u64, slots: u32) -> Option<Usual> {
        let owned = self.open.attributed().owns(key, self.exposure.slot());
        self.sides.usual(side, key, slots, &self.exposure, owned)
    }

    /// The chance below which a value has too many failures by its own rate: in a young stream, of
    /// which little was learned, that of the other test.
    pub(super) fn rate_p(&self, settings: SpreadSettings) -> f64 {
        let is_young = self.age < f64::from(2 * self.longest) * SLOT_S;
        if is_young { settings.threshold.unwrap_or(self.threshold) } else { RATE_P }
    }

    /// The rate of one value, in one module or several, over a window with `of` failures of its
    /// module.
    fn rate(&mut self, spots: &[CellKey], slots: u32, usual: &Usual, of: f64) -> UsualRate {
        let mut past = self.exposure.past();
        let window = self.exposure.window(slots, self.seconds_of_slot());
        let (mut learned, mut first) = (usual.learned, FirstMinutes::default());
        if FirstMinutes::last_at(self.age) {
            let own: f64 = spots.iter().map(|spot| self.own_events(*spot, slots)).sum();
            first = FirstMinutes::new(self.age, own, None);
        }
        let before = self.early(spots, slots);
        if before > 0 {
            let all = self.exposure.window(slots + before, self.seconds_of_slot());
            past.seconds += all.seconds - window.seconds;
            past.events += all.events - window.events;
            let from = self.exposure.slot() + 1 - slots;
            for spot in spots {
                let since = |from| self.sides.counted(spot.side, spot.key, from, |_| false);
                let (earlier, lately) = (since(from - before), since(from));
                let of_value = (earlier.of_value - lately.of_value) as f64;
                learned += of_value.max(usual.share * (earlier.of_all - lately.of_all) as f64);
            }
        }
        let clocks = [(past.seconds, window.seconds.max(1.0)), (past.events, window.events)];
        let clocks = clocks.map(|(past, window)| (past.max(first.least_past(window)), window));
        UsualRate { learned, dispersion: usual.dispersion(of), clocks, first }
    }

    /// The slots in front of a window that belong to no incident, while the stream is too young for
    /// what has left the longest window to be its past.
    fn early(&self, spots: &[CellKey], slots: u32) -> u32 {
        if self.age >= f64::from(3 * self.longest) * SLOT_S {
            return 0;
        }
        let fresh = spots.iter().map(|spot| self.open.attributed().fresh_from(spot.key)).max().unwrap_or(0);
        let seen = (self.exposure.slot() + 1).saturating_sub(fresh);
        seen.min(self.longest).saturating_sub(slots)
    }

    /// About how many events the value had in the last `slots` slots.
    fn own_events(&mut self, spot: CellKey, slots: u32) -> f64 {
        let from = (self.exposure.slot() + 1).saturating_sub(slots);
        let failures = self.sides.counted(spot.side, spot.key, from, |_| false).of_value;
        let healthy = self.sides.healthy(spot.key, slots, self.exposure.slot());
        failures as f64 + f64::from(self.one_in) * healthy as f64
    }

    pub(super) fn seconds_of_slot(&self) -> f64 {
        self.age - f64::from(self.exposure.slot()) * SLOT_S
    }

    pub(super) fn seconds(&self, slots: u32) -> f64 {
        self.exposure.window(slots, self.seconds_of_slot()).seconds.max(1.0)
    }

    /// Tells later detectors which values of this module may have too many of its failures, though
    /// not surely enough for an incident: the module as a whole must have too many without them.
    pub(super) fn tell_suspects(&mut self, spot: CellKey, report: &mut Report<'_>) {
        let mut aside = self.suspects(spot.side);
        self.add_seldom_suspect(spot, &mut aside);
        // Of several dimensions the one with most failures is told: they overlap, and no failure
        // may be taken out twice.
        let told = report.actions().localized.as_ref().map_or(0, |told| told.since(0));
        if aside.since(0) > told {
            aside.share = aside.share.min(1.0);
            report.localize(aside);
        }
    }

    /// The suspects of the longest window.
    fn suspects(&mut self, side: u64) -> LocalizedFailures {
        let (by_value, total) = self.sides.by_value(side);
        let (longest, mut aside) = (self.longest, LocalizedFailures::default());
        if total < SUSPECT_OF {
            return aside;
        }
        let mut rest = f64::from(total);
        for (key, count) in by_value {
            if count < 2 {
                break;
            }
            let Some(usual) = self.usual(side, key, longest) else { continue };
            // The next value is compared with the values that are left.
            let share = among_the_rest(usual.share, aside.share);
            if usual.values < VALUES || binomial::ln_tail(count.into(), rest, share) > SUSPECT_P.ln() {
                break;
            }
            aside.slots.extend(self.sides.slots_of(side, key));
            aside.share += usual.share;
            rest -= f64::from(count);
        }
        aside
    }

    /// Ends the incidents that are over.
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
                for spot in &open.spots {
                    self.open_spots.remove(*spot);
                    self.open.attribute(spot.key, slot, slot);
                }
            } else {
                self.open.go_on(place, open.ending.deadline());
                self.open.update(place, open);
            }
        }
    }

    /// Tells the end of the incident what the slots from `from` to the one before `slot` have
    /// shown.
    fn watch(&mut self, open: &mut OpenValue, from: u32, slot: u32) {
        let passed = f64::from(slot - from);
        let calm = CALM_SLOTS.min(self.longest).min(slot + 1);
        let (mut failures, mut recent, mut of, mut usual) = (0, 0, 0, None::<Usual>);
        for spot in open.spots.clone() {
            let since = |from| self.sides.counted(spot.side, spot.key, from, |_| false);
            failures += since(from).of_value.saturating_sub(since(slot).of_value);
            let lately = since((slot + 1).saturating_sub(calm));
            (recent, of) = (recent + lately.of_value, of.max(lately.of_all));
            if let Some(of_spot) = self.usual(spot.side, spot.key, calm) {
                let sum = usual.get_or_insert(Usual { learned: 0.0, correlation: 0.0, ..of_spot });
                sum.learned += of_spot.learned;
                sum.correlation = sum.correlation.max(of_spot.correlation);
                sum.clump = sum.clump.max(of_spot.clump);
            }
        }
        let Some(usual) = usual else {
            open.ending.end();
            return;
        };
        let a_second = (usual.learned + 0.5) / self.exposure.past().seconds.max(1.0);
        let expected = open.seldom.unwrap_or(a_second) * passed * SLOT_S;
        open.ending.watch(Passed {
            slots: slot - from,
            failures: failures as f64,
            usual: expected,
            dispersion: usual.dispersion(of as f64),
            calm: self.rate(&open.spots, calm, &usual, of as f64).ln_p(recent as f64, FACTOR, 1.0, 0.0) > CALM_P.ln(),
        });
    }
}

/// A value's share among the rest, when values with the share `others` are taken out.
fn among_the_rest(share: f64, others: f64) -> f64 {
    (share / (1.0 - others).max(f64::EPSILON)).min(1.0)
}

/// How many failures are expected in the window by a value's own rate.
pub(super) fn expected_by(rate: &UsualRate) -> f64 {
    let (past, window) = rate.clocks[0];
    (rate.learned + 0.5) * window / past.max(1.0)
}

/// ln of the chance that so many of the failures sit on one value, over all values.
pub(super) fn ln_share(failures: f64, of: f64, usual: &Usual) -> f64 {
    binomial::ln_tail_dispersed(failures, of, usual.share, usual.dispersion(of)) + f64::from(usual.values).ln()
}

impl Verdict {
    /// True when both tests reject, the one of the rate at `rate_p`.
    pub(super) fn rejects(&self, rate_p: f64) -> bool {
        self.ln_p <= self.threshold.ln() && self.ln_p_rate <= rate_p.ln()
    }
}
