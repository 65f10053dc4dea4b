//! What filters of rules can be told of a line alone, before the engine has the event.

use super::Fields;

/// Filters of rules that look at the values of roles.
///
/// A batch holds the prefilter that its records are looked at with ([`super::Batch::prefilter`]).
/// Rules can be reloaded while it waits for the engine; what was told for others is then not used.
pub trait Prefilter: std::fmt::Debug + Send + Sync {
    /// The roles among `asked`, as bits by `Role as usize`, whose values no filter looks for in an
    /// event of this level. A bit that is not set tells nothing. What it says of a message is
    /// remembered, so it depends on nothing but the level, what is written there, and whether that
    /// has escapes.
    fn unmatched_roles(&self, fields: &Fields<'_>, asked: u16) -> u16;
}
