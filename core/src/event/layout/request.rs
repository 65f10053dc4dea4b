//! Requests that stand in a line without quotes, with their status and how long they took, as
//! frameworks print them: `GET /pay 502 in 12ms`, `--> POST /pay 200 12ms`, `Completed 200 OK in
//! 12ms`. The message stays whole.

use std::ops::Range;

use super::access::status_behind;
use super::{LayoutMatch, kinds, text};

/// How many words behind a status are looked at for a duration.
const MOST_WORDS: usize = 8;

/// Adds what the message at `start` says of a request; false if it says nothing.
pub(super) fn read(line: &[u8], start: usize, matched: &mut LayoutMatch) -> bool {
    let at = behind_tags(line, start);
    let Some(first) = line.get(at) else { return false };
    // Rails and Phoenix say how a request ended in a line of its own.
    if matches!(first, b'C' | b'S')
        && let Some(word) = [b"Completed ".as_slice(), b"Sent "].iter().find(|word| line[at..].starts_with(word))
    {
        let is_answer = |status: &Range<usize>| match line[status.end..].trim_ascii_start() {
            [] => true,
            [next, ..] => next.is_ascii_uppercase() || line[status.end..].starts_with(b" in "),
        };
        if let Some(status) = status_behind(line, at + word.len() - 1).filter(is_answer) {
            let end = status.end;
            matched.member(line, "status", status);
            take_duration(line, end, matched);
        }
        return true;
    }
    match first {
        b'-' | b'<' | b' ' | 0xE2 => read_bare(line, behind_arrow(line, at), matched),
        b'A'..=b'Z' => read_bare(line, at, matched),
        b'0'..=b'9' | b':' | b'[' => {
            // A client in front, with a dash or without.
            let client = text::word(line, at);
            if !kinds::is_address(&line[client.clone()]) {
                return false;
            }
            let behind = text::skip_spaces(line, client.end);
            let dash = line[behind..].iter().take_while(|byte| matches!(byte, b'-' | b' ')).count();
            read_bare(line, behind + dash, matched)
        }
        _ => false,
    }
}

/// Identifiers in brackets that a framework puts in front of each message.
fn behind_tags(line: &[u8], start: usize) -> usize {
    let mut at = start;
    if line.get(at) != Some(&b'[') {
        return at;
    }
    for _ in 0..3 {
        match text::inside(line, at).filter(|inside| line[at] == b'[' && kinds::is_identifier(&line[inside.clone()])) {
            Some(inside) => at = text::skip_spaces(line, inside.end + 1),
            None => break,
        }
    }
    at
}

/// Arrows that show the direction of a request or an answer.
fn behind_arrow(line: &[u8], at: usize) -> usize {
    let mut at = text::skip_spaces(line, at);
    for arrow in ["-->", "<--", "->", "<-", "→", "←"] {
        if line[at..].starts_with(arrow.as_bytes()) {
            at = text::skip_spaces(line, at + arrow.len());
            break;
        }
    }
    at
}

/// `GET /pay 502 12ms`, `GET /pay HTTP/1.1 502 17 - 2.1 ms`: a method, a path and a status.
fn read_bare(line: &[u8], at: usize, matched: &mut LayoutMatch) -> bool {
    let method = text::word(line, at);
    if !kinds::is_method(&line[method.clone()]) {
        return false;
    }
    let path = text::word(line, text::skip_spaces(line, method.end));
    if !(line[path.clone()].starts_with(b"/") || line[path.clone()].starts_with(b"http")) {
        return false;
    }
    let mut end = path.end;
    let protocol = text::word(line, text::skip_spaces(line, end));
    let written = &line[protocol.clone()];
    if written.starts_with(b"HTTP/") || matches!(written, b"1.0" | b"1.1" | b"2" | b"2.0" | b"3") {
        end = protocol.end;
    }
    let Some(status) = status_behind(line, text::skip_spaces(line, end).saturating_sub(1)) else { return false };
    // A number that counts something has its word behind it.
    let next = line.get(text::skip_spaces(line, status.end)).copied().unwrap_or(b'-');
    let is_in = line[status.end..].starts_with(b" in ");
    if !(next.is_ascii_digit() || matches!(next, b'-' | b'(' | b'[' | b'"' | b'|') || is_in) {
        return false;
    }
    matched.member(line, "method", method);
    matched.member(line, "operation", path);
    let end = status.end;
    matched.member(line, "status", status);
    take_duration(line, end, matched);
    true
}

/// Adds the first duration with its unit that stands behind a status: `12ms`, `2.1 ms`.
pub(super) fn take_duration(line: &[u8], mut at: usize, matched: &mut LayoutMatch) {
    for _ in 0..MOST_WORDS {
        at = text::skip_spaces(line, at);
        let word = text::word(line, at);
        if word.is_empty() || line[word.start] == b'(' {
            return;
        }
        let number = number_at(line, word.start);
        let unit = if number.end == word.end {
            let unit = text::word(line, text::skip_spaces(line, word.end));
            (unit.start > word.end).then_some(unit)
        } else {
            Some(number.end..word.end)
        };
        let name = unit.filter(|_| !number.is_empty()).and_then(|unit| match &line[unit] {
            b"ms" | b"msec" | b"msecs" | b"millis" => Some("duration_ms"),
            b"s" | b"sec" | b"secs" => Some("duration_s"),
            b"us" | b"\xC2\xB5s" | b"\xCE\xBCs" | b"micros" => Some("duration_us"),
            _ => None,
        });
        if let Some(name) = name {
            matched.member(line, name, number);
            return;
        }
        at = word.end;
    }
}

/// uWSGI's `POST /pay => generated 21 bytes in 31 msecs (`, of which `answer` is all.
pub(super) fn read_worker(line: &[u8], answer: Range<usize>, matched: &mut LayoutMatch) {
    let text = &line[answer.clone()];
    let Some(arrow) = memchr::memmem::find(text, b" => generated ") else { return };
    let path = text[..arrow].iter().rposition(|byte| *byte == b' ').map_or(0, |at| at + 1);
    let method = text[..path.saturating_sub(1)].iter().rposition(|byte| *byte == b' ').map_or(0, |at| at + 1);
    if kinds::is_method(&text[method..path.saturating_sub(1)]) {
        matched.member(line, "operation", answer.start + path..answer.start + arrow);
    }
    take_duration(line, answer.start + arrow + 3, matched);
}

/// A number with or without a fraction.
fn number_at(line: &[u8], at: usize) -> Range<usize> {
    let whole = text::digits(line, at);
    let end = match line.get(whole) {
        Some(b'.') if whole > at => text::digits(line, whole + 1),
        _ => whole,
    };
    at..if text::is_number(&line[at..end]) { end } else { at }
}
