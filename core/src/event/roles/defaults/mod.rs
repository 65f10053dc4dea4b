//! The names under which roles are looked for, the most telling first.
//!
//! A name stands for all its spellings: `trace_id` also for `traceId`, `TraceID` and `trace-id`. A
//! name with dots stands for every split of it: `log.level` is a member of that name, a `level` in
//! `log`, and `log_level` as well. Names that end in a unit of time need not be listed for time
//! spent: `db_duration_ms`, `queryTimeMicros` (see `spelling.rs`).

mod event;
mod origin;
mod request;

use super::{Company, Container, How, Role, RoleName, TimePart, Unit};

/// A name that any value can have which fits the role.
const fn name(text: &'static str) -> RoleName<'static> {
    RoleName { text, how: How::Plain, unit: Unit::Milliseconds, of: Company::NONE }
}

/// A name whose value is read in some way.
const fn read(how: How, text: &'static str) -> RoleName<'static> {
    RoleName { text, how, unit: Unit::Milliseconds, of: Company::NONE }
}

/// A duration whose number is in this unit.
const fn unit(unit: Unit, text: &'static str) -> RoleName<'static> {
    RoleName { text, how: How::Plain, unit, of: Company::NONE }
}

/// A name that means this only in some company.
const fn of(of: Company, text: &'static str) -> RoleName<'static> {
    RoleName { text, how: How::Plain, unit: Unit::Milliseconds, of }
}

const NS: Unit = Unit::Nanoseconds;
const MS: Unit = Unit::Milliseconds;
const S: Unit = Unit::Seconds;

/// The names of one role.
#[must_use]
pub(super) const fn names(role: Role) -> &'static [RoleName<'static>] {
    match role {
        Role::Message => event::MESSAGE,
        Role::Module => origin::MODULE,
        Role::Host => origin::HOST,
        Role::Thread => origin::THREAD,
        Role::Trace => request::TRACE,
        Role::Operation => request::OPERATION,
        Role::Duration => request::DURATION,
        Role::Status => request::STATUS,
        Role::ErrorCode => request::ERROR_CODE,
        Role::Timestamp => event::TIMESTAMP,
        Role::Level => event::LEVEL,
    }
}

/// Objects into which encoders put what the program gave them: in there the same names apply,
/// behind all outside.
pub(super) const CONTAINERS: &[(&str, Container)] = &[
    ("jsonPayload", Container::RECORD),
    ("log_processed", Container::RECORD),
    ("message", Container::RECORD),
    ("msg", Container::RECORD),
    ("log", Container::RECORD),
    ("body", Container::RECORD),
    ("kvlistValue.values", Container::RECORD),
    ("event", Container::EVENT),
    ("_source", Container::RECORD),
    ("resourceLogs", Container::RECORD),
    ("scopeLogs", Container::RECORD),
    ("logRecords", Container::RECORD),
    ("resource", Container::RESOURCE),
    ("resources_string", Container::RESOURCE),
    ("attributes_string", Container::FIELDS),
    ("fields", Container::FIELDS),
    ("context", Container::FIELDS),
    ("extra", Container::FIELDS),
    ("attributes", Container::FIELDS),
    ("attr", Container::FIELDS),
    ("properties", Container::FIELDS),
    ("labels", Container::FIELDS),
    ("metadata", Container::FIELDS),
    ("mdc", Container::FIELDS),
    ("contextMap", Container::FIELDS),
    ("ctx", Container::FIELDS),
    ("state", Container::FIELDS),
    ("data", Container::FIELDS),
    ("payload", Container::FIELDS),
    ("meta", Container::FIELDS),
    ("tags", Container::FIELDS),
    ("named_tags", Container::FIELDS),
    ("span", Container::FIELDS),
    ("http", Container::FIELDS),
    ("request", Container::FIELDS),
    ("req", Container::FIELDS),
    ("response", Container::FIELDS),
    ("res", Container::FIELDS),
    ("grpc", Container::FIELDS),
    ("details", Container::FIELDS),
];

/// Lists of pairs of key and value, which stand for an object.
pub(super) const PAIRS: &[&str] = &["attributes", "kvlistValue.values", "resource"];

/// Members that complete a time which stands in another one.
pub(super) const PARTS: &[(&str, TimePart)] = &[
    ("instant.nanoOfSecond", TimePart::Nanos),
    ("timestamp.nanos", TimePart::Nanos),
    ("time.nanos", TimePart::Nanos),
    ("datetime.timezone", TimePart::Zone),
];
