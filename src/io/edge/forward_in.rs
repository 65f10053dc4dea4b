//! The Forward protocol from those who connect: every mode, acknowledged once what a message held
//! has left.

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

/// What one peer may be owed of answers, those that it does not read included; it is not read from
/// before it takes some.
const OWED_BYTES: usize = 256 << 10;
/// What an answer takes beside its chunk.
const ANSWER_BYTES: usize = 64;

/// What every connection of one end knows.
pub(super) struct ForwardInput {
    reading: Reading,
    /// Its own name and the key, where peers must know one.
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

/// A chunk to be acknowledged, with its part of what the peer may be owed.
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
        // Fails when the peer is gone, which will send it again.
        let _ = self.to.send(self.answer);
    }
}

/// The way back to one peer. There is no more on it than the peer may be owed.
struct Answers {
    to: mpsc::UnboundedSender<Answer>,
    owed: Arc<Semaphore>,
}

/// Why no more is taken of a peer.
enum Ended {
    /// Nobody wants any more: all is being ended, or the peer takes no answers.
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
    // What has been taken is still acknowledged; the writer ends with the last of it.
    drop(answers);
    let _ = writer.await;
}

/// Writes what a peer is to be told. One that does not take it in time is gone, and what it has
/// sent may come again.
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

/// Takes messages until the peer has no more or all is to stop.
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
        // What came before one that is refused is taken.
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
    /// Where the batch will go. Without one nothing is in it.
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
        // Nothing of a packed message is in the batch yet; all of another is, or is known to be
        // right.
        let Some(packed) = taken.packed else {
            return self.finish(token, taken.rest).await;
        };
        // What has been gathered does not wait for others to unpack, nor do they for its place.
        self.pass_on().await;
        let (unpacked, _alone) = self.door.shared.unpack(|| packed.unpacker(reading)).await?;
        self.prepare().await?;
        let rest = packed.read(&mut self.batch, &unpacked, reading)?;
        self.finish(token, rest).await
    }

    /// Makes sure that there is a place for what comes next.
    async fn prepare(&mut self) -> Result<(), Ending> {
        if self.batch.records.len().max(self.batch.tokens.len()) >= Batch::MOST_RECORDS {
            self.pass_on().await;
        }
        if self.place.is_none() {
            self.place = Some(self.door.way.place().await?);
        }
        Ok(())
    }

    /// The message at hand is right: `rest` of it, which the batch had no room for, follows in
    /// others.
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

    /// Room for one more answer, of the longest chunk. Who is owed too much is waited for, and what
    /// has been gathered leaves meanwhile.
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

    /// What acknowledges a chunk, with its part of the room for the longest.
    fn token(&self, chunk: &[u8], mut owed: OwnedSemaphorePermit) -> Box<dyn DeliveryToken> {
        drop(owed.split(forward::LONGEST_CHUNK.saturating_sub(chunk.len())));
        let answer = Answer { chunk: chunk.to_vec(), _owed: owed };
        Box::new(Acknowledgement { answer, to: self.answers.to.clone() })
    }

    /// Passes on what has been gathered.
    async fn pass_on(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if let Some(place) = self.place.take()
            && (!batch.records.is_empty() || !batch.tokens.is_empty())
        {
            place.send(batch).await;
        }
    }
}
