//! The accept loop of all listeners: it accepts as many connections as may be open at a time, and
//! serves each in a task of its own.

use super::socket::{Listener, Stream};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The pause after a failed accept (no file descriptors left), in place of a busy loop.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts and serves `most` connections at a time until `stopped` returns, and returns those that
/// are still being served then. Calls `full` when further connections wait in the system's backlog.
pub(crate) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: Listener,
    most: usize,
    stopped: impl Future<Output = ()>,
    full: impl Fn(),
    serve: impl Fn(Stream) -> F,
) -> JoinSet<()> {
    let places = Arc::new(Semaphore::new(most));
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stopped);
    loop {
        if places.available_permits() == 0 {
            full();
        }
        let next = async {
            // This semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        let accepted = tokio::select! {
            () = &mut stopped => break,
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
            Some((_, Err(_))) => sleep(PAUSE).await,
            None => break,
        }
    }
    connections
}
