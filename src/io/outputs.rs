//! Where what a batch became goes: written to standard output at once, and put into the queues of
//! network ends.
//!
//! What upstream wants to know, that a batch has left, is told once every end has it: standard
//! output when the write returns, a network end when the one behind it has taken it. A full queue
//! holds the engine up, and so everything before it.

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

/// What a batch became.
#[derive(Debug)]
pub struct OutputBatch<'a> {
    /// As lines: parts that belong behind each other, none of them empty.
    pub lines: Vec<&'a [u8]>,
    /// As entries of the Forward protocol, where an end wants those.
    pub entries: Entries,
    /// Records in it.
    pub records: u64,
    /// What to release once it has left.
    pub tokens: Vec<Box<dyn DeliveryToken>>,
}

/// The same, for one network end.
#[derive(Clone, Debug)]
pub struct QueuedBatch {
    /// As lines; empty where the end wants entries.
    pub lines: Bytes,
    /// As entries; empty where the end wants lines.
    pub entries: Arc<Entries>,
    /// Records in it.
    pub records: u64,
    pending: Arc<Pending>,
}

impl QueuedBatch {
    /// The one behind this end has taken it. To be said once.
    pub fn delivered(self) {
        self.pending.one_less();
    }
}

/// What waits for all ends to take one load.
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

/// The way to one network end.
#[derive(Debug)]
pub struct Queue {
    /// What it takes.
    pub form: Form,
    /// Its end of the queue.
    pub parcels: mpsc::Sender<QueuedBatch>,
}

/// All ends that events leave by.
#[derive(Debug)]
pub struct Outputs {
    /// Standard output, if it is one of them.
    stream: Option<Output<OwnedFd>>,
    queues: Vec<Queue>,
    progress: Arc<Progress>,
}

impl Outputs {
    /// These ends. With none of them events end here.
    #[must_use]
    pub fn new(stream: Option<OwnedFd>, queues: Vec<Queue>, progress: Arc<Progress>) -> Self {
        Self { stream: stream.map(Output::new), queues, progress }
    }

    /// What must be made of events.
    #[must_use]
    pub fn wants(&self, form: Form) -> bool {
        (form == Form::Lines && self.stream.is_some()) || self.queues.iter().any(|queue| queue.form == form)
    }

    /// Sends what a batch became by every end; how many bytes.
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
            // An end gives up only when the whole process does.
            queue.parcels.blocking_send(parcel).map_err(|_| Undelivered {
                written: 0,
                error: io::Error::other("the thread of the network ends has gone"),
            })?;
        }
        Ok(queued)
    }
}

/// How many lines end in the first `bytes` of these parts.
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
