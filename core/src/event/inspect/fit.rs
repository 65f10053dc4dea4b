//! Whether a value can be a role at all.

use super::super::found::is_status;
use super::super::json::Kind;
use super::super::numbers;
use super::super::time::{TimeContext, time_number, time_text};
use super::super::{Level, Role, Timestamp};

/// True when this value can be the role: a time, a level, a status, a duration. Any value can be
/// another role.
#[must_use]
pub fn fits(role: Role, kind: Kind, text: &str, context: &TimeContext) -> bool {
    match role {
        Role::Timestamp => time_of(kind, text, context).is_some(),
        Role::Level => level_of(text).is_some(),
        Role::Status => is_status(text.as_bytes()),
        Role::Duration => kind == Kind::Number || numbers::in_text(text.as_bytes()).is_some(),
        _ => true,
    }
}

/// The time that a value is.
pub(super) fn time_of(kind: Kind, text: &str, context: &TimeContext) -> Option<Timestamp> {
    match kind {
        Kind::Number => time_number(text.as_bytes()),
        Kind::Text | Kind::Escaped => time_text(text.as_bytes(), &mut context.clone()),
        _ => None,
    }
}

/// The level that a value is: a word, a number, or the priority of a syslog line in its brackets.
pub(super) fn level_of(text: &str) -> Option<Level> {
    match text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(priority) => Level::from_number(priority.parse::<i64>().ok()? % 8),
        None => Level::from_text(text.as_bytes()),
    }
}
