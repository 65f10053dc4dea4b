//! Rules: what a user knows of a stream, written in Rhai, one rule a file.
//!
//! A rule says which events can matter to it (`const RULE`, the native filter) and what to do with
//! those (`fn on_event(e)`). Files and tables come in as text ([`RuleSource`], [`TableSource`]);
//! [`RuleSet::compile`] checks all of it and reports everything that is wrong at once. [`Rules`]
//! runs the set: the filter is decided natively, the script runs in a sandbox within a [`Budget`],
//! and what it remembers is bounded, lru_map and written into snapshots.
//!
//! One file a step: `declaration`, `select` and `condition` (what a rule says of itself),
//! `matcher`, `lookups`, `literals` and `members` (the filters of all rules as one), `functions`
//! and `constants` (names checked at load), `describe` and `plain` (what a set says of itself, the
//! tests that it carries), `sandbox` (the engine and its limits), `api` and `host` (what scripts
//! call: `counting`, `change`, `order`, `state_fns`, `event_fns`, `metric_fns`), `remembered`,
//! `memory` and `lru_map` (what they remember: `window`, `values`, `distinct`, `stored`), `masks`,
//! `metrics`, `calendar`, `table` (lookups), `event` (the script's view of an event), `breaker`,
//! `evaluate` (one call of a script), `run`.

mod api;
mod breaker;
mod budget;
mod calendar;
mod change;
mod condition;
mod constants;
mod counting;
mod csv;
mod declaration;
mod describe;
mod distinct;
mod duration;
mod entry;
mod evaluate;
mod event;
mod event_fns;
mod functions;
mod host;
mod literals;
mod lookups;
mod lru_map;
mod masks;
mod matcher;
mod members;
mod memory;
mod metric_fns;
pub mod metrics;
mod order;
mod place;
mod plain;
mod remembered;
mod run;
mod sandbox;
mod scalar;
mod select;
mod set;
mod shipped;
mod state_fns;
mod stored;
mod table;
mod values;
mod window;
mod words;

#[cfg(test)]
mod tests;

pub use budget::{Budget, Meter};
pub use describe::{Change, RuleSummary, RuleTests};
pub use duration::nanoseconds;
pub use evaluate::TIMED_EVALUATIONS;
pub use event::Known;
pub use metrics::RuleMetrics;
pub use run::{RestoreError, RuleFailure, RuleOutcome, RuleTally, Rules};
pub use set::{RuleSet, RuleSource, TableSource};

/// Bytes that a text in a script can have; longer texts of an event are cut off there.
const TEXT_LIMIT: usize = 64 << 10;
