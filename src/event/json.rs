//! Members of a JSON object, located in place.
//!
//! [`Members`] walks the members of one object and yields spans; it allocates nothing, unescapes nothing and looks into
//! no nested value. It checks what locating needs: strings end, brackets balance, colons and commas stand where they
//! must, the object ends where the text ends. [`validate`] checks all of the grammar (RFC 8259) and is asked before
//! anything is spliced in. `benches/members.rs` measures this walk against sonic-rs.

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string without escapes; the span excludes the quotes.
    Text,
    /// A string with escapes; the span excludes the quotes.
    Escaped,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// An object, braces included.
    Object,
    /// An array, brackets included.
    Array,
}

/// One member of an object, as byte offsets into the walked text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where the key's text begins, behind its quote.
    pub key_start: usize,
    /// Where the key's text ends, before its quote.
    pub key_end: usize,
    /// True when the key contains a backslash.
    pub key_escaped: bool,
    /// What the value is.
    pub kind: Kind,
    /// Where the value begins (strings: behind the quote).
    pub start: usize,
    /// Where the value ends (strings: before the quote).
    pub end: usize,
}

/// The text is no JSON object, or not a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Walks the members of the object that starts at `at` in `text`.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    text: &'a [u8],
    at: usize,
    state: Walk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    First,
    Rest,
    /// Behind the closing brace, whose offset it holds.
    Done(usize),
    Failed,
}

impl<'a> Members<'a> {
    /// Starts at the opening brace at `start`; leading white space must have been passed.
    ///
    /// # Errors
    /// [`Malformed`] when there is no brace.
    #[inline]
    pub fn new(text: &'a [u8], start: usize) -> Result<Self, Malformed> {
        if text.get(start) == Some(&b'{') {
            Ok(Self { text, at: start + 1, state: Walk::First })
        } else {
            Err(Malformed)
        }
    }

    /// The offset of the closing brace, once the walk has ended well.
    #[inline]
    #[must_use]
    pub fn closed_at(&self) -> Option<usize> {
        match self.state {
            Walk::Done(at) => Some(at),
            _ => None,
        }
    }

    /// The next member, `None` behind the last.
    ///
    /// # Errors
    /// [`Malformed`] where the text stops being a JSON object.
    #[inline]
    pub fn advance(&mut self) -> Result<Option<Member>, Malformed> {
        let result = self.step();
        if result.is_err() {
            self.state = Walk::Failed;
        }
        result
    }

    #[inline]
    fn step(&mut self) -> Result<Option<Member>, Malformed> {
        let text = self.text;
        let mut at = skip_space(text, self.at);
        match self.state {
            Walk::First if text.get(at) == Some(&b'}') => {
                self.state = Walk::Done(at);
                self.at = at + 1;
                return Ok(None);
            }
            Walk::First => {}
            Walk::Rest => match text.get(at) {
                Some(b',') => at = skip_space(text, at + 1),
                Some(b'}') => {
                    self.state = Walk::Done(at);
                    self.at = at + 1;
                    return Ok(None);
                }
                _ => return Err(Malformed),
            },
            Walk::Done(_) => return Ok(None),
            Walk::Failed => return Err(Malformed),
        }
        if text.get(at) != Some(&b'"') {
            return Err(Malformed);
        }
        let key_start = at + 1;
        let (key_end, key_escaped) = string_end(text, key_start).ok_or(Malformed)?;
        at = key_end + 1;
        if text.get(at) != Some(&b':') {
            at = skip_space(text, at);
            if text.get(at) != Some(&b':') {
                return Err(Malformed);
            }
        }
        at = skip_space(text, at + 1);
        let (kind, start, end, next) = value(text, at)?;
        self.at = next;
        self.state = Walk::Rest;
        Ok(Some(Member { key_start, key_end, key_escaped, kind, start, end }))
    }
}

/// The value at `at`: its kind, its span, and where the text goes on.
#[inline]
fn value(text: &[u8], at: usize) -> Result<(Kind, usize, usize, usize), Malformed> {
    match text.get(at) {
        Some(b'"') => {
            let (end, escaped) = string_end(text, at + 1).ok_or(Malformed)?;
            Ok((if escaped { Kind::Escaped } else { Kind::Text }, at + 1, end, end + 1))
        }
        Some(b'-' | b'0'..=b'9') => {
            let mut end = at + 1;
            while text.get(end).is_some_and(|&byte| CLASS[byte as usize] == NUMBER) {
                end += 1;
            }
            Ok((Kind::Number, at, end, end))
        }
        Some(b'{') => nested_end(text, at).map(|end| (Kind::Object, at, end, end)),
        Some(b'[') => nested_end(text, at).map(|end| (Kind::Array, at, end, end)),
        Some(b't') if text[at..].starts_with(b"true") => Ok((Kind::Bool, at, at + 4, at + 4)),
        Some(b'f') if text[at..].starts_with(b"false") => Ok((Kind::Bool, at, at + 5, at + 5)),
        Some(b'n') if text[at..].starts_with(b"null") => Ok((Kind::Null, at, at + 4, at + 4)),
        _ => Err(Malformed),
    }
}

const NUMBER: u8 = 1;
const QUOTE: u8 = 2;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;

/// What a byte means outside strings.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        class[digit as usize] = NUMBER;
        digit += 1;
    }
    class[b'.' as usize] = NUMBER;
    class[b'-' as usize] = NUMBER;
    class[b'+' as usize] = NUMBER;
    class[b'e' as usize] = NUMBER;
    class[b'E' as usize] = NUMBER;
    class[b'"' as usize] = QUOTE;
    class[b'{' as usize] = OPEN;
    class[b'[' as usize] = OPEN;
    class[b'}' as usize] = CLOSE;
    class[b']' as usize] = CLOSE;
    class
};

/// One past the bracket that closes the one at `at`. Only depth is counted here; kinds of brackets are [`validate`]'s.
fn nested_end(text: &[u8], at: usize) -> Result<usize, Malformed> {
    let (mut depth, mut i) = (0_usize, at);
    while let Some(&byte) = text.get(i) {
        match CLASS[byte as usize] {
            QUOTE => i = string_end(text, i + 1).ok_or(Malformed)?.0,
            OPEN => depth += 1,
            CLOSE => {
                depth -= 1;
                if depth == 0 {
                    return Ok(i + 1);
                }
            }
            _ => {}
        }
        i += 1;
    }
    Err(Malformed)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// Where the string that began before `at` ends (its closing quote), and whether it has escapes.
///
/// Eight bytes at a step; most strings in logs are shorter than what a vector search needs to pay for its start.
#[inline]
fn string_end(text: &[u8], at: usize) -> Option<(usize, bool)> {
    let mut i = at;
    while let Some(chunk) = text.get(i..i + 8) {
        let word = u64::from_le_bytes(chunk.try_into().ok()?);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        // The lowest set top bit is exact; those above it may be false and are never looked at.
        let hit = ((quote.wrapping_sub(ONES) & !quote) | (slash.wrapping_sub(ONES) & !slash)) & TOPS;
        if hit != 0 {
            i += (hit.trailing_zeros() / 8) as usize;
            if text[i] == b'"' {
                return Some((i, false));
            }
            return escaped_end(text, i).map(|end| (end, true));
        }
        i += 8;
    }
    loop {
        match text.get(i)? {
            b'"' => return Some((i, false)),
            b'\\' => return escaped_end(text, i).map(|end| (end, true)),
            _ => i += 1,
        }
    }
}

/// The closing quote of a string whose first backslash is at `at`.
fn escaped_end(text: &[u8], at: usize) -> Option<usize> {
    let mut i = at;
    loop {
        i += memchr::memchr2(b'"', b'\\', text.get(i..)?)?;
        if text[i] == b'"' {
            return Some(i);
        }
        i += 2;
    }
}

/// The first byte at or behind `at` that is no JSON white space.
#[inline]
#[must_use]
pub fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// True when `text` is one whole JSON value of RFC 8259, white space around it allowed.
///
/// Not recursive: nesting costs one bit a level, so no depth overflows the stack.
#[must_use]
pub fn validate(text: &[u8]) -> bool {
    let mut objects: Vec<u64> = Vec::new();
    let mut depth = 0_usize;
    let mut at = skip_space(text, 0);
    'value: loop {
        match text.get(at) {
            Some(&open @ (b'{' | b'[')) => {
                let object = open == b'{';
                if depth / 64 == objects.len() {
                    objects.push(0);
                }
                let bit = 1_u64 << (depth % 64);
                objects[depth / 64] = if object { objects[depth / 64] | bit } else { objects[depth / 64] & !bit };
                depth += 1;
                at = skip_space(text, at + 1);
                if text.get(at) == Some(if object { &b'}' } else { &b']' }) {
                    depth -= 1;
                    at += 1;
                } else if object {
                    match strict_key(text, at) {
                        Some(next) => at = next,
                        None => return false,
                    }
                    continue 'value;
                } else {
                    continue 'value;
                }
            }
            Some(b'"') => match strict_string(text, at + 1) {
                Some(next) => at = next,
                None => return false,
            },
            Some(b'-' | b'0'..=b'9') => match strict_number(text, at) {
                Some(next) => at = next,
                None => return false,
            },
            Some(b't') if text[at..].starts_with(b"true") => at += 4,
            Some(b'f') if text[at..].starts_with(b"false") => at += 5,
            Some(b'n') if text[at..].starts_with(b"null") => at += 4,
            _ => return false,
        }
        // Behind a value: close what closes, or go on to the next one.
        loop {
            at = skip_space(text, at);
            if depth == 0 {
                return at == text.len();
            }
            let object = objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1 == 1;
            match (text.get(at), object) {
                (Some(b','), false) => {
                    at = skip_space(text, at + 1);
                    continue 'value;
                }
                (Some(b','), true) => match strict_key(text, skip_space(text, at + 1)) {
                    Some(next) => {
                        at = next;
                        continue 'value;
                    }
                    None => return false,
                },
                (Some(b'}'), true) | (Some(b']'), false) => {
                    depth -= 1;
                    at += 1;
                }
                _ => return false,
            }
        }
    }
}

/// A key and its colon; where its value begins.
fn strict_key(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let at = skip_space(text, strict_string(text, at + 1)?);
    (text.get(at) == Some(&b':')).then(|| skip_space(text, at + 1))
}

/// One past the closing quote of a string that began before `at`; control characters and unknown escapes are refused.
fn strict_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match text.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' if text.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => at += 6,
                _ => return None,
            },
            0..=0x1F => return None,
            _ => at += 1,
        }
    }
}

/// One past a number of the JSON grammar.
fn strict_number(text: &[u8], mut at: usize) -> Option<usize> {
    let digits = |mut i: usize| {
        let start = i;
        while text.get(i).is_some_and(u8::is_ascii_digit) {
            i += 1;
        }
        (i > start).then_some(i)
    };
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn walk(text: &str) -> Result<Vec<(String, Kind, String)>, Malformed> {
        let mut members = Members::new(text.as_bytes(), 0)?;
        let mut out = Vec::new();
        while let Some(m) = members.advance()? {
            out.push((text[m.key_start..m.key_end].to_owned(), m.kind, text[m.start..m.end].to_owned()));
        }
        assert!(members.closed_at().is_some_and(|at| text.as_bytes()[at] == b'}'));
        Ok(out)
    }

    #[test]
    fn members_are_found_in_order_with_their_kinds() {
        let got =
            walk(r#"{ "a" :"x", "b":1.5e-3 ,"c":null,"d":[1,{"e":"]}"}],"f":{"g":{}}, "h\"i":"j\\\"k","l":true}"#)
                .unwrap();
        let kinds: Vec<_> = got.iter().map(|(key, kind, value)| (key.as_str(), *kind, value.as_str())).collect();
        assert_eq!(
            kinds,
            [
                ("a", Kind::Text, "x"),
                ("b", Kind::Number, "1.5e-3"),
                ("c", Kind::Null, "null"),
                ("d", Kind::Array, r#"[1,{"e":"]}"}]"#),
                ("f", Kind::Object, r#"{"g":{}}"#),
                (r#"h\"i"#, Kind::Escaped, r#"j\\\"k"#),
                ("l", Kind::Bool, "true"),
            ]
        );
    }

    #[test]
    fn what_is_no_whole_object_is_malformed() {
        for text in [
            r#"{"a":1"#,
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":"x"#,
            r#"{"a":"x\"#,
            r#"{"a":[1,2}"#,
            r#"{"a":tru}"#,
            r#"{"a" 1}"#,
            r#"{,}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 "b":2}"#,
            "{",
            "x",
            "",
        ] {
            let all = || -> Result<(), Malformed> {
                let mut members = Members::new(text.as_bytes(), 0)?;
                while members.advance()?.is_some() {}
                Ok(())
            };
            assert_eq!(all(), Err(Malformed), "{text}");
            assert!(!validate(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn validation_is_strict_where_walking_is_not() {
        for text in [
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\t\"}",
            "{\"a\":[}]}",
            "{\"a\":1}x",
            "{\"a\":\"\\u12g4\"}",
            "{\"a\":-}",
            "{\"a\":1e}",
        ] {
            assert!(!validate(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn any_depth_is_validated_without_recursion() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(validate(deep.as_bytes()));
        assert!(!validate(&deep.as_bytes()[..deep.len() - 1]));
    }

    proptest! {
        #[test]
        fn validation_agrees_with_serde_json(text in r#"[\[\]{}",:\\0-9eE+.a-fnu\-truls ]{0,24}"#) {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(validate(text.as_bytes()), theirs, "{}", text);
        }

        #[test]
        fn walking_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut text = b"{\"a\":".to_vec();
            text.extend(bytes);
            if let Ok(mut members) = Members::new(&text, 0) {
                while let Ok(Some(_)) = members.advance() {}
            }
        }
    }
}
