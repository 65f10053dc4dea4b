//! What all peers share: limits, and counted refusals.

use super::{CountFaults, EdgeContext, READ_BYTES};
use crate::config::Peers;
use crate::event::Fault;
use crate::event::msgpack::Refused;
use crate::event::unpack::Unpacker;
use crate::io::accept;
use crate::io::dead_letter::{DeadLetters, Letter};
use crate::io::log::Log;
use crate::io::socket::{Listener, Stream};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};

/// Bytes of an incomplete message or line that every peer may have. A longer one needs a room of
/// its own.
const UNFINISHED: usize = 512 << 10;
/// Bytes that the message of every peer may unpack to at once.
const SHORT: usize = 512 << 10;

/// What every network end shares.
pub(super) struct Shared {
    pub(super) peers: Peers,
    pub(super) max_line_bytes: usize,
    pub(super) log: Log,
    metrics: Option<Arc<dyn CountFaults>>,
    dead_letters: DeadLetters,
    stop: watch::Receiver<bool>,
    /// Rooms for long messages and lines that are incomplete, each for the longest.
    rooms: Arc<Semaphore>,
    /// Held by the one message that unpacks to more than [`SHORT`], until its records have been
    /// passed on. Others would gain nothing: there is one thread here, and one engine behind it.
    unpacking: Semaphore,
}

impl Shared {
    pub(super) fn new(circumstances: EdgeContext) -> Arc<Self> {
        let EdgeContext { peers, max_line_bytes, log, metrics, dead_letters, progress: _, stop } = circumstances;
        // A peer that has a room can finish in it, so peers cannot wait for each other in a circle.
        let rooms = Arc::new(Semaphore::new((peers.max_pending_bytes / peers.max_message_bytes).max(1)));
        Arc::new(Self { peers, max_line_bytes, log, metrics, dead_letters, stop, rooms, unpacking: Semaphore::new(1) })
    }

    /// Counts a refusal, and logs it now and then.
    pub(super) fn refuse(&self, fault: Fault) {
        self.record_failure(fault, fault.explain());
    }

    /// Counts a refusal, and logs it in these words.
    pub(super) fn record_failure(&self, fault: Fault, text: &str) {
        if let Some(metrics) = &self.metrics {
            metrics.count(fault);
        }
        self.log.say_fault(fault.name(), text);
    }

    /// Sets aside an event that can never leave by an end: it is kept or dropped as configured, and
    /// counted as this fault.
    pub(super) fn set_aside(&self, fault: Fault, letter: &Letter<'_>) {
        let fate = match (self.dead_letters.path(), self.dead_letters.keep(letter)) {
            (Some(path), Ok(())) => format!("it is now in {}", path.display()),
            (Some(path), Err(error)) => {
                let lost = Fault::DeadLetter;
                self.record_failure(lost, &format!("{} ({}: {error})", lost.explain(), path.display()));
                "it is lost".to_owned()
            }
            (None, _) => "it was dropped; output.dead_letter_file would keep it".to_owned(),
        };
        self.record_failure(fault, &format!("{} ({}: {}); {fate}", fault.explain(), letter.to, letter.reason));
    }

    /// Returns when the process stops taking events.
    pub(super) async fn stopped(&self) {
        // The sender lives as long as the process may stop.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Unpacks a message, one long one at a time; returns the permit that holds the others off as
    /// well.
    pub(super) async fn unpack<'a>(
        &self,
        mut packed: impl FnMut() -> Result<Unpacker<'a>, Refused>,
    ) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), Refused> {
        let (mut out, mut unpacker) = (Vec::new(), packed()?);
        while out.len() < SHORT {
            if !unpacker.step(&mut out)? {
                return Ok((out, None));
            }
        }
        // Unpacking restarts when it may, so that a waiting message holds no memory.
        drop((out, unpacker));
        // The semaphore is never closed.
        let alone = self.unpacking.acquire().await.ok();
        let (mut out, mut unpacker) = (Vec::new(), packed()?);
        while unpacker.step(&mut out)? {
            tokio::task::yield_now().await;
        }
        Ok((out, alone))
    }

    /// How long a peer may take to finish what it has begun.
    pub(super) fn message_timeout(&self) -> Duration {
        self.peers.message_timeout.0
    }
}

/// What a peer has sent so far of an incomplete message or line.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    room: Option<OwnedSemaphorePermit>,
}

impl Unfinished {
    /// Makes room in `inbox` for the next read. Waits for a room of its own where the content is
    /// long; meanwhile nothing is read, and no deadline runs. False when the process stops.
    pub(super) async fn keep(&mut self, inbox: &mut Vec<u8>, shared: &Shared, deadline: &mut Deadline) -> bool {
        if inbox.len() <= UNFINISHED {
            self.room = None;
            // Memory of a long message is given back; what reads need stays.
            if inbox.capacity() > 2 * UNFINISHED {
                inbox.shrink_to(UNFINISHED);
            }
        } else if self.room.is_none() {
            if shared.rooms.available_permits() == 0 {
                shared.refuse(Fault::RefusedNumber);
            }
            tokio::select! {
                () = shared.stopped() => return false,
                // The semaphore is never closed.
                room = Arc::clone(&shared.rooms).acquire_owned() => self.room = room.ok(),
            }
            deadline.moved(true, true);
        }
        inbox.reserve(READ_BYTES);
        true
    }
}

/// When a peer must have finished what it has begun and, if an idle timeout is set, must have begun
/// something.
#[derive(Debug)]
pub(super) struct Deadline {
    at: Option<Instant>,
    begun: bool,
    patience: Duration,
    /// How long the peer may be silent.
    idle: Option<Duration>,
}

impl Deadline {
    pub(super) fn new(shared: &Shared) -> Self {
        let idle = shared.peers.idle_timeout.map(|idle| idle.0);
        let at = idle.map(|idle| Instant::now() + idle);
        Self { at, begun: false, patience: shared.message_timeout(), idle }
    }

    /// Something was read: it `finished` one message, and has `begun` another that is incomplete.
    pub(super) fn moved(&mut self, finished: bool, begun: bool) {
        if !begun {
            self.at = self.idle.map(|idle| Instant::now() + idle);
        } else if finished || !self.begun {
            self.at = Some(Instant::now() + self.patience);
        }
        self.begun = begun;
    }

    /// Waits for `read`, at most until the deadline, if there is one.
    pub(super) async fn until<T>(&self, read: impl Future<Output = T>) -> Result<T, Fault> {
        match self.at {
            Some(deadline) => timeout_at(deadline, read).await.map_err(|_| Fault::RefusedTime),
            None => Ok(read.await),
        }
    }
}

/// The fault that a refusal of MessagePack counts as.
pub(super) fn fault_of(refused: Refused) -> Fault {
    match refused {
        Refused::Malformed => Fault::RefusedProtocol,
        Refused::TooLong => Fault::RefusedSize,
        Refused::TooDeep => Fault::RefusedDepth,
    }
}

/// Accepts and serves until the process stops, then waits until all connected peers have their
/// answers.
pub(super) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: Listener,
    shared: Arc<Shared>,
    serve: impl Fn(Stream) -> F + Send,
) {
    let full = || shared.refuse(Fault::RefusedNumber);
    let mut connections = accept::accept(listener, shared.peers.max_connections, shared.stopped(), full, serve).await;
    while connections.join_next().await.is_some() {}
}
