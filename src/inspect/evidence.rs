//! Finds members that could be a missing role, by their values.
//!
//! A name alone is no evidence, and one value is little. A member is suggested if every value of it
//! in the lines without the role fits the role (for a message, half of the values). Times must also
//! ascend in nine of ten pairs of neighbours, as those of a log do, because the end of a
//! certificate is a time as well. Memory: 512 members for each role, from the first 4,000 lines
//! that lack the role.

use crate::event::inspect::{LineMember, LineReading, fits};
use crate::event::json::Kind;
use crate::event::time::{TimeContext, time_number, time_text};
use crate::event::{Level, Role, Shape, Timestamp};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The roles for which a member can be suggested.
pub const SOUGHT: [Role; 7] =
    [Role::Timestamp, Role::Level, Role::Message, Role::Module, Role::Operation, Role::Duration, Role::Status];
/// Most lines without a role that are examined.
const LINES: u64 = 4_000;
/// Most members that are remembered for a role.
const MEMBERS: usize = 512;
/// From this many values on, their order is checked, and a telling name is not required any more.
const FEW: u64 = 5;
/// Values that suffice for a role that only some lines can have.
const ENOUGH: u64 = 20;
/// Plausible times of events, in ns: the years 2001 to 2100.
const YEARS: std::ops::Range<i64> = 978_307_200_000_000_000..4_102_444_800_000_000_000;
/// Longest example, in characters.
const EXAMPLE: usize = 60;

/// The members that could be a role, for each role.
#[derive(Debug)]
pub struct Evidence {
    roles: [RoleEvidence; SOUGHT.len()],
    context: TimeContext,
}

#[derive(Debug, Default)]
struct RoleEvidence {
    /// Lines without the role.
    lines: u64,
    members: BTreeMap<String, MemberTally>,
}

#[derive(Clone, Debug, Default)]
struct MemberTally {
    seen: u64,
    fit: u64,
    /// The levels among its values, one bit each.
    levels: u8,
    /// Whether a value is written as only levels are: `INFO`, `error`.
    is_plain: bool,
    last: Option<Timestamp>,
    /// The number of timestamps that are not before the previous one.
    ordered: u64,
    example: String,
}

/// A member that could be a missing role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The role; in JSON its name.
    #[serde(serialize_with = "as_name")]
    pub role: Role,
    /// The member's name or path, as `[roles]` takes it.
    pub member: String,
    /// How many values were examined; all of them fit the role (for a message, half).
    pub values: u64,
    /// The first value.
    pub example: String,
}

fn as_name<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(role.name())
}

impl Evidence {
    /// Starts without evidence; times without a zone are in the zone of `context`.
    #[must_use]
    pub fn new(context: TimeContext) -> Self {
        Self { roles: Default::default(), context }
    }

    /// Adds the members of a line.
    pub fn take(&mut self, reading: &LineReading) {
        if !matches!(reading.shape, Shape::Json | Shape::Text) {
            return;
        }
        let has = |role: Role| reading.roles.iter().any(|found| found.role == role);
        let is_used = |member: &LineMember| {
            let froms = reading.roles.iter().filter_map(|found| found.from.as_ref());
            froms.into_iter().any(|from| from.path == member.path)
        };
        for (role, evidence) in SOUGHT.into_iter().zip(&mut self.roles) {
            if has(role) || evidence.lines >= LINES {
                continue;
            }
            evidence.lines += 1;
            for member in &reading.members {
                if !is_used(member) && can_be_named(role, member) && is_candidate(role, member) {
                    evidence.take(role, member, &self.context);
                }
            }
        }
    }

    /// The member that is most likely this role.
    #[must_use]
    pub fn best(&self, role: Role) -> Option<Suggestion> {
        let evidence = &self.roles[SOUGHT.iter().position(|sought| *sought == role)?];
        let likely = evidence.members.iter().filter(|(path, tally)| tally.convinces(role, path, evidence.lines));
        let (path, tally) = likely.max_by_key(|(path, tally)| {
            (has_hint(role, path), tally.seen, std::cmp::Reverse(path.matches('.').count()), std::cmp::Reverse(*path))
        })?;
        Some(Suggestion { role, member: path.clone(), values: tally.seen, example: tally.example.clone() })
    }
}

impl RoleEvidence {
    fn take(&mut self, role: Role, member: &LineMember, context: &TimeContext) {
        if self.members.len() >= MEMBERS && !self.members.contains_key(&member.path) {
            return;
        }
        let tally = self.members.entry(member.path.clone()).or_default();
        tally.seen += 1;
        if tally.example.is_empty() {
            tally.example = member.text.chars().take(EXAMPLE).collect();
        }
        let text = member.text.as_str();
        let is_fit = match role {
            Role::Timestamp => tally.take_time(member, context),
            Role::Level => tally.take_level(text),
            Role::Message => text.trim().contains(' ') || !text.is_ascii(),
            Role::Module => is_name(text),
            Role::Operation => text.starts_with('/') && !text.contains(' '),
            _ => fits(role, member.kind, text, context),
        };
        tally.fit += u64::from(is_fit);
    }
}

impl MemberTally {
    fn take_time(&mut self, member: &LineMember, context: &TimeContext) -> bool {
        let time = match member.kind {
            Kind::Number => time_number(member.text.as_bytes()),
            // A long number in a string counts as a time only if its name says so.
            _ if is_digits(&member.text) && !has_hint(Role::Timestamp, &member.path) => None,
            _ => time_text(member.text.as_bytes(), &mut context.clone()),
        };
        let Some(time) = time.filter(|time| YEARS.contains(&time.0)) else { return false };
        self.ordered += u64::from(self.last.is_some_and(|last| last <= time));
        self.last = Some(time);
        true
    }

    fn take_level(&mut self, text: &str) -> bool {
        let is_word = text.chars().count() >= 2 && !text.bytes().any(|byte| byte.is_ascii_digit());
        let Some(level) = Level::from_text(text.as_bytes()).filter(|_| is_word) else { return false };
        self.levels |= 1 << level as u8;
        self.is_plain |= level.same_word(text.as_bytes()) || !text.is_ascii();
        true
    }

    fn convinces(&self, role: Role, path: &str, lines: u64) -> bool {
        let is_in_some = matches!(role, Role::Duration | Role::Operation | Role::Status);
        let is_often = self.seen * 2 >= lines || (is_in_some && self.seen >= ENOUGH);
        let is_fit = if role == Role::Message { self.fit * 2 >= self.seen } else { self.fit == self.seen };
        let is_sure = match role {
            Role::Timestamp => {
                let goes_forward = self.seen < FEW || self.ordered * 10 >= (self.seen - 1) * 9;
                goes_forward && (self.seen >= FEW || has_hint(role, path))
            }
            Role::Level => self.is_plain && (self.levels.count_ones() >= 2 || has_hint(role, path)),
            _ => true,
        };
        self.seen > 0 && is_often && is_fit && is_sure
    }
}

/// Whether naming this member in `[roles]` would have an effect.
fn can_be_named(role: Role, member: &LineMember) -> bool {
    let by_layout = matches!(role, Role::Timestamp | Role::Level | Role::Message);
    let is_nameable = !member.path.is_empty() && !member.path.contains('[');
    let is_of_layout = by_layout && member.is_laid;
    member.role.is_none() && is_nameable && !is_of_layout
}

/// Whether the member can be this role at all, by its type and name.
fn is_candidate(role: Role, member: &LineMember) -> bool {
    let is_text = matches!(member.kind, Kind::Text | Kind::Escaped);
    match role {
        Role::Timestamp => !is_other_time(&member.path) && (is_text || has_hint(role, &member.path)),
        Role::Level => is_text,
        Role::Duration => has_hint(role, &member.path) && !is_limit(&member.path),
        Role::Status => has_hint(role, &member.path),
        _ => is_text && has_hint(role, &member.path),
    }
}

/// The last name of a path, in lower case.
fn last_name(path: &str) -> String {
    path.rsplit('.').next().unwrap_or(path).to_lowercase()
}

/// Whether the name alone suggests the role.
fn has_hint(role: Role, path: &str) -> bool {
    let name = last_name(path);
    let holds = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let is = |names: &[&str]| names.contains(&name.as_str());
    match role {
        Role::Timestamp => {
            holds(&["time", "date", "stamp", "epoch", "when", "时间", "日期"]) || is(&["ts", "at", "t", "@t"])
        }
        Role::Level => holds(&["level", "sever", "lvl", "prio", "级别", "等级"]) || is(&["sev"]),
        Role::Message => {
            holds(&["message", "msg", "text", "descri", "消息", "内容", "日志"])
                || is(&["content", "detail", "details", "summary", "statement", "info", "error"])
        }
        Role::Module => {
            holds(&["logger", "module", "component", "service", "subsystem", "模块"])
                || is(&["class", "category", "app", "application", "program", "svc"])
        }
        Role::Operation => holds(&["path", "uri", "url", "route", "endpoint"]),
        Role::Duration => {
            holds(&["duration", "latency", "elapsed", "took", "response_time", "request_time", "responsetime"])
                || holds(&["耗时", "用时"])
                || ["_ms", "ms", "millis"].iter().any(|end| name.ends_with(end) && name.len() > end.len() + 2)
        }
        Role::Status => holds(&["status", "code"]),
        _ => false,
    }
}

/// Whether the name is one of times other than the event's own.
fn is_other_time(path: &str) -> bool {
    const OTHERS: [&str; 14] = [
        "expir", "birth", "until", "before", "after", "valid", "due", "deadline", "next", "modified", "created",
        "updated", "zone", "uptime",
    ];
    let name = last_name(path);
    OTHERS.iter().any(|other| name.contains(other))
}

/// Whether the name is one of durations that are limits or ages, not measurements.
fn is_limit(path: &str) -> bool {
    const LIMITS: [&str; 10] =
        ["uptime", "timeout", "ttl", "limit", "interval", "max", "min", "age", "retry", "offset"];
    let name = last_name(path);
    LIMITS.iter().any(|limit| name.contains(limit))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether the text looks like a module's name: one word that does not begin with a digit.
fn is_name(text: &str) -> bool {
    let starts = text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    starts && text.len() <= 80 && !text.contains(|c: char| c.is_whitespace() || matches!(c, '{' | '"' | '=' | ','))
}
