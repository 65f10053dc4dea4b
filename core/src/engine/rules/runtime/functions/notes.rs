//! `set`, `get`, `unset`, `between`, `weekday`, `now`: what a rule notes for itself, and the time.

use super::api::{Failure, failure, window_of, with_key};
use crate::engine::rules::runtime::context::SharedHost;
use crate::engine::rules::state::memory::{Kept, Memory};
use crate::engine::rules::state::remembered::KEPT;
use crate::engine::rules::value::calendar;
use crate::engine::rules::value::duration::seconds;
use crate::engine::rules::value::stored::Stored;
use rhai::{Dynamic, Module, NativeCallContext, Position};

/// Puts the functions into `module`, bound to `host`.
pub(crate) fn register(module: &mut Module, host: &SharedHost) {
    let here = host.clone();
    module.set_native_fn("set", move |context: NativeCallContext<'_>, key: Dynamic, value: Dynamic, life: Dynamic| {
        set(&here, context.call_position(), &key, &value, &life)
    });
    let here = host.clone();
    module.set_native_fn("get", move |context: NativeCallContext<'_>, key: Dynamic| {
        get(&here, context.call_position(), &key)
    });
    let here = host.clone();
    module.set_native_fn("unset", move |context: NativeCallContext<'_>, key: Dynamic| {
        let place = context.call_position();
        let mut host = here.lock();
        with_key(&key, place, (), |key| {
            let (remembered, ..) = host.remembered()?;
            remembered.forget(KEPT, key);
            Ok(())
        })
    });
    let here = host.clone();
    module.set_native_fn("between", move |context: NativeCallContext<'_>, from: &str, to: &str| {
        between(&here, context.call_position(), from, to, None)
    });
    let here = host.clone();
    module.set_native_fn("between", move |context: NativeCallContext<'_>, from: &str, to: &str, zone: &str| {
        between(&here, context.call_position(), from, to, Some(zone))
    });
    let here = host.clone();
    module
        .set_native_fn("weekday", move |context: NativeCallContext<'_>| weekday(&here, context.call_position(), None));
    let here = host.clone();
    module.set_native_fn("weekday", move |context: NativeCallContext<'_>, zone: &str| {
        weekday(&here, context.call_position(), Some(zone))
    });
    let here = host.clone();
    module.set_native_fn("now", move |context: NativeCallContext<'_>| {
        let now = here.lock().time().map_err(|message| failure(message, context.call_position()))?;
        Ok(seconds(now))
    });
    let here = host.clone();
    module.set_native_fn("age", move |context: NativeCallContext<'_>| {
        let age = here.lock().age().map_err(|message| failure(message, context.call_position()))?;
        Ok(seconds(age))
    });
}

fn set(host: &SharedHost, place: Position, key: &Dynamic, value: &Dynamic, life: &Dynamic) -> Result<(), Failure> {
    let life = window_of(life, place)?;
    let value = Stored::of(value).map_err(|error| failure(format!("the value {error}"), place))?;
    let mut host = host.lock();
    with_key(key, place, (), |key| {
        let (remembered, budget, now) = host.remembered()?;
        remembered.at(KEPT, key, now, budget, |memory| {
            *memory = Memory::Kept(Box::new(Kept { value, until: now.saturating_add(life) }));
        });
        Ok(())
    })
}

fn get(host: &SharedHost, place: Position, key: &Dynamic) -> Result<Dynamic, Failure> {
    let mut host = host.lock();
    with_key(key, place, Dynamic::UNIT, |key| {
        let (remembered, _, now) = host.remembered()?;
        let kept = remembered.peek(KEPT, key, |memory| match memory {
            Memory::Kept(kept) if now < kept.until => kept.value.dynamic(),
            _ => Dynamic::UNIT,
        });
        Ok(kept.unwrap_or(Dynamic::UNIT))
    })
}

fn between(host: &SharedHost, place: Position, from: &str, to: &str, zone: Option<&str>) -> Result<bool, Failure> {
    let fail = |message: String| failure(message, place);
    let read = |text: &str| {
        calendar::time_of_day(text).ok_or_else(|| fail(format!("`{text}` is no time of day; write \"22:00\"")))
    };
    let (from, to) = (read(from)?, read(to)?);
    let mut host = host.lock();
    let zone = host.zones.get(zone).map_err(fail)?;
    Ok(calendar::is_between(host.time().map_err(fail)?, &zone, from, to))
}

fn weekday(host: &SharedHost, place: Position, zone: Option<&str>) -> Result<Dynamic, Failure> {
    let fail = |message: String| failure(message, place);
    let mut host = host.lock();
    let zone = host.zones.get(zone).map_err(fail)?;
    Ok(calendar::weekday(host.time().map_err(fail)?, &zone).into())
}
