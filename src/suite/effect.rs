//! What came: findings, events that were changed, withheld or made, failures, printed lines.

use serde_json::{Map, Value};

/// One thing that came, and the number of the event with which it came.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The event's number, from 1; what time brings belongs to the event that came last, 0 before
    /// any.
    pub event: u64,
    /// What came.
    pub came: Came,
}

/// What can come.
#[derive(Clone, Debug)]
pub enum Came {
    /// A finding, as its JSON.
    Finding(Value),
    /// Members that were added to an event.
    Annotated(Map<String, Value>),
    /// Members of an event that were changed, as they are now, and the line as it leaves.
    Masked(Map<String, Value>, String),
    /// The event did not leave.
    Dropped,
    /// An event that a rule made.
    Emitted(Value),
    /// What a rule printed.
    Printed(String),
    /// Why a rule failed.
    Failed(String),
}

impl Effect {
    /// True when a test fails that does not expect it.
    #[must_use]
    pub fn must_be_expected(&self) -> bool {
        match &self.came {
            Came::Finding(finding) => finding["state"] == "open",
            Came::Printed(_) => false,
            _ => true,
        }
    }

    /// As an expectation would name it: what tells it from others, not all of it.
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

/// A value as a rule writes it.
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
