//! Roles: what an event's members mean, found by name.
//!
//! Each role has a list of names; the first that the event has wins. A literal dotted name
//! (`"log.level": …`) comes before the path into nested members (`"log": {"level": …}`). [`Names`]
//! turns the lists into one table that is asked once for each member: a hash of the key's length
//! and first bytes, then one comparison.

use super::json::Kind;
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
    /// How many of them a look keeps as a place in the line; timestamp and level are kept decoded.
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
    pub const fn default_names(self) -> &'static [&'static str] {
        match self {
            Self::Timestamp => {
                &["timestamp", "@timestamp", "time", "ts", "date", "eventTime", "timeUnixNano", "__REALTIME_TIMESTAMP"]
            }
            Self::Level => &[
                "level",
                "severity",
                "severity_text",
                "lvl",
                "levelname",
                "log.level",
                "loglevel",
                "@l",
                "PRIORITY",
                "priority",
            ],
            Self::Message => &["message", "msg", "log", "body", "MESSAGE", "@m", "event"],
            Self::Module => &[
                "module",
                "logger",
                "component",
                "service",
                "service.name",
                "app",
                "program",
                "SYSLOG_IDENTIFIER",
                "kubernetes.container_name",
                "source",
            ],
            Self::Host => &["host", "hostname", "node", "instance", "host.name", "kubernetes.pod_name", "_HOSTNAME"],
            Self::Thread => &["thread", "thread_name", "tid", "pid", "process.pid"],
            Self::Trace => {
                &["trace_id", "traceId", "request_id", "requestId", "X-Request-ID", "correlation_id", "span.trace_id"]
            }
            Self::Operation => &["route", "operation", "endpoint", "path", "uri", "url.path", "rpc.method", "handler"],
            Self::Duration => &[
                "duration_ms",
                "duration",
                "latency",
                "latency_ms",
                "elapsed",
                "elapsed_ms",
                "took",
                "took_ms",
                "*_us",
                "*_ns",
                "*_seconds",
                "request_time",
                "response_time",
            ],
            Self::Status => &["status", "status_code", "http.status_code", "response.status", "code"],
            Self::ErrorCode => &["error_code", "errorCode", "err_code", "errno", "code"],
        }
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

    fn of_name(name: &str) -> Self {
        if name.ends_with("_ns") {
            Self::Nanoseconds
        } else if name.ends_with("_us") {
            Self::Microseconds
        } else if name.ends_with("_seconds") || name == "request_time" || name == "response_time" {
            Self::Seconds
        } else {
            Self::Milliseconds
        }
    }
}

/// Marks that names outside of the lists share.
const UNLISTED: usize = 128;

/// What one name stands for in one role's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The role.
    pub role: Role,
    /// The place in the role's list; lower wins.
    pub rank: u8,
    /// For durations.
    pub unit: Unit,
    /// The same name can be a status, and then is no error code.
    pub or_status: bool,
}

/// What a member's name means: its claims, and the table for its own members when paths lead into
/// it.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The roles it can fill.
    pub claims: Vec<Claim>,
    /// Names one level down.
    pub nested: Option<Box<Names>>,
    /// It is the member that findings are written to.
    pub annotation: bool,
    /// It is `source`, where seismolog's own events say so.
    pub origin: bool,
    /// All that the name is, if that is one claim.
    pub sole: Option<Claim>,
}

/// All names of one level of an event, as an open-addressed table.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Names and the places of their meanings.
    slots: Vec<Option<(Box<[u8]>, u32)>>,
    /// Names that end in a pattern's suffix: `*_us`.
    suffixes: Vec<(Box<[u8]>, u32)>,
    meanings: Vec<Meaning>,
}

/// A key as a level's table knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// Below [`Names::marks`]: the name's own where a list has it, shared by a few where none does.
    pub(super) mark: u32,
    /// The place of its meaning.
    meaning: u32,
}

impl Named {
    /// No key of any level.
    pub(super) const NOTHING: Self = Self { mark: 0, meaning: u32::MAX };
}

impl Names {
    /// The table for `lists`, a list of names for each role, and `annotation`, the member for
    /// findings.
    #[must_use]
    pub fn new<'a>(lists: impl IntoIterator<Item = (Role, Vec<&'a str>)>, annotation: &str) -> Self {
        let mut root = Level::default();
        let lists: Vec<_> = lists.into_iter().collect();
        let statuses = lists.iter().filter(|(role, _)| *role == Role::Status).flat_map(|(_, names)| names);
        let statuses: Vec<_> = statuses.copied().collect();
        for (role, names) in &lists {
            for (i, name) in names.iter().enumerate() {
                // Two ranks for each place in the list: the literal name, then the path.
                let rank = u8::try_from(i.min(120) * 2).unwrap_or(u8::MAX - 1);
                let or_status = *role == Role::ErrorCode && statuses.contains(name);
                let claim = Claim { role: *role, rank, unit: Unit::of_name(name), or_status };
                root.meaning(name).claims.push(claim);
                if name.contains('.') {
                    root.at_path(name).claims.push(Claim { rank: rank + 1, ..claim });
                }
            }
        }
        root.meaning(annotation).annotation = true;
        root.meaning("source").origin = true;
        root.build()
    }

    /// What the member with this key means; `None` for the many that mean nothing.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<&Meaning> {
        self.meaning(self.named(key))
    }

    /// What is known of this key.
    pub(super) fn named(&self, key: &[u8]) -> Named {
        let hash = hash(key) as usize;
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash & mask;
        while let Some(Some((name, meaning))) = self.slots.get(slot) {
            if same(name, key) {
                return Named { mark: *meaning, meaning: *meaning };
            }
            slot = (slot + 1) & mask;
        }
        let pattern = self.suffixes.iter().find(|(suffix, _)| key.ends_with(suffix));
        Named {
            mark: (self.meanings.len() + hash % UNLISTED) as u32,
            meaning: pattern.map_or(Named::NOTHING.meaning, |(_, meaning)| *meaning),
        }
    }

    /// How many marks there are.
    pub(super) fn marks(&self) -> usize {
        self.meanings.len() + UNLISTED
    }

    /// What a key means that is known.
    #[inline(always)]
    pub(super) fn meaning(&self, named: Named) -> Option<&Meaning> {
        self.meanings.get(named.meaning as usize)
    }
}

/// Equal names. They are short: two loads that overlap are less than a call.
#[inline]
fn same(name: &[u8], key: &[u8]) -> bool {
    fn ends<const N: usize>(text: &[u8]) -> Option<([u8; N], [u8; N])> {
        Some((*text.first_chunk()?, *text.last_chunk()?))
    }
    name.len() == key.len()
        && match name.len() {
            4..8 => ends::<4>(name) == ends::<4>(key),
            8..=16 => ends::<8>(name) == ends::<8>(key),
            _ => name == key,
        }
}

/// A table under construction; order of names is kept, so that building is deterministic.
#[derive(Default)]
struct Level {
    names: Vec<(String, Meaning)>,
    below: Vec<(String, Level)>,
}

impl Level {
    fn meaning(&mut self, name: &str) -> &mut Meaning {
        let i = self.names.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.names.push((name.to_owned(), Meaning::default()));
            self.names.len() - 1
        });
        &mut self.names[i].1
    }

    fn at_path(&mut self, path: &str) -> &mut Meaning {
        match path.split_once('.') {
            None => self.meaning(path),
            Some((first, rest)) => {
                self.meaning(first);
                let i = self.below.iter().position(|(known, _)| known == first).unwrap_or_else(|| {
                    self.below.push((first.to_owned(), Self::default()));
                    self.below.len() - 1
                });
                self.below[i].1.at_path(rest)
            }
        }
    }

    fn build(self) -> Names {
        let mut names = Names { slots: vec![None; (self.names.len() * 4).next_power_of_two()], ..Names::default() };
        let mut below = self.below;
        let mask = names.slots.len() - 1;
        for (name, mut meaning) in self.names {
            if let Some(i) = below.iter().position(|(known, _)| *known == name) {
                meaning.nested = Some(Box::new(below.swap_remove(i).1.build()));
            }
            meaning.sole = match meaning.claims[..] {
                [claim] if meaning.nested.is_none() && !meaning.annotation && !meaning.origin => Some(claim),
                _ => None,
            };
            let place = names.meanings.len() as u32;
            names.meanings.push(meaning);
            if let Some(suffix) = name.strip_prefix('*') {
                names.suffixes.push((suffix.as_bytes().into(), place));
                continue;
            }
            let mut slot = hash(name.as_bytes()) as usize & mask;
            while names.slots[slot].is_some() {
                slot = (slot + 1) & mask;
            }
            names.slots[slot] = Some((name.into_bytes().into_boxed_slice(), place));
        }
        names
    }
}

/// Length, first and last bytes: enough to tell the few dozen names apart.
#[inline]
fn hash(key: &[u8]) -> u32 {
    let (Some(&first), Some(&last)) = (key.first(), key.last()) else { return 0 };
    let third = key.get(2).copied().unwrap_or(0);
    let mixed = (key.len() as u32) | u32::from(first) << 8 | u32::from(last) << 16 | u32::from(third) << 24;
    mixed.wrapping_mul(0x9E37_79B1) >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Names {
        Names::new(Role::ALL.map(|role| (role, role.default_names().to_vec())), "anomalies")
    }

    #[test]
    fn every_default_name_is_found_with_its_role() {
        let names = defaults();
        for role in Role::ALL {
            for (i, name) in role.default_names().iter().enumerate() {
                let name = name.replace('*', "cpu");
                let claims = &names.find(name.as_bytes()).unwrap().claims;
                assert!(claims.iter().any(|claim| claim.role == role && usize::from(claim.rank) == i * 2), "{name}");
            }
        }
        assert!(names.find(b"unknown").is_none());
        assert!(names.find(b"").is_none());
    }

    #[test]
    fn paths_lead_one_level_down_and_rank_behind_the_literal_name() {
        let names = defaults();
        let below = names.find(b"log").unwrap().nested.as_ref().unwrap();
        assert_eq!(
            below.find(b"level").unwrap().claims[0],
            Claim { role: Role::Level, rank: 11, unit: Unit::Milliseconds, or_status: false }
        );
        let kubernetes = names.find(b"kubernetes").unwrap();
        assert!(kubernetes.claims.is_empty());
        assert!(kubernetes.nested.as_ref().unwrap().find(b"pod_name").is_some());
    }

    #[test]
    fn units_follow_the_name() {
        let names = defaults();
        let unit = |name: &str| names.find(name.as_bytes()).unwrap().claims[0].unit;
        assert_eq!(unit("request_time"), Unit::Seconds);
        assert_eq!(unit("db_us"), Unit::Microseconds);
        assert_eq!(unit("gc_ns"), Unit::Nanoseconds);
        assert_eq!(unit("io_seconds"), Unit::Seconds);
        assert_eq!(unit("duration"), Unit::Milliseconds);
    }
}
