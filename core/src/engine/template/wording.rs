//! The displayed text of a template, and the positions of its variables in a message.

use super::fold;
use super::learn::TEXT_BYTES;
use crate::event::masked_message::{MaskedMessage, VARIABLE};
use std::borrow::Cow;
use std::ops::Range;

/// The texts of a template.
pub(super) struct Wording {
    /// For people: one of its messages with `<*>` for the variables.
    pub(super) text: String,
    /// The masked message whose hash is the id; empty if it equals `text`.
    pub(super) words: String,
}

impl Wording {
    /// For a template whose masked message is that of `message`, the text that `masked message` has
    /// read last. `words` is that masked message, folded if it has repetitions.
    pub(super) fn own(masked: &MaskedMessage, words: &str, message: &str) -> Self {
        let text = readable(message, masked.variables());
        let words = if words == text && text.len() <= TEXT_BYTES { String::new() } else { words.to_owned() };
        Self { text, words }
    }

    /// For a merged template with the masked message `words`, which `message` fits. `masked
    /// message` has read `message` last.
    pub(super) fn merged(masked: &MaskedMessage, words: &[&str], message: &str) -> Self {
        let own = masked.text();
        let own = masked.words(&own);
        let variables = variables(words, &own).into_iter().map_while(|(from, to)| {
            let origin = masked.origin(from)?.start..masked.origin(to)?.end;
            // In `worker12` only the number is a variable, so the word stays: `worker<*>`.
            let word = (from == to && own[from].contains(VARIABLE)).then_some(own[from]);
            Some((word.map(Cow::Borrowed), origin))
        });
        Self { text: readable(message, variables), words: words.join(" ") }
    }
}

/// `message` with each variable's range replaced by `<*>`, or by a word of which only a part
/// varies.
fn readable<'a>(message: &str, variables: impl Iterator<Item = (Option<Cow<'a, str>>, Range<usize>)>) -> String {
    let (mut readable, mut at) = (String::with_capacity(message.len().min(2 * TEXT_BYTES)), 0);
    for (word, origin) in variables {
        readable.push_str(message.get(at..origin.start).unwrap_or_default());
        readable.push_str(word.as_deref().unwrap_or(VARIABLE));
        at = origin.end;
    }
    readable.push_str(message.get(at..).unwrap_or_default());
    readable
}

/// The first and the last word of each variable of `template`; none if `words` do not fit it.
fn align(template: &[&str], words: &[&str]) -> Option<Vec<(usize, usize)>> {
    let (mut taken, mut w) = (Vec::new(), 0);
    for (t, part) in template.iter().enumerate() {
        if *part == VARIABLE {
            let from = w;
            let stop = template.get(t + 1);
            w += 1;
            while w < words.len() && stop.is_none_or(|stop| words[w] != *stop) {
                w += 1;
            }
            taken.push((from, w - 1));
        } else if words.get(w).is_some_and(|word| word == part) {
            if part.contains(VARIABLE) {
                taken.push((w, w));
            }
            w += 1;
        } else {
            return None;
        }
    }
    (w == words.len()).then_some(taken)
}

/// The positions of the variables of `template` in a message with these `words`.
pub(super) fn variables(template: &[&str], words: &[&str]) -> Vec<(usize, usize)> {
    // A template has the repeated group of a list once; the message has all of its elements.
    let folded = fold::fold(words).is_some();
    (!folded).then(|| align(template, words)).flatten().unwrap_or_else(|| variables_of(words))
}

/// The positions of the variables in a masked message with these words.
fn variables_of(words: &[&str]) -> Vec<(usize, usize)> {
    (0..words.len()).filter(|&i| words[i].contains(VARIABLE)).map(|i| (i, i)).collect()
}
