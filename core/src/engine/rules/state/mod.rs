//! The state and the limits of one rule: a table by key for each call site, bounded in keys and
//! bytes; the metrics and masks of rules; and the circuit breaker for failing rules.
//!
//! This layer uses `value`. It does not know events, the text of rules, or its callers.

pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod distinct;
pub(crate) mod lru_map;
pub(crate) mod masks;
pub(crate) mod memory;
pub mod metrics;
pub(crate) mod remembered;
pub(crate) mod values;
pub(crate) mod window;
