//! What a text must contain for a pattern to match it: one of some words, found in the pattern itself.
//!
//! So a pattern can be looked up by its words, together with those of all other rules, and is only run on the few texts
//! that have one (Cox, Regular expression matching with a trigram index, 2012, is the same idea).

use regex_syntax::hir::{Hir, HirKind};

/// Shorter words are in every other line.
const SHORTEST: usize = 3;
/// A pattern with more alternatives is run as it is.
const MOST: usize = 64;

/// One of these is in every text that `pattern` matches; `None` when nothing useful can be said.
pub(super) fn required(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let words = of(&regex_syntax::parse(pattern).ok()?)?;
    (words.len() <= MOST && shortest(&words) >= SHORTEST).then_some(words)
}

fn of(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    match pattern.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        // Any part will do: the one whose words are longest.
        HirKind::Concat(parts) => parts.iter().filter_map(of).max_by_key(|words| shortest(words)),
        HirKind::Alternation(parts) => {
            let words: Option<Vec<_>> = parts.iter().map(of).collect();
            words.map(|words| words.concat())
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn shortest(words: &[Vec<u8>]) -> usize {
    words.iter().map(Vec::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_words_that_must_be_there() {
        let cases: [(&str, Option<&[&str]>); 11] = [
            ("connection (refused|reset)", Some(&["connection "])),
            ("(refused|reset by) peer", Some(&["refused", "reset by"])),
            (r"^\d+ timed out after \d+ ms$", Some(&[" timed out after "])),
            (r"code=(E\d+)", Some(&["code="])),
            ("(abc)+d", Some(&["abc"])),
            ("(abc)*d", None),
            ("(?i)error", None),
            (r"\w+@\w+", None),
            ("abcd|x", None),
            ("", None),
            ("[", None),
        ];
        for (pattern, expected) in cases {
            let mut found = required(pattern);
            if let Some(words) = &mut found {
                words.sort();
            }
            let expected = expected.map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
            assert_eq!(found, expected, "{pattern}");
        }
    }
}
