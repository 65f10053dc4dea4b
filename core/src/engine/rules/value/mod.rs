//! The values that scripts and rule files use: scalars that compare by value, durations, the
//! calendar, lookup tables, and plain values that are stored between evaluations.
//!
//! This layer uses events (`crate::event`) and knows nothing of rules.

pub(crate) mod calendar;
pub(crate) mod csv;
pub(crate) mod duration;
pub(crate) mod field_path;
pub(crate) mod json;
pub(crate) mod scalar;
pub(crate) mod stored;
pub(crate) mod table;

/// Most bytes of a text in a script; longer texts of an event are cut.
pub(crate) const TEXT_LIMIT: usize = 64 << 10;
