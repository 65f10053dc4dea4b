//! `count`, `rate`, `ratio`, `distinct`, `sum`, `avg`, `quantile`, `spike`: statistics over a
//! window of event time.
//!
//! Each call adds the current event to the window of its key and evaluates (t − window, t]. Every
//! call site has its own windows, so two calls do not count an event twice.

use super::arguments::{Failure, failure, number_of, truth_of, window_of, with_key};
use super::table::{Function, FunctionGroup, overload};
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use crate::engine::rules::value::duration::seconds;
use crate::engine::rules::value::scalar::text_of;
use rhai::{Dynamic, FLOAT, INT, Position};

/// Default for the least number of events in one of the two windows of `spike`.
const SPIKE_EVENTS: INT = 10;

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "counting",
    functions: &[
        Function {
            name: "count",
            arguments: (2, 2),
            expects: &[(1, Argument::Duration)],
            reference: &[("`count(key, window)`", "events; exact to 1,024 in the window, bucketed above")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, window: Dynamic| {
                    let length = window_of(&window, position)?;
                    count(context, position, &key, length).map(|count| INT::try_from(count).unwrap_or(INT::MAX))
                });
            },
        },
        Function {
            name: "rate",
            arguments: (2, 2),
            expects: &[(1, Argument::Duration)],
            reference: &[("`rate(key, window)`", "events a second")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, window: Dynamic| {
                    let length = window_of(&window, position)?;
                    count(context, position, &key, length).map(|count| count as FLOAT / seconds(length))
                });
            },
        },
        Function {
            name: "ratio",
            arguments: (3, 4),
            expects: &[(2, Argument::Duration)],
            reference: &[(
                "`ratio(key, condition, window[, least])`",
                "the share of events for which the condition holds; 0 with fewer than `least` events",
            )],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, met: Dynamic, window: Dynamic| ratio(
                    context, position, &key, &met, &window, 1
                ));
                overload!(to, |context, position, key: Dynamic, met: Dynamic, window: Dynamic, least: INT| ratio(
                    context, position, &key, &met, &window, least
                ));
            },
        },
        Function {
            name: "distinct",
            arguments: (3, 3),
            expects: &[(2, Argument::Duration)],
            reference: &[("`distinct(key, value, window)`", "different values; exact to 1,024, within 4 % above")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, value: Dynamic, window: Dynamic| distinct(
                    context, position, &key, &value, &window
                ));
            },
        },
        Function {
            name: "sum",
            arguments: (3, 3),
            expects: &[(2, Argument::Duration)],
            reference: &[("`sum(key, value, window)`", "the sum of a number; `()` where there is none")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, value: Dynamic, window: Dynamic| sum(
                    context, position, &key, &value, &window, false
                ));
            },
        },
        Function {
            name: "avg",
            arguments: (3, 3),
            expects: &[(2, Argument::Duration)],
            reference: &[("`avg(key, value, window)`", "its mean; `()` where there is none")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, value: Dynamic, window: Dynamic| sum(
                    context, position, &key, &value, &window, true
                ));
            },
        },
        Function {
            name: "quantile",
            arguments: (4, 4),
            expects: &[(3, Argument::Duration)],
            reference: &[(
                "`quantile(key, value, q, window)`",
                "q from 0 (least) to 1 (greatest); exact to 1,024, of a sample above",
            )],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, value: Dynamic, q: Dynamic, window: Dynamic| quantile(
                    context, position, &key, &value, &q, &window
                ));
            },
        },
        Function {
            name: "spike",
            arguments: (3, 5),
            expects: &[(1, Argument::Duration)],
            reference: &[(
                "`spike(key, window, factor[, least[, new]])`",
                "true when the window holds `factor` times what the one before it held; silent until two windows are full; at least `least` (10) events; with a factor below 1, a drop. With `new` true, a key that is new once the rule has watched for two windows counts as one that had no event before",
            )],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, window: Dynamic, factor: Dynamic| spike(
                    context,
                    position,
                    &key,
                    &window,
                    (&factor, SPIKE_EVENTS, false)
                ));
                overload!(to, |context, position, key: Dynamic, window: Dynamic, factor: Dynamic, least: INT| spike(
                    context,
                    position,
                    &key,
                    &window,
                    (&factor, least, false)
                ));
                overload!(to, |context,
                               position,
                               key: Dynamic,
                               window: Dynamic,
                               factor: Dynamic,
                               least: INT,
                               new: bool| spike(
                    context,
                    position,
                    &key,
                    &window,
                    (&factor, least, new)
                ));
            },
        },
    ],
    others: &[],
};

fn count(context: &SharedContext, position: Position, key: &Dynamic, length: i64) -> Result<u64, Failure> {
    let mut context = context.lock();
    let count = with_key(key, position, 0, |key| {
        context.remember(position, key, |memory, time| memory.count().add(time, length)).map(|(count, _)| count)
    })?;
    context.measured(count as f64, length);
    Ok(count)
}

/// The share of the events of `key` that met the condition; 0 with fewer than `least` events.
fn ratio(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    met: &Dynamic,
    window: &Dynamic,
    least: INT,
) -> Result<FLOAT, Failure> {
    let (length, met) = (window_of(window, position)?, truth_of(met, position)?);
    let mut context = context.lock();
    let share = with_key(key, position, 0.0, |key| {
        let shared = context.remember(position, key, |memory, time| {
            let share = memory.share();
            let all = share.all.add(time, length);
            let met = if met { share.met.add(time, length) } else { share.met.count(time, length) };
            if all < u64::try_from(least).unwrap_or(0) { 0.0 } else { (met as FLOAT / all as FLOAT).min(1.0) }
        });
        shared.map(|(share, _)| share)
    })?;
    context.measured(share, length);
    Ok(share)
}

fn distinct(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    value: &Dynamic,
    window: &Dynamic,
) -> Result<INT, Failure> {
    let length = window_of(window, position)?;
    let Some(value) = text_of(value) else { return Ok(0) };
    let mut context = context.lock();
    let count = with_key(key, position, 0, |key| {
        context
            .remember(position, key, |memory, time| memory.distinct().add(time, &value, length))
            .map(|(count, _)| count)
    })?;
    context.measured(count as f64, length);
    Ok(INT::try_from(count).unwrap_or(INT::MAX))
}

fn sum(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    value: &Dynamic,
    window: &Dynamic,
    is_mean: bool,
) -> Result<Dynamic, Failure> {
    let length = window_of(window, position)?;
    let Some(value) = number_of(value) else { return Ok(Dynamic::UNIT) };
    let mut context = context.lock();
    let found = with_key(key, position, None, |key| {
        let (found, _) = context.remember(position, key, |memory, time| memory.sums().add(time, value, length))?;
        Ok(Some(found))
    })?;
    let Some((sum, number)) = found else { return Ok(Dynamic::UNIT) };
    let told = if is_mean { sum / number.max(1) as FLOAT } else { sum };
    context.measured(told, length);
    Ok(told.into())
}

fn quantile(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    value: &Dynamic,
    q: &Dynamic,
    window: &Dynamic,
) -> Result<Dynamic, Failure> {
    let length = window_of(window, position)?;
    let q = number_of(q)
        .filter(|q| (0.0..=1.0).contains(q))
        .ok_or_else(|| failure(format!("a quantile lies from 0 to 1, and `{q}` does not"), position))?;
    let Some(value) = number_of(value) else { return Ok(Dynamic::UNIT) };
    let mut context = context.lock();
    let found = with_key(key, position, None, |key| {
        context
            .remember(position, key, |memory, time| memory.sample().add(time, value, q, length))
            .map(|(found, _)| found)
    })?;
    if let Some(value) = found {
        context.measured(value, length);
    }
    Ok(found.map_or(Dynamic::UNIT, Dynamic::from))
}

/// True when the window has at least `factor` times as many events as the one before it (with a
/// factor below 1: at most), once the key was seen for two windows. The larger of the two counts
/// must be at least `least`. Where `new` keys count, the rule must have watched for two windows: a
/// key that it did not see had no event, unless the table has evicted keys.
fn spike(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    window: &Dynamic,
    (factor, least, new): (&Dynamic, INT, bool),
) -> Result<bool, Failure> {
    let length = window_of(window, position)?;
    let factor = number_of(factor)
        .filter(|factor| *factor > 0.0)
        .ok_or_else(|| failure(format!("a factor is a number above 0, not `{factor}`"), position))?;
    let mut context = context.lock();
    let (now, is_spike) = with_key(key, position, (0, false), |key| {
        let watching = if new { context.since()? } else { context.time()? };
        let ((now, told, is_new), has_forgotten) = context.remember(position, key, |memory, time| {
            let spike = memory.spike();
            let is_new = spike.since.is_none();
            let since = *spike.since.get_or_insert(watching);
            let both = spike.window.add(time, length.saturating_mul(2));
            let now = spike.window.count(time, length);
            let before = both.saturating_sub(now);
            let ready = time.saturating_sub(since) >= length.saturating_mul(2);
            let enough = now.max(before) >= u64::try_from(least).unwrap_or(0);
            // An empty window before counts as one event, so that there is something to multiply.
            let (now_f, expected) = (now as FLOAT, before.max(1) as FLOAT * factor);
            (now, ready && enough && if factor >= 1.0 { now_f >= expected } else { now_f <= expected }, is_new)
        })?;
        if new && is_new && has_forgotten {
            // The key may be one that was evicted.
            context.remember(position, key, |memory, time| memory.spike().since = Some(time))?;
            return Ok((now, false));
        }
        Ok((now, told))
    })?;
    context.measured(now as f64, length);
    Ok(is_spike)
}
