//! Evaluation of rules: the event, the functions that scripts can call, and the results.
//!
//! This is the highest layer. It runs what `compile` produced ([`rules::Rules`]): `evaluate` runs
//! one script, `entry` makes calls fast, and the [`context::RuleContext`] is what the functions
//! work on (`functions`, one table per group).

pub(crate) mod context;
pub(crate) mod entry;
pub(crate) mod evaluate;
pub(crate) mod event;
pub(crate) mod functions;
pub(crate) mod library;
pub(crate) mod outcome;
pub(crate) mod properties;
pub(crate) mod rules;
