//! Layouts of a team's own: a pattern in the language of the built-in table, or columns between
//! delimiters.

use std::sync::Arc;

use super::super::level::Level;
use super::super::time::{TimeContext, date_and_time, time_text};
use super::matching::Matching;
use super::pattern::{self, Layout};
use super::{LayoutMatch, csv};

/// A layout from the configuration.
#[derive(Clone, Debug)]
pub struct OwnLayout(Arc<OwnFormat>);

#[derive(Debug)]
enum OwnFormat {
    Pattern(Layout),
    Columns { name: &'static str, delimiter: u8, columns: Box<[&'static str]> },
}

/// Why a layout cannot be used; the message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLayout {
    /// A brace that is not closed.
    #[error("`{{` at column {0} is not closed: a field is written {{name}}")]
    Unclosed(usize),
    /// A field without a name, or with what no name has.
    #[error("{{{0}}} is no field: a name is letters, digits and _, as in {{user_id}} or {{port:number}}")]
    Field(String),
    /// Two fields with nothing between them.
    #[error("{{{0}}} begins where the field before it ends: put a blank or a mark between them")]
    Joined(String),
    /// No field at all.
    #[error("it has no field: at least one of {{time}}, {{level}} and {{message}} tells something")]
    Empty,
    /// More parts than a layout can have.
    #[error("it has more than {} parts: a shorter one ends with {{message}} or {{rest}}", pattern::LONGEST)]
    TooLong,
    /// A field that can be there once is there twice.
    #[error("{{{0}}} is there twice")]
    Twice(&'static str),
    /// No names of columns, or too many.
    #[error("it has {0} columns: from 2 to 256")]
    Columns(usize),
}

/// Keeps a name for as long as the program runs. Layouts are made once, from the configuration, and
/// their names are those of members in every event.
fn keep(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

impl OwnLayout {
    /// A layout that reads lines as `pattern` prints them.
    ///
    /// # Errors
    /// [`BadLayout`] with what is wrong with the pattern.
    pub fn pattern(name: &str, pattern: &str) -> Result<Self, BadLayout> {
        check(pattern)?;
        Ok(Self(Arc::new(OwnFormat::Pattern(Layout::new(keep(name), pattern::compile_now(keep(pattern)).leak())))))
    }

    /// A layout of values between delimiters, perhaps in quotes. `time`, `level` and `message` are
    /// those of the line, `date` a date of which `time` is the time of day, `-` nothing.
    ///
    /// # Errors
    /// [`BadLayout::Columns`].
    pub fn columns(name: &str, delimiter: u8, columns: &[String]) -> Result<Self, BadLayout> {
        if !(2..=256).contains(&columns.len()) {
            return Err(BadLayout::Columns(columns.len()));
        }
        if let Some(bad) = columns.iter().find(|column| *column != "-" && !is_field(column)) {
            return Err(BadLayout::Field(bad.clone()));
        }
        let columns = columns.iter().map(|column| keep(column)).collect();
        Ok(Self(Arc::new(OwnFormat::Columns { name: keep(name), delimiter, columns })))
    }

    /// Reads the line if it has this layout.
    pub(super) fn read(&self, line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
        match &*self.0 {
            OwnFormat::Pattern(layout) => {
                let mut matching = Matching::new(line, 0, None, context);
                if layout.read(0, &mut matching).is_err() {
                    return false;
                }
                if let Some(written) = layout.capture(&mut matching, matched) {
                    matched.take_time(&written, context);
                }
                true
            }
            OwnFormat::Columns { name, delimiter, columns } => {
                read_columns(line, name, *delimiter, columns, context, matched)
            }
        }
    }
}

/// Reads a line of exactly these columns; the time and the level must be those.
pub(super) fn read_columns(
    line: &[u8],
    layout: &'static str,
    delimiter: u8,
    names: &[&'static str],
    context: &mut TimeContext,
    matched: &mut LayoutMatch,
) -> bool {
    let mut values = csv::columns(line, delimiter);
    let (mut date, mut time, mut level) = (None, None, None);
    for name in names {
        let Some(value) = values.next() else { return false };
        let seen = match *name {
            "date" => &mut date,
            "time" => &mut time,
            "level" => &mut level,
            _ => continue,
        };
        seen.get_or_insert(&line[value.range]);
    }
    if values.next().is_some() {
        return false;
    }
    let time = match (date, time) {
        (Some(date), Some(time)) => date_and_time(date, time, None, context),
        (None, Some(time)) => time_text(time, context),
        _ => None,
    };
    let level = level.and_then(Level::from_text);
    if (time.is_none() && names.contains(&"time")) || (level.is_none() && names.contains(&"level")) {
        return false;
    }
    (matched.layout, matched.time) = (layout, time);
    for (value, name) in csv::columns(line, delimiter).zip(names) {
        match *name {
            "-" | "date" => {}
            "time" => matched.time_text = value.range,
            "level" => (matched.level, matched.level_text) = (level, value.range),
            "message" => matched.message = value.range,
            name if value.is_quoted => matched.quoted(line, name, value.range),
            name => matched.member(line, name, value.range),
        }
    }
    true
}

fn is_field(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Whether a pattern can be compiled.
fn check(pattern: &str) -> Result<(), BadLayout> {
    const ONCE: [&str; 4] = ["time", "level", "message", "rest"];
    let (mut fields, mut parts, mut rest, mut joined) = (Vec::new(), 0, pattern, false);
    while let Some(first) = rest.chars().next() {
        parts += 1;
        if first != '{' {
            parts += first.len_utf8() - 1;
            rest = &rest[first.len_utf8()..];
            joined = false;
            continue;
        }
        let column = pattern[..pattern.len() - rest.len()].chars().count() + 1;
        let (field, behind) = rest[1..].split_once('}').ok_or(BadLayout::Unclosed(column))?;
        let (name, kind) = field.split_once(':').unwrap_or((field, "number"));
        let kind_is_good = !kind.is_empty() && kind.split('|').all(|choice| !choice.is_empty());
        if !is_field(name.strip_suffix('>').unwrap_or(name)) || !kind_is_good {
            return Err(BadLayout::Field(field.to_owned()));
        }
        if joined {
            return Err(BadLayout::Joined(field.to_owned()));
        }
        if let Some(twice) = ONCE.into_iter().find(|once| *once == name && fields.contains(&name)) {
            return Err(BadLayout::Twice(twice));
        }
        // `{message>}` takes nothing.
        joined = !name.ends_with('>');
        fields.push(name);
        rest = behind;
    }
    match parts {
        _ if fields.is_empty() => Err(BadLayout::Empty),
        parts if parts > pattern::LONGEST => Err(BadLayout::TooLong),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::TextReader;
    use super::*;
    use proptest::prelude::*;

    fn reader(layouts: Vec<OwnLayout>) -> TextReader {
        TextReader::new(layouts.into())
    }

    #[test]
    fn a_pattern_of_ones_own_comes_first() {
        let layout = OwnLayout::pattern("shop", "{level}!{time} <{user_id}> {module}> {message}").unwrap();
        let mut reader = reader(vec![layout]);
        let mut context = TimeContext::new("UTC", 2026).unwrap();
        let line = b"ERROR!2026-03-14 07:21:09 <u 7> cart> no answer";
        assert!(reader.read(line, &mut context));
        let matched = reader.matched();
        assert_eq!((matched.layout, matched.level), ("shop", Some(Level::Error)));
        assert_eq!(&line[matched.message.clone()], b"no answer");
        let members: Vec<_> = matched.members.iter().map(|member| &line[member.value.clone()]).collect();
        assert_eq!(members, [b"u 7".as_slice(), b"cart"]);
        // A line that has not this layout is read as any other.
        assert!(reader.read(b"2026-03-14 07:21:09 ERROR no answer", &mut context));
        assert_eq!(reader.matched().layout, "header");
    }

    #[test]
    fn columns_of_ones_own_are_read_where_all_are_there() {
        let names = ["time", "level", "module", "message", "status"].map(str::to_owned);
        let mut reader = reader(vec![OwnLayout::columns("billing", b';', &names).unwrap()]);
        let mut context = TimeContext::new("UTC", 2026).unwrap();
        let line = br#"2026-03-14 07:21:09;WARN;cart;"no; answer";502"#;
        assert!(reader.read(line, &mut context));
        let matched = reader.matched();
        assert_eq!((matched.layout, matched.level), ("billing", Some(Level::Warn)));
        assert_eq!(&line[matched.message.clone()], b"no; answer");
        for other in ["2026-03-14 07:21:09;WARN;cart;x", "x;WARN;cart;y;502", "2026-03-14 07:21:09;seven;cart;y;502"] {
            reader.read(other.as_bytes(), &mut context);
            assert_ne!(reader.matched().layout, "billing", "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (pattern, expected) in [
            ("", BadLayout::Empty),
            ("no field", BadLayout::Empty),
            ("{time} {level", BadLayout::Unclosed(8)),
            ("{time} {}", BadLayout::Field(String::new())),
            ("{time} {a b}", BadLayout::Field("a b".into())),
            ("{time} {a:}", BadLayout::Field("a:".into())),
            ("{time}{level}", BadLayout::Joined("level".into())),
            ("{time} {time}", BadLayout::Twice("time")),
        ] {
            assert_eq!(OwnLayout::pattern("x", pattern).unwrap_err(), expected, "{pattern}");
        }
        assert_eq!(OwnLayout::pattern("x", &"{a} ".repeat(100)).unwrap_err(), BadLayout::TooLong);
        assert_eq!(OwnLayout::columns("x", b',', &["a".into()]).unwrap_err(), BadLayout::Columns(1));
        assert!(OwnLayout::columns("x", b',', &["a".into(), "b c".into()]).is_err());
    }

    proptest! {
        #[test]
        fn any_pattern_is_refused_or_reads_any_line(
            pattern in "(\\{(time|level|message|a|b:number|c:x\\|y|message>|rest)\\}| |-|:|\\[|\\]|\"|é|\\{|\\}){0,12}",
            line in "(2026-03-14 07:21:09|ERROR|x|7| |-|:|\\[|\\]|\"|é){0,12}",
        ) {
            if let Ok(layout) = OwnLayout::pattern("x", &pattern) {
                let mut reader = reader(vec![layout]);
                reader.read(line.as_bytes(), &mut TimeContext::new("UTC", 2026).unwrap());
                let matched = reader.matched();
                for range in matched.members.iter().map(|member| &member.value).chain([&matched.message]) {
                    prop_assert!(line.get(range.clone()).is_some());
                }
            }
        }
    }
}
