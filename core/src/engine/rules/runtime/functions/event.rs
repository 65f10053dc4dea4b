//! `annotate`, `mask`, `drop`, `emit`: change the event, and emit others.

use super::arguments::failure;
use super::table::{Function, FunctionGroup, overload};
use crate::engine::rules::runtime::context::RuleContext;
use crate::engine::rules::value::stored::Stored;
use crate::event::Timestamp;
use crate::event::unescape::escape_into;
use rhai::{Array, Dynamic, Map};

/// Most members that rules can add to one event.
const MOST_MEMBERS: usize = 32;
/// Most bytes of the values of all added members, and of an emitted event.
const MOST_BYTES: usize = 8 << 10;
/// The default replacement for masked text.
const STARS: &str = "***";
/// The member with the findings of an event.
const FINDINGS: &str = "anomalies";

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "the event",
    functions: &[
        Function {
            name: "annotate",
            arguments: (1, 2),
            expects: &[],
            reference: &[(
                "`annotate(name, value)`, `annotate(#{…})`",
                "adds members before the event leaves; one that is there stays as it is",
            )],
            register: |to| {
                overload!(to, |context, position, name: &str, value: Dynamic| annotate(
                    &mut context.lock(),
                    name,
                    &value
                )
                .map_err(|message| failure(message, position)));
                overload!(to, |context, position, members: Map| annotate_all(&mut context.lock(), &members)
                    .map_err(|message| failure(message, position)));
            },
        },
        Function {
            name: "mask",
            arguments: (1, 2),
            expects: &[],
            reference: &[
                (
                    "`mask(pattern[, with])`",
                    "replaces what the regular expression finds in any text of the event, by `***` or by `with`, where `$1` is a group",
                ),
                (
                    "`mask([names])`",
                    "replaces the whole value of members with these names, in any case and at any depth",
                ),
            ],
            register: |to| {
                overload!(to, |context, position, pattern: &str| mask(&mut context.lock(), pattern, STARS)
                    .map_err(|message| failure(message, position)));
                overload!(to, |context, position, pattern: &str, with: &str| mask(&mut context.lock(), pattern, with)
                    .map_err(|message| failure(message, position)));
                overload!(to, |context, position, names: Array| mask_members(&mut context.lock(), &names)
                    .map_err(|message| failure(message, position)));
            },
        },
        Function {
            name: "drop",
            arguments: (0, 0),
            expects: &[],
            reference: &[("`drop()`", "the event does not leave; its findings leave as events of their own")],
            register: |to| {
                overload!(to, |context, position| withhold(&mut context.lock())
                    .map_err(|message| failure(message, position)));
            },
        },
        Function {
            name: "emit",
            arguments: (1, 1),
            expects: &[],
            reference: &[(
                "`emit(#{ message: …, … })`",
                "an event of the rule's own, with `timestamp`, `level` (INFO), `source` (seismolog) and `rule`, unless it says them itself; it goes through all rules once, which emit nothing in answer",
            )],
            register: |to| {
                overload!(to, |context, position, members: Map| emit(&mut context.lock(), &members)
                    .map_err(|message| failure(message, position)));
            },
        },
    ],
    others: &[],
};

/// Adds a member. A member that the event or an earlier call already has stays unchanged.
fn annotate(context: &mut RuleContext, name: &str, value: &Dynamic) -> Result<(), String> {
    if name.is_empty() || name.len() > 128 || name == FINDINGS {
        return Err(format!("`{name}` is no name for a member that a rule adds"));
    }
    if value.is_unit() || context.event()?.has(name) || context.edit.members.iter().any(|(known, _)| known == name) {
        return Ok(());
    }
    let value = Stored::of(value).map_err(|error| format!("`{name}` {error}"))?.json().to_string().into_bytes();
    let bytes: usize = context.edit.members.iter().map(|(name, value)| name.len() + value.len()).sum();
    if context.edit.members.len() >= MOST_MEMBERS || bytes + value.len() > MOST_BYTES {
        return Err(format!("more than {MOST_MEMBERS} members or {MOST_BYTES} bytes are added to one event"));
    }
    context.edit.members.push((name.to_owned(), value));
    Ok(())
}

fn annotate_all(context: &mut RuleContext, members: &Map) -> Result<(), String> {
    members.iter().try_for_each(|(name, value)| annotate(context, name, value))
}

fn mask(context: &mut RuleContext, pattern: &str, with: &str) -> Result<(), String> {
    context.event()?;
    let mask = context.masks.text(pattern, with)?;
    context.edit.masks.push(mask);
    Ok(())
}

fn mask_members(context: &mut RuleContext, names: &Array) -> Result<(), String> {
    context.event()?;
    let name = |name: &Dynamic| name.as_immutable_string_ref().map(|name| name.to_ascii_lowercase());
    let names = names.iter().map(name).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|found| format!("a mask of members lists their names, not {found}"))?;
    let mask = context.masks.members(names)?;
    context.edit.masks.push(mask);
    Ok(())
}

/// Withholds the event.
fn withhold(context: &mut RuleContext) -> Result<(), String> {
    context.event()?;
    context.edit.withheld = true;
    Ok(())
}

/// Emits an event. Adds time, level INFO, source and rule, unless `members` has them.
fn emit(context: &mut RuleContext, members: &Map) -> Result<(), String> {
    if !members.get("message").is_some_and(|message| message.is_string()) {
        return Err("an emitted event has a `message`, a text".to_owned());
    }
    if members.contains_key(FINDINGS) {
        return Err(format!("an emitted event cannot say its own `{FINDINGS}`"));
    }
    let mut said = Vec::with_capacity(members.len());
    for (name, value) in members.iter().filter(|(_, value)| !value.is_unit()) {
        said.push((name.as_str(), Stored::of(value).map_err(|error| format!("`{name}` {error}"))?.json().to_string()));
    }
    let bytes: usize = said.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MOST_BYTES {
        return Err(format!("an emitted event has at most {MOST_BYTES} bytes, and this one has {bytes}"));
    }
    context.emit(|rule, time| {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let time = quoted(&Timestamp(time).to_string());
        let own =
            [("timestamp", time), ("level", quoted("INFO")), ("source", quoted("seismolog")), ("rule", quoted(rule))];
        let mut event = Vec::with_capacity(bytes + 128);
        let own = own.iter().map(|(name, value)| (*name, value)).filter(|(name, _)| !members.contains_key(*name));
        for (i, (name, value)) in own.chain(said.iter().map(|(name, value)| (*name, value))).enumerate() {
            event.extend_from_slice(if i == 0 { b"{\"" } else { b",\"" });
            escape_into(name.as_bytes(), &mut event);
            event.extend_from_slice(b"\":");
            event.extend_from_slice(value.as_bytes());
        }
        event.push(b'}');
        event
    })
}
