//! A failure is counted in every dimension, and joins an incident, opens one or makes a value
//! suspect. One event in about eight is counted besides, whether it failed or not, and of a slow
//! stream every event: shares are learned from these.

use super::*;

/// One event in so many at most is counted by value, on average: shares need no more, and the
/// others cost nothing.
pub(super) const SAMPLE: u32 = 8;
/// One event a second is enough; where fewer come, all are counted.
const SAMPLES_A_SECOND: f64 = 1.0;
/// Modules that can join one incident.
const MODULES: usize = 64;

impl Spread {
    /// Where the event's value of dimension `number` is counted.
    fn spot(&self, number: usize, fields: &Fields<'_>) -> Option<CellKey> {
        let value = self.dimensions[number].hash_of(fields)?;
        let salt = number as u64 + 1;
        let side = fields.parsed().module_hash ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Some(CellKey { side, key: side ^ value.rotate_left(17), place: value ^ salt.rotate_right(8) })
    }

    /// Counts an event that shares are learned from, in every dimension.
    #[cold]
    pub(super) fn sample(&mut self, fields: &Fields<'_>, failed: bool) {
        let lately = self.exposure.window(BLOCK_SLOTS, SLOT_S);
        self.one_in = (lately.events / (lately.seconds * SAMPLES_A_SECOND)).clamp(1.0, f64::from(SAMPLE)) as u32;
        // A step of a congruential generator (Knuth's MMIX): 1 to 15 events of a fast stream, so
        // that no period of the stream fits.
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.until = (1 + (self.dice >> 33) % u64::from(2 * self.one_in - 1)) as u32;
        for number in 0..self.dimensions.len() {
            if let Some(spot) = self.spot(number, fields) {
                self.sides.sample(spot.side, spot.key, failed, self.exposure.slot());
            }
        }
    }

    /// Counts a failure in every dimension, and tests whether its value has too many.
    pub(super) fn count(&mut self, event: &Event<'_>, report: &mut Report<'_>) {
        let now = self.exposure.slot();
        let mut settings: Option<SpreadSettings> = None;
        for number in 0..self.dimensions.len() {
            let Some(spot) = self.spot(number, &event.fields) else { continue };
            if settings.is_none() {
                let (_, value) = self.sides.value(spot.side, spot.key, now);
                settings = Some(*self.settings.of(&mut value.choice, &event.fields));
            }
            let Some(settings) = settings else { continue };
            if !settings.enabled || !failure::is_failure(&event.fields, settings.level) {
                return;
            }
            self.sides.fail(spot.side, spot.key, now, self.exposure.total());
            self.activate(spot.side);
            self.judge(event, number, spot, settings, report);
        }
    }

    /// Makes a module with a failure in a dimension active, so that it is settled whenever
    /// something leaves its windows.
    fn activate(&mut self, side: u64) {
        let attributed = self.open.attributed();
        let due = self.sides.activate(side, &self.exposure, |key, slot| attributed.owns(key, slot));
        let Some(due) = due else { return };
        self.active.put(due, side);
        if self.active.len() > 2 * self.sides.modules() + 1_000 {
            // Modules that were evicted leave entries behind in the schedule.
            let sides = &self.sides;
            self.active.retain(|due, side| sides.is_due(*side, due));
        }
    }

    /// Joins the failure to its value's incident, or opens one; otherwise tells later detectors the
    /// suspects of its module.
    fn judge(
        &mut self,
        event: &Event<'_>,
        number: usize,
        spot: CellKey,
        settings: SpreadSettings,
        report: &mut Report<'_>,
    ) {
        for other in self.open_spots.of(spot.side) {
            if let Some(open) = self.open.get_mut(other.place) {
                open.of += 1;
            }
        }
        let mine = self.open.get(spot.place).map(|open| open.spots.contains(&spot));
        if mine == Some(true) {
            self.sides.clear_marks(spot.key);
            self.join(event, spot, report);
            return;
        }
        self.failures += 1.0;
        self.set_threshold();
        if self.age >= self.warm_up_s
            && !report.actions().suppress
            && let Some(verdict) = self.test(spot, settings).or_else(|| self.test_seldom(spot, settings))
        {
            let mut slots = self.sides.slots_of(spot.side, spot.key);
            slots.push(((self.exposure.slot() + 1).saturating_sub(verdict.slots), 0));
            report.localize(LocalizedFailures { slots, opened: true, ..LocalizedFailures::default() });
            report.suppress();
            self.sides.clear_marks(spot.key);
            let from = (self.exposure.slot() + 1).saturating_sub(verdict.slots);
            self.open.attribute(spot.key, from, self.exposure.slot());
            match self.open.get_mut(spot.place) {
                Some(open) if open.spots.len() < MODULES => {
                    open.spots.push(spot);
                    self.open_spots.insert(spot);
                    self.join(event, spot, report);
                }
                Some(_) => {}
                None => self.open(event, number, spot, &verdict, report),
            }
            return;
        }
        if !report.actions().suppress {
            if report.wants_near_misses() && self.age >= self.warm_up_s {
                self.near_miss(event, number, spot, settings, report);
            }
            self.tell_suspects(spot, report);
        }
    }

    /// Adds the failure to an open incident.
    fn join(&mut self, event: &Event<'_>, spot: CellKey, report: &mut Report<'_>) {
        report.suppress();
        let (now, slot) = (event.moment.now, self.exposure.slot());
        let Some(open) = self.open.get_mut(spot.place) else { return };
        open.ending.hear(now, slot);
        let deadline = open.ending.deadline();
        let level = event.fields.level().max(Some(Level::Error));
        if level == Some(Level::Fatal) {
            report.incidents.raise(open.id, Severity::Critical);
        }
        let (of, lasted_s) = (open.of as f64, now.seconds_since(open.ending.began).max(1.0));
        let incidents = &mut report.incidents;
        match open.usual {
            Some(usual) => incidents.join_updated(open.id, 1, level, now, report.findings, |known, count| {
                incident::go_on(known, &usual, count as f64, of, lasted_s, open.spots.len());
            }),
            // The incident comes from the state of an older version, which did not keep what is
            // usual: its evidence stays as it is.
            None => incidents.join(open.id, 1, level, now, report.findings),
        }
        self.open.go_on(spot.place, deadline);
    }

    fn open(&mut self, event: &Event<'_>, number: usize, spot: CellKey, verdict: &Verdict, report: &mut Report<'_>) {
        let (now, slot) = (event.moment.now, self.exposure.slot());
        let opening = incident::opening(&event.fields, &self.dimensions[number], verdict);
        let id = report.incidents.open(opening, event.moment.own(), report.findings);
        let ending = Ending::new(now, slot, verdict.failures, verdict.slots, verdict.window_s);
        let open = OpenValue {
            id,
            spots: vec![spot],
            slot,
            of: verdict.of as u64,
            share: verdict.usual.share,
            usual: Some(UsualOfValue::of(verdict)),
            seldom: (verdict.slots > self.longest).then(|| verdict.expected_by_rate / verdict.window_s),
            ending,
        };
        self.open.open(spot.place, id, open, ending.deadline(), report.incidents);
        self.open_spots.insert(spot);
    }
}
