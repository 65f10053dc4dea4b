//! Shows how a log was parsed: line by line, or as a summary of whole files with suggested
//! settings.
//!
//! [`crate::event::inspect`] explains one line. This module shows lines (`show.rs`), writes them as
//! JSON (`document.rs`), counts them (`summary.rs`), and finds members that could be a missing role
//! (`evidence.rs`, `layout_evidence.rs`). It neither reads nor prints.

pub mod document;
pub mod evidence;
pub mod layout_evidence;
pub mod show;
pub mod summary;
mod summary_text;

use crate::event::Role;

/// The name of a role with its article, for use in a sentence.
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

/// What a value is instead of this role, for use in a sentence.
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

/// A file's name, quoted where necessary so that it can be pasted into a shell command.
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
