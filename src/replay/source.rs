//! One input of a replay: a file or standard input, decompressed, cut into lines and parsed, a
//! batch at a time.

use super::decompress::unpacked;
use crate::event::lines::Lines;
use crate::event::{Batch, EventParser, Timestamp};
use crate::io::source::READ_BYTES;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A time this far ahead of both the time before it and the next time in its batch is taken as
/// broken, in nanoseconds.
const ABSURD: i64 = 3_600_000_000_000;

/// Bytes read from all files so far, counted before decompression.
pub type BytesRead = Arc<AtomicU64>;

/// An opened file, with its length if that is known.
pub struct Opened {
    /// As the user named it; `standard input` for `-`.
    pub name: String,
    /// The file's bytes, as they are stored.
    pub input: Box<dyn Read + Send>,
    /// Its length in bytes; none for pipes.
    pub length: Option<u64>,
}

/// Opens a file, or standard input for `-`; bytes that are read from it are added to `read`.
///
/// # Errors
/// The system's error; a directory is refused here and not only at the first read.
pub fn open(path: &Path, read: &BytesRead) -> io::Result<Opened> {
    let counted = |input: Box<dyn Read + Send>| Box::new(Counted { input, read: Arc::clone(read) });
    if path.as_os_str() == "-" {
        return Ok(Opened { name: "standard input".into(), input: counted(Box::new(io::stdin())), length: None });
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let length = metadata.is_file().then_some(metadata.len());
    Ok(Opened { name: path.display().to_string(), input: counted(Box::new(file)), length })
}

struct Counted {
    input: Box<dyn Read + Send>,
    read: BytesRead,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Counts of what a source has returned so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// Lines; an over-long line counts once.
    pub lines: u64,
    /// Bytes after decompression.
    pub bytes: u64,
    /// The error at which reading stopped early.
    pub damage: Option<String>,
}

/// Reads one input. Holds one batch at a time.
pub struct LogSource {
    /// As the user named it.
    pub name: String,
    input: Box<dyn Read + Send>,
    lines: Lines,
    parser: EventParser,
    /// The correction of the clock, in nanoseconds; it is added to every time.
    shift: i64,
    /// The current batch.
    pub batch: Batch,
    /// The time of each record of the batch in the merged timeline.
    pub places: Vec<Timestamp>,
    last_place: Option<Timestamp>,
    tail: Vec<u8>,
    ended: bool,
    /// The host for events that name none; unset once an event names its own.
    default_host: Option<String>,
    /// Counts of what came so far.
    pub given: Given,
}

impl LogSource {
    /// A source that reads `opened` and adds `shift` nanoseconds to all times.
    ///
    /// # Errors
    /// When the first bytes cannot be read.
    pub fn new(opened: Opened, lines: Lines, parser: EventParser, shift: i64) -> io::Result<Self> {
        Ok(Self {
            name: opened.name,
            input: unpacked(opened.input)?,
            lines,
            parser,
            shift,
            batch: Batch::default(),
            places: Vec::new(),
            last_place: None,
            tail: Vec::new(),
            ended: false,
            default_host: None,
            given: Given::default(),
        })
    }

    /// Sets a host for the events of a file in which no event names one.
    #[must_use]
    pub fn with_default_host(mut self, host: Option<String>) -> Self {
        self.default_host = host;
        self
    }

    /// Fills the batch with the next records; false at the end. A read error ends the source.
    pub fn advance(&mut self) -> bool {
        while !self.ended {
            self.fill();
            if !self.batch.records.is_empty() {
                self.place();
                return true;
            }
        }
        self.batch.clear();
        false
    }

    fn fill(&mut self) {
        let batch = &mut self.batch;
        batch.clear();
        batch.filled = self.tail.len();
        batch.bytes.resize(batch.bytes.len().max(batch.filled), 0);
        batch.bytes[..batch.filled].copy_from_slice(&self.tail);
        // Reads until at least one line is complete, because an unfinished line would be cut and
        // copied again after each read.
        loop {
            let (at, needed) = (batch.filled, batch.filled + READ_BYTES);
            if batch.bytes.len() < needed {
                batch.bytes.resize(needed.next_power_of_two(), 0);
            }
            let count = match self.input.read(&mut batch.bytes[at..needed]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.given.damage = Some(error.to_string());
                    0
                }
                Ok(count) => count,
            };
            batch.filled += count;
            self.given.bytes += count as u64;
            self.ended = count == 0;
            let line_ends = memchr::memchr(b'\n', &batch.bytes[at..batch.filled]).is_some();
            if self.ended || line_ends || batch.filled > self.lines.least_piece() {
                break;
            }
        }
        let rest = self.lines.split(batch, self.ended);
        self.tail.clear();
        self.tail.extend_from_slice(&batch.bytes[rest..batch.filled]);
        batch.filled = rest;
        self.parser.parse(batch);
        if batch.names_hosts() {
            self.default_host = None;
        } else if let Some(host) = &self.default_host {
            batch.set_default_host(host);
        }
    }

    /// Determines each record's time in the timeline: its own, or that of the line before it if it
    /// has none or if its own is more than `ABSURD` ahead of both the time before it and the next
    /// one. Such a time would hold back the whole rest of the file. The last time of a batch has
    /// no next one: if it is ahead, its line keeps its place beside the line before it.
    fn place(&mut self) {
        let mut ahead = None;
        self.places.clear();
        self.places.resize(self.batch.records.len(), Timestamp(i64::MIN));
        for (i, parsed) in self.batch.parsed.iter_mut().enumerate() {
            parsed.time = parsed.time.map(|time| time.saturating_add_nanos(self.shift));
            self.given.lines += u64::from(self.batch.records[i].encoding != crate::event::Encoding::Rest);
        }
        // The first pass goes backwards: it notes for each line the next time in the batch.
        for (place, parsed) in self.places.iter_mut().zip(&self.batch.parsed).rev() {
            if parsed.time.is_some() {
                *place = ahead.unwrap_or(Timestamp(i64::MIN));
                ahead = parsed.time;
            }
        }
        let is_absurd = |time: Timestamp, other: Timestamp| time.0.saturating_sub(other.0) > ABSURD;
        // Lines before the first time of a file, such as a header, get that time.
        let mut last = self.last_place.or(ahead).unwrap_or(Timestamp(i64::MIN));
        for (place, parsed) in self.places.iter_mut().zip(&self.batch.parsed) {
            if let Some(time) = parsed.time {
                let broken = self.last_place.is_some() && is_absurd(time, last) && is_absurd(time, *place);
                if !broken {
                    last = time;
                }
                self.last_place = Some(last);
            }
            *place = last;
        }
    }
}
