//! `between`, `weekday`, `now`, `age`: the time of the event.

use super::arguments::{Failure, failure};
use super::table::{Function, FunctionGroup, overload};
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use crate::engine::rules::value::calendar;
use crate::engine::rules::value::duration::seconds;
use rhai::{Dynamic, Position};

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "time",
    functions: &[
        Function {
            name: "between",
            arguments: (2, 3),
            expects: &[(0, Argument::TimeOfDay), (1, Argument::TimeOfDay)],
            reference: &[(
                "`between(from, to[, zone])`",
                "true from one time of day until before another, over midnight if the second is earlier",
            )],
            register: |to| {
                overload!(to, |context, position, from: &str, to: &str| between(context, position, from, to, None));
                overload!(to, |context, position, from: &str, to: &str, zone: &str| between(
                    context,
                    position,
                    from,
                    to,
                    Some(zone)
                ));
            },
        },
        Function {
            name: "weekday",
            arguments: (0, 1),
            expects: &[],
            reference: &[("`weekday([zone])`", r#"`"mon"` to `"sun"`"#)],
            register: |to| {
                overload!(to, |context, position| weekday(context, position, None));
                overload!(to, |context, position, zone: &str| weekday(context, position, Some(zone)));
            },
        },
        Function {
            name: "now",
            arguments: (0, 0),
            expects: &[],
            reference: &[("`now()`", "seconds since 1970")],
            register: |to| {
                overload!(to, |context, position| context
                    .lock()
                    .time()
                    .map(seconds)
                    .map_err(|message| failure(message, position)));
            },
        },
        Function {
            name: "age",
            arguments: (0, 0),
            expects: &[],
            reference: &[(
                "`age()`",
                "seconds since the stream's first event; `if age() < 600 { return; }` lets the first ten minutes teach and not judge",
            )],
            register: |to| {
                overload!(to, |context, position| context
                    .lock()
                    .age()
                    .map(seconds)
                    .map_err(|message| failure(message, position)));
            },
        },
    ],
    others: &[("`fn on_tick(now)`", "called once a second of the stream's time, also on idle live input")],
};

fn between(
    context: &SharedContext,
    position: Position,
    from: &str,
    to: &str,
    zone: Option<&str>,
) -> Result<bool, Failure> {
    let fail = |message: String| failure(message, position);
    let read = |text: &str| {
        calendar::time_of_day(text).ok_or_else(|| fail(format!("`{text}` is no time of day; write \"22:00\"")))
    };
    let (from, to) = (read(from)?, read(to)?);
    let mut context = context.lock();
    let zone = context.zones.get(zone).map_err(fail)?;
    Ok(calendar::is_between(context.time().map_err(fail)?, &zone, from, to))
}

fn weekday(context: &SharedContext, position: Position, zone: Option<&str>) -> Result<Dynamic, Failure> {
    let fail = |message: String| failure(message, position);
    let mut context = context.lock();
    let zone = context.zones.get(zone).map_err(fail)?;
    Ok(calendar::weekday(context.time().map_err(fail)?, &zone).into())
}
