//! The data flow: read batch → parse → engine → write batch → tick.
//!
//! Each source has a thread, and a short queue leads from all of them to the caller's thread. A
//! source reads, cuts records and parses them: work that needs no memory of other lines. The
//! caller's thread runs the engine and sends to every output. The queue is bounded, so a slow
//! reader of the output slows the writer of the input. Batches are returned and filled again, so
//! their buffers are allocated once.

use crate::engine::rules::RuleSet;
use crate::engine::{AHEAD, Engine, Outcome};
use crate::event::{Batch, Fault};
use crate::io::clock;
use crate::io::outputs::Outputs;
use crate::io::shutdown::Progress;
use crate::io::source::{BatchReceiver, BatchSender, Source};
use crate::io::stdio::Undelivered;
pub use crate::observer::Observer;
use crate::output::OutputEncoder;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Most batches that wait in the queue.
const QUEUE: usize = 3;
/// How long the input may be idle before ticks follow the wall clock.
const IDLE: Duration = Duration::from_secs(1);

/// Why a run ended before its input.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The input could not be read.
    #[error("cannot read standard input: {0}")]
    Read(io::Error),
    /// The output could not be written.
    #[error("cannot write standard output: {}", .0.error)]
    Write(Undelivered),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Everything between sources and outputs.
pub struct Pipeline<'a, W> {
    /// Makes an empty engine: at the start, and after a panic.
    pub fresh: &'a dyn Fn() -> Engine,
    /// Returns new rules if the rules have changed.
    pub new_rules: &'a dyn Fn() -> Option<RuleSet>,
    /// Encodes the output.
    pub encoder: OutputEncoder,
    /// Is told what happens.
    pub observer: W,
    /// Counts lines that were read and delivered.
    pub progress: Arc<Progress>,
}

impl<W: Observer> Pipeline<'_, W> {
    /// Runs everything that `sources` read through the engine to `outputs` until all sources have
    /// ended.
    ///
    /// # Errors
    /// [`RunError`]; everything before the error has been sent in order.
    pub fn run(&mut self, sources: Vec<Box<dyn Source>>, outputs: &mut Outputs) -> Result<(), RunError> {
        let (sender, receiver) = BatchSender::new(QUEUE, Arc::clone(&self.progress));
        let mut readers = Vec::new();
        for source in sources {
            let (thread, sender) = (std::thread::Builder::new().name("read and look".into()), sender.clone());
            readers.push(thread.spawn(move || source.run(&sender)).map_err(RunError::Thread)?);
        }
        drop(sender);
        self.encoder.prepare(outputs);
        self.drive(&receiver, outputs).map_err(RunError::Write)?;
        for reader in readers {
            let panicked = |_| Err(io::Error::other("the reading thread panicked"));
            reader.join().unwrap_or_else(panicked).map_err(RunError::Read)?;
        }
        Ok(())
    }

    /// The work of the caller's thread: each record goes through the engine, each batch is written
    /// as a whole.
    fn drive(&mut self, receiver: &BatchReceiver, outputs: &mut Outputs) -> Result<(), Undelivered> {
        let mut engine = self.fresh_engine();
        receiver.prefilter.put(engine.rules().set().prefilter());
        let ended = self.pass(&mut engine, receiver, outputs);
        // The state is saved even after an error.
        self.observer.ended(&engine);
        ended
    }

    fn fresh_engine(&self) -> Engine {
        (self.fresh)().with_whole_batches()
    }

    /// Processes batches until the input ends.
    fn pass(
        &mut self,
        engine: &mut Engine,
        receiver: &BatchReceiver,
        outputs: &mut Outputs,
    ) -> Result<(), Undelivered> {
        let mut outcome = Outcome::default();
        loop {
            let mut batch = match receiver.batches.recv_timeout(IDLE) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) => {
                    self.renew(engine, receiver);
                    self.idle(engine, &mut outcome, outputs)?;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.renew(engine, receiver);
            let started = clock::now();
            self.encoder.begin(&batch, started);
            for i in 0..batch.records.len() {
                if i.is_multiple_of(AHEAD) {
                    // Prefetching changes nothing, so a panic in it does no harm.
                    let _ = catch_unwind(AssertUnwindSafe(|| engine.prefetch(&batch, i)));
                }
                let fields = batch.fields(i);
                let survived = catch_unwind(AssertUnwindSafe(|| engine.process(&fields, started, &mut outcome)));
                if survived.is_err() {
                    outcome = Outcome::of_fault(Fault::Panic);
                    outcome.edit.withheld = engine.rules().fails_closed();
                    engine.replace(self.fresh_engine());
                }
                self.encoder.put(&batch, i, &outcome, &mut self.observer);
            }
            let written = self.encoder.send(&mut batch, outputs)?;
            self.observer.batch(engine, batch.filled, written, clock::now().seconds_since(started));
            receiver.pool.give(batch);
        }
        engine.finish(&mut outcome);
        self.alone(engine, &outcome, outputs)
    }

    /// Replaces the rules between two batches if they were reloaded.
    fn renew(&self, engine: &mut Engine, receiver: &BatchReceiver) {
        if let Some(rules) = (self.new_rules)() {
            receiver.prefilter.put(rules.prefilter());
            engine.replace_rules(rules);
        }
    }

    /// Ticks the engine by the wall clock, because no event has come for a while.
    fn idle(&mut self, engine: &mut Engine, outcome: &mut Outcome, outputs: &mut Outputs) -> Result<(), Undelivered> {
        if !self.encoder.at_line_start() {
            return Ok(());
        }
        if catch_unwind(AssertUnwindSafe(|| engine.tick(clock::now(), outcome))).is_err() {
            *outcome = Outcome::of_fault(Fault::Panic);
            engine.replace(self.fresh_engine());
        }
        self.alone(engine, outcome, outputs)
    }

    /// Sends findings that no event carries.
    fn alone(&mut self, engine: &mut Engine, outcome: &Outcome, outputs: &mut Outputs) -> Result<(), Undelivered> {
        self.encoder.put_alone(outcome, &mut self.observer);
        let written = self.encoder.send(&mut Batch::default(), outputs)?;
        self.observer.batch(engine, 0, written, 0.0);
        Ok(())
    }
}
