//! s

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
