//! The functions that rules can call, and the properties they can read.
//!
//! Here is what all of them share and what reports: `finding`, `resolve`, `lookup`, `find_in`. The
//! others stand by what they are about: `counting`, `change`, `order`, `state_fns`, `event_fns`,
//! `metric_fns`.

use super::{change, counting, event as event_fns, metrics as metric_fns, notes as state_fns, order};
use crate::diagnostic::nearest;
use crate::engine::finding::Severity;
use crate::engine::rules::compile::declaration::severity_of;
use crate::engine::rules::compile::names::FINDING;
use crate::engine::rules::runtime::context::{Asked, BETWEEN_PARTS, Host, NOT_RUNNING, SharedHost};
use crate::engine::rules::runtime::event::Event;
use crate::engine::rules::state::budget::Spent;
use crate::engine::rules::value::duration;
use crate::engine::rules::value::scalar::text_of;
use rhai::{Dynamic, EvalAltResult, INT, Map, Module, NativeCallContext, Position};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes of a finding's summary, cause and remedy that are kept.
const LONGEST_TEXT: usize = 1024;
/// Lines of context that a finding can ask for.
const MOST_CONTEXT: INT = 1000;
/// Bytes of text that are searched for the price of one operation.
const BYTES_AN_OPERATION: u64 = 64;

pub(crate) type Failure = Box<EvalAltResult>;

pub(crate) fn failure(message: impl Into<String>, place: Position) -> Failure {
    EvalAltResult::ErrorRuntime(message.into().into(), place).into()
}

/// Puts the functions into `module`, bound to `host`.
pub(crate) fn register(module: &mut Module, host: &SharedHost, spent: &Arc<Spent>) {
    counting::register(module, host);
    change::register(module, host);
    order::register(module, host);
    state_fns::register(module, host);
    event_fns::register(module, host);
    metric_fns::register(module, host);
    let finding_host = host.clone();
    module.set_native_fn("finding", move |context: NativeCallContext<'_>, map: Map| {
        let fail = |message| failure(message, context.call_position());
        finding_host.lock().finding(asked(&map).map_err(fail)?).map_err(fail)
    });
    let resolving = host.clone();
    module.set_native_fn("resolve", move |context: NativeCallContext<'_>| {
        let asked = Asked { resolved: true, ..Asked::default() };
        resolving.lock().finding(asked).map_err(|message| failure(message, context.call_position()))
    });
    let resolving = host.clone();
    module.set_native_fn("resolve", move |context: NativeCallContext<'_>, key: Map| {
        let fail = |message| failure(message, context.call_position());
        let key = Some(key_map(&key).map_err(fail)?);
        resolving.lock().finding(Asked { resolved: true, key, ..Asked::default() }).map_err(fail)
    });
    let looking = host.clone();
    module.set_native_fn("lookup", move |context: NativeCallContext<'_>, table: &str, key: Dynamic| {
        let host = looking.lock();
        let table = table_of(&host, table).map_err(|message| failure(message, context.call_position()))?;
        Ok(text_of(&key).and_then(|key| table.row(&key)).map_or(Dynamic::UNIT, |row| row.clone().into()))
    });
    let (finding_in, spent) = (host.clone(), Arc::clone(spent));
    module.set_native_fn("find_in", move |context: NativeCallContext<'_>, table: &str, text: Dynamic| {
        let host = finding_in.lock();
        let table = table_of(&host, table).map_err(|message| failure(message, context.call_position()))?;
        let Some(text) = text_of(&text) else { return Ok(Dynamic::UNIT) };
        // The next operation ends the evaluation if this was too much.
        let _ = spent.spend_many(text.len() as u64 / BYTES_AN_OPERATION);
        Ok(table.find_in(&text).map_or(Dynamic::UNIT, |(key, row)| {
            let mut row = row.clone();
            row.insert("key".into(), key.into());
            row.into()
        }))
    });
    module.set_indexer_get_fn(|event: &mut Event, name: &str| Ok(event.member(name)));
}

/// The getters of the properties a rule reads: `e.x` is the role x, what the engine knows of the
/// event (`anomalies`, `template`, `template_text`, `params`), or the literal member; and a
/// property of what is missing is missing too, so that `e.http.status` needs no test for `e.http`.
pub(crate) fn getters(names: &BTreeSet<String>) -> Module {
    let mut module = Module::new();
    for name in names {
        match crate::event::Role::from_name(name) {
            Some(role) => drop(module.set_getter_fn(name, move |event: &mut Event| Ok(event.role(role)))),
            None => {
                let member = name.clone();
                module.set_getter_fn(name, move |event: &mut Event| {
                    Ok(event.known(&member).unwrap_or_else(|| event.member(&member)))
                });
            }
        }
        module.set_getter_fn(name, |(): &mut ()| Ok(()));
    }
    module
}

/// The nanoseconds that a window's text says.
pub(crate) fn window_of(window: &Dynamic, place: Position) -> Result<i64, Failure> {
    window
        .as_immutable_string_ref()
        .ok()
        .and_then(|text| duration::nanoseconds(&text))
        .ok_or_else(|| failure(format!("`{window}` is no duration; {}", duration::HINT), place))
}

/// A condition: what is missing does not hold.
pub(crate) fn truth_of(value: &Dynamic, place: Position) -> Result<bool, Failure> {
    if value.is_unit() {
        return Ok(false);
    }
    value.as_bool().map_err(|found| failure(format!("a condition is true or false, not {found}"), place))
}

/// A number, written as one or as text; `None` for what is missing or none.
pub(crate) fn number_of(value: &Dynamic) -> Option<f64> {
    let number = match value.as_float().or_else(|_| value.as_int().map(|number| number as f64)) {
        Ok(number) => number,
        Err(_) => value.as_immutable_string_ref().ok()?.trim().parse().ok()?,
    };
    number.is_finite().then_some(number)
}

/// Runs `work` on the text under which `key` is held; `missing` stands for a key that is missing,
/// or a part of it.
pub(crate) fn with_key<R>(
    key: &Dynamic,
    place: Position,
    missing: R,
    work: impl FnOnce(&str) -> Result<R, String>,
) -> Result<R, Failure> {
    let fail = |message: String| failure(message, place);
    // Nearly every key is a text, which is not copied.
    if let Ok(text) = key.as_immutable_string_ref() {
        return work(&text).map_err(fail);
    }
    match key_of(key).map_err(fail)? {
        Some(key) => work(&key).map_err(fail),
        None => Ok(missing),
    }
}

/// The text under which a key is held: a scalar's own, an array's parts joined. `None` when it or a
/// part is missing.
fn key_of(key: &Dynamic) -> Result<Option<String>, String> {
    if key.is_unit() {
        return Ok(None);
    }
    let Ok(parts) = key.as_array_ref() else {
        return text_of(key)
            .map(Some)
            .ok_or_else(|| format!("a key is a scalar or an array of scalars, not {}", key.type_name()));
    };
    let mut joined = String::new();
    for (i, part) in parts.iter().enumerate() {
        if part.is_unit() {
            return Ok(None);
        }
        if i > 0 {
            joined.push_str(BETWEEN_PARTS);
        }
        joined
            .push_str(&text_of(part).ok_or_else(|| format!("a part of a key is a scalar, not {}", part.type_name()))?);
    }
    Ok(Some(joined))
}

fn asked(map: &Map) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut has_summary = false;
    for (name, value) in map {
        // What a table's row or the event does not have is as good as not said.
        if value.is_unit() && name != "summary" && FINDING.contains(&name.as_str()) {
            continue;
        }
        let text = || {
            let text = value
                .as_immutable_string_ref()
                .map_err(|found| format!("`{name}` of a finding is text, not {found}"))?;
            Ok::<_, String>(text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned())
        };
        match name.as_str() {
            "summary" => (asked.summary, has_summary) = (text()?, true),
            "cause" => asked.cause = Some(text()?),
            "remedy" => asked.remedy = Some(text()?),
            "severity" => {
                let name = text()?;
                let known = Severity::ALL.map(Severity::name).join(", ");
                asked.severity =
                    Some(severity_of(&name).ok_or_else(|| format!("unknown severity `{name}`; known: {known}"))?);
            }
            "context" => {
                let lines = value
                    .as_int()
                    .map_err(|found| format!("`context` of a finding is a number of lines, not {found}"))?;
                asked.context = lines.clamp(0, MOST_CONTEXT) as usize;
            }
            "reset" => {
                asked.reset =
                    value.as_bool().map_err(|found| format!("`reset` of a finding is true or false, not {found}"))?
            }
            "key" => {
                let map = value
                    .as_map_ref()
                    .map_err(|found| format!("`key` of a finding is a map of names and values, not {found}"))?;
                asked.key = Some(key_map(&map)?);
            }
            "state" => {
                asked.resolved = match text()?.as_str() {
                    "open" => false,
                    "resolved" => true,
                    other => return Err(format!("`state` of a finding is \"open\" or \"resolved\", not `{other}`")),
                }
            }
            _ => {
                let hint = nearest(name, FINDING)
                    .map_or_else(|| format!("known: {}", FINDING.join(", ")), |near| format!("did you mean `{near}`?"));
                return Err(format!("unknown member of a finding `{name}`; {hint}"));
            }
        }
    }
    if has_summary || asked.resolved { Ok(asked) } else { Err("a finding has a `summary`".to_owned()) }
}

/// A map of names and scalars; what is missing is left out.
pub(crate) fn key_map(map: &Map) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::with_capacity(map.len());
    for (name, value) in map.iter().filter(|(_, value)| !value.is_unit()) {
        let text = text_of(value).ok_or_else(|| format!("`{name}` of a key is a scalar, not {}", value.type_name()))?;
        pairs.push((name.to_string(), text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned()));
    }
    Ok(pairs)
}

fn table_of<'a>(host: &'a Host, name: &str) -> Result<&'a crate::engine::rules::value::table::Table, String> {
    if host.set.rules().is_empty() {
        return Err(NOT_RUNNING.to_owned());
    }
    let tables = host.set.tables();
    tables.iter().find(|table| table.name == name).ok_or_else(|| {
        let hint = nearest(name, tables.iter().map(|table| table.name.as_str()))
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("unknown table `{name}`{hint}")
    })
}
