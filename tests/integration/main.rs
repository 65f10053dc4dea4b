//! The only integration test binary: tests the program as its users see it, and promises that no
//! unit test can check.

// clippy.toml allows these in #[test] functions only, and helpers are none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod alerts;
mod browser;
mod circles;
mod comments;
mod corpora;
mod dashboards;
mod demo;
mod encodings;
mod ends;
mod escapes;
mod faults;
mod findings;
mod golden;
mod imports;
mod intake;
mod killed;
mod links;
mod mail;
mod map;
mod messages;
mod metrics;
mod mutations;
mod names;
mod neighbours;
mod pairs;
mod panics;
mod peers;
mod poison;
mod process;
mod promises;
mod proxies;
mod purity;
mod rules;
mod samples;
mod security;
mod servers;
mod splice;
mod state;
mod support;
