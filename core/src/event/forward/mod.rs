//! The Forward protocol of Fluentd and Fluent Bit: a message as it came, as records of batches.
//!
//! | mode | message |
//! | --- | --- |
//! | Message | `[tag, time, record, option?]` |
//! | Forward | `[tag, [[time, record], …], option?]` |
//! | PackedForward | `[tag, bin of [time, record] …, option?]` |
//! | CompressedPackedForward | the same, packed, with `compressed` in the option |
//!
//! A time is a whole number of seconds or an EventTime; since Fluent Bit 5.0.5 it may be `[time,
//! {metadata}]`. `chunk` in the option asks for an acknowledgement. Nothing here waits or writes;
//! see `io/edge/forward_in.rs` for that.
//!
//! A message may hold a hundred times the records that one batch does. All of it is passed over
//! before its first record leaves, so that it is taken whole or not at all; what fits into the
//! batch at hand becomes records on the way, the rest when there is room for it. Where the first of
//! these begin and end is remembered, so that they are not walked twice.

use super::msgpack::{Head, Reader, Refused};
use super::unpack::{Packing, Unpacker};
use super::{Batch, Encoding, Record, Source, Span, Tag};

/// A longer `chunk` is refused: it is held until all of its message has left. Shippers send 24 to
/// 36 bytes.
pub const LONGEST_CHUNK: usize = 512;
/// A longer tag is refused: every record that becomes a line repeats it. A tag made of a path may
/// be as long as one.
pub const LONGEST_TAG: usize = 4 << 10;

/// So many entries that a batch has no room for are not walked again: 117 KiB, for as long as their
/// message is held, which costs four times that before it needs a room of its own. Shippers send
/// fewer at a time.
const REMEMBERED: usize = 10_000;

/// How messages are taken.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The input that they come from.
    pub source: Source,
    /// Put in front of every tag.
    pub tag_prefix: String,
    /// What one message may hold once unpacked.
    pub most_bytes: usize,
    /// How deep values may be nested.
    pub deepest: usize,
}

/// What a message says of itself, and what of it is in no batch yet.
#[derive(Debug)]
pub struct Taken<'a> {
    /// What is to be acknowledged, if the message asks for that.
    pub chunk: Option<&'a [u8]>,
    /// Records that the batch had no room for.
    pub rest: Option<Rest<'a>>,
    /// Records that have to be unpacked first.
    pub packed: Option<Packed<'a>>,
}

/// The content of a message that is packed.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    tag: &'a [u8],
    packing: Packing,
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Unpacks it.
    ///
    /// # Errors
    /// [`Refused`] when it is not packed as it says.
    pub fn unpacker(&self, reading: &Reading) -> Result<Unpacker<'a>, Refused> {
        Unpacker::new(self.packing, self.bytes, reading.most_bytes)
    }

    /// Makes records of what it holds, `unpacked`, as many as the batch has room for; the others
    /// are returned.
    ///
    /// # Errors
    /// [`Refused`], with the batch as it was.
    pub fn read<'b>(
        &self,
        batch: &mut Batch,
        unpacked: &'b [u8],
        reading: &Reading,
    ) -> Result<Option<Rest<'b>>, Refused>
    where
        'a: 'b,
    {
        whole_or_nothing(batch, |batch| Entries::all(unpacked, self.tag).begin(batch, reading).map(|(rest, _)| rest))
    }
}

/// Makes records of `message`, a whole value of MessagePack, as many as the batch has room for.
///
/// # Errors
/// [`Refused`], with the batch as it was.
pub fn read<'a>(batch: &mut Batch, message: &'a [u8], reading: &Reading) -> Result<Taken<'a>, Refused> {
    whole_or_nothing(batch, |batch| take(batch, message, reading))
}

fn whole_or_nothing<T>(batch: &mut Batch, take: impl FnOnce(&mut Batch) -> Result<T, Refused>) -> Result<T, Refused> {
    let (filled, records, tags, arena) = (batch.filled, batch.records.len(), batch.tags.len(), batch.arena.len());
    take(batch).inspect_err(|_| {
        batch.filled = filled;
        batch.bytes.truncate(filled);
        batch.records.truncate(records);
        batch.tags.truncate(tags);
        batch.arena.truncate(arena);
    })
}

fn take<'a>(batch: &mut Batch, message: &'a [u8], reading: &Reading) -> Result<Taken<'a>, Refused> {
    let mut reader = Reader::new(message, 0);
    let Head::Array(length @ 2..=4) = reader.head()? else { return Err(Refused::Malformed) };
    let tag = at_most(LONGEST_TAG, reader.text()?)?;
    let (mut peek, mut left) = (reader, length - 2);
    let (mut rest, mut content) = (None, None);
    match peek.head()? {
        Head::Array(count) => {
            let entries = Entries { bytes: message, at: peek.at(), left: Some(count), framed: true, tag };
            let end;
            (rest, end) = entries.begin(batch, reading)?;
            reader = Reader::new(message, end);
        }
        Head::Binary(length) | Head::Text(length) => {
            content = Some(peek.take(length)?);
            reader = peek;
        }
        _ => {
            let one = Entries { bytes: message, at: reader.at(), left: Some(1), framed: false, tag };
            let end;
            (rest, end) = one.begin(batch, reading)?;
            reader = Reader::new(message, end);
            left = left.checked_sub(1).ok_or(Refused::Malformed)?;
        }
    }
    let option = if left > 0 { options(&mut reader)? } else { Options::default() };
    let mut packed = None;
    if let Some(bytes) = content {
        match option.packed {
            Some(packing) => packed = Some(Packed { tag, packing, bytes }),
            None => (rest, _) = Entries::all(bytes, tag).begin(batch, reading)?,
        }
    }
    Ok(Taken { chunk: option.chunk, rest, packed })
}

fn at_most(most: usize, text: &[u8]) -> Result<&[u8], Refused> {
    if text.len() <= most { Ok(text) } else { Err(Refused::TooLong) }
}

/// Entries of a message that are known to be right and in no batch yet.
#[derive(Debug)]
pub struct Rest<'a> {
    entries: Entries<'a>,
    /// Those of the first.
    offsets: std::vec::IntoIter<EntryOffsets>,
}

impl Rest<'_> {
    /// Makes records of as many as the batch has room for, at least one if it is empty; what is
    /// left then.
    ///
    /// # Errors
    /// None: they were passed over before.
    pub fn go_on(mut self, batch: &mut Batch, reading: &Reading) -> Result<Option<Self>, Refused> {
        self.entries.put(batch, reading, &mut self.offsets)?;
        Ok((!self.entries.is_over()).then_some(self))
    }
}

/// Where an entry has its time, its record and its end, from its begin on.
#[derive(Clone, Copy, Debug)]
struct EntryOffsets {
    lead: u32,
    record: u32,
    end: u32,
}

/// Entries of a message, one behind the other.
#[derive(Clone, Copy, Debug)]
struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many there are; else all up to the end of the bytes.
    left: Option<usize>,
    /// Each is an array of its time and its record; else the one is these two values.
    framed: bool,
    tag: &'a [u8],
}

impl<'a> Entries<'a> {
    fn all(bytes: &'a [u8], tag: &'a [u8]) -> Self {
        Self { bytes, at: 0, left: None, framed: true, tag }
    }

    /// Makes records of as many as the batch has room for, and passes over the others; these, and
    /// where all of them end.
    fn begin(mut self, batch: &mut Batch, reading: &Reading) -> Result<(Option<Rest<'a>>, usize), Refused> {
        self.put(batch, reading, &mut Vec::new().into_iter())?;
        let (entries, mut offsets) = (self, Vec::new());
        while !self.is_over() {
            let entry = self.walk(reading.deepest)?;
            self.pass(entry);
            if offsets.len() < REMEMBERED {
                offsets.push(entry);
            }
        }
        let rest = (!entries.is_over()).then(|| Rest { entries, offsets: offsets.into_iter() });
        Ok((rest, self.at))
    }

    fn is_over(&self) -> bool {
        self.left.map_or(self.at >= self.bytes.len(), |left| left == 0)
    }

    /// Makes records of as many as the batch has room for. These are the offsets of the first.
    fn put(
        &mut self,
        batch: &mut Batch,
        reading: &Reading,
        offsets: &mut std::vec::IntoIter<EntryOffsets>,
    ) -> Result<(), Refused> {
        let (start, behind) = (self.at, batch.filled);
        let mut tag = None;
        while !self.is_over() && has_room(batch, self.at - start, self.tag.len()) {
            let entry = offsets.next().map_or_else(|| self.walk(reading.deepest), Ok)?;
            let (lead, record) = (self.at + entry.lead as usize, self.at + entry.record as usize);
            self.pass(entry);
            let tag = *tag.get_or_insert_with(|| put_tag(self.tag, batch, reading));
            batch.records.push(Record {
                span: Span::new(behind + record - start, behind + self.at - start),
                line_end: 0,
                encoding: Encoding::MessagePack,
                source: reading.source,
                tag,
                lead: (record - lead) as u32,
            });
        }
        batch.bytes.truncate(behind);
        batch.bytes.extend_from_slice(&self.bytes[start..self.at]);
        batch.filled = batch.bytes.len();
        Ok(())
    }

    /// The offsets of the next one.
    fn walk(&self, deepest: usize) -> Result<EntryOffsets, Refused> {
        let mut reader = Reader::new(self.bytes, self.at);
        if self.framed {
            let Head::Array(2) = reader.head()? else { return Err(Refused::Malformed) };
        }
        let lead = reader.at();
        reader.skip_within(deepest)?;
        let record = reader.at();
        let mut head = reader;
        let Head::Map(_) = head.head()? else { return Err(Refused::Malformed) };
        // What is packed was one value for the message's own scan: how deep it is nested is not
        // known yet.
        reader.skip_within(deepest)?;
        let from_begin = |at| (at - self.at) as u32;
        Ok(EntryOffsets { lead: from_begin(lead), record: from_begin(record), end: from_begin(reader.at()) })
    }

    /// The next one is passed over: it has these offsets.
    fn pass(&mut self, entry: EntryOffsets) {
        self.at += entry.end as usize;
        self.left = self.left.map(|left| left - 1);
    }
}

/// True when a batch takes another record behind `more` bytes that are not in it yet. Its tag
/// counts for each record: a line repeats it.
fn has_room(batch: &Batch, more: usize, tag: usize) -> bool {
    let records = batch.records.len();
    records == 0 || (records < Batch::MOST_RECORDS && batch.filled + more + records * tag < Batch::MOST_BYTES)
}

/// The tag with its prefix, in the batch's table; the last tag again where it is the same. There
/// are no more of them than records.
fn put_tag(tag: &[u8], batch: &mut Batch, reading: &Reading) -> Tag {
    let start = batch.arena.len();
    batch.arena.extend_from_slice(reading.tag_prefix.as_bytes());
    batch.arena.extend_from_slice(tag);
    let span = Span::new(start, batch.arena.len());
    match batch.tags.last() {
        Some(last) if last.of(&batch.arena) == span.of(&batch.arena) => batch.arena.truncate(start),
        _ => batch.tags.push(span),
    }
    Tag(batch.tags.len() as u16)
}

/// What a message says about itself.
#[derive(Debug, Default)]
struct Options<'a> {
    chunk: Option<&'a [u8]>,
    packed: Option<Packing>,
}

fn options<'a>(reader: &mut Reader<'a>) -> Result<Options<'a>, Refused> {
    let mut option = Options::default();
    let length = match reader.head()? {
        Head::Map(length) => length,
        Head::Nil => 0,
        _ => return Err(Refused::Malformed),
    };
    for _ in 0..length {
        let key = reader.text()?;
        match key {
            b"chunk" => option.chunk = Some(at_most(LONGEST_CHUNK, reader.text()?)?),
            b"compressed" => {
                option.packed = match reader.text()? {
                    b"gzip" => Some(Packing::Gzip),
                    b"zstd" => Some(Packing::Zstd),
                    b"text" => None,
                    _ => return Err(Refused::Malformed),
                }
            }
            _ => reader.skip()?,
        }
    }
    Ok(option)
}

#[cfg(test)]
mod tests;
