//! What was read of a log, for people: line by line, and of a whole file with what to set.
//!
//! [`crate::event::inspect`] explains one line. Here lines are shown (`show.rs`), written as JSON
//! (`document.rs`) and counted (`summary.rs`), and members that could be a role which lines lack
//! are found by their values (`evidence.rs`, `layout_evidence.rs`). Nothing here reads or prints.

pub mod document;
pub mod evidence;
pub mod layout_evidence;
pub mod show;
pub mod summary;
mod summary_text;

use crate::event::Role;

/// A role with its article, as a sentence names it.
#[must_use]
pub const fn with_article(role: Role) -> &'static str {
    match role {
        Role::Timestamp => "a time",
        Role::Level => "a level",
        Role::Message => "a message",
        Role::Module => "a module",
        Role::Host => "a host",
        Role::Thread => "a thread",
        Role::Trace => "a trace id",
        Role::Operation => "an operation",
        Role::Duration => "a duration",
        Role::Status => "a status",
        Role::ErrorCode => "an error code",
    }
}

/// Why a value is not the role that its name stands for.
#[must_use]
pub const fn problem(role: Role) -> &'static str {
    match role {
        Role::Timestamp => "no time",
        Role::Level => "no level",
        Role::Status => "no status from 100 to 599",
        Role::Duration => "no duration",
        _ => "not what its name says",
    }
}

/// A file's name as it can be pasted behind a command.
#[must_use]
pub fn pasted(name: &str) -> String {
    let is_harmless = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '@' | '+' | '=' | ',');
    if !name.is_empty() && name.chars().all(is_harmless) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
