//! Too slow, for this operation: single calls far beyond its tail, and recent calls slower than
//! calls used to be.
//!
//! An operation is what the role `operation` names, without query and variable segments
//! (`event/operation.rs`), in one module: what a gateway takes for a path is not what the service
//! behind it takes. An event that has a duration but no operation counts for its module.
//! Where no member has a duration, the message may have one (`texts.rs`), and its template is then
//! the operation; configured pairs of start and end events have durations as well (`pairs.rs`).
//! Durations are compared on a logarithmic scale.
//!
//! *Outliers*: one value beyond the duration that a generalised Pareto tail exceeds with
//! `outlier_threshold`, or once a day at the operation's rate if that is rarer, by three fits to
//! the values learned (`baseline.rs`); also beyond 3.5 times the 99 % quantile, and not like one
//! that was learned twice before. *Shifts*: too many of the last 8, 32 or 128 values above the
//! baseline's 75, 90 or 99 % quantile (`window.rs`), each raised by `tolerance` and by one step of
//! durations that come in steps (whole milliseconds), so that slow drifts and coarse clocks are no
//! findings. Values that clump when calm may clump. *Faster* calls need no action: too many of the
//! last 32 or 128 below the 25 % quantile are a shift of severity info.
//!
//! *One host*: the levels of each host's last 32 values among these limits are kept
//! (`host_share.rs`), and tested against the habit of that host. Where one host alone is too slow,
//! and the values of the others in the window are calm, the incident names the host. An operation
//! has one incident at a time. Operations of a module that become slow together have one incident,
//! and what is slow at the same hour every day has none (`episodes.rs`).
//!
//! *Which hop*: where events carry trace ids, what the calls inside of a call grew by is taken off
//! its duration before it is judged (`traces.rs`), so that the innermost call that grew is told
//! and no other. Calls beside each other are told from calls inside of each other by which of them
//! is the longer one (`nesting.rs`). Where lines of outer calls come first, inner ones join the
//! incident of the outer one (`opening.rs`). Where most slow calls got no further than to one
//! service, and others do, that is said (`last_hops.rs`).
//!
//! A value is learned when it leaves the window of the last 128 calmly. Values of a shift are not
//! learned; a shift that lasts `new_normal_s` becomes the baseline. An outlier is learned as the
//! largest value that is not one. An incident ends after 32 calls with nothing at p < 10⁻³ (more
//! where incidents came shortly after each other), or ten minutes without a slow call (sixteen of
//! its gaps where calls are rare). A shift opens, and goes on, while the newest eight calls are no
//! calm ones either: what a window of hours still holds is over. Back at a level that the operation
//! had before it slowly became slower is no news.
//!
//! Memory: about 2 KB an operation, at most 9 KB, and 90 bytes for each of its hosts, both capped;
//! 740 KB where events have trace ids.
//! Cold start: shifts are judged from 32 learned values on, when 64 have come, with limits that are
//! the wider the fewer values are known; single calls when 360 have come.

mod baseline;
mod episodes;
mod evaluate;
mod host_share;
mod incident;
mod last_hops;
mod nesting;
mod opening;
mod operation;
mod options;
mod pairs;
mod quantiles;
mod recent;
mod subject;
mod texts;
mod traces;
mod unfinished;
mod window;

use super::options::SharedOptions;
use super::{AHEAD, Detector, Event, OperationQuantiles, Prior, Registered, Report, TableUse};
use crate::engine::clock::Moment;
use crate::engine::finding::DetectorName;
use crate::engine::overrides::Overrides;
use crate::engine::snapshot::Stateful;
use crate::engine::state::{Evict, Table, TableSnapshot};
use crate::engine::stats::alarm_budget::{AlarmBudget, TestCount};
use crate::engine::stats::log_histogram::bucket_of;
use crate::event::parsed::Form;
use crate::event::text_duration::Anchor;
use crate::event::{Fields, Role, Timestamp};
use baseline::LIMITS;
use episodes::{Episodes, EpisodesState};
use evaluate::{Call, Change};
use host_share::HostShare;
use operation::Operation;
use options::LatencySettings;
pub use options::{LatencyOptions, LatencyOverride, LatencyPair};
use pairs::{Ended, Pairs, PairsSnapshot};
use recent::{RecentDurations, RecentSnapshot};
use serde::{Deserialize, Serialize};
use subject::{CallSubject, KEY_DOMAINS, share_key};
use texts::Texts;
use traces::{Hop, Trace, Traces};
use window::{HostId, WINDOWS};

/// Values that a shift must have before it can be the new normal.
const NEW_NORMAL_VALUES: f64 = 1_000.0;
/// The detector.
#[derive(Debug)]
pub struct Latency {
    settings: Overrides<LatencySettings>,
    budget: AlarmBudget,
    /// Durations that were judged.
    judged: TestCount,
    operations: Table<Operation>,
    recent: RecentDurations,
    hosts: Table<HostShare>,
    texts: Texts,
    pairs: Pairs,
    ended: Vec<Ended>,
    /// The open incidents by operation.
    episodes: Episodes,
    traces: Traces,
}

/// What a restart should know.
#[derive(Serialize, Deserialize)]
pub struct LatencyState {
    operations: TableSnapshot<Operation>,
    #[serde(default)]
    judged: TestCount,
    #[serde(default)]
    recent: RecentSnapshot,
    hosts: TableSnapshot<HostShare>,
    texts: TableSnapshot<Anchor>,
    pairs: PairsSnapshot,
    episodes: EpisodesState,
    #[serde(default)]
    traces: Vec<Trace>,
}

impl Registered for Latency {
    type Options = LatencyOptions;

    fn new(options: &LatencyOptions, SharedOptions { keys, budget }: SharedOptions) -> Self {
        Self {
            settings: options.settings(),
            budget,
            judged: TestCount::default(),
            operations: Table::new(keys),
            recent: RecentDurations::default(),
            hosts: Table::new(keys),
            texts: Texts::new(keys),
            pairs: Pairs::new(&options.pairs, keys),
            ended: Vec::new(),
            episodes: Episodes::new(keys),
            traces: Traces::default(),
        }
    }
}

impl Latency {
    /// Takes the duration of the event itself; true where it has one.
    #[inline]
    fn measure(&mut self, event: &Event<'_>, trace: Option<u64>, report: &mut Report<'_>) -> bool {
        let parsed = event.fields.parsed();
        let from_text = parsed.slots[Role::Duration as usize].form == Form::Absent;
        let value = if from_text { self.texts.duration_ms(event) } else { event.fields.duration_ms() };
        let Some(value) = value else { return false };
        if from_text && parsed.slots[Role::Operation as usize].form == Form::Absent {
            self.take(subject::of_template(event), value, || texts::name_of(event), trace, event, report);
        } else if let Some(named) = subject::named(&event.fields) {
            self.take(named, value, || subject::name_of(&event.fields), trace, event, report);
        }
        true
    }

    /// Takes one duration, in milliseconds, of the operation `subject`; `name` is what it is
    /// called, and its module.
    #[inline]
    fn take(
        &mut self,
        subject: CallSubject,
        value: f64,
        name: impl FnOnce() -> (String, String),
        trace: Option<u64>,
        event: &Event<'_>,
        report: &mut Report<'_>,
    ) {
        if bucket_of(value).is_none() {
            return;
        }
        let now = event.moment.now;
        let host = event.fields.parsed().host_hash();
        let CallSubject { mut key, module, .. } = subject;
        let mut hop = Hop { key, time: event.moment.time, ms: value as f32, grown: 0.0 };
        let inside = trace.map_or(0.0, |trace| self.traces.grown_inside(trace, &hop));
        let make = || {
            let (name, module) = name();
            Operation::new(&name, &module, subject, now)
        };
        let mut operation = self.operations.touch(key, make);
        let mut share = (host != 0).then(|| self.hosts.touch(share_key(key, host), HostShare::default));
        let choice = share.as_mut().map_or(&mut operation.choice, |share| &mut share.choice);
        let settings = self.settings.of_named(choice, &event.fields, Some((Role::Operation, &operation.name)));
        if settings.apart {
            key = key.wrapping_add(u64::from(choice.number()).wrapping_mul(KEY_DOMAINS[2]));
            let (name, module) = (operation.name.clone(), operation.module.clone());
            operation = self.operations.touch(key, || Operation::new(&name, &module, subject, now));
        }
        operation.count(value);
        self.recent.add(operation, value);
        let own = operation.baseline.own_share(value, inside);
        if let Some(trace) = trace {
            hop.grown = operation.baseline.grown(own) as f32;
            if module == event.fields.parsed().module_hash {
                operation.last_hops.take(self.traces.last_line(trace, module), operation.baseline.is_slow(own));
            }
            self.traces.add(trace, hop);
        }
        if !settings.enabled {
            return;
        }
        self.judged.add(1, now);
        let host = if host == 0 { 0 } else { ((host >> 32) as HostId).max(1) };
        let bucket = bucket_of(own).unwrap_or_default();
        let call = Call { event, key, module, value: own, bucket, host, settings };
        let found = match evaluate::take(&call, operation, share, report) {
            Change::None => None,
            Change::Opens(found) => Some(found),
            Change::Ended => {
                self.episodes.end(key, now, report);
                None
            }
            Change::EndedAndOpens(found) => {
                self.episodes.end(key, now, report);
                Some(found)
            }
        };
        let mut stopped = false;
        if let Some(going) = &operation.going {
            self.episodes.go_on(key, going, operation.silent_s());
            stopped = !operation.last_hops.told && operation.last_hops.stopped().is_some();
        }
        match found {
            Some(found) => self.open(*found, trace.map(|trace| (trace, hop)), now, report),
            None if stopped => self.tell_stopped(key, now, report),
            None => {}
        }
    }

    /// A duration is one test for an outlier, and for a shift one for each window and limit.
    fn keep_to_budget(&mut self, now: Timestamp) {
        let judged = self.judged.per_day(now);
        let outlier = self.budget.threshold_of(judged);
        let shift = self.budget.threshold_of(judged * (WINDOWS.len() * LIMITS) as f64);
        self.settings.for_each_mut(|settings| {
            settings.outlier_threshold.keep_to(outlier);
            settings.shift_threshold.keep_to(shift);
        });
    }

    /// Takes the durations of the pairs that this event ends.
    #[cold]
    fn take_pairs(&mut self, event: &Event<'_>, trace: Option<u64>, report: &mut Report<'_>) {
        let mut ended = std::mem::take(&mut self.ended);
        self.pairs.observe(event, &mut ended);
        for Ended { key, kind, duration_ms } in ended.drain(..) {
            let name = self.pairs.operation(kind).to_owned();
            let subject = CallSubject { key, shown: key, module: key };
            self.take(subject, duration_ms, || (name, String::new()), trace, event, report);
        }
        self.ended = ended;
    }
}

impl Stateful for Latency {
    type State = LatencyState;

    fn state(&self) -> LatencyState {
        LatencyState {
            operations: self.operations.snapshot(),
            judged: self.judged,
            recent: self.recent.snapshot(),
            hosts: self.hosts.snapshot(),
            texts: self.texts.snapshot(),
            pairs: self.pairs.snapshot(),
            episodes: self.episodes.state(),
            traces: self.traces.state(),
        }
    }

    fn resume(&mut self, kept: LatencyState) {
        self.operations.restore(kept.operations);
        self.judged = kept.judged;
        self.recent.restore(kept.recent, &mut self.operations);
        self.hosts.restore(kept.hosts);
        self.texts.restore(kept.texts);
        self.pairs.restore(kept.pairs);
        self.episodes.resume(kept.episodes);
        self.traces.resume(kept.traces);
    }
}

impl Detector for Latency {
    fn name(&self) -> DetectorName {
        DetectorName::Latency
    }

    #[inline]
    fn observe(&mut self, event: &Event<'_>, _: &Prior, report: &mut Report<'_>) {
        if event.moment.outside {
            return;
        }
        let measures = !self.operations.is_empty() || !self.pairs.is_empty();
        let timed = event.fields.parsed().slots[Role::Duration as usize].form != Form::Absent;
        let trace = if measures || timed { subject::trace_of(&event.fields) } else { None };
        if !self.pairs.is_empty() {
            self.take_pairs(event, trace, report);
        }
        let done = self.measure(event, trace, report);
        let module = event.fields.parsed().module_hash;
        if let Some(trace) = trace.filter(|_| module != 0) {
            self.traces.note(trace, module, done);
        }
    }

    fn prefetch(&self, events: &[Fields<'_>; AHEAD]) {
        let key = |event: &Fields<'_>| {
            event.duration_ms().and_then(bucket_of).and_then(|_| subject::named(event)).map(|subject| subject.key)
        };
        let keys: [_; AHEAD] = std::array::from_fn(|i| key(&events[i]).unwrap_or_default());
        self.operations.prefetch(keys, |_, operation| operation.prefetch());
        let shares: [_; AHEAD] = std::array::from_fn(|i| share_key(keys[i], events[i].parsed().host_hash()));
        self.hosts.prefetch(shares, |_, share| share.prefetch());
    }

    fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        let now = moment.now;
        self.keep_to_budget(now);
        self.tick_pairs(now, report);
        self.recent.keep_up(&mut self.operations, now);
        self.operations.take_lost().into_iter().for_each(|key| self.episodes.hurry(key));
        for key in self.episodes.due(now, report.incidents) {
            let operation = self.operations.get_mut(key).filter(|operation| operation.going.is_some());
            // The incident of an evicted operation is over for those who watch it.
            if let Some(operation) = operation {
                let silent_s = operation.silent_s();
                let going = operation.going.as_ref().filter(|going| now.seconds_since(going.restless) <= silent_s);
                if let Some(going) = going.filter(|_| self.episodes.is_open(key, report.incidents)) {
                    self.episodes.go_on(key, going, silent_s);
                    continue;
                }
                operation.end(now);
            }
            self.episodes.end(key, now, report);
        }
    }

    fn merge(&mut self, merge: crate::engine::template::Merge) {
        self.texts.merge(merge);
        self.pairs.merge(merge);
    }

    fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.operations);
        visit(&mut self.hosts);
        self.texts.bounded(visit);
        visit(&mut self.pairs);
        visit(&mut self.recent.weight());
        visit(&mut self.traces.weight());
        self.episodes.bounded(visit);
    }

    fn tables(&self) -> Vec<TableUse> {
        let table = |table, keys: usize, evictions| TableUse { table, keys: keys as u64, evictions };
        vec![
            table("latency_operations", self.operations.len(), self.operations.evictions()),
            table("latency_hosts", self.hosts.len(), self.hosts.evictions()),
            self.texts.table(),
            self.pairs.table(),
        ]
    }

    fn operation_quantiles(&self, most: usize) -> Vec<OperationQuantiles> {
        quantiles::busiest(self.operations.values(), &self.recent, most)
    }
}

#[cfg(test)]
mod tests;
