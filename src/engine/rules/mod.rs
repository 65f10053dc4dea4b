//! Rules: what a user knows of a stream, written in Rhai, one rule a file.
//!
//! A rule says which events can matter to it (`const RULE`, the native filter) and what to do with those
//! (`fn on_event(e)`). Files and tables come in as text ([`RuleSource`], [`TableSource`]); [`RuleSet::compile`] checks all
//! of it and reports everything that is wrong at once. [`Rules`] runs the set: the filter is decided natively, the
//! script runs in a sandbox within a [`Budget`], and what it remembers is bounded, keyed and written into snapshots.
//!
//! One file a step: `declaration` and `select` (what a rule says of itself), `functions` and `constants`
//! (names checked at load),
//! `sandbox` (the engine and its limits), `api` and `host` (what scripts call), `count`, `window` and `keyed` (what they
//! remember), `table` (lookups), `event` (the script's view of an event), `breaker`, `run`.

mod api;
mod breaker;
mod budget;
mod condition;
mod constants;
mod count;
mod declaration;
mod duration;
mod event;
mod functions;
mod host;
mod keyed;
mod literals;
mod matcher;
mod members;
mod place;
mod plain;
mod run;
mod sandbox;
mod scalar;
mod select;
mod set;
mod table;
mod window;

#[cfg(test)]
mod tests;

pub use budget::{Budget, Meter};
pub use duration::nanoseconds;
pub use run::{RestoreError, RuleFailure, RuleOutcome, RuleTally, Rules};
pub use set::{Change, RuleSet, RuleSource, RuleSummary, RuleTests, TableSource};

/// Bytes that a text in a script can have; longer texts of an event are cut off there.
const TEXT_LIMIT: usize = 64 << 10;
