//! What one rule remembers and may cost: a table of keys for each call site, bounded in keys and
//! bytes; the metrics and masks that rules have asked for; whether a failing rule is switched off.
//!
//! This layer knows `value`. It knows no events, no texts of rules, and not who calls it.

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
