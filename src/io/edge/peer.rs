//! What all peers share: limits, and refusals that are counted.

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

/// What every peer may have sent of a message or line that is not whole yet. For more it needs room
/// of its own.
const UNFINISHED: usize = 512 << 10;
/// What every peer's message may unpack to at once.
const SHORT: usize = 512 << 10;

/// What every network end knows.
pub(super) struct Shared {
    pub(super) peers: Peers,
    pub(super) max_line_bytes: usize,
    pub(super) log: Log,
    metrics: Option<Arc<dyn CountFaults>>,
    dead_letters: DeadLetters,
    stop: watch::Receiver<bool>,
    /// Places for messages and lines that are long and not whole yet, each for the longest.
    rooms: Arc<Semaphore>,
    /// Held by the one message that unpacks to more than [`SHORT`], until its records have been
    /// passed on. Others would gain nothing: there is one thread here, and one engine behind it.
    unpacking: Semaphore,
}

impl Shared {
    pub(super) fn new(circumstances: EdgeContext) -> Arc<Self> {
        let EdgeContext { peers, max_line_bytes, log, metrics, dead_letters, progress: _, stop } = circumstances;
        // Whoever has a room can finish in it, so that peers cannot wait for each other.
        let rooms = Arc::new(Semaphore::new((peers.max_pending_bytes / peers.max_message_bytes).max(1)));
        Arc::new(Self { peers, max_line_bytes, log, metrics, dead_letters, stop, rooms, unpacking: Semaphore::new(1) })
    }

    /// Counts a refusal, and says it now and then.
    pub(super) fn refuse(&self, fault: Fault) {
        self.record_failure(fault, fault.explain());
    }

    /// The same in these words.
    pub(super) fn record_failure(&self, fault: Fault, text: &str) {
        if let Some(metrics) = &self.metrics {
            metrics.count(fault);
        }
        self.log.say_fault(fault.name(), text);
    }

    /// An event can never leave by an end: it is kept or dropped as the configuration says, and
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

    /// Returns when taking is to stop.
    pub(super) async fn stopped(&self) {
        // The sender lives as long as the process wants to hear of it.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Unpacks a message, one long one at a time; with what holds the others off.
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
        // It begins anew when it may: what waits holds nothing.
        drop((out, unpacker));
        // The semaphore is never closed.
        let alone = self.unpacking.acquire().await.ok();
        let (mut out, mut unpacker) = (Vec::new(), packed()?);
        while unpacker.step(&mut out)? {
            tokio::task::yield_now().await;
        }
        Ok((out, alone))
    }

    /// How long a peer may take for what it has begun.
    pub(super) fn message_timeout(&self) -> Duration {
        self.peers.message_timeout.0
    }
}

/// What a peer has sent and is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    room: Option<OwnedSemaphorePermit>,
}

impl Unfinished {
    /// So much is in `inbox`, which is left with room for the next read. Waits for a room where it
    /// is long; nothing more is read meanwhile, and no time runs out. False when all is to stop.
    pub(super) async fn keep(&mut self, inbox: &mut Vec<u8>, shared: &Shared, deadline: &mut Deadline) -> bool {
        if inbox.len() <= UNFINISHED {
            self.room = None;
            // What a long one has left behind goes back; what reads need stays.
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

/// When a peer must have finished what it has begun; and where that is wished for, begun something.
#[derive(Debug)]
pub(super) struct Deadline {
    at: Option<Instant>,
    begun: bool,
    patience: Duration,
    /// How long it may say nothing.
    idle: Option<Duration>,
}

impl Deadline {
    pub(super) fn new(shared: &Shared) -> Self {
        let idle = shared.peers.idle_timeout.map(|idle| idle.0);
        let at = idle.map(|idle| Instant::now() + idle);
        Self { at, begun: false, patience: shared.message_timeout(), idle }
    }

    /// Something was read: `finished` one thing, and `begun` another that is not whole yet.
    pub(super) fn moved(&mut self, finished: bool, begun: bool) {
        if !begun {
            self.at = self.idle.map(|idle| Instant::now() + idle);
        } else if finished || !self.begun {
            self.at = Some(Instant::now() + self.patience);
        }
        self.begun = begun;
    }

    /// Waits for `read`, until the deadline where there is one.
    pub(super) async fn until<T>(&self, read: impl Future<Output = T>) -> Result<T, Fault> {
        match self.at {
            Some(deadline) => timeout_at(deadline, read).await.map_err(|_| Fault::RefusedTime),
            None => Ok(read.await),
        }
    }
}

/// The kind of fault that a refusal of MessagePack is.
pub(super) fn fault_of(refused: Refused) -> Fault {
    match refused {
        Refused::Malformed => Fault::RefusedProtocol,
        Refused::TooLong => Fault::RefusedSize,
        Refused::TooDeep => Fault::RefusedDepth,
    }
}

/// Accepts and serves until told to stop, then waits until all who are connected were told what
/// they want to know.
pub(super) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: Listener,
    shared: Arc<Shared>,
    serve: impl Fn(Stream) -> F + Send,
) {
    let full = || shared.refuse(Fault::RefusedNumber);
    let mut connections = accept::accept(listener, shared.peers.max_connections, shared.stopped(), full, serve).await;
    while connections.join_next().await.is_some() {}
}
