//! The slow path of the miner: skeletons that are new, or whose template was merged or evicted.

use super::wording::Wording;
use super::{Merge, Template, TemplateId, TemplateMatch, Templates, example_of, fold, hole, id_of};
use crate::event::skeleton::{Skeleton, VARIABLE};
use crate::event::{Fields, Role, Timestamp};

/// Most bytes of a template's displayed text. Its id is the hash of the uncut text.
pub(super) const TEXT_BYTES: usize = 400;

impl Templates {
    /// Handles a skeleton that is new, or whose template was merged or evicted.
    #[cold]
    pub(super) fn see_again(&mut self, fields: &Fields<'_>, now: Timestamp, merges: &mut Vec<Merge>) -> TemplateMatch {
        let hash = fields.parsed().skeleton;
        let id = match self.template_of(hash) {
            Some(id) => id,
            None => {
                self.read(fields, |templates, skeleton, message| templates.learn(skeleton, hash, message, now, merges))
            }
        };
        if self.templates.get_mut(id.0).is_none() {
            self.read(fields, |templates, skeleton, message| {
                templates.insert(id, Wording::own(skeleton, &skeleton.text(), message), message, now);
            });
        }
        self.count(id, fields.parsed().level, now).unwrap_or_default()
    }

    /// The template of a known skeleton, after all merges so far.
    fn template_of(&mut self, skeleton: u64) -> Option<TemplateId> {
        let id = match self.templates.touched(skeleton) {
            Some(_) => TemplateId(skeleton),
            None => *self.skeletons.touched(skeleton)?,
        };
        let root = self.root(id);
        self.lead(skeleton, root);
        Some(root)
    }

    /// Stores that the skeleton has the template `id`.
    fn lead(&mut self, skeleton: u64, id: TemplateId) {
        if skeleton != id.0 {
            *self.skeletons.touch(skeleton, || id) = id;
        }
    }

    /// Reads the message of an event and passes it to `then` with its skeleton. The reader is taken
    /// out of `self` meanwhile, so that `then` can change the tables.
    fn read<R>(&mut self, fields: &Fields<'_>, then: impl FnOnce(&mut Self, &Skeleton, &str) -> R) -> R {
        let message = fields.text(Role::Message).unwrap_or_default();
        let mut skeleton = std::mem::take(&mut self.skeleton);
        skeleton.read(message.as_bytes());
        let result = then(self, &skeleton, &message);
        self.skeleton = skeleton;
        result
    }

    /// Finds the template of a new skeleton, which has this `hash` and is that of `message`.
    #[cold]
    fn learn(
        &mut self,
        skeleton: &Skeleton,
        hash: u64,
        message: &str,
        now: Timestamp,
        merges: &mut Vec<Merge>,
    ) -> TemplateId {
        let text = skeleton.text();
        let mut words = skeleton.words(&text);
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
        let fitting = self.holes.find(&words);
        let mut id = match (&seeded, fitting) {
            (Some((id, _)), _) => *id,
            (None, Some(open)) => self.root(open),
            (None, None) => own,
        };
        if self.templates.get_mut(id.0).is_none() {
            let wording = match &seeded {
                Some((_, seed)) => Wording { text: seed.clone(), words: seed.clone() },
                None => Wording::own(skeleton, folded_text.as_deref().unwrap_or(&text), message),
            };
            self.insert(id, wording, message, now);
        }
        if seeded.is_none()
            && let Some(opened) = self.holes.enter(&words, id)
        {
            let root = self.open(skeleton, &words, &opened, message, now, merges);
            self.holes.fill(&opened, root);
            id = root;
        }
        self.lead(own.0, id);
        self.lead(hash, id);
        id
    }

    /// Merges the templates that differ only at the opened position of `words`.
    fn open(
        &mut self,
        skeleton: &Skeleton,
        words: &[&str],
        opened: &hole::Opened,
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
            self.insert(root, Wording::merged(skeleton, &merged, message), message, now);
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
