//! v

pub(crate) mod calendar;
pub(crate) mod csv;
pub(crate) mod duration;
pub(crate) mod json;
pub(crate) mod scalar;
pub(crate) mod stored;
pub(crate) mod table;
