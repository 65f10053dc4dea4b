//! Rust: panics, and backtraces of the standard library, anyhow and eyre.

use super::{Begin, Step, TraceLine, TraceState, at, digits_at_start, starts_with_any};
use memchr::memmem;

pub(super) fn goes_on(place: TraceState, line: TraceLine<'_>) -> Option<Step> {
    let TraceLine { text, indented } = line;
    if indented && (is_numbered(text) || at::is_at_frame(text)) {
        return Some(Step::frame(TraceState::Rust));
    }
    if place == TraceState::RustPanic {
        // What it said comes next, whatever it is; another panic is one of its own.
        return begins(text).is_none().then(|| Step::on(TraceState::Rust));
    }
    let goes_on = is_note(text)
        || is_backtrace(text)
        || text.starts_with(b"fatal runtime error: ")
        || matches!(text, b"Caused by:" | b"Location:")
        || indented;
    goes_on.then(|| Step::on(place))
}

/// The head of a backtrace behind an error, as anyhow and eyre print it.
pub(super) fn frame(line: TraceLine<'_>, named: bool) -> Option<Step> {
    let of_error = named && matches!(line.text, b"Caused by:" | b"Location:");
    (!line.indented && (is_backtrace(line.text) || of_error)).then(|| Step::on(TraceState::Rust))
}

/// `thread 'main' panicked at src/x.rs:1:2:`, with or without the thread's number; the form that
/// Rust had before 1.73, where what it said stands in the same line.
pub(super) fn begins(text: &[u8]) -> Option<(TraceState, Begin)> {
    let thread = text.strip_prefix(b"thread '")?;
    let after = memmem::find(thread, b"' ").map(|quote| &thread[quote + 2..])?;
    let after = match after.strip_prefix(b"(") {
        Some(number) if digits_at_start(number) > 0 => &number[(digits_at_start(number) + 2).min(number.len())..],
        _ => after,
    };
    if after.starts_with(b"panicked at ") {
        // A place ends the line where what it said comes next.
        let place = if text.ends_with(b":") { TraceState::RustPanic } else { TraceState::Rust };
        return Some((place, Begin::Uncaught));
    }
    after.starts_with(b"has overflowed its stack").then_some((TraceState::Rust, Begin::Uncaught))
}

fn is_backtrace(text: &[u8]) -> bool {
    matches!(text, b"stack backtrace:" | b"Stack backtrace:")
}

fn is_note(text: &[u8]) -> bool {
    starts_with_any(text, &[b"note: run with `RUST_BACKTRACE", b"note: Some details are omitted", b"note: Backtrace"])
}

/// `12: core::panicking::panic_fmt`.
fn is_numbered(text: &[u8]) -> bool {
    let digits = digits_at_start(text);
    digits > 0 && text[digits..].starts_with(b": ")
}
