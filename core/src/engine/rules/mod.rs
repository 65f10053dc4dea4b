//! Rules: what a user knows of a stream, written in Rhai, one rule a file.
//!
//! A rule says which events can matter to it (`const RULE`, the native filter) and what to do with
//! those (`fn on_event(e)`). Files and tables come in as text ([`RuleSource`], [`TableSource`]);
//! [`RuleSet::compile`] checks all of it and reports everything that is wrong at once. [`Rules`]
//! runs the set: the filter is decided natively, the script runs in a sandbox within a [`Budget`],
//! and what it remembers is bounded and written into snapshots.
//!
//! Five layers, each of which may use those before it and knows nothing of those behind it:
//!
//! | layer | knows |
//! | --- | --- |
//! | `value` | what a script's values are: scalars, durations, tables, plain values |
//! | `state` | what a rule remembers of them, and what it may cost |
//! | `filter` | which rules an event can matter to: the filters of all rules as one |
//! | `compile` | a rule's text: what it declares, and what is wrong with it |
//! | `runtime` | the event that is evaluated, the functions that rules call, what comes of them |

mod compile;
mod filter;
mod runtime;
mod state;
mod value;

#[cfg(test)]
mod tests;

pub use compile::describe::{RuleChanges, RuleSummary, RuleTests};
pub use compile::set::{RuleSet, RuleSource, TableSource};
pub use runtime::evaluate::TIMED_EVALUATIONS;
pub use runtime::event::Known;
pub use runtime::functions::reference;
pub use runtime::outcome::{RuleFailure, RuleOutcome, RuleTally};
pub use runtime::rules::{RestoreError, Rules};
pub use state::budget::{Budget, Meter};
pub use state::metrics::{self, RuleMetrics};
pub use value::duration::nanoseconds;

use crate::diagnostic::Diagnostic;

impl RuleSet {
    /// Compiles rules and tables. A later source takes the place of an earlier one of the same
    /// name; rules run in the order of their names.
    ///
    /// # Errors
    /// What is wrong in all files, in the order of their names, tables first.
    pub fn compile(rules: &[RuleSource], tables: &[TableSource]) -> Result<Self, Vec<Diagnostic>> {
        Self::compile_with(rules, tables, &runtime::functions::signatures())
    }
}
