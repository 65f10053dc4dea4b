//! Adapters to the outside, which decide nothing.

pub(crate) mod accept;
pub mod clock;
pub mod dead_letter;
pub mod directory;
pub mod edge;
pub mod entries;
pub mod escaping;
pub mod files;
pub mod folder;
pub(crate) mod http_client;
pub mod log;
pub mod machine;
pub mod meter;
pub mod omprog;
pub mod outputs;
pub mod random;
pub mod shutdown;
pub mod sink;
pub(crate) mod socket;
pub mod source;
pub mod state;
pub mod stdio;
pub mod watch;
