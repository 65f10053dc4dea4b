//! The Forward protocol from those who connect: every mode, acknowledged once what a message held has left.

use super::handshake;
use super::peer::{Deadline, Shared, Unfinished, fault_of};
use super::stream::Stream;
use super::{EdgeError, READ_BYTES};
use crate::config::ends::Forward;
use crate::event::forward::{self, Reading};
use crate::event::msgpack::{self, Scanner};
use crate::event::{Batch, DeliveryToken, Fault, Source, Span};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What every connection of one end knows.
pub(super) struct Door {
    reading: Reading,
    /// Its own name and the key, where peers must know one.
    key: Option<(String, Vec<u8>)>,
    shared: Arc<Shared>,
    taken: mpsc::Sender<Batch>,
}

impl Door {
    pub(super) fn new(
        forward: &Forward,
        source: Source,
        shared: Arc<Shared>,
        taken: mpsc::Sender<Batch>,
    ) -> Result<Self, EdgeError> {
        let key = forward.shared_key_file.as_deref().map(handshake::read_key).transpose()?;
        let reading = Reading {
            source,
            tag_prefix: forward.tag_prefix.clone(),
            most_bytes: shared.peers.forward_message_bytes(),
            deepest: shared.peers.max_depth,
        };
        Ok(Self { reading, key: key.map(|key| (forward.hostname.clone(), key)), shared, taken })
    }
}

/// A chunk that is acknowledged once it has left.
#[derive(Debug)]
struct Acknowledgement {
    chunk: Vec<u8>,
    to: mpsc::UnboundedSender<Vec<u8>>,
}

impl DeliveryToken for Acknowledgement {
    fn release(self: Box<Self>) {
        // Fails when the peer is gone, which will send it again.
        let _ = self.to.send(self.chunk);
    }
}

/// Serves one peer.
pub(super) async fn serve(mut stream: Stream, door: Arc<Door>) {
    let mut inbox = Vec::with_capacity(READ_BYTES);
    if let Some((name, key)) = &door.key
        && let Err(fault) = handshake::welcome(&mut stream, &mut inbox, &door.shared, (name, key)).await
    {
        return door.shared.refuse(fault);
    }
    let (mut reads, mut writes) = tokio::io::split(stream);
    // As many wait here as there are messages between the queues, which are bounded.
    let (acknowledge, mut chunks) = mpsc::unbounded_channel::<Vec<u8>>();
    let patience = door.shared.patience();
    let writer = tokio::spawn(async move {
        let mut answer = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            answer.clear();
            msgpack::put_map(1, &mut answer);
            msgpack::put_text(b"ack", &mut answer);
            msgpack::put_text(&chunk, &mut answer);
            // One write: Fluent Bit reads its answer with one read. A peer that takes none is gone.
            if !matches!(timeout(patience, writes.write_all(&answer)).await, Ok(Ok(()))) {
                return;
            }
        }
    });
    if let Err(fault) = take(&mut reads, inbox, &door, &acknowledge).await {
        door.shared.refuse(fault);
    }
    // What has been taken is still acknowledged; the writer ends with the last of it.
    drop(acknowledge);
    let _ = writer.await;
}

/// Takes messages until the peer has no more or all is to stop.
async fn take(
    reads: &mut (impl AsyncReadExt + Unpin),
    mut inbox: Vec<u8>,
    door: &Door,
    acknowledge: &mpsc::UnboundedSender<Vec<u8>>,
) -> Result<(), Fault> {
    let (shared, peers) = (&door.shared, &door.shared.peers);
    let (mut scanner, mut deadline, mut unfinished) =
        (Scanner::default(), Deadline::new(shared), Unfinished::default());
    loop {
        let (mut messages, mut at, mut refused) = (Vec::new(), 0, None);
        loop {
            match scanner.advance(&inbox[at..], peers.forward_message_bytes(), peers.max_depth) {
                Ok(Some(end)) => {
                    messages.push(Span::new(at, at + end));
                    at += end;
                }
                Ok(None) => break,
                Err(why) => {
                    refused = Some(why);
                    break;
                }
            }
        }
        if !messages.is_empty() {
            let mut batch = Batch { bytes: inbox[..at].to_vec(), filled: at, ..Batch::default() };
            for message in messages {
                match forward::read(&mut batch, message, &door.reading) {
                    Ok(Some(chunk)) => batch.tokens.push(Box::new(Acknowledgement { chunk, to: acknowledge.clone() })),
                    Ok(None) => {}
                    Err(why) => {
                        refused = Some(why);
                        break;
                    }
                }
                if batch.filled > at + peers.max_message_bytes || !forward::has_room(&batch) {
                    // Packed messages may hold much more than their own bytes: not too many in one batch.
                    let next = Batch { bytes: inbox[..at].to_vec(), filled: at, ..Batch::default() };
                    let full = std::mem::replace(&mut batch, next);
                    door.taken.send(full).await.map_err(|_| Fault::RefusedProtocol)?;
                }
            }
            inbox.drain(..at);
            if door.taken.send(batch).await.is_err() {
                return Ok(());
            }
        }
        if let Some(why) = refused {
            return Err(fault_of(why));
        }
        deadline.moved(at > 0, !inbox.is_empty());
        if !unfinished.keep(&mut inbox, shared, &mut deadline).await {
            return Ok(());
        }
        tokio::select! {
            () = shared.stopped() => return Ok(()),
            read = deadline.until(reads.read_buf(&mut inbox)) => match read {
                Ok(Ok(0) | Err(_)) => return Ok(()),
                Ok(Ok(_)) => {}
                Err(fault) => return Err(fault),
            },
        }
    }
}
