//! What was read of a line as JSON.
//!
//! Names are stable: members are added, never renamed. `bytes` are the offsets of the first byte
//! and of the one behind the last, in the line as it came, without its end.

use super::problem;
use crate::event::inspect::{LineMember, LineReading, RoleReading};
use crate::event::{Fields, Role, Shape};
use serde::Serialize;

/// Roles of which it is said that a line lacks them.
pub const EXPECTED: [Role; 4] = [Role::Timestamp, Role::Level, Role::Message, Role::Module];

/// A line, as one JSON object.
#[derive(Debug, Serialize)]
pub struct LineDocument<'a> {
    /// The file, as it was named.
    pub file: &'a str,
    /// The number of the line, from 1.
    pub line: u64,
    /// `json`, `text`, `blank`, `own` for an event that a seismolog made, or `unread`.
    pub shape: &'static str,
    /// The layouts, outermost first.
    pub layouts: &'a [&'static str],
    /// What was read, by role.
    pub roles: Roles<'a>,
    /// Names that matched in vain.
    pub tried: Vec<TriedDocument<'a>>,
    /// Which of time, level, message and module were not found.
    pub without: Vec<&'static str>,
    /// What is wrong, by the names of `seismolog_faults_total`.
    pub fault: Option<&'static str>,
}

/// Roles in their order.
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
    /// As detectors and rules see it.
    value: &'a str,
    /// How it is written, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<&'a str>,
    /// The member that it came from; null for what has no name.
    member: Option<&'a str>,
    /// The member whose text holds that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<&'a str>,
    bytes: Option<[usize; 2]>,
    /// An envelope takes it for granted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default: bool,
    /// A duration in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<f64>,
}

/// A name that matched in vain.
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
    /// The document of one line.
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

/// The roles that a line lacks, of those that are expected of it; a status says of an event how it
/// ended, as a level does.
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

/// What a line is, in a word.
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
