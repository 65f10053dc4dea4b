//! `set`, `get`, `unset`: values that a rule stores by key.

use super::arguments::{Failure, failure, window_of, with_key};
use super::table::{Function, FunctionGroup, overload};
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use crate::engine::rules::state::memory::{Memory, Note};
use crate::engine::rules::state::remembered::NOTES;
use crate::engine::rules::value::stored::Stored;
use rhai::{Dynamic, Position};

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
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
        remembered.at(NOTES, key, now, budget, |memory| {
            *memory = Memory::Note(Box::new(Note { value, until: now.saturating_add(life) }));
        });
        Ok(())
    })
}

fn get(context: &SharedContext, position: Position, key: &Dynamic) -> Result<Dynamic, Failure> {
    let mut context = context.lock();
    with_key(key, position, Dynamic::UNIT, |key| {
        let (remembered, _, now) = context.remembered()?;
        let kept = remembered.peek(NOTES, key, |memory| match memory {
            Memory::Note(note) if now < note.until => note.value.dynamic(),
            _ => Dynamic::UNIT,
        });
        Ok(kept.unwrap_or(Dynamic::UNIT))
    })
}

fn unset(context: &SharedContext, position: Position, key: &Dynamic) -> Result<(), Failure> {
    let mut context = context.lock();
    with_key(key, position, (), |key| {
        let (remembered, ..) = context.remembered()?;
        remembered.forget(NOTES, key);
        Ok(())
    })
}
