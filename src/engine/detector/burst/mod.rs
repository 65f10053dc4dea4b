//! Too many errors: a module, one of its texts, an error code, or all of them together.
//!
//! An error is an event at level ERROR or worse or with a failing status (5xx, 408, 499) that no loop explains. Errors
//! are counted in slots of 5 s by cell (`cell.rs`): per module, per module and text without numbers, per error code, and
//! overall. For windows of 10 s, 1 min and 5 min the count k of a cell is tested with a Gamma–Poisson tail whose
//! overdispersion φ the cell has learned (`stats::gamma_poisson`, `stats::dispersion`), at 1.5 times the learned rate,
//! on up to three clocks, and all must reject at the threshold:
//!
//! 1. *seconds*: errors come no more often than usual;
//! 2. *stream events*: three times the traffic brings three times the errors;
//! 3. *the module's other events*, where it has more of them than errors: so does three times this module's traffic.
//!
//! The baseline is what has left the longest window without belonging to an incident, half forgotten in an hour; a key
//! never seen before was silent in all of it. An incident owns its place's slots for a half-life at most: what goes on
//! longer is learned as the new normal.
//!
//! What one place explains is not said of another: a place has one incident at a time; error codes and the overall cell
//! must reject without their strongest module and without modules that have or had an incident in the windows; where
//! one of three or more hosts has more errors than its share of the module's traffic (binomial, p < 0.05), the module
//! must reject without it, since one host's errors belong to the spread detector.
//!
//! An incident resolves when for six slots in a row the window that showed it (a minute at least) looks usual
//! (p > 0.01), or when it has had no error for two minutes.
//!
//! Time is the stream's without its stalls (`Moment::running`); late events join nothing. Memory: a cell has 150 bytes,
//! and 8 bytes for each slot and host (32 at most) with errors in the last five minutes; a module has 400 bytes; cells,
//! modules and hosts are capped each. Cold start: silent for `warm_up_s` of stream.
//!
//! Severity is critical where a FATAL event is involved, or with 20 errors or more that are 10 times the expected; a burst
//! that begins smaller is raised when it gets there.

mod cell;
mod judge;
mod opening;
mod places;
mod traffic;

use super::text_without_numbers::TextWithoutNumbers;
use super::{Detector, Event, Report, RestoreError, TableUse, pack, unpack};
use crate::engine::clock::Moment;
use crate::engine::finding::{DetectorName, Severity};
use crate::engine::state::{Table, TableSnapshot};
use crate::engine::stats::exposure::Exposure;
use crate::engine::stats::{binomial, gamma_poisson};
use crate::event::{Level, Role, Timestamp};
use cell::{Cell, NO_GROUP};
use places::{Open, Places};
use serde::{Deserialize, Serialize};
use traffic::{Traffic, TrafficSnapshot};
use xxhash_rust::xxh3::xxh3_64;

/// A burst is more than this many times the usual.
const FACTOR: f64 = 1.5;
/// A host is over-represented below this chance, over all hosts of the module.
const HOST_P: f64 = 0.05;
/// Fewest events other than errors that a module must have had to be a clock of its own.
const OTHERS: f64 = 50.0;
/// A slot of an open burst looks usual above this chance…
const CALM_P: f64 = 0.01;
/// …over windows of at least a minute…
const CALM_SLOTS: u32 = 12;
/// …and this many in a row end it.
const CALM_IN_A_ROW: u32 = 6;
/// Seconds without an error that end it whatever the windows say.
const UNHEARD_S: f64 = 120.0;
/// Seconds in which baselines forget half.
const HALF_LIFE_S: f64 = 3_600.0;
/// The place of the overall cell.
const ALL: u32 = u32::MAX;
/// Tells keys of cells of different scopes apart.
const SALTS: [u64; 4] = [0x6D6F_6475_6C65, 0x7465_7874_2D2D, 0x636F_6465_2D2D, 0x616C_6C2D_2D2D];

/// What a user can set.
#[derive(Clone, Debug, PartialEq)]
pub struct BurstOptions {
    /// Off means that it watches nothing.
    pub enabled: bool,
    /// False-alarm probability of one test.
    pub threshold: f64,
    /// Lengths of the windows in seconds, ascending.
    pub windows_s: Vec<f64>,
    /// Seconds of a slot, the grain of windows and hysteresis.
    pub slot_s: f64,
    /// Fewest errors of a burst.
    pub min_errors: u32,
    /// Seconds of stream before it judges.
    pub warm_up_s: f64,
    /// Most cells, modules and hosts held, each.
    pub keys: usize,
}

impl Default for BurstOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 1e-8,
            windows_s: vec![10.0, 60.0, 300.0],
            slot_s: 5.0,
            min_errors: 5,
            warm_up_s: 600.0,
            keys: 100_000,
        }
    }
}

/// The detector.
#[derive(Debug)]
pub struct Burst {
    options: BurstOptions,
    /// Lengths of the windows in slots, ascending.
    windows: Vec<u32>,
    /// The longest of them: when a slot leaves it, it joins the baseline.
    longest: u32,
    /// Seconds that the stream has run.
    age: f64,
    exposure: Exposure,
    traffic: Traffic,
    cells: Table<Cell>,
    /// Cells with errors in some window.
    active: Vec<Spot>,
    places: Places,
    /// The slot in which open bursts were last looked at.
    checked: u32,
    text: TextWithoutNumbers,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    windows: Vec<u32>,
    age: f64,
    exposure: Exposure,
    traffic: TrafficSnapshot,
    cells: TableSnapshot<Cell>,
    active: Vec<Spot>,
    places: Places,
    checked: u32,
}

/// What a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Scope {
    Module,
    Text,
    Code,
    All,
}

impl Scope {
    /// Its errors come from several modules, and are grouped by them; the others' by hosts.
    fn is_wide(self) -> bool {
        matches!(self, Self::Code | Self::All)
    }
}

/// Where an error is counted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Spot {
    scope: Scope,
    /// The key of the cell.
    cell: u64,
    /// Whose incident it would be.
    place: u32,
    /// The module, of cells of one module.
    module: Option<u64>,
}

/// A window that is no longer usual.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    ln_p: f64,
    errors: f64,
    /// Errors expected in the window.
    expected: f64,
    window_s: f64,
    slots: u32,
    /// Events that the test rests on.
    samples: f64,
    fatal: bool,
}

/// 32 bits of a hash, for groups and places.
fn fold(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// Failed by its status: the server's fault, or a time that ran out.
fn fails(status: Option<u16>) -> bool {
    matches!(status, Some(408 | 499 | 500..=599))
}

impl Burst {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new(options: BurstOptions) -> Self {
        let windows: Vec<u32> =
            options.windows_s.iter().map(|seconds| ((seconds / options.slot_s).round() as u32).max(1)).collect();
        let longest = windows.iter().copied().max().unwrap_or(1);
        Self {
            longest,
            windows,
            age: 0.0,
            exposure: Exposure::new(longest, options.slot_s, HALF_LIFE_S),
            traffic: Traffic::new(options.keys, longest),
            cells: Table::new(options.keys),
            active: Vec::new(),
            places: Places::default(),
            checked: 0,
            text: TextWithoutNumbers::default(),
            options,
        }
    }

    fn slot_at(&self, age: f64) -> u32 {
        (age / self.options.slot_s) as u32
    }

    /// A new slot begins: what the windows have left behind joins the baselines.
    #[cold]
    fn roll(&mut self, to: u32) {
        self.exposure.roll(to);
        let owned_slots = (HALF_LIFE_S / self.options.slot_s) as u32;
        for (place, open) in &self.places.open.clone() {
            if to.saturating_sub(open.slot) <= owned_slots {
                self.places.own(*place, open.slot, to);
            }
        }
        let mut active = std::mem::take(&mut self.active);
        active.retain(|spot| {
            self.settle(spot);
            let Some(cell) = self.cells.get_mut(spot.cell) else { return false };
            cell.active = !cell.is_silent() || self.places.open.get(&spot.place).is_some_and(|o| o.cell == spot.cell);
            cell.active
        });
        self.active = active;
        self.places.forget_before(to.saturating_sub(2 * self.longest));
    }

    fn settle(&mut self, spot: &Spot) {
        let Some(cell) = self.cells.get_mut(spot.cell) else { return };
        let (places, now) = (&self.places, self.exposure.slot());
        let going =
            places.open.get(&spot.place).is_some_and(|open| open.cell == spot.cell) && places.owns(spot.place, now);
        cell.settle(&self.exposure, self.longest, going, |slot, group| {
            places.owns(spot.place, slot.number) || (spot.scope.is_wide() && places.owns(group, slot.number))
        });
    }

    /// The cells that an error is counted in.
    fn spots(&mut self, event: &Event<'_>) -> [Option<Spot>; 4] {
        let module = event.fields.look().module_hash;
        let place = fold(module);
        let narrow = |scope, hash: u64| Spot { scope, cell: hash ^ SALTS[scope as usize], place, module: Some(module) };
        let text = event.fields.raw(Role::Message).map(|message| {
            self.text.read(message, module);
            narrow(Scope::Text, self.text.hash)
        });
        let code = event.fields.raw(Role::ErrorCode).map(|code| {
            let cell = xxh3_64(code) ^ SALTS[Scope::Code as usize];
            Spot { scope: Scope::Code, cell, place: fold(cell), module: None }
        });
        let all = Spot { scope: Scope::All, cell: SALTS[Scope::All as usize], place: ALL, module: None };
        [Some(narrow(Scope::Module, module)), text, code, Some(all)]
    }

    /// Counts an error, and asks whether there are too many.
    fn count(&mut self, event: &Event<'_>, host: u32, report: &mut Report<'_>) {
        let look = event.fields.look();
        let now = self.exposure.slot();
        let fatal = look.level == Some(Level::Fatal);
        let module = fold(look.module_hash);
        let spots = self.spots(event);
        let code_is_open = spots[Scope::Code as usize].is_some_and(|spot| self.places.is_open(spot.place));
        for spot in spots.iter().flatten() {
            if spot.scope == Scope::All && code_is_open {
                continue;
            }
            let exposure = &self.exposure;
            let cell = self.cells.touch(spot.cell, || Cell::new(exposure));
            if !std::mem::replace(&mut cell.active, true) {
                self.active.push(*spot);
                self.settle(spot);
            }
            if let Some(cell) = self.cells.get_mut(spot.cell) {
                cell.add(now, if spot.scope.is_wide() { module } else { host }, fatal);
            }
        }
        let joined = self.join(event, &spots, report);
        if joined || self.age < self.options.warm_up_s || self.places.is_open(ALL) {
            return;
        }
        for spot in spots.iter().flatten() {
            if self.places.is_open(spot.place) {
                continue;
            }
            if let Some(verdict) = self.test(spot) {
                self.open(event, spot, &verdict, report);
                return;
            }
        }
        if report.wants_near_misses() {
            self.near_miss(event, &spots, report);
        }
    }

    /// Adds the error to the open burst that it belongs to, if there is one.
    fn join(&mut self, event: &Event<'_>, spots: &[Option<Spot>; 4], report: &mut Report<'_>) -> bool {
        if self.places.open.is_empty() {
            return false;
        }
        let now = event.moment.now;
        for spot in spots.iter().flatten() {
            let Some(open) = self.places.open.get_mut(&spot.place) else { continue };
            if open.cell != spot.cell {
                continue;
            }
            open.heard = now;
            let (began, rate) = (open.began, open.expected);
            let level = event.fields.level().max(Some(Level::Error));
            open.errors += 1;
            let expected = rate * now.seconds_since(began);
            if opening::is_critical(level == Some(Level::Fatal), open.errors as f64, expected) {
                report.incidents.raise(open.id, Severity::Critical);
            }
            report.incidents.join(open.id, 1, level, now, report.findings, |evidence, said, count| {
                opening::go_on(evidence, said, count, now.seconds_since(began).max(1.0), rate);
            });
            return true;
        }
        false
    }

    fn open(&mut self, event: &Event<'_>, spot: &Spot, verdict: &Verdict, report: &mut Report<'_>) {
        let (now, slot) = (event.moment.now, self.exposure.slot());
        let opening = opening::opening(&event.fields, &self.options, spot.scope, verdict);
        let id = report.incidents.open(opening, now, report.findings);
        let open = Open {
            id,
            cell: spot.cell,
            module: spot.module,
            slot,
            slots: verdict.slots,
            began: now.saturating_add_nanos(-(verdict.window_s * 1e9) as i64),
            expected: verdict.expected / verdict.window_s.max(1.0),
            heard: now,
            calm: 0,
            errors: verdict.errors as u64,
        };
        self.places.open.insert(spot.place, open);
        let from = slot + 1 - verdict.slots.min(slot + 1);
        self.places.own(spot.place, from, slot);
        if spot.scope == Scope::Code {
            // The overall cell has counted the same errors.
            self.places.own(ALL, from, slot);
        }
    }
}

impl Detector for Burst {
    fn name(&self) -> DetectorName {
        DetectorName::Burst
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, report: &mut Report<'_>) {
        if event.moment.outside {
            return;
        }
        let look = event.fields.look();
        self.age = event.moment.running;
        let slot = self.slot_at(self.age);
        if slot > self.exposure.slot() {
            self.roll(slot);
        }
        self.exposure.add();
        let failed = look.level >= Some(Level::Error) || fails(event.fields.status());
        let host = || event.fields.raw(Role::Host).map_or(NO_GROUP, |host| fold(xxh3_64(host)));
        self.traffic.count(look.module_hash, failed, &self.exposure, || u64::from(host()));
        if failed && !report.explained {
            self.count(event, host(), report);
        }
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        self.age = moment.running;
        let slot = self.slot_at(self.age);
        if slot > self.exposure.slot() {
            self.roll(slot);
        }
        if !self.places.open.is_empty() {
            self.check(moment.now, report);
        }
        self.checked = self.exposure.slot();
    }

    fn snapshot(&self) -> Vec<u8> {
        pack(&Kept {
            windows: self.windows.clone(),
            age: self.age,
            exposure: self.exposure.clone(),
            traffic: self.traffic.snapshot(),
            cells: self.cells.snapshot(),
            active: self.active.clone(),
            places: self.places.clone(),
            checked: self.checked,
        })
    }

    fn restore(&mut self, kept: &[u8]) -> Result<(), RestoreError> {
        let kept: Kept = unpack(kept)?;
        if kept.windows != self.windows {
            return Err(RestoreError("the windows of the burst detector were others".into()));
        }
        self.age = kept.age;
        self.exposure = kept.exposure;
        self.traffic.restore(kept.traffic);
        self.cells.restore(kept.cells);
        self.active = kept.active;
        self.places = kept.places;
        self.checked = kept.checked;
        Ok(())
    }

    fn tables(&self) -> Vec<TableUse> {
        let cells = ("burst_cells", self.cells.len() as u64, self.cells.evictions());
        let tables = self.traffic.tables().into_iter().chain([cells]);
        tables.map(|(table, keys, evictions)| TableUse { table, keys, evictions }).collect()
    }
}

#[cfg(test)]
mod tests;
