//! Records that enter in one encoding and leave in the other.
//!
//! What the other cannot say is written as the nearest thing it can: JSON has no binary (text if it
//! is UTF-8, base64 otherwise), no NaN (`null`), no keys but text; MessagePack has no whole number
//! beyond 64 bits (text). An EventTime becomes an RFC 3339 text.

use super::Timestamp;
use super::json::{self, Kind, Members};
use super::msgpack::{self, DEEPEST, Head, Malformed, Reader};
use super::unescape::{escape_into, unescape};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::io::Write;

/// Appends the MessagePack value at `reader` as JSON.
///
/// # Errors
/// [`Malformed`] when it is not whole or nested too deep; `out` then holds a part of it.
pub fn to_json(reader: &mut Reader<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if depth > DEEPEST {
        return Err(Malformed);
    }
    match reader.head()? {
        Head::Nil => out.extend_from_slice(b"null"),
        Head::Bool(truth) => out.extend_from_slice(if truth { b"true" } else { b"false" }),
        Head::Integer(number) => drop(write!(out, "{number}")),
        Head::Float(number) => put_float(number, out),
        Head::Text(length) => put_text(reader.take(length)?, out),
        Head::Binary(length) => put_binary(reader.take(length)?, out),
        Head::Extension(kind, length) => {
            let bytes = reader.take(length)?;
            match event_time(kind, bytes) {
                Some(time) => {
                    out.push(b'"');
                    time.write_rfc3339(out);
                    out.push(b'"');
                }
                None => put_binary(bytes, out),
            }
        }
        Head::Array(length) => {
            out.push(b'[');
            for i in 0..length {
                out.extend(std::iter::repeat_n(b',', usize::from(i > 0)));
                to_json(reader, depth + 1, out)?;
            }
            out.push(b']');
        }
        Head::Map(length) => {
            out.push(b'{');
            for i in 0..length {
                out.extend(std::iter::repeat_n(b',', usize::from(i > 0)));
                put_key(reader, depth + 1, out)?;
                out.push(b':');
                to_json(reader, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// A key, which JSON wants as text: anything else is its own JSON, in quotes.
pub(super) fn put_key(reader: &mut Reader<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    to_json(reader, depth, out)?;
    if out.get(start) != Some(&b'"') {
        let written = out.split_off(start);
        put_text(&written, out);
    }
    Ok(())
}

fn put_float(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        // Debug keeps a whole number a float: 1.0.
        drop(write!(out, "{number:?}"));
    } else {
        out.extend_from_slice(b"null");
    }
}

fn put_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if msgpack::is_utf8(text) {
        escape_into(text, out);
    } else {
        escape_into(String::from_utf8_lossy(text).as_bytes(), out);
    }
    out.push(b'"');
}

fn put_binary(bytes: &[u8], out: &mut Vec<u8>) {
    if msgpack::is_utf8(bytes) {
        return put_text(bytes, out);
    }
    out.push(b'"');
    base64_into(bytes, out);
    out.push(b'"');
}

/// Appends bytes in base64, with padding.
pub fn base64_into(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
}

/// Fluentd's EventTime: seconds and nanoseconds, both 32 bits.
#[must_use]
pub fn event_time(kind: i8, bytes: &[u8]) -> Option<Timestamp> {
    if kind != 0 || bytes.len() != 8 {
        return None;
    }
    let seconds = u32::from_be_bytes(bytes[..4].try_into().ok()?);
    let nanoseconds = u32::from_be_bytes(bytes[4..].try_into().ok()?);
    (nanoseconds < 1_000_000_000).then(|| Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(nanoseconds)))
}

/// Appends an EventTime. A time outside of 1970 to 2106 is 0.
pub fn put_event_time(time: Timestamp, out: &mut Vec<u8>) {
    let seconds = u32::try_from(time.0.div_euclid(1_000_000_000)).unwrap_or(0);
    out.extend_from_slice(&[0xd7, 0]);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&(time.0.rem_euclid(1_000_000_000) as u32).to_be_bytes());
}

/// Appends the JSON object or array `text` as MessagePack.
///
/// # Errors
/// [`Malformed`] when it is none, or nested too deep; `out` is then as it was.
pub fn from_json(text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    from_json_within(text, DEEPEST + 1, out)
}

/// The same for a reader that takes at most `deepest` objects and arrays inside of each other, the
/// outermost included: what it appends passes [`Reader::skip_within`] with the same number.
///
/// # Errors
/// As [`from_json`].
pub fn from_json_within(text: &[u8], deepest: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let result = put_nested(text, deepest.min(DEEPEST + 1), out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// An object or array that may have `levels` levels, its own included.
fn put_nested(text: &[u8], levels: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let below = levels.checked_sub(1).ok_or(Malformed)?;
    match text.first() {
        Some(b'{') => put_object(text, below, out),
        Some(b'[') => put_items(text, below, out),
        _ => Err(Malformed),
    }
}

/// How many members there are is known behind the last: the head is corrected then, which moves
/// what follows it only where there are more than fifteen.
fn correct_head(head: usize, count: usize, put: fn(usize, &mut Vec<u8>), out: &mut Vec<u8>) {
    if count <= 15 {
        out[head] |= count as u8;
        return;
    }
    let mut right = Vec::with_capacity(5);
    put(count, &mut right);
    out.splice(head..=head, right);
}

fn put_object(text: &[u8], below: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut members = Members::new(text, 0).map_err(|_| Malformed)?;
    let head = out.len();
    msgpack::put_map(0, out);
    let mut count = 0;
    while let Some(member) = members.advance().map_err(|_| Malformed)? {
        let key = unescape(&text[member.key_start..member.key_end], member.key_escaped);
        msgpack::put_text(key.as_bytes(), out);
        put_value(&text[member.start..member.end], member.kind, below, out)?;
        count += 1;
    }
    correct_head(head, count, msgpack::put_map, out);
    Ok(())
}

fn put_value(raw: &[u8], kind: Kind, below: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match kind {
        Kind::Null => out.push(0xc0),
        Kind::Bool => out.push(if raw == b"true" { 0xc3 } else { 0xc2 }),
        Kind::Text => msgpack::put_text(raw, out),
        Kind::Escaped => msgpack::put_text(unescape(raw, true).as_bytes(), out),
        Kind::Number => put_number(raw, out),
        Kind::Object | Kind::Array => put_nested(raw, below, out)?,
    }
    Ok(())
}

fn put_number(raw: &[u8], out: &mut Vec<u8>) {
    let text = std::str::from_utf8(raw).unwrap_or_default();
    let whole = !raw.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    match (text.parse::<i128>(), text.parse::<f64>()) {
        (Ok(number), _) if number >= i64::MIN.into() && number <= u64::MAX.into() => msgpack::put_integer(number, out),
        (_, Ok(number)) if !whole && number.is_finite() => msgpack::put_float(number, out),
        _ => msgpack::put_text(raw, out),
    }
}

fn put_items(text: &[u8], below: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let head = out.len();
    msgpack::put_array(0, out);
    let (mut count, mut at) = (0, json::skip_space(text, 1));
    while text.get(at) != Some(&b']') {
        let value = json::value(text, at).map_err(|_| Malformed)?;
        put_value(value.of(text), value.kind, below, out)?;
        count += 1;
        at = json::skip_space(text, value.next());
        match text.get(at) {
            Some(b',') => at = json::skip_space(text, at + 1),
            Some(b']') => {}
            _ => return Err(Malformed),
        }
    }
    correct_head(head, count, msgpack::put_array, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json_of(packed: &[u8]) -> String {
        let mut out = Vec::new();
        to_json(&mut Reader::new(packed, 0), 0, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn there_and_back_is_the_same() {
        let text =
            r#"{"a":1,"b":[1.5,-3,"x\n\u00fc",null,true,[],{}],"c":{"d":18446744073709551615,"":"e"},"f":1e300}"#;
        let mut packed = Vec::new();
        from_json(text.as_bytes(), &mut packed).unwrap();
        let back: serde_json::Value = serde_json::from_str(&json_of(&packed)).unwrap();
        assert_eq!(back, serde_json::from_str::<serde_json::Value>(text).unwrap());
    }

    #[test]
    fn what_json_cannot_say_is_said_as_near_as_it_can() {
        assert_eq!(json_of(&[0xc4, 3, 0xff, 0xfe, 0xfd]), "\"//79\"");
        assert_eq!(json_of(&[0xc4, 4, 0xff, 0xfe, 0xfd, 0]), "\"//79AA==\"");
        assert_eq!(json_of(&[0xc4, 2, b'o', b'k']), "\"ok\"");
        assert_eq!(json_of(&[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]), "null");
        assert_eq!(json_of(&[0x82, 0x01, 0xa1, b'x', 0x91, 0xa1, b'q', 0xc0]), r#"{"1":"x","[\"q\"]":null}"#);
        assert_eq!(json_of(&[0xd7, 0, 0x65, 0x53, 0xf1, 0, 0, 0, 0, 1]), "\"2023-11-14T22:13:20.000000001Z\"");
        assert_eq!(json_of(&[0xa2, 0xff, b'x']), "\"\u{fffd}x\"");
    }

    #[test]
    fn what_is_nested_too_deep_is_refused_both_ways() {
        let deep = ["[".repeat(1_000), "]".repeat(1_000)].concat();
        assert_eq!(from_json(deep.as_bytes(), &mut Vec::new()), Err(Malformed));
        assert_eq!(to_json(&mut Reader::new(&[0x91; 1_000], 0), 0, &mut Vec::new()), Err(Malformed));
    }

    #[test]
    fn what_is_written_for_a_depth_is_read_within_it() {
        for levels in 1..=70 {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let text = [open.repeat(levels), "1".into(), close.repeat(levels)].concat();
                for deepest in [2, 64, DEEPEST] {
                    let mut out = vec![7];
                    let written = from_json_within(text.as_bytes(), deepest, &mut out);
                    assert_eq!(written.is_ok(), levels <= deepest, "{levels} {deepest}");
                    match written {
                        Ok(()) => assert_eq!(Reader::new(&out, 1).skip_within(deepest), Ok(())),
                        Err(Malformed) => assert_eq!(out, [7]),
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn base64_has_the_length_it_must_have(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            let mut out = Vec::new();
            base64_into(&bytes, &mut out);
            prop_assert_eq!(out.len(), bytes.len().div_ceil(3) * 4);
        }

        #[test]
        fn event_times_keep_their_nanoseconds(seconds in 0..u32::MAX, nanoseconds in 0_u32..1_000_000_000) {
            let time = Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(nanoseconds));
            let mut out = Vec::new();
            put_event_time(time, &mut out);
            prop_assert_eq!(event_time(0, &out[2..]), Some(time));
        }
    }
}
