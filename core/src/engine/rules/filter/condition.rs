//! One condition of a native filter: a test of a role or a member of an event.

use crate::engine::rules::value::scalar::Scalar;
use crate::engine::rules::value::table::Table;
use crate::event::parsed::Form;
use crate::event::{Fields, Role, Value};
use regex::Regex;
use std::borrow::Cow;

/// The subject of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    Role(Role),
    /// A member, by its number in the set's [`super::members::MemberNames`].
    Member(usize),
}

/// A condition. All conditions of an alternative must hold.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) subject: Subject,
    pub(crate) test: Test,
}

/// The test of a subject. A missing subject passes only `Exists(false)`.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Exists(bool),
    OneOf(Vec<Scalar>),
    /// A number between these bounds, inclusive.
    Range {
        min: f64,
        max: f64,
    },
    /// Begins with one of these.
    Prefix(Vec<String>),
    /// Contains one of these.
    Contains(Vec<String>),
    Matches(Box<Regex>),
    /// A key of the table with this index.
    KeyOf(usize),
    /// Contains a key of the table with this index as a whole word.
    Mentions(usize),
    /// At least one of these tests fails.
    Not(Vec<Test>),
}

/// A subject's value in one event.
#[derive(Clone, Debug)]
pub(crate) enum Seen<'a> {
    /// Text, and whether the event has it as a number.
    Text(Cow<'a, str>, bool),
    /// A status.
    Integer(i64),
    /// A duration in milliseconds.
    Float(f64),
    /// An object or array, for which a filter can only test existence.
    Nested,
}

impl<'a> Seen<'a> {
    /// The value of a role; `None` if the event lacks it.
    #[inline]
    pub(crate) fn of_role(role: Role, fields: &Fields<'a>) -> Option<Self> {
        match role {
            Role::Status => fields.status().map(|status| Self::Integer(status.into())),
            // In milliseconds, as in scripts, whatever unit the event uses.
            Role::Duration => fields.told_duration_ms().map(Self::Float),
            Role::Level | Role::Timestamp => fields.text(role).map(|text| Self::Text(text, false)),
            _ => match fields.parsed().slots[role as usize].form {
                Form::Absent => None,
                Form::Escaped => fields.text(role).map(|text| Self::Text(text, false)),
                // The parser has already checked that the line is UTF-8; checking this part again
                // is cheap.
                form @ (Form::Text | Form::Number) => {
                    let text = simdutf8::basic::from_utf8(fields.raw(role)?).ok()?;
                    Some(Self::Text(text.into(), form == Form::Number))
                }
            },
        }
    }

    /// The value of a member; `None` for null.
    pub(crate) fn of_member(value: Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(truth) => Self::Text(if truth { "true" } else { "false" }.into(), false),
            Value::Number(text) => Self::Text(text, true),
            Value::Text(text) => Self::Text(text, false),
            Value::Nested(_) => Self::Nested,
        })
    }

    /// A scalar as the value of a subject.
    pub(crate) fn of_scalar(scalar: &'a Scalar) -> Self {
        Self::Text(scalar.text().into(), scalar.is_number())
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text, _) => Cow::Borrowed(text),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Float(number) => Cow::Owned(number.to_string()),
            Self::Nested => Cow::Borrowed(""),
        }
    }

    /// The value as a number, also if it is text that is a number.
    #[inline]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text, _) => crate::engine::rules::value::scalar::number_of(text),
            Self::Integer(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Nested => None,
        }
    }

    fn is(&self, scalar: &Scalar) -> bool {
        match self {
            Self::Text(text, is_number) => scalar.is(text, *is_number),
            Self::Integer(number) => scalar.is_integer(*number),
            Self::Float(number) => scalar.number() == Some(*number),
            Self::Nested => false,
        }
    }
}

impl Test {
    /// True when the value passes; `seen` is `None` where the event lacks the subject.
    pub(crate) fn passes(&self, seen: Option<&Seen<'_>>, tables: &[Table]) -> bool {
        let Some(seen) = seen else { return matches!(self, Self::Exists(false)) };
        match self {
            Self::Exists(wanted) => *wanted,
            Self::Not(tests) => !tests.iter().all(|test| test.passes(Some(seen), tables)),
            _ if matches!(seen, Seen::Nested) => false,
            Self::OneOf(values) => values.iter().any(|value| seen.is(value)),
            Self::Range { min, max } => seen.number().is_some_and(|number| (*min..=*max).contains(&number)),
            Self::Prefix(starts) => starts.iter().any(|start| seen.text().starts_with(start.as_str())),
            Self::Contains(words) => words.iter().any(|word| seen.text().contains(word.as_str())),
            Self::Matches(pattern) => pattern.is_match(&seen.text()),
            Self::KeyOf(table) => tables[*table].row(&seen.text()).is_some(),
            Self::Mentions(table) => tables[*table].mentioned(&seen.text()),
        }
    }

    /// Relative cost, by which conditions are ordered.
    pub(crate) fn cost(&self) -> u8 {
        match self {
            Self::Exists(_) => 0,
            Self::OneOf(_) | Self::Range { .. } | Self::Prefix(_) => 1,
            Self::KeyOf(_) => 2,
            Self::Contains(_) => 3,
            Self::Matches(_) | Self::Mentions(_) => 4,
            Self::Not(tests) => tests.iter().map(Self::cost).max().unwrap_or(0),
        }
    }
}

/// The test in the syntax of rules, for `seismolog rules`.
pub(crate) fn shown(test: &Test, tables: &[Table]) -> String {
    let words = |words: &[String]| match words {
        [word] => format!("{word:?}"),
        words => format!("{words:?}"),
    };
    let bound = |name: &str, bound: f64| if bound.is_finite() { Some(format!("{name}: {bound}")) } else { None };
    match test {
        Test::Exists(wanted) => format!("#{{ exists: {wanted} }}"),
        Test::OneOf(values) => match &values[..] {
            [value] => value.shown(),
            values => format!("[{}]", values.iter().map(Scalar::shown).collect::<Vec<_>>().join(", ")),
        },
        Test::Range { min, max } => {
            let bounds: Vec<String> = [bound("min", *min), bound("max", *max)].into_iter().flatten().collect();
            format!("#{{ {} }}", bounds.join(", "))
        }
        Test::Prefix(starts) => format!("#{{ prefix: {} }}", words(starts)),
        Test::Contains(parts) => format!("#{{ contains: {} }}", words(parts)),
        Test::Matches(pattern) => format!("#{{ regex: {:?} }}", pattern.as_str()),
        Test::KeyOf(table) => format!("#{{ table: {:?} }}", tables[*table].name),
        Test::Mentions(table) => format!("#{{ mentions: {:?} }}", tables[*table].name),
        Test::Not(tests) => {
            let tests: Vec<String> = tests.iter().map(|test| shown(test, tables)).collect();
            format!("#{{ not: {} }}", tests.join(" and "))
        }
    }
}
