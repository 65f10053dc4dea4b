//! The data flow: read batch → look → engine → write batch → tick.
//!
//! Two threads and a short queue between them. The first reads, cuts lines and looks at each: work that needs no
//! memory of other lines. The second, the caller's, runs the engine and writes. The queue is bounded, so a slow reader
//! of the output slows the writer of the input, and batches go back to be filled again, so nothing is allocated twice.

use crate::engine::rules::RuleSet;
use crate::engine::{Engine, Outcome};
use crate::event::lines::Lines;
use crate::event::{Batch, Encoding, Fault, Fields, Looker};
use crate::io::clock;
use crate::io::shutdown::Progress;
use crate::io::stdio::{Input, Output, Read, Undelivered};
use crate::outbox::Outbox;
use rustix::fd::AsFd;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// What one read may return. Larger ones leave the second-level cache between the two threads.
pub const READ_BYTES: usize = 256 << 10;
/// Batches between the threads.
const QUEUE: usize = 3;
/// How long input may be idle before the wall clock does what only it can.
const IDLE: Duration = Duration::from_secs(1);

/// Told what has happened, once a batch; serves metrics and the log.
pub trait Observer {
    /// A batch has left: `read` bytes came, `written` went out, in `seconds`.
    fn batch(&mut self, engine: &mut Engine, read: usize, written: usize, seconds: f64);
    /// An event had something to say that is no event: a fault, or what a rule printed.
    fn aside(&mut self, outcome: &Outcome);
    /// An event could not be annotated; its findings left on their own.
    fn fault(&mut self, fault: Fault);
    /// The input has ended, and all of it has left.
    fn ended(&mut self, _engine: &Engine) {}
    /// Every finding, in the order of the stream, also those that went onto events; `event` is the one that shows them.
    fn findings(&mut self, _findings: &[crate::engine::finding::Finding], _event: Option<&Fields<'_>>) {}
    /// Findings that no output carries.
    fn unheard(&mut self, findings: &[crate::engine::finding::Finding]);
}

/// Why a run ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Reading failed.
    #[error("cannot read standard input: {0}")]
    Read(io::Error),
    /// Writing failed.
    #[error("cannot write standard output: {}", .0.error)]
    Write(Undelivered),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Everything between an input and an output.
pub struct Pipeline<'a, W> {
    /// Makes an empty engine: the first, and another one after a panic.
    pub fresh: &'a dyn Fn() -> Engine,
    /// Rules that take the place of those that run, when there are such.
    pub new_rules: &'a dyn Fn() -> Option<RuleSet>,
    /// Gathers what leaves.
    pub outbox: Outbox,
    /// Is told what happens.
    pub observer: W,
    /// Lines read and delivered.
    pub progress: Arc<Progress>,
}

/// What needs no memory of other lines.
pub struct Front {
    /// Cuts lines.
    pub lines: Lines,
    /// Looks at each.
    pub looker: Looker,
    /// How long whole lines wait for lines that go on with them, when input is idle.
    pub join_timeout: Duration,
}

impl<W: Observer> Pipeline<'_, W> {
    /// Runs `input` through the engine into `output` until the input ends or is stopped.
    ///
    /// # Errors
    /// [`RunError`]; everything up to there has been written in order.
    pub fn run<I: AsFd + Send + 'static, O: AsFd>(
        &mut self,
        front: Front,
        input: Input<I>,
        output: &mut Output<O>,
    ) -> Result<(), RunError> {
        let progress = Arc::clone(&self.progress);
        let (looked, batches) = sync_channel(QUEUE);
        let (empties, emptied) = channel();
        let reader = std::thread::Builder::new()
            .name("read and look".into())
            .spawn(move || read_batches(&input, front, &looked, &emptied, &progress))
            .map_err(RunError::Thread)?;
        self.drive(&batches, &empties, output).map_err(RunError::Write)?;
        match reader.join() {
            Ok(read) => read.map_err(RunError::Read),
            Err(_) => Err(RunError::Read(io::Error::other("the reading thread panicked"))),
        }
    }

    /// The second thread: every record through the engine, every batch out in one write.
    fn drive<O: AsFd>(
        &mut self,
        batches: &Receiver<Batch>,
        empties: &Sender<Batch>,
        output: &mut Output<O>,
    ) -> Result<(), Undelivered> {
        let (mut engine, mut outcome) = ((self.fresh)(), Outcome::default());
        loop {
            let batch = match batches.recv_timeout(IDLE) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) => {
                    self.idle(&mut engine, &mut outcome, output)?;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.renew(&mut engine);
            let started = clock::now();
            for i in 0..batch.records.len() {
                let fields = batch.fields(i);
                let survived = catch_unwind(AssertUnwindSafe(|| engine.process(&fields, started, &mut outcome)));
                if survived.is_err() {
                    outcome = Outcome::of_fault(Fault::Panic);
                    outcome.edit.withheld = engine.rules().fails_closed();
                    engine.replace((self.fresh)());
                }
                self.outbox.put(&batch, i, &outcome, &mut self.observer);
            }
            let written = self.outbox.send(&batch, output, &self.progress)?;
            self.observer.batch(&mut engine, batch.filled, written, clock::now().seconds_since(started));
            // The reader may be gone already; then nobody needs the buffer.
            let _ = empties.send(batch);
        }
        engine.finish(&mut outcome);
        self.outbox.put_alone(&outcome, &mut self.observer);
        let written = self.outbox.send(&Batch::default(), output, &self.progress)?;
        self.observer.batch(&mut engine, 0, written, 0.0);
        self.observer.ended(&engine);
        Ok(())
    }

    /// Between two batches: rules that were read anew take over.
    fn renew(&self, engine: &mut Engine) {
        if let Some(rules) = (self.new_rules)() {
            engine.replace_rules(rules);
        }
    }

    /// Nothing came for a while: the wall clock does what only it can.
    fn idle<O: AsFd>(
        &mut self,
        engine: &mut Engine,
        outcome: &mut Outcome,
        output: &mut Output<O>,
    ) -> Result<(), Undelivered> {
        self.renew(engine);
        if !self.outbox.at_line_start() {
            return Ok(());
        }
        if catch_unwind(AssertUnwindSafe(|| engine.tick(clock::now(), outcome))).is_err() {
            *outcome = Outcome::of_fault(Fault::Panic);
            engine.replace((self.fresh)());
        }
        self.outbox.put_alone(outcome, &mut self.observer);
        let written = self.outbox.send(&Batch::default(), output, &self.progress)?;
        self.observer.batch(engine, 0, written, 0.0);
        Ok(())
    }
}

/// The first thread: read, cut, look, pass on. The unfinished last line waits in front of the next read.
fn read_batches<I: AsFd>(
    input: &Input<I>,
    mut front: Front,
    looked: &SyncSender<Batch>,
    emptied: &Receiver<Batch>,
    progress: &Progress,
) -> io::Result<()> {
    let mut unfinished = Vec::new();
    loop {
        let mut batch = emptied.try_recv().unwrap_or_default();
        batch.clear();
        batch.filled = unfinished.len();
        if batch.bytes.len() < batch.filled + READ_BYTES {
            batch.bytes.resize(batch.filled + READ_BYTES, 0);
        }
        batch.bytes[..unfinished.len()].copy_from_slice(&unfinished);
        let idle = front.lines.waits() && !input.wait(front.join_timeout)?;
        let ended = !idle && fill(input, &mut batch, front.lines.max_line_bytes())?;
        let rest = if idle { front.lines.split_idle(&mut batch) } else { front.lines.split(&mut batch, ended) };
        unfinished.clear();
        unfinished.extend_from_slice(&batch.bytes[rest..batch.filled]);
        batch.filled = rest;
        front.looker.look(&mut batch);
        let lines = batch.records.iter().filter(|record| record.encoding != Encoding::Rest).count();
        progress.read.fetch_add(lines as u64, Ordering::AcqRel);
        if (!batch.records.is_empty() && looked.send(batch).is_err()) || ended {
            return Ok(());
        }
    }
}

/// Reads behind what the batch holds until a line ends, or so much has come that none may be as long; true at the end of
/// input. Nearly always that is one read.
fn fill<I: AsFd>(input: &Input<I>, batch: &mut Batch, max_line_bytes: usize) -> io::Result<bool> {
    loop {
        if batch.bytes.len() < batch.filled + READ_BYTES {
            batch.bytes.resize((batch.filled + READ_BYTES).next_power_of_two(), 0);
        }
        let Read::Bytes(count) = input.read(&mut batch.bytes[batch.filled..][..READ_BYTES])? else { return Ok(true) };
        let came = &batch.bytes[batch.filled..][..count];
        let line_ends = memchr::memchr(b'\n', came).is_some();
        batch.filled += count;
        if line_ends || batch.filled > max_line_bytes {
            return Ok(false);
        }
    }
}
