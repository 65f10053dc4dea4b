//! Seeds: templates given by the user. A message that fits one has its template, whatever the miner
//! would find.

use super::TemplateId;
use crate::event::masked_message::{MaskedMessage, VARIABLE};

/// A template given by the user.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) id: TemplateId,
    pub(super) text: String,
}

impl Seed {
    /// Parses `text`, in which `<*>` stands for one or more variable words. None if it has no other
    /// word.
    pub(super) fn new(text: &str, masked: &mut MaskedMessage) -> Option<Self> {
        // The wildcard is replaced by a number, which every miner masks as a variable.
        let id = TemplateId(masked.read(text.replace(VARIABLE, " 0 ").as_bytes()));
        let text = masked.text().into_owned();
        text.split(' ').any(|word| !word.is_empty() && word != VARIABLE).then_some(Self { id, text })
    }

    /// True when a masked message of these words fits this template.
    pub(super) fn fits(&self, words: &[&str]) -> bool {
        let pattern: Vec<&str> = self.text.split(' ').collect();
        fits(&pattern, words)
    }
}

/// Matches words with a pattern whose variables take one or more words. Backtracking to the last
/// variable suffices.
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
        let mut masked = MaskedMessage::default();
        let seed = Seed::new("user <*> logged in from <*>", &mut masked).unwrap();
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
        assert!(Seed::new("<*>", &mut masked).is_none() && Seed::new(" ", &mut masked).is_none());
    }
}
