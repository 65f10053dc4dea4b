//! The batches that one end has in flight, cut into pieces that are each sent, taken or refused as
//! one.
//!
//! A parcel is delivered when all of its pieces are settled. A piece is at most 1 MiB long, or
//! `peers.max_message_bytes` where that is less, and holds at most 16,384 records; a longer record
//! is a piece of its own.
//!
//! # A record that is refused for good
//!
//! Where the protocol cannot say so, a peer that does not want a record closes the connection,
//! again and again. So does one that crashes, is restarted, or is full (Fluentd closes on every
//! message while its buffer is). The difference is that such a peer takes nothing else either. So:
//!
//! 1. When connections that were established break `BREAKS` times in a row with the same piece
//!    the oldest on its way, pieces are sent *carefully*: one at a time, each when the one before
//!    is settled.
//! 2. A piece that is then refused is halved. Halving is always right, so it needs no proof.
//! 3. A single record that is refused is a *suspect*. It gets a strike for each refusal, but only
//!    when the peer has taken **another record since the strike before**. So the record behind the
//!    suspects is sent ahead of them; where there is none, the last record that was taken is sent
//!    once more. Refusals of the longer pieces that were halved count as well, so that few records
//!    are sent twice.
//! 4. At `STRIKES`, of which `STRIKES_ALONE` alone, the record is poison. A peer that takes
//!    nothing gets no record condemned, however long that lasts.
//!
//! Where peers do not say what they have taken (`tcp://`, `unix://`, `ack=false`) nothing can be
//! proven: a record that is longer than socket buffers is poison when the connection ended in the
//! middle of it so often in a row, with pauses that double. Records in a buffer when a peer dies
//! are lost there.
//!
//! Records change their order only where a record goes ahead of a suspect that is taken later.

mod piece;
mod suspects;

use crate::io::outputs::{Form, QueuedBatch};
use hyper::body::Bytes;
pub(super) use piece::Most;
use piece::{Piece, count_lines, reach};
use std::collections::VecDeque;
use std::ops::Range;
pub(super) use suspects::{Next, PieceVerdict};

/// Most suspects that wait while a record behind them is tried.
const SUSPECTS: usize = 64;
/// Most bytes of a taken record that is kept to be sent once more.
const HARMLESS_BYTES: usize = 4 << 10;

/// A parcel and how many of its pieces are not settled.
#[derive(Debug)]
struct Held {
    parcel: Option<QueuedBatch>,
    left: usize,
}

/// All parcels that an end has taken from its queue and not yet delivered.
#[derive(Debug)]
pub(super) struct Flight {
    form: Form,
    most: Most,
    /// Whether peers say what they have taken.
    acknowledged: bool,
    held: VecDeque<Held>,
    /// The number of the first parcel that is held.
    first: u64,
    pieces: VecDeque<Piece>,
    /// The oldest piece when a connection broke, and how often in a row that was the same.
    oldest: Option<(u64, usize)>,
    breaks: u32,
    /// Pieces are sent one at a time up to this parcel.
    careful_to: Option<u64>,
    /// True when a record was taken since the last refusal.
    taken_since: bool,
    /// The last short record that was taken, with its tag.
    harmless: Option<(Vec<u8>, Vec<u8>)>,
    /// The number under which that record is in flight once more.
    pub(super) probe: Option<u64>,
}

impl Flight {
    /// An empty flight of an end that takes this form. `acknowledged` tells whether its peers say
    /// what they have taken.
    pub(super) fn new(form: Form, most: Most, acknowledged: bool) -> Self {
        Self {
            form,
            most,
            acknowledged,
            held: VecDeque::new(),
            first: 0,
            pieces: VecDeque::new(),
            oldest: None,
            breaks: 0,
            careful_to: None,
            taken_since: false,
            harmless: None,
            probe: None,
        }
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many parcels are not delivered.
    pub(super) fn parcels(&self) -> usize {
        self.held.len()
    }

    pub(super) fn pieces(&self) -> &VecDeque<Piece> {
        &self.pieces
    }

    pub(super) fn set_chunk(&mut self, i: usize, chunk: u64) {
        self.pieces[i].chunk = Some(chunk);
    }

    /// True when something waits for an answer.
    pub(super) fn waits(&self) -> bool {
        self.probe.is_some() || self.in_flight().is_some()
    }

    /// The first piece that is in flight.
    fn in_flight(&self) -> Option<usize> {
        // Usually pieces are sent in their order; carefully, one is in flight, behind suspects at
        // most.
        self.pieces.iter().take(SUSPECTS + 1).position(|piece| piece.chunk.is_some())
    }

    /// The first piece that is not in flight, while pieces are sent in their order.
    pub(super) fn first_unsent(&self) -> Option<usize> {
        let sent = self.pieces.partition_point(|piece| piece.chunk.is_some());
        (sent < self.pieces.len()).then_some(sent)
    }

    /// Starts a new connection, on which nothing is in flight.
    pub(super) fn restart(&mut self) {
        self.probe = None;
        self.pieces.iter_mut().for_each(|piece| piece.chunk = None);
    }

    /// Takes a parcel and cuts it. A parcel that holds nothing for this end is delivered at once.
    pub(super) fn take(&mut self, parcel: QueuedBatch) {
        let number = self.first + self.held.len() as u64;
        let before = self.pieces.len();
        match self.form {
            Form::Lines => {
                let lines = &parcel.lines;
                let records = count_lines(lines);
                self.cut((number, 0), 0..lines.len(), records, lines);
            }
            Form::Entries => {
                for (i, run) in parcel.entries.runs.iter().enumerate() {
                    self.cut((number, i), run.bytes.clone(), run.count, &parcel.entries.bytes);
                }
            }
        }
        let left = self.pieces.len() - before;
        self.held.push_back(Held { parcel: Some(parcel), left: left.max(1) });
        if left == 0 {
            self.settled(number);
        }
    }

    fn cut(&mut self, (parcel, run): (u64, usize), bytes: Range<usize>, records: usize, all: &[u8]) {
        let mut rest = Piece { parcel, run, bytes, records, strikes: 0, inherited: 0, chunk: None };
        while rest.bytes.len() > self.most.bytes || rest.records > self.most.records {
            let (end, records) = reach(self.form, all, rest.bytes.clone(), self.most);
            if end >= rest.bytes.end {
                break;
            }
            self.pieces.push_back(Piece { bytes: rest.bytes.start..end, records, ..rest.clone() });
            rest.bytes.start = end;
            rest.records = rest.records.saturating_sub(records).max(1);
        }
        if !rest.bytes.is_empty() {
            self.pieces.push_back(rest);
        }
    }

    fn parcel(&self, piece: &Piece) -> Option<&QueuedBatch> {
        self.held.get((piece.parcel - self.first) as usize)?.parcel.as_ref()
    }

    /// The bytes of a piece.
    pub(super) fn bytes(&self, i: usize) -> &[u8] {
        let piece = &self.pieces[i];
        let Some(parcel) = self.parcel(piece) else { return &[] };
        match self.form {
            Form::Lines => &parcel.lines[piece.bytes.clone()],
            Form::Entries => &parcel.entries.bytes[piece.bytes.clone()],
        }
    }

    /// The lines of a piece.
    pub(super) fn lines(&self, i: usize) -> Bytes {
        let piece = &self.pieces[i];
        self.parcel(piece).map(|parcel| parcel.lines.slice(piece.bytes.clone())).unwrap_or_default()
    }

    /// How many pieces from the first on go together in one message.
    pub(super) fn together(&self) -> usize {
        let (mut bytes, mut records) = (0, 0);
        let fit = self.pieces.iter().take_while(|piece| {
            bytes += piece.bytes.len();
            records += piece.records;
            bytes <= self.most.bytes && records <= self.most.records
        });
        fit.count().max(usize::from(!self.pieces.is_empty()))
    }

    /// True when the first pieces fill a message.
    pub(super) fn fills_a_message(&self) -> bool {
        let mut left = self.most.bytes;
        self.pieces.iter().any(|piece| {
            left = left.saturating_sub(piece.bytes.len());
            left == 0
        })
    }

    /// The tag of a piece of entries; empty where it has none.
    pub(super) fn tag(&self, i: usize) -> &[u8] {
        let piece = &self.pieces[i];
        let run = self.parcel(piece).and_then(|parcel| parcel.entries.runs.get(piece.run));
        run.map_or(&[], |run| &run.tag)
    }

    /// Tag and bytes of the record that was taken last.
    pub(super) fn harmless(&self) -> Option<(&[u8], &[u8])> {
        self.harmless.as_ref().map(|(tag, bytes)| (&tag[..], &bytes[..]))
    }

    /// The piece at this place was taken.
    pub(super) fn taken(&mut self, i: usize) {
        let (end, _) = reach(self.form, self.bytes(i), 0..self.bytes(i).len(), Most::records(1));
        if end <= HARMLESS_BYTES {
            let (tag, bytes) = self.harmless.take().unwrap_or_default();
            self.harmless = Some((refilled(tag, self.tag(i)), refilled(bytes, &self.bytes(i)[..end])));
        }
        self.taken_since = true;
        self.remove(i);
    }

    /// The piece with this number was taken, or the record that was sent once more.
    pub(super) fn taken_as(&mut self, chunk: u64) {
        if self.probe == Some(chunk) {
            self.probe = None;
            self.taken_since = true;
        } else if let Some(i) = self.pieces.iter().position(|piece| piece.chunk == Some(chunk)) {
            self.taken(i);
        }
    }

    /// The piece at this place is settled in another way.
    pub(super) fn remove(&mut self, i: usize) {
        if let Some(piece) = self.pieces.remove(i) {
            self.settled(piece.parcel);
        }
    }

    fn settled(&mut self, number: u64) {
        let Some(held) = self.held.get_mut((number - self.first) as usize) else { return };
        held.left -= 1;
        if held.left == 0
            && let Some(parcel) = held.parcel.take()
        {
            parcel.delivered();
        }
        while self.held.front().is_some_and(|held| held.parcel.is_none()) {
            self.held.pop_front();
            self.first += 1;
        }
    }
}

fn refilled(mut old: Vec<u8>, with: &[u8]) -> Vec<u8> {
    old.clear();
    old.extend_from_slice(with);
    old
}

#[cfg(test)]
mod tests;
