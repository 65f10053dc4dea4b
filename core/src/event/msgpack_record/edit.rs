//! A record in MessagePack with what rules and findings change in it; all else keeps its bytes.

use super::{key_here, place_of};
use crate::event::mask::{self, Mask};
use crate::event::msgpack::{self, DEEPEST, Head, Malformed, Reader};
use crate::event::{Edit, transcode};
use std::borrow::Cow;
use std::sync::Arc;

/// Appends the map `bytes` with `findings`, a JSON array, as one more member `name`, or added to
/// the array that is there.
///
/// # Errors
/// [`Malformed`] when it is no map or its member is no array; `out` is then as it was.
pub fn annotate(bytes: &[u8], name: &str, findings: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let result = annotated(bytes, name, findings, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn annotated(bytes: &[u8], name: &str, findings: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Some(mut there) = place_of(Reader::new(bytes, 0), name.as_bytes()) else {
        put_with_name(bytes, name, out)?;
        return transcode::from_json(findings, out);
    };
    let (head, mut end) = (there.at(), there);
    end.skip()?;
    let Head::Array(known) = there.head()? else { return Err(Malformed) };
    let mut more = Vec::new();
    transcode::from_json(findings, &mut more)?;
    let mut added = Reader::new(&more, 0);
    let Head::Array(count) = added.head()? else { return Err(Malformed) };
    out.extend_from_slice(&bytes[..head]);
    msgpack::put_array(known + count, out);
    out.extend_from_slice(&bytes[there.at()..end.at()]);
    out.extend_from_slice(&more[added.at()..]);
    out.extend_from_slice(&bytes[end.at()..]);
    Ok(())
}

/// Appends the map `bytes` with room for one more member, `name`, whose value is to follow.
fn put_with_name(bytes: &[u8], name: &str, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes, 0);
    let Head::Map(length) = reader.head()? else { return Err(Malformed) };
    msgpack::put_map(length + 1, out);
    out.extend_from_slice(&bytes[reader.at()..]);
    msgpack::put_text(name.as_bytes(), out);
    Ok(())
}

/// Appends the map `bytes` as rules wish it, with `findings`, the inside of a JSON array, in its
/// member `name` unless there are none.
///
/// # Errors
/// As [`annotate`], and when it cannot be masked.
pub fn edit(bytes: &[u8], edit: &Edit, name: &str, findings: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut map = Cow::Borrowed(bytes);
    if !edit.masks.is_empty() {
        let mut masked = Vec::with_capacity(bytes.len());
        mask(&map, &edit.masks, &mut masked)?;
        map = Cow::Owned(masked);
    }
    for (member, value) in edit.members.iter().filter(|(member, _)| member != name) {
        let mut with = Vec::with_capacity(map.len() + member.len() + value.len());
        put_with_name(&map, member, &mut with)?;
        // A value may be a scalar: it is read as the one item of an array, whose head is one byte.
        let mut item = Vec::with_capacity(value.len() + 2);
        transcode::from_json(&[b"[", &value[..], b"]"].concat(), &mut item)?;
        with.extend_from_slice(&item[1..]);
        map = Cow::Owned(with);
    }
    if findings.is_empty() {
        out.extend_from_slice(&map);
        return Ok(());
    }
    annotate(&map, name, &[b"[", findings, b"]"].concat(), out)
}

/// Appends the value `bytes` with what these masks find in its texts and members, at any depth,
/// changed.
///
/// # Errors
/// [`Malformed`] when it is none, or nested too deep; what was appended up to there is of no use.
pub fn mask(bytes: &[u8], masks: &[Arc<Mask>], out: &mut Vec<u8>) -> Result<(), Malformed> {
    put_masked(bytes, &mut Reader::new(bytes, 0), masks, 0, out)
}

fn put_masked(
    bytes: &[u8],
    reader: &mut Reader<'_>,
    masks: &[Arc<Mask>],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    if depth > DEEPEST {
        return Err(Malformed);
    }
    let start = reader.at();
    let head = reader.head()?;
    match head {
        Head::Text(length) | Head::Binary(length) => {
            // As it is read and shown: what is no UTF-8 in it does not hide the rest.
            match mask::in_text(masks, &String::from_utf8_lossy(reader.take(length)?)) {
                None => out.extend_from_slice(&bytes[start..reader.at()]),
                Some(text) if matches!(head, Head::Text(_)) => msgpack::put_text(text.as_bytes(), out),
                Some(text) => {
                    msgpack::put_binary(text.len(), out);
                    out.extend_from_slice(text.as_bytes());
                }
            }
        }
        Head::Array(length) => {
            out.extend_from_slice(&bytes[start..reader.at()]);
            for _ in 0..length {
                put_masked(bytes, reader, masks, depth + 1, out)?;
            }
        }
        Head::Map(length) => {
            out.extend_from_slice(&bytes[start..reader.at()]);
            for _ in 0..length {
                let start = reader.at();
                let key = key_here(reader)?;
                out.extend_from_slice(&bytes[start..reader.at()]);
                let named = key.is_some_and(|key| mask::names(masks, &String::from_utf8_lossy(key)));
                let mut value = *reader;
                if named && value.head()? != Head::Nil {
                    reader.skip()?;
                    msgpack::put_text(b"***", out);
                } else {
                    put_masked(bytes, reader, masks, depth + 1, out)?;
                }
            }
        }
        Head::Extension(_, length) => {
            reader.take(length)?;
            out.extend_from_slice(&bytes[start..reader.at()]);
        }
        _ => out.extend_from_slice(&bytes[start..reader.at()]),
    }
    Ok(())
}
