//! A line of text as one JSON object that holds all that its layout captured.

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
    out.push(b'{');
    if let Some(time) = parsed.time {
        out.extend_from_slice(b"\"timestamp\":\"");
        time.write_rfc3339(out);
        out.extend_from_slice(b"\",");
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
