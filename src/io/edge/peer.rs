//! What all peers share: limits, refusals that are counted, the loop that accepts them.

use super::Circumstances;
use super::stream::{Listener, Stream};
use crate::config::Peers;
use crate::event::Fault;
use crate::event::msgpack::Refused;
use crate::io::log::Log;
use crate::telemetry::metrics::Metrics;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// The pause after a failed accept (no file descriptors left), in place of a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every network end knows.
pub(super) struct Shared {
    pub(super) peers: Peers,
    pub(super) max_line_bytes: usize,
    pub(super) log: Log,
    metrics: Option<Arc<Metrics>>,
    stop: watch::Receiver<bool>,
}

impl Shared {
    pub(super) fn new(circumstances: Circumstances) -> Arc<Self> {
        let Circumstances { peers, max_line_bytes, log, metrics, stop } = circumstances;
        Arc::new(Self { peers, max_line_bytes, log, metrics, stop })
    }

    /// Counts a refusal, and says it now and then.
    pub(super) fn refuse(&self, fault: Fault) {
        self.blame(fault, fault.explain());
    }

    /// The same in these words.
    pub(super) fn blame(&self, fault: Fault, text: &str) {
        if let Some(metrics) = &self.metrics {
            metrics.add_faults(fault.name(), 1);
        }
        self.log.say_fault(fault.name(), text);
    }

    /// Returns when taking is to stop.
    pub(super) async fn stopped(&self) {
        // The sender lives as long as the process wants to hear of it.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// How long a peer may take for what it has begun.
    pub(super) fn patience(&self) -> Duration {
        self.peers.message_timeout.0
    }
}

/// When a peer must have finished what it has begun.
#[derive(Debug, Default)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// Something was read: `finished` one thing, and `begun` another that is not whole yet.
    pub(super) fn moved(&mut self, finished: bool, begun: bool, patience: Duration) {
        if !begun {
            self.0 = None;
        } else if finished || self.0.is_none() {
            self.0 = Some(Instant::now() + patience);
        }
    }

    /// Waits for `read`, until the deadline where there is one.
    pub(super) async fn until<T>(&self, read: impl Future<Output = T>) -> Result<T, Fault> {
        match self.0 {
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

/// Accepts and serves until told to stop, then waits until all who are connected were told what they want to know.
pub(super) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: Listener,
    shared: Arc<Shared>,
    serve: impl Fn(Stream) -> F + Send,
) {
    let places = Arc::new(Semaphore::new(shared.peers.max_connections));
    let mut connections = JoinSet::new();
    loop {
        if places.available_permits() == 0 {
            shared.refuse(Fault::RefusedNumber);
        }
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        let accepted = tokio::select! {
            () = shared.stopped() => break,
            accepted = next => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Some((place, Ok(stream))) => {
                let connection = serve(stream);
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Some((_, Err(_))) => tokio::time::sleep(ACCEPT_PAUSE).await,
            None => break,
        }
    }
    drop((listener, serve));
    while connections.join_next().await.is_some() {}
}
