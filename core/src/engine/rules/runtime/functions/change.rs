//! `first_seen`, `changed`, `since`: how an event differs from those before it.

use super::api::{Failure, failure, window_of, with_key};
use crate::engine::rules::runtime::context::SharedHost;
use crate::engine::rules::state::memory::Memory;
use crate::engine::rules::state::remembered::WATCHED;
use crate::engine::rules::value::duration::seconds;
use crate::engine::rules::value::stored::Stored;
use rhai::{Dynamic, Module, NativeCallContext, Position};

/// Puts the functions into `module`, bound to `host`.
pub(crate) fn register(module: &mut Module, host: &SharedHost) {
    let here = host.clone();
    module.set_native_fn("first_seen", move |context: NativeCallContext<'_>, key: Dynamic| {
        first_seen(&here, context.call_position(), &key, None)
    });
    let here = host.clone();
    module.set_native_fn("first_seen", move |context: NativeCallContext<'_>, key: Dynamic, learn: Dynamic| {
        first_seen(&here, context.call_position(), &key, Some(&learn))
    });
    let here = host.clone();
    module.set_native_fn("changed", move |context: NativeCallContext<'_>, key: Dynamic, value: Dynamic| {
        changed(&here, context.call_position(), &key, &value)
    });
    let here = host.clone();
    module.set_native_fn("since", move |context: NativeCallContext<'_>, key: Dynamic| {
        since(&here, context.call_position(), &key)
    });
}

/// The key under which a call site notes when it was first asked; no event's key has a zero byte in
/// front.
fn birth_of(place: Position) -> String {
    format!("\u{0}{}:{}", place.line().unwrap_or(0), place.position().unwrap_or(0))
}

/// True the first time `key` is seen here, once the call site has been learning for `learn`. Never
/// again after the table has forgotten a key: what seems new may be old then.
fn first_seen(host: &SharedHost, place: Position, key: &Dynamic, learn: Option<&Dynamic>) -> Result<bool, Failure> {
    let learn = learn.map(|learn| window_of(learn, place)).transpose()?;
    let mut host = host.lock();
    with_key(key, place, false, |key| {
        let mut learning = false;
        if let Some(learn) = learn {
            let (remembered, budget, now) = host.remembered()?;
            let born = remembered.at(WATCHED, &birth_of(place), now, budget, |memory| match memory {
                Memory::At(born) => *born,
                _ => {
                    *memory = Memory::At(now);
                    now
                }
            });
            learning = now.saturating_sub(born.0) < learn;
        }
        let (is_new, has_forgotten) = host.remember(place, key, |memory, _| {
            let is_new = !matches!(memory, Memory::Seen(_));
            *memory = Memory::Seen(true);
            is_new
        })?;
        Ok(is_new && !has_forgotten && !learning)
    })
}

/// True when `value` is not what it was when `key` was last seen here. The first value is no
/// change, nor is a missing one.
fn changed(host: &SharedHost, place: Position, key: &Dynamic, value: &Dynamic) -> Result<bool, Failure> {
    if value.is_unit() {
        return Ok(false);
    }
    let value = Stored::of(value).map_err(|error| failure(format!("the value {error}"), place))?;
    let mut host = host.lock();
    with_key(key, place, false, |key| {
        let told = host.remember(place, key, |memory, _| {
            let differs = matches!(memory, Memory::Last(last) if *last != value);
            *memory = Memory::Last(value);
            differs
        });
        told.map(|(differs, _)| differs)
    })
}

/// Seconds since `key` was last seen here; `()` the first time.
fn since(host: &SharedHost, place: Position, key: &Dynamic) -> Result<Dynamic, Failure> {
    let mut host = host.lock();
    with_key(key, place, Dynamic::UNIT, |key| {
        let told = host.remember(place, key, |memory, now| {
            let last = if let Memory::At(last) = memory { Some(*last) } else { None };
            *memory = Memory::At(last.map_or(now, |last| last.max(now)));
            last.map_or(Dynamic::UNIT, |last| seconds(now.saturating_sub(last).max(0)).into())
        });
        told.map(|(told, _)| told)
    })
}
