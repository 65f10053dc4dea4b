//! `annotate`, `mask`, `drop`, `emit`: what becomes of the event, and events of a rule's own.

use super::api::failure;
use crate::engine::rules::runtime::context::{Host, SharedHost};
use crate::engine::rules::value::stored::Stored;
use crate::event::Timestamp;
use crate::event::unescape::escape_into;
use rhai::{Array, Dynamic, Map, Module, NativeCallContext};

/// Members that rules can add to one event.
const MOST_MEMBERS: usize = 32;
/// Bytes of their values together, and of an emitted event.
const MOST_BYTES: usize = 8 << 10;
/// What stands in the place of a text that is masked, where the rule does not say.
const STARS: &str = "***";
/// Where findings are written.
const FINDINGS: &str = "anomalies";

/// Puts the functions into `module`, bound to `host`.
pub(crate) fn register(module: &mut Module, host: &SharedHost) {
    let here = host.clone();
    module.set_native_fn("annotate", move |context: NativeCallContext<'_>, name: &str, value: Dynamic| {
        annotate(&mut here.lock(), name, &value).map_err(|message| failure(message, context.call_position()))
    });
    let here = host.clone();
    module.set_native_fn("annotate", move |context: NativeCallContext<'_>, members: Map| {
        let mut host = here.lock();
        members
            .iter()
            .try_for_each(|(name, value)| annotate(&mut host, name, value))
            .map_err(|message| failure(message, context.call_position()))
    });
    let here = host.clone();
    module.set_native_fn("mask", move |context: NativeCallContext<'_>, pattern: &str| {
        mask(&mut here.lock(), pattern, STARS).map_err(|message| failure(message, context.call_position()))
    });
    let here = host.clone();
    module.set_native_fn("mask", move |context: NativeCallContext<'_>, pattern: &str, with: &str| {
        mask(&mut here.lock(), pattern, with).map_err(|message| failure(message, context.call_position()))
    });
    let here = host.clone();
    module.set_native_fn("mask", move |context: NativeCallContext<'_>, names: Array| {
        mask_members(&mut here.lock(), &names).map_err(|message| failure(message, context.call_position()))
    });
    let here = host.clone();
    module.set_native_fn("drop", move |context: NativeCallContext<'_>| {
        let mut host = here.lock();
        host.event().map_err(|message| failure(message, context.call_position()))?;
        host.edit.withheld = true;
        Ok(())
    });
    let here = host.clone();
    module.set_native_fn("emit", move |context: NativeCallContext<'_>, members: Map| {
        emit(&mut here.lock(), &members).map_err(|message| failure(message, context.call_position()))
    });
}

/// Adds a member. One that the event has already, or that a rule has added, stays as it is.
fn annotate(host: &mut Host, name: &str, value: &Dynamic) -> Result<(), String> {
    if name.is_empty() || name.len() > 128 || name == FINDINGS {
        return Err(format!("`{name}` is no name for a member that a rule adds"));
    }
    if value.is_unit() || host.event()?.has(name) || host.edit.members.iter().any(|(known, _)| known == name) {
        return Ok(());
    }
    let value = Stored::of(value).map_err(|error| format!("`{name}` {error}"))?.json().to_string().into_bytes();
    let bytes: usize = host.edit.members.iter().map(|(name, value)| name.len() + value.len()).sum();
    if host.edit.members.len() >= MOST_MEMBERS || bytes + value.len() > MOST_BYTES {
        return Err(format!("more than {MOST_MEMBERS} members or {MOST_BYTES} bytes are added to one event"));
    }
    host.edit.members.push((name.to_owned(), value));
    Ok(())
}

fn mask(host: &mut Host, pattern: &str, with: &str) -> Result<(), String> {
    host.event()?;
    let mask = host.masks.text(pattern, with)?;
    host.edit.masks.push(mask);
    Ok(())
}

fn mask_members(host: &mut Host, names: &Array) -> Result<(), String> {
    host.event()?;
    let name = |name: &Dynamic| name.as_immutable_string_ref().map(|name| name.to_ascii_lowercase());
    let names = names.iter().map(name).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|found| format!("a mask of members lists their names, not {found}"))?;
    let mask = host.masks.members(names)?;
    host.edit.masks.push(mask);
    Ok(())
}

/// An event of the rule's own: time, level INFO and where it comes from, unless it says so itself.
fn emit(host: &mut Host, members: &Map) -> Result<(), String> {
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
    host.emit(|rule, time| {
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
