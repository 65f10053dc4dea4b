//! A packed record as one JSON object.

use super::super::msgpack::{Head, Malformed, Reader};
use super::super::transcode;
use super::super::unescape::escape_into;
use super::{annotate, lead_time};
use std::borrow::Cow;

/// Appends the map `bytes` as one JSON object, with `findings`, the inside of a JSON array, in its
/// member `name`.
///
/// What only the shipper's framing knew, the time and the tag, is put in front where the record has
/// no such member.
///
/// # Errors
/// [`Malformed`] when it is no map or its member is no array; `out` is then as it was.
pub fn render(
    bytes: &[u8],
    lead: &[u8],
    tag: &[u8],
    findings: Option<(&str, &[u8])>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let start = out.len();
    let with = findings.map(|(name, findings)| {
        let (mut array, mut map) = (vec![b'['], Vec::new());
        array.extend_from_slice(findings);
        array.push(b']');
        annotate(bytes, name, &array, &mut map).map(|()| map)
    });
    let map = match with {
        Some(map) => Cow::Owned(map?),
        None => Cow::Borrowed(bytes),
    };
    let result = rendered(&map, lead, tag, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn rendered(map: &[u8], lead: &[u8], tag: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut reader = Reader::new(map, 0);
    let Head::Map(length) = reader.head()? else { return Err(Malformed) };
    out.push(b'{');
    let start = out.len();
    let (mut has_time, mut has_tag) = (false, false);
    for _ in 0..length {
        let key = out.len();
        transcode::put_key(&mut reader, 1, out)?;
        has_time |= &out[key..] == b"\"timestamp\"";
        has_tag |= &out[key..] == b"\"tag\"";
        out.push(b':');
        transcode::to_json(&mut reader, 1, out)?;
        out.push(b',');
    }
    let end = out.len();
    if let Some(time) = lead_time(lead).filter(|_| !has_time) {
        out.extend_from_slice(b"\"timestamp\":\"");
        time.write_rfc3339(out);
        out.extend_from_slice(b"\",");
    }
    if !tag.is_empty() && !has_tag {
        out.extend_from_slice(b"\"tag\":\"");
        escape_into(String::from_utf8_lossy(tag).as_bytes(), out);
        out.extend_from_slice(b"\",");
    }
    // They stand in front, and only now it is known that the record has none of their names.
    out[start..].rotate_left(end - start);
    if out.len() > start {
        out.pop();
    }
    out.push(b'}');
    Ok(())
}
