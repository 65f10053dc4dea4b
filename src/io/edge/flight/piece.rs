//! A part of a parcel, and where one ends.

use crate::config::Peers;
use crate::event::msgpack::Reader;
use crate::io::outputs::Form;
use std::ops::Range;

/// Most bytes of a message or request, unless a single record is longer.
pub(super) const MESSAGE_BYTES: usize = 1 << 20;

/// Most records of a message or request: each costs the receiver more than its bytes.
const MESSAGE_RECORDS: usize = 16_384;

/// What a piece may hold, unless it is one record.
#[derive(Clone, Copy, Debug)]
pub(in crate::io::edge) struct Most {
    pub(super) bytes: usize,
    pub(super) records: usize,
}

impl Most {
    /// The limits of a message for peers with these settings.
    pub(in crate::io::edge) fn of_message(peers: &Peers) -> Self {
        let bytes = MESSAGE_BYTES.min(peers.max_message_bytes).min(peers.max_pending_bytes);
        Self { bytes, records: MESSAGE_RECORDS }
    }

    /// The limits of a write to peers that take lines.
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
    /// How many records or lines the piece holds.
    pub(in crate::io::edge) records: usize,
    /// How often the piece was refused as a single record, with another record taken since the time
    /// before.
    pub(super) strikes: u32,
    /// How often a longer piece was refused that this one was cut from.
    pub(super) inherited: u32,
    /// The number under which the piece is in flight.
    pub(in crate::io::edge) chunk: Option<u64>,
}

/// The last line may have no end.
pub(super) fn count_lines(lines: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', lines).count() + usize::from(lines.last().is_some_and(|last| *last != b'\n'))
}

/// The end of as many whole records from the begin of `range` as the limits allow, but at least
/// one, and how many these are.
pub(super) fn reach(form: Form, all: &[u8], range: Range<usize>, most: Most) -> (usize, usize) {
    let (mut end, mut records) = (range.start, 0);
    let next = |from: usize| match form {
        Form::Lines => memchr::memchr(b'\n', &all[from..range.end]).map_or(range.end, |at| from + at + 1),
        Form::Entries => {
            let mut reader = Reader::new(&all[..range.end], from);
            // The entries were written by this process, so each is complete.
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
