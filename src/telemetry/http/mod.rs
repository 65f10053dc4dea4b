//! The HTTP endpoint.
//!
//! | route | answer |
//! | --- | --- |
//! | `GET /metrics` | all metrics, OpenMetrics 1.0 or Prometheus text 0.0.4 by `Accept`, packed where `Accept-Encoding` takes gzip |
//! | `GET /healthz` | 200 while the process lives |
//! | `GET /readyz` | 200 while the filter is ready; 503 before, and once it stops |
//! | `GET /`, `/page.css`, `/page.js`, `/api/…` | the filter's own page and what it reads ([`super::routes`]) |
//!
//! All other requests get 404, or 405 with the allowed methods. The endpoint has a thread of its
//! own, so that scrapes and the pipeline never wait for each other. Clients are limited: in the
//! number of connections, the time for a request's header and the lifetime of a connection;
//! requests with an unexpected body are refused without reading it.

use crate::config::address::{BadAddress, parse_address};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::runtime::{self, Runtime};
use tokio::sync::{broadcast, watch};
use tokio::time::{sleep, timeout};

use super::routes::{Site, router, tell};
use crate::io::accept::accept;
use crate::io::socket::{Listener, Stream};

/// Limits for clients.
#[derive(Clone, Copy, Debug)]
struct ConnectionLimits {
    /// Most connections at a time; further ones wait in the system's backlog.
    connections: usize,
    /// How long a client may take to send a request's header, including the idle time before it.
    header: Duration,
    /// How long a connection may last. A scraper reconnects; a client that does not read is
    /// disconnected.
    lifetime: Duration,
}

const LIMITS: ConnectionLimits =
    ConnectionLimits { connections: 64, header: Duration::from_secs(10), lifetime: Duration::from_secs(300) };
/// How long running requests may take after the endpoint was told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);
/// How many news messages a page may lag behind before it misses some.
const NEWS: usize = 4;

/// Whether the filter accepts events; set by the pipeline, read by the endpoint.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Not ready yet.
    #[must_use]
    pub fn new() -> Readiness {
        Readiness::default()
    }

    /// Sets whether the filter is ready.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether the filter is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why the endpoint could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The text is no valid address.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The system refused to listen there.
    #[error("cannot listen for metrics on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// The thread or its runtime could not be started.
    #[error("cannot start the thread that serves metrics on {address}: {source}")]
    Start {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
}

impl BindError {
    /// A hint for the user that names the address.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            BindError::Address(bad) => bad.hint(),
            BindError::Listen { address, source } => match source.kind() {
                ErrorKind::AddrInUse => format!(
                    "something else listens on {address} already: stop it, or choose another port (`:0` takes a free one)"
                ),
                ErrorKind::AddrNotAvailable => format!("no interface of this host has the address {}", address.ip()),
                ErrorKind::PermissionDenied => {
                    format!("port {} needs privileges: choose one from 1024 up instead of {address}", address.port())
                }
                _ => format!("choose another address than {address}"),
            },
            BindError::Start { address, .. } => {
                format!("the system is short of threads or file descriptors; without metrics on {address} it may start")
            }
        }
    }
}

/// A running endpoint. It stops, within a second, when it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    readiness: Readiness,
    stopping: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens on an address in the format of [`parse_address`], and serves from a thread of its
    /// own. Connections are accepted when this returns.
    ///
    /// # Errors
    /// [`BindError`] if the address is invalid, if the system refuses it (a port in use), or if the
    /// thread cannot be started.
    pub fn bind(address: &str, site: Site) -> Result<Endpoint, BindError> {
        Endpoint::listen(parse_address(address)?, site)
    }

    /// Listens on a socket address, and serves from a thread of its own.
    ///
    /// # Errors
    /// As for [`Endpoint::bind`], except for an invalid address.
    pub fn listen(address: SocketAddr, site: Site) -> Result<Endpoint, BindError> {
        Endpoint::limited(address, site, LIMITS)
    }

    fn limited(address: SocketAddr, site: Site, limits: ConnectionLimits) -> Result<Endpoint, BindError> {
        let refused = |source| BindError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;

        let unstartable = |source| BindError::Start { address, source };
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(unstartable)?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(unstartable)?
        };
        let (stopping, stopped) = watch::channel(false);
        let readiness = site.readiness.clone();
        let thread = thread::Builder::new()
            .name("metrics-http".to_owned())
            .spawn(move || serve(runtime, listener, site, stopped, limits))
            .map_err(unstartable)?;
        Ok(Endpoint { address: bound, readiness, stopping, thread: Some(thread) })
    }

    /// The address on which it listens; if port 0 was requested, with the port that the system
    /// chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections, gives running requests half a second, and stops. Dropping does
    /// the same.
    pub fn shutdown(self) {}
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.readiness.set(false);
        // Fails only if the thread has already ended.
        let _ = self.stopping.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

/// The work of the endpoint's thread: accepts connections until it is told to stop, waits for the
/// grace period and drops the rest.
fn serve(
    runtime: Runtime,
    listener: tokio::net::TcpListener,
    site: Site,
    stopped: watch::Receiver<bool>,
    limits: ConnectionLimits,
) {
    runtime.block_on(async {
        let (news, _) = broadcast::channel(NEWS);
        let router = router(site.clone(), news.clone());
        // This task ends with the runtime.
        tokio::spawn(tell(site, news));
        let stop = async {
            // Cannot fail: the sender lives as long as the endpoint.
            let _ = stopped.clone().wait_for(|stop| *stop).await;
        };
        let serve = |stream| serve_connection(stream, router.clone(), stopped.clone(), limits);
        let mut connections = accept(Listener::Tcp(listener), limits.connections, stop, || {}, serve).await;
        let _ = timeout(SHUTDOWN_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    });
    runtime.shutdown_background();
}

async fn serve_connection(
    stream: Stream,
    router: Router,
    mut stopped: watch::Receiver<bool>,
    limits: ConnectionLimits,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // Errors are the client's (it disconnected or did not speak HTTP), so they are ignored.
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stop| *stop) => {}
        () = sleep(limits.lifetime) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(SHUTDOWN_GRACE, connection).await;
}

#[cfg(test)]
mod tests;
