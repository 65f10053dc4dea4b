//! One event a line, from peers that connect, or from the peer that the end connects to.
//!
//! There is no acknowledgement: bytes in a socket that were not read when this process dies are
//! lost.

use super::READ_BYTES;
use super::peer::{Deadline, Shared, Unfinished};
use super::stream::Backoff;
use super::way::Way;
use crate::config::ends::Remote;
use crate::event::lines::Lines;
use crate::event::{Fault, Source};
use crate::io::socket::{self, Stream};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

/// Connects, reads, and connects again, until the process stops.
pub(super) async fn connect(remote: Remote, source: Source, shared: Arc<Shared>, way: Way) {
    let mut backoff = Backoff::default();
    loop {
        let connected = tokio::select! {
            () = shared.stopped() => return,
            connected = socket::connect_soon(&remote.place) => connected,
        };
        match connected {
            Ok(stream) => {
                let since = Instant::now();
                // The reader stops by itself, so that it passes on what it has read.
                read(stream, source, Arc::clone(&shared), way.clone()).await;
                backoff.stood(since.elapsed());
                shared.log.say_seldom(&remote.url, &format!("{} closed the connection", remote.url));
            }
            Err(error) => shared.log.say_seldom(&remote.url, &format!("cannot connect to {}: {error}", remote.url)),
        }
        tokio::select! {
            () = shared.stopped() => return,
            () = backoff.wait() => {}
        }
    }
}

/// Reads lines until the peer has no more, takes too long over one, or the process stops.
pub(super) async fn read(mut stream: Stream, source: Source, shared: Arc<Shared>, way: Way) {
    let mut lines = Lines::whole_of(shared.max_line_bytes, source);
    let mut inbox = Vec::with_capacity(READ_BYTES);
    // Bytes that were searched for a line's end are not searched again.
    let mut seen = 0;
    let (mut deadline, mut unfinished) = (Deadline::new(&shared), Unfinished::default());
    loop {
        let read = if unfinished.keep(&mut inbox, &shared, &mut deadline).await {
            tokio::select! {
                () = shared.stopped() => Ok(Ok(0)),
                read = deadline.until(stream.read_buf(&mut inbox)) => read,
            }
        } else {
            Ok(Ok(0))
        };
        let ended = match read {
            Ok(Ok(count)) => count == 0,
            Ok(Err(_)) => true,
            Err(fault) => {
                shared.refuse(fault);
                true
            }
        };
        if ended && !inbox.is_empty() {
            // Another source's line may follow.
            inbox.push(b'\n');
        }
        let end = memchr::memrchr(b'\n', &inbox[seen..]).map_or(0, |at| seen + at + 1);
        if end > 0 {
            if way.lines(&inbox[..end], &mut lines, None).await.is_err() {
                return;
            }
            inbox.drain(..end);
        }
        seen = inbox.len();
        if inbox.len() > shared.peers.max_message_bytes {
            shared.refuse(Fault::RefusedSize);
            return;
        }
        if ended {
            return;
        }
        deadline.moved(end > 0, !inbox.is_empty());
    }
}
