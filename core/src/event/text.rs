//! A line of text as one JSON object that holds all that its layout captured.

use super::json::plain_end;
use super::layout::{LayoutMatch, LayoutName, ValueForm};
use super::parsed::ParsedEvent;
use super::unescape::{escape_into, unescape};

/// Appends `line` as a JSON object to `out`. True when one of its own members has the name
/// `annotation`.
///
/// The order is timestamp, level, the captured members as they stand in the line, message, and
/// `header`: what the layout passed over, word for word, so that nothing of the line is lost.
pub(super) fn render(
    line: &[u8],
    matched: &LayoutMatch,
    parsed: &ParsedEvent,
    annotation: &str,
    out: &mut Vec<u8>,
) -> bool {
    let mut unfit = false;
    out.reserve(line.len() + 256);
    // Most have nothing in front of the message that needs an escape.
    let plain = plain_end(&line[..matched.message.start], 0).unwrap_or(matched.message.start);
    if let Some(time) = parsed.time {
        out.extend_from_slice(b"{\"timestamp\":\"");
        time.write_rfc3339(out);
        out.extend_from_slice(b"\",");
        // In UTC it says no more where it happened.
        let written = &line[matched.time_text.clone()];
        if has_zone(written) {
            member("timestamp_text", written, out);
            out.push(b',');
        }
    } else {
        out.push(b'{');
    }
    if let Some(level) = parsed.level {
        out.extend_from_slice(b"\"level\":\"");
        out.extend_from_slice(level.name().as_bytes());
        out.extend_from_slice(b"\",");
    }
    if let Some(level) = matched.level
        && !matched.level_text.is_empty()
        && !level.same_word(&line[matched.level_text.clone()])
    {
        member("severity_text", &line[matched.level_text.clone()], out);
        out.push(b',');
    }
    for captured in &matched.members[..matched.outside] {
        let value = &line[captured.value.clone()];
        let name = match &captured.name {
            LayoutName::Known(name) => {
                key(name, out);
                name.as_bytes()
            }
            LayoutName::Written(range) => {
                let name = &line[range.clone()];
                out.push(b'"');
                escape_into(name, out);
                out.extend_from_slice(b"\":");
                name
            }
        };
        unfit |= name == annotation.as_bytes();
        match captured.form {
            ValueForm::Number => out.extend_from_slice(value),
            ValueForm::Text if captured.value.end <= plain => {
                out.push(b'"');
                out.extend_from_slice(value);
                out.push(b'"');
            }
            ValueForm::Text => text(value, out),
            ValueForm::Quoted => text(unescape(value, true).as_bytes(), out),
        }
        out.push(b',');
    }
    if !matched.header.is_empty() {
        member("header", &line[matched.header.clone()], out);
        out.push(b',');
    }
    if let Some(facility) = matched.facility {
        member("facility", facility.as_bytes(), out);
        out.push(b',');
    }
    let message = &line[matched.message.clone()];
    match matched.message_form {
        ValueForm::Quoted => member("message", unescape(message, true).as_bytes(), out),
        _ => member("message", message, out),
    }
    out.push(b'}');
    unfit
}

/// A name that needs no escapes.
fn key(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape_into(value, out);
    out.push(b'"');
}

fn member(name: &str, value: &[u8], out: &mut Vec<u8>) {
    key(name, out);
    text(value, out);
}

/// Whether a written time names a zone or an offset other than UTC.
fn has_zone(written: &[u8]) -> bool {
    let Some(last) = written.last() else { return false };
    match last {
        b'Z' | b'z' => false,
        b'0'..=b'9' => {
            // An offset stands behind the time of day, the dashes of a date in front of it.
            let time = memchr::memchr(b':', written).unwrap_or(0);
            memchr::memchr2(b'+', b'-', &written[time..]).is_some_and(|at| &written[time + at..] != b"+00:00")
        }
        b'a'..=b'z' | b'A'..=b'Z' => {
            !["UTC", "GMT", "AM", "PM", "am", "pm"].iter().any(|end| written.ends_with(end.as_bytes()))
        }
        _ => written.is_ascii(),
    }
}

#[cfg(test)]
mod tests {
    use super::has_zone;

    #[test]
    fn zones_and_offsets_are_told_from_dates() {
        for written in [
            "2026-01-02T03:04:05+08:00",
            "2026-01-02 03:04:05.678 -0500",
            "02/Jan/2026:03:04:05 +0100",
            "2026-01-02 03:04:05 CET",
            "2026-01-02T03:04:05+01:00[Europe/Berlin]",
        ] {
            assert!(has_zone(written.as_bytes()), "{written}");
        }
        for written in [
            "",
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02 03:04:05,678",
            "2026-01-02 03:04:05 UTC",
            "1/2/2026 3:04:05 PM",
            "1767323045.678",
            "Jan  2 03:04:05",
        ] {
            assert!(!has_zone(written.as_bytes()), "{written}");
        }
    }
}
