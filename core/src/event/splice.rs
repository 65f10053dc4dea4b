//! Writes findings into an event that otherwise keeps its own bytes.

use super::mask::Replacement;
use super::parsed::{Annotation, ParsedEvent, Shape};
use super::{Edit, Fields};

/// Why an event could not take an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

/// Appends the event of `fields` with `findings` in its member `name` to `out`, without a line end.
///
/// `findings` is the inside of a JSON array: one or more objects, comma between. The member is
/// added before the closing brace; an array that is already there is continued. Everything else
/// leaves as the bytes that came; an event that was read in another
/// encoding than UTF-8 has what is outside ASCII as escapes.
///
/// # Errors
/// [`Unfit`], with `out` as it was, when the event is no JSON object or has the member as something
/// else or twice.
pub fn annotate(
    fields: &Fields<'_>,
    arena: &[u8],
    bytes: &[u8],
    name: &str,
    findings: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    edit(fields, arena, bytes, &Edit::default(), name, findings, out)
}

/// As [`annotate`], with what rules wish for the event: its masked bytes and the members they add.
/// Without findings the member `name` is left alone.
///
/// # Errors
/// As [`annotate`].
pub fn edit(
    fields: &Fields<'_>,
    arena: &[u8],
    bytes: &[u8],
    edit: &Edit,
    name: &str,
    findings: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let parsed: &ParsedEvent = fields.parsed();
    let (buffer, span) = match parsed.shape {
        Shape::Json if parsed.decoded.is_empty() => (bytes, fields.record().span),
        Shape::Json => (arena, parsed.decoded),
        Shape::Text => (arena, parsed.rendered),
        _ => return Err(Unfit),
    };
    let (start, end) = (span.start as usize, span.end());
    let insert = parsed.insert;
    let (open, close) = (insert.open as usize, insert.close as usize);
    let mut changes = edit.changes(&buffer[open..=close]);
    changes.iter_mut().for_each(|change| (change.start, change.end) = (change.start + open, change.end + open));
    let mut added = Vec::new();
    let mut comma = !insert.empty;
    for (member, value) in edit.members.iter().filter(|(member, _)| member != name) {
        write_name(member, comma, &mut added);
        added.extend_from_slice(value);
        comma = true;
    }
    if !findings.is_empty() {
        match insert.annotation {
            Annotation::Unfit => return Err(Unfit),
            Annotation::Array { close, empty } => {
                let close = close as usize;
                let mut text = if empty { Vec::new() } else { vec![b','] };
                text.extend_from_slice(findings);
                // A mask that takes the whole member takes its array too, and findings are no
                // secret.
                changes.retain(|change| change.start > close || change.end <= close);
                let at = changes.partition_point(|change| change.start < close);
                changes.insert(at, Replacement { start: close, end: close, text });
            }
            Annotation::Absent => {
                write_name(name, comma, &mut added);
                added.push(b'[');
                added.extend_from_slice(findings);
                added.push(b']');
            }
        }
    }
    changes.push(Replacement { start: close, end: close, text: added });
    let (mut at, before) = (start, out.len());
    for change in &changes {
        out.extend_from_slice(&buffer[at..change.start]);
        out.extend_from_slice(&change.text);
        at = change.end;
    }
    out.extend_from_slice(&buffer[at..end]);
    if parsed.shape == Shape::Json && !parsed.decoded.is_empty() {
        let made = out.split_off(before);
        escape_wide(&made, out);
    }
    Ok(())
}

/// Appends JSON with all that is outside ASCII as escapes: the same object in every encoding of
/// which ASCII is a part, so also in that of the events around it.
fn escape_wide(json: &[u8], out: &mut Vec<u8>) {
    for chunk in json.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_ascii() {
                out.push(character as u8);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
}

fn write_name(name: &str, comma: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if comma { b",\"" } else { b"\"" });
    super::unescape::escape_into(name.as_bytes(), out);
    out.extend_from_slice(b"\":");
}
