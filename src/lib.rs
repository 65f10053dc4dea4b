//! A seismograph for log streams.
//!
//! The library holds everything but argument parsing: the pure parts ([`event`]: what one line says; [`engine`]: what a
//! stream of them means) and the adapters around them.

pub mod cli;
pub mod command;
pub mod config;
pub mod demo;
pub mod diagnostic;
pub mod engine;
pub mod error;
pub mod event;
pub mod io;
pub mod outbox;
pub mod pipeline;
pub mod prose;
pub mod replay;
pub mod telemetry;
pub mod terminal;
