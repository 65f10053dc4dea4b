//! The slow path of the miner: masked messages that are new, or whose template was merged or
//! evicted.

use super::wording::Wording;
use super::{Merge, Template, TemplateId, TemplateMatch, Templates, example_of, fold, id_of, wildcard};
use crate::event::masked_message::{MaskedMessage, VARIABLE};
use crate::event::{Fields, Role, Timestamp};

/// Most bytes of a template's displayed text. Its id is the hash of the uncut text.
pub(super) const TEXT_BYTES: usize = 400;

impl Templates {
    /// Handles a masked message that is new, or whose template was merged or evicted.
    #[cold]
    pub(super) fn see_again(&mut self, fields: &Fields<'_>, now: Timestamp, merges: &mut Vec<Merge>) -> TemplateMatch {
        let hash = fields.parsed().masked_hash;
        let id = match self.template_of(hash) {
            Some(id) => id,
            None => self.read(fields, |templates, masked, message| templates.learn(masked, hash, message, now, merges)),
        };
        if self.templates.get_mut(id.0).is_none() {
            self.read(fields, |templates, masked, message| {
                templates.insert(id, Wording::own(masked, &masked.text(), message), message, now);
            });
        }
        self.count(id, fields.parsed().level, now).unwrap_or_default()
    }

    /// The template of a known masked message, after all merges so far.
    fn template_of(&mut self, masked: u64) -> Option<TemplateId> {
        let id = match self.templates.touched(masked) {
            Some(_) => TemplateId(masked),
            None => *self.masked_messages.touched(masked)?,
        };
        let root = self.root(id);
        self.lead(masked, root);
        Some(root)
    }

    /// Stores that the masked message has the template `id`.
    fn lead(&mut self, masked: u64, id: TemplateId) {
        if masked != id.0 {
            *self.masked_messages.touch(masked, || id) = id;
        }
    }

    /// Reads the message of an event and passes it to `then` with its masked message. The reader is
    /// taken out of `self` meanwhile, so that `then` can change the tables.
    fn read<R>(&mut self, fields: &Fields<'_>, then: impl FnOnce(&mut Self, &MaskedMessage, &str) -> R) -> R {
        let message = fields.text(Role::Message).unwrap_or_default();
        let mut masked = std::mem::take(&mut self.masked);
        masked.read(message.as_bytes());
        let result = then(self, &masked, &message);
        self.masked = masked;
        result
    }

    /// Finds the template of a new masked message, which has this `hash` and is that of `message`.
    #[cold]
    fn learn(
        &mut self,
        masked: &MaskedMessage,
        hash: u64,
        message: &str,
        now: Timestamp,
        merges: &mut Vec<Merge>,
    ) -> TemplateId {
        let text = masked.text();
        let mut words = masked.words(&text);
        let mut own = TemplateId(hash);
        let mut folded_text = None;
        if let Some(folded) = fold::fold(&words) {
            words = folded;
            let once = words.join(" ");
            own = id_of(&once);
            folded_text = Some(once);
            if let Some(known) = self.template_of(own.0) {
                self.lead(hash, known);
                return known;
            }
        }
        let seeded = self.seeds.iter().find(|seed| seed.fits(&words)).map(|seed| (seed.id, seed.text.clone()));
        let fitting = self.wildcards.find(&words);
        let mut id = match (&seeded, fitting) {
            (Some((id, _)), _) => *id,
            (None, Some(open)) => self.root(open),
            (None, None) => own,
        };
        if self.templates.get_mut(id.0).is_none() {
            let wording = match &seeded {
                Some((_, seed)) => Wording { text: seed.clone(), words: seed.clone() },
                None => Wording::own(masked, folded_text.as_deref().unwrap_or(&text), message),
            };
            self.insert(id, wording, message, now);
        }
        if seeded.is_none()
            && let Some(opened) = self.wildcards.enter(&words, id)
        {
            let root = self.open(masked, &words, &opened, message, now, merges);
            self.wildcards.fill(&opened, root);
            id = root;
        }
        self.lead(own.0, id);
        self.lead(hash, id);
        id
    }

    /// Merges the templates that differ only at the opened position of `words`.
    fn open(
        &mut self,
        masked: &MaskedMessage,
        words: &[&str],
        opened: &wildcard::Opened,
        message: &str,
        now: Timestamp,
        merges: &mut Vec<Merge>,
    ) -> TemplateId {
        let mut merged = words.to_vec();
        merged[opened.position] = VARIABLE;
        merged.dedup_by(|next, before| *next == VARIABLE && *before == VARIABLE);
        let own = id_of(&merged.join(" "));
        let root = self.template_of(own.0).unwrap_or(own);
        if self.templates.get_mut(root.0).is_none() {
            self.insert(root, Wording::merged(masked, &merged, message), message, now);
        }
        let old: Vec<_> = opened.templates.iter().map(|&id| self.root(id)).collect();
        for from in old {
            // Skips templates that were already merged into this one.
            if self.root(from) == root {
                continue;
            }
            let Some(template) = self.templates.get_mut(from.0) else { continue };
            template.into = Some(root);
            let gone =
                Template { text: String::new(), words: String::new(), example: String::new(), ..template.clone() };
            let gone = std::mem::replace(template, gone);
            let Some(stays) = self.templates.touched(root.0) else { continue };
            stays.count += gone.count;
            stays.level = stays.level.max(gone.level);
            stays.first = stays.first.min(gone.first);
            stays.last = stays.last.max(gone.last);
            self.merged += 1;
            merges.push(Merge { from, into: root });
        }
        root
    }

    /// Stores a template with `message` as its example.
    fn insert(&mut self, id: TemplateId, wording: Wording, message: &str, now: Timestamp) {
        let Wording { mut text, words } = wording;
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        let example = example_of(message);
        let example = if example == text { String::new() } else { example.to_owned() };
        self.templates.touch(id.0, || Template {
            text,
            words,
            example,
            count: 0,
            level: None,
            first: now,
            last: now,
            into: None,
        });
    }
}
