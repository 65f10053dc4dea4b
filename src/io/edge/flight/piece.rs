//! A part of a parcel, and how far one goes.

use crate::config::Peers;
use crate::event::msgpack::Reader;
use crate::io::outputs::Form;
use std::ops::Range;

/// What one message or request holds at most, unless a single record is longer.
pub(super) const MESSAGE_BYTES: usize = 1 << 20;

/// So many records at most: each costs the one who takes it more than its bytes.
const MESSAGE_RECORDS: usize = 16_384;

/// What a piece may hold, unless it is one record.
#[derive(Clone, Copy, Debug)]
pub(in crate::io::edge) struct Most {
    pub(super) bytes: usize,
    pub(super) records: usize,
}

impl Most {
    /// Of a message that peers with these limits take.
    pub(in crate::io::edge) fn of_message(peers: &Peers) -> Self {
        let bytes = MESSAGE_BYTES.min(peers.max_message_bytes).min(peers.max_pending_bytes);
        Self { bytes, records: MESSAGE_RECORDS }
    }

    /// Of a write to those who know lines alone.
    pub(in crate::io::edge) const fn of_write() -> Self {
        Self { bytes: MESSAGE_BYTES, records: usize::MAX }
    }

    pub(super) const fn records(records: usize) -> Self {
        Self { bytes: usize::MAX, records }
    }
}

/// A part of a parcel.
#[derive(Clone, Debug)]
pub(in crate::io::edge) struct Piece {
    pub(super) parcel: u64,
    pub(super) run: usize,
    pub(super) bytes: Range<usize>,
    /// How many records or lines it holds.
    pub(in crate::io::edge) records: usize,
    /// How often it was refused as a single record, with another one taken since the time before.
    pub(super) strikes: u32,
    /// How often a longer piece was that it is a part of.
    pub(super) inherited: u32,
    /// The number under which it is on its way.
    pub(in crate::io::edge) chunk: Option<u64>,
}

/// The last line may have no end.
pub(super) fn count_lines(lines: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', lines).count() + usize::from(lines.last().is_some_and(|last| *last != b'\n'))
}

/// How far whole records go within `range` that are at most so long together and at most so many,
/// but at least one; and how many these are.
pub(super) fn reach(form: Form, all: &[u8], range: Range<usize>, most: Most) -> (usize, usize) {
    let (mut end, mut records) = (range.start, 0);
    let next = |from: usize| match form {
        Form::Lines => memchr::memchr(b'\n', &all[from..range.end]).map_or(range.end, |at| from + at + 1),
        Form::Entries => {
            let mut reader = Reader::new(&all[..range.end], from);
            // What we wrote is whole.
            reader.skip().map_or(range.end, |()| reader.at())
        }
    };
    while end < range.end && records < most.records {
        let further = next(end);
        if records > 0 && further - range.start > most.bytes {
            break;
        }
        (end, records) = (further, records + 1);
    }
    (end, records)
}
