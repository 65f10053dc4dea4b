//! What is on its way by one end: parcels, cut into pieces that are sent, taken and refused each as
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
//! 1. When connections that were established break [`BREAKS`] times in a row with the same piece
//!    the oldest on its way, pieces are sent *carefully*: one at a time, each when the one before
//!    is settled.
//! 2. A piece that is then refused is halved. That is never wrong, so it takes no proof.
//! 3. A single record that is refused is a *suspect*. It gets a strike for each refusal, but only
//!    when the peer has taken **another record since the strike before**. For that the record
//!    behind the suspects is sent ahead of them; where there is none, the last record that was
//!    taken is sent once more. What was refused and halved before counts as well, so that few are
//!    sent twice.
//! 4. At [`STRIKES`], of which [`STRIKES_ALONE`] alone, the record is poison. A peer that takes
//!    nothing gets no record condemned, however long that lasts.
//!
//! Where peers do not say what they have taken (`tcp://`, `unix://`, `ack=false`) nothing can be
//! proven: a record, which is then one that is longer than what sockets hold, is poison when the
//! connection ended in the middle of it so often in a row, with pauses that double. Nothing is
//! promised there for what is in a buffer when a peer dies.
//!
//! That a record goes ahead of a suspect which is taken later is the one case in which two records
//! change places.

use crate::config::Peers;
use crate::event::msgpack::Reader;
use crate::io::outputs::{Form, QueuedBatch};
use hyper::body::Bytes;
use std::collections::VecDeque;
use std::ops::Range;

/// What one message or request holds at most, unless a single record is longer.
const MESSAGE_BYTES: usize = 1 << 20;
/// So many records at most: each costs the one who takes it more than its bytes.
const MESSAGE_RECORDS: usize = 16_384;
/// So many connections must break in a row with the same piece the oldest.
const BREAKS: u32 = 3;
/// So often what holds a record must be refused, each time with another one taken since the time
/// before.
const STRIKES: u32 = 8;
/// So many of these times it must have been alone: halves are looked for where something was
/// refused, so that a peer which refuses every second message by chance gives many of the others.
const STRIKES_ALONE: u32 = 3;
/// So many suspects may wait while a record behind them is tried.
const SUSPECTS: usize = 64;
/// A record that was taken is kept for another try up to this length.
const HARMLESS_BYTES: usize = 4 << 10;

/// What a piece may hold, unless it is one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    bytes: usize,
    records: usize,
}

impl Most {
    /// Of a message that peers with these limits take.
    pub(super) fn of_message(peers: &Peers) -> Self {
        let bytes = MESSAGE_BYTES.min(peers.max_message_bytes).min(peers.max_pending_bytes);
        Self { bytes, records: MESSAGE_RECORDS }
    }

    /// Of a write to those who know lines alone.
    pub(super) const fn of_write() -> Self {
        Self { bytes: MESSAGE_BYTES, records: usize::MAX }
    }

    const fn records(records: usize) -> Self {
        Self { bytes: usize::MAX, records }
    }
}

/// A part of a parcel.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    parcel: u64,
    run: usize,
    bytes: Range<usize>,
    /// How many records or lines it holds.
    pub(super) records: usize,
    /// How often it was refused as a single record, with another one taken since the time before.
    strikes: u32,
    /// How often a longer piece was that it is a part of.
    inherited: u32,
    /// The number under which it is on its way.
    pub(super) chunk: Option<u64>,
}

/// A parcel and how many of its pieces are not settled.
#[derive(Debug)]
struct Held {
    parcel: Option<QueuedBatch>,
    left: usize,
}

/// What is to be sent next, while pieces go one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The piece at this place.
    Piece(usize),
    /// The last record that was taken, once more.
    Harmless,
}

/// What is to be done with a piece that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceVerdict {
    /// It is tried again, later.
    Again,
    /// It was halved, or the peer took something else: the next try need not wait. Halving ends at
    /// single records, and those that are refused without anything taken in between do wait.
    Narrowed,
    /// The single record at this place is poison.
    Poison(usize),
}

/// All that an end has taken from its queue and that is not delivered.
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
    /// The piece that was the oldest when a connection broke, and how often in a row.
    oldest: Option<(u64, usize)>,
    breaks: u32,
    /// Pieces are sent one at a time up to this parcel.
    careful_to: Option<u64>,
    /// A record was taken since the last refusal.
    taken_since: bool,
    /// The last short record that was taken, with its tag.
    harmless: Option<(Vec<u8>, Vec<u8>)>,
    /// That one is on its way, under this number.
    pub(super) probe: Option<u64>,
}

impl Flight {
    /// Nothing on its way, of an end that takes this form, and whose peers say what they have taken
    /// or not.
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

    /// The first piece that is on its way.
    fn in_flight(&self) -> Option<usize> {
        // Without care they are sent in their order; with care there is one, behind suspects at
        // most.
        self.pieces.iter().take(SUSPECTS + 1).position(|piece| piece.chunk.is_some())
    }

    /// The first piece that is not on its way, while pieces are sent in their order.
    pub(super) fn first_unsent(&self) -> Option<usize> {
        let sent = self.pieces.partition_point(|piece| piece.chunk.is_some());
        (sent < self.pieces.len()).then_some(sent)
    }

    /// A new connection: nothing is on its way.
    pub(super) fn restart(&mut self) {
        self.probe = None;
        self.pieces.iter_mut().for_each(|piece| piece.chunk = None);
    }

    /// Takes a parcel and cuts it. One that holds nothing for this end is delivered at once.
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

    /// True while pieces are to be sent one at a time.
    pub(super) fn is_careful(&self) -> bool {
        let Some(front) = self.pieces.front() else { return false };
        front.strikes > 0 || self.careful_to.is_some_and(|to| front.parcel <= to)
    }

    /// From now on pieces are sent one at a time, until all that is held now is settled.
    pub(super) fn be_careful(&mut self) {
        self.careful_to = self.pieces.back().map(|piece| piece.parcel);
    }

    /// What is to be sent next, while pieces are sent one at a time.
    pub(super) fn next(&mut self) -> Option<Next> {
        let suspects = self.pieces.iter().take_while(|piece| piece.strikes > 0).count();
        if self.pieces.is_empty() {
            return None;
        }
        if suspects == 0 || self.taken_since || !self.acknowledged {
            return Some(Next::Piece(0));
        }
        if suspects < self.pieces.len() && suspects < SUSPECTS {
            self.split(suspects, 1);
            return Some(Next::Piece(suspects));
        }
        Some(if self.harmless.is_some() { Next::Harmless } else { Next::Piece(0) })
    }

    /// The one behind it has ended an established connection without an answer to what is on its
    /// way.
    pub(super) fn broke(&mut self) -> PieceVerdict {
        if self.probe.take().is_some() {
            return PieceVerdict::Again;
        }
        let Some(i) = self.in_flight() else { return PieceVerdict::Again };
        if self.is_careful() {
            return self.refused(i);
        }
        let oldest = (self.pieces[i].parcel, self.pieces[i].bytes.start);
        self.breaks = if self.oldest == Some(oldest) { self.breaks + 1 } else { 1 };
        self.oldest = Some(oldest);
        if self.breaks >= BREAKS {
            (self.breaks, self.oldest) = (0, None);
            self.be_careful();
            self.taken_since = false;
        }
        PieceVerdict::Again
    }

    /// The piece at this place was refused when it was on its way alone.
    pub(super) fn refused(&mut self, i: usize) -> PieceVerdict {
        let proven = std::mem::take(&mut self.taken_since);
        if self.pieces[i].records > 1 {
            self.pieces[i].inherited += u32::from(proven && self.acknowledged);
            self.split(i, self.pieces[i].records.div_ceil(2));
            return PieceVerdict::Narrowed;
        }
        let piece = &mut self.pieces[i];
        if proven || piece.strikes == 0 || !self.acknowledged {
            piece.strikes += 1;
        }
        if piece.strikes >= STRIKES_ALONE && piece.strikes + piece.inherited >= STRIKES {
            PieceVerdict::Poison(i)
        } else if proven && self.acknowledged {
            PieceVerdict::Narrowed
        } else {
            PieceVerdict::Again
        }
    }

    /// Cuts the piece at this place in two, the first with so many records.
    pub(super) fn split(&mut self, i: usize, records: usize) {
        let piece = self.pieces[i].clone();
        let bytes = self.bytes(i);
        let (end, first) = reach(self.form, bytes, 0..bytes.len(), Most::records(records));
        if end == bytes.len() {
            self.pieces[i].records = first;
            return;
        }
        let middle = piece.bytes.start + end;
        let second = Piece {
            bytes: middle..piece.bytes.end,
            records: piece.records.saturating_sub(first).max(1),
            strikes: 0,
            chunk: None,
            ..piece.clone()
        };
        self.pieces[i] = Piece { bytes: piece.bytes.start..middle, records: first, strikes: 0, chunk: None, ..piece };
        self.pieces.insert(i + 1, second);
        if let Some(held) = self.held.get_mut((self.pieces[i].parcel - self.first) as usize) {
            held.left += 1;
        }
    }
}

fn refilled(mut old: Vec<u8>, with: &[u8]) -> Vec<u8> {
    old.clear();
    old.extend_from_slice(with);
    old
}

/// The last line may have no end.
fn count_lines(lines: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', lines).count() + usize::from(lines.last().is_some_and(|last| *last != b'\n'))
}

/// How far whole records go within `range` that are at most so long together and at most so many,
/// but at least one; and how many these are.
fn reach(form: Form, all: &[u8], range: Range<usize>, most: Most) -> (usize, usize) {
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

#[cfg(test)]
mod tests;
