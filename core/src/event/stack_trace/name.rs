//! The type of the exception that a line names.

use super::starts_with_any;
use memchr::{memchr, memmem};

/// More of an exception's name is cut off, in bytes.
const NAME_BYTES: usize = 128;
/// What stands in front of the name.
const BEFORE: [&[u8]; 18] = [
    b"Caused by: ",
    b"Suppressed: ",
    b"Wrapped by: ",
    b"Also: ",
    b"Unhandled exception. ",
    b"Unhandled Exception: ",
    b"Unhandled Rejection (",
    b"---> ",
    b"[cause]: ",
    b"PHP Fatal error:  ",
    b"PHP Fatal error: ",
    b"Fatal error: ",
    b"fatal error: ",
    b"Uncaught ",
    b"(in promise) ",
    b"Next ",
    b"** (",
    b"| ",
];
/// How the names of exceptions end.
const ENDS: [&[u8]; 10] = [
    b"Exception",
    b"Error",
    b"Exit",
    b"Interrupt",
    b"Throwable",
    b"Iteration",
    b"Fault",
    b"Warning",
    b"ExceptionGroup",
    b"Failure",
];
/// What Python's traceback can end with that is no exception: the next line of a log.
const LEVELS: [&[u8]; 9] =
    [b"DEBUG", b"INFO", b"WARNING", b"WARN", b"ERROR", b"CRITICAL", b"FATAL", b"TRACE", b"NOTICE"];

/// Whether a word ends as the names of exceptions do, but for the marks behind them.
pub(super) fn may_end(word: &[u8]) -> bool {
    let end = word.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |at| at + 1);
    let name = &word[..end];
    matches!(name.last(), Some(b'n' | b'r' | b't' | b'e' | b'p' | b'g')) && ENDS.iter().any(|end| name.ends_with(end))
}

/// The type of the exception that a line names first: `java.net.ConnectException: refused` or
/// `ValueError`; a Rust or Go panic is `panic`.
#[must_use]
pub fn exception(line: &[u8]) -> Option<&str> {
    let text = without_beginning(line)?;
    if is_panic(text) {
        return Some("panic");
    }
    let (name, rest) = split(text);
    let is_named = rest.is_empty()
        || starts_with_any(rest, &[b": ", b" [", b") "])
        || matches!(rest, b":" | b")" | b") {")
        || (rest.starts_with(b" (") && rest.ends_with(b"):"))
        || (rest.starts_with(b" (") && rest.ends_with(b" sub-exceptions)"));
    let last = last_part(name);
    let ruby = memmem::find(name, b"::").is_some() && (rest == b")" || rest.starts_with(b" ("));
    let known = ruby || ENDS.iter().any(|end| last.ends_with(end));
    (is_named && is_type(name) && known).then(|| std::str::from_utf8(name).ok()).flatten()
}

/// The type that a line names where frames show that it does: any dotted name with a capital will
/// do.
pub(super) fn before_frames(line: &[u8]) -> Option<&str> {
    exception(line).or_else(|| {
        let (name, rest) = split(without_beginning(line)?);
        let named = name.contains(&b'.') && (rest.is_empty() || rest.starts_with(b": ")) && is_type(name);
        named.then(|| std::str::from_utf8(name).ok()).flatten()
    })
}

/// The type in the last line of a Python traceback, which can be any name.
pub(super) fn of_python(line: &[u8]) -> Option<&str> {
    let text = line.trim_ascii_end();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'<' | b'>') || *byte > 0x7f;
    let length = text.iter().take_while(|byte| is_name(byte)).count();
    let (name, rest) = text.split_at(length.min(NAME_BYTES));
    let named = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && (rest.is_empty() || rest.starts_with(b": ") || rest == b":" || rest.starts_with(b" ("))
        && !LEVELS.contains(&name);
    let last = last_part(name);
    let like_a_type = last.iter().any(u8::is_ascii_uppercase) || (name.contains(&b'.') && !last.is_empty());
    let whole = !rest.starts_with(b" (") || rest.ends_with(b")");
    (named && like_a_type && whole).then(|| std::str::from_utf8(name).ok()).flatten()
}

/// True when the text begins with a name whose last part has a capital.
pub(super) fn is_type(text: &[u8]) -> bool {
    let (name, _) = split(text);
    name.first().is_some_and(u8::is_ascii_alphabetic) && last_part(name).first().is_some_and(u8::is_ascii_uppercase)
}

/// The text from where the name is.
fn without_beginning(line: &[u8]) -> Option<&[u8]> {
    let mut text = line.trim_ascii();
    for before in BEFORE {
        let Some(rest) = text.strip_prefix(before) else { continue };
        // A fatal error is a panic of Go's, unless it names what was not caught.
        if !before.eq_ignore_ascii_case(b"fatal error: ") || memmem::find(rest, b"Uncaught ").is_some() {
            text = rest;
        }
    }
    if let Some(rest) = text.strip_prefix(b"Exception in thread \"") {
        let quote = memchr(b'"', rest)?;
        text = rest[quote + 1..].trim_ascii_start();
    }
    // Ruby: `app.rb:3:in 'run': what it says (RuntimeError)`.
    if text.ends_with(b")")
        && memmem::find(text, b":in ").is_some()
        && let Some(open) = memchr::memrchr(b'(', text)
        && text[..open].contains(&b':')
    {
        text = &text[open + 1..];
    }
    Some(text)
}

/// Go and Rust.
fn is_panic(text: &[u8]) -> bool {
    text.starts_with(b"panic: ")
        || text.starts_with(b"fatal error: ")
        || starts_with_any(text, &[b"http: panic serving ", b"panic serving ", b"SIGSEGV: ", b"SIGABRT: "])
        || (text.starts_with(b"thread '") && memmem::find(text, b" panicked at ").is_some())
}

fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'`' | b'\\');
    let most = &text[..text.len().min(NAME_BYTES)];
    let mut length = 0;
    loop {
        length += most[length..].iter().take_while(|byte| is_name(byte)).count();
        // Ruby's and C++'s names have two colons between their parts.
        let goes_on = most[length..].starts_with(b"::") && most.get(length + 2).is_some_and(u8::is_ascii_alphabetic);
        if !goes_on {
            return text.split_at(length);
        }
        length += 2;
    }
}

fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| matches!(byte, b'.' | b'\\' | b':')).next().unwrap_or(name)
}
