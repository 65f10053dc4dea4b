//! Rules at work: the event that is evaluated, the functions that its script can call, what comes
//! of it.
//!
//! This is the highest layer. It runs what `compile` has made ([`rules::Rules`]): `evaluate` calls
//! one script, `entry` is the quick way into it, and the [`context::RuleContext`] is what the
//! functions (`functions`, one table a group) work on.

pub(crate) mod context;
pub(crate) mod entry;
pub(crate) mod evaluate;
pub(crate) mod event;
pub(crate) mod functions;
pub(crate) mod library;
pub(crate) mod outcome;
pub(crate) mod properties;
pub(crate) mod rules;
