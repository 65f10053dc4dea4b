//! Mutates configuration files at random from a fixed seed: the result is valid or yields a message
//! with a location, and no message contains a secret.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use seismolog::config::Config;
use std::fs;
use std::time::Instant;

/// A text that no message may contain.
const SECRET: &str = "Zx9SECRET";

/// A configuration with every table, and a secret wherever one can be.
const WHOLE: &str = include_str!("whole.toml");

/// Values of other types and sizes.
const VALUES: [&str; 22] = [
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "1e308",
    "nan",
    "inf",
    "-0.0",
    "true",
    "\"\"",
    "\"99999d\"",
    "\"5m\"",
    "[]",
    "[[[]]]",
    "{}",
    "{ a = 1 }",
    "1979-05-27T07:32:00Z",
    "'''",
    "\"\\u0000\"",
    "\"\\uD800\"",
    "0x",
    "[\"x\", 1]",
];

/// Splits a file into words, numbers, strings and punctuation, including the text between them.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_of_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let length = match first {
            '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            c if is_of_word(c) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token.to_owned());
        rest = after;
    }
    tokens
}

/// Applies one to three changes to the tokens.
fn mutated(tokens: &[String], chance: &mut Pcg64) -> String {
    let mut tokens = tokens.to_vec();
    for _ in 0..chance.random_range(1..=3) {
        let (at, other) = (chance.random_range(0..tokens.len()), chance.random_range(0..tokens.len()));
        match chance.random_range(0..9) {
            0 => drop(tokens.remove(at)),
            1 => tokens.insert(other, tokens[at].clone()),
            2 => tokens.swap(at, other),
            3 => tokens[at] = VALUES[chance.random_range(0..VALUES.len())].to_owned(),
            4 => tokens[at] = tokens[other].clone(),
            5 => tokens[at] = "[".repeat(chance.random_range(1..2_000)),
            6 => tokens[at] = "k".repeat(chance.random_range(1..200_000)),
            7 => tokens.truncate(at + 1),
            // Removes one character of a name.
            _ if tokens[at].starts_with(|c: char| c.is_ascii_alphabetic()) => drop(tokens[at].remove(0)),
            _ => tokens[at].push('\u{202e}'),
        }
    }
    tokens.concat()
}

#[test]
fn five_thousand_mutated_configurations_are_valid_or_have_a_message_with_a_place() {
    assert!(Config::parse("whole.toml", WHOLE).is_ok(), "{:?}", Config::parse("whole.toml", WHOLE));
    assert!(WHOLE.contains(SECRET));
    let (tokens, mut chance) = (tokens(WHOLE), Pcg64::seed_from_u64(19));
    let (mut valid, mut invalid) = (0, 0);
    for i in 0..5_000 {
        let text = mutated(&tokens, &mut chance);
        let began = Instant::now();
        match Config::parse("c.toml", &text) {
            Ok(_) => valid += 1,
            Err(problems) => {
                invalid += 1;
                assert!(!problems.is_empty(), "{i}");
                for problem in problems {
                    let shown = problem.to_string();
                    assert!(problem.line > 0 && problem.column > 0, "{i}: no place in {shown}");
                    assert!(!problem.message.is_empty() && problem.hint.is_some(), "{i}: {shown}");
                    assert!(!shown.contains(SECRET), "{i}: {shown}\n\n{text}");
                    assert!(shown.len() < 20_000, "{i}: a message of {} bytes", shown.len());
                }
            }
        }
        assert!(began.elapsed().as_secs() < 10, "{i} took {:?}", began.elapsed());
    }
    assert!(valid > 200 && invalid > 2_000, "{valid} were valid and {invalid} were not");
}

#[test]
fn bytes_that_are_no_text_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let mut chance = Pcg64::seed_from_u64(19);
    for _ in 0..200 {
        let mut bytes = WHOLE.as_bytes().to_vec();
        let at = chance.random_range(0..bytes.len());
        bytes[at] = chance.random_range(0x80..=0xff);
        fs::write(&path, &bytes).unwrap();
        let problem = seismolog::io::files::read(&path).unwrap_err().to_string();
        assert!(problem.contains("UTF-8") && !problem.contains(SECRET), "{problem}");
    }
}
