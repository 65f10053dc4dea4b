//! Folds repetition: the masked message `a <*> b <*> a <*> b <*>` becomes `a <*> b <*>`.

use crate::event::masked_message::VARIABLE;

/// Skeletons with fewer words are not folded.
const LEAST_WORDS: usize = 6;

/// `words` with each repeated group of two to four words, at least one of them a variable, reduced
/// to one; none if nothing repeats.
pub(super) fn fold<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    if words.len() < LEAST_WORDS || !words.contains(&VARIABLE) {
        return None;
    }
    let mut folded = words.to_vec();
    for period in 2..=4 {
        let mut kept = Vec::with_capacity(folded.len());
        let mut i = 0;
        while i < folded.len() {
            let group = &folded[i..(i + period).min(folded.len())];
            let repeats = folded[i..].chunks_exact(period).take_while(|chunk| *chunk == group).count();
            if repeats > 1 && group.contains(&VARIABLE) {
                kept.extend_from_slice(group);
                i += repeats * period;
            } else {
                // Every group that begins inside the repetition, except in its last part, has the
                // same words and no variable either, so all of them are copied at once.
                let plain = repeats.saturating_sub(1) * period + 1;
                kept.extend_from_slice(&folded[i..i + plain]);
                i += plain;
            }
        }
        folded = kept;
    }
    (folded.len() < words.len()).then_some(folded)
}

#[cfg(test)]
mod tests {
    use super::{VARIABLE, fold};
    use proptest::prelude::*;

    /// The simple algorithm, which tests each group and takes quadratic time.
    fn word_by_word<'a>(words: &[&'a str]) -> Vec<&'a str> {
        let mut folded = words.to_vec();
        for period in 2..=4 {
            let (mut kept, mut i) = (Vec::new(), 0);
            while i < folded.len() {
                let group = &folded[i..(i + period).min(folded.len())];
                let repeats = folded[i..].chunks_exact(period).take_while(|chunk| *chunk == group).count();
                let folds = repeats > 1 && group.contains(&VARIABLE);
                kept.extend_from_slice(if folds { group } else { &group[..1] });
                i += if folds { repeats * period } else { 1 };
            }
            folded = kept;
        }
        folded
    }

    proptest! {
        #[test]
        fn repeated_groups_without_a_variable_are_passed_at_once(
            words in proptest::collection::vec(proptest::sample::select(vec!["a", "b", VARIABLE]), 6..40),
        ) {
            let expected = word_by_word(&words);
            prop_assert_eq!(fold(&words).unwrap_or_else(|| words.clone()), expected);
        }
    }

    #[test]
    fn repeated_groups_are_told_once() {
        for (words, folded) in [
            ("a <*> a <*> a <*>", Some("a <*>")),
            ("got a <*> b <*> a <*> b <*> end", Some("got a <*> b <*> end")),
            ("x a b <*> a b <*>", Some("x a b <*>")),
            ("a b a b a b", None),
            ("a <*> b <*> c <*>", None),
            ("a <*> a <*>", None),
        ] {
            let got = fold(&words.split(' ').collect::<Vec<_>>()).map(|folded| folded.join(" "));
            assert_eq!(got.as_deref(), folded, "{words}");
        }
    }
}
