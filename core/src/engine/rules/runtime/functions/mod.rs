//! fn

pub(crate) mod api;
pub(crate) mod change;
pub(crate) mod counting;
pub(crate) mod event;
pub(crate) mod metrics;
pub(crate) mod notes;
pub(crate) mod order;
