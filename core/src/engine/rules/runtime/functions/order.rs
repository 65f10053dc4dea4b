//! `pair`, `pair_within`, `sequence`, `absent`: the order of events, and missing events.

use super::arguments::{Failure, failure, truth_of, window_of, with_key};
use super::table::{Function, FunctionGroup, overload};
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use crate::engine::rules::state::memory::{Action, Alive, Began, Memory, Origin};
use crate::engine::rules::state::remembered::WATCHED;
use crate::engine::rules::value::stored::Stored;
use rhai::{Array, Dynamic, FnPtr, Position};

/// Default time that `pair` waits for the second event: one day, in nanoseconds.
const PAIR_NS: i64 = 86_400_000_000_000;
/// Most steps of a sequence.
const MOST_STEPS: usize = 16;
/// Prefix of a step that must not come.
const NOT: char = '!';
/// No run has reached this step.
const NONE: i64 = i64::MIN;

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "order",
    functions: &[
        Function {
            name: "pair",
            arguments: (3, 4),
            expects: &[(3, Argument::Duration)],
            reference: &[(
                "`pair(key, begins, ends[, window])`",
                "milliseconds from the first event to the second, on the second; `()` otherwise; waits a day, or for the window",
            )],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, begins: Dynamic, ends: Dynamic| pair(
                    context,
                    position,
                    &key,
                    (&begins, &ends),
                    PAIR_NS,
                    None
                ));
                overload!(to, |context, position, key: Dynamic, begins: Dynamic, ends: Dynamic, window: Dynamic| pair(
                    context,
                    position,
                    &key,
                    (&begins, &ends),
                    window_of(&window, position)?,
                    None
                ));
            },
        },
        Function {
            name: "pair_within",
            arguments: (5, 5),
            expects: &[(3, Argument::Duration)],
            reference: &[(
                r#"`pair_within(key, begins, ends, window, \|start\| …)`"#,
                "the same, and calls the function when the second has not come in time",
            )],
            register: |to| {
                overload!(to, |context,
                               position,
                               key: Dynamic,
                               begins: Dynamic,
                               ends: Dynamic,
                               window: Dynamic,
                               action: FnPtr| pair(
                    context,
                    position,
                    &key,
                    (&begins, &ends),
                    window_of(&window, position)?,
                    Some(&action)
                ));
            },
        },
        Function {
            name: "sequence",
            arguments: (4, 4),
            expects: &[(3, Argument::Duration)],
            reference: &[(
                "`sequence(key, step, [steps], window)`",
                r#"true on the last of the steps, in their order; `"!x"`: x must not come there"#,
            )],
            register: |to| {
                overload!(
                    to,
                    |context, position, key: Dynamic, step: Dynamic, steps: Array, window: Dynamic| sequence(
                        context, position, &key, &step, &steps, &window
                    )
                );
            },
        },
        Function {
            name: "absent",
            arguments: (3, 3),
            expects: &[(1, Argument::Duration)],
            reference: &[(
                r#"`absent(key, window, \|last\| …)`"#,
                "in `on_event`: calls the function, once, when the window passes without another event of the key; in `on_tick`: waits for a key that has never come",
            )],
            register: |to| {
                overload!(to, |context, position, key: Dynamic, window: Dynamic, action: FnPtr| absent(
                    context, position, &key, &window, &action
                ));
            },
        },
    ],
    others: &[],
};

/// An action for later: the function's name and its captured variables as plain values.
fn action_of(action: &FnPtr, origin: Origin) -> Result<Action, String> {
    let captured = action.iter_curry().map(Stored::of).collect::<Result<_, _>>();
    let captured = captured.map_err(|error| format!("what the function uses from outside {error}"))?;
    Ok(Action { function: action.fn_name().to_owned(), captured, origin })
}

/// The first event of a pair starts the time; the second one returns the milliseconds since then.
/// Otherwise returns `()`. With an action, the action is called if the second event does not come
/// in time.
fn pair(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    (begins, ends): (&Dynamic, &Dynamic),
    window: i64,
    action: Option<&FnPtr>,
) -> Result<Dynamic, Failure> {
    let (begins, ends) = (truth_of(begins, position)?, truth_of(ends, position)?);
    if !begins && !ends {
        return Ok(Dynamic::UNIT);
    }
    let mut context = context.lock();
    with_key(key, position, Dynamic::UNIT, |key| {
        let action = match action {
            Some(action) if begins => Some(action_of(action, context.origin()?)?),
            _ => None,
        };
        let told = context.remember(position, key, |memory, now| {
            let known = if let Memory::Began(began) = &*memory { Some((began.at, began.until)) } else { None };
            let open = known.filter(|(_, until)| now < *until);
            let mut told = Dynamic::UNIT;
            if ends {
                if let Some((at, _)) = open {
                    told = (now.saturating_sub(at).max(0) as f64 / 1e6).into();
                }
                *memory = Memory::Nothing;
            }
            // If the first event comes several times, the first of them counts.
            if begins && (ends || open.is_none()) {
                *memory = Memory::Began(Box::new(Began { at: now, until: now.saturating_add(window), action }));
            }
            told
        });
        told.map(|(told, _)| told)
    })
}

/// True when this event is the last of `steps`, which came in this order within the window. For
/// each number of completed steps only the run that began last is stored: it has the most time left
/// and is otherwise equal to the others.
fn sequence(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    step: &Dynamic,
    steps: &Array,
    window: &Dynamic,
) -> Result<bool, Failure> {
    let length = window_of(window, position)?;
    let Some(step) = crate::engine::rules::value::scalar::text_of(step) else { return Ok(false) };
    let mut names = Vec::with_capacity(steps.len());
    for name in steps {
        names.push(
            crate::engine::rules::value::scalar::text_of(name)
                .ok_or_else(|| failure("a step of a sequence is a text", position))?,
        );
    }
    let wanted = names.iter().filter(|name| !name.starts_with(NOT)).count();
    if names.len() > MOST_STEPS
        || wanted < 2
        || [names.first(), names.last()].iter().flatten().any(|n| n.starts_with(NOT))
    {
        let message = format!(
            "a sequence has 2 to {MOST_STEPS} steps and begins and ends with one that comes; for one that must not come at the end there is `pair_within`"
        );
        return Err(failure(message, position));
    }
    if !names.iter().any(|name| name.trim_start_matches(NOT) == step) {
        return Ok(false);
    }
    let mut context = context.lock();
    with_key(key, position, false, |key| {
        let told = context.remember(position, key, |memory, now| {
            let steps = memory.steps();
            steps.begun.resize(wanted, NONE);
            (steps.last, steps.length) = (now, length);
            let mut done = false;
            // From the last step to the first, so that one event advances a run by one step only.
            let mut place = wanted;
            for name in names.iter().rev() {
                if let Some(unwanted) = name.strip_prefix(NOT) {
                    // This step stands between step `place` and the next one, so it ends runs that
                    // have just completed step `place`.
                    if unwanted == step && place > 0 {
                        steps.begun[place - 1] = NONE;
                    }
                    continue;
                }
                place -= 1;
                if *name != step {
                    continue;
                }
                let begun = if place == 0 { now } else { steps.begun[place - 1] };
                if begun == NONE || now.saturating_sub(begun) > length {
                    continue;
                }
                if place + 1 == wanted {
                    done = true;
                } else {
                    steps.begun[place] = steps.begun[place].max(begun);
                }
            }
            if done {
                steps.begun.fill(NONE);
            }
            done
        });
        told.map(|(done, _)| done)
    })
}

/// In `on_event`: records an event of `key`; if the window passes without another, the action is
/// called once. In `on_tick`: starts to wait for a key that has had no event yet.
fn absent(
    context: &SharedContext,
    position: Position,
    key: &Dynamic,
    window: &Dynamic,
    action: &FnPtr,
) -> Result<(), Failure> {
    let length = window_of(window, position)?;
    let mut context = context.lock();
    with_key(key, position, (), |key| {
        let action = action_of(action, context.origin()?)?;
        let waits = context.is_tick();
        let (remembered, budget, now) = context.remembered()?;
        remembered.at(WATCHED, key, now, budget, |memory| {
            let known = matches!(memory, Memory::Alive(_));
            if waits && known {
                return;
            }
            let Alive { at, length: kept, deadline, action: then } = memory.alive();
            *at = if known { now.max(*at) } else { now };
            // With a longer window the deadline is moved when it is due. With a shorter one that
            // would be too late, so the deadline is set anew.
            if length < *kept {
                *deadline = None;
            }
            *kept = length;
            *then = action;
            deadline.get_or_insert(at.saturating_add(length));
        });
        Ok(())
    })
}
