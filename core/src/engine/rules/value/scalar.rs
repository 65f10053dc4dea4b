//! Scalars as rules compare them: `"504"` and `504` are equal, however the event writes them.

use crate::event::Value;
use rhai::Dynamic;

/// A number. Integers are compared exactly, so that long identifiers stay distinct.
#[derive(Clone, Copy, Debug)]
enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    /// Parses a number in JSON's notation, optionally with a plus sign. `nan` and `inf` are text.
    fn of(text: &str) -> Option<Self> {
        if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
            return None;
        }
        text.parse()
            .map(Self::Integer)
            .ok()
            .or_else(|| text.parse().map(Self::Float).ok().filter(|n| n.value().is_finite()))
    }

    fn value(self) -> f64 {
        match self {
            Self::Integer(n) => n as f64,
            Self::Float(n) => n,
        }
    }

    fn same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (a, b) => a.value() == b.value(),
        }
    }
}

/// A scalar in a rule's filter.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    text: String,
    number: Option<Number>,
    /// The rule wrote it as text. Compared with text it then matches only the same text (`"1e3"` is
    /// not `"1000"`).
    is_text: bool,
}

impl Scalar {
    /// The scalar that a rule wrote; `None` for arrays, maps, functions and `()`.
    pub(crate) fn of(value: &Dynamic) -> Option<Self> {
        let text = text_of(value)?;
        let number = Number::of(&text);
        Some(Self { text, number, is_text: value.is_string() || value.is_char() })
    }

    /// True for a number, and for text that is a number.
    pub(crate) fn is_number(&self) -> bool {
        self.number.is_some()
    }

    /// The value as a number, if it has one.
    pub(crate) fn number(&self) -> Option<f64> {
        self.number.map(Number::value)
    }

    /// The value as text, as an event would have it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value in the syntax of rules.
    pub(crate) fn shown(&self) -> String {
        if self.is_text { format!("{:?}", self.text) } else { self.text.clone() }
    }

    /// True when this value equals an integer in an event.
    pub(crate) fn is_integer(&self, integer: i64) -> bool {
        self.number.is_some_and(|number| number.same(Number::Integer(integer)))
    }

    /// True when this value equals `text` in an event, which the event has as text or (`as_number`)
    /// as a number.
    pub(crate) fn is(&self, text: &str, as_number: bool) -> bool {
        if self.text == text {
            return true;
        }
        match self.number {
            Some(number) if as_number || !self.is_text => Number::of(text).is_some_and(|other| number.same(other)),
            _ => false,
        }
    }
}

/// The number that a text is, if it is one.
pub(crate) fn number_of(text: &str) -> Option<f64> {
    Number::of(text).map(Number::value)
}

/// Compares text and number by value, for `==` in rules.
pub(crate) fn same_number(text: &str, number: f64) -> bool {
    Number::of(text).is_some_and(|written| written.value() == number)
}

/// As [`same_number`], exact for integers.
pub(crate) fn same_integer(text: &str, number: i64) -> bool {
    Number::of(text).is_some_and(|written| written.same(Number::Integer(number)))
}

/// A scalar as text. Whole floats have no fraction, so that `504`, `504.0` and `"504"` give the
/// same key.
pub(crate) fn text_of(value: &Dynamic) -> Option<String> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(text.to_string());
    }
    if let Ok(number) = value.as_int() {
        return Some(number.to_string());
    }
    if let Ok(number) = value.as_float() {
        return Some(if number.fract() == 0.0 && number.abs() < 1e15 {
            format!("{number:.0}")
        } else {
            number.to_string()
        });
    }
    value.as_bool().map(|truth| truth.to_string()).or_else(|_| value.as_char().map(String::from)).ok()
}

/// A member's scalar as text, and whether the event has it as a number; `None` for null and nested
/// values.
pub(crate) fn text_of_member<'a>(value: &'a Value<'_>) -> Option<(&'a str, bool)> {
    match value {
        Value::Bool(true) => Some(("true", false)),
        Value::Bool(false) => Some(("false", false)),
        Value::Number(text) => Some((text, true)),
        Value::Text(text) => Some((text, false)),
        Value::Null | Value::Nested(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_numbers_match_by_value() {
        let cases: [(Dynamic, &str, bool, bool); 14] = [
            (504.into(), "504", true, true),
            (504.into(), "504", false, true),
            (504.into(), "504.0", true, true),
            (504.into(), "5.04e2", true, true),
            ("504".into(), "504", true, true),
            ("504".into(), "504.0", true, true),
            ("504".into(), "504.0", false, false),
            ("1e3".into(), "1000", false, false),
            (0.5.into(), "0.50", true, true),
            (true.into(), "true", false, true),
            ("nan".into(), "NaN", false, false),
            (9_007_199_254_740_993_i64.into(), "9007199254740992", true, false),
            (504.into(), "50", true, false),
            ("a".into(), "a", false, true),
        ];
        for (value, text, as_number, expected) in cases {
            assert_eq!(Scalar::of(&value).unwrap().is(text, as_number), expected, "{value} and {text}");
        }
    }

    #[test]
    fn keys_do_not_depend_on_how_a_number_is_written() {
        assert_eq!(text_of(&504.into()).as_deref(), Some("504"));
        assert_eq!(text_of(&504.0.into()).as_deref(), Some("504"));
        assert_eq!(text_of(&0.25.into()).as_deref(), Some("0.25"));
        assert_eq!(text_of(&Dynamic::UNIT), None);
    }
}
