//! Members of a JSON object, located in place.
//!
//! [`Members`] walks the members of one object and yields spans; it allocates nothing and unescapes nothing. It is
//! strict: an object that it walks to the end is one by the grammar of RFC 8259, nested values included, so that adding
//! a member before its closing brace gives an object again. `benches/members.rs` measures it against sonic-rs.

mod lead;
mod strings;

pub(super) use lead::Lead;
pub(super) use strings::plain_end;
use strings::string_end;

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
        Ok(self.step(&Lead::NONE)?.map(|(member, _)| member))
    }

    /// As [`Self::advance`], for a member that is likely to begin like `lead`, and whether it does. For the one walk that
    /// each event takes: inlined, so that the walk's state need not be stored.
    #[inline(always)]
    pub(super) fn step(&mut self, lead: &Lead) -> Result<Option<(Member, bool)>, Malformed> {
        let result = self.next_member(lead);
        if result.is_err() {
            self.state = Walk::Failed;
        }
        result
    }

    #[inline(always)]
    fn next_member(&mut self, lead: &Lead) -> Result<Option<(Member, bool)>, Malformed> {
        let text = self.text;
        if matches!(self.state, Walk::Done | Walk::Failed) {
            return if self.state == Walk::Done { Ok(None) } else { Err(Malformed) };
        }
        let mut at = skip_space(text, self.at);
        match text.get(at) {
            Some(b'}') => {
                (self.at, self.state) = (at, Walk::Done);
                return Ok(None);
            }
            Some(b',') if self.state == Walk::Rest => at = skip_space(text, at + 1),
            Some(_) if self.state == Walk::First => {}
            _ => return Err(Malformed),
        }
        let key_start = at + 1;
        let (known, key_end, key_escaped) = match lead.ends(text, at) {
            Some((key_end, lead_end)) => {
                at = lead_end;
                (true, key_end, false)
            }
            None => {
                let (key_end, key_escaped, name_end) = name(text, at)?;
                at = name_end;
                (false, key_end, key_escaped)
            }
        };
        let (kind, start, end, next) = value(text, skip_space(text, at))?;
        (self.at, self.state) = (next, Walk::Rest);
        Ok(Some((Member { key_start, key_end, key_escaped, kind, start, end }, known)))
    }
}

/// The name at `at`: where it ends, whether it has escapes, and where its colon ends.
#[inline(always)]
fn name(text: &[u8], at: usize) -> Result<(usize, bool, usize), Malformed> {
    if text.get(at) != Some(&b'"') {
        return Err(Malformed);
    }
    let (end, escaped) = string_end(text, at + 1).ok_or(Malformed)?;
    let colon = skip_space(text, end + 1);
    if text.get(colon) == Some(&b':') { Ok((end, escaped, colon + 1)) } else { Err(Malformed) }
}

/// The value at `at`: its kind, its span, and where the text goes on.
#[inline(always)]
pub(super) fn value(text: &[u8], at: usize) -> Result<(Kind, usize, usize, usize), Malformed> {
    match text.get(at) {
        Some(b'"') => {
            let (end, escaped) = string_end(text, at + 1).ok_or(Malformed)?;
            Ok((if escaped { Kind::Escaped } else { Kind::Text }, at + 1, end, end + 1))
        }
        Some(b'-' | b'0'..=b'9') => {
            let end = number_end(text, at).ok_or(Malformed)?;
            Ok((Kind::Number, at, end, end))
        }
        Some(b'{') => nested_end(text, at).map(|end| (Kind::Object, at, end, end)).ok_or(Malformed),
        Some(b'[') => nested_end(text, at).map(|end| (Kind::Array, at, end, end)).ok_or(Malformed),
        _ => literal(text, at),
    }
}

/// A word that is a value.
fn literal(text: &[u8], at: usize) -> Result<(Kind, usize, usize, usize), Malformed> {
    match text.get(at) {
        Some(b't') if text[at..].starts_with(b"true") => Ok((Kind::Bool, at, at + 4, at + 4)),
        Some(b'f') if text[at..].starts_with(b"false") => Ok((Kind::Bool, at, at + 5, at + 5)),
        Some(b'n') if text[at..].starts_with(b"null") => Ok((Kind::Null, at, at + 4, at + 4)),
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
    value(text, start).is_ok_and(|(_, _, _, next)| skip_space(text, next) == text.len())
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
                        at = key_end(text, at)?;
                    }
                    continue;
                }
            }
            _ => at = value(text, at).ok()?.3,
        }
        // Behind a value: close what closes, or go on to the next one.
        loop {
            let Some(closing) = open.closing() else { return Some(at) };
            at = skip_space(text, at);
            match text.get(at)? {
                b',' => {
                    at = skip_space(text, at + 1);
                    if *closing == b'}' {
                        at = key_end(text, at)?;
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

/// A key and its colon; where its value begins.
fn key_end(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at)? != &b'"' {
        return None;
    }
    let at = skip_space(text, string_end(text, at + 1)?.0 + 1);
    (text.get(at)? == &b':').then(|| skip_space(text, at + 1))
}

/// One past a number of the JSON grammar.
#[inline]
fn number_end(text: &[u8], mut at: usize) -> Option<usize> {
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
