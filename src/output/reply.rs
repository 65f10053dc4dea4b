//! The reply to rsyslog's `mmexternal`: only the properties of the message that change.

use crate::event::json::{Kind, Members, skip_space};
use crate::event::mask::{self, Replacement};
use crate::event::unescape::escape_into;
use crate::event::{Edit, Fields};

/// The properties that hold the message if it came as a plain line.
const WHOLE: [&str; 2] = ["msg", "rawmsg"];
/// The property that holds a message's variables.
const VARIABLES: &[u8] = b"$!";

/// Writes the reply to one line: the masked properties and, under `$!`, the `members` that rules
/// add and the `findings` (the inside of a JSON array) as the member `name`.
pub(super) fn put_changes(
    fields: &Fields<'_>,
    edit: &Edit,
    members: &[(String, Vec<u8>)],
    name: &str,
    findings: &[u8],
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    let start = out.len();
    let mut variables = put_masked(fields, edit, out);
    for (member, value) in members.iter().filter(|(member, _)| member != name) {
        put_name(member, !variables.is_empty(), &mut variables);
        variables.extend_from_slice(value);
    }
    if !findings.is_empty() {
        put_name(name, !variables.is_empty(), &mut variables);
        variables.push(b'[');
        variables.extend_from_slice(findings);
        variables.push(b']');
    }
    if !variables.is_empty() {
        put_name("$!", out.len() > start, out);
        out.push(b'{');
        out.extend_from_slice(&variables);
        out.push(b'}');
    }
    out.extend_from_slice(b"}\n");
}

/// Writes the properties that masks change. Those under `$!` are returned as the inside of an
/// object.
fn put_masked(fields: &Fields<'_>, edit: &Edit, out: &mut Vec<u8>) -> Vec<u8> {
    let (mut variables, start) = (Vec::new(), out.len());
    if edit.masks.is_empty() {
        return variables;
    }
    let line = String::from_utf8_lossy(fields.line());
    if !line.trim_ascii_start().starts_with('{') {
        for name in WHOLE.iter().filter(|_| edit.masked(&line).is_some()) {
            put_name(name, out.len() > start, out);
            out.push(b'"');
            escape_into(edit.masked(&line).unwrap_or_default().as_bytes(), out);
            out.push(b'"');
        }
        return variables;
    }
    let object = fields.object();
    let changes = edit.changes(object);
    let Ok(mut properties) = Members::new(object, skip_space(object, 0)) else { return variables };
    while let Ok(Some(property)) = properties.advance() {
        let quote = usize::from(matches!(property.kind, Kind::Text | Kind::Escaped));
        let (from, to) = (property.start - quote, property.end + quote);
        let inside: Vec<Replacement> = changes
            .iter()
            .filter(|change| change.start >= from && change.end <= to)
            .map(|change| Replacement { start: change.start - from, end: change.end - from, text: change.text.clone() })
            .collect();
        if inside.is_empty() {
            continue;
        }
        let (key, value) = (&object[property.key_start..property.key_end], mask::changed(&object[from..to], &inside));
        if key == VARIABLES && property.kind == Kind::Object {
            variables = value[1..value.len() - 1].trim_ascii().to_vec();
            continue;
        }
        out.extend_from_slice(if out.len() > start { b",\"" } else { b"\"" });
        out.extend_from_slice(key);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(&value);
    }
    variables
}

fn put_name(name: &str, comma: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if comma { b",\"" } else { b"\"" });
    escape_into(name.as_bytes(), out);
    out.extend_from_slice(b"\":");
}
