//! A seismograph for log streams.
//!
//! The library holds everything but argument parsing: the pure parts ([`event`]: what one line says; [`engine`]: what a
//! stream of them means) and the adapters around them.

pub mod demo;
pub mod event;
pub mod telemetry;
