//! Masks: text within an event that must not leave.
//!
//! A mask finds by pattern, in every text value of an event at any depth, or by member name, and
//! says what stands there instead. Only the found bytes change: the rest of the value keeps its
//! own, escapes included.

use super::json::skip_space;
use super::unescape::{escape_into, unescape};
use regex::Regex;
use std::borrow::Cow;
use std::sync::Arc;

/// What stands in the place of a member that is masked by its name.
const STARS: &[u8] = b"\"***\"";

/// One mask.
#[derive(Clone, Debug)]
pub enum Mask {
    /// Whatever this finds in a text value.
    Text {
        /// What is looked for.
        pattern: Regex,
        /// What stands there instead; `$1` and `${name}` are what a group has found.
        with: String,
    },
    /// The whole value of members with one of these names, in lower case.
    Members(Vec<String>),
}

/// Bytes of an event that become others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// First byte, in the event's text.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// What stands there instead.
    pub text: Vec<u8>,
}

/// What these masks change in the JSON object `object`, from front to back, without overlap.
#[must_use]
pub fn in_object(masks: &[Arc<Mask>], object: &[u8]) -> Vec<Replacement> {
    let mut changes = Vec::new();
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &object[at..]) {
        let start = at + quote + 1;
        let end = text_end(object, start);
        let raw = &object[start..end];
        let behind = skip_space(object, end + 1);
        at = end + 1;
        if object.get(behind) != Some(&b':') {
            in_value(masks, raw, start, &mut changes);
            continue;
        }
        at = behind + 1;
        if masks.iter().any(|mask| mask.names(raw)) {
            let value = skip_space(object, at);
            at = value_end(object, value);
            if &object[value..at] != b"null" {
                changes.push(Replacement { start: value, end: at, text: STARS.to_vec() });
            }
        }
    }
    changes
}

/// `text` with what these masks find in it changed; none when they find nothing.
#[must_use]
pub fn in_text(masks: &[Arc<Mask>], text: &str) -> Option<String> {
    let found = found(masks, text);
    if found.is_empty() {
        return None;
    }
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, with) in found {
        masked.push_str(&text[at..start]);
        masked.push_str(&with);
        at = end;
    }
    masked.push_str(&text[at..]);
    Some(masked)
}

/// True when one of these masks members of this name.
#[must_use]
pub fn names(masks: &[Arc<Mask>], name: &str) -> bool {
    masks.iter().any(|mask| mask.names_plain(name))
}

impl Mask {
    /// True when it masks members whose name is `raw`, the inside of a JSON string.
    fn names(&self, raw: &[u8]) -> bool {
        self.names_plain(&unescape(raw, raw.contains(&b'\\')))
    }

    fn names_plain(&self, name: &str) -> bool {
        let Self::Members(names) = self else { return false };
        names.iter().any(|masked| name.eq_ignore_ascii_case(masked))
    }
}

/// What is found in `text`: places in order, those that overlap joined under the first one's
/// replacement.
fn found(masks: &[Arc<Mask>], text: &str) -> Vec<(usize, usize, String)> {
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for mask in masks {
        let Mask::Text { pattern, with } = &**mask else { continue };
        for captures in pattern.captures_iter(text) {
            let Some(whole) = captures.get(0).filter(|whole| !whole.is_empty()) else { continue };
            let mut expanded = String::new();
            captures.expand(with, &mut expanded);
            if expanded != whole.as_str() {
                found.push((whole.start(), whole.end(), expanded));
            }
        }
    }
    found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    found.dedup_by(|later, earlier| {
        let overlap = later.0 < earlier.1;
        if overlap {
            earlier.1 = earlier.1.max(later.1);
        }
        overlap
    });
    found
}

fn in_value(masks: &[Arc<Mask>], raw: &[u8], offset: usize, changes: &mut Vec<Replacement>) {
    let escaped = raw.contains(&b'\\');
    let text = unescape(raw, escaped);
    let found = found(masks, &text);
    let mut place = RawOffset { raw, escaped, text: 0, at: 0 };
    for (start, end, with) in found {
        let (start, end) = (place.advance(start), place.advance(end));
        let mut replacement = Vec::with_capacity(with.len());
        escape_into(with.as_bytes(), &mut replacement);
        changes.push(Replacement { start: offset + start, end: offset + end, text: replacement });
    }
}

/// Where a place of the unescaped text is in the raw one; asked for from front to back.
struct RawOffset<'a> {
    raw: &'a [u8],
    escaped: bool,
    text: usize,
    at: usize,
}

impl RawOffset<'_> {
    fn advance(&mut self, to: usize) -> usize {
        if !self.escaped {
            return to;
        }
        while self.text < to && self.at < self.raw.len() {
            if self.raw[self.at] == b'\\' {
                let (character, used) = super::unescape::one_escape(&self.raw[self.at..]);
                self.text += character.len_utf8();
                self.at += used;
            } else {
                self.text += 1;
                self.at += 1;
            }
        }
        self.at
    }
}

/// Where the text that begins at `at`, behind its quote, ends.
fn text_end(object: &[u8], mut at: usize) -> usize {
    while let Some(i) = object.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        if object[at + i] == b'"' {
            return at + i;
        }
        at += i + 2;
    }
    object.len()
}

/// One past the value that begins at `at` of a valid object.
fn value_end(object: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < object.len() {
        match object[at] {
            b'"' => {
                at = text_end(object, at + 1) + 1;
                if depth == 0 {
                    return at.min(object.len());
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 1 { at + 1 } else { at },
            b'}' | b']' => depth -= 1,
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// `object` with these changes.
#[must_use]
pub fn changed<'a>(object: &'a [u8], changes: &[Replacement]) -> Cow<'a, [u8]> {
    if changes.is_empty() {
        return Cow::Borrowed(object);
    }
    let mut out = Vec::with_capacity(object.len());
    let mut at = 0;
    for change in changes {
        out.extend_from_slice(&object[at..change.start]);
        out.extend_from_slice(&change.text);
        at = change.end;
    }
    out.extend_from_slice(&object[at..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pattern: &str, with: &str) -> Arc<Mask> {
        Arc::new(Mask::Text { pattern: Regex::new(pattern).unwrap(), with: with.to_owned() })
    }

    fn members(names: &[&str]) -> Arc<Mask> {
        Arc::new(Mask::Members(names.iter().map(ToString::to_string).collect()))
    }

    fn masked(masks: &[Arc<Mask>], object: &str) -> String {
        String::from_utf8(changed(object.as_bytes(), &in_object(masks, object.as_bytes())).into_owned()).unwrap()
    }

    #[test]
    fn only_the_found_bytes_change() {
        let digits = [text("[0-9]+", "#")];
        let cases = [
            (r#"{"a":"x 12 y"}"#, r#"{"a":"x # y"}"#),
            (
                r#"{ "a12" : "12" , "n" : 12 , "b" : ["3",{"c":"4"}] }"#,
                r##"{ "a12" : "#" , "n" : 12 , "b" : ["#",{"c":"#"}] }"##,
            ),
            (r#"{"a":"\u0041\n12\/\ud83d\ude00 7\""}"#, r#"{"a":"\u0041\n#\/\ud83d\ude00 #\""}"#),
            (r#"{"a":"\u0031x"}"#, r##"{"a":"#x"}"##),
            ("{\"a\":\"é12é\"}", "{\"a\":\"é#é\"}"),
            ("{}", "{}"),
            (r#"{"a":""}"#, r#"{"a":""}"#),
        ];
        for (object, expected) in cases {
            assert_eq!(masked(&digits, object), expected);
        }
    }

    #[test]
    fn members_are_masked_whole_whatever_they_hold() {
        let names = [members(&["password", "token"])];
        let cases = [
            (r#"{"Password":"x","b":1}"#, r#"{"Password":"***","b":1}"#),
            (r#"{"password" : 12 , "b":1}"#, r#"{"password" : "***" , "b":1}"#),
            (r#"{"a":{"token":{"x":["}",1]},"c":2}}"#, r#"{"a":{"token":"***","c":2}}"#),
            (r#"{"a":[{"token":[1,[2]]}]}"#, r#"{"a":[{"token":"***"}]}"#),
            (r#"{"token":null,"password":true}"#, r#"{"token":null,"password":"***"}"#),
            (r#"{"a":"token"}"#, r#"{"a":"token"}"#),
            (r#"{"tok\u0065n":"x"}"#, r#"{"tok\u0065n":"***"}"#),
        ];
        for (object, expected) in cases {
            assert_eq!(masked(&names, object), expected);
        }
    }

    #[test]
    fn what_overlaps_is_masked_together_and_groups_are_kept() {
        let both = [text("bcd", "1"), text("abc", "2"), text("x=(\\w+)", "x=<$1>")];
        assert_eq!(masked(&both, r#"{"a":"abcde x=y"}"#), r#"{"a":"2e x=<y>"}"#);
        assert_eq!(in_text(&both, "abcd abcd").as_deref(), Some("2 2"));
        assert_eq!(in_text(&both, "clean"), None);
        assert_eq!(masked(&[text("q", "a\"b\\")], r#"{"a":"q"}"#), r#"{"a":"a\"b\\"}"#);
    }

    #[test]
    fn what_is_masked_stays_json() {
        use proptest::prelude::*;
        proptest!(|(texts in proptest::collection::vec("\\PC{0,12}", 0..6))| {
            let object: serde_json::Map<String, serde_json::Value> =
                texts.iter().enumerate().map(|(i, text)| (format!("k{i}"), text.as_str().into())).collect();
            let object = serde_json::Value::Object(object).to_string();
            let masks = [text("[^a-z]", "\""), members(&["k1"])];
            prop_assert!(serde_json::from_str::<serde_json::Value>(&masked(&masks, &object)).is_ok());
        });
    }
}
