//! Sources of batches. Each reads, cuts records and looks at them on a thread of its own.

use super::clock;
use super::shutdown::Progress;
use super::stdio::{Read, StandardInput};
use crate::event::lines::Lines;
use crate::event::{Batch, Encoding, EventParser, Prefilter};
use rustix::fd::AsFd;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Most bytes of one read. Larger reads do not stay in the L2 cache between the two threads.
pub const READ_BYTES: usize = 256 << 10;
/// Batches that are kept for reuse, and the largest that is kept.
const POOL: usize = 16;
const POOLED_BYTES: usize = 4 << 20;

/// A source that yields batches until it ends or is stopped.
pub trait Source: Send {
    /// Looks at every batch and sends it, until there are no more.
    ///
    /// # Errors
    /// When reading fails for good.
    fn run(self: Box<Self>, sender: &BatchSender) -> io::Result<()>;
}

/// Batches that have left, for reuse.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Mutex<Pooled>>);

#[derive(Debug, Default)]
struct Pooled {
    batches: Vec<Batch>,
    /// How many batches were taken and not given back. Network ends make their own batches and take
    /// none.
    taken: usize,
}

impl Pool {
    /// An empty batch.
    #[must_use]
    pub fn take(&self) -> Batch {
        let mut pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pooled.taken += 1;
        pooled.batches.pop().unwrap_or_default()
    }

    /// Gives a batch back. The batch is kept if one was taken, because then somebody reuses it.
    pub fn give(&self, mut batch: Batch) {
        // Cleared now, so that what the batch refers to is freed, such as the filters of rules that
        // a reload has replaced.
        batch.clear();
        // Joining cuts all lines before it is known which are one record.
        batch.records.shrink_to(Batch::MOST_RECORDS);
        let mut pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pooled.taken > 0 {
            pooled.taken -= 1;
            if pooled.batches.len() < POOL && batch.bytes.len() <= POOLED_BYTES {
                pooled.batches.push(batch);
            }
        }
    }
}

/// The prefilter of the running rules, for the threads that look at batches; none before the engine
/// has started.
#[derive(Clone, Debug, Default)]
pub struct LivePrefilter(Arc<Mutex<Option<Arc<dyn Prefilter>>>>);

impl LivePrefilter {
    /// Replaces the prefilter for the batches to come.
    pub fn put(&self, prefilter: Arc<dyn Prefilter>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(prefilter);
    }

    fn current(&self) -> Option<Arc<dyn Prefilter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The engine's end of the queue of batches.
#[derive(Debug)]
pub struct BatchReceiver {
    /// Batches that were looked at.
    pub batches: Receiver<Batch>,
    /// Where batches go when they have left.
    pub pool: Pool,
    /// The prefilter of the rules.
    pub prefilter: LivePrefilter,
}

/// A source's end of the queue of batches. The queue is bounded, so a slow engine slows its
/// sources.
#[derive(Clone, Debug)]
pub struct BatchSender {
    /// The queue of batches that were looked at.
    looked: SyncSender<Batch>,
    /// Where empty batches come from.
    pub pool: Pool,
    /// The prefilter of the rules.
    prefilter: LivePrefilter,
    /// Lines read and delivered.
    pub progress: Arc<Progress>,
}

impl BatchSender {
    /// A queue of `length` batches: its two ends.
    #[must_use]
    pub fn new(length: usize, progress: Arc<Progress>) -> (Self, BatchReceiver) {
        let (looked, batches) = sync_channel(length);
        let (pool, prefilter) = (Pool::default(), LivePrefilter::default());
        let arrivals = BatchReceiver { batches, pool: pool.clone(), prefilter: prefilter.clone() };
        (Self { looked, pool, prefilter, progress }, arrivals)
    }

    /// Counts the lines of a batch as read.
    pub fn count(&self, batch: &Batch) {
        let lines = batch.records.iter().filter(|record| record.encoding != Encoding::Rest).count();
        self.progress.read.fetch_add(lines as u64, Ordering::AcqRel);
    }

    /// Looks at every record of the batch, for the running rules as well.
    pub fn parse(&self, parser: &mut EventParser, batch: &mut Batch) {
        batch.prefilter = self.prefilter.current();
        parser.set_present(clock::now());
        parser.parse(batch);
    }

    /// Passes on a batch that was counted; false when the engine has stopped.
    #[must_use]
    pub fn put(&self, batch: Batch) -> bool {
        self.looked.send(batch).is_ok()
    }
}

/// The frontend of text input: what is done to lines before the engine.
pub struct LineFrontend {
    /// Cuts lines.
    pub lines: Lines,
    /// Looks at each record.
    pub parser: EventParser,
    /// How long complete lines wait for lines that continue them, when input is idle.
    pub join_timeout: Duration,
}

/// Lines of a stream: standard input.
pub struct LineSource<I> {
    /// The stream.
    pub input: StandardInput<I>,
    /// The frontend that cuts and looks.
    pub front: LineFrontend,
}

impl<I: AsFd + Send> Source for LineSource<I> {
    /// Reads, cuts, looks and passes on. The incomplete last line is kept in front of the next
    /// read.
    fn run(mut self: Box<Self>, sender: &BatchSender) -> io::Result<()> {
        let mut unfinished = Vec::new();
        let mut ended = false;
        self.front.lines = self.front.lines.clone().bounded();
        loop {
            let mut batch = sender.pool.take();
            batch.filled = unfinished.len();
            if batch.bytes.len() < batch.filled + READ_BYTES {
                batch.bytes.resize(batch.filled + READ_BYTES, 0);
            }
            batch.bytes[..unfinished.len()].copy_from_slice(&unfinished);
            let LineFrontend { lines, parser, join_timeout } = &mut self.front;
            let reading = sender.progress.reading();
            // Complete lines that are here already are passed on first.
            let full = lines.is_full();
            let idle = !full && lines.waits() && !self.input.wait(*join_timeout)?;
            ended = ended || (!full && !idle && fill(&self.input, &mut batch, lines.least_piece())?);
            let rest = if idle { lines.split_idle(&mut batch) } else { lines.split(&mut batch, ended) };
            unfinished.clear();
            unfinished.extend_from_slice(&batch.bytes[rest..batch.filled]);
            batch.filled = rest;
            sender.count(&batch);
            drop(reading);
            sender.parse(parser, &mut batch);
            let over = ended && !lines.is_full();
            if batch.records.is_empty() {
                // Everything waits for a continuation: the buffer is enlarged for the next read.
                sender.pool.give(batch);
            } else if !sender.put(batch) {
                return Ok(());
            }
            if over {
                return Ok(());
            }
        }
    }
}

/// Reads, after what the batch holds, until a line ends or more than `piece` bytes have come; true
/// at the end of input. Nearly always that is one read.
fn fill<I: AsFd>(input: &StandardInput<I>, batch: &mut Batch, piece: usize) -> io::Result<bool> {
    loop {
        if batch.bytes.len() < batch.filled + READ_BYTES {
            batch.bytes.resize((batch.filled + READ_BYTES).next_power_of_two(), 0);
        }
        let Read::Bytes(count) = input.read(&mut batch.bytes[batch.filled..][..READ_BYTES])? else { return Ok(true) };
        let came = &batch.bytes[batch.filled..][..count];
        let line_ends = memchr::memchr(b'\n', came).is_some();
        batch.filled += count;
        if line_ends || batch.filled > piece {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::engine::rules::{RuleSet, RuleSource};
    use crate::event::Role;
    use crate::event::time::TimeContext;

    fn rules(text: &str) -> RuleSet {
        let text =
            format!("const RULE = #{{ select: #{{ message: #{{ contains: {text:?} }} }} }};\nfn on_event(e) {{}}\n");
        let source = RuleSource { name: "r".into(), path: "r.rhai".into(), text };
        RuleSet::compile(&[source], &[]).unwrap()
    }

    #[test]
    fn batches_are_looked_at_for_the_rules_that_run() {
        let config = Config::default();
        let mut parser = EventParser::new(config.names(), config.output.member, TimeContext::new("UTC", 2026).unwrap());
        let (sender, arrivals) = BatchSender::new(1, Arc::default());
        let mut idle = || {
            let line = br#"{"message":"a slow query"}"#;
            let mut batch = Batch { bytes: line.to_vec(), filled: line.len(), ..sender.pool.take() };
            Lines::new(1 << 20).split(&mut batch, true);
            sender.parse(&mut parser, &mut batch);
            let idle = batch.parsed[0].unmatched_roles >> Role::Message as u16 & 1 == 1;
            arrivals.pool.give(batch);
            idle
        };
        assert!(!idle());
        for (text, expected) in [("no such word", true), ("slow query", false), ("another", true)] {
            arrivals.prefilter.put(rules(text).prefilter());
            assert_eq!(idle(), expected, "{text}");
        }
        assert!(arrivals.pool.take().prefilter.is_none());
    }

    #[test]
    fn batches_that_nobody_took_are_not_kept() {
        let pool = Pool::default();
        let of = |size: usize| Batch { bytes: vec![0; size], ..Batch::default() };
        pool.give(of(7));
        assert_eq!(pool.take().bytes.len(), 0);
        pool.give(of(8));
        pool.give(of(9));
        assert_eq!([pool.take().bytes.len(), pool.take().bytes.len()], [8, 0]);
    }
}
