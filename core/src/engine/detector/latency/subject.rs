//! Whose a duration is: the operation, in its module.

use crate::engine::detector::Event;
use crate::event::operation::masked;
use crate::event::parsed::Form;
use crate::event::{Fields, Role};
use xxhash_rust::xxh3::xxh3_64;

/// Tells keys of modules, templates and hosts from those of operations.
pub(super) const KEY_DOMAINS: [u64; 3] = [0x6D6F_6475_6C65, 0x7465_6D70_6C61, 0x686F_7374];

/// Whose a duration is.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallSubject {
    /// The operation in its module.
    pub(super) key: u64,
    /// The operation, as metrics show it.
    pub(super) shown: u64,
    /// The module; the operation where there is none.
    pub(super) module: u64,
}

/// The operation that an event names in its module, or the module where it names none. The module
/// is salted, because an operation may have the same name.
#[inline]
pub(super) fn named(fields: &Fields<'_>) -> Option<CallSubject> {
    let parsed = fields.parsed();
    match parsed.slots[Role::Operation as usize].form {
        Form::Absent => fields.raw(Role::Module).filter(|module| !module.is_empty()).map(|_| {
            let shown = parsed.module_hash.rotate_left(1) ^ KEY_DOMAINS[0];
            CallSubject::of(shown, shown, fields)
        }),
        _ => {
            let shown = parsed.operation_hash;
            (shown != 0).then(|| CallSubject::of(shown ^ parsed.module_hash.rotate_left(23), shown, fields))
        }
    }
}

impl CallSubject {
    #[inline]
    pub(super) fn of(key: u64, shown: u64, fields: &Fields<'_>) -> Self {
        let module = fields.parsed().module_hash;
        Self { key, shown, module: if module == 0 { key } else { module } }
    }
}

/// The name of that operation and its module, or of the module alone.
pub(super) fn name_of(fields: &Fields<'_>) -> (String, String) {
    let module = text_of(fields.raw(Role::Module).unwrap_or_default());
    match fields.text(Role::Operation) {
        Some(operation) => (text_of(masked(operation.as_bytes(), &mut Vec::new())), module),
        None => (module, String::new()),
    }
}

/// The trace that an event belongs to.
#[inline]
pub(super) fn trace_of(fields: &Fields<'_>) -> Option<u64> {
    let trace = fields.raw(Role::Trace)?;
    (!trace.is_empty()).then(|| xxh3_64(trace))
}

/// The key of a host's calls of an operation.
pub(super) fn share_key(operation: u64, host: u64) -> u64 {
    operation ^ host ^ KEY_DOMAINS[2]
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The operation that is an event's template, for a duration in its message.
pub(super) fn of_template(event: &Event<'_>) -> CallSubject {
    let shown = event.template.id.0 ^ event.fields.parsed().module_hash.rotate_left(7) ^ KEY_DOMAINS[1];
    CallSubject::of(shown, shown, &event.fields)
}
