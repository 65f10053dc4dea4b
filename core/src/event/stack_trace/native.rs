//! What the runtimes of C, C++ and Swift say of a crash, and a Java machine that crashed itself.

use super::{Begin, Step, TraceLine, TraceState, digits_at_start, starts_with_any};
use memchr::memmem;

pub(super) fn goes_on(place: TraceState, line: TraceLine<'_>) -> Option<Step> {
    let TraceLine { text, indented } = line;
    if place == TraceState::JavaMachine {
        return text.starts_with(b"#").then(|| Step::on(place));
    }
    if is_frame(text) {
        return Some(Step::frame(place));
    }
    let goes_on = starts_with_any(
        text,
        &[
            b"what():",
            b"Aborted",
            b"Abort trap",
            b"Segmentation fault",
            b"Illegal instruction",
            b"Trace/BPT trap",
            b"======= ",
            b"*** ",
            b"PC: @",
            b"Thread ",
            b"Backtrace",
            b"Program crashed: ",
            b"Current stack trace:",
            b"(core dumped)",
        ],
    ) || (indented && text.starts_with(b"@"));
    goes_on.then(|| Step::on(place))
}

/// What C++, glibc, Swift and a Java machine say when they end.
pub(super) fn begins(text: &[u8]) -> Option<(TraceState, Begin)> {
    if text.starts_with(b"# A fatal error has been detected by the Java Runtime Environment") {
        return Some((TraceState::JavaMachine, Begin::Uncaught));
    }
    let ends = starts_with_any(
        text,
        &[
            b"terminate called ",
            b"libc++abi: terminating",
            b"libc++abi.dylib: terminating",
            b"free(): invalid ",
            b"free(): double free",
            b"double free or corruption",
            b"malloc(): ",
            b"malloc_consolidate(): ",
            b"munmap_chunk(): ",
            b"corrupted size vs. prev_size",
            b"*** stack smashing detected ***",
            b"*** buffer overflow detected ***",
            b"*** Aborted at ",
            b"*** Signal ",
            b"*** Error in `",
        ],
    );
    let swift = memmem::find(text, b": Fatal error: ").is_some_and(|at| {
        let place = &text[..at];
        memmem::find(place, b".swift:").is_some_and(|file| digits_at_start(&place[file + 7..]) > 0)
    }) || (text.starts_with(b"Fatal error: ") && memmem::find(text, b": file ").is_some());
    (ends || swift).then_some((TraceState::Native, Begin::Uncaught))
}

/// `/lib/libc.so.6(abort+0x1)[0x7f]`, `@ 0x7f f()`, `0 0x55 f() + 12 in app at /x.swift:3:5`.
fn is_frame(text: &[u8]) -> bool {
    let after_number = text[digits_at_start(text)..].trim_ascii_start();
    (text.ends_with(b"]") && memmem::find(text, b"[0x").is_some())
        || text.strip_prefix(b"@").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"0x"))
        || (after_number.len() < text.len() && after_number.starts_with(b"0x"))
        || (text.starts_with(b"#") && memmem::find(text, b" 0x").is_some())
        || (after_number.len() < text.len() && memmem::find(after_number, b" 0x").is_some())
}
