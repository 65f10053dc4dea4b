//! The functions that rules can call: `count`, `finding`, `lookup`, `find_in`.

use super::budget::Spent;
use super::declaration::severity_of;
use super::duration;
use super::event::Event;
use super::functions::FINDING;
use super::host::{Asked, BETWEEN_PARTS, Host, NOT_RUNNING, SharedHost};
use super::scalar::text_of;
use crate::diagnostic::nearest;
use crate::engine::finding::Severity;
use rhai::{Dynamic, EvalAltResult, INT, Map, Module, NativeCallContext, Position};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes of a finding's summary, cause and remedy that are kept.
const LONGEST_TEXT: usize = 1024;
/// Lines of context that a finding can ask for.
const MOST_CONTEXT: INT = 1000;
/// Bytes of text that are searched for the price of one operation.
const BYTES_AN_OPERATION: u64 = 64;

type Failure = Box<EvalAltResult>;

fn failure(message: impl Into<String>, place: Position) -> Failure {
    EvalAltResult::ErrorRuntime(message.into().into(), place).into()
}

/// Puts the functions into `module`, bound to `host`.
pub(super) fn register(module: &mut Module, host: &SharedHost, spent: &Arc<Spent>) {
    let counting = host.clone();
    module.set_native_fn("count", move |context: NativeCallContext<'_>, key: Dynamic, window: Dynamic| {
        count(&mut counting.lock(), context.call_position(), &key, &window)
    });
    let finding_host = host.clone();
    module.set_native_fn("finding", move |context: NativeCallContext<'_>, map: Map| {
        let fail = |message| failure(message, context.call_position());
        finding_host.lock().finding(asked(&map).map_err(fail)?).map_err(fail)
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

/// The getters of the properties a rule reads: `e.x` is the role x or the literal member, and a property of what is
/// missing is missing too, so that `e.http.status` needs no test for `e.http`.
pub(super) fn getters(names: &BTreeSet<String>) -> Module {
    let mut module = Module::new();
    for name in names {
        match crate::event::Role::from_name(name) {
            Some(role) => drop(module.set_getter_fn(name, move |event: &mut Event| Ok(event.role(role)))),
            None => {
                let member = name.clone();
                module.set_getter_fn(name, move |event: &mut Event| Ok(event.member(&member)));
            }
        }
        module.set_getter_fn(name, |(): &mut ()| Ok(()));
    }
    module
}

fn count(host: &mut Host, place: Position, key: &Dynamic, window: &Dynamic) -> Result<INT, Failure> {
    let fail = |message: String| failure(message, place);
    let nanoseconds = window
        .as_immutable_string_ref()
        .ok()
        .and_then(|text| duration::nanoseconds(&text))
        .ok_or_else(|| fail(format!("`{window}` is no duration; {}", duration::HINT)))?;
    let counted = match key_of(key).map_err(fail)? {
        Some(key) => host.count(place, &key, nanoseconds),
        None => host.count_nothing(nanoseconds),
    };
    counted.map(|count| INT::try_from(count).unwrap_or(INT::MAX)).map_err(fail)
}

/// The text under which a key is held: a scalar's own, an array's parts joined. `None` when it or a part is missing.
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
            "key" => asked.key = Some(key_map(value)?),
            _ => {
                let hint = nearest(name, FINDING)
                    .map_or_else(|| format!("known: {}", FINDING.join(", ")), |near| format!("did you mean `{near}`?"));
                return Err(format!("unknown member of a finding `{name}`; {hint}"));
            }
        }
    }
    if has_summary { Ok(asked) } else { Err("a finding has a `summary`".to_owned()) }
}

fn key_map(value: &Dynamic) -> Result<Vec<(String, String)>, String> {
    let map =
        value.as_map_ref().map_err(|found| format!("`key` of a finding is a map of names and values, not {found}"))?;
    let mut pairs = Vec::with_capacity(map.len());
    for (name, value) in map.iter().filter(|(_, value)| !value.is_unit()) {
        let text = text_of(value)
            .ok_or_else(|| format!("`{name}` of a finding's key is a scalar, not {}", value.type_name()))?;
        pairs.push((name.to_string(), text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned()));
    }
    Ok(pairs)
}

fn table_of<'a>(host: &'a Host, name: &str) -> Result<&'a super::table::Table, String> {
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
