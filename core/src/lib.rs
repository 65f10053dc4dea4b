//! The pure part of seismolog: parsing one line ([`event`]), finding anomalies in a stream of
//! events ([`engine`]), and describing them in sentences ([`narrate`]).
//!
//! Nothing here touches files, network, clock, threads or the environment: bytes and times come in,
//! findings come out. The crate `seismolog` adds pipes, networks and metrics. Clippy enforces this
//! (`clippy.toml`), except in unit tests.

#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

pub mod diagnostic;
pub mod duration;
pub mod engine;
pub mod event;
pub mod human_duration;
pub mod narrate;
pub mod plain;
pub mod setting;
