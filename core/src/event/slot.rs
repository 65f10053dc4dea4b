//! Where the value of a role stands, and how it is written.

use super::Span;

/// How a role's value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The event does not have the role.
    #[default]
    Absent,
    /// Plain text.
    Text,
    /// The inside of a JSON string with escapes.
    Escaped,
    /// A number as written.
    Number,
}

/// Where a role's value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The bytes.
    pub span: Span,
    /// How they are written.
    pub form: Form,
    /// In the batch's arena, not in the bytes read.
    pub in_arena: bool,
}

impl Slot {
    /// Its bytes as written, of those read and those in the arena.
    #[inline]
    pub(crate) fn of<'a>(&self, bytes: &'a [u8], arena: &'a [u8]) -> &'a [u8] {
        self.span.of(if self.in_arena { arena } else { bytes })
    }
}
