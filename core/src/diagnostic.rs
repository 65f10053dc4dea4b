//! A problem in a file that a person wrote: its location, the offending line and a hint.

use crate::plain::plain;
use std::fmt;

/// Most characters shown of a message, a hint and a quoted line.
const MOST_MESSAGE: usize = 2_000;
const MOST_SOURCE: usize = 300;
/// Most characters of a name for which a similar name is suggested; longer names are not typos.
const MOST_NAME: usize = 100;

/// One problem in a configuration or rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The path as the user wrote it.
    pub path: String,
    /// Line, from 1; 0 for a problem with the whole file.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The text of that line; empty for a problem with the whole file or in a file that must not be
    /// quoted.
    pub source: String,
    /// The problem.
    pub message: String,
    /// The hint: what to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A problem at byte `offset` of `text`.
    #[must_use]
    pub fn at(path: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
        Self {
            path: path.to_owned(),
            line: text[..offset].matches('\n').count() + 1,
            column: text[start..offset].chars().count() + 1,
            source: text[start..].lines().next().unwrap_or_default().to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    /// A problem at byte `offset` of `text` that quotes nothing, for files that may hold secrets.
    #[must_use]
    pub fn unquoted(path: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { source: String::new(), ..Self::at(path, text, offset, message) }
    }

    /// A problem with the whole file.
    #[must_use]
    pub fn of_file(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 0, column: 0, source: String::new(), message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // File names, quoted lines and messages all contain text from outside, so all are escaped.
        let (path, message) = (plain(&self.path), plain(&clipped(&self.message, MOST_MESSAGE)));
        if self.line == 0 {
            write!(f, "{path}: {message}")?;
        } else {
            write!(f, "{path}:{}:{}: {message}", self.line, self.column)?;
        }
        if self.line > 0 && !self.source.is_empty() {
            let margin = self.line.to_string().len();
            let shown = |text: &str| plain(&text.replace('\t', " "));
            writeln!(f, "\n{:margin$} |", "")?;
            let skipped = self.column.saturating_sub(MOST_SOURCE);
            let source: String = self.source.chars().skip(skipped).collect();
            writeln!(f, "{} | {}", self.line, shown(&clipped(&source, MOST_SOURCE)))?;
            // The caret is placed by the text as shown: an escaped character takes several columns.
            let before: String = source.chars().take(self.column.saturating_sub(1 + skipped)).collect();
            write!(f, "{:margin$} | {:>column$}", "", "^", column = shown(&before).chars().count() + 1)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", plain(&clipped(hint, MOST_MESSAGE)))?;
        }
        Ok(())
    }
}

/// Cuts a text after `most` characters, so that a huge name or line does not make a huge message.
fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The known name most similar to `name` (edit distance up to a third of its length), if any.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length > MOST_NAME {
        return None;
    }
    let limit = (length / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_its_line_and_a_caret() {
        let text = "[input]\nyaer = 2026\n";
        let shown =
            Diagnostic::at("s.toml", text, 8, "unknown key `yaer`").with_hint("did you mean `year`?").to_string();
        assert_eq!(shown, "s.toml:2:1: unknown key `yaer`\n  |\n2 | yaer = 2026\n  | ^\n  hint: did you mean `year`?");
    }

    #[test]
    fn nothing_of_it_steers_a_terminal() {
        let text = "a = \"\x1b]0;t\x07\" x\n";
        let shown = Diagnostic::at("e\x1b[2J\n.toml", text, 13, "no `\u{9b}`").with_hint("\u{202e}?").to_string();
        let source = "a = \"\\u{1b}]0;t\\u{7}\" x";
        let caret = " ".repeat(source.len() - 1);
        let head = "e\\u{1b}[2J\\n.toml:1:14: no `\\u{9b}`";
        assert_eq!(shown, format!("{head}\n  |\n1 | {source}\n  | {caret}^\n  hint: \\u{{202e}}?"));
    }

    #[test]
    fn a_line_that_may_not_be_shown_leaves_its_place() {
        let long = Diagnostic::at("t.toml", &"é".repeat(1 << 20), 1 << 20, "x".repeat(1 << 20)).to_string();
        assert!(long.len() < 4_000 && long.ends_with('^'), "{}", long.len());
        let shown = Diagnostic::unquoted("t.toml", "[a]\nb = \"SECRET\n", 8, "it is never closed").to_string();
        assert_eq!(shown, "t.toml:2:5: it is never closed");
    }

    #[test]
    fn columns_count_characters() {
        let place = Diagnostic::at("f", "é = ü", 5, "");
        assert_eq!((place.line, place.column), (1, 5));
        assert_eq!(Diagnostic::at("f", "", 99, "").line, 1);
    }

    #[test]
    fn only_near_names_are_offered() {
        assert_eq!(nearest("yaer", ["year", "timezone"]), Some("year"));
        assert_eq!(nearest("colour", ["year", "timezone"]), None);
    }
}
