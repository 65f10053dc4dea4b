//! What a script's values are, and what a rule's file can say of them: scalars that compare by
//! value, durations, the calendar, lookup tables, plain values that outlive an evaluation.
//!
//! This layer knows events (`crate::event`), and nothing of rules.

pub(crate) mod calendar;
pub(crate) mod csv;
pub(crate) mod duration;
pub(crate) mod field_path;
pub(crate) mod json;
pub(crate) mod scalar;
pub(crate) mod stored;
pub(crate) mod table;

/// Bytes that a text in a script can have; longer texts of an event are cut off there.
pub(crate) const TEXT_LIMIT: usize = 64 << 10;
