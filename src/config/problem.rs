//! Problems of a configuration, and where in the file they are.

use super::redact::{message_without_secrets, without_secrets};
use crate::diagnostic::{Diagnostic, nearest};
use toml::de::{DeTable, DeValue};

/// A value that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key: names of tables, indices of arrays and the value's own name, joined by dots.
    pub key: String,
    message: String,
    hint: String,
}

impl Problem {
    /// A problem with the value of `key`.
    #[must_use]
    pub fn new(key: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), hint: hint.into() }
    }

    pub(super) fn in_file(self, path: &str, text: &str) -> Diagnostic {
        let place = DeTable::parse(text).ok().and_then(|table| {
            let parts: Vec<&str> = self.key.split('.').collect();
            at_path(table.get_ref(), &parts).or_else(|| anywhere(table.get_ref(), parts.last()?))
        });
        match place {
            Some(offset) => quoted(path, text, offset, self.message).with_hint(self.hint),
            None => self.elsewhere(path),
        }
    }

    /// The diagnostic of a value from a flag or a variable, which has no line to show.
    #[must_use]
    pub fn elsewhere(self, place: &str) -> Diagnostic {
        Diagnostic::of_file(place, message_without_secrets(&self.message)).with_hint(self.hint)
    }
}

/// Where the key at the end of `path` is in the file. Where a default is wrong the table lacks the
/// key, and the location is that of the table.
fn at_path(table: &DeTable<'_>, path: &[&str]) -> Option<usize> {
    let (first, mut rest) = path.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    let (mut place, mut value) = (key.span().start, value);
    if let (DeValue::Array(items), Some((index, after))) = (value.get_ref(), rest.split_first()) {
        value = items.get(index.parse::<usize>().ok()?)?;
        (place, rest) = (value.span().start, after);
    }
    match value.get_ref() {
        DeValue::Table(below) if !rest.is_empty() => at_path(below, rest).or(Some(place)),
        _ => Some(place),
    }
}

/// Where the first key of this name is, in any table.
fn anywhere(table: &DeTable<'_>, name: &str) -> Option<usize> {
    table.iter().find_map(|(key, value)| match value.get_ref() {
        _ if key.get_ref() == name => Some(key.span().start),
        DeValue::Table(below) => anywhere(below, name),
        _ => None,
    })
}

/// The parser's error, with the nearest known name where a name is unknown.
pub(super) fn explain(path: &str, text: &str, error: &toml::de::Error) -> Diagnostic {
    let offset = error.span().map_or(0, |span| span.start);
    let (message, hint) = said(error);
    quoted(path, text, offset, message).with_hint(hint)
}

/// The message without texts in quotes, which repeat values of the file.
fn without_quotes(message: &str) -> String {
    let Some((before, rest)) = message.split_once('"') else { return message.to_owned() };
    let after = rest.rsplit_once('"').map_or("", |(_, after)| after);
    format!("{before}\"…\"{after}")
}

/// A problem with its line, without secrets.
fn quoted(path: &str, text: &str, offset: usize, message: String) -> Diagnostic {
    let diagnostic = Diagnostic::at(path, text, offset, message);
    let source = without_secrets(&diagnostic.source);
    // The message leaves out what the line leaves out.
    let message = message_without_secrets(&diagnostic.message);
    let message = if source == diagnostic.source { message } else { without_quotes(&message) };
    Diagnostic { source, message, ..diagnostic }
}

/// The parser's message and a hint.
pub(super) fn said(error: &toml::de::Error) -> (String, String) {
    let message = error.message().trim();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if let (true, Some((name, known))) = (message.starts_with("unknown "), quoted.split_first()) {
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "nothing can be set here".to_owned(),
            None => format!("known here: {}", known.join(", ")),
        };
        return (format!("unknown name `{name}`"), hint);
    }
    let hint = "`seismolog config` prints every setting with its default";
    (message.lines().next().unwrap_or(message).to_owned(), hint.to_owned())
}
