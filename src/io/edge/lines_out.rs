//! One event a line, to the one it connects to, or to the one who connects.
//!
//! There is no acknowledgement: an event has left when the system took it. Of what it took and had not sent when the
//! connection broke, the last write is repeated.

use super::peer::Shared;
use super::stream::{self, Backoff, Listener, Stream};
use crate::config::ends::Remote;
use crate::io::exit::Parcel;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Sends what comes until there is no more; a peer that is gone is waited for.
pub(super) async fn send(
    remote: Remote,
    listener: Option<Listener>,
    shared: Arc<Shared>,
    mut queue: mpsc::Receiver<Parcel>,
) {
    let mut backoff = Backoff::default();
    let mut unsent = None;
    loop {
        let established = match &listener {
            Some(listener) => tokio::select! {
                accepted = listener.accept() => accepted,
                // Where nothing comes any more, nobody is waited for.
                parcel = queue.recv(), if unsent.is_none() => {
                    unsent = parcel;
                    if unsent.is_none() {
                        return;
                    }
                    listener.accept().await
                }
            },
            None => stream::connect(&remote.place).await,
        };
        let error = match established {
            Ok(mut stream) => {
                let since = Instant::now();
                match write(&mut stream, &mut queue, &mut unsent).await {
                    Ok(()) => return,
                    Err(error) => {
                        // Where it listens, it is the other side that comes back in its own time.
                        if listener.is_some() {
                            backoff.reset()
                        } else {
                            backoff.stood(since.elapsed())
                        }
                        error
                    }
                }
            }
            Err(error) => error,
        };
        shared.log.say_seldom(&remote.url, &format!("cannot send to {}: {error}; trying again", remote.url));
        if unsent.is_none() && queue.is_closed() && queue.is_empty() {
            return;
        }
        backoff.wait().await;
    }
}

/// Writes what comes; what was not wholly taken stays in `unsent`.
async fn write(stream: &mut Stream, queue: &mut mpsc::Receiver<Parcel>, unsent: &mut Option<Parcel>) -> io::Result<()> {
    let mut heard = [0; 1024];
    loop {
        if unsent.is_none() {
            // One that closes is noticed before something is written to nobody. What it says is nothing to us.
            *unsent = tokio::select! {
                parcel = queue.recv() => parcel,
                read = stream.read(&mut heard) => match read? {
                    0 => return Err(io::ErrorKind::ConnectionReset.into()),
                    _ => continue,
                },
            };
        }
        let Some(parcel) = unsent.as_ref() else {
            return stream.shutdown().await;
        };
        stream.write_all(&parcel.lines).await?;
        if let Some(parcel) = unsent.take() {
            parcel.delivered();
        }
    }
}
