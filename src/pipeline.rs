//! The data flow: read batch → look → engine → write batch → tick.
//!
//! A thread for each source and a short queue between them and the caller's. A source reads, cuts
//! records and looks at each: work that needs no memory of other lines. The caller's thread runs
//! the engine and sends by every exit. The queue is bounded, so a slow reader of the output slows
//! the writer of the input, and batches go back to be filled again, so nothing is allocated twice.

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

/// Batches between the threads.
const QUEUE: usize = 3;
/// How long input may be idle before the wall clock does what only it can.
const IDLE: Duration = Duration::from_secs(1);

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

/// Everything between sources and outputs.
pub struct Pipeline<'a, W> {
    /// Makes an empty engine: the first, and another one after a panic.
    pub fresh: &'a dyn Fn() -> Engine,
    /// Rules that take the place of those that run, when there are such.
    pub new_rules: &'a dyn Fn() -> Option<RuleSet>,
    /// Gathers what leaves.
    pub encoder: OutputEncoder,
    /// Is told what happens.
    pub observer: W,
    /// Lines read and delivered.
    pub progress: Arc<Progress>,
}

impl<W: Observer> Pipeline<'_, W> {
    /// Runs what `sources` yield through the engine to `outputs` until all sources have ended.
    ///
    /// # Errors
    /// [`RunError`]; everything up to there has been sent in order.
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

    /// The caller's thread: every record through the engine, every batch out in one piece.
    fn drive(&mut self, receiver: &BatchReceiver, outputs: &mut Outputs) -> Result<(), Undelivered> {
        let mut engine = self.fresh_engine();
        receiver.prefilter.put(engine.rules().set().prefilter());
        let ended = self.pass(&mut engine, receiver, outputs);
        // However it ended, what was learned is worth keeping.
        self.observer.ended(&engine);
        ended
    }

    fn fresh_engine(&self) -> Engine {
        (self.fresh)().with_whole_batches()
    }

    /// Batch after batch, until the input ends.
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
                    // It changes nothing, so that a panic in it would be nobody's loss.
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

    /// Between two batches: rules that were read anew take over.
    fn renew(&self, engine: &mut Engine, receiver: &BatchReceiver) {
        if let Some(rules) = (self.new_rules)() {
            receiver.prefilter.put(rules.prefilter());
            engine.replace_rules(rules);
        }
    }

    /// Nothing came for a while: the wall clock does what only it can.
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

    /// Sends what no event carries.
    fn alone(&mut self, engine: &mut Engine, outcome: &Outcome, outputs: &mut Outputs) -> Result<(), Undelivered> {
        self.encoder.put_alone(outcome, &mut self.observer);
        let written = self.encoder.send(&mut Batch::default(), outputs)?;
        self.observer.batch(engine, 0, written, 0.0);
        Ok(())
    }
}
