//! One event a line, to the peer that the end connects to, or to the peer that connects.
//!
//! There is no acknowledgement: an event has left when the system took it. When a connection
//! breaks, the last write is repeated; earlier bytes that the system had not sent are lost.
//!
//! A write is at most 1 MiB long, unless a single line is longer. A peer that closes the connection
//! in the middle of such a line again and again does not want the line: see [`super::flight`].

use super::flight::{Flight, Most};
use super::peer::Shared;
use super::refusal;
use super::stream::Backoff;
use crate::config::ends::Remote;
use crate::io::outputs::{Form, QueuedBatch};
use crate::io::socket::{self, Listener, Stream};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Sends batches until there are no more; a peer that is gone is waited for.
pub(super) async fn send(
    remote: Remote,
    listener: Option<Listener>,
    shared: Arc<Shared>,
    mut queue: mpsc::Receiver<QueuedBatch>,
) {
    let mut backoff = Backoff::default();
    let mut flight = Flight::new(Form::Lines, Most::of_write(), false);
    loop {
        let established = match &listener {
            Some(listener) => tokio::select! {
                accepted = listener.accept() => accepted,
                // Once no more batches come, no peer is waited for.
                parcel = queue.recv(), if flight.is_empty() => match parcel {
                    Some(parcel) => {
                        flight.take(parcel);
                        listener.accept().await
                    }
                    None => return,
                }
            },
            None => socket::connect_soon(&remote.place).await,
        };
        let error = match established {
            Ok(mut stream) => {
                let since = Instant::now();
                match write(&mut stream, &mut queue, &mut flight).await {
                    Ok(()) => return,
                    Err(error) => {
                        // Where the end listens, the peer comes back in its own time.
                        if listener.is_some() {
                            backoff.reset()
                        } else {
                            backoff.stood(since.elapsed())
                        }
                        let by_peer = refusal::is_by_peer(&error);
                        if by_peer && refusal::broke(&mut flight, &remote.url, &error.to_string(), &shared) {
                            backoff.reset();
                            continue;
                        }
                        error
                    }
                }
            }
            Err(error) => error,
        };
        shared.log.say_seldom(&remote.url, &format!("cannot send to {}: {error}; trying again", remote.url));
        if flight.is_empty() && queue.is_closed() && queue.is_empty() {
            return;
        }
        backoff.wait().await;
    }
}

/// Writes batches; pieces that were not wholly taken stay in `flight`.
async fn write(stream: &mut Stream, queue: &mut mpsc::Receiver<QueuedBatch>, flight: &mut Flight) -> io::Result<()> {
    let mut heard = [0; 1024];
    flight.restart();
    loop {
        while flight.is_empty() {
            // The read notices a peer that closes before a line is written to nobody. What the peer
            // sends is ignored.
            tokio::select! {
                parcel = queue.recv() => match parcel {
                    Some(parcel) => flight.take(parcel),
                    None => return stream.shutdown().await,
                },
                read = stream.read(&mut heard) => match read? {
                    0 => return Err(io::ErrorKind::ConnectionReset.into()),
                    _ => continue,
                },
            };
        }
        flight.set_chunk(0, 0);
        stream.write_all(&flight.lines(0)).await?;
        flight.taken(0);
    }
}
