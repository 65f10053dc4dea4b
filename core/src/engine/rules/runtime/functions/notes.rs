//! `set`, `get`, `unset`: what a rule notes for itself.

use super::arguments::{Failure, failure, window_of, with_key};
use super::table::{Function, Group, overload};
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use crate::engine::rules::state::memory::{Kept, Memory};
use crate::engine::rules::state::remembered::KEPT;
use crate::engine::rules::value::stored::Stored;
use rhai::{Dynamic, Position};

/// All of them.
pub(super) const GROUP: Group = Group {
    title: "memory and tables",
    functions: &[
        Function {
            name: "set",
            arguments: (3, 3),
            expects: &[(2, Argument::Duration)],
            reference: &[(
                "`set(key, value, lifetime)`",
                "notes a text, number, truth value, array or map, up to 4 KiB",
            )],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, value: Dynamic, life: Dynamic| set(
                    context, position, &key, &value, &life
                ));
            },
        },
        Function {
            name: "get",
            arguments: (1, 1),
            expects: &[],
            reference: &[("`get(key)`", "what was noted; `()` when it is over")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic| get(context, position, &key));
            },
        },
        Function {
            name: "unset",
            arguments: (1, 1),
            expects: &[],
            reference: &[("`unset(key)`", "forgets it")],
            register: |to| {
                overload!(to, |context, position, key: Dynamic| unset(context, position, &key));
            },
        },
    ],
    others: &[],
};

fn set(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    value: &Dynamic,
    life: &Dynamic,
) -> Result<(), Failure> {
    let life = window_of(life, position)?;
    let value = Stored::of(value).map_err(|error| failure(format!("the value {error}"), position))?;
    let mut context = context.lock();
    with_key(key, position, (), |key| {
        let (remembered, budget, now) = context.remembered()?;
        remembered.at(KEPT, key, now, budget, |memory| {
            *memory = Memory::Kept(Box::new(Kept { value, until: now.saturating_add(life) }));
        });
        Ok(())
    })
}

fn get(context: &SharedContext, position: Position, key: &Dynamic) -> Result<Dynamic, Failure> {
    let mut context = context.lock();
    with_key(key, position, Dynamic::UNIT, |key| {
        let (remembered, _, now) = context.remembered()?;
        let kept = remembered.peek(KEPT, key, |memory| match memory {
            Memory::Kept(kept) if now < kept.until => kept.value.dynamic(),
            _ => Dynamic::UNIT,
        });
        Ok(kept.unwrap_or(Dynamic::UNIT))
    })
}

fn unset(context: &SharedContext, position: Position, key: &Dynamic) -> Result<(), Failure> {
    let mut context = context.lock();
    with_key(key, position, (), |key| {
        let (remembered, ..) = context.remembered()?;
        remembered.forget(KEPT, key);
        Ok(())
    })
}
