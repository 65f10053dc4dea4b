//! What the filter reports about itself: metrics, its own page, and the small HTTP endpoint that
//! serves both.
//!
//! Nothing here decides anything: the pipeline counts in plain integers and hands over the
//! differences once per batch.

pub mod exposition;
pub mod history;
pub mod http;
pub mod metrics;
mod modules;
mod monotonic_totals;
mod operations;
mod page;
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
