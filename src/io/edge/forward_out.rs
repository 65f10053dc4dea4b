//! The Forward protocol to the one it connects to: what is not acknowledged when a connection breaks is sent again.

use super::handshake;
use super::peer::Shared;
use super::stream::{self, Backoff, Stream};
use super::{EdgeError, READ_BYTES};
use crate::config::ends::{Forward, Remote};
use crate::event::msgpack::{self, Head, Malformed, Reader, Scanner};
use crate::io::exit::Parcel;
use crate::io::random;
use crate::outbox::entries::Run;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// So many batches may be on their way unacknowledged.
const WINDOW: usize = 8;

/// One end.
pub(super) struct End {
    remote: Remote,
    options: Forward,
    key: Option<Vec<u8>>,
    /// Chunks have this in front, so that two processes never use the same name.
    seed: u64,
    chunks: u64,
}

impl End {
    pub(super) fn new(remote: &Remote, options: &Forward) -> Result<Self, EdgeError> {
        let key = options.shared_key_file.as_deref().map(handshake::read_key).transpose()?;
        let seed = random::number();
        Ok(Self { remote: remote.clone(), options: options.clone(), key, seed, chunks: 0 })
    }

    /// Appends a run of entries as one message; its chunk, where it is to be acknowledged.
    fn message(&mut self, run: &Run, entries: &[u8], out: &mut Vec<u8>) -> io::Result<Option<String>> {
        let own = if run.tag.is_empty() { self.options.tag.as_bytes() } else { &run.tag };
        let tag = [self.options.tag_prefix.as_bytes(), own].concat();
        msgpack::put_array(3, out);
        msgpack::put_text(&tag, out);
        let entries = &entries[run.bytes.clone()];
        if self.options.gzip {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(entries)?;
            let packed = gzip.finish()?;
            msgpack::put_binary(packed.len(), out);
            out.extend_from_slice(&packed);
        } else {
            msgpack::put_binary(entries.len(), out);
            out.extend_from_slice(entries);
        }
        msgpack::put_map(1 + usize::from(self.options.gzip) + usize::from(self.options.ack), out);
        msgpack::put_text(b"size", out);
        msgpack::put_integer(run.count as i128, out);
        if self.options.gzip {
            msgpack::put_text(b"compressed", out);
            msgpack::put_text(b"gzip", out);
        }
        if !self.options.ack {
            return Ok(None);
        }
        self.chunks += 1;
        let chunk = format!("{:016x}{:016x}", self.seed, self.chunks);
        msgpack::put_text(b"chunk", out);
        msgpack::put_text(chunk.as_bytes(), out);
        Ok(Some(chunk))
    }
}

/// A batch on its way, and the chunks of it that are not acknowledged yet.
struct Sent {
    parcel: Parcel,
    chunks: Vec<String>,
}

/// Sends what comes until there is no more and all of it is acknowledged; a peer that is gone is waited for.
pub(super) async fn send(mut end: End, shared: Arc<Shared>, mut queue: mpsc::Receiver<Parcel>) {
    let mut backoff = Backoff::default();
    let mut unacknowledged = VecDeque::new();
    loop {
        let connected = connect(&end, &shared).await;
        let error = match connected {
            Ok((stream, inbox)) => {
                let since = Instant::now();
                match exchange(stream, inbox, &mut end, &shared, &mut queue, &mut unacknowledged).await {
                    Ok(()) => return,
                    Err(error) => {
                        backoff.stood(since.elapsed());
                        error
                    }
                }
            }
            Err(error) => error,
        };
        let url = &end.remote.url;
        shared.log.say_seldom(url, &format!("cannot send to {url}: {error}; trying again"));
        if unacknowledged.is_empty() && queue.is_closed() && queue.is_empty() {
            return;
        }
        backoff.wait().await;
    }
}

async fn connect(end: &End, shared: &Shared) -> io::Result<(Stream, Vec<u8>)> {
    let mut stream = stream::connect(&end.remote.place).await?;
    let mut inbox = Vec::new();
    if let Some(key) = &end.key {
        let named = (end.options.hostname.as_str(), key.as_slice());
        handshake::introduce(&mut stream, &mut inbox, shared, named).await.map_err(|fault| {
            shared.refuse(fault);
            io::Error::new(io::ErrorKind::PermissionDenied, fault.name())
        })?;
    }
    Ok((stream, inbox))
}

/// Over one connection: what an earlier one left unacknowledged, then what comes.
async fn exchange(
    stream: Stream,
    mut inbox: Vec<u8>,
    end: &mut End,
    shared: &Shared,
    queue: &mut mpsc::Receiver<Parcel>,
    unacknowledged: &mut VecDeque<Sent>,
) -> io::Result<()> {
    let (mut reads, mut writes) = tokio::io::split(stream);
    let (mut bytes, mut ended) = (Vec::new(), false);
    for sent in unacknowledged.iter_mut() {
        sent.chunks = write(&sent.parcel, end, &mut bytes, &mut writes).await?;
    }
    loop {
        while unacknowledged.front().is_some_and(|sent| sent.chunks.is_empty()) {
            if let Some(sent) = unacknowledged.pop_front() {
                sent.parcel.delivered();
            }
        }
        if ended && unacknowledged.is_empty() {
            return writes.shutdown().await;
        }
        inbox.reserve(READ_BYTES.min(4096));
        let waits = !unacknowledged.is_empty();
        let read = async {
            let read = reads.read_buf(&mut inbox);
            if waits { timeout(shared.patience(), read).await } else { Ok(read.await) }
        };
        tokio::select! {
            parcel = queue.recv(), if !ended && unacknowledged.len() < WINDOW => {
                let Some(parcel) = parcel else {
                    ended = true;
                    continue;
                };
                // Kept before it is written: whatever happens meanwhile, it is sent again.
                unacknowledged.push_back(Sent { parcel, chunks: Vec::new() });
                let Some(sent) = unacknowledged.back_mut() else { continue };
                sent.chunks = write(&sent.parcel, end, &mut bytes, &mut writes).await?;
            }
            read = read => match read {
                Ok(Ok(0)) => return Err(io::ErrorKind::ConnectionReset.into()),
                Ok(read) => drop(read?),
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no acknowledgement came")),
            },
        }
        hear(&mut inbox, unacknowledged)?;
    }
}

/// Writes a batch, one message for each run; the chunks that are to be acknowledged.
async fn write(
    parcel: &Parcel,
    end: &mut End,
    bytes: &mut Vec<u8>,
    writes: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<Vec<String>> {
    bytes.clear();
    let mut chunks = Vec::new();
    for run in &parcel.entries.runs {
        chunks.extend(end.message(run, &parcel.entries.bytes, bytes)?);
    }
    writes.write_all(bytes).await?;
    Ok(chunks)
}

/// Takes whole acknowledgements out of the inbox.
fn hear(inbox: &mut Vec<u8>, unacknowledged: &mut VecDeque<Sent>) -> io::Result<()> {
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "it answers with something else than acknowledgements");
    loop {
        let end = Scanner::default().advance(inbox, 4096, 4).map_err(|_| strange())?;
        let Some(end) = end else { return Ok(()) };
        let chunk = read_ack(&inbox[..end]).map_err(|Malformed| strange())?;
        for sent in unacknowledged.iter_mut() {
            sent.chunks.retain(|waits| waits.as_bytes() != chunk);
        }
        inbox.drain(..end);
    }
}

fn read_ack(answer: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(answer, 0);
    let Head::Map(length) = reader.head()? else { return Err(Malformed) };
    for _ in 0..length {
        if reader.text()? == b"ack" {
            return reader.text().map(<[u8]>::to_vec);
        }
        reader.skip()?;
    }
    Err(Malformed)
}
