//! Which rules an event can matter to: the native filters of all rules, joined.
//!
//! A filter is a list of [`alternative::Alternative`]s, each a list of [`condition::Condition`]s;
//! [`matcher::Matcher`] finds those that an event can pass by looking up one condition of each.
//! This layer knows `value` and events. It knows no scripts: `compile` reads filters from them.

pub(crate) mod alternative;
pub(crate) mod by_hash;
pub(crate) mod condition;
pub(crate) mod literals;
pub(crate) mod lookups;
pub(crate) mod matcher;
pub(crate) mod members;
pub(crate) mod words;
