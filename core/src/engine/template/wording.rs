//! How a template is written, and where the variables of a message are that is of it.

use super::fold;
use super::learn::TEXT_BYTES;
use crate::event::skeleton::{Skeleton, VARIABLE};
use std::borrow::Cow;
use std::ops::Range;

/// How a template is written.
pub(super) struct Wording {
    /// For people: a message of it, with `<*>` for its variables.
    pub(super) text: String,
    /// The skeleton that its id is the hash of; empty where it is `text`.
    pub(super) words: String,
}

impl Wording {
    /// Of a template whose skeleton is that of `message` itself, which `skeleton` has read last, or
    /// of its repeated groups told once: `words`.
    pub(super) fn own(skeleton: &Skeleton, words: &str, message: &str) -> Self {
        let text = readable(message, skeleton.variables());
        let words = if words == text && text.len() <= TEXT_BYTES { String::new() } else { words.to_owned() };
        Self { text, words }
    }

    /// Of a template whose skeleton is `words`, which `message`, that `skeleton` has read last,
    /// fits.
    pub(super) fn merged(skeleton: &Skeleton, words: &[&str], message: &str) -> Self {
        let own = skeleton.text();
        let own = skeleton.words(&own);
        let variables = variables(words, &own).into_iter().map_while(|(from, to)| {
            let origin = skeleton.origin(from)?.start..skeleton.origin(to)?.end;
            // Of `worker12` the word stays.
            let word = (from == to && own[from].contains(VARIABLE)).then_some(own[from]);
            Some((word.map(Cow::Borrowed), origin))
        });
        Self { text: readable(message, variables), words: words.join(" ") }
    }
}

/// `message` with `<*>` for its variables, or of each the word of which only a part varies; and
/// where it stands.
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

/// From which word to which each variable of `template` takes, both included; none when `words` do
/// not fit it.
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

/// The places of the variables in a message of these `words`, as `template` has them.
pub(super) fn variables(template: &[&str], words: &[&str]) -> Vec<(usize, usize)> {
    // A template tells a list once; the message has all of its members.
    let folded = fold::fold(words).is_some();
    (!folded).then(|| align(template, words)).flatten().unwrap_or_else(|| variables_of(words))
}

/// The places of the variables in a skeleton of these words.
fn variables_of(words: &[&str]) -> Vec<(usize, usize)> {
    (0..words.len()).filter(|&i| words[i].contains(VARIABLE)).map(|i| (i, i)).collect()
}
