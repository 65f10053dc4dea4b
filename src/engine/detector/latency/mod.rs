//! Too slow, for this operation: single calls far beyond its tail, and recent calls slower than calls used to be.
//!
//! An operation is what the role `operation` names, without query and variable segments (`path.rs`); an event that has a
//! duration but no operation counts for its module. Durations are compared on a logarithmic scale.
//!
//! *Outliers*: one value beyond the duration that a generalised Pareto tail exceeds with `outlier_threshold`, or once a
//! day at the operation's rate if that is rarer; also beyond twice the 99 % quantile, and not like one that was learned
//! twice before (`baseline.rs`). *Shifts*: too many of the last 8, 32 or 128 values above the baseline's 75, 90 or 99 %
//! quantile (`window.rs`), each raised by `tolerance` and by one step of durations that come in steps (whole
//! milliseconds), so that slow drifts and coarse clocks are no findings. Values that clump when calm are allowed to.
//!
//! A value is learned when it leaves the window of the last 128 calmly. Nothing of a shift is learned, unless it goes on
//! for `new_normal_s`: then it is what is normal. A single outlier is learned with its time. An incident ends after 32 calls
//! with nothing at p < 10⁻³ (more where incidents came shortly after each other), or ten minutes without a slow call.
//!
//! Memory: about 1.5 KB an operation, at most 9 KB, capped in operations. Cold start: silent until 200 values of the
//! operation are learned, which is when 328 have come.

mod baseline;
mod opening;
mod operation;
mod path;
mod window;

use super::{Detector, Event, OperationQuantiles, Report, RestoreError, TableUse, pack, unpack};
use crate::engine::clock::Moment;
use crate::engine::finding::DetectorName;
use crate::engine::state::{Table, TableSnapshot};
use crate::engine::stats::log_histogram::{LogHistogram, bucket_of};
use crate::event::look::Form;
use crate::event::{Fields, Role, Timestamp};
use opening::Shift;
use operation::Operation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

const OUTLIER_TEST: &str = "peaks over threshold";
const SHIFT_TEST: &str = "binomial exceedance";
/// An incident without a slow call for so long has ended, in seconds.
const SILENT_S: f64 = 600.0;
/// Values that a shift must have before it can be the new normal.
const NEW_NORMAL_VALUES: f64 = 1_000.0;
/// Less of an operation's last minutes than this is not shown in metrics.
const SHOWN: f64 = 0.01;

/// What can be set of the latency detector.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyOptions {
    /// Off means that it watches nothing.
    pub enabled: bool,
    /// Chance that one value of a faultless operation is called an outlier.
    pub outlier_threshold: f64,
    /// False-alarm probability of one test for a shift.
    pub shift_threshold: f64,
    /// Slower by less than this factor is no shift.
    pub tolerance: f64,
    /// Seconds after which a shift is the normal level.
    pub new_normal_s: f64,
    /// Most operations held.
    pub keys: usize,
}

impl Default for LatencyOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            outlier_threshold: 1e-5,
            shift_threshold: 1e-9,
            tolerance: 1.25,
            new_normal_s: 7_200.0,
            keys: 100_000,
        }
    }
}

/// The detector.
#[derive(Debug)]
pub struct Latency {
    options: LatencyOptions,
    operations: Table<Operation>,
    /// Operations with an open incident, and which.
    live: BTreeMap<u64, crate::engine::incident::IncidentId>,
    scratch: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    operations: TableSnapshot<Operation>,
    live: BTreeMap<u64, crate::engine::incident::IncidentId>,
}

impl Latency {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new(options: LatencyOptions) -> Self {
        Self { operations: Table::new(options.keys), live: BTreeMap::new(), scratch: Vec::new(), options }
    }

    /// The operation's key in the table; makes it on first sight.
    #[inline]
    fn operation(&mut self, fields: &Fields<'_>, now: Timestamp) -> Option<(u64, &mut Operation)> {
        let look = fields.look();
        let slot = look.slots[Role::Operation as usize];
        let (key, name): (u64, &[u8]) = match (slot.form, fields.raw(Role::Operation)) {
            (Form::Escaped, _) => {
                // Some encoders write every slash with a backslash; only they pay for a copy.
                let text = fields.text(Role::Operation)?;
                let mut whole = std::mem::take(&mut self.scratch);
                let key = xxh3_64(path::masked(text.as_bytes(), &mut whole));
                let make = || Operation::new(text_of(path::masked(text.as_bytes(), &mut Vec::new())), now);
                self.scratch = whole;
                return Some((key, self.operations.touch(key, make)));
            }
            (_, Some(raw)) => {
                let name = path::masked(raw, &mut self.scratch);
                (xxh3_64(name), name)
            }
            (_, None) => {
                // A module and an operation of one name are two things.
                let module = fields.raw(Role::Module)?;
                (look.module_hash.rotate_left(1), module)
            }
        };
        if name.is_empty() {
            return None;
        }
        Some((key, self.operations.touch(key, || Operation::new(text_of(name), now))))
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Takes a value that has left the window.
fn settle(operation: &mut Operation, bucket: u16, options: &LatencyOptions, now: Timestamp) {
    if let Some(going) = operation.going.as_mut().filter(|going| going.shift) {
        going.durations.add(bucket);
        return;
    }
    let per_day = operation.per_day(now);
    operation.baseline.learn(bucket, options, || per_day);
}

/// An incident is open: the value goes on with it, or is one of the calm ones that end it. True when it has ended.
fn go_on(
    operation: &mut Operation,
    options: &LatencyOptions,
    outlier: bool,
    event: &Event<'_>,
    report: &mut Report<'_>,
) -> bool {
    let now = event.moment.now;
    let Some(limits) = operation.baseline.limits.clone() else { return false };
    let shift = operation.window.reaches(&limits.shift);
    let restless = outlier || shift || operation.window.reaches(&limits.restless);
    let Some(going) = &mut operation.going else { return false };
    going.shift |= shift;
    let id = going.id;
    if restless {
        (going.calm, going.restless) = (0, now);
        let is_shift = going.shift;
        report.incidents.join(id, 1, event.fields.level(), now, report.findings, |evidence, summary, _| {
            if is_shift {
                Shift::of(operation, &limits, now).update(operation, options, evidence, summary);
            }
        });
        stay(operation, options, now, report)
    } else {
        going.calm += 1;
        let over = going.calm >= going.calm_needed;
        if over {
            report.incidents.resolve(id, now, report.findings);
            operation.end(now);
        }
        over
    }
}

/// A shift that would not end becomes the baseline. True when it has.
fn stay(operation: &mut Operation, options: &LatencyOptions, now: Timestamp, report: &mut Report<'_>) -> bool {
    let Some(going) = &mut operation.going else { return false };
    let long = now.seconds_since(going.opened) >= options.new_normal_s;
    if !long || going.durations.total() < NEW_NORMAL_VALUES {
        return false;
    }
    report.incidents.resolve(going.id, now, report.findings);
    let durations = std::mem::take(&mut going.durations);
    let per_day = operation.per_day(now);
    operation.end(now);
    operation.baseline.replace(durations, options, per_day);
    true
}

impl Detector for Latency {
    fn name(&self) -> DetectorName {
        DetectorName::Latency
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, report: &mut Report<'_>) {
        let look = event.fields.look();
        if look.slots[Role::Duration as usize].form == Form::Absent || event.moment.outside {
            return;
        }
        let Some(value) = event.fields.duration_ms() else { return };
        let Some(bucket) = bucket_of(value) else { return };
        let now = event.moment.now;
        let options = self.options.clone();
        let Some((key, operation)) = self.operation(&event.fields, now) else { return };
        operation.count(value, bucket, now);
        operation.baseline.notice_grain(value);
        let (mut exceeded, mut outlier) = (0, false);
        if let Some(limits) = &operation.baseline.limits {
            exceeded = limits.levels.iter().filter(|level| value > **level).count();
            outlier = value > limits.outlier;
        }
        if let Some(left) = operation.window.push(bucket, exceeded, now) {
            settle(operation, left, &options, now);
        }
        if operation.going.is_some() {
            if go_on(operation, &options, outlier, event, report) {
                self.live.remove(&key);
            }
            return;
        }
        if let Some(block) = operation.window.block() {
            operation.baseline.learn_block(block);
        }
        if exceeded == 0 {
            return;
        }
        let Some(limits) = operation.baseline.limits.as_ref() else { return };
        let shift = operation.window.reaches(&limits.shift);
        if !shift && !outlier {
            return;
        }
        let opening = if shift {
            Shift::of(operation, limits, now).opening(operation, &options, &event.fields)
        } else {
            opening::outlier(operation, limits, value, &event.fields)
        };
        let id = report.incidents.open(opening, now, report.findings);
        operation.begin(id, shift, now);
        self.live.insert(key, id);
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        let now = moment.now;
        let operations = &mut self.operations;
        self.live.retain(|key, id| {
            let operation = operations.get_mut(*key).filter(|operation| operation.going.is_some());
            // An evicted operation's incident is over for whoever watches it.
            let Some(operation) = operation else {
                report.incidents.resolve(*id, now, report.findings);
                return false;
            };
            let restless = operation.going.as_ref().map_or(now, |going| going.restless);
            if report.incidents.is_open(*id) && now.seconds_since(restless) <= SILENT_S {
                return true;
            }
            report.incidents.resolve(*id, now, report.findings);
            operation.end(now);
            false
        });
    }

    fn snapshot(&self) -> Vec<u8> {
        pack(&Kept { operations: self.operations.snapshot(), live: self.live.clone() })
    }

    fn restore(&mut self, kept: &[u8]) -> Result<(), RestoreError> {
        let kept: Kept = unpack(kept)?;
        self.operations.restore(kept.operations);
        self.live = kept.live;
        Ok(())
    }

    fn tables(&self) -> Vec<TableUse> {
        vec![TableUse {
            table: "latency_operations",
            keys: self.operations.len() as u64,
            evictions: self.operations.evictions(),
        }]
    }

    fn operation_quantiles(&self, most: usize, now: Timestamp) -> Vec<OperationQuantiles> {
        let weigh = |operation: &Operation| {
            let (recent, weight) = operation.recent(now);
            recent.total() * weight
        };
        let mut busiest: Vec<_> = self.operations.values().filter(|operation| weigh(operation) > SHOWN).collect();
        busiest.sort_by(|a, b| weigh(b).total_cmp(&weigh(a)).then_with(|| a.name.cmp(&b.name)));
        let rest = busiest.split_off(busiest.len().min(most));
        let mut shown: Vec<_> = busiest
            .into_iter()
            .map(|operation| quantiles_of(&operation.name, operation.recent(now).0, operation.values, operation.sum))
            .collect();
        if !rest.is_empty() {
            let (mut other, mut count, mut sum) = (LogHistogram::default(), 0, 0.0);
            for operation in rest {
                let (recent, weight) = operation.recent(now);
                other.merge(recent, weight as f32);
                count += operation.values;
                sum += operation.sum;
            }
            shown.push(quantiles_of("other", &other, count, sum));
        }
        shown
    }
}

fn quantiles_of(operation: &str, durations: &LogHistogram, count: u64, sum_ms: f64) -> OperationQuantiles {
    let seconds = |share| durations.value_at(share).unwrap_or(0.0) / 1e3;
    OperationQuantiles {
        operation: operation.to_owned(),
        p50: seconds(0.5),
        p90: seconds(0.1),
        p99: seconds(0.01),
        count,
        sum: sum_ms / 1e3,
    }
}

#[cfg(test)]
mod tests;
