//! What is known of a function before it is ever called: enough to check calls of it, and to refuse
//! it in constants. The functions themselves are `runtime`'s, which hands these over.

use crate::engine::rules::state::metrics::MetricKind;

/// A function that rules can call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    /// The least and the greatest number of arguments.
    pub(crate) least: usize,
    pub(crate) most: usize,
    /// What arguments must be, where they are written out, by their index.
    pub(crate) arguments: &'static [(usize, Argument)],
}

/// What an argument must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument {
    /// A text such as `"5m"`.
    Duration,
    /// A text such as `"22:00"`.
    TimeOfDay,
    /// The name of a table.
    Table,
    /// The name of a metric of this kind.
    Metric(MetricKind),
    /// A map with members of [`FINDING`].
    Finding,
}

/// The members of a finding.
pub(crate) const FINDING: [&str; 8] = ["summary", "severity", "cause", "remedy", "context", "key", "reset", "state"];
