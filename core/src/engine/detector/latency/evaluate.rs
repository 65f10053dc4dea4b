//! Takes one duration at a time: it is counted, tested, and learned when it turns out to be
//! harmless.

use super::baseline::Limits;
use super::episodes::{Onset, OnsetKind};
use super::host_share::HostShare;
use super::incident::{self, Shift};
use super::operation::Operation;
use super::window::{BELOW, DOWN, HostId, LONGEST, Lanes, ValueLevel, WINDOWS};
use super::{Event, LatencySettings, NEW_NORMAL_VALUES, Report};
use crate::engine::deadlines::after;
use crate::engine::finding::{DetectorName, NearMiss, Reason};
use crate::engine::incident::Opening;
use crate::engine::stats::log_histogram::middle;
use crate::event::Timestamp;

/// The calls of other hosts are calm while none of their counts is rarer than this, over all
/// limits.
const OTHERS_CALM: f64 = 0.003;

/// One duration, with its operation and host.
pub(super) struct Call<'a, 'e> {
    pub(super) event: &'a Event<'e>,
    pub(super) key: u64,
    /// What shares a rhythm: its module, or the operation itself.
    pub(super) module: u64,
    /// The duration in milliseconds, and its bucket.
    pub(super) value: f64,
    pub(super) bucket: u16,
    /// The host; 0 where the event names none.
    pub(super) host: HostId,
    pub(super) settings: &'a LatencySettings,
}

/// What a call changes about an operation's incident.
#[derive(Debug)]
pub(super) enum Change {
    None,
    /// There is something to open.
    Opens(Box<Found>),
    /// The incident is over.
    Ended,
    /// It is over, and there is another to open.
    EndedAndOpens(Box<Found>),
}

/// What a call shows.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) opening: Opening,
    pub(super) onset: Onset,
}

/// Takes a call. `share` is what is known of its host.
#[inline]
pub(super) fn take(
    call: &Call<'_, '_>,
    operation: &mut Operation,
    mut share: Option<&mut HostShare>,
    report: &mut Report<'_>,
) -> Change {
    let now = call.event.moment.now;
    operation.baseline.notice_grain(call.value);
    let young = operation.baseline.is_young();
    let (mut place, mut outlier, mut judged) = (0, false, false);
    if let Some(limits) = &operation.baseline.limits {
        place = limits.place(call.value);
        outlier = call.value > limits.outlier;
        judged = !young;
    }
    if let Some((left, host)) = operation.window.push(call.bucket, place, call.host, now) {
        settle(operation, left, host, call.settings, now);
    }
    if young && operation.going.is_none() {
        learn_early(operation, call.settings, now);
    }
    if let Some(share) = share.as_deref_mut() {
        share.forget_before(operation.shifts);
    }
    let was_open = operation.going.is_some();
    if was_open {
        if let Some(share) = share.as_deref_mut().filter(|_| judged) {
            let others = operation.going.as_ref().is_some_and(|going| going.host.is_some_and(|host| host != call.host));
            share.push(place, others, now);
        }
        let change = go_on(call, operation, share.as_deref_mut(), place, outlier, report);
        // A slow call that ends an incident of faster calls is tested at once; one that belongs to
        // a new normal level is no outlier of that.
        let slow_again = operation.baseline.limits.as_ref().is_some_and(|limits| call.value > limits.outlier);
        if !(matches!(change, Change::Ended) && outlier && slow_again) {
            return change;
        }
    } else {
        if let Some(share) = share.as_deref_mut().filter(|_| judged) {
            share.push(place, true, now);
        }
        if let Some(block) = operation.window.block() {
            operation.baseline.learn_block(block);
        }
    }
    let found = if place == 0 { None } else { judge(call, operation, share.as_deref(), place, outlier, report) };
    match (found, was_open) {
        (Some(found), false) => Change::Opens(found),
        (Some(found), true) => Change::EndedAndOpens(found),
        (None, false) => Change::None,
        (None, true) => Change::Ended,
    }
}

/// Learns a value of a young baseline before it leaves the window: a baseline that waits for
/// the window is blind for hundreds of calls.
#[cold]
fn learn_early(operation: &mut Operation, settings: &LatencySettings, now: Timestamp) {
    if let Some(bucket) = operation.window.take_early(operation.baseline.young_behind()) {
        let (values, began) = (operation.values, operation.began);
        operation.baseline.learn(bucket, settings, now, || Operation::per_day(values, began, now));
    }
}

/// Learns a value that has left the window, if it left calmly.
#[inline]
fn settle(operation: &mut Operation, bucket: u16, host: HostId, settings: &LatencySettings, now: Timestamp) {
    if let Some(going) = operation.going.as_mut().filter(|going| going.shift)
        && going.host.is_none_or(|slow| slow == host)
    {
        going.durations.add(bucket);
        return;
    }
    let (values, began) = (operation.values, operation.began);
    operation.baseline.learn(bucket, settings, now, || Operation::per_day(values, began, now));
}

/// No incident is open: what the call shows, an outlier or a shift.
fn judge(
    call: &Call<'_, '_>,
    operation: &mut Operation,
    share: Option<&HostShare>,
    place: ValueLevel,
    outlier: bool,
    report: &mut Report<'_>,
) -> Option<Box<Found>> {
    let now = call.event.moment.now;
    let limits = operation.baseline.limits.as_ref()?;
    let reached = reached_now(operation, limits);
    let shift = match place {
        BELOW if reached & DOWN != 0 => faster(call, operation, limits),
        BELOW => None,
        _ => slower(call, operation, limits, share, reached & !DOWN != 0),
    };
    if let Some(shift) = shift {
        return Some(found(call, operation, &shift, place == BELOW));
    }
    if outlier {
        let opening = incident::outlier(operation, limits, call.value, &call.event.fields);
        let (key, module, factor) = (call.key, call.module, call.value / limits.outlier);
        let since = after(now, -call.value / 1e3);
        let onset = Onset { key, module, since, factor, kind: OnsetKind::Outlier };
        return Some(Box::new(Found { opening, onset }));
    }
    near_miss(call, operation, limits, place, report);
    None
}

/// The lanes of a shift, in one direction or the other, whose calls are still coming.
#[inline]
fn reached_now(operation: &Operation, limits: &Limits) -> Lanes {
    let reached = operation.window.reaches(&limits.shift);
    if reached == 0 {
        return 0;
    }
    let current = operation.window.is_current(limits.current);
    let both = |lanes: Lanes| if current & lanes == 0 { 0 } else { reached & lanes };
    both(DOWN) | both(!DOWN)
}

/// The finding of a shift.
fn found(call: &Call<'_, '_>, operation: &Operation, shift: &Shift, down: bool) -> Box<Found> {
    let kind = if down { OnsetKind::Faster } else { OnsetKind::Slower(shift.host) };
    let (key, module, now) = (call.key, call.module, call.event.moment.now);
    let onset = Onset { key, module, since: shift.since(now), factor: shift.factor(), kind };
    Box::new(Found { opening: shift.opening(operation, call.settings, &call.event.fields), onset })
}

/// The shift to faster calls. What is back at where it was before it slowly became slower, so
/// slowly that nothing was said, is no news.
fn faster(call: &Call<'_, '_>, operation: &Operation, limits: &Limits) -> Option<Shift> {
    let shift = Shift::of(operation, limits, true, call.event.moment.now);
    let [median, _] = shift.medians_ms();
    (!operation.baseline.was_as_fast(median, call.settings.tolerance)).then_some(shift)
}

/// The shift to slower calls that this call shows: of the operation, or of its host alone where the
/// others are calm.
fn slower(
    call: &Call<'_, '_>,
    operation: &Operation,
    limits: &Limits,
    share: Option<&HostShare>,
    reached: bool,
) -> Option<Shift> {
    let now = call.event.moment.now;
    let slow_host = share.and_then(|share| {
        share.slow(limits, call.settings.shift_threshold.value())?;
        others_are_calm(operation, limits, call.host, LONGEST)
            .then(|| Shift::of_host(operation, limits, share, call.host, now))
    });
    if slow_host.is_some() || !reached {
        return slow_host;
    }
    let shift = Shift::of(operation, limits, false, now);
    let slowest = operation.window.slowest_host(shift.width, shift.limit);
    // Another host alone may be slow: its own next call shows that.
    let waits = slowest != 0 && slowest != call.host && others_are_calm(operation, limits, slowest, shift.width);
    (!waits).then_some(shift)
}

/// True when there are calls of other hosts, and these are calm.
fn others_are_calm(operation: &Operation, limits: &Limits, host: HostId, width: usize) -> bool {
    let (others, slow) = operation.window.without(host, width);
    host != 0
        && others as usize >= (width / 8).max(4)
        && (0..super::baseline::SHARES.len())
            .all(|i| limits.exceedance(i).ln_tail(u32::from(slow[i]), others) > OTHERS_CALM.ln())
}

/// An incident is open: the call continues it, or is one of the calm calls that end it.
fn go_on(
    call: &Call<'_, '_>,
    operation: &mut Operation,
    share: Option<&mut HostShare>,
    place: ValueLevel,
    outlier: bool,
    report: &mut Report<'_>,
) -> Change {
    let now = call.event.moment.now;
    let (Some(limits), Some(going)) = (&operation.baseline.limits, &operation.going) else { return Change::None };
    let reached = operation.window.reaches(&limits.shift);
    // Slow calls of long ago, in a window of hours, are no reason to go on.
    let current = operation.window.is_current(limits.current);
    let restless = operation.window.reaches(&limits.restless);
    let restless = if current & !DOWN == 0 { restless & DOWN } else { restless };
    let (shift, restless, whole) = match going.host {
        None if going.down && (outlier || reached & !DOWN != 0) => return resolve(operation, share, now),
        None if going.down => (false, restless & DOWN != 0, false),
        None => {
            // While the slow calls may be one host's, the shift of the whole operation waits.
            let slowest =
                if going.shift || reached & !DOWN == 0 { 0 } else { operation.window.slowest_host(LONGEST, 0) };
            let waits = slowest != 0 && others_are_calm(operation, limits, slowest, LONGEST);
            (reached & !DOWN != 0 && !waits, outlier || restless & !DOWN != 0, false)
        }
        // A call of another host: it counts when the whole operation has become slow.
        Some(host) if host != call.host => {
            let whole = place != BELOW && reached & !DOWN != 0 && !others_are_calm(operation, limits, host, LONGEST);
            if !whole {
                return Change::None;
            }
            (true, true, true)
        }
        Some(_) => {
            let calm = share.as_ref().is_none_or(|share| share.least_likely(limits).ln_p > super::baseline::CALM.ln());
            (false, outlier || !calm, false)
        }
    };
    // An outlier of a host that alone becomes slow turns into a shift of that host.
    let alone = !going.shift
        && share.as_ref().is_some_and(|share| share.slow(limits, call.settings.shift_threshold.value()).is_some())
        && others_are_calm(operation, limits, call.host, LONGEST);
    let Some(going) = &mut operation.going else { return Change::None };
    going.shift |= shift | alone;
    if alone {
        going.host = Some(call.host);
    }
    if whole {
        going.host = None;
    }
    if !restless {
        going.calm += 1;
        if going.calm >= going.calm_needed { resolve(operation, share, now) } else { Change::None }
    } else {
        (going.calm, going.restless) = (0, now);
        let (is_shift, joined, down, host) = (going.shift, going.joined, going.down, going.host);
        if is_shift && !down {
            let median = operation.window.median(WINDOWS[0], host).map_or(0.0, middle);
            let usual = operation.baseline.value_at(0.5);
            going.factor = going.factor.max(if usual > 0.0 { median / usual } else { 0.0 });
        }
        let Some(id) = going.id else { return still_held(call, operation, share) };
        let (fields, findings) = (&call.event.fields, &mut *report.findings);
        if is_shift && !joined {
            report.incidents.join_updated(id, 1, fields.level(), now, findings, |known, _| {
                let shift = match (host, share.as_deref()) {
                    (Some(host), Some(share)) => Shift::of_host(operation, limits, share, host, now),
                    _ => Shift::of(operation, limits, down, now),
                };
                shift.update(operation, call.settings, fields, known);
            });
        } else {
            // The measurement stays that of the slow call that opened the incident, or of the
            // operation that did.
            report.incidents.join(id, 1, fields.level(), now, findings);
        }
        if stay(operation, share, call.settings, now) { Change::Ended } else { Change::None }
    }
}

/// A shift is held: what is to open if it is still one. Asked at every eighth call.
fn still_held(call: &Call<'_, '_>, operation: &Operation, share: Option<&mut HostShare>) -> Change {
    let (Some(limits), Some(going)) = (&operation.baseline.limits, &operation.going) else { return Change::None };
    if !operation.values.is_multiple_of(WINDOWS[0] as u64) {
        return Change::None;
    }
    let now = call.event.moment.now;
    let shift = match (going.host, share) {
        (Some(host), Some(share)) => Some(Shift::of_host(operation, limits, share, host, now))
            .filter(|shift| shift.ln_p < call.settings.shift_threshold.value().ln()),
        _ if reached_now(operation, limits) & !DOWN != 0 => Some(Shift::of(operation, limits, false, now)),
        _ => None,
    };
    shift.map_or(Change::None, |shift| Change::Opens(found(call, operation, &shift, false)))
}

fn resolve(operation: &mut Operation, share: Option<&mut HostShare>, now: Timestamp) -> Change {
    if let Some(going) = &operation.going
        && let Some(share) = share.filter(|_| going.shift)
    {
        share.clear();
    }
    operation.end(now);
    Change::Ended
}

/// Takes a shift that does not end as the new baseline; true when it did.
fn stay(operation: &mut Operation, share: Option<&mut HostShare>, settings: &LatencySettings, now: Timestamp) -> bool {
    let Some(going) = &mut operation.going else { return false };
    let long = now.seconds_since(going.opened) >= settings.new_normal_s;
    if !long || going.durations.total() < NEW_NORMAL_VALUES {
        return false;
    }
    let (host, durations) = (going.host, std::mem::take(&mut going.durations));
    let per_day = Operation::per_day(operation.values, operation.began, now);
    operation.end(now);
    match (host, share) {
        // The new level of one host is that host's habit; the operation's baseline stays.
        (Some(_), Some(share)) => share.adopt(),
        _ => operation.baseline.replace(durations, settings, now, per_day),
    }
    true
}

/// Reports a call that is neither calm nor an incident.
fn near_miss(call: &Call<'_, '_>, operation: &Operation, limits: &Limits, place: ValueLevel, report: &mut Report<'_>) {
    if !report.wants_near_misses() || place == BELOW || operation.window.reaches(&limits.restless) & !DOWN == 0 {
        return;
    }
    let shift = Shift::of(operation, limits, false, call.event.moment.now);
    report.near_miss(shift.ln_p, call.settings.shift_threshold.value(), |ln_p, threshold| NearMiss {
        detector: DetectorName::Latency,
        kind: "shift",
        key: operation.name.to_string(),
        ln_p,
        threshold,
        why: Reason::SlowCalls { shift: shift.calls(), medians_ms: shift.medians_ms() },
    });
}
