//! What a text must contain for a pattern to match it: one of some words, found in the pattern
//! itself.
//!
//! So a pattern can be looked up by its words, together with those of all other rules, and is only
//! run on the few texts that have one (Cox, Regular expression matching with a trigram index, 2012,
//! is the same idea).

use regex_syntax::hir::{Hir, HirKind};

/// Shorter words are in every other line.
const SHORTEST: usize = 3;
/// A pattern with more alternatives is run as it is.
const MOST: usize = 64;

/// Words of which one is in every text that a pattern matches.
pub(crate) type RequiredWords = Vec<Vec<u8>>;

/// For each part of `pattern` that says so, words of which one is in every text that it matches;
/// none when nothing useful can be said.
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

/// The length of the shortest of them.
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
