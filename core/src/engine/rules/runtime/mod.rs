//! r

pub(crate) mod context;
pub(crate) mod entry;
pub(crate) mod evaluate;
pub(crate) mod event;
pub(crate) mod functions;
pub(crate) mod rules;
