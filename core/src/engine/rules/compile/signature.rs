//! Signatures of the functions that rules can call: enough to check calls, and to refuse them in
//! constants. The functions themselves are in `runtime`, which passes the signatures in.

use crate::engine::rules::state::metrics::MetricKind;

/// A function that rules can call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    /// The minimum number of arguments; `most` is the maximum.
    pub(crate) least: usize,
    pub(crate) most: usize,
    /// The expected kinds of literal arguments, by argument index.
    pub(crate) arguments: &'static [(usize, Argument)],
}

/// The expected kind of an argument.
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
