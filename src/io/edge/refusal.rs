//! What ends do when the peer behind them refuses an event.

use super::flight::{Flight, PieceVerdict};
use super::peer::Shared;
use crate::event::msgpack::Reader;
use crate::event::{Fault, msgpack_record};
use crate::io::dead_letter::Letter;
use crate::io::outputs::Form;
use std::io;

/// True when the peer ended an established connection, or broke the protocol. A timeout says
/// nothing about the peer, nor does a broken network.
pub(super) fn is_by_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | InvalidData | UnexpectedEof)
}

/// The peer behind the end `url` has ended an established connection, or has failed, without an
/// answer to what was in flight; true when it makes sense to try again at once.
pub(super) fn broke(flight: &mut Flight, url: &str, why: &str, shared: &Shared) -> bool {
    let was_careful = flight.is_careful();
    match flight.broke() {
        PieceVerdict::Again if !was_careful && flight.is_careful() => {
            let text = format!("{url} fails again and again on the same events: they are sent one by one ({why})");
            shared.log.say_seldom(&format!("{url} again and again"), &text);
            true
        }
        PieceVerdict::Again => false,
        PieceVerdict::Narrowed => true,
        PieceVerdict::Poison(i) => {
            set_aside(flight, i, Fault::RefusedDownstream, (url, why), shared);
            true
        }
    }
}

/// Sets aside the piece at this index, which is one record that never leaves by the end `url`.
pub(super) fn set_aside(flight: &mut Flight, i: usize, fault: Fault, (url, why): (&str, &str), shared: &Shared) {
    let (bytes, tag) = (flight.bytes(i), flight.tag(i));
    match flight.form() {
        Form::Lines => {
            let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            shared.set_aside(fault, &Letter { to: url, reason: why, tag, line, entry: None });
        }
        Form::Entries => {
            let line = line_of(bytes, tag);
            shared.set_aside(fault, &Letter { to: url, reason: why, tag, line: &line, entry: Some(bytes) });
        }
    }
    flight.remove(i);
}

/// An entry as a line; empty where it cannot be written as one.
fn line_of(entry: &[u8], tag: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    // The head of an entry is followed by its time, then the record.
    let mut reader = Reader::new(entry, 1);
    if reader.skip().is_ok() {
        let _ = msgpack_record::render(&entry[reader.at()..], &entry[1..reader.at()], tag, None, &mut line);
    }
    line
}
