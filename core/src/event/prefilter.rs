//! What rules can be told of a line alone, before the engine has the event.

use super::Look;

/// Filters of rules that look for words in roles.
///
/// A batch holds the prefilter that its records are looked at with ([`super::Batch::prefilter`]). Rules can be reloaded
/// while it waits for the engine; what was told for others is then not used.
pub trait Prefilter: std::fmt::Debug + Send + Sync {
    /// The roles among `asked`, as bits by `Role as usize`, that have no word which the filters look for in an event of this
    /// level. A bit that is not set tells nothing. What it says of a role depends on the level and on what is written there.
    fn wordless(&self, look: &Look, bytes: &[u8], arena: &[u8], asked: u16) -> u16;
}
