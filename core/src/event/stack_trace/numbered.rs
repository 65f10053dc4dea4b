//! Frames that begin with `#0`: PHP, Dart, sanitizers, debuggers.

use super::{Begin, Step, TraceLine, TraceState, digits_at_start, ends_in_line, starts_with_any};
use memchr::memmem;

pub(super) fn goes_on(line: TraceLine<'_>) -> Option<Step> {
    if let Some(step) = frame(line) {
        return Some(step);
    }
    let text = line.text;
    let goes_on = text.starts_with(b"thrown in ")
        || text.starts_with(b"Next ")
        || matches!(text, b"Stack trace:" | b"<asynchronous suspension>")
        || matches!(text, b"\"}" | b"\"} []")
        || text.starts_with(b"[previous exception]")
        || starts_with_any(
            text,
            &[b"SUMMARY: ", b"allocated by thread ", b"freed by thread ", b"previously allocated "],
        )
        || is_php_numbered(text);
    goes_on.then(|| Step::on(TraceState::Numbered))
}

/// `#0 /app/x.php(3): g()`, `#1 {main}`, `#0      main (package:app/main.dart:5:3)`, `#0 0x55d1 in
/// f /src/x.c:3:2`; and what stands in front of them.
pub(super) fn frame(line: TraceLine<'_>) -> Option<Step> {
    if matches!(line.text, b"[stacktrace]" | b"PHP Stack trace:") {
        return Some(Step::on(TraceState::Numbered));
    }
    if line.text == b"Stack trace:" && !line.indented {
        return Some(Step::on(TraceState::Numbered));
    }
    let number = line.text.strip_prefix(b"#")?;
    let digits = digits_at_start(number);
    let called = number[digits..].strip_prefix(b" ")?.trim_ascii_start();
    let php = called.starts_with(b"{main}")
        || called.starts_with(b"[internal function]: ")
        || memmem::find(called, b"): ").is_some_and(|end| called[..end].last().is_some_and(u8::is_ascii_digit));
    let dart = called
        .strip_suffix(b")")
        .is_some_and(|inside| memmem::rfind(inside, b"(").is_some_and(|open| ends_in_line(&inside[open + 1..])));
    let native = called.starts_with(b"0x") || (memmem::find(called, b" at ").is_some() && ends_in_line(tail(called)));
    (digits > 0 && (php || dart || native)).then(|| Step::frame(TraceState::Numbered))
}

/// `PHP Fatal error:  Uncaught …`, `==7==ERROR: AddressSanitizer: …`.
pub(super) fn begins(text: &[u8]) -> Option<(TraceState, Begin)> {
    let php = starts_with_any(
        text,
        &[b"PHP Fatal error:  Uncaught ", b"PHP Fatal error: Uncaught ", b"Fatal error: Uncaught "],
    );
    let process = text.strip_prefix(b"==").map(|rest| &rest[digits_at_start(rest)..]);
    let sanitizer = process.is_some_and(|rest| starts_with_any(rest, &[b"==ERROR: ", b"==WARNING: ThreadSanitizer"]));
    let dart = matches!(text, b"Unhandled exception:" | b"Unhandled Exception:");
    (php || sanitizer || dart).then_some((TraceState::Numbered, Begin::Uncaught))
}

/// `PHP   1. {main}() /app/x.php:0`.
fn is_php_numbered(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"PHP ").unwrap_or(text).trim_ascii_start();
    let digits = digits_at_start(text);
    digits > 0 && text[digits..].starts_with(b". ") && ends_in_line(tail(text))
}

/// The last word.
fn tail(text: &[u8]) -> &[u8] {
    text.rsplit(|byte| *byte == b' ').next().unwrap_or(text)
}
