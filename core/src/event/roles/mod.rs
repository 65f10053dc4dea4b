//! Roles: what an event's members mean, found by name.
//!
//! Each role has a list of names (`defaults/`); the first that the event has with a value that
//! fits wins. One name stands for all its spellings (`spelling.rs`) and for every split of its
//! dots: the name as it is listed comes before the others. [`Names`] turns the lists into tables
//! that are asked once for each member. What a name means in some company only, the signs in
//! `company.rs` tell.

mod company;
mod defaults;
mod names;
mod spelling;
#[cfg(test)]
pub(crate) mod tests;

use super::json::Kind;
pub use company::{Company, SignKind};
pub(super) use names::Named;
pub use names::Names;
use serde::{Deserialize, Serialize};

/// What a member means to detectors and rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// The text that a person reads.
    Message,
    /// The part of the program, or the program.
    Module,
    /// The machine, container or node.
    Host,
    /// The thread or process.
    Thread,
    /// What ties the events of one request together.
    Trace,
    /// What was asked for: a route, a method.
    Operation,
    /// How long it took.
    Duration,
    /// How it ended: 100 to 599.
    Status,
    /// Which error it was.
    ErrorCode,
    /// When it happened.
    Timestamp,
    /// How bad it is.
    Level,
}

impl Role {
    /// How many there are.
    pub const COUNT: usize = 11;
    /// How many of them a parsed event keeps as a place in the line; timestamp and level are kept
    /// decoded.
    pub const PLACED: usize = 9;
    /// Every role, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Message,
        Self::Module,
        Self::Host,
        Self::Thread,
        Self::Trace,
        Self::Operation,
        Self::Duration,
        Self::Status,
        Self::ErrorCode,
        Self::Timestamp,
        Self::Level,
    ];

    /// The name in configuration and rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Module => "module",
            Self::Host => "host",
            Self::Thread => "thread",
            Self::Trace => "trace",
            Self::Operation => "operation",
            Self::Duration => "duration",
            Self::Status => "status",
            Self::ErrorCode => "error_code",
            Self::Timestamp => "timestamp",
            Self::Level => "level",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The names under which the role is looked for unless configured, most telling first.
    #[must_use]
    pub const fn default_names(self) -> &'static [RoleName<'static>] {
        defaults::names(self)
    }

    /// True when every value of a kind that the role takes can fill it, unless it is empty.
    #[inline]
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Message | Self::Module | Self::Host | Self::Thread | Self::Trace | Self::Operation)
    }

    /// True when a value of this kind can be the role at all; its content is looked at later.
    #[inline]
    #[must_use]
    pub const fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Message | Self::Module | Self::Host | Self::Operation => matches!(kind, Kind::Text | Kind::Escaped),
            _ => matches!(kind, Kind::Text | Kind::Escaped | Kind::Number),
        }
    }
}

/// The unit of a duration's number, told by the member's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// 10⁻⁹ s.
    Nanoseconds,
    /// 10⁻⁶ s.
    Microseconds,
    /// 10⁻³ s; also a number without a unit.
    #[default]
    Milliseconds,
    /// s.
    Seconds,
}

impl Unit {
    /// How many milliseconds one of it is.
    #[must_use]
    pub const fn in_milliseconds(self) -> f64 {
        match self {
            Self::Nanoseconds => 1e-6,
            Self::Microseconds => 1e-3,
            Self::Milliseconds => 1.0,
            Self::Seconds => 1e3,
        }
    }

    /// The unit with this short name: `ns`, `us`, `ms` or `s`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "ns" => Self::Nanoseconds,
            "us" => Self::Microseconds,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            _ => return None,
        })
    }
}

/// How the value of a name is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum How {
    /// As the role's values are; a duration's number is in the name's unit.
    #[default]
    Plain,
    /// A duration in the name's unit, under this spelling alone.
    AsSpelled,
    /// A duration whose unit is its encoder's: milliseconds unless the record's company says
    /// otherwise.
    Open,
    /// A duration only where it is text that says its unit.
    NeedsUnit,
    /// A pattern: a name that says time spent and its unit.
    TimeSpent,
    /// A severity: a word or a number, which in OpenTelemetry's records goes from 1 to 24.
    Severity,
    /// A number from 1 to 24.
    OtelSeverity,
    /// A level that an envelope has, whatever the program said.
    EnvelopeSeverity,
    /// Seconds, to which another member may add nanoseconds.
    Seconds,
    /// A time whose zone another member says.
    Zoneless,
    /// A time, but no small number.
    Moment,
    /// A status of HTTP, as `code` is one among others.
    HttpCode,
    /// An error's code, unless it is a status of HTTP.
    NotHttpCode,
    /// A path of a request, not of a file.
    Path,
    /// `GET /path HTTP/1.1`, of which the path counts.
    RequestLine,
    /// One word, as an identifier is.
    Id,
}

/// One name of a role's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleName<'a> {
    /// The name, or a path with dots.
    pub text: &'a str,
    /// How its values are read.
    pub how: How,
    /// The unit of a duration's number.
    pub unit: Unit,
    /// In whose records it means this alone; in all without any.
    pub of: Company,
}

impl<'a> RoleName<'a> {
    /// A name that a person has listed for `role`: what is known of it applies, and a duration's
    /// may end in its unit, `cost:s`.
    #[must_use]
    pub fn configured(role: Role, text: &'a str) -> Self {
        let (text, unit) = match (role, text.rsplit_once(':')) {
            (Role::Duration, Some((name, unit))) => match Unit::from_name(unit) {
                Some(unit) => (name, Some(unit)),
                None => (text, None),
            },
            _ => (text, None),
        };
        let known = role.default_names().iter().find(|name| name.text == text && name.how != How::TimeSpent);
        let plain = match role {
            Role::Duration => How::Open,
            _ => How::Plain,
        };
        let name = known.map_or(RoleName { text, how: plain, unit: Unit::Milliseconds, of: Company::NONE }, |known| {
            RoleName { text, of: Company::NONE, ..*known }
        });
        match (role, unit.or_else(|| spelling::unit_of(text).filter(|_| known.is_none()))) {
            (Role::Duration, Some(unit)) => RoleName { how: How::Plain, unit, ..name },
            _ => name,
        }
    }
}

/// A second member that completes a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimePart {
    /// Nanoseconds of its second.
    Nanos,
    /// Its zone.
    Zone,
}

/// Which roles are looked for by the same names in an object that holds what a program said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Container(u16);

impl Container {
    /// No object of that kind.
    pub const NONE: Self = Self(0);
    /// The whole record of a program.
    pub const RECORD: Self = Self(u16::MAX);
    /// What a program added to one event: not its time, level, message, module or host.
    pub const FIELDS: Self =
        Self::of(&[Role::Thread, Role::Trace, Role::Operation, Role::Duration, Role::Status, Role::ErrorCode]);
    /// An event as a shipper nests it, or ECS describes it: not its time and level.
    pub const EVENT: Self = Self(Self::FIELDS.0 | 1 << Role::Message as u16 | 1 << Role::Module as u16);
    /// Who wrote it.
    pub const RESOURCE: Self = Self::of(&[Role::Module, Role::Host]);

    const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < roles.len() {
            bits |= 1 << roles[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    /// True when the role is looked for in there.
    #[inline]
    pub(super) const fn holds(self, role: Role) -> bool {
        self.0 >> role as u16 & 1 != 0
    }

    /// True when nothing is looked for.
    #[inline]
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What one container in another holds: as narrow as the outer one, unless that is a whole
    /// record.
    pub(super) const fn within(self, outer: Self) -> Self {
        if outer.0 == Self::RECORD.0 { self } else { outer }
    }
}

/// What one name stands for in one role's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The role.
    pub role: Role,
    /// How the value is read.
    pub how: How,
    /// For durations.
    pub unit: Unit,
    /// The place in the role's list; lower wins.
    pub rank: u16,
}

/// What a member's name means: its claims, and the table for its own members when paths lead into
/// it.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The roles it can fill.
    pub claims: Vec<Claim>,
    /// Those it can fill in some company.
    pub later: Vec<(Company, Claim)>,
    /// Names one level down.
    pub nested: Option<Box<Names>>,
    /// The same names as outside are looked for in there.
    pub container: Container,
    /// An array of it holds pairs of key and value.
    pub pairs: bool,
    /// Of which encoder it is a sign.
    pub sign: Option<(SignKind, Company)>,
    /// It completes a time.
    pub part: Option<TimePart>,
    /// It is the member that findings are written to.
    pub annotation: bool,
    /// It is `source`, where seismolog's own events say so.
    pub origin: bool,
    /// All that the name is unless its value is nested, if that is one claim.
    pub sole: Option<Claim>,
}

impl Meaning {
    /// True when there is something to look for inside of its value.
    #[inline]
    pub(super) fn leads_inside(&self) -> bool {
        self.nested.is_some() || !self.container.is_empty()
    }
}
