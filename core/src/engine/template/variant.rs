//! Whether a template is a known one with another value.

use super::{TemplateId, Templates};
use crate::event::Level;
use crate::event::masked_message::VARIABLE;

/// With fewer words of its own than this a template is what each of them says.
const LEAST_WORDS: usize = 3;
/// With so many, two of them may be values.
const WORDS_OF_TWO: usize = 7;

impl Templates {
    /// True when a template that has come at `level` or worse says the same as `id` but for one
    /// word, or for two of at least seven: a position that the miner has not opened yet. Costs a
    /// look at every template.
    #[must_use]
    pub fn is_variant(&self, id: TemplateId, level: Level) -> bool {
        let id = self.root(id);
        let Some(own) = self.get(id) else { return false };
        let words: Vec<&str> = own.words().split(' ').collect();
        let plain = words.iter().filter(|word| is_plain(word)).count();
        if plain < LEAST_WORDS {
            return false;
        }
        let most = if plain < WORDS_OF_TWO { 1 } else { 2 };
        let known = self.all().filter(|(other, template)| *other != id && template.level >= Some(level));
        known.into_iter().any(|(_, template)| differ_in_at_most(most, template.words(), &words))
    }
}

/// A word that is no variable and no mark alone.
fn is_plain(word: &str) -> bool {
    word != VARIABLE && word.contains(char::is_alphanumeric)
}

fn differ_in_at_most(most: usize, other: &str, words: &[&str]) -> bool {
    let (mut differences, mut others) = (0, other.split(' '));
    for word in words {
        match others.next() {
            Some(other) if other == *word => {}
            Some(_) if differences < most => differences += 1,
            _ => return false,
        }
    }
    others.next().is_none()
}
