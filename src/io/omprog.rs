//! rsyslog's `omprog` with `confirmMessages`: each message is confirmed with `OK` once it has left,
//! in transactions when these end.
//!
//! rsyslog writes a message and waits for the answer before it writes the next, so nothing here is
//! held back. While an answer has to wait, dots keep the connection alive. Messages that have not
//! left when this process ends are answered with a reason, and rsyslog sends them again.

use super::source::{BatchSender, LineFrontend, READ_BYTES, Source};
use super::stdio::{Output, Read, StandardInput};
use crate::event::{Batch, DeliveryToken};
use rustix::fd::{AsFd, OwnedFd};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The form of rsyslog's defaults.
const BEGIN: &[u8] = b"BEGIN TRANSACTION";
const COMMIT: &[u8] = b"COMMIT TRANSACTION";
/// rsyslog waits 10 s for an answer by default; a dot restarts the wait.
const ALIVE: Duration = Duration::from_secs(3);

/// Batches that have not left yet, and whether one was dropped.
#[derive(Debug, Default)]
struct Outstanding {
    state: Mutex<(u64, bool)>,
    changed: Condvar,
}

#[derive(Debug)]
struct Token {
    outstanding: Arc<Outstanding>,
    released: bool,
}

impl DeliveryToken for Token {
    fn release(mut self: Box<Self>) {
        self.released = true;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut state = self.outstanding.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 -= 1;
        state.1 |= !self.released;
        self.outstanding.changed.notify_all();
    }
}

impl Outstanding {
    /// Waits until no batch is outstanding; true when all have left. Calls `alive` now and then.
    fn wait(&self, mut alive: impl FnMut() -> io::Result<()>) -> io::Result<bool> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.0 > 0 {
            let (guard, timeout) = self.changed.wait_timeout(state, ALIVE).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if timeout.timed_out() {
                alive()?;
            }
        }
        Ok(!std::mem::take(&mut state.1))
    }
}

/// The messages of `omprog`, and the answers to them.
pub struct OmprogSource<I> {
    input: StandardInput<I>,
    front: LineFrontend,
    answers: Output<OwnedFd>,
    outstanding: Arc<Outstanding>,
    in_transaction: bool,
}

impl<I: AsFd + Send> OmprogSource<I> {
    /// Reads messages, writes answers.
    #[must_use]
    pub fn new(input: StandardInput<I>, front: LineFrontend, answers: OwnedFd) -> Self {
        let (answers, outstanding) = (Output::new(answers), Arc::default());
        Self { input, front, answers, outstanding, in_transaction: false }
    }

    fn answer(&mut self, text: &[u8]) -> io::Result<()> {
        self.answers.write_all(text).map_err(|undelivered| undelivered.error)
    }

    /// Passes one line on, without an answer yet; false when the engine has stopped.
    fn pass(&mut self, line: &[u8], sender: &BatchSender) -> bool {
        let mut batch: Batch = sender.pool.take();
        batch.bytes.clear();
        batch.bytes.extend_from_slice(line);
        batch.filled = line.len();
        self.front.lines.split(&mut batch, false);
        sender.parse(&mut self.front.parser, &mut batch);
        self.outstanding.state.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
        batch.tokens.push(Box::new(Token { outstanding: Arc::clone(&self.outstanding), released: false }));
        sender.count(&batch);
        sender.put(batch)
    }

    fn confirm(&mut self) -> io::Result<()> {
        let (outstanding, answers) = (Arc::clone(&self.outstanding), &mut self.answers);
        let all = outstanding.wait(|| answers.write_all(b".").map_err(|undelivered| undelivered.error))?;
        self.answer(if all { b"OK\n" } else { b"it is being ended; send it again\n" })
    }

    fn line(&mut self, line: &[u8], sender: &BatchSender) -> io::Result<bool> {
        match line.trim_ascii_end() {
            BEGIN => {
                self.in_transaction = true;
                self.answer(b"OK\n")?;
            }
            COMMIT => {
                self.in_transaction = false;
                self.confirm()?;
            }
            _ => {
                if !self.pass(line, sender) {
                    return Ok(false);
                }
                if self.in_transaction {
                    self.answer(b"DEFER_COMMIT\n")?;
                } else {
                    self.confirm()?;
                }
            }
        }
        Ok(true)
    }
}

impl<I: AsFd + Send> Source for OmprogSource<I> {
    fn run(mut self: Box<Self>, sender: &BatchSender) -> io::Result<()> {
        self.answer(b"OK\n")?;
        let (mut inbox, mut unfinished, mut buffer) = (Vec::<u8>::new(), 0, vec![0; READ_BYTES]);
        loop {
            // Bytes that were searched for a line's end are not searched again.
            let (mut taken, mut seen) = (0, unfinished);
            while let Some(end) = memchr::memchr(b'\n', &inbox[seen..]).map(|at| seen + at + 1) {
                if !self.line(&inbox[taken..end], sender)? {
                    return Ok(());
                }
                (taken, seen) = (end, end);
            }
            inbox.drain(..taken);
            unfinished = inbox.len();
            match self.input.read(&mut buffer)? {
                Read::Bytes(count) => inbox.extend_from_slice(&buffer[..count]),
                Read::End => return Ok(()),
            }
        }
    }
}
