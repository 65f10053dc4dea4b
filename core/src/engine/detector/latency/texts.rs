//! Durations in messages, for events without a member that has one. Where a template has its
//! duration is decided once.

use crate::engine::detector::{Event, TableUse};
use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot, allocated};
use crate::engine::template::{Merge, TemplateId};
use crate::event::Role;
use crate::event::text_duration::Anchor;

/// The first messages of a template are searched, at doubling counts up to this one, because the
/// first may be a special case.
const LOOKS: u64 = 16;
/// The name of an operation that is a template is cut here, in bytes.
const NAME_BYTES: usize = 120;

/// Templates with durations.
#[derive(Debug)]
pub(super) struct Texts {
    anchors: Table<Anchor>,
}

impl HeapSize for Anchor {
    fn heap_size(&self) -> usize {
        allocated(self.length())
    }
}

impl Texts {
    pub(super) fn new(keys: usize) -> Self {
        Self { anchors: Table::new(keys) }
    }

    /// The duration in the event's message, in milliseconds.
    #[inline]
    pub(super) fn duration_ms(&mut self, event: &Event<'_>) -> Option<f64> {
        let template = event.template;
        if template.count <= LOOKS && template.count.is_power_of_two() {
            self.look(event);
        }
        if self.anchors.is_empty() {
            return None;
        }
        self.anchors.get_mut(template.id.0)?.read(event.fields.raw(Role::Message)?)
    }

    #[cold]
    fn look(&mut self, event: &Event<'_>) {
        if let Some(anchor) = event.fields.raw(Role::Message).and_then(Anchor::find) {
            self.anchors.touch(event.template.id.0, || anchor);
        }
    }

    pub(super) fn merge(&mut self, merge: Merge) {
        if let Some(anchor) = self.anchors.get_mut(merge.from.0).cloned() {
            self.anchors.touch(merge.into.0, || anchor);
        }
    }

    pub(super) fn snapshot(&self) -> TableSnapshot<Anchor> {
        self.anchors.snapshot()
    }

    pub(super) fn restore(&mut self, kept: TableSnapshot<Anchor>) {
        self.anchors.restore(kept);
    }

    pub(super) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.anchors);
    }

    pub(super) fn table(&self) -> TableUse {
        let (keys, evictions) = (self.anchors.len() as u64, self.anchors.evictions());
        TableUse { table: "latency_templates", keys, evictions }
    }
}

/// The name of the operation of a template, its text, and its module; or the module alone.
pub(super) fn name_of(event: &Event<'_>) -> (String, String) {
    let text = event
        .templates
        .text(event.template.id)
        .map(str::to_owned)
        .filter(|_| event.template.id != TemplateId::default());
    let module = event.fields.text(Role::Module).map(|module| module.into_owned()).unwrap_or_default();
    let (mut name, module) = match text {
        Some(text) => (text, module),
        None if module.is_empty() => (format!("template {}", event.template.id), module),
        None => (module, String::new()),
    };
    name.truncate(name.floor_char_boundary(NAME_BYTES));
    (name, module)
}
