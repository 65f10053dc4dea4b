//! Access logs: the common and combined formats of Apache, nginx and those that follow them, also
//! with the virtual host in front and the request's time behind.
//!
//! ```text
//! [vhost] client ident user [time] "request" status bytes ["referrer" "user agent" [time or more]]
//! ```

use std::ops::Range;

use super::super::time::{TimeContext, TimeKind};
use super::{Laid, Opening, ValueForm, text};

/// Columns before the time are short: further on a bracket belongs to a text.
const FRONT: usize = 256;

/// Reads a line of an access log; its message is the request line.
pub(super) fn read(line: &[u8], context: &mut TimeContext, laid: &mut Laid) -> bool {
    read_line(line, context, laid).is_some()
}

fn read_line(line: &[u8], context: &mut TimeContext, laid: &mut Laid) -> Option<()> {
    let open = memchr::memchr(b'[', &line[..line.len().min(FRONT)])?;
    let front = line[..open].strip_suffix(b" ")?;
    let opening = Opening::scan(line, open + 1, context).filter(|opening| opening.is(TimeKind::Dated))?;
    if !line[opening.end..].starts_with(b"] \"") {
        return None;
    }
    let request = text::quoted(line, opening.end + 2)?;
    let status = skip_one_space(line, request.end + 1)?;
    let status = status..text::digits(line, status);
    let bytes = text::word(line, skip_one_space(line, status.end)?);
    if status.len() != 3 || !(line[bytes.clone()] == *b"-" || text::is_number(&line[bytes.clone()])) {
        return None;
    }
    // What a tool that joins the logs of containers puts in front.
    let lead = memchr::memmem::find(front, b" | ").map_or(0, |lead| lead + 3);
    let columns = front[lead..].split(|byte| *byte == b' ').count();
    if columns < 3 {
        return None;
    }
    laid.date(&opening, line, context);
    laid.layout = "access";
    laid.header = if lead > 0 { 0..request.start } else { 0..0 };
    let mut at = lead;
    if columns > 3 {
        at = take_word(line, at, "vhost", laid);
    }
    at = take_word(line, at, "client", laid);
    at = take_word(line, at, "ident", laid);
    laid.member(line, "user", at..front.len());
    read_request(line, request.clone(), laid);
    laid.member(line, "status", status);
    laid.member(line, "bytes", bytes.clone());
    if memchr::memchr(b'\\', &line[request.clone()]).is_some() {
        laid.message_form = ValueForm::Quoted;
    }
    laid.message = request;
    read_rest(line, bytes.end, laid);
    Some(())
}

/// Method, path and protocol, if the request is well formed.
fn read_request(line: &[u8], request: Range<usize>, laid: &mut Laid) {
    let written = &line[request.clone()];
    let (Some(first), Some(last)) = (memchr::memchr(b' ', written), memchr::memrchr(b' ', written)) else {
        return;
    };
    if first == last || !written[..first].iter().all(u8::is_ascii_uppercase) {
        return;
    }
    laid.member(line, "method", request.start..request.start + first);
    laid.quoted(line, "operation", request.start + first + 1..request.start + last);
    laid.member(line, "protocol", request.start + last + 1..request.end);
}

/// What stands behind the number of bytes: referrer and user agent in quotes, then the time that
/// the request took.
fn read_rest(line: &[u8], mut at: usize, laid: &mut Laid) {
    for name in ["referrer", "user_agent", "forwarded_for"] {
        at = text::skip_spaces(line, at);
        let Some(value) = text::quoted(line, at) else {
            break;
        };
        at = value.end + 1;
        laid.quoted(line, name, value);
    }
    at = text::skip_spaces(line, at);
    let word = text::word(line, at);
    if text::is_number(&line[word.clone()]) {
        // nginx writes seconds with a fraction, Apache's %D microseconds without.
        let fraction = line[word.clone()].contains(&b'.');
        laid.member(line, if fraction { "request_time" } else { "duration_us" }, word.clone());
        at = text::skip_spaces(line, word.end);
    }
    laid.member(line, "rest", at..line.len());
}

fn take_word(line: &[u8], at: usize, name: &'static str, laid: &mut Laid) -> usize {
    let word = text::word(line, at);
    laid.member(line, name, word.clone());
    word.end + 1
}

fn skip_one_space(line: &[u8], at: usize) -> Option<usize> {
    (line.get(at) == Some(&b' ')).then_some(at + 1)
}
