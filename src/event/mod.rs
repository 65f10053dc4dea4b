//! What passes through: records in a shared batch buffer, and the pure look at one line.

pub mod layout;
pub mod level;
pub mod time;
