//! The native filters of all rules, joined into one matcher.
//!
//! A filter is a list of [`alternative::Alternative`]s, each a list of [`condition::Condition`]s.
//! [`matcher::Matcher`] finds candidates by looking up one condition of each alternative. This
//! layer uses `value` and events. It knows no scripts: `compile` reads the filters from them.

pub(crate) mod alternative;
pub(crate) mod by_hash;
pub(crate) mod condition;
pub(crate) mod literals;
pub(crate) mod lookups;
pub(crate) mod matcher;
pub(crate) mod members;
pub(crate) mod words;
