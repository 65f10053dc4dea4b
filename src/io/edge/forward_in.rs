//! The Forward protocol as a server, in every mode: a message is acknowledged once its records have
//! left.

use super::handshake;
use super::peer::{Deadline, Shared, Unfinished, fault_of};
use super::way::{Ending, Place, Way, Whole};
use super::{EdgeError, READ_BYTES};
use crate::config::ends::Forward;
use crate::event::forward::{self, Reading, Rest};
use crate::event::msgpack::{self, Refused, Scanner};
use crate::event::{Batch, DeliveryToken, Fault, Source};
use crate::io::socket::Stream;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// Most bytes of answers that wait for one peer, unread ones included. Nothing more is read from
/// the peer until it takes some.
const OWED_BYTES: usize = 256 << 10;
/// Bytes of an answer besides its chunk.
const ANSWER_BYTES: usize = 64;

/// What the connections of one end share.
pub(super) struct ForwardInput {
    reading: Reading,
    /// The end's own name and the key, where peers must know one.
    key: Option<(String, Vec<u8>)>,
    shared: Arc<Shared>,
    way: Way,
}

impl ForwardInput {
    pub(super) fn new(forward: &Forward, source: Source, shared: Arc<Shared>, way: Way) -> Result<Self, EdgeError> {
        let key = forward.shared_key_file.as_deref().map(handshake::read_key).transpose()?;
        let reading = Reading {
            source,
            tag_prefix: forward.tag_prefix.clone(),
            most_bytes: shared.peers.forward_message_bytes(),
            deepest: shared.peers.max_depth,
        };
        Ok(Self { reading, key: key.map(|key| (forward.hostname.clone(), key)), shared, way })
    }
}

/// A chunk to acknowledge, with its part of the room for answers.
#[derive(Debug)]
struct Answer {
    chunk: Vec<u8>,
    _owed: OwnedSemaphorePermit,
}

/// A chunk that is acknowledged once it has left.
#[derive(Debug)]
struct Acknowledgement {
    answer: Answer,
    to: mpsc::UnboundedSender<Answer>,
}

impl DeliveryToken for Acknowledgement {
    fn release(self: Box<Self>) {
        // Fails when the peer is gone; the peer will send the message again.
        let _ = self.to.send(self.answer);
    }
}

/// The answers to one peer, bounded by the room for answers.
struct Answers {
    to: mpsc::UnboundedSender<Answer>,
    owed: Arc<Semaphore>,
}

/// Why no more is taken from a peer.
enum Ended {
    /// The process stops, or the peer takes no answers.
    Unwanted,
    Refused(Fault),
}

impl From<Ending> for Ended {
    fn from(Ending: Ending) -> Self {
        Self::Unwanted
    }
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Self {
        Self::Refused(fault_of(refused))
    }
}

/// Serves one peer.
pub(super) async fn serve(mut stream: Stream, door: Arc<ForwardInput>) {
    let mut inbox = Vec::with_capacity(READ_BYTES);
    if let Some((name, key)) = &door.key
        && let Err(fault) = handshake::welcome(&mut stream, &mut inbox, &door.shared, (name, key)).await
    {
        return door.shared.refuse(fault);
    }
    let (mut reads, writes) = tokio::io::split(stream);
    let (to, chunks) = mpsc::unbounded_channel();
    let answers = Answers { to, owed: Arc::new(Semaphore::new(OWED_BYTES)) };
    let writer = tokio::spawn(acknowledge(writes, chunks, Arc::clone(&door.shared)));
    if let Err(Ended::Refused(fault)) = take(&mut reads, inbox, &door, &answers).await {
        door.shared.refuse(fault);
    }
    // Messages that were taken are still acknowledged; the writer ends with the last of them.
    drop(answers);
    let _ = writer.await;
}

/// Writes answers to a peer. A peer that does not take them in time is gone, and may send its
/// messages again.
async fn acknowledge(
    mut writes: impl AsyncWrite + Unpin,
    mut chunks: mpsc::UnboundedReceiver<Answer>,
    shared: Arc<Shared>,
) {
    let mut bytes = Vec::new();
    while let Some(answer) = chunks.recv().await {
        bytes.clear();
        msgpack::put_map(1, &mut bytes);
        msgpack::put_text(b"ack", &mut bytes);
        msgpack::put_text(&answer.chunk, &mut bytes);
        // One write: Fluent Bit reads its answer with one read.
        match timeout(shared.message_timeout(), writes.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return shared.refuse(Fault::RefusedTime),
        }
    }
}

/// Takes messages until the peer has no more or the process stops.
async fn take(
    reads: &mut (impl AsyncReadExt + Unpin),
    mut inbox: Vec<u8>,
    door: &ForwardInput,
    answers: &Answers,
) -> Result<(), Ended> {
    let (shared, peers) = (&door.shared, &door.shared.peers);
    let (mut scanner, mut deadline, mut unfinished) =
        (Scanner::default(), Deadline::new(shared), Unfinished::default());
    loop {
        let mut gathering = Gathering { door, answers, batch: Batch::default(), place: None };
        let mut at = 0;
        let came = loop {
            match scanner.advance(&inbox[at..], peers.forward_message_bytes(), peers.max_depth) {
                Ok(Some(end)) => {
                    if let Err(ended) = gathering.message(&inbox[at..at + end]).await {
                        break Err(ended);
                    }
                    at += end;
                }
                Ok(None) => break Ok(()),
                Err(why) => break Err(why.into()),
            }
        };
        // Messages before one that is refused are taken.
        gathering.pass_on().await;
        came?;
        inbox.drain(..at);
        deadline.moved(at > 0, !inbox.is_empty());
        if !unfinished.keep(&mut inbox, shared, &mut deadline).await {
            return Ok(());
        }
        tokio::select! {
            () = shared.stopped() => return Ok(()),
            () = answers.to.closed() => return Ok(()),
            read = deadline.until(reads.read_buf(&mut inbox)) => match read {
                Ok(Ok(0) | Err(_)) => return Ok(()),
                Ok(Ok(_)) => {}
                Err(fault) => return Err(Ended::Refused(fault)),
            },
        }
    }
}

/// Messages of one peer on their way into batches: short ones share one, long ones take many.
struct Gathering<'a> {
    door: &'a ForwardInput,
    answers: &'a Answers,
    batch: Batch,
    /// The place for the batch in the way to the engine; none while the batch is empty.
    place: Option<Place<'a>>,
}

impl Gathering<'_> {
    /// Takes one message, whole or not at all.
    async fn message(&mut self, message: &[u8]) -> Result<(), Ended> {
        let reading = &self.door.reading;
        let owed = self.owe().await?;
        self.prepare().await?;
        let taken = forward::read(&mut self.batch, message, reading)?;
        let token = taken.chunk.map(|chunk| self.token(chunk, owed));
        // Nothing of a packed message is in the batch yet; an unpacked one is in it, or is known to
        // be valid.
        let Some(packed) = taken.packed else {
            return self.finish(token, taken.rest).await;
        };
        // The gathered batch does not wait for other peers to unpack, nor do they wait for its
        // place.
        self.pass_on().await;
        let (unpacked, _alone) = self.door.shared.unpack(|| packed.unpacker(reading)).await?;
        self.prepare().await?;
        let rest = packed.read(&mut self.batch, &unpacked, reading)?;
        self.finish(token, rest).await
    }

    /// Waits for a place for the next batch.
    async fn prepare(&mut self) -> Result<(), Ending> {
        if self.batch.records.len().max(self.batch.tokens.len()) >= Batch::MOST_RECORDS {
            self.pass_on().await;
        }
        if self.place.is_none() {
            self.place = Some(self.door.way.place().await?);
        }
        Ok(())
    }

    /// The current message is valid: its `rest`, for which the batch had no room, follows in
    /// further batches.
    async fn finish(&mut self, token: Option<Box<dyn DeliveryToken>>, rest: Option<Rest<'_>>) -> Result<(), Ended> {
        let Some(mut rest) = rest else {
            self.batch.tokens.extend(token);
            return Ok(());
        };
        let whole = token.map(Whole::new);
        loop {
            self.batch.tokens.extend(whole.as_ref().map(Whole::share));
            self.pass_on().await;
            self.prepare().await?;
            match rest.go_on(&mut self.batch, &self.door.reading)? {
                Some(more) => rest = more,
                None => break,
            }
        }
        if let Some(whole) = whole {
            self.batch.tokens.push(whole.share());
            whole.complete();
        }
        Ok(())
    }

    /// Waits for room for one more answer with the longest chunk. The gathered batch leaves while a
    /// peer with too many answers is waited for.
    async fn owe(&mut self) -> Result<OwnedSemaphorePermit, Ended> {
        let Answers { to, owed } = self.answers;
        let most = (ANSWER_BYTES + forward::LONGEST_CHUNK) as u32;
        if let Ok(owed) = Arc::clone(owed).try_acquire_many_owned(most) {
            return Ok(owed);
        }
        self.pass_on().await;
        tokio::select! {
            () = to.closed() => Err(Ended::Unwanted),
            owed = Arc::clone(owed).acquire_many_owned(most) => owed.map_err(|_| Ended::Unwanted),
        }
    }

    /// The acknowledgement of a chunk, with its part of the room.
    fn token(&self, chunk: &[u8], mut owed: OwnedSemaphorePermit) -> Box<dyn DeliveryToken> {
        drop(owed.split(forward::LONGEST_CHUNK.saturating_sub(chunk.len())));
        let answer = Answer { chunk: chunk.to_vec(), _owed: owed };
        Box::new(Acknowledgement { answer, to: self.answers.to.clone() })
    }

    /// Passes on the gathered batch.
    async fn pass_on(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if let Some(place) = self.place.take()
            && (!batch.records.is_empty() || !batch.tokens.is_empty())
        {
            place.send(batch).await;
        }
    }
}
