//! A seismograph for log streams.
//!
//! The library holds everything but argument parsing: the adapters around the pure crate
//! `seismolog-core`, whose modules are re-exported here ([`event`] parses single lines; [`engine`]
//! finds anomalies in a stream of them).
//!
//! The engine is a plain value that any program can drive:
//!
//! ```
//! use seismolog::config::Config;
//! use seismolog::engine::{Engine, Outcome, rules::RuleSet};
//! use seismolog::event::{Batch, EventParser, Timestamp, lines::Lines, time::TimeContext};
//!
//! let config = Config::default();
//! let zone = TimeContext::new("UTC", 2026).expect("UTC is a zone");
//! let mut parser = EventParser::new(config.names(), config.output.member.clone(), zone);
//! let mut engine = Engine::new(&config.engine_options(), RuleSet::empty());
//!
//! let text = b"2026-03-02 08:00:00,123 ERROR [main] app.Db: connection refused\n";
//! let mut batch = Batch { bytes: text.to_vec(), filled: text.len(), ..Batch::default() };
//! Lines::new(1 << 20).split(&mut batch, true);
//! parser.parse(&mut batch);
//!
//! let mut outcome = Outcome::default();
//! engine.process(&batch.fields(0), Timestamp::default(), &mut outcome);
//! assert!(outcome.is_quiet(), "one error is no anomaly");
//! assert_eq!(engine.take_tally().events[4], 1, "but it is counted as an ERROR");
//! ```

pub use seismolog_core::{diagnostic, duration, engine, event, human_duration, narrate, plain, setting};

pub mod cli;
pub mod command;
pub mod config;
pub mod demo;
pub mod error;
pub mod explain;
pub mod inspect;
pub mod io;
pub mod message;
pub mod observer;
pub mod output;
pub mod pipeline;
pub mod replay;
pub mod suite;
pub mod telemetry;
pub mod terminal;
