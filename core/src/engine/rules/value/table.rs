//! Lookup tables, such as error code → cause and remedy. Written in TOML (a TOML table per row) or
//! in CSV (a line per row).
//!
//! Problems are reported with their location but without the line: by mistake the file could be one
//! with credentials.

use super::csv;
use crate::diagnostic::Diagnostic;
use crate::event::masked_message::is_unspaced;
use aho_corasick::{AhoCorasick, MatchKind};
use rhai::{Dynamic, Map};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Most rows. Larger tables belong in a database.
pub(crate) const MOST_ROWS: usize = 100_000;
/// Most bytes of a file.
pub(crate) const MOST_BYTES: usize = 8 << 20;

/// A table, immutable once read.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// Hash of the file's text.
    pub(crate) hash: u64,
    keys: Vec<String>,
    /// The row of each key: a map of texts, numbers and truth values.
    rows: Vec<Map>,
    index: HashMap<String, usize>,
    longest: usize,
    /// Search for keys in a text, built on first use because most tables are only looked up by key.
    /// `None` inside if the keys are too large for it.
    matcher: OnceLock<Option<AhoCorasick>>,
}

impl Table {
    /// Reads a table: CSV if `path` ends in `.csv`, otherwise TOML.
    ///
    /// # Errors
    /// As [`Self::from_toml`] and [`Self::from_csv`].
    pub(crate) fn read(name: &str, path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let is_csv = path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("csv"));
        let table = if is_csv { Self::from_csv(name, path, text) } else { Self::from_toml(name, path, text) };
        table.map(|table| Self { hash: xxhash_rust::xxh3::xxh3_64(text.as_bytes()), ..table })
    }

    fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            hash: 0,
            keys: Vec::new(),
            rows: Vec::new(),
            index: HashMap::new(),
            longest: 0,
            matcher: OnceLock::new(),
        }
    }

    /// Reads a table from CSV (RFC 4180). The first line has the names of the columns; the first
    /// column is the key. An unquoted number, `true` or `false` is read as such; an empty unquoted
    /// field is missing from the row.
    ///
    /// # Errors
    /// A diagnostic for each line with another number of fields than the first, for each empty or
    /// duplicate key, and for a table that is too large.
    pub(crate) fn from_csv(name: &str, path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        if text.len() > MOST_BYTES {
            return Err(vec![too_long(path, text)]);
        }
        let mut table = Self::empty(name);
        let mut problems = Vec::new();
        let mut lines = csv::Lines::new(text.strip_prefix('\u{feff}').unwrap_or(text));
        let offset = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
        let columns: Vec<String> = match lines.next() {
            None => return Ok(table),
            Some(Ok((_, fields))) => fields.into_iter().map(|field| field.text).collect(),
            Some(Err((at, message))) => return Err(vec![Diagnostic::unquoted(path, text, at + offset, message)]),
        };
        for line in lines {
            let (at, fields) = match line {
                Ok((at, fields)) => (at + offset, fields),
                Err((at, message)) => {
                    problems.push(Diagnostic::unquoted(path, text, at + offset, message));
                    break;
                }
            };
            if fields.len() != columns.len() {
                let message = format!("this line has {} fields, and the first has {}", fields.len(), columns.len());
                problems.push(Diagnostic::unquoted(path, text, at, message));
                continue;
            }
            let mut fields = columns.iter().zip(fields);
            let Some((_, key)) = fields.next() else { continue };
            if key.text.is_empty() || table.index.contains_key(&key.text) {
                let what = if key.text.is_empty() { "is empty" } else { "has come before" };
                problems.push(Diagnostic::unquoted(path, text, at, format!("the row's key {what}")));
                continue;
            }
            let row = fields.filter_map(|(column, field)| Some((column.into(), field.value()?))).collect();
            table.add(key.text, row);
        }
        table.check_rows(path, &mut problems);
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }

    fn check_rows(&self, path: &str, problems: &mut Vec<Diagnostic>) {
        if self.rows.len() > MOST_ROWS {
            let message = format!("the table has {} rows; at most {MOST_ROWS} are read", self.rows.len());
            problems.push(Diagnostic::of_file(path, message));
        }
    }

    /// Reads a table from TOML.
    ///
    /// # Errors
    /// A diagnostic for invalid TOML, for each row that is not a table, for each member that is not
    /// a scalar, and for a table that is too large.
    pub(crate) fn from_toml(name: &str, path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        if text.len() > MOST_BYTES {
            return Err(vec![too_long(path, text)]);
        }
        let parsed = toml::de::DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            vec![Diagnostic::unquoted(path, text, offset, error.message().to_owned())]
        })?;
        let mut problems = Vec::new();
        let mut table = Self::empty(name);
        for (key, value) in parsed.get_ref() {
            let at = key.span().start;
            if key.get_ref().is_empty() {
                problems.push(Diagnostic::unquoted(path, text, at, "a row's key is empty"));
                continue;
            }
            let Some(members) = value.get_ref().as_table() else {
                let hint = format!("write [\"{}\"] and its members below, one on each line", key.get_ref());
                problems.push(
                    Diagnostic::unquoted(path, text, at, format!("`{}` is no row", key.get_ref())).with_hint(hint),
                );
                continue;
            };
            let mut row = Map::new();
            for (member, value) in members {
                match scalar(value.get_ref()) {
                    Some(value) => drop(row.insert(member.get_ref().as_ref().into(), value)),
                    None => problems.push(
                        Diagnostic::unquoted(
                            path,
                            text,
                            value.span().start,
                            format!("`{}` is no text, number or truth value", member.get_ref()),
                        )
                        .with_hint("a row holds only such values"),
                    ),
                }
            }
            table.add(key.get_ref().clone().into_owned(), row);
        }
        table.check_rows(path, &mut problems);
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }

    fn add(&mut self, key: String, row: Map) {
        self.longest = self.longest.max(key.len());
        self.index.insert(key.clone(), self.keys.len());
        self.keys.push(key);
        self.rows.push(row);
    }

    /// The row of `key`.
    pub(crate) fn row(&self, key: &str) -> Option<&Map> {
        self.index.get(key).map(|&i| &self.rows[i])
    }

    /// The keys of all rows.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// True when `text` contains a key as a whole word.
    pub(crate) fn mentioned(&self, text: &str) -> bool {
        self.matcher().is_some_and(|matcher| {
            matcher.find_overlapping_iter(text).any(|found| is_word(text, found.start(), found.end()))
        })
    }

    /// The first key in `text` that is a whole word, with its row; of several that begin at the
    /// same position, the longest.
    pub(crate) fn find_in(&self, text: &str) -> Option<(&str, &Map)> {
        let mut best: Option<(usize, usize, usize)> = None;
        for found in self.matcher()?.find_overlapping_iter(text) {
            // Matches come in the order of their ends. A match that begins before the best one must
            // end within the length of the longest key.
            if best.is_some_and(|(start, _, _)| found.end() > start + self.longest) {
                break;
            }
            if is_word(text, found.start(), found.end())
                && best.is_none_or(|(start, end, _)| (found.start(), end) < (start, found.end()))
            {
                best = Some((found.start(), found.end(), found.pattern().as_usize()));
            }
        }
        best.map(|(_, _, i)| (self.keys[i].as_str(), &self.rows[i]))
    }

    fn matcher(&self) -> Option<&AhoCorasick> {
        self.matcher
            .get_or_init(|| AhoCorasick::builder().match_kind(MatchKind::Standard).build(&self.keys).ok())
            .as_ref()
    }
}

fn too_long(path: &str, text: &str) -> Diagnostic {
    Diagnostic::of_file(path, format!("the table has {} bytes; at most {MOST_BYTES} are read", text.len()))
}

fn scalar(value: &toml::de::DeValue<'_>) -> Option<Dynamic> {
    use toml::de::DeValue;
    Some(match value {
        DeValue::String(text) => Dynamic::from(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok()?.into(),
        DeValue::Boolean(truth) => (*truth).into(),
        _ => return None,
    })
}

/// True when `text[start..end]` is a whole word: no letter, digit, `_` or `-` is next to it, so
/// that `GLM-1024` is not found in `XGLM-1024`, `GLM-10245` or `GLM-1024-B`. Characters of scripts
/// without spaces, such as Chinese, are no part of a word: `错误码GLM-1024，显存不足` contains it.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let part_of_word = |c: char| (c.is_alphanumeric() && !is_unspaced(c)) || c == '_' || c == '-';
    !text[..start].chars().next_back().is_some_and(part_of_word)
        && !text[end..].chars().next().is_some_and(part_of_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: &str =
        "[\"GLM-1\"]\ncause = \"one\"\nweight = 2\n[\"GLM-10\"]\nhot = true\n[\"GLM-10 x\"]\nshare = 0.5\n";

    fn codes() -> Table {
        Table::from_toml("codes", "codes.toml", CODES).unwrap()
    }

    #[test]
    fn rows_hold_scalars() {
        let codes = codes();
        let row = codes.row("GLM-1").unwrap();
        assert_eq!(row["cause"].clone().into_string().unwrap(), "one");
        assert_eq!(row["weight"].as_int(), Ok(2));
        assert_eq!(codes.row("GLM-10 x").unwrap()["share"].as_float(), Ok(0.5));
        assert!(codes.row("GLM").is_none());
    }

    #[test]
    fn csv_has_a_row_a_line() {
        let text = "\u{feff}code,cause,weight,hot\r\nA-1,\"one, and \"\"two\"\"\",2,true\r\n504,\"7\",,\n";
        let table = Table::read("t", "t.CSV", text).unwrap();
        let row = table.row("A-1").unwrap();
        assert_eq!(row["cause"].clone().into_string().unwrap(), "one, and \"two\"");
        assert_eq!((row["weight"].as_int(), row["hot"].as_bool()), (Ok(2), Ok(true)));
        let row = table.row("504").unwrap();
        assert!(row["cause"].is_string() && row.len() == 1);
        assert!(Table::read("t", "t.csv", "").unwrap().row("a").is_none());
    }

    #[test]
    fn bad_csv_is_shown_with_its_place() {
        let cases = [
            ("a,b\nx\n", "t.csv:2:1: this line has 1 fields"),
            ("a,b\nx,1\nx,2\n", "t.csv:3:1: the row's key has come before"),
            ("a,b\n,1\n", "t.csv:2:1: the row's key is empty"),
            ("a,b\nx,\"1\n", "t.csv:2:3: this quote is never closed"),
            ("a,b\nx,\"1\"2\n", "t.csv:2:6: something stands behind"),
        ];
        for (text, expected) in cases {
            let shown = Table::read("t", "t.csv", text).unwrap_err()[0].to_string();
            assert!(shown.starts_with(expected), "{shown}");
        }
    }

    #[test]
    fn keys_are_found_as_whole_words_first_and_longest() {
        let cases = [
            ("GLM-1", Some("GLM-1")),
            ("failed: GLM-10.", Some("GLM-10")),
            ("(GLM-10 x)", Some("GLM-10 x")),
            ("(GLM-10 xy)", Some("GLM-10")),
            ("é GLM-1, then GLM-10 x", Some("GLM-1")),
            ("XGLM-10", None),
            ("GLM-102", None),
            ("GLM-1-B", None),
            ("-GLM-1", None),
            ("GLM-1_", None),
            ("GLM-1é", None),
            ("错误码GLM-1，显存不足", Some("GLM-1")),
            ("代码GLM-10失败", Some("GLM-10")),
            ("コードGLM-10です", Some("GLM-10")),
            ("错误码XGLM-10", None),
            ("ошибкаGLM-1", None),
            ("", None),
        ];
        let codes = codes();
        for (text, expected) in cases {
            assert_eq!(codes.find_in(text).map(|(key, _)| key), expected, "{text}");
            assert_eq!(codes.mentioned(text), expected.is_some(), "{text}");
        }
    }

    #[test]
    fn bad_tables_are_shown_with_their_place() {
        let shown = |text: &str| Table::from_toml("t", "t.toml", text).unwrap_err()[0].to_string();
        assert!(shown("[a]\nb = \n").starts_with("t.toml:2:5: "), "{}", shown("[a]\nb = \n"));
        assert!(shown("a = 1\n").starts_with("t.toml:1:1: `a` is no row"));
        assert!(shown("[a]\nb = [1]\n").starts_with("t.toml:2:5: `b` is no text"));
        assert!(shown(&" ".repeat(MOST_BYTES + 1)).contains("bytes"));
    }
}
