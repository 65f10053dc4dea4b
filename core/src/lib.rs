//! The pure part of seismolog: what one line says ([`event`]) and what a stream of them means
//! ([`engine`]), and how that is told ([`narrate`]).
//!
//! Nothing here touches files, network, clock, threads or the environment: bytes and times come in,
//! findings come out. The crate `seismolog` puts pipes, networks and metrics around it. Clippy
//! holds it to that (`clippy.toml`), its unit tests aside.

#![cfg_attr(test, allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]

pub mod diagnostic;
pub mod duration;
pub mod engine;
pub mod event;
pub mod human_duration;
pub mod narrate;
pub mod plain;
pub mod setting;
