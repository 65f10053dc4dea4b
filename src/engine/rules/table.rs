//! Lookup tables: error code → cause, remedy. Written in TOML, one table a row.

use crate::diagnostic::Diagnostic;
use aho_corasick::{AhoCorasick, MatchKind};
use rhai::{Dynamic, Map};
use std::collections::HashMap;
use std::sync::OnceLock;

/// A larger table is refused: it belongs in a database.
pub(super) const MOST_ROWS: usize = 100_000;
/// A larger file is refused, in bytes.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// One table, immutable once read.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// Of the file's text.
    pub(super) hash: u64,
    keys: Vec<String>,
    /// One for each key: a map of text, numbers and truth values.
    rows: Vec<Map>,
    index: HashMap<String, usize>,
    longest: usize,
    /// Built when first asked for: most tables are only looked up in. `None` inside when the keys are too much for it.
    matcher: OnceLock<Option<AhoCorasick>>,
}

impl Table {
    /// Reads a table from TOML.
    ///
    /// # Errors
    /// A diagnostic for bad TOML, for each row that is no table and each member that is no scalar, and for a table
    /// that is too large.
    pub(super) fn from_toml(name: &str, path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        if text.len() > MOST_BYTES {
            return Err(vec![Diagnostic::of_file(
                path,
                format!("the table has {} bytes; at most {MOST_BYTES} are read", text.len()),
            )]);
        }
        let parsed = toml::de::DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            vec![Diagnostic::at(path, text, offset, error.message().to_owned())]
        })?;
        let mut problems = Vec::new();
        let mut table = Self {
            name: name.to_owned(),
            hash: xxhash_rust::xxh3::xxh3_64(text.as_bytes()),
            keys: Vec::new(),
            rows: Vec::new(),
            index: HashMap::new(),
            longest: 0,
            matcher: OnceLock::new(),
        };
        for (key, value) in parsed.get_ref() {
            let at = key.span().start;
            if key.get_ref().is_empty() {
                problems.push(Diagnostic::at(path, text, at, "a row's key is empty"));
                continue;
            }
            let Some(members) = value.get_ref().as_table() else {
                let hint = format!("write [\"{}\"] and its members below, one on each line", key.get_ref());
                problems.push(Diagnostic::at(path, text, at, format!("`{}` is no row", key.get_ref())).with_hint(hint));
                continue;
            };
            let mut row = Map::new();
            for (member, value) in members {
                match scalar(value.get_ref()) {
                    Some(value) => drop(row.insert(member.get_ref().as_ref().into(), value)),
                    None => problems.push(
                        Diagnostic::at(
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
        if table.rows.len() > MOST_ROWS {
            problems.push(Diagnostic::of_file(
                path,
                format!("the table has {} rows; at most {MOST_ROWS} are read", table.rows.len()),
            ));
        }
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }

    fn add(&mut self, key: String, row: Map) {
        self.longest = self.longest.max(key.len());
        self.index.insert(key.clone(), self.keys.len());
        self.keys.push(key);
        self.rows.push(row);
    }

    /// The row of `key`.
    pub(super) fn row(&self, key: &str) -> Option<&Map> {
        self.index.get(key).map(|&i| &self.rows[i])
    }

    /// True when `text` contains a key as a whole word.
    pub(super) fn mentioned(&self, text: &str) -> bool {
        self.matcher().is_some_and(|matcher| {
            matcher.find_overlapping_iter(text).any(|found| is_word(text, found.start(), found.end()))
        })
    }

    /// The key that `text` mentions first as a whole word, the longest of those that begin there, with its row.
    pub(super) fn find_in(&self, text: &str) -> Option<(&str, &Map)> {
        let mut best: Option<(usize, usize, usize)> = None;
        for found in self.matcher()?.find_overlapping_iter(text) {
            // Matches come by where they end: one that begins before the best ends within the longest key's reach.
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

/// True when `text[start..end]` stands alone: no letter, digit, `_` or `-` touches it, so that `GLM-1024` is not found in
/// `XGLM-1024`, `GLM-10245` or `GLM-1024-B`.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
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
