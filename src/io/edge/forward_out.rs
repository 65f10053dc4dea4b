//! The Forward protocol as a client: messages that are not acknowledged when a connection breaks
//! are sent again.
//!
//! A message is never longer than a peer with the same settings takes, packed and unpacked. The
//! protocol has no word for a refusal; [`super::flight`] tells what a peer that closes instead
//! means.

use super::flight::{Flight, Most, Next};
use super::handshake;
use super::peer::Shared;
use super::refusal;
use super::stream::Backoff;
use super::{EdgeError, READ_BYTES};
use crate::config::ends::{Forward, Remote};
use crate::event::Fault;
use crate::event::forward::LONGEST_TAG;
use crate::event::msgpack::{self, Head, Malformed, Reader, Scanner};
use crate::io::outputs::{Form, QueuedBatch};
use crate::io::random;
use crate::io::socket::{self, Stream};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// Most batches that are in flight without an acknowledgement.
const WINDOW: usize = 8;
/// Bytes of the message buffer that are kept.
const KEPT_BYTES: usize = 2 << 20;
/// Most bytes of a message besides its tag and its entries.
const OPTION_BYTES: usize = 256;
/// How long acknowledgements are still read after a failed write.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// One end.
pub(super) struct End {
    remote: Remote,
    options: Forward,
    key: Option<Vec<u8>>,
    /// The prefix of chunks, so that two processes never use the same name.
    seed: u64,
    chunks: u64,
    shared: Arc<Shared>,
    /// The current message.
    message: Vec<u8>,
}

impl End {
    pub(super) fn new(remote: &Remote, options: &Forward, shared: Arc<Shared>) -> Result<Self, EdgeError> {
        let key = options.shared_key_file.as_deref().map(handshake::read_key).transpose()?;
        let seed = random::number();
        let (remote, options) = (remote.clone(), options.clone());
        Ok(Self { remote, options, key, seed, chunks: 0, shared, message: Vec::new() })
    }

    /// The tag of a message, cut to what peers take. Prefixes make tags longer from one filter to
    /// the next.
    fn tag(&self, own: &[u8]) -> Vec<u8> {
        let own = if own.is_empty() { self.options.tag.as_bytes() } else { own };
        let mut tag = [self.options.tag_prefix.as_bytes(), own].concat();
        if tag.len() > LONGEST_TAG {
            let is_begin = |byte: u8| byte & 0xc0 != 0x80;
            let end = (LONGEST_TAG - 3..=LONGEST_TAG).rev().find(|&end| is_begin(tag[end])).unwrap_or(LONGEST_TAG);
            tag.truncate(end);
        }
        tag
    }

    /// Writes entries with one tag as a message, under the number of the last chunk.
    async fn write(
        &mut self,
        tag: &[u8],
        entries: &[u8],
        count: usize,
        writes: &mut (impl AsyncWriteExt + Unpin),
    ) -> io::Result<()> {
        self.message.clear();
        self.message.shrink_to(KEPT_BYTES);
        let out = &mut self.message;
        msgpack::put_array(3, out);
        msgpack::put_text(tag, out);
        // Entries that do not get shorter are not packed, so that a message is never longer than
        // unpacked.
        let gzip = if self.options.gzip { Some(gzip(entries)?) } else { None };
        let gzip = gzip.filter(|gzip| gzip.len() < entries.len());
        let content = gzip.as_deref().unwrap_or(entries);
        msgpack::put_binary(content.len(), out);
        out.extend_from_slice(content);
        msgpack::put_map(1 + usize::from(gzip.is_some()) + usize::from(self.options.ack), out);
        msgpack::put_text(b"size", out);
        msgpack::put_integer(count as i128, out);
        if gzip.is_some() {
            msgpack::put_text(b"compressed", out);
            msgpack::put_text(b"gzip", out);
        }
        if self.options.ack {
            msgpack::put_text(b"chunk", out);
            msgpack::put_text(format!("{:016x}{:016x}", self.seed, self.chunks).as_bytes(), out);
        }
        writes.write_all(&self.message).await
    }

    /// Writes the piece at this index, unless it is longer than any message may be: then it is set
    /// aside.
    async fn send_piece(
        &mut self,
        i: usize,
        flight: &mut Flight,
        writes: &mut (impl AsyncWriteExt + Unpin),
    ) -> io::Result<()> {
        let tag = self.tag(flight.tag(i));
        let length = flight.bytes(i).len() + tag.len() + OPTION_BYTES;
        let most = self.shared.peers.forward_message_bytes();
        if length > most {
            let reason = format!("it has {length} bytes, a message has at most {most}");
            refusal::set_aside(flight, i, Fault::Oversized, (&self.remote.url, &reason), &self.shared);
            return Ok(());
        }
        self.chunks += 1;
        // Noted before the write, so that the piece counts as in flight whatever happens meanwhile.
        flight.set_chunk(i, self.chunks);
        self.write(&tag, flight.bytes(i), flight.pieces()[i].records, writes).await?;
        if !self.options.ack {
            flight.taken(i);
        }
        Ok(())
    }

    /// Writes the pieces that may be in flight and are not.
    async fn send_next(&mut self, flight: &mut Flight, writes: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
        loop {
            let next = match flight.is_careful() {
                true if flight.waits() => return Ok(()),
                true => flight.next(),
                false => flight.first_unsent().map(Next::Piece),
            };
            match next {
                None => return Ok(()),
                Some(Next::Piece(i)) => self.send_piece(i, flight, writes).await?,
                Some(Next::Harmless) => {
                    self.chunks += 1;
                    flight.probe = Some(self.chunks);
                    let Some((tag, entry)) = flight.harmless() else { return Ok(()) };
                    let (tag, entry) = (self.tag(tag), entry.to_vec());
                    self.write(&tag, &entry, 1, writes).await?;
                    if !self.options.ack {
                        flight.taken_as(self.chunks);
                    }
                }
            }
        }
    }
}

fn gzip(entries: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(entries)?;
    gzip.finish()
}

/// Sends batches until there are no more and all are acknowledged; a peer that is gone is waited
/// for.
pub(super) async fn send(mut end: End, mut queue: mpsc::Receiver<QueuedBatch>) {
    let mut backoff = Backoff::default();
    let mut flight = Flight::new(Form::Entries, Most::of_message(&end.shared.peers), end.options.ack);
    loop {
        let error = match connect(&end).await {
            Ok((stream, inbox)) => {
                let since = Instant::now();
                match exchange(stream, inbox, &mut end, &mut queue, &mut flight).await {
                    Ok(()) => return,
                    Err(error) => {
                        backoff.stood(since.elapsed());
                        let by_peer = refusal::is_by_peer(&error);
                        if by_peer && refusal::broke(&mut flight, &end.remote.url, &error.to_string(), &end.shared) {
                            backoff.reset();
                            continue;
                        }
                        error
                    }
                }
            }
            Err(error) => error,
        };
        let url = &end.remote.url;
        end.shared.log.say_seldom(url, &format!("cannot send to {url}: {error}; trying again"));
        if flight.is_empty() && queue.is_closed() && queue.is_empty() {
            return;
        }
        backoff.wait().await;
    }
}

async fn connect(end: &End) -> io::Result<(Stream, Vec<u8>)> {
    let mut stream = socket::connect_soon(&end.remote.place).await?;
    let mut inbox = Vec::new();
    if let Some(key) = &end.key {
        let named = (end.options.hostname.as_str(), key.as_slice());
        handshake::introduce(&mut stream, &mut inbox, &end.shared, named).await.map_err(|fault| {
            end.shared.refuse(fault);
            io::Error::new(io::ErrorKind::PermissionDenied, fault.name())
        })?;
    }
    Ok((stream, inbox))
}

/// Sends over one connection: first what an earlier connection left unacknowledged, then new
/// batches.
async fn exchange(
    stream: Stream,
    mut inbox: Vec<u8>,
    end: &mut End,
    queue: &mut mpsc::Receiver<QueuedBatch>,
    flight: &mut Flight,
) -> io::Result<()> {
    let (mut reads, mut writes) = tokio::io::split(stream);
    let mut ended = false;
    flight.restart();
    loop {
        if let Err(error) = end.send_next(flight, &mut writes).await {
            // Messages that the peer acknowledged before it closed need not be sent again.
            let listen = async {
                while reads.read_buf(&mut inbox).await.is_ok_and(|read| read > 0)
                    && hear(&mut inbox, end, flight).is_ok()
                {
                    inbox.reserve(READ_BYTES.min(4096));
                }
            };
            let _ = timeout(LAST_WORDS, listen).await;
            return Err(error);
        }
        if ended && flight.is_empty() {
            return writes.shutdown().await;
        }
        inbox.reserve(READ_BYTES.min(4096));
        let (waits, patience) = (flight.waits(), end.shared.message_timeout());
        let read = async {
            let read = reads.read_buf(&mut inbox);
            if waits { timeout(patience, read).await } else { Ok(read.await) }
        };
        tokio::select! {
            parcel = queue.recv(), if !ended && flight.parcels() < WINDOW => match parcel {
                Some(parcel) => flight.take(parcel),
                None => ended = true,
            },
            read = read => match read {
                Ok(Ok(0)) => return Err(io::ErrorKind::ConnectionReset.into()),
                Ok(read) => drop(read?),
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no acknowledgement came")),
            },
        }
        hear(&mut inbox, end, flight)?;
    }
}

/// Takes whole acknowledgements out of the inbox.
fn hear(inbox: &mut Vec<u8>, end: &End, flight: &mut Flight) -> io::Result<()> {
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "it answers with something else than acknowledgements");
    loop {
        let whole = Scanner::default().advance(inbox, 4096, 4).map_err(|_| strange())?;
        let Some(whole) = whole else { return Ok(()) };
        let chunk = read_ack(&inbox[..whole]).map_err(|Malformed| strange())?;
        // Other chunks are those of messages that were sent before, or unknown.
        if let Some(number) = number_of(chunk, end.seed) {
            flight.taken_as(number);
        }
        inbox.drain(..whole);
    }
}

/// The number of a chunk of ours.
fn number_of(chunk: &[u8], seed: u64) -> Option<u64> {
    let (own, number) = std::str::from_utf8(chunk).ok()?.split_at_checked(16)?;
    (own == format!("{seed:016x}")).then(|| u64::from_str_radix(number, 16).ok())?
}

fn read_ack(answer: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(answer, 0);
    let Head::Map(length) = reader.head()? else { return Err(Malformed) };
    for _ in 0..length {
        if reader.text()? == b"ack" {
            return reader.text();
        }
        reader.skip()?;
    }
    Err(Malformed)
}
