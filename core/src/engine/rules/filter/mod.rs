//! f

pub(crate) mod condition;
pub(crate) mod literals;
pub(crate) mod lookups;
pub(crate) mod matcher;
pub(crate) mod members;
pub(crate) mod words;
