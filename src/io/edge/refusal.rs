//! What ends do with what the one behind them does not want.

use super::flight::{Flight, PieceVerdict};
use super::peer::Shared;
use crate::event::msgpack::Reader;
use crate::event::{Fault, packed};
use crate::io::dead_letter::Letter;
use crate::io::outputs::Form;
use std::io;

/// True when it was the peer who ended an established connection, or who said what no peer should
/// say. That nothing came in time is no sign of it, nor is a network that is gone.
pub(super) fn is_by_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | InvalidData | UnexpectedEof)
}

/// The one behind the end `url` has ended an established connection, or has failed, without an
/// answer to what was on its way; true when it makes sense to try again at once.
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

/// The piece at this place, which is one record, never leaves by the end `url`.
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

/// An entry as ends that want lines get it; empty where it cannot be written as a line.
fn line_of(entry: &[u8], tag: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    // Behind the head of the entry stands its time, then the record.
    let mut reader = Reader::new(entry, 1);
    if reader.skip().is_ok() {
        let _ = packed::render(&entry[reader.at()..], &entry[1..reader.at()], tag, None, &mut line);
    }
    line
}
