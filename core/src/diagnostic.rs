//! What is wrong in a file that a person wrote: where, the line itself, and what to do.

use std::fmt;

/// One problem in a configuration or rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the user named it.
    pub path: String,
    /// Line, from 1; 0 when the problem has no place.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The text of that line, or as much of it as may be shown.
    pub source: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
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
        if self.line == 0 {
            write!(f, "{}: {}", self.path, self.message)?;
        } else {
            let margin = self.line.to_string().len();
            writeln!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)?;
            writeln!(f, "{:margin$} |", "")?;
            writeln!(f, "{} | {}", self.line, self.source.replace('\t', " "))?;
            let column = self.column.min(self.source.chars().count() + 1);
            write!(f, "{:margin$} | {:>column$}", "", "^")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// The known name nearest to `name`, if any is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
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
