//! Go: panics, fatal errors, and the frames of goroutines.

use super::{Begin, Step, TraceLine, TraceState, digits_at_start, starts_with_any};
use memchr::{memchr, memmem};

pub(super) fn goes_on(place: TraceState, line: TraceLine<'_>) -> Option<Step> {
    let TraceLine { text, indented } = line;
    if indented && is_file(text) {
        return Some(Step::frame(TraceState::Go));
    }
    if is_goroutine(text) || matches!(text, b"runtime stack:" | b"goroutine running on other thread; stack unavailable")
    {
        return Some(Step::on(TraceState::Go));
    }
    if is_about_a_crash(text)
        || text.starts_with(b"panic: ")
        || text.starts_with(b"fatal error: ")
        || text == b"[recovered]"
    {
        return Some(Step::on(if place == TraceState::GoPanic { place } else { TraceState::Go }));
    }
    if place == TraceState::GoPanic {
        // More of what it said; a panic while another one is on its way.
        return indented.then(|| Step::on(place));
    }
    let goes_on = is_function(text)
        || text.starts_with(b"created by ")
        || text.starts_with(b"exit status ")
        || text.starts_with(b"...")
        || is_register(text);
    goes_on.then(|| Step::on(place))
}

/// `\t/src/main.go:8 +0x1d`, which stands in no prose.
pub(super) fn frame(line: TraceLine<'_>) -> Option<Step> {
    (line.indented && matches!(line.text.first(), Some(b'/' | b'_' | b'A'..=b'Z')) && is_file(line.text))
        .then(|| Step::frame(TraceState::Go))
}

pub(super) fn begins(text: &[u8]) -> Option<(TraceState, Begin)> {
    if is_goroutine(text) {
        return Some((TraceState::Go, Begin::Named));
    }
    if starts_with_any(text, &[b"http: panic serving ", b"panic serving "]) {
        return Some((TraceState::GoPanic, Begin::Uncaught));
    }
    let panic = text.starts_with(b"panic: ")
        || (text.starts_with(b"fatal error: ") && memmem::find(text, b"Uncaught ").is_none())
        || text.starts_with(b"panic during panic")
        || starts_with_any(
            text,
            &[b"runtime: goroutine stack exceeds ", b"runtime: out of memory", b"unexpected fault address "],
        )
        || is_signal(text);
    panic.then_some((TraceState::GoPanic, Begin::Panic))
}

/// `SIGSEGV: segmentation violation`, `SIGQUIT: quit`.
fn is_signal(text: &[u8]) -> bool {
    starts_with_any(text, &[b"SIGSEGV: ", b"SIGABRT: ", b"SIGQUIT: ", b"SIGBUS: ", b"SIGFPE: ", b"SIGILL: "])
}

/// What stands between the panic and the first goroutine, or behind the last.
fn is_about_a_crash(text: &[u8]) -> bool {
    is_signal(text)
        || starts_with_any(
            text,
            &[
                b"[signal ",
                b"[originating from goroutine ",
                b"PC=0x",
                b"PC: ",
                b"signal arrived during ",
                b"runtime: ",
                b"sp=0x",
                b"instruction bytes: ",
                b"goexit",
            ],
        )
}

/// `goroutine 1 [running]:`.
fn is_goroutine(text: &[u8]) -> bool {
    text.starts_with(b"goroutine ")
        && text.ends_with(b"]:")
        && text[b"goroutine ".len()..].first().is_some_and(u8::is_ascii_digit)
}

/// A Go or assembly file with its line, perhaps with an offset: `/src/main.go:8 +0x1d`.
fn is_file(text: &[u8]) -> bool {
    let Some(at) = memmem::find(text, b".go:").map(|at| at + 4).or_else(|| memmem::find(text, b".s:").map(|at| at + 3))
    else {
        return false;
    };
    let digits = digits_at_start(&text[at..]);
    let rest = &text[at + digits..];
    digits > 0
        && !text[..at].contains(&b' ')
        && (rest.is_empty() || rest.starts_with(b" +0x") || rest.starts_with(b" fp="))
}

/// `main.(*T).Run(0xc000, 0x1)`, `panic({0x1, 0x2})`, `main.f[...](0x1)`; loggers leave the
/// arguments out.
fn is_function(text: &[u8]) -> bool {
    let name_end = match text.last() {
        Some(b')') => text.iter().rposition(|byte| *byte == b'(').unwrap_or(0),
        _ => text.len(),
    };
    let name = &text[..name_end];
    let dotted = memchr(b'.', name).is_some_and(|dot| dot > 0 && dot + 1 < name.len());
    name == b"panic" || (!name.is_empty() && !name.contains(&b' ') && dotted) || text.starts_with(b"panic(")
}

/// `rax    0x0`: a register behind a signal.
fn is_register(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let value = text[name..].trim_ascii_start();
    (2..=6).contains(&name) && text.len() < 40 && value.starts_with(b"0x") && !value.contains(&b' ')
}
