//! Access logs: the common and combined formats of Apache, nginx and those that follow them, also
//! with the virtual host in front and the request's time behind, and those of development servers
//! that begin with the time.
//!
//! ```text
//! [vhost] client ident user [time] "request" status bytes ["referrer" "user agent" [time or more]]
//! [time] "request" status …
//! ```

use std::ops::Range;

use super::super::time::{TimeContext, TimeKind};
use super::{LayoutMatch, Opening, ValueForm, kinds, request, text};

/// Columns before the time are short: further on a bracket belongs to a text.
const FRONT: usize = 256;

/// Reads a line of an access log; its message is the request line.
pub(super) fn read(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let front = &line[..line.len().min(FRONT)];
    memchr::memchr_iter(b'[', front)
        .take(3)
        .find_map(|open| {
            let opening = Opening::scan(line, open + 1, context).filter(|opening| opening.is(TimeKind::Dated))?;
            Some((open, opening))
        })
        .and_then(|(open, opening)| {
            read_line(line, open, opening, context, matched)
                .or_else(|| read_said(line, open, opening, context, matched))
        })
        .is_some()
}

/// Reads a line that begins with its time in brackets and has the request behind that.
pub(super) fn read_dated(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let Some((request, status)) = request_and_status(line, opening.end) else { return false };
    matched.date(&opening, line, context);
    matched.layout = "access";
    read_request(line, request.clone(), matched);
    matched.member(line, "status", status.clone());
    take_message(line, request, matched);
    let bytes = text::word(line, text::skip_spaces(line, status.end));
    let is_size = text::is_number(&line[bytes.clone()]);
    let mut at = status.end;
    if is_size {
        matched.member(line, "bytes", bytes.clone());
        at = bytes.end;
    } else if let Some(duration) = third_number(line, at) {
        // Envoy: bytes received and sent, and the milliseconds between.
        matched.member(line, "duration_ms", duration);
    }
    matched.member(line, "rest", text::skip_spaces(line, at)..line.len());
    true
}

/// The last of the first three whole numbers that stand in a row.
fn third_number(line: &[u8], mut at: usize) -> Option<Range<usize>> {
    let mut row = 0;
    for _ in 0..12 {
        at = text::skip_spaces(line, at);
        let quoted = text::quoted(line, at);
        let word = quoted.as_ref().map_or_else(|| text::word(line, at), |inside| at..inside.end + 1);
        let is_number = quoted.is_none() && text::digits(line, word.start) == word.end && !word.is_empty();
        row = if is_number { row + 1 } else { 0 };
        if row == 3 {
            return Some(word);
        }
        at = word.end;
    }
    None
}

/// The request in quotes behind the bracket that closes a time, and its status.
fn request_and_status(line: &[u8], end: usize) -> Option<(Range<usize>, Range<usize>)> {
    let request = line[end..].starts_with(b"] \"").then(|| text::quoted(line, end + 2)).flatten()?;
    let status = status_behind(line, request.end + 1)?;
    Some((request, status))
}

fn read_line(
    line: &[u8],
    open: usize,
    opening: Opening,
    context: &mut TimeContext,
    matched: &mut LayoutMatch,
) -> Option<()> {
    let front = line[..open].strip_suffix(b" ")?;
    let (request, status) = request_and_status(line, opening.end)?;
    let bytes = text::word(line, skip_one_space(line, status.end)?);
    if !(line[bytes.clone()] == *b"-" || text::is_number(&line[bytes.clone()])) {
        return None;
    }
    // What a tool that joins the logs of containers puts in front.
    let lead = memchr::memmem::find(front, b" | ").map_or(0, |lead| lead + 3);
    let columns = front[lead..].split(|byte| *byte == b' ').count();
    if columns < 3 {
        return None;
    }
    matched.date(&opening, line, context);
    matched.layout = "access";
    matched.header = if lead > 0 { 0..request.start } else { 0..0 };
    let mut at = lead;
    if columns > 3 {
        at = take_word(line, at, "vhost", matched);
    }
    at = take_word(line, at, "client", matched);
    at = take_word(line, at, "ident", matched);
    matched.member(line, "user", at..front.len());
    read_request(line, request.clone(), matched);
    matched.member(line, "status", status);
    matched.member(line, "bytes", bytes.clone());
    take_message(line, request, matched);
    read_rest(line, bytes.end, matched);
    Some(())
}

/// `client - - [time] text`: what a server says of a client in the form of its requests.
fn read_said(
    line: &[u8],
    open: usize,
    opening: Opening,
    context: &mut TimeContext,
    matched: &mut LayoutMatch,
) -> Option<()> {
    let client = line[..open].strip_suffix(b" - - ")?;
    if client.contains(&b' ') || !line[opening.end..].starts_with(b"] ") || line.get(opening.end + 2) == Some(&b'"') {
        return None;
    }
    matched.date(&opening, line, context);
    matched.layout = "access";
    matched.member(line, "client", 0..client.len());
    matched.message = opening.end + 2..line.len();
    Some(())
}

/// The request is the message.
fn take_message(line: &[u8], request: Range<usize>, matched: &mut LayoutMatch) {
    matched.message_form = ValueForm::of_quoted(&line[request.clone()]);
    matched.message = request;
}

/// A request and its status anywhere in the message of a line: `10.0.0.1:5 - "GET /x HTTP/1.1" 500
/// Internal Server Error`. The message stays whole.
pub(super) fn find(line: &[u8], matched: &mut LayoutMatch) {
    let start = matched.message.start;
    let message = &line[matched.message.clone()];
    if matched.message_form == ValueForm::Quoted || matched.has("status") || matched.has("method") {
        return;
    }
    if request::read(line, start, matched) {
        return;
    }
    // The letter is rarer than a search for the whole word is cheap.
    let Some(protocol) = memchr::memchr_iter(b'H', message).find(|at| message[*at..].starts_with(b"HTTP/")) else {
        return;
    };
    let length = message[protocol..].iter().take_while(|byte| !matches!(byte, b'"' | b']' | b' ')).count();
    let end = start + protocol + length;
    if protocol > 0 && message[protocol - 1] == b'(' {
        // uWSGI: `GET /x => generated 17 bytes in 12 msecs (HTTP/1.1 500)`.
        let status = end + 1..text::digits(line, (end + 1).min(line.len()));
        if status.len() == 3 && line.get(status.end) == Some(&b')') {
            matched.member(line, "status", status);
            request::read_worker(line, start..start + protocol, matched);
        }
        return;
    }
    let Some(open) = memchr::memrchr(b'"', &message[..protocol]).map(|open| start + open) else {
        return;
    };
    if end <= open || line.get(end) != Some(&b'"') {
        return;
    }
    // chi puts the client between the request and its status.
    let behind = match line[end + 1..].strip_prefix(b" from ") {
        Some(client) => memchr::memmem::find(client, b" - ").map_or(end, |dash| end + 7 + dash + 1),
        None => end,
    };
    if let Some(status) = status_behind(line, behind + 1) {
        read_request(line, open + 1..end, matched);
        let rest = status.end;
        matched.member(line, "status", status);
        request::take_duration(line, rest, matched);
    } else if is_request(&line[open + 1..end]) {
        // nginx's `request: "GET /pay HTTP/1.1"`.
        read_request(line, open + 1..end, matched);
    }
}

/// A method and a path, so that it is no text with a protocol in it.
fn is_request(written: &[u8]) -> bool {
    let method = text::word(written, 0);
    kinds::is_method(&written[method.clone()]) && written[method.end..].starts_with(b" /")
}

/// Three digits behind a blank.
pub(super) fn status_behind(line: &[u8], at: usize) -> Option<Range<usize>> {
    let start = skip_one_space(line, at)?;
    let status = start..text::digits(line, start);
    let ends = line.get(status.end).is_none_or(|next| matches!(next, b' ' | b'\t' | b','));
    (status.len() == 3 && ends && matches!(line[start], b'1'..=b'5')).then_some(status)
}

/// Method, path and protocol, if the request is well formed.
fn read_request(line: &[u8], request: Range<usize>, matched: &mut LayoutMatch) {
    let written = &line[request.clone()];
    let (Some(first), Some(last)) = (memchr::memchr(b' ', written), memchr::memrchr(b' ', written)) else {
        return;
    };
    if first == last || !written[..first].iter().all(u8::is_ascii_uppercase) {
        return;
    }
    matched.member(line, "method", request.start..request.start + first);
    matched.quoted(line, "operation", request.start + first + 1..request.start + last);
    matched.member(line, "protocol", request.start + last + 1..request.end);
}

/// What stands behind the number of bytes: referrer and user agent in quotes, then whatever the
/// server was told to add, the time that the request took above all.
fn read_rest(line: &[u8], mut at: usize, matched: &mut LayoutMatch) {
    for name in ["referrer", "user_agent", "forwarded_for"] {
        at = text::skip_spaces(line, at);
        let Some(value) = text::quoted(line, at) else {
            break;
        };
        if is_seconds(&line[value.clone()]) {
            break;
        }
        at = value.end + 1;
        matched.quoted(line, name, value);
    }
    at = text::skip_spaces(line, at);
    let rest = at;
    if let Some((name, value)) = duration(line, at) {
        at = text::skip_spaces(line, value.end + usize::from(line.get(value.end) == Some(&b'"')));
        matched.member(line, name, value);
    } else {
        at = rest;
    }
    matched.member(line, "rest", at..line.len());
}

/// The time that the request took, and the name that tells its unit.
fn duration(line: &[u8], at: usize) -> Option<(&'static str, Range<usize>)> {
    let mut at = at;
    for column in 0..4 {
        let quote = usize::from(line.get(at) == Some(&b'"'));
        let word = if quote == 1 { text::quoted(line, at)? } else { text::word(line, at) };
        let written = line[word.clone()].strip_suffix(b",").unwrap_or(&line[word.clone()]);
        let is_last = text::skip_spaces(line, word.end + quote) == line.len();
        // nginx and its ingress write seconds with a fraction, perhaps behind the request's size.
        if is_seconds(written) {
            return Some(("request_time", word.start..word.start + written.len()));
        }
        // Apache's `%T/%D` and `%D` are microseconds without a fraction, Traefik's has its unit.
        if let Some(slash) = memchr::memchr(b'/', written)
            && text::digits(line, word.start) == word.start + slash
            && text::digits(line, word.start + slash + 1) == word.end
            && slash > 0
        {
            return Some(("duration_us", word.start + slash + 1..word.end));
        }
        let digits = text::digits(line, word.start);
        if digits > word.start && matches!(&line[digits..word.end], b"ms" | b"us") && quote == 0 {
            return Some(("duration", word));
        }
        if digits == word.end && digits > word.start && quote == 0 {
            if is_last && column == 0 {
                return Some(("duration_us", word));
            }
        } else if quote == 0 || column == 0 {
            return pair(line, at);
        }
        at = text::skip_spaces(line, word.end + quote);
    }
    None
}

/// `rt=0.012`, as many name nginx's `$request_time`.
fn pair(line: &[u8], at: usize) -> Option<(&'static str, Range<usize>)> {
    let word = text::word(line, at);
    let written = &line[word.clone()];
    let equals = memchr::memchr(b'=', written)?;
    let value = word.start + equals + 1..word.end;
    let named = matches!(&written[..equals], b"rt" | b"request_time" | b"req_time" | b"rtime");
    (named && is_seconds(&line[value.clone()])).then_some(("request_time", value))
}

/// Digits, a point and digits.
fn is_seconds(word: &[u8]) -> bool {
    let point = text::digits(word, 0);
    point > 0 && word.get(point) == Some(&b'.') && point + 1 < word.len() && text::digits(word, point + 1) == word.len()
}

fn take_word(line: &[u8], at: usize, name: &'static str, matched: &mut LayoutMatch) -> usize {
    let word = text::word(line, at);
    matched.member(line, name, word.clone());
    word.end + 1
}

fn skip_one_space(line: &[u8], at: usize) -> Option<usize> {
    (line.get(at) == Some(&b' ')).then_some(at + 1)
}
