//! Checks that no more than two types in both crates have the same name.
//!
//! Two are allowed, because a setting and what it sets, or a message and its part, often share the
//! one right word. Tests are left out.

use crate::purity::rust_files;
use crate::support::root;
use std::collections::BTreeMap;
use std::fs;

/// Most types of the same name.
const MOST: usize = 2;

#[test]
fn no_name_of_a_type_is_defined_more_than_twice() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in ["src", "core/src"].iter().flat_map(|folder| rust_files(folder)) {
        for (line, name) in types_in(&fs::read_to_string(root().join(&file)).unwrap()) {
            places.entry(name).or_default().push(format!("{}:{line}", file.display()));
        }
    }
    assert!(places.len() > 300, "only {} names were found", places.len());
    let too_many: Vec<String> = places
        .iter()
        .filter(|(_, places)| places.len() > MOST)
        .map(|(name, places)| format!("{name} × {}\n    {}", places.len(), places.join("\n    ")))
        .collect();
    assert!(too_many.is_empty(), "names of more than {MOST} types:\n{}", too_many.join("\n"));
}

/// Line and name of each type that a source defines, in rustfmt's format. An indented `type`
/// belongs to a trait, and everything after a `#[cfg(test)]` in front of a module belongs to its
/// tests.
fn types_in(source: &str) -> Vec<(usize, String)> {
    let product = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    product.lines().enumerate().filter_map(|(i, line)| Some((i + 1, type_in(line)?.to_owned()))).collect()
}

fn type_in(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let code = match code.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.strip_prefix(' ')?,
        None => code,
    };
    let (keyword, rest) = code.split_once(' ')?;
    let defines =
        matches!(keyword, "struct" | "enum" | "trait" | "union") || (keyword == "type" && !line.starts_with(' '));
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (defines && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

#[test]
fn types_are_found_as_they_are_written() {
    let source = "pub struct One;\n    pub(super) enum Two<T> {\ntrait Three: Sized {\npub(in crate::a) type Four = u8;\n\
                  impl Five {\n    type Six = u8;\n// struct Seven\nlet struct_eight = 8;\n#[cfg(test)]\nmod tests {\n    struct Nine;\n}\n";
    let found = types_in(source);
    assert_eq!(found, [(1, "One".into()), (2, "Two".into()), (3, "Three".into()), (4, "Four".into())]);
}
