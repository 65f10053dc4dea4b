//! JSON as people write it, made strict for reading: what comes of it is never passed on in place
//! of the event's own bytes.
//!
//! Python and Go write `NaN` and `Infinity`, templates of a configuration leave a comma behind the
//! last member, and who puts a text between two quotes himself leaves tabs, `\x41` and `C:\Users`
//! in it. One pass; what else is wrong stays wrong.

use super::{skip_space, validate};

/// What numbers that are none are called.
const NO_NUMBERS: [&[u8]; 4] = [b"NaN", b"Infinity", b"nan", b"inf"];

/// Appends `text`, which is no strict JSON, as strict JSON to `out`. False, with `out` as it was,
/// when it is not even that.
pub(in crate::event) fn to_strict(text: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at = match byte {
            b'"' => {
                out.push(b'"');
                string(text, at + 1, out)
            }
            // Behind a member, not in place of one.
            b',' if matches!(text.get(skip_space(text, at + 1)), Some(b'}' | b']'))
                && !matches!(out[start..].trim_ascii_end().last(), Some(b'{' | b'[' | b',' | b':')) =>
            {
                at + 1
            }
            b'-' | b'N' | b'I' | b'n' | b'i' if no_number(&text[at..]) > 0 => {
                out.extend_from_slice(b"null");
                at + no_number(&text[at..])
            }
            _ => {
                out.push(byte);
                at + 1
            }
        };
    }
    let is_strict = validate(&out[start..]);
    if !is_strict {
        out.truncate(start);
    }
    is_strict
}

/// How long the `NaN` or `-Infinity` is that `text` begins with; 0 where it does not.
fn no_number(text: &[u8]) -> usize {
    let sign = usize::from(text[0] == b'-');
    let name = NO_NUMBERS.iter().find(|name| text[sign..].starts_with(name));
    let goes_on = |end: usize| text.get(end).is_some_and(u8::is_ascii_alphanumeric);
    name.map(|name| sign + name.len()).filter(|&end| !goes_on(end)).unwrap_or(0)
}

/// Appends the inside of the string that begins at `at`, and its closing quote; where it ends.
fn string(text: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => {
                out.push(b'"');
                return at;
            }
            b'\\' => at = escape(text, at, out),
            0..0x20 => control(byte, out),
            _ => out.push(byte),
        }
    }
    at
}

/// Appends what the escape says whose backslash is before `at`; where it ends.
fn escape(text: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let hex = |at: usize| text.get(at..at + 2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    match text.get(at) {
        Some(&byte @ (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => {
            out.extend_from_slice(&[b'\\', byte]);
            at + 1
        }
        Some(b'u') if hex(at + 1).is_some() && hex(at + 3).is_some() => {
            out.extend_from_slice(b"\\u");
            at + 1
        }
        Some(b'x') if hex(at + 1).is_some() => bytes(text, at - 1, out),
        Some(b'\'') => {
            out.push(b'\'');
            at + 1
        }
        // A backslash of a path, or one that stands for itself.
        _ => {
            out.extend_from_slice(b"\\\\");
            at
        }
    }
}

/// Appends the text of `\xC3\xA9` and all such escapes that follow; where they end. Bytes that are
/// no UTF-8 are the characters of their numbers.
fn bytes(text: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    let mut said = Vec::new();
    while let Some([b'\\', b'x', high, low]) = text.get(at..at + 4)
        && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
    {
        said.push((high * 16 + low) as u8);
        at += 4;
    }
    let said = String::from_utf8(said).unwrap_or_else(|bad| bad.as_bytes().iter().copied().map(char::from).collect());
    for character in said.chars() {
        match character {
            '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
            '\0'..'\x20' => control(character as u8, out),
            _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    at
}

fn control(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strict(text: &str) -> Option<String> {
        let mut out = b"x".to_vec();
        to_strict(text.as_bytes(), &mut out).then(|| String::from_utf8(out[1..].to_vec()).unwrap())
    }

    #[test]
    fn what_people_write_is_made_strict() {
        for (text, expected) in [
            // Python's json.dumps, simplejson, a Go template.
            (r#"{"loss": NaN, "grad": Infinity, "lr": -Infinity}"#, r#"{"loss": null, "grad": null, "lr": null}"#),
            (r#"{"a":[nan,-inf,1,-NaN]}"#, r#"{"a":[null,null,1,null]}"#),
            // awk, printf, a shell script.
            ("{\"msg\":\"a\tb\u{1}\"}", r#"{"msg":"a\u0009b\u0001"}"#),
            (r#"{"path":"C:\Users\new"}"#, r#"{"path":"C:\\Users\new"}"#),
            (r#"{"msg":"it\'s","re":"\d+\."}"#, r#"{"msg":"it's","re":"\\d+\\."}"#),
            // nginx with escape=default, PHP.
            (r#"{"uri":"/\xC3\xA9?a=\x22b\x22","bad":"\xFF\x5C\x0a"}"#, r#"{"uri":"/é?a=\"b\"","bad":"ÿ\\\u000a"}"#),
            // A list that was put together member by member.
            (r#"{"a":1,"b":[1,2, ], }"#, r#"{"a":1,"b":[1,2 ] }"#),
            (r#"{"u":"\u12","v":"\uZZZZ"}"#, r#"{"u":"\\u12","v":"\\uZZZZ"}"#),
        ] {
            assert_eq!(strict(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_broken_stays_broken() {
        for text in [
            r#"{"a":1"#,
            r#"{"a":"x"#,
            r#"{"a":1,,"b":2}"#,
            r#"{,}"#,
            r#"{"a":Nano}"#,
            r#"{"a":undefined}"#,
            r#"{'a':'b'}"#,
            r#"{"a":"b" "c":1}"#,
            r#"{"a":"x\"#,
        ] {
            assert_eq!(strict(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_made_strict_or_left(text in "[{}\\[\\]:,\"\\\\xu0-9a-fNI \t\u{1}-]{0,60}|\\PC{0,40}") {
            if let Some(strict) = strict(&text) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&strict).is_ok(), "{strict}");
            }
        }
    }
}
