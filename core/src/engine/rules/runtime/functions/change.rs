//! `first_seen`, `changed`, `since`: compare an event with those before it.

use super::arguments::{Failure, failure, window_of, with_key};
use super::table::{Function, FunctionGroup, overload};
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use crate::engine::rules::state::memory::Memory;
use crate::engine::rules::state::remembered::WATCHED;
use crate::engine::rules::value::duration::seconds;
use crate::engine::rules::value::stored::Stored;
use rhai::{Dynamic, Position};

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "change",
    functions: &[
        Function {
            name: "first_seen",
            arguments: (1, 2),
            expects: &[(1, Argument::Duration)],
            reference: &[(
                "`first_seen(key[, learn])`",
                "true the first time, and only once the call has been learning for `learn`",
            )],
            register: |to| {
                overload!(to, |context, position, key: Dynamic| first_seen(context, position, &key, None));
                overload!(to, |context, position, key: Dynamic, learn: Dynamic| first_seen(
                    context,
                    position,
                    &key,
                    Some(&learn)
                ));
            },
        },
        Function {
            name: "changed",
            arguments: (2, 2),
            expects: &[],
            reference: &[("`changed(key, value)`", "true when the value is not what it was when the key came last")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, value: Dynamic| changed(
                    context, position, &key, &value
                ));
            },
        },
        Function {
            name: "since",
            arguments: (1, 1),
            expects: &[],
            reference: &[("`since(key)`", "seconds since the key came last; `()` the first time")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic| since(context, position, &key));
            },
        },
    ],
    others: &[],
};

/// The key under which a call site stores the time of its first call. The zero byte in front keeps
/// it apart from keys of events.
fn birth_of(position: Position) -> String {
    format!("\u{0}{}:{}", position.line().unwrap_or(0), position.position().unwrap_or(0))
}

/// True the first time this call site sees `key`, once it has been learning for `learn`. Always
/// false once its table has evicted a key, because the key may not be new then.
fn first_seen(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    learn: Option<&Dynamic>,
) -> Result<bool, Failure> {
    let learn = learn.map(|learn| window_of(learn, position)).transpose()?;
    let mut context = context.lock();
    with_key(key, position, false, |key| {
        let mut learning = false;
        if let Some(learn) = learn {
            let (remembered, budget, now) = context.remembered()?;
            let born = remembered.at(WATCHED, &birth_of(position), now, budget, |memory| match memory {
                Memory::At(born) => *born,
                _ => {
                    *memory = Memory::At(now);
                    now
                }
            });
            learning = now.saturating_sub(born.0) < learn;
        }
        let (is_new, has_forgotten) = context.remember(position, key, |memory, _| {
            let is_new = !matches!(memory, Memory::Seen(_));
            *memory = Memory::Seen(true);
            is_new
        })?;
        Ok(is_new && !has_forgotten && !learning)
    })
}

/// True when `value` differs from the one when this call site last saw `key`. False for the first
/// value and for a missing one.
fn changed(context: &SharedContext, position: Position, key: &Dynamic, value: &Dynamic) -> Result<bool, Failure> {
    if value.is_unit() {
        return Ok(false);
    }
    let value = Stored::of(value).map_err(|error| failure(format!("the value {error}"), position))?;
    let mut context = context.lock();
    with_key(key, position, false, |key| {
        let told = context.remember(position, key, |memory, _| {
            let differs = matches!(memory, Memory::Last(last) if *last != value);
            *memory = Memory::Last(value);
            differs
        });
        told.map(|(differs, _)| differs)
    })
}

/// Seconds since this call site last saw `key`; `()` the first time.
fn since(context: &SharedContext, position: Position, key: &Dynamic) -> Result<Dynamic, Failure> {
    let mut context = context.lock();
    with_key(key, position, Dynamic::UNIT, |key| {
        let told = context.remember(position, key, |memory, now| {
            let last = if let Memory::At(last) = memory { Some(*last) } else { None };
            *memory = Memory::At(last.map_or(now, |last| last.max(now)));
            last.map_or(Dynamic::UNIT, |last| seconds(now.saturating_sub(last).max(0)).into())
        });
        told.map(|(told, _)| told)
    })
}
