//! What the filter says about itself: its metrics, and the small HTTP endpoint where they are read.
//!
//! Nothing in here decides anything: the pipeline counts in plain integers and hands the deltas over once a batch.

pub mod http;
pub mod metrics;
mod rule_families;
pub mod watcher;

pub use http::{BindError, Endpoint, Readiness, parse_address};
pub use metrics::Metrics;
