//! Pure: no files, no network, no clock, no threads.

pub mod finding;
pub mod rules;
