//! Writes findings into an event that otherwise keeps its own bytes.

use super::Fields;
use super::look::{Annotation, Look, Shape};

/// Why an event could not take an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

/// Appends the event of `fields` with `findings` in its member `name` to `out`, without a line end.
///
/// `findings` is the inside of a JSON array: one or more objects, comma between. The member is added before the closing
/// brace; an array that is already there is continued. Everything else leaves as the bytes that came.
///
/// # Errors
/// [`Unfit`], with `out` as it was, when the event is no JSON object or has the member as something else or twice.
pub fn annotate(
    fields: &Fields<'_>,
    arena: &[u8],
    bytes: &[u8],
    name: &str,
    findings: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let look: &Look = fields.look();
    let (buffer, span) = match look.shape {
        Shape::Json => (bytes, fields.record().span),
        Shape::Text => (arena, look.rendered),
        _ => return Err(Unfit),
    };
    let (start, end) = (span.start as usize, span.end());
    let joint = look.joint;
    match joint.annotation {
        Annotation::Unfit => return Err(Unfit),
        Annotation::Array { close, empty } => {
            let close = close as usize;
            out.extend_from_slice(&buffer[start..close]);
            if !empty {
                out.push(b',');
            }
            out.extend_from_slice(findings);
            out.extend_from_slice(&buffer[close..end]);
        }
        Annotation::Absent => {
            let close = joint.close as usize;
            out.extend_from_slice(&buffer[start..close]);
            if !joint.empty {
                out.push(b',');
            }
            out.push(b'"');
            super::unescape::escape_into(name.as_bytes(), out);
            out.extend_from_slice(b"\":[");
            out.extend_from_slice(findings);
            out.push(b']');
            out.extend_from_slice(&buffer[close..end]);
        }
    }
    Ok(())
}
