//! `pair`, `pair_within`, `sequence`, `absent`: what comes after what, and what does not come.

use super::api::{Failure, failure, truth_of, window_of, with_key};
use crate::engine::rules::runtime::context::SharedHost;
use crate::engine::rules::state::memory::{Action, Alive, Began, Memory, Origin};
use crate::engine::rules::state::remembered::WATCHED;
use crate::engine::rules::value::stored::Stored;
use rhai::{Array, Dynamic, FnPtr, Module, NativeCallContext, Position};

/// How long `pair` waits for the second event where the rule does not say: a day.
const PAIR_NS: i64 = 86_400_000_000_000;
/// Steps of a sequence.
const MOST_STEPS: usize = 16;
/// Stands before a step that must not come.
const NOT: char = '!';
/// No run has got so far.
const NONE: i64 = i64::MIN;

/// Puts the functions into `module`, bound to `host`.
pub(crate) fn register(module: &mut Module, host: &SharedHost) {
    let here = host.clone();
    module.set_native_fn(
        "pair",
        move |context: NativeCallContext<'_>, key: Dynamic, begins: Dynamic, ends: Dynamic| {
            pair(&here, context.call_position(), &key, (&begins, &ends), PAIR_NS, None)
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "pair",
        move |context: NativeCallContext<'_>, key: Dynamic, begins: Dynamic, ends: Dynamic, window: Dynamic| {
            let place = context.call_position();
            pair(&here, place, &key, (&begins, &ends), window_of(&window, place)?, None)
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "pair_within",
        move |context: NativeCallContext<'_>,
              key: Dynamic,
              begins: Dynamic,
              ends: Dynamic,
              window: Dynamic,
              action: FnPtr| {
            let place = context.call_position();
            pair(&here, place, &key, (&begins, &ends), window_of(&window, place)?, Some(&action))
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "sequence",
        move |context: NativeCallContext<'_>, key: Dynamic, step: Dynamic, steps: Array, window: Dynamic| {
            sequence(&here, context.call_position(), &key, &step, &steps, &window)
        },
    );
    let here = host.clone();
    module.set_native_fn(
        "absent",
        move |context: NativeCallContext<'_>, key: Dynamic, window: Dynamic, action: FnPtr| {
            absent(&here, context.call_position(), &key, &window, &action)
        },
    );
}

/// What is called later: the function's name and what it has captured, as plain values.
fn action_of(action: &FnPtr, origin: Origin) -> Result<Action, String> {
    let captured = action.iter_curry().map(Stored::of).collect::<Result<_, _>>();
    let captured = captured.map_err(|error| format!("what the function uses from outside {error}"))?;
    Ok(Action { function: action.fn_name().to_owned(), captured, origin })
}

/// The first event of a pair is noted, the second gives the milliseconds since then; `()`
/// otherwise. With an action, that is called when the second has not come in time.
fn pair(
    host: &SharedHost,
    place: Position,
    key: &Dynamic,
    (begins, ends): (&Dynamic, &Dynamic),
    window: i64,
    action: Option<&FnPtr>,
) -> Result<Dynamic, Failure> {
    let (begins, ends) = (truth_of(begins, place)?, truth_of(ends, place)?);
    if !begins && !ends {
        return Ok(Dynamic::UNIT);
    }
    let mut host = host.lock();
    with_key(key, place, Dynamic::UNIT, |key| {
        let action = match action {
            Some(action) if begins => Some(action_of(action, host.origin()?)?),
            _ => None,
        };
        let told = host.remember(place, key, |memory, now| {
            let known = if let Memory::Began(began) = &*memory { Some((began.at, began.until)) } else { None };
            let open = known.filter(|(_, until)| now < *until);
            let mut told = Dynamic::UNIT;
            if ends {
                if let Some((at, _)) = open {
                    told = (now.saturating_sub(at).max(0) as f64 / 1e6).into();
                }
                *memory = Memory::Nothing;
            }
            // Of several beginnings the first counts, until the end comes.
            if begins && (ends || open.is_none()) {
                *memory = Memory::Began(Box::new(Began { at: now, until: now.saturating_add(window), action }));
            }
            told
        });
        told.map(|(told, _)| told)
    })
}

/// True when this event is the last of `steps` in their order within the window. Of each number of
/// steps only the latest beginning is held, for a run that began later has more time left and loses
/// nothing else.
fn sequence(
    host: &SharedHost,
    place: Position,
    key: &Dynamic,
    step: &Dynamic,
    steps: &Array,
    window: &Dynamic,
) -> Result<bool, Failure> {
    let length = window_of(window, place)?;
    let Some(step) = crate::engine::rules::value::scalar::text_of(step) else { return Ok(false) };
    let mut names = Vec::with_capacity(steps.len());
    for name in steps {
        names.push(
            crate::engine::rules::value::scalar::text_of(name)
                .ok_or_else(|| failure("a step of a sequence is a text", place))?,
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
        return Err(failure(message, place));
    }
    if !names.iter().any(|name| name.trim_start_matches(NOT) == step) {
        return Ok(false);
    }
    let mut host = host.lock();
    with_key(key, place, false, |key| {
        let told = host.remember(place, key, |memory, now| {
            let steps = memory.steps();
            steps.begun.resize(wanted, NONE);
            (steps.last, steps.length) = (now, length);
            let mut done = false;
            // From the back, so that one event is one step of a run.
            let mut place = wanted;
            for name in names.iter().rev() {
                if let Some(unwanted) = name.strip_prefix(NOT) {
                    // It stands between step `place` and the next: runs that have just done step
                    // `place` end.
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

/// In `on_event`: `key` is alive, and when the window passes without another such event the action
/// is called, once. In `on_tick`: a key that has never spoken is waited for from now on.
fn absent(host: &SharedHost, place: Position, key: &Dynamic, window: &Dynamic, action: &FnPtr) -> Result<(), Failure> {
    let length = window_of(window, place)?;
    let mut host = host.lock();
    with_key(key, place, (), |key| {
        let action = action_of(action, host.origin()?)?;
        let waits = host.is_tick();
        let (remembered, budget, now) = host.remembered()?;
        remembered.at(WATCHED, key, now, budget, |memory| {
            let known = matches!(memory, Memory::Alive(_));
            if waits && known {
                return;
            }
            let Alive { at, length: kept, deadline, action: then } = memory.alive();
            *at = if known { now.max(*at) } else { now };
            // A longer window moves its end by itself; a shorter one would come too late.
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
