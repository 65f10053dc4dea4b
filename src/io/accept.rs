//! The loop of all that listen: it accepts as many as may connect at a time, and serves each by a
//! task of its own.

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

/// Accepts and serves `most` at a time until `stopped` returns; those who are still being served
/// then are returned. Says by `full` that further ones wait in the system's backlog.
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
            // The semaphore is never closed.
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
