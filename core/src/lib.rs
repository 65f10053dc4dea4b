//! The pure part of seismolog: what one line says ([`event`]) and what a stream of them means
//! ([`engine`]), and how that is told ([`narrate`]).
//!
//! Nothing here touches files, network, clock, threads or the environment: bytes and times come in,
//! findings come out. The crate `seismolog` puts pipes, networks and metrics around it.

pub mod diagnostic;
pub mod engine;
pub mod event;
pub mod human_duration;
pub mod narrate;
pub mod plain;
pub mod setting;
