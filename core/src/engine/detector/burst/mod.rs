//! Too many errors: a module, one of its templates, an error code, or all of them together.
//!
//! An error is an event at level ERROR or worse (`level` says from where on) or with a failing
//! status (`failure.rs`) that no open incident of a loop or of a bad value explains. Errors are
//! counted in slots of 5 s by cell (`cell.rs`): per module, per module and template, per error
//! code, and overall. For windows of 10 s, 1 min and 5 min the count k of a cell is tested with a
//! Gamma–Poisson tail whose overdispersion φ the cell has learned (`stats::gamma_poisson`,
//! `stats::dispersion`), at 1.5 times the learned rate, on up to three clocks, and all must reject
//! at the threshold:
//!
//! 1. *seconds*: errors come no more often than usual;
//! 2. *stream events*: three times the traffic brings three times the errors;
//! 3. *the module's other events*, where it has more of them than errors: so does three times this
//!    module's traffic.
//!
//! Where events tell a status, the module's failures among them are tested a fourth way, on the
//! clock of its requests alone (kind `share`): of a tenth of the traffic as many failures as ever
//! are ten times the share.
//!
//! The threshold is the budget of false alarms (`stats::alarm_budget`) over the tests of a day:
//! cells and modules held × windows × slots. The baseline is what has left the longest window
//! without belonging to an incident, half forgotten in an hour; a key never seen before was silent
//! in all of it. An incident owns its place's slots for a half-life at most: what goes on longer is
//! learned as the new normal. Errors too seldom for these windows are tested in windows of a
//! module's last 8 to 128 errors (`seldom.rs`), and templates at WARN with more care
//! (`warnings.rs`).
//!
//! It judges from the first event on. While the stream is young, the slots in front of a window are
//! part of its past, and a window may be one of a noisy start (`first_minutes.rs`).
//!
//! What one place explains is not said of another: a place has one incident at a time; error codes
//! must reject without their strongest module, and all together without their two strongest, and
//! without modules that have or had an incident in the windows; what sits on one host is left out
//! as spread tells (`LocalizedFailures`); the first lines of a run of one thread, equal or as loop
//! finds it, count and open nothing until loop has had its chance at them, and are taken back once
//! it opens. A template must add to its module and an error
//! code to all errors: new texts in place of old ones after a deploy are no burst. It adds when the
//! whole has too many as well (p < 1e-4); when the module's older templates go on beside the new
//! ones, so that a small burst is seen in a module that fails all the time (half of what they used
//! to be would give as many with p < 0.01); or when the template is no new one: when it has too
//! many even for the rate at which it came since it was first seen, and twice as many as in its
//! largest minute.
//!
//! `ending.rs` says when an incident is over.
//!
//! Power, on a key that never failed before, with the default budget and up to some hundred keys:
//! seven errors within 10 s after an hour of stream; a rate of one in 10 s within the five-minute
//! window. Of a job that runs every few minutes and fails in one run of fifty, some fifteen
//! failures in twenty runs; in the first minute of a stream, all of forty events.
//!
//! Time is the stream's without its stalls (`Moment::running`); late events join nothing. Memory: a
//! cell has 250 bytes, 430 more in a module with two errors, and 24 bytes for each slot with errors
//! in the last five minutes, cells of several modules 8 more for each module (32 at most) in it; a
//! module has 300 bytes, 900 with requests; cells and modules are capped each. Cold start: the
//! prior of `first_minutes.rs`; silent for `warm_up_s` of stream where that is asked for.
//!
//! Severity is critical where a FATAL event is involved, or with 20 errors or more that are 10
//! times the expected; a burst that begins smaller is raised when it gets there.

mod active;
mod cell;
mod cell_key;
mod counting;
mod evaluate;
mod incident;
mod options;
mod seldom;
mod state;
mod text_modules;
mod traffic;
mod warnings;

use super::failure::{self, CALM_P, CALM_SLOTS, FACTOR, HALF_LIFE_S, SLOT_S, UsualNumber, UsualRate};
use super::options::SharedOptions;
use super::tracker::{Ending, IncidentTracker, Passed};
use super::{AHEAD, Detector, Event, LocalizedFailures, ModuleCounts, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::deadlines::Slotted;
use crate::engine::finding::{DetectorName, Severity};
use crate::engine::overrides::Overrides;
use crate::engine::state::{Evict, Table, Weight};
use crate::engine::stats::alarm_budget::AlarmBudget;
use crate::engine::stats::exposure::{Exposure, SecondsAndEvents};
use crate::engine::stats::failure_marks::MARK_WINDOWS;
use crate::engine::stats::gamma_poisson;
use crate::engine::template::Merge;
use crate::event::{Fields, Level, Role, Timestamp};
use cell::Cell;
use cell_key::{ALL, ALL_CELL, CellKey, EVERYWHERE, Scope, fold, spots};
use incident::{OpenBurst, UsualOfBurst};
use options::BurstSettings;
pub use options::{BurstOptions, BurstOverride};
pub use state::BurstState;
use text_modules::TextModules;
use traffic::{Share, Traffic};

/// Fewest events other than errors that a module must have had to be a clock of its own.
const OTHERS: f64 = 50.0;
/// A part adds to its whole when the whole has so many by chance only this seldom…
const WHOLE_P: f64 = 1e-4;
/// …or when what the whole used to say goes on: by half of it there would be as much only this
/// seldom.
const GOES_ON_P: f64 = 1e-2;
/// A known template outdoes itself by so many times its largest minute.
const LARGEST_TIMES: f64 = 2.0;
/// Seconds after its first sight in which a template is young.
const YOUNG_S: f64 = 600.0;
/// The group of young templates in a module's cell.
const YOUNG: u32 = 1;

/// The detector.
#[derive(Debug)]
pub struct Burst {
    settings: Overrides<BurstSettings>,
    usual: BurstSettings,
    /// The least level of an error in any module.
    least: Level,
    warm_up_s: f64,
    budget: AlarmBudget,
    /// False-alarm probability of one test, by the budget.
    threshold: f64,
    /// Lengths of the windows in slots, ascending.
    windows: Vec<u32>,
    /// The longest of them: when a slot leaves it, it joins the baseline.
    longest: u32,
    /// Seconds that the stream has run.
    age: f64,
    exposure: Exposure,
    traffic: Traffic,
    cells: Table<Cell>,
    /// Which modules have a cell of a template.
    text_modules: TextModules,
    /// Cells with errors in some window, by the slot in which something of theirs leaves it.
    active: Slotted<CellKey>,
    /// Open bursts by place (a module, an error code, or all), which has one at a time.
    open: IncidentTracker<OpenBurst>,
    /// The last slot of an incident of the overall cell, which windows of errors remember for
    /// longer than other windows see.
    everywhere: Option<u32>,
    /// The slot in which open bursts were last looked at.
    checked: u32,
}

/// A window that is no longer usual.
#[derive(Clone, Copy, Debug, Default)]
struct Verdict {
    ln_p: f64,
    threshold: f64,
    errors: f64,
    /// Errors that are usual in the window; the rate that they come from, and the share of them
    /// that is counted.
    usual: UsualNumber,
    rate: UsualRate,
    keep: f64,
    window_s: f64,
    slots: u32,
    /// Events that the test rests on.
    samples: f64,
    /// Requests in the window, for a share.
    requests: f64,
    fatal: bool,
}

impl Registered for Burst {
    type Options = BurstOptions;

    fn new(options: &BurstOptions, SharedOptions { keys, budget }: SharedOptions) -> Self {
        let windows: Vec<u32> = options.windows.iter().copied().map(failure::slots_of).collect();
        let longest = windows.iter().copied().max().unwrap_or(1);
        let settings = options.settings();
        let mut burst = Self {
            usual: options.usual(),
            least: settings.all().map(|settings| settings.level).min().unwrap_or(Level::Error),
            settings,
            warm_up_s: options.warm_up.seconds(),
            budget,
            threshold: 0.0,
            longest,
            windows,
            age: 0.0,
            exposure: Exposure::new(longest, SLOT_S, HALF_LIFE_S),
            traffic: Traffic::new(keys, longest),
            cells: Table::new(keys),
            text_modules: TextModules::new(keys),
            active: Slotted::default(),
            open: IncidentTracker::default(),
            everywhere: None,
            checked: 0,
        };
        burst.set_threshold();
        burst
    }
}

impl Burst {
    fn set_threshold(&mut self) {
        let keys = self.cells.len() as f64 + self.traffic.table().1 as f64;
        self.threshold = self.budget.threshold(keys, self.windows.len() as f64 + MARK_WINDOWS, SLOT_S);
    }

    fn go_to(&mut self, age: f64) {
        self.age = age;
        let slot = (age / SLOT_S) as u32;
        if slot > self.exposure.slot() {
            self.roll(slot);
        }
    }

    /// A new slot begins: what the windows have left behind joins the baselines.
    #[cold]
    fn roll(&mut self, to: u32) {
        self.exposure.roll(to);
        let owned_slots = (HALF_LIFE_S / SLOT_S) as u32;
        self.attribute_open(to, owned_slots);
        while let Some((due, spot)) = self.active.next(to) {
            // A cell that was evicted and came again is due in another slot.
            if self.cells.get(spot.cell).is_none_or(|cell| !cell.active || cell.due != due) {
                continue;
            }
            self.settle(&spot);
            let is_open = self.has_incident(&spot);
            let Some(cell) = self.cells.get_mut(spot.cell) else { continue };
            cell.active = !cell.is_silent() || is_open;
            if cell.active {
                self.list(&spot);
            }
        }
        self.open.forget_before(to.saturating_sub(2 * self.longest));
        self.set_threshold();
    }
}

impl Burst {
    /// Two cells are of one template from now on.
    fn merge_cells(&mut self, from: &CellKey, into: &CellKey) {
        // Both cells are decayed up to the current slot before they are added up.
        self.settle(from);
        let Some(cell) = self.cells.get_mut(from.cell) else { return };
        let moved = std::mem::replace(cell, Cell::new(&self.exposure));
        self.cell(into);
        self.settle(into);
        if let Some(cell) = self.cells.get_mut(into.cell) {
            cell.active = true;
            cell.take(moved);
        }
        if let Some(open) = self.open.get_mut(from.place.into())
            && open.spot.cell == from.cell
        {
            open.spot.cell = into.cell;
        }
        self.list(into);
    }
}

impl Detector for Burst {
    fn name(&self) -> DetectorName {
        DetectorName::Burst
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, prior: &Prior, report: &mut Report<'_>) {
        if event.moment.outside {
            return;
        }
        self.go_to(event.moment.running);
        self.exposure.add();
        let parsed = event.fields.parsed();
        let status = event.fields.status();
        let module = self.traffic.module(parsed.module_hash, self.exposure.slot());
        module.hear(&event.fields);
        let mut failed = None;
        if failure::is_failure(&event.fields, self.least) {
            let settings = *self.settings.of(&mut module.choice, &event.fields);
            let counts = settings.enabled && failure::is_failure(&event.fields, settings.level);
            failed = counts.then_some(settings);
        }
        if failed.is_none() {
            module.count_other(&self.exposure);
        }
        let suppressed = prior.suppressed_by.is_some();
        // Requests are not taken back where a run turns out to be a loop.
        if status.is_some() && !suppressed && !prior.postponed {
            let attributed = self.open.attributed();
            let by_status = failed.is_some() && failure::by_status(status);
            module.count_request(by_status, &self.exposure, |slot| {
                attributed.owns(fold(parsed.module_hash).into(), slot)
            });
        }
        if prior.localized.opened {
            self.leave_to_spread(parsed.module_hash, &prior.localized);
        }
        match failed {
            Some(settings) if !suppressed => self.count(event, settings, prior, report),
            Some(_) if prior.suppressed_by == Some(DetectorName::Loop) => self.leave_to_loop(event),
            None if parsed.level == Some(Level::Warn) && !suppressed => self.count_warning(event, report),
            _ => {}
        }
    }

    fn prefetch(&self, events: &[Fields<'_>; AHEAD]) {
        self.traffic.prefetch(events.map(|event| event.parsed().module_hash));
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        self.go_to(moment.running);
        if !self.open.is_empty() {
            self.check(moment.now, report);
        }
        self.checked = self.exposure.slot();
    }

    fn merge(&mut self, merge: Merge) {
        for module in self.text_modules.take(merge.from.0) {
            for scope in [Scope::Text, Scope::Warning] {
                let [from, into] = [merge.from, merge.into].map(|id| CellKey::of_template(scope, module, id.0));
                self.merge_cells(&from, &into);
            }
        }
    }

    fn module_counts(&self, most: usize) -> Vec<ModuleCounts> {
        self.traffic.counts(most)
    }

    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.cells);
        self.text_modules.bounded(visit);
        self.traffic.bounded(visit);
        let active = self.active.len();
        visit(&mut Weight { keys: active, bytes: active * size_of::<CellKey>() });
        self.open.weights(|_| 0).into_iter().for_each(|mut weight| visit(&mut weight));
    }

    fn tables(&self) -> Vec<TableUse> {
        let cells = ("burst_cells", self.cells.len() as u64, self.cells.evictions());
        [self.traffic.table(), cells, self.text_modules.table()]
            .map(|(table, keys, evictions)| TableUse { table, keys, evictions })
            .to_vec()
    }
}

#[cfg(test)]
mod tests;
