//! What an engine did in a test: findings, events that were changed, withheld or emitted, failures,
//! printed lines.

use serde_json::{Map, Value};

/// One effect, and the number of the event that caused it.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The event's number, from 1. Effects of time alone have the number of the last event, or 0
    /// before any event.
    pub event: u64,
    /// The effect.
    pub came: Came,
}

/// Kinds of effects.
#[derive(Clone, Debug)]
pub enum Came {
    /// A finding, as its JSON.
    Finding(Value),
    /// Members that were added to the event.
    Annotated(Map<String, Value>),
    /// Members of the event that were masked, with their new values, and the line as it is output.
    Masked(Map<String, Value>, String),
    /// The event was withheld.
    Dropped,
    /// An event that a rule emitted.
    Emitted(Value),
    /// A line that a rule printed.
    Printed(String),
    /// The error of a rule.
    Failed(String),
}

impl Effect {
    /// Whether a test fails that does not expect this effect.
    #[must_use]
    pub fn must_be_expected(&self) -> bool {
        match &self.came {
            Came::Finding(finding) => finding["state"] == "open",
            Came::Printed(_) => false,
            _ => true,
        }
    }

    /// The effect as an expectation would write it, without members that do not help to tell it
    /// from others.
    #[must_use]
    pub fn shown(&self) -> String {
        let what = match &self.came {
            Came::Finding(finding) => {
                let members = ["detector", "rule", "state", "severity", "key", "count", "summary"];
                let told = members.iter().filter(|name| !finding[**name].is_null());
                shown_map(told.map(|name| (*name, &finding[*name])))
            }
            Came::Annotated(members) => format!("#{{ annotated: {} }}", shown_members(members)),
            Came::Masked(members, line) if members.is_empty() => format!("#{{ masked: {line:?} }}"),
            Came::Masked(members, _) => format!("#{{ masked: {} }}", shown_members(members)),
            Came::Dropped => "#{ dropped: true }".to_owned(),
            Came::Emitted(event) => format!("#{{ emitted: {} }}", shown(event)),
            Came::Printed(text) => format!("#{{ printed: {text:?} }}"),
            Came::Failed(text) => format!("#{{ failed: {text:?} }}"),
        };
        format!("event {}: {what}", self.event)
    }
}

/// A value in the syntax of rules.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "()".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => shown_members(members),
        other => other.to_string(),
    }
}

fn shown_members(members: &Map<String, Value>) -> String {
    shown_map(members.iter().map(|(name, value)| (name.as_str(), value)))
}

fn shown_map<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let members: Vec<String> = members
        .map(|(name, value)| {
            let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
            if is_word { format!("{name}: {}", shown(value)) } else { format!("{name:?}: {}", shown(value)) }
        })
        .collect();
    if members.is_empty() { "#{}".to_owned() } else { format!("#{{ {} }}", members.join(", ")) }
}
