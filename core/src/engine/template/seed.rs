//! Templates that a user has given: what fits one is of it, whatever the miner would say.

use super::TemplateId;
use crate::event::skeleton::{Skeleton, VARIABLE};

/// A user's template.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) id: TemplateId,
    pub(super) text: String,
}

impl Seed {
    /// The template `text`, with `<*>` for each variable, one word or several. None when it has no
    /// word of its own.
    pub(super) fn new(text: &str, skeleton: &mut Skeleton) -> Option<Self> {
        // The variable is written as what every miner takes for one.
        let id = TemplateId(skeleton.read(text.replace(VARIABLE, " 0 ").as_bytes()));
        let text = skeleton.text().into_owned();
        text.split(' ').any(|word| !word.is_empty() && word != VARIABLE).then_some(Self { id, text })
    }

    /// True when a skeleton of these words is of this template.
    pub(super) fn fits(&self, words: &[&str]) -> bool {
        let pattern: Vec<&str> = self.text.split(' ').collect();
        fits(&pattern, words)
    }
}

/// A variable of the pattern takes one word or more; backtracking to the last variable alone is
/// enough.
fn fits(pattern: &[&str], words: &[&str]) -> bool {
    let (mut p, mut w) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), words.get(w)) {
            (None, None) => return true,
            (Some(&VARIABLE), Some(_)) => {
                retry = Some((p + 1, w + 1));
                (p, w) = (p + 1, w + 1);
            }
            (Some(wanted), Some(word)) if wanted == word => (p, w) = (p + 1, w + 1),
            _ => {
                let Some((after, from)) = retry else { return false };
                if from >= words.len() {
                    return false;
                }
                retry = Some((after, from + 1));
                (p, w) = (after, from + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_take_one_word_or_more() {
        let mut skeleton = Skeleton::default();
        let seed = Seed::new("user <*> logged in from <*>", &mut skeleton).unwrap();
        assert_eq!(seed.text, "user <*> logged in from <*>");
        for (words, fit) in [
            ("user bob logged in from here", true),
            ("user bob and eve logged in from <*>", true),
            ("user logged in logged in from x y", true),
            ("user logged in from x", false),
            ("user bob logged out from x", false),
            ("user bob logged in from", false),
            ("a user bob logged in from x", false),
        ] {
            assert_eq!(seed.fits(&words.split(' ').collect::<Vec<_>>()), fit, "{words}");
        }
        assert!(Seed::new("<*>", &mut skeleton).is_none() && Seed::new(" ", &mut skeleton).is_none());
    }
}
