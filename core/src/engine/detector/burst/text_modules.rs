//! Which modules have a cell of a template, so that a merge of two templates asks those and not
//! every module there is.
//!
//! Memory: 44 bytes a template and 8 for each module, 1,024 modules at most; templates are capped.
//! Of a template that more modules share, the cells of the others stay where they are when it is
//! merged, and what they knew is learned anew.

use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot, allocated};
use serde::{Deserialize, Serialize};

/// Most modules that are remembered of one template.
const MOST: usize = 1_024;

/// Modules by the hashes of their names, in the order in which they came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Modules(Vec<u64>);

impl HeapSize for Modules {
    fn heap_size(&self) -> usize {
        allocated(size_of::<u64>() * self.0.capacity())
    }
}

/// The modules of each template.
#[derive(Debug)]
pub(super) struct TextModules(Table<Modules>);

/// The modules of each template, as kept across a restart; none in states of versions that searched
/// all modules.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct TextModulesSnapshot(Option<TableSnapshot<Modules>>);

impl TextModules {
    pub(super) fn new(keys: usize) -> Self {
        Self(Table::new(keys))
    }

    /// A cell of `template` in `module` was made.
    pub(super) fn note(&mut self, template: u64, module: u64) {
        let modules = &mut self.0.touch(template, Modules::default).0;
        if modules.len() < MOST && !modules.contains(&module) {
            modules.push(module);
        }
    }

    /// The modules of a template that is no more.
    pub(super) fn take(&mut self, template: u64) -> Vec<u64> {
        self.0.get_mut(template).map(|modules| std::mem::take(&mut modules.0)).unwrap_or_default()
    }

    pub(super) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.0);
    }

    pub(super) fn table(&self) -> (&'static str, u64, u64) {
        ("burst_text_modules", self.0.len() as u64, self.0.evictions())
    }

    pub(super) fn snapshot(&self) -> TextModulesSnapshot {
        TextModulesSnapshot(Some(self.0.snapshot()))
    }

    /// Restores the modules of each template; from a state without them they are those of its
    /// `texts`, which are templates and modules.
    pub(super) fn restore(&mut self, kept: TextModulesSnapshot, texts: impl Iterator<Item = (u64, u64)>) {
        match kept.0 {
            Some(kept) => self.0.restore(kept),
            None => texts.for_each(|(template, module)| self.note(template, module)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_once_and_bounded() {
        let mut texts = TextModules::new(10);
        (0..5_000).for_each(|module| texts.note(1, module / 2));
        texts.note(2, 7);
        let mut again = TextModules::new(10);
        again.restore(texts.snapshot(), std::iter::empty());
        let mut older = TextModules::new(10);
        older.restore(TextModulesSnapshot::default(), [(2, 7), (2, 7)].into_iter());
        assert_eq!((texts.take(1), texts.take(1)), ((0..1_024).collect(), vec![]));
        assert_eq!((again.take(1).len(), again.take(2), older.take(2)), (1_024, vec![7], vec![7]));
        (0..5_000).for_each(|template| texts.note(template, 1));
        assert_eq!(texts.table().1, 10);
    }
}
