//! Extracts from a regex the literals of which at least one is in every matching text.
//!
//! With these, a regex is found by its literals in the same search as all other rules, and runs
//! only on texts that contain one. The idea is that of Cox, *Regular Expression Matching with a
//! Trigram Index*, 2012.

use regex_syntax::hir::{Hir, HirKind};

/// Minimum length of a literal; shorter ones occur in too many lines.
const SHORTEST: usize = 3;
/// Most literals per regex; with more, the regex is not looked up by literals.
const MOST: usize = 64;

/// Literals of which at least one is in every text that the regex matches.
pub(crate) type RequiredWords = Vec<Vec<u8>>;

/// The required literals of each part of `pattern` that has useful ones; a match has one literal of
/// every part.
pub(crate) fn required(pattern: &str) -> Vec<RequiredWords> {
    let Ok(parsed) = regex_syntax::parse(pattern) else { return Vec::new() };
    let mut options = of(&parsed);
    options.retain(|words| words.len() <= MOST && shortest(words) >= SHORTEST);
    options
}

fn of(pattern: &Hir) -> Vec<RequiredWords> {
    match pattern.kind() {
        HirKind::Literal(literal) => vec![vec![literal.0.to_vec()]],
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(of).collect(),
        HirKind::Alternation(parts) => {
            let best = |part| of(part).into_iter().max_by_key(shortest);
            let words: Option<Vec<RequiredWords>> = parts.iter().map(best).collect();
            words.map(|words| words.concat()).into_iter().collect()
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => Vec::new(),
    }
}

/// The length of the shortest literal.
pub(crate) fn shortest(words: &RequiredWords) -> usize {
    words.iter().map(Vec::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_must_be_there() {
        let cases: [(&str, &[&[&str]]); 11] = [
            ("connection (refused|reset) by \\d+", &[&["connection "], &["refused", "reset"], &[" by "]]),
            ("(refused|reset by) peer", &[&["refused", "reset by"], &[" peer"]]),
            (r"^\d+ timed out after \d+ ms$", &[&[" timed out after "], &[" ms"]]),
            (r"code=(E\d+)", &[&["code="]]),
            ("(abc)+d", &[&["abc"]]),
            ("(abc)*d", &[]),
            ("(?i)error", &[]),
            (r"\w+@\w+", &[]),
            ("abcd|x", &[]),
            ("", &[]),
            ("[", &[]),
        ];
        for (pattern, expected) in cases {
            let words = |words: &&[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<RequiredWords>();
            assert_eq!(required(pattern), expected.iter().map(words).collect::<Vec<_>>(), "{pattern}");
        }
    }
}
