//! The Forward protocol of Fluentd and Fluent Bit: a message as it came, as records of a batch.
//!
//! | mode | message |
//! | --- | --- |
//! | Message | `[tag, time, record, option?]` |
//! | Forward | `[tag, [[time, record], …], option?]` |
//! | PackedForward | `[tag, bin of [time, record] …, option?]` |
//! | CompressedPackedForward | the same, packed, with `compressed` in the option |
//!
//! A time is a whole number of seconds or an EventTime; since Fluent Bit 5.0.5 it may be `[time, {metadata}]`. `chunk` in
//! the option asks for an acknowledgement. Nothing here waits or writes; see `io/edge/forward_in.rs` for that.

use super::msgpack::{Head, Reader, Refused};
use super::{Batch, Encoding, Record, Source, Span, Tag};
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

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

/// Makes records of the message that is `batch.bytes[message]`, a whole value of MessagePack; the chunk that is to be
/// acknowledged, if it asks for that.
///
/// What is packed is unpacked behind what the batch holds, so the bytes behind `batch.filled` must not be needed.
///
/// # Errors
/// [`Refused`], with the batch's records as they were.
pub fn read(batch: &mut Batch, message: Span, reading: &Reading) -> Result<Option<Vec<u8>>, Refused> {
    let (records, tags, arena) = (batch.records.len(), batch.tags.len(), batch.arena.len());
    let result = take(batch, message, reading);
    if result.is_err() {
        batch.records.truncate(records);
        batch.tags.truncate(tags);
        batch.arena.truncate(arena);
    }
    result
}

fn take(batch: &mut Batch, message: Span, reading: &Reading) -> Result<Option<Vec<u8>>, Refused> {
    let bytes = std::mem::take(&mut batch.bytes);
    let taken = take_from(&bytes[..message.end()], message.start as usize, batch, reading);
    batch.bytes = bytes;
    let (option, packed) = taken?;
    let Some(packed) = packed else { return Ok(option.chunk) };
    let mut content = packed;
    if let Some(how) = option.packed {
        let start = batch.filled;
        batch.bytes.truncate(start);
        let unpacked = unpack(how, content.of(&batch.bytes), reading.most_bytes)?;
        batch.bytes.extend_from_slice(&unpacked);
        batch.filled = batch.bytes.len();
        content = Span::new(start, batch.filled);
    }
    let bytes = std::mem::take(&mut batch.bytes);
    let taken = stream(&bytes[..content.end()], content.start as usize, batch, reading);
    batch.bytes = bytes;
    taken.map(|()| option.chunk)
}

/// What a message says about itself.
#[derive(Debug, Default)]
struct Options {
    chunk: Option<Vec<u8>>,
    packed: Option<Packing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
}

/// All but the content of packed modes, whose place is returned.
fn take_from(
    bytes: &[u8],
    start: usize,
    batch: &mut Batch,
    reading: &Reading,
) -> Result<(Options, Option<Span>), Refused> {
    let mut reader = Reader::new(bytes, start);
    let Head::Array(length @ 2..=4) = reader.head()? else { return Err(Refused::Malformed) };
    let tag = tag(reader.text()?, batch, reading)?;
    let mut peek = reader;
    let mut packed = None;
    let mut left = length - 2;
    match peek.head()? {
        Head::Array(entries) => {
            reader = peek;
            for _ in 0..entries {
                entry(&mut reader, tag, batch, reading)?;
            }
        }
        Head::Binary(length) | Head::Text(length) => {
            packed = Some(Span::new(peek.at(), peek.at() + length));
            peek.take(length)?;
            reader = peek;
        }
        _ => {
            let lead = reader.at();
            reader.skip()?;
            record(&mut reader, lead, tag, batch, reading)?;
            left = left.checked_sub(1).ok_or(Refused::Malformed)?;
        }
    }
    let option = if left > 0 { options(&mut reader)? } else { Options::default() };
    Ok((option, packed))
}

/// The tag with its prefix, in the batch's table; the last tag again where it is the same.
fn tag(tag: &[u8], batch: &mut Batch, reading: &Reading) -> Result<Tag, Refused> {
    let start = batch.arena.len();
    batch.arena.extend_from_slice(reading.tag_prefix.as_bytes());
    batch.arena.extend_from_slice(tag);
    let span = Span::new(start, batch.arena.len());
    match batch.tags.last() {
        Some(last) if last.of(&batch.arena) == span.of(&batch.arena) => batch.arena.truncate(start),
        _ => batch.tags.push(span),
    }
    u16::try_from(batch.tags.len()).map(Tag).map_err(|_| Refused::TooLong)
}

/// True when the batch's table of tags has room for one more.
#[must_use]
pub fn has_room(batch: &Batch) -> bool {
    batch.tags.len() < usize::from(u16::MAX)
}

fn entry(reader: &mut Reader<'_>, tag: Tag, batch: &mut Batch, reading: &Reading) -> Result<(), Refused> {
    let Head::Array(2) = reader.head()? else { return Err(Refused::Malformed) };
    let lead = reader.at();
    reader.skip_within(reading.deepest)?;
    record(reader, lead, tag, batch, reading)
}

/// The record at `reader`, whose time stands at `lead`.
fn record(reader: &mut Reader<'_>, lead: usize, tag: Tag, batch: &mut Batch, reading: &Reading) -> Result<(), Refused> {
    let start = reader.at();
    let mut head = *reader;
    let Head::Map(_) = head.head()? else { return Err(Refused::Malformed) };
    // What is packed was one value for the message's own scan: how deep it is nested is not known yet.
    reader.skip_within(reading.deepest)?;
    batch.records.push(Record {
        span: Span::new(start, reader.at()),
        line_end: 0,
        encoding: Encoding::MessagePack,
        source: reading.source,
        tag,
        lead: (start - lead) as u32,
    });
    Ok(())
}

/// The entries of a packed mode, one behind the other.
fn stream(bytes: &[u8], start: usize, batch: &mut Batch, reading: &Reading) -> Result<(), Refused> {
    let tag = Tag(batch.tags.len() as u16);
    let mut reader = Reader::new(bytes, start);
    while reader.at() < bytes.len() {
        entry(&mut reader, tag, batch, reading)?;
    }
    Ok(())
}

fn options(reader: &mut Reader<'_>) -> Result<Options, Refused> {
    let mut option = Options::default();
    let length = match reader.head()? {
        Head::Map(length) => length,
        Head::Nil => 0,
        _ => return Err(Refused::Malformed),
    };
    for _ in 0..length {
        let key = reader.text()?;
        match key {
            b"chunk" => option.chunk = Some(reader.text()?.to_vec()),
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

/// What `packed` holds, at most so many bytes.
fn unpack(packing: Packing, packed: &[u8], most_bytes: usize) -> Result<Vec<u8>, Refused> {
    match packing {
        Packing::Gzip => unpack_from(MultiGzDecoder::new(packed), most_bytes),
        Packing::Zstd => {
            let decoder = StreamingDecoder::new(packed).map_err(|_| Refused::Malformed)?;
            unpack_from(decoder, most_bytes)
        }
    }
}

/// Unpacks gzip, at most so many bytes.
///
/// # Errors
/// [`Refused`] when it is none or holds more.
pub fn gunzip(packed: &[u8], most_bytes: usize) -> Result<Vec<u8>, Refused> {
    unpack(Packing::Gzip, packed, most_bytes)
}

fn unpack_from(decoder: impl Read, most_bytes: usize) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    decoder.take(most_bytes as u64 + 1).read_to_end(&mut out).map_err(|_| Refused::Malformed)?;
    if out.len() > most_bytes { Err(Refused::TooLong) } else { Ok(out) }
}

#[cfg(test)]
mod tests;
