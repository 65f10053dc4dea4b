//! `count`, `rate`, `ratio`, `distinct`, `sum`, `avg`, `quantile`, `spike`: what a window of event
//! time holds.
//!
//! Each adds the event at hand to the window of its key and tells what lies in (t − window, t]. A
//! call site has windows of its own, so that two calls do not count an event twice.

use super::api::{Failure, failure, number_of, truth_of, window_of, with_key};
use crate::engine::rules::runtime::context::SharedHost;
use crate::engine::rules::value::duration::seconds;
use crate::engine::rules::value::scalar::text_of;
use rhai::{Dynamic, FLOAT, INT, Module, NativeCallContext, Position};

/// Events that a window must hold before `spike` says so, where the rule does not say.
const SPIKE_EVENTS: INT = 10;

/// Puts the functions into `module`, bound to `host`.
pub(crate) fn register(module: &mut Module, host: &SharedHost) {
    let here = host.clone();
    module.set_native_fn("count", move |context: NativeCallContext<'_>, key: Dynamic, window: Dynamic| {
        let place = context.call_position();
        let length = window_of(&window, place)?;
        count(&here, place, &key, length).map(|count| INT::try_from(count).unwrap_or(INT::MAX))
    });
    let here = host.clone();
    module.set_native_fn("rate", move |context: NativeCallContext<'_>, key: Dynamic, window: Dynamic| {
        let place = context.call_position();
        let length = window_of(&window, place)?;
        count(&here, place, &key, length).map(|count| count as FLOAT / seconds(length))
    });
    let here = host.clone();
    module.set_native_fn(
        "ratio",
        move |context: NativeCallContext<'_>, key: Dynamic, met: Dynamic, window: Dynamic| {
            ratio(&here, context.call_position(), &key, &met, &window, 1)
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "ratio",
        move |context: NativeCallContext<'_>, key: Dynamic, met: Dynamic, window: Dynamic, least: INT| {
            ratio(&here, context.call_position(), &key, &met, &window, least)
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "distinct",
        move |context: NativeCallContext<'_>, key: Dynamic, value: Dynamic, window: Dynamic| {
            distinct(&here, context.call_position(), &key, &value, &window)
        },
    );
    for (name, is_mean) in [("sum", false), ("avg", true)] {
        let here = host.clone();
        module.set_native_fn(
            name,
            move |context: NativeCallContext<'_>, key: Dynamic, value: Dynamic, window: Dynamic| {
                sum(&here, context.call_position(), &key, &value, &window, is_mean)
            },
        );
    }
    let here = host.clone();
    module.set_native_fn(
        "quantile",
        move |context: NativeCallContext<'_>, key: Dynamic, value: Dynamic, q: Dynamic, window: Dynamic| {
            quantile(&here, context.call_position(), &key, &value, &q, &window)
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "spike",
        move |context: NativeCallContext<'_>, key: Dynamic, window: Dynamic, factor: Dynamic| {
            spike(&here, context.call_position(), &key, &window, &factor, SPIKE_EVENTS)
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "spike",
        move |context: NativeCallContext<'_>, key: Dynamic, window: Dynamic, factor: Dynamic, least: INT| {
            spike(&here, context.call_position(), &key, &window, &factor, least)
        },
    );
}

fn count(host: &SharedHost, place: Position, key: &Dynamic, length: i64) -> Result<u64, Failure> {
    let mut host = host.lock();
    let count = with_key(key, place, 0, |key| {
        host.remember(place, key, |memory, time| memory.count().add(time, length)).map(|(count, _)| count)
    })?;
    host.measured(count as f64, length);
    Ok(count)
}

/// The share of the events of `key` that met the condition; 0 with fewer than `least` events.
fn ratio(
    host: &SharedHost,
    place: Position,
    key: &Dynamic,
    met: &Dynamic,
    window: &Dynamic,
    least: INT,
) -> Result<FLOAT, Failure> {
    let (length, met) = (window_of(window, place)?, truth_of(met, place)?);
    let mut host = host.lock();
    let share = with_key(key, place, 0.0, |key| {
        let shared = host.remember(place, key, |memory, time| {
            let share = memory.share();
            let all = share.all.add(time, length);
            let met = if met { share.met.add(time, length) } else { share.met.count(time, length) };
            if all < u64::try_from(least).unwrap_or(0) { 0.0 } else { (met as FLOAT / all as FLOAT).min(1.0) }
        });
        shared.map(|(share, _)| share)
    })?;
    host.measured(share, length);
    Ok(share)
}

fn distinct(
    host: &SharedHost,
    place: Position,
    key: &Dynamic,
    value: &Dynamic,
    window: &Dynamic,
) -> Result<INT, Failure> {
    let length = window_of(window, place)?;
    let Some(value) = text_of(value) else { return Ok(0) };
    let mut host = host.lock();
    let count = with_key(key, place, 0, |key| {
        host.remember(place, key, |memory, time| memory.distinct().add(time, &value, length)).map(|(count, _)| count)
    })?;
    host.measured(count as f64, length);
    Ok(INT::try_from(count).unwrap_or(INT::MAX))
}

fn sum(
    host: &SharedHost,
    place: Position,
    key: &Dynamic,
    value: &Dynamic,
    window: &Dynamic,
    is_mean: bool,
) -> Result<Dynamic, Failure> {
    let length = window_of(window, place)?;
    let Some(value) = number_of(value) else { return Ok(Dynamic::UNIT) };
    let mut host = host.lock();
    let found = with_key(key, place, None, |key| {
        let (found, _) = host.remember(place, key, |memory, time| memory.sums().add(time, value, length))?;
        Ok(Some(found))
    })?;
    let Some((sum, number)) = found else { return Ok(Dynamic::UNIT) };
    let told = if is_mean { sum / number.max(1) as FLOAT } else { sum };
    host.measured(told, length);
    Ok(told.into())
}

fn quantile(
    host: &SharedHost,
    place: Position,
    key: &Dynamic,
    value: &Dynamic,
    q: &Dynamic,
    window: &Dynamic,
) -> Result<Dynamic, Failure> {
    let length = window_of(window, place)?;
    let q = number_of(q)
        .filter(|q| (0.0..=1.0).contains(q))
        .ok_or_else(|| failure(format!("a quantile lies from 0 to 1, and `{q}` does not"), place))?;
    let Some(value) = number_of(value) else { return Ok(Dynamic::UNIT) };
    let mut host = host.lock();
    let found = with_key(key, place, None, |key| {
        host.remember(place, key, |memory, time| memory.sample().add(time, value, q, length)).map(|(found, _)| found)
    })?;
    if let Some(value) = found {
        host.measured(value, length);
    }
    Ok(found.map_or(Dynamic::UNIT, Dynamic::from))
}

/// True when the window holds at least `factor` times as many events as the one before it (with a
/// factor below 1: at most), once the key has been seen for both. The larger of the two holds at
/// least `least` events.
fn spike(
    host: &SharedHost,
    place: Position,
    key: &Dynamic,
    window: &Dynamic,
    factor: &Dynamic,
    least: INT,
) -> Result<bool, Failure> {
    let length = window_of(window, place)?;
    let factor = number_of(factor)
        .filter(|factor| *factor > 0.0)
        .ok_or_else(|| failure(format!("a factor is a number above 0, not `{factor}`"), place))?;
    let mut host = host.lock();
    let (now, is_spike) = with_key(key, place, (0, false), |key| {
        let told = host.remember(place, key, |memory, time| {
            let spike = memory.spike();
            let since = *spike.since.get_or_insert(time);
            let both = spike.window.add(time, length.saturating_mul(2));
            let now = spike.window.count(time, length);
            let before = both.saturating_sub(now);
            let ready = time.saturating_sub(since) >= length.saturating_mul(2);
            let enough = now.max(before) >= u64::try_from(least).unwrap_or(0);
            // An empty window before counts as one event, so that a factor has something to
            // multiply.
            let (now_f, expected) = (now as FLOAT, before.max(1) as FLOAT * factor);
            (now, ready && enough && if factor >= 1.0 { now_f >= expected } else { now_f <= expected })
        });
        told.map(|(told, _)| told)
    })?;
    host.measured(now as f64, length);
    Ok(is_spike)
}
