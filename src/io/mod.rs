//! Adapters to the outside. They decide nothing.

pub mod clock;
pub mod files;
pub mod log;
pub mod meter;
pub mod shutdown;
pub mod sink;
pub mod state;
pub mod stdio;
pub mod watch;
