//! c

pub(crate) mod constants;
pub(crate) mod declaration;
pub(crate) mod describe;
pub(crate) mod location;
pub(crate) mod names;
pub(crate) mod sandbox;
pub(crate) mod select;
pub(crate) mod set;
pub(crate) mod shipped;
