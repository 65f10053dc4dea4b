//! Frames that begin with `at`: Java and what runs on its machine, .NET in all its languages,
//! Node and browsers.

use super::{
    Begin, FRAME_BYTES, Step, TraceLine, TraceState, digits_at_start, ends_in_line, name, ruby, starts_with_any,
};
use memchr::{memchr, memmem};

/// `at` as .NET says it in other languages. Behind the name of an exception any word will do.
const AT: [&str; 16] =
    ["at", "bei", "à", "en", "em", "в", "在", "於", "場所", "위치:", "w", "v", "ved", "vid", "konum:", "in"];
/// Node's lines between the place and the error: the source line and the caret.
const SOURCE_LINES: u8 = 2;

pub(super) fn goes_on(place: TraceState, line: TraceLine<'_>) -> Option<Step> {
    let TraceLine { text, indented } = line;
    if place == TraceState::Properties {
        return match (indented, text) {
            _ if is_at_frame(text) => Some(Step::frame(place)),
            (false, b"}" | b"} []" | b"]") => Some(Step::on(TraceState::At)),
            (true, _) => Some(Step::on(place)),
            _ => None,
        };
    }
    if let Some(frame) = frame(line, true) {
        return Some(frame);
    }
    if is_between(text) || (indented && is_within(text)) {
        return Some(Step::on(TraceState::At));
    }
    if place == TraceState::Named {
        // Node names the error behind the source line; .NET's logger below its own words.
        let again = is_caret(text) || (indented && name::exception(text).is_some());
        return again.then(|| Step::on(place));
    }
    let goes_on = (indented && is_property(text))
        || matches!(text, b"}" | b"]" | b"} []" | b"\"} []" | b"\"}")
        || (!indented && is_browser_frame(text))
        || text.starts_with(b"Node.js v");
    goes_on.then(|| Step::on(TraceState::At))
}

/// What Node prints before the frames: the source line, the caret, the error.
pub(super) fn names_error(place: TraceState, line: TraceLine<'_>) -> Option<Step> {
    let named = name::exception(line.text).is_some() || line.text.starts_with(b"[") || line.text.ends_with(b" {");
    match place {
        TraceState::NodeSource(_) if is_caret(line.text) => Some(Step::on(TraceState::NodeError)),
        TraceState::NodeSource(left @ 1..) => Some(Step::on(TraceState::NodeSource(left - 1))),
        TraceState::NodeError if line.text.ends_with(b" {") => Some(Step::on(TraceState::Properties)),
        TraceState::NodeError if named => Some(Step::on(TraceState::Named)),
        _ => None,
    }
}

/// A frame, wherever it comes; behind the name of an exception it need be less like one.
pub(super) fn frame(line: TraceLine<'_>, named: bool) -> Option<Step> {
    let TraceLine { text, indented } = line;
    let is_frame = (indented || named) && is_at_frame(text)
        || indented && is_localized_frame(text, named)
        || named && is_browser_frame(text);
    if is_frame {
        return Some(Step::frame(if text.ends_with(b" {") { TraceState::Properties } else { TraceState::At }));
    }
    let below = text.starts_with(b"Caused by: ") && name::is_type(&text[b"Caused by: ".len()..])
        || indented && (is_between(text) || text.starts_with(b"Suppressed: "));
    below.then(|| Step::on(TraceState::At))
}

/// What begins a trace: `Exception in thread "main" …`, `Unhandled exception. …`, a name, or the
/// place where Node found the error.
pub(super) fn begins(text: &[u8]) -> Option<(TraceState, Begin)> {
    let uncaught = starts_with_any(
        text,
        &[
            b"Exception in thread \"",
            b"Unhandled exception. ",
            b"Unhandled Exception: ",
            b"Uncaught ",
            b"Unhandled Rejection (",
            b"Unhandled promise rejection",
            b"*** Terminating app due to uncaught exception",
            b"FATAL EXCEPTION: ",
        ],
    );
    if uncaught && (text.starts_with(b"FATAL") || text.starts_with(b"*") || name::exception(text).is_some()) {
        return Some((TraceState::Named, Begin::Uncaught));
    }
    if is_place(text) {
        return Some((TraceState::NodeSource(SOURCE_LINES), Begin::Named));
    }
    // Ruby's names have a place in front of them.
    (name::exception(text).is_some() && !ruby::is_frame(text)).then_some((TraceState::Named, Begin::Named))
}

/// .NET's console logger indents what it prints below its line.
pub(super) fn begins_indented(text: &[u8]) -> Option<(TraceState, Begin)> {
    name::exception(text).is_some_and(|name| name.contains('.')).then_some((TraceState::Named, Begin::Named))
}

/// Between two runs of frames: causes, what was left out, ends of inner traces in any language.
fn is_between(text: &[u8]) -> bool {
    let known = [
        &b"Caused by: "[..],
        b"Suppressed: ",
        b"Wrapped by: ",
        b"Also: ",
        b"---> ",
        b"[CIRCULAR REFERENCE:",
        b"[cause]: ",
        b"[errors]: ",
        b"(Coroutine boundary)",
    ];
    starts_with_any(text, &known)
        || is_elided(text)
        || (text.starts_with(b"--- ") && text.ends_with(b" ---") && text.len() > b"--- ---".len())
        || text.starts_with(b"--- End of ")
}

/// What Java's thread dumps print among frames, and .NET of inner exceptions.
fn is_within(text: &[u8]) -> bool {
    starts_with_any(text, &[b"- locked <", b"- waiting ", b"- parking ", b"- eliminated <", b"(Inner Exception #"])
}

/// `at com.foo.Bar.baz(Bar.java:42)`, `at Foo.Bar() in /src/Foo.cs:line 3`, `at run
/// (/app/x.js:3:5)`, `at /app/x.js:1:2`: a name that is called, or a place with its line; not
/// words.
pub(super) fn is_at_frame(text: &[u8]) -> bool {
    let Some(called) = text.strip_prefix(b"at ") else { return false };
    let called = &called[..called.len().min(FRAME_BYTES)];
    let called = called.strip_suffix(b" {").unwrap_or(called);
    if let Some(open) = memchr(b'(', called) {
        let name = called[..open].trim_ascii_end();
        let (last, words) = match name.iter().rposition(|byte| *byte == b' ') {
            Some(space) => (&name[space + 1..], name[..space].split(|byte| *byte == b' ').count()),
            None => (name, 0),
        };
        let prefixed =
            words == 0 || matches!(name, [b'a', b's', b'y', b'n', b'c', b' ', ..] | [b'n', b'e', b'w', b' ', ..]);
        let plain = called[open..].contains(&b':') || last.contains(&b'.') || called.ends_with(b")");
        // .NET's generic and nested names have commas and spaces in brackets, which end before the
        // parenthesis.
        return !last.is_empty() && (prefixed || last.ends_with(b"]") || called[open..].contains(&b':')) && plain;
    }
    ends_in_line(called.strip_prefix(b"async ").unwrap_or(called)) || called == b"<anonymous>"
}

/// `bei Foo.Bar(String x) in C:\x.cs:Zeile 3.`: a word, and a dotted name that is called.
fn is_localized_frame(text: &[u8], named: bool) -> bool {
    let Some(space) = memchr(b' ', &text[..text.len().min(24)]) else { return false };
    let (word, called) = (&text[..space], &text[space + 1..]);
    let known = AT.iter().any(|at| at.as_bytes() == word);
    let lone = named && !word.contains(&b'(') && !word.contains(&b'.');
    let Some(open) = memchr(b'(', &called[..called.len().min(FRAME_BYTES)]) else { return false };
    let name = &called[..open];
    let dotted = name.iter().position(|byte| *byte == b'.').is_some_and(|dot| dot > 0 && dot + 1 < name.len());
    let one_name = !name.contains(&b' ') || name.ends_with(b"]");
    let closed =
        called.ends_with(b")") || memmem::find(called, b".cs:").is_some() || memmem::find(called, b".vb:").is_some();
    (known || lone) && dotted && one_name && closed
}

/// `f@https://example.org/app.js:1:2`, as Firefox and Safari have it.
fn is_browser_frame(text: &[u8]) -> bool {
    memchr(b'@', text).is_some_and(|at| text[at + 1..].contains(&b'/') && ends_in_line(&text[at + 1..]))
        && !text[..text.len().min(FRAME_BYTES)].contains(&b' ')
}

/// `... 23 more`, `... 12 common frames omitted`, `... 10 lines matching cause stack trace ...`.
fn is_elided(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"... ") else { return false };
    let digits = digits_at_start(rest);
    digits > 0
        && starts_with_any(
            &rest[digits..],
            &[b" more", b" common frames", b" frames ", b" lines matching ", b" lines omitted", b" stack frames"],
        )
}

/// `code: 'ENOENT',` or `[cause]: Error: …`.
fn is_property(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'[' | b']' | b'\'' | b'-');
    let name = text.iter().take_while(|byte| is_name(byte)).count();
    name > 0 && text[name..].starts_with(b": ") && (text[0] == b'[' || text.ends_with(b",") || text.ends_with(b"'"))
}

/// The caret below the source line.
fn is_caret(text: &[u8]) -> bool {
    text.contains(&b'^') && text.iter().all(|byte| matches!(byte, b'^' | b'~' | b' '))
}

/// `/app/x.js:3`, `node:internal/process/promises:288`, `file:///app/x.mjs:1`: a file of Node's
/// with a line, and nothing else.
fn is_place(text: &[u8]) -> bool {
    let file = |end: &[u8]| memmem::find(text, end).is_some();
    ends_in_line(text)
        && (text.starts_with(b"node:")
            || text.starts_with(b"internal/")
            || (text.contains(&b'/') || text.contains(&b'\\'))
                && (file(b".js:") || file(b".ts:") || file(b".mjs:") || file(b".cjs:")))
}
