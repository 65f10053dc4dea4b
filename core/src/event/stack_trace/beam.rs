//! Elixir and Erlang: exceptions, exits, and crash reports.

use super::{Begin, Step, TraceLine, TraceState, digits_at_start, starts_with_any};
use memchr::memmem;

pub(super) fn goes_on(line: TraceLine<'_>) -> Option<Step> {
    let TraceLine { text, indented } = line;
    if let Some(step) = frame(line, true) {
        return Some(step);
    }
    let goes_on = indented
        || starts_with_any(
            text,
            &[b"** ", b"Last message", b"State: ", b"Function: ", b"Args: ", b"Ancestors: ", b"Start Call: "],
        );
    goes_on.then(|| Step::on(TraceState::Beam))
}

/// `    (app 1.0) lib/x.ex:3: M.f/1`, `    lib/x.ex:3: M.f/1`, and `** (RuntimeError) …` below a
/// logger's line.
pub(super) fn frame(line: TraceLine<'_>, named: bool) -> Option<Step> {
    let TraceLine { text, indented } = line;
    let inside = match text.strip_prefix(b"(") {
        Some(rest) => rest.iter().position(|byte| *byte == b')').map_or(text, |end| rest[end + 1..].trim_ascii_start()),
        None => text,
    };
    let file = [&b".ex:"[..], b".exs:", b".erl:"]
        .into_iter()
        .find_map(|end| memmem::find(inside, end).map(|at| (at, at + end.len())));
    let is_frame = file.is_some_and(|(start, at)| {
        let digits = digits_at_start(&inside[at..]);
        digits > 0 && inside[at + digits..].starts_with(b": ") && !inside[..start].contains(&b' ')
    });
    (is_frame && (indented || named)).then(|| Step::frame(TraceState::Beam))
}

/// `** (RuntimeError) boom`, `=CRASH REPORT==== …`.
pub(super) fn begins(text: &[u8]) -> Option<(TraceState, Begin)> {
    if starts_with_any(text, &[b"=CRASH REPORT====", b"=ERROR REPORT====", b"=SUPERVISOR REPORT===="]) {
        return Some((TraceState::Beam, Begin::Uncaught));
    }
    let named = text.strip_prefix(b"** (").is_some_and(|rest| {
        let name = rest.iter().position(|byte| matches!(byte, b')' | b' ')).map_or(rest, |end| &rest[..end]);
        name.first().is_some_and(u8::is_ascii_uppercase) || name == b"exit"
    });
    named.then_some((TraceState::Beam, Begin::Traceback))
}
