//! How a line was parsed, as JSON.
//!
//! Names are stable: members are added, never renamed. `bytes` holds the offsets of the first byte
//! and of the byte after the last one, in the original line without its line end.

use super::problem;
use crate::event::inspect::{LineMember, LineReading, RoleReading};
use crate::event::{Fields, Role, Shape};
use serde::Serialize;

/// The roles that are listed in `without` when a line lacks them.
pub const EXPECTED: [Role; 4] = [Role::Timestamp, Role::Level, Role::Message, Role::Module];

/// A line, as one JSON object.
#[derive(Debug, Serialize)]
pub struct LineDocument<'a> {
    /// The file's name, as the user gave it.
    pub file: &'a str,
    /// The line's number in the file, from 1.
    pub line: u64,
    /// `json`, `text`, `blank`, `own` for an event written by seismolog, or `unread`.
    pub shape: &'static str,
    /// The layouts, outermost first.
    pub layouts: &'a [&'static str],
    /// The roles that were found.
    pub roles: Roles<'a>,
    /// Members whose names match a role but whose values do not.
    pub tried: Vec<TriedDocument<'a>>,
    /// Which of time, level, message and module were not found.
    pub without: Vec<&'static str>,
    /// The fault of the line, by its name in `seismolog_faults_total`.
    pub fault: Option<&'static str>,
}

/// Serializes roles as an object, in their order.
#[derive(Debug)]
pub struct Roles<'a> {
    roles: &'a [RoleReading],
    duration_ms: Option<f64>,
}

impl Serialize for Roles<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.roles.iter().map(|found| (found.role.name(), self.document(found))))
    }
}

#[derive(Debug, Serialize)]
struct RoleDocument<'a> {
    /// The value as detectors and rules see it.
    value: &'a str,
    /// The value as it is written in the line, if that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<&'a str>,
    /// The member that holds the value; null where the value has no name.
    member: Option<&'a str>,
    /// The outer member in whose text that member was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<&'a str>,
    bytes: Option<[usize; 2]>,
    /// Whether the layout implies the value instead of writing it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default: bool,
    /// The value of a duration in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<f64>,
}

/// A member whose name matches a role but whose value does not.
#[derive(Debug, Serialize)]
pub struct TriedDocument<'a> {
    role: &'static str,
    member: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<&'a str>,
    value: &'a str,
    bytes: Option<[usize; 2]>,
    problem: &'static str,
}

impl Roles<'_> {
    fn document<'b>(&self, found: &'b RoleReading) -> RoleDocument<'b> {
        let from = found.from.as_ref();
        RoleDocument {
            value: &found.value,
            written: from.map(|from| from.text.as_str()).filter(|text| *text != found.value),
            member: from.map(|from| from.path.as_str()).filter(|path| !path.is_empty()),
            inside: from.and_then(|from| from.inside.as_deref()),
            bytes: from.and_then(bytes_of),
            default: found.is_default,
            milliseconds: self.duration_ms.filter(|_| found.role == Role::Duration),
        }
    }
}

impl<'a> LineDocument<'a> {
    /// Makes the document of one line.
    #[must_use]
    pub fn new(file: &'a str, line: u64, fields: &Fields<'_>, reading: &'a LineReading) -> Self {
        let tried = reading.tried.iter().map(|tried| TriedDocument {
            role: tried.role.name(),
            member: &tried.member.path,
            inside: tried.member.inside.as_deref(),
            value: &tried.member.text,
            bytes: bytes_of(&tried.member),
            problem: problem(tried.role),
        });
        Self {
            file,
            line,
            shape: shape_name(reading.shape),
            layouts: &reading.layouts,
            roles: Roles { roles: &reading.roles, duration_ms: fields.duration_ms() },
            tried: tried.collect(),
            without: without(reading).map(Role::name).collect(),
            fault: reading.fault.map(crate::event::Fault::name),
        }
    }
}

/// The expected roles that a line lacks. A status stands in for a level, because it says as well
/// how the event ended.
pub fn without(reading: &LineReading) -> impl Iterator<Item = Role> {
    let is_event = matches!(reading.shape, Shape::Json | Shape::Text);
    let has = |role: Role| reading.roles.iter().any(|found| found.role == role);
    EXPECTED.into_iter().filter(move |role| {
        is_event
            && !has(*role)
            && match role {
                Role::Level => !has(Role::Status),
                Role::Message => !has(Role::Operation),
                _ => true,
            }
    })
}

/// The name of a shape.
#[must_use]
pub const fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Json => "json",
        Shape::Text => "text",
        Shape::Blank => "blank",
        Shape::Own => "own",
        Shape::Opaque | Shape::Rest => "unread",
    }
}

fn bytes_of(member: &LineMember) -> Option<[usize; 2]> {
    member.bytes.as_ref().map(|bytes| [bytes.start, bytes.end])
}
