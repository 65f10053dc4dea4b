//! Replays files through the engine and reports the findings.
//!
//! [`source`] opens and decompresses, [`merge`] makes one timeline of many files, the engine
//! processes it as it would have live, [`summary`] collects results, and [`report`] and [`html`]
//! render them. Only [`source`] and [`decompress`] do I/O.

pub mod decompress;
pub mod document;
pub mod heavy_hitters;
pub mod html;
mod html_chart;
pub mod judged;
pub mod merge;
pub mod offset;
pub mod report;
pub mod situations;
pub mod source;
mod source_name;
pub mod sparkline;
pub mod summary;
mod tables;
pub mod timeline;
pub mod unread;
mod words;

use crate::engine::finding::Finding;
use crate::engine::{Engine, Outcome, Tally};
use crate::event::{Fault, Role, Timestamp};
use merge::{Line, Merge};
use offset::{Comparison, TraceTimes, compare};
use source::LogSource;
pub use source_name::names as source_names;
use std::panic::{AssertUnwindSafe, catch_unwind};
use summary::Summary;
use xxhash_rust::xxh3::xxh3_64;

/// Is told what happens during a replay.
pub trait Observer {
    /// A batch of lines has been processed.
    fn batch(&mut self);
    /// A finding was made; an error ends the replay.
    ///
    /// # Errors
    /// When the finding cannot be written.
    fn finding(&mut self, finding: &Finding) -> std::io::Result<()>;
}

/// Sends all lines of the timeline through the engine and returns the engine's counts.
///
/// # Errors
/// As [`Observer::finding`].
pub fn run(
    fresh: &dyn Fn() -> Engine,
    merge: &mut Merge,
    summary: &mut Summary,
    observer: &mut dyn Observer,
) -> std::io::Result<Tally> {
    let (mut engine, mut outcome) = (fresh(), Outcome::default());
    while let Some(line) = merge.next_line() {
        if pass(&mut engine, &line, &mut outcome).is_err() {
            outcome = Outcome::of_fault(Fault::Panic);
            engine.replace(fresh());
        }
        summary.line(&line, outcome.template, engine.templates());
        summary.judged.event(engine.clock());
        for finding in outcome.before.iter().chain(&outcome.findings) {
            summary.finding(finding);
            observer.finding(finding)?;
        }
        if let Some((Fault::Rule, message)) = &outcome.fault {
            summary.rule_failed(message);
        }
        if merge.take_fresh() {
            observer.batch();
        }
    }
    engine.finish(&mut outcome);
    for finding in &outcome.before {
        summary.finding(finding);
        observer.finding(finding)?;
    }
    summary.settle(engine.templates());
    Ok(engine.take_tally())
}

/// Processes one line. A replayed line has no arrival time, so a line without any time is placed at
/// the epoch.
#[inline]
fn pass(engine: &mut Engine, line: &Line<'_>, outcome: &mut Outcome) -> std::thread::Result<()> {
    catch_unwind(AssertUnwindSafe(|| engine.process(&line.fields, Timestamp::default(), outcome)))
}

/// Compares the clocks of the files by reading each file once, without the engine.
#[must_use]
pub fn compare_clocks(sources: Vec<LogSource>, observer: &mut dyn Observer) -> Vec<Comparison> {
    let mut files = Vec::new();
    for mut source in sources {
        let mut times = TraceTimes::default();
        while source.advance() {
            for i in 0..source.batch.records.len() {
                let fields = source.batch.fields(i);
                if let Some(time) = fields.time() {
                    times.event(time, fields.raw(Role::Trace).map(xxh3_64));
                }
            }
            observer.batch();
        }
        files.push(times);
    }
    compare(&files)
}

#[cfg(test)]
mod tests;
