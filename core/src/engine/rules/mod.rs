//! Rules: detection logic of users, written in Rhai, one rule per file.
//!
//! A rule declares which events it is for (`const RULE`, with a native filter) and what to do with
//! them (`fn on_event(e)`). Files and tables come in as text ([`RuleSource`], [`TableSource`]).
//! [`RuleSet::compile`] checks all of them and reports all problems at once. [`Rules`] runs the
//! set: filters are evaluated natively; the script runs in a sandbox within a [`Budget`]; the state
//! of a rule is bounded and part of snapshots.
//!
//! There are five layers. Each may use only those above it in this table:
//!
//! | layer | content |
//! | --- | --- |
//! | `value` | the values of scripts: scalars, durations, tables, plain values |
//! | `state` | the state that a rule keeps, and the budgets of scripts |
//! | `filter` | the native filters of all rules as one matcher |
//! | `compile` | reading and checking the text of a rule |
//! | `runtime` | evaluation of an event: the functions that rules call, and their results |

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
    /// Compiles rules and tables. A later source replaces an earlier one of the same name. Rules
    /// run in the order of their names.
    ///
    /// # Errors
    /// All problems in all files, ordered by file name, tables first.
    pub fn compile(rules: &[RuleSource], tables: &[TableSource]) -> Result<Self, Vec<Diagnostic>> {
        Self::compile_with(rules, tables, &runtime::functions::signatures())
    }
}
