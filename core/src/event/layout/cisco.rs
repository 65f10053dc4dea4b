//! What network devices put behind a syslog header: counters, their own name, their own time, and
//! the name of the message, in which its level stands.
//!
//! ```text
//! <187>44124: sw1: *Jun 23 10:20:16.775 CEST: %LINK-3-UPDOWN: Interface down
//! ```

use std::ops::Range;

use super::super::level::Level;
use super::super::time::TimeContext;
use super::{LayoutMatch, Opening, text};

/// How far from the start of a header the name of a message can be.
const FARTHEST: usize = 200;

/// Reads a header that ends with the name of a message, from `at` on; false if there is no such
/// name.
pub(super) fn read(line: &[u8], at: usize, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let Some((name, digit)) = mnemonic(line, at) else {
        return false;
    };
    matched.layout = "cisco";
    let (mut last, mut host) = (None, None);
    let mut from = at;
    while from < name.start {
        let here = from + usize::from(matches!(line[from], b'*' | b'.'));
        if let Some(opening) =
            Opening::scan(&line[..name.start], here, context).filter(|opening| opening.written.is_some())
        {
            last = Some(opening);
            from = opening.end;
            continue;
        }
        let length = line[from..name.start].iter().take_while(|byte| !matches!(byte, b' ' | b':')).count();
        let word = from..from + length;
        if length > 1
            && host.is_none()
            && !line[word.clone()].iter().all(u8::is_ascii_digit)
            && is_device(&line[word.clone()])
        {
            host = Some(word);
        }
        from += length + 1;
    }
    if let Some(opening) = last {
        matched.date(&opening, line, context);
    }
    if let Some(host) = host {
        matched.member(line, "host", host);
    }
    if let Some(level) = Level::from_number(i64::from(line[digit] - b'0')) {
        matched.say(level, digit..digit + 1);
    }
    matched.member(line, "module", name.clone());
    let colon = text::skip_spaces(line, name.end);
    let start = if line.get(colon) == Some(&b':') { colon + 1 } else { name.end };
    matched.message = text::skip_spaces(line, start)..line.len();
    matched.header = 0..matched.message.start;
    true
}

/// Whether a word between the counters and the time is the name of a device and not that of a zone.
fn is_device(word: &[u8]) -> bool {
    word.len() > 2
        && !text::is_capitals(word)
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/'))
}

/// The name of a message and where the digit of its level stands: `%SYS-5-CONFIG_I`.
fn mnemonic(line: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let end = line.len().min(at + FARTHEST);
    let start = at + memchr::memchr(b'%', line.get(at..end)?)?;
    let is_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    let length = line[start + 1..].iter().take_while(|byte| is_name(byte)).count();
    let name = start..start + 1 + length;
    let written = &line[name.clone()];
    let dash =
        written.array_windows().position(|[a, digit, b]| *a == b'-' && (b'0'..=b'7').contains(digit) && *b == b'-')?;
    (dash > 1 && dash + 3 < written.len()).then_some((name, start + dash + 1))
}
