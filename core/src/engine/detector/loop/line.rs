//! The identity of a line: what must be equal in two lines that are the same.

use super::distinct::Distinct;
use crate::engine::detector::Event;
use crate::engine::template::TemplateId;
use crate::event::{ParsedEvent, Role};
use xxhash_rust::xxh3::xxh3_64;

/// Separates templates from lines in the sketch that counts both.
const TEMPLATE_SALT: u64 = 0x5EED_0F7E_A7ED_C0DE;

/// The line of an event: its message, or of a message with a stack trace the first line and the
/// trace.
pub(super) fn of(event: &Event<'_>) -> u64 {
    let parsed = event.fields.parsed();
    let message = match (event.stack, event.fields.raw(Role::Message)) {
        (Some(stack), Some(message)) => {
            let first = message.iter().position(|byte| matches!(byte, b'\n' | b'\\')).unwrap_or(message.len());
            xxh3_64(&message[..first]) ^ stack.fingerprint
        }
        _ => parsed.message_hash,
    };
    of_message(message, parsed)
}

/// The line of this message in the parsed event's module.
#[inline]
pub(super) fn of_message(message: u64, parsed: &ParsedEvent) -> u64 {
    message ^ parsed.module_hash.rotate_left(32)
}

/// The request of an event, by its trace id; no bit without one.
#[inline]
pub(super) fn request(event: &Event<'_>) -> Distinct {
    event.fields.hash(Role::Trace).map_or_else(Distinct::default, Distinct::of)
}

/// The key of a template in the sketch of learned counts.
pub(super) fn template_key(template: TemplateId) -> u64 {
    xxh3_64(&(template.0 ^ TEMPLATE_SALT).to_le_bytes())
}
