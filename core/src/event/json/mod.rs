//! Members of a JSON object, located in place.
//!
//! [`Members`] walks the members of one object and yields spans; it allocates nothing and unescapes
//! nothing. It is strict: an object that it walks to the end is one by the grammar of RFC 8259,
//! nested values included, so that adding a member before its closing brace gives an object again.
//! `benches/members.rs` measures it against sonic-rs.

mod lead;
mod lenient;
mod strings;

pub(super) use lead::Lead;
pub(super) use lenient::to_strict;
pub(super) use strings::plain_end;
use strings::string_end;

/// The names of the one member of a value of OTLP, by its type.
pub(super) const SCALARS: [&[u8]; 6] = [b"stringValue", b"intValue", b"doubleValue", b"boolValue", b"Value", b"value"];

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

/// A value in the walked text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) kind: Kind,
    /// Where it starts, in the lower half, and where it ends: written and read as one, so that it
    /// stays in a register.
    pub(super) bounds: u64,
}

impl Value {
    pub(super) const fn new(kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, bounds: start as u64 | (end as u64) << 32 }
    }

    /// Strings: behind the quote.
    #[inline(always)]
    pub(super) const fn start(&self) -> usize {
        self.bounds as u32 as usize
    }

    /// Strings: before the quote.
    #[inline(always)]
    pub(super) const fn end(&self) -> usize {
        (self.bounds >> 32) as usize
    }

    #[inline(always)]
    pub(super) fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start()..self.end()]
    }

    /// Where the text goes on behind it.
    #[inline(always)]
    pub(super) fn next(&self) -> usize {
        self.end() + usize::from(matches!(self.kind, Kind::Text | Kind::Escaped))
    }
}

impl Member {
    pub(super) fn value(&self) -> Value {
        Value::new(self.kind, self.start, self.end)
    }
}

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
    /// At the closing brace.
    Done,
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
        (self.state == Walk::Done).then_some(self.at)
    }

    /// The next member, `None` behind the last.
    ///
    /// # Errors
    /// [`Malformed`] where the text stops being a JSON object.
    pub fn advance(&mut self) -> Result<Option<Member>, Malformed> {
        let result = self.next_member();
        if result.is_err() {
            self.state = Walk::Failed;
        }
        result
    }

    fn next_member(&mut self) -> Result<Option<Member>, Malformed> {
        let is_first = match self.state {
            Walk::First => true,
            Walk::Rest => false,
            Walk::Done => return Ok(None),
            Walk::Failed => return Err(Malformed),
        };
        match next_name(self.text, self.at, is_first)? {
            NextMember::Close(at) => {
                (self.at, self.state) = (at, Walk::Done);
                Ok(None)
            }
            NextMember::Name(Name { start: key_start, end: key_end, is_escaped: key_escaped, value }) => {
                let value = value_within(self.text, self.text.len(), value)?;
                (self.at, self.state) = (value.next(), Walk::Rest);
                let (kind, start, end) = (value.kind, value.start(), value.end());
                Ok(Some(Member { key_start, key_end, key_escaped, kind, start, end }))
            }
        }
    }
}

/// A member's name, as byte offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    /// Behind its quote.
    pub(super) start: usize,
    /// Before its quote.
    pub(super) end: usize,
    pub(super) is_escaped: bool,
    /// Where its value begins, quote included.
    pub(super) value: usize,
}

/// What comes next in an object.
#[derive(Clone, Copy, Debug)]
pub(super) enum NextMember {
    Name(Name),
    /// The closing brace, here.
    Close(usize),
}

/// What comes at `at` in an object: behind the opening brace if `is_first`, else behind a value.
#[inline(never)]
pub(super) fn next_name(text: &[u8], at: usize, is_first: bool) -> Result<NextMember, Malformed> {
    let mut at = skip_space(text, at);
    match text.get(at) {
        Some(b'}') => return Ok(NextMember::Close(at)),
        Some(b',') if !is_first => at = skip_space(text, at + 1),
        Some(_) if is_first => {}
        _ => return Err(Malformed),
    }
    name(text, at).map(NextMember::Name).ok_or(Malformed)
}

/// The name at `at`, and where its value begins.
fn name(text: &[u8], at: usize) -> Option<Name> {
    if text.get(at)? != &b'"' {
        return None;
    }
    let (end, is_escaped) = string_end(text, text.len(), at + 1)?;
    let colon = skip_space(text, end + 1);
    (text.get(colon)? == &b':').then(|| Name { start: at + 1, end, is_escaped, value: skip_space(text, colon + 1) })
}

/// The value at `at`.
pub(super) fn value(text: &[u8], at: usize) -> Result<Value, Malformed> {
    value_within(text, text.len(), at)
}

/// The same for a value that must end by `end`; what follows in memory may be read, but is no part
/// of it.
#[inline(always)]
pub(super) fn value_within(text: &[u8], end: usize, at: usize) -> Result<Value, Malformed> {
    match text.get(at) {
        Some(b'"') => {
            let (close, is_escaped) = string_end(text, end, at + 1).ok_or(Malformed)?;
            Ok(Value::new(if is_escaped { Kind::Escaped } else { Kind::Text }, at + 1, close))
        }
        Some(b'0'..=b'9' | b'-') => {
            number_end(text, end, at).map(|close| Value::new(Kind::Number, at, close)).ok_or(Malformed)
        }
        _ => other_value(text, end, at),
    }
}

/// What is neither string nor number, or stands behind white space.
#[inline(never)]
fn other_value(text: &[u8], end: usize, at: usize) -> Result<Value, Malformed> {
    let text = text.get(..end).ok_or(Malformed)?;
    match text.get(at) {
        Some(b' ' | b'\t' | b'\n' | b'\r') => value_within(text, end, skip_space(text, at)),
        Some(b'{') => nested_end(text, at).map(|end| Value::new(Kind::Object, at, end)).ok_or(Malformed),
        Some(b'[') => nested_end(text, at).map(|end| Value::new(Kind::Array, at, end)).ok_or(Malformed),
        _ => literal(text, at),
    }
}

/// A word that is a value.
fn literal(text: &[u8], at: usize) -> Result<Value, Malformed> {
    match text.get(at) {
        Some(b't') if text[at..].starts_with(b"true") => Ok(Value::new(Kind::Bool, at, at + 4)),
        Some(b'f') if text[at..].starts_with(b"false") => Ok(Value::new(Kind::Bool, at, at + 5)),
        Some(b'n') if text[at..].starts_with(b"null") => Ok(Value::new(Kind::Null, at, at + 4)),
        _ => Err(Malformed),
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
#[must_use]
pub fn validate(text: &[u8]) -> bool {
    let start = skip_space(text, 0);
    value(text, start).is_ok_and(|value| skip_space(text, value.next()) == text.len())
}

/// One past the bracket that closes the one at `at`.
///
/// Not recursive: nesting costs one bit a level, so no depth overflows the stack.
fn nested_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut open = Open::default();
    loop {
        // At the beginning of a value.
        match text.get(at)? {
            &bracket @ (b'{' | b'[') => {
                open.push(bracket == b'{');
                at = skip_space(text, at + 1);
                if text.get(at)? == open.closing()? {
                    open.pop();
                    at += 1;
                } else {
                    if bracket == b'{' {
                        at = name(text, at)?.value;
                    }
                    continue;
                }
            }
            _ => at = value(text, at).ok()?.next(),
        }
        // Behind a value: close what closes, or go on to the next one.
        loop {
            let Some(closing) = open.closing() else { return Some(at) };
            at = skip_space(text, at);
            match text.get(at)? {
                b',' => {
                    at = skip_space(text, at + 1);
                    if *closing == b'}' {
                        at = name(text, at)?.value;
                    }
                    break;
                }
                byte if byte == closing => {
                    open.pop();
                    at += 1;
                }
                _ => return None,
            }
        }
    }
}

/// Brackets that are open, one bit each: set for an object. The first 64 levels need no memory.
#[derive(Default)]
struct Open {
    depth: usize,
    top: u64,
    below: Vec<u64>,
}

impl Open {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | u64::from(object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.top >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.top = self.below.pop().unwrap_or_default();
        }
    }

    /// The bracket that closes the innermost open one; none when all are closed.
    fn closing(&self) -> Option<&'static u8> {
        match (self.depth, self.top & 1) {
            (0, _) => None,
            (_, 1) => Some(&b'}'),
            _ => Some(&b']'),
        }
    }
}

/// One past a number of the JSON grammar, which must end by `end`.
#[inline(never)]
fn number_end(text: &[u8], end: usize, mut at: usize) -> Option<usize> {
    let here = |at: usize| text.get(at).copied().unwrap_or_default();
    if here(at) == b'-' {
        at += 1;
    }
    at = if here(at) == b'0' { at + 1 } else { digits_end(text, at)? };
    if here(at) == b'.' {
        at = digits_end(text, at + 1)?;
    }
    if let b'e' | b'E' = here(at) {
        at += 1;
        if let b'+' | b'-' = here(at) {
            at += 1;
        }
        at = digits_end(text, at)?;
    }
    (at <= end).then_some(at)
}

/// One past the digits at `at`, of which there must be one.
#[inline(always)]
fn digits_end(text: &[u8], at: usize) -> Option<usize> {
    let end = digits(text, at);
    (end > at).then_some(end)
}

/// Where the run of digits at `at` ends: eight bytes at a step.
#[inline(always)]
pub(super) fn digits(text: &[u8], mut at: usize) -> usize {
    const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
    while let Some(step) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        // Digits become 0 to 9; of what else there is, the first byte's top bit is set by itself or
        // by the addition.
        let values = u64::from_le_bytes(*step) ^ ZEROS;
        let others = (values | values.wrapping_add(u64::from_le_bytes([0x76; 8]))) & u64::from_le_bytes([0x80; 8]);
        at += others.trailing_zeros() as usize / 8;
        if others != 0 {
            return at;
        }
    }
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
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
    fn what_the_grammar_forbids_is_malformed() {
        for text in [
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"12345678\u{1}\"}",
            "{\"a\":[}]}",
            "{\"a\":[1,]}",
            "{\"a\":{\"b\" 1}}",
            "{\"a\":{1:2}}",
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
        let mixed = format!("{}1{}", "[{\"a\":".repeat(100), "}]".repeat(100));
        assert!(validate(mixed.as_bytes()));
        assert!(!validate(mixed.replace("1}", "1]").as_bytes()));
        assert!(!validate(&deep.as_bytes()[..deep.len() - 1]));
    }

    proptest! {
        #[test]
        fn validation_agrees_with_serde_json(text in r#"[\[\]{}",:\\0-9eE+.a-fnu\-truls ]{0,24}"#) {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(validate(text.as_bytes()), theirs, "{}", text);
            let object = format!("{{\"a\":{text}}}");
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&object).is_ok();
            let ours = walk(&object).is_ok_and(|_| object.ends_with('}'));
            prop_assert!(!theirs || ours, "{}", object);
            prop_assert_eq!(validate(object.as_bytes()), theirs, "{}", object);
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
