//! Which piece is sent next once connections break, and what a refusal says about it.

use super::piece::{Most, Piece, reach};
use super::{Flight, SUSPECTS};

/// Connections that must break in a row with the same oldest piece.
pub(super) const BREAKS: u32 = 3;

/// Refusals of a record, or of pieces that held it, that make it poison, each with another record
/// taken since the one before.
pub(super) const STRIKES: u32 = 8;

/// So many of these refusals must be of the record alone: a peer that refuses every second message
/// by chance refuses many longer pieces.
const STRIKES_ALONE: u32 = 3;

/// The next step while pieces are sent one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io::edge) enum Next {
    /// The piece at this place.
    Piece(usize),
    /// The last record that was taken, once more.
    Harmless,
}

/// How to go on with a piece that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io::edge) enum PieceVerdict {
    /// The piece is tried again, later.
    Again,
    /// The piece was halved, or the peer took something else: the next try need not wait. Halving
    /// ends at single records, which do wait when they are refused without anything taken in
    /// between.
    Narrowed,
    /// The single record at this place is poison.
    Poison(usize),
}

impl Flight {
    /// True while pieces are to be sent one at a time.
    pub(in crate::io::edge) fn is_careful(&self) -> bool {
        let Some(front) = self.pieces.front() else { return false };
        front.strikes > 0 || self.careful_to.is_some_and(|to| front.parcel <= to)
    }

    /// Sends pieces one at a time, until everything that is held now is settled.
    pub(in crate::io::edge) fn be_careful(&mut self) {
        self.careful_to = self.pieces.back().map(|piece| piece.parcel);
    }

    /// Returns the piece to send next while pieces are sent one at a time.
    pub(in crate::io::edge) fn next(&mut self) -> Option<Next> {
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

    /// The peer has ended an established connection without an answer to what is in flight.
    pub(in crate::io::edge) fn broke(&mut self) -> PieceVerdict {
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
    pub(in crate::io::edge) fn refused(&mut self, i: usize) -> PieceVerdict {
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

    /// Splits the piece at this index in two; the first keeps the given number of records.
    pub(in crate::io::edge) fn split(&mut self, i: usize, records: usize) {
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
