//! What the filter says about itself: its metrics, its own page, and the small HTTP endpoint where
//! both are read.
//!
//! Nothing in here decides anything: the pipeline counts in plain integers and hands the deltas
//! over once a batch.

pub mod exposition;
pub mod history;
pub mod http;
pub mod metrics;
mod modules;
mod monotonic_totals;
mod operations;
pub mod process;
pub mod routes;
mod rule_families;
pub mod silences;
pub mod watcher;

pub use history::History;
pub use http::{BindError, Endpoint, Readiness};
pub use metrics::Metrics;
pub use routes::Site;
pub use silences::Silences;
