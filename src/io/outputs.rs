//! Sends the output of a batch: it is written to standard output at once, and put into the queues
//! of network ends.
//!
//! Upstream is told that a batch has left once every end has delivered it: standard output when the
//! write returns, a network end when its peer has taken the batch. A full queue blocks the engine,
//! and so everything before it.

use super::entries::Entries;
use super::shutdown::Progress;
use super::stdio::{Output, Undelivered};
use crate::event::DeliveryToken;
use hyper::body::Bytes;
use rustix::fd::OwnedFd;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Batches that wait for a network end.
pub const QUEUE: usize = 8;

/// The output of a batch.
#[derive(Debug)]
pub struct OutputBatch<'a> {
    /// The lines, in consecutive parts, none of them empty.
    pub lines: Vec<&'a [u8]>,
    /// The entries of the Forward protocol, where an end wants entries.
    pub entries: Entries,
    /// Records in it.
    pub records: u64,
    /// The tokens to release once the batch has left.
    pub tokens: Vec<Box<dyn DeliveryToken>>,
}

/// The output of a batch for one network end.
#[derive(Clone, Debug)]
pub struct QueuedBatch {
    /// The lines; empty where the end wants entries.
    pub lines: Bytes,
    /// The entries; empty where the end wants lines.
    pub entries: Arc<Entries>,
    /// Records in it.
    pub records: u64,
    pending: Arc<Pending>,
}

impl QueuedBatch {
    /// The peer of this end has taken the batch. Must be called once.
    pub fn delivered(self) {
        self.pending.one_less();
    }
}

/// The tokens of a batch, released when all ends have delivered it.
#[derive(Debug)]
struct Pending {
    left: AtomicUsize,
    records: u64,
    tokens: Mutex<Vec<Box<dyn DeliveryToken>>>,
    progress: Arc<Progress>,
}

impl Pending {
    fn one_less(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.progress.delivered.fetch_add(self.records, Ordering::AcqRel);
            let tokens = std::mem::take(&mut *self.tokens.lock().unwrap_or_else(PoisonError::into_inner));
            tokens.into_iter().for_each(DeliveryToken::release);
        }
    }
}

/// What a network end takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a line.
    Lines,
    /// Entries of the Forward protocol.
    Entries,
}

/// The queue to one network end.
#[derive(Debug)]
pub struct Queue {
    /// What the end takes.
    pub form: Form,
    /// The receiver of the queue.
    pub parcels: mpsc::Sender<QueuedBatch>,
}

/// All ends that events leave by.
#[derive(Debug)]
pub struct Outputs {
    /// Standard output, if it is one of the ends.
    stream: Option<Output<OwnedFd>>,
    queues: Vec<Queue>,
    progress: Arc<Progress>,
}

impl Outputs {
    /// The outputs of these ends. Without any, events are dropped here.
    #[must_use]
    pub fn new(stream: Option<OwnedFd>, queues: Vec<Queue>, progress: Arc<Progress>) -> Self {
        Self { stream: stream.map(Output::new), queues, progress }
    }

    /// True when some end wants events in this form.
    #[must_use]
    pub fn wants(&self, form: Form) -> bool {
        (form == Form::Lines && self.stream.is_some()) || self.queues.iter().any(|queue| queue.form == form)
    }

    /// Sends the output of a batch by every end; returns how many bytes.
    ///
    /// # Errors
    /// [`Undelivered`], after the lines that did leave were counted.
    pub fn send(&mut self, load: OutputBatch<'_>) -> Result<usize, Undelivered> {
        let mut written = 0;
        if let Some(stream) = &mut self.stream {
            written = stream.write_parts(&load.lines).inspect_err(|undelivered| {
                let lines = line_ends(&load.lines, undelivered.written);
                self.progress.delivered.fetch_add(lines.min(load.records), Ordering::AcqRel);
            })?;
        }
        let nothing = load.lines.is_empty() && load.entries.is_empty();
        if self.queues.is_empty() || nothing {
            self.progress.delivered.fetch_add(load.records, Ordering::AcqRel);
            load.tokens.into_iter().for_each(DeliveryToken::release);
            return Ok(written);
        }
        self.enqueue(load).map(|queued| written + queued)
    }

    fn enqueue(&self, load: OutputBatch<'_>) -> Result<usize, Undelivered> {
        let wants_lines = self.queues.iter().any(|queue| queue.form == Form::Lines);
        let lines = if wants_lines { Bytes::from(load.lines.concat()) } else { Bytes::new() };
        let (entries, nothing) = (Arc::new(load.entries), Arc::new(Entries::default()));
        let pending = Arc::new(Pending {
            left: AtomicUsize::new(self.queues.len()),
            records: load.records,
            tokens: Mutex::new(load.tokens),
            progress: Arc::clone(&self.progress),
        });
        let mut queued = 0;
        for queue in &self.queues {
            let (lines, entries) = match queue.form {
                Form::Lines => (lines.clone(), Arc::clone(&nothing)),
                Form::Entries => (Bytes::new(), Arc::clone(&entries)),
            };
            queued += lines.len() + entries.bytes.len();
            let parcel = QueuedBatch { lines, entries, records: load.records, pending: Arc::clone(&pending) };
            // A queue closes only when the whole process stops.
            queue.parcels.blocking_send(parcel).map_err(|_| Undelivered {
                written: 0,
                error: io::Error::other("the thread of the network ends has gone"),
            })?;
        }
        Ok(queued)
    }
}

/// The number of line ends in the first `bytes` of these parts.
fn line_ends(parts: &[&[u8]], bytes: usize) -> u64 {
    let mut left = bytes;
    let ends = parts.iter().map(|part| {
        let part = &part[..part.len().min(left)];
        left -= part.len();
        memchr::memchr_iter(b'\n', part).count() as u64
    });
    ends.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_far_as_they_have_left() {
        let parts: [&[u8]; 3] = [b"one\ntwo\nth", b"ree\n", b"four\n"];
        let counted: Vec<u64> =
            [0, 3, 4, 8, 13, 14, 15, 19, 99].iter().map(|&bytes| line_ends(&parts, bytes)).collect();
        assert_eq!(counted, [0, 0, 1, 2, 2, 3, 3, 4, 4]);
    }
}
