//! What was read of one line and where it stands: for people, off the hot path.
//!
//! A parsed event keeps the value of each role and not the member that it came from. Here the line
//! is walked once more, all that it holds is gathered (`members.rs`), and each role is traced back:
//! by its place in the line where it has one there, else as the member with that value, those whose
//! names stand for the role first. So what is said can only be what was really read.

mod fit;
mod members;

pub use fit::fits;
pub use members::LineMember;

use super::layout::{OwnLayout, TextReader};
use super::time::TimeContext;
use super::{Encoding, Fault, Fields, Role, Shape, clean};
use members::{Gathering, Origin, without_colours};
use std::ops::Range;

/// A role's value.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleReading {
    /// Which role.
    pub role: Role,
    /// Its value as detectors and rules see it.
    pub value: String,
    /// Where it came from; none for what was put together from several lines or members.
    pub from: Option<LineMember>,
    /// An envelope takes it for granted, and the program does not say otherwise.
    pub is_default: bool,
}

/// A member whose name stands for a role, and whose value cannot be one.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedAttempt {
    /// The role.
    pub role: Role,
    /// The member.
    pub member: LineMember,
}

/// What was read of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct LineReading {
    /// What the line is.
    pub shape: Shape,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// Its layout, and what was found inside of it, outermost first; empty where nothing was read.
    pub layouts: Vec<&'static str>,
    /// The roles that it has, in the order of [`ORDER`].
    pub roles: Vec<RoleReading>,
    /// What was tried in vain.
    pub tried: Vec<FailedAttempt>,
    /// All that it holds under a name.
    pub members: Vec<LineMember>,
}

/// Roles in the order in which a person asks for them.
pub const ORDER: [Role; Role::COUNT] = [
    Role::Timestamp,
    Role::Level,
    Role::Message,
    Role::Module,
    Role::Host,
    Role::Thread,
    Role::Trace,
    Role::Operation,
    Role::Duration,
    Role::Status,
    Role::ErrorCode,
];

/// Explains lines, in their order.
#[derive(Debug)]
pub struct Inspector {
    names: Vec<(Role, Vec<String>)>,
    context: TimeContext,
    reader: TextReader,
}

impl Inspector {
    /// `names` are those of each role, the most telling first; `context` is as the parser's at the
    /// first line.
    #[must_use]
    pub fn new(names: Vec<(Role, Vec<String>)>, context: TimeContext) -> Self {
        Self { names, context, reader: TextReader::default() }
    }

    /// Lines of text are read by these layouts before all others, as the parser does.
    #[must_use]
    pub fn with_layouts(mut self, layouts: &[OwnLayout]) -> Self {
        self.reader = TextReader::new(layouts.into());
        self
    }

    /// What was read of a line that was parsed.
    #[must_use]
    pub fn read(&mut self, fields: &Fields<'_>) -> LineReading {
        let parsed = fields.parsed();
        let mut reading = LineReading {
            shape: parsed.shape,
            fault: parsed.fault,
            layouts: Vec::new(),
            roles: Vec::new(),
            tried: Vec::new(),
            members: Vec::new(),
        };
        let is_line = matches!(fields.record().encoding, Encoding::Line | Encoding::Utf16(_));
        if !is_line || !matches!(parsed.shape, Shape::Json | Shape::Text) {
            return reading;
        }
        let before = self.context.clone();
        let names = std::mem::take(&mut self.names);
        let is_message = |path: &str| rank_among(&names, Role::Message, path).is_some();
        let mut gathering = Gathering::new(&mut self.context, &mut self.reader, &is_message);
        gather(fields, &mut gathering);
        let Gathering { members, layouts, .. } = gathering;
        self.names = names;
        reading.members = members;
        for role in ORDER {
            if let Some(value) = fields.text(role) {
                let from = self.origin(fields, role, &value, &reading.members, &before).cloned();
                let is_default = role == Role::Level && parsed.level_is_default;
                reading.roles.push(RoleReading { role, value: value.into_owned(), from, is_default });
            }
        }
        reading.layouts = used_layouts(layouts, &reading.roles);
        reading.tried = self.tried(&reading, &before);
        reading
    }

    /// The member that a role's value came from.
    fn origin<'m>(
        &self,
        fields: &Fields<'_>,
        role: Role,
        value: &str,
        members: &'m [LineMember],
        context: &TimeContext,
    ) -> Option<&'m LineMember> {
        let rank = |member: &LineMember| match member.role {
            Some(other) => {
                if other == role {
                    0
                } else {
                    usize::MAX
                }
            }
            None => rank_among(&self.names, role, &member.path).map_or(usize::MAX - 1, |rank| rank + 1),
        };
        if let Some(range) = place_in_line(fields, role) {
            // Of two with one name the last counts, so does the innermost of one text in another.
            let here = members.iter().rev().filter(|member| member.bytes == Some(range.clone()));
            if let Some(found) = here.min_by_key(|member| rank(member)) {
                return Some(found);
            }
            let around = |member: &&LineMember| {
                member.bytes.as_ref().is_some_and(|bytes| bytes.start <= range.start && range.end <= bytes.end)
            };
            return members.iter().filter(around).min_by_key(|member| member.bytes.as_ref().map_or(0, Range::len));
        }
        let says = |member: &&LineMember| match role {
            Role::Timestamp => fit::time_of(member.kind, &member.text, context) == fields.time(),
            Role::Level => fit::level_of(&member.text) == fields.level(),
            _ => member.text == value || member.text.trim_end_matches('\n') == value,
        };
        let mut alike: Vec<_> = members.iter().filter(says).collect();
        if alike.is_empty() {
            // A time in two columns, or a level that its layout has cut.
            alike = members.iter().filter(|member| member.role == Some(role)).collect();
        }
        let best = alike.iter().map(|member| rank(member)).min()?;
        let mut best = alike.into_iter().filter(|member| rank(member) == best);
        let first = best.next()?;
        let wins_inside = matches!(role, Role::Message | Role::Module);
        Some(if wins_inside { best.next_back().unwrap_or(first) } else { first })
    }

    /// Members whose names stand for a role and whose values cannot be it.
    fn tried(&self, reading: &LineReading, context: &TimeContext) -> Vec<FailedAttempt> {
        let is_used = |member: &LineMember| reading.roles.iter().any(|role| role.from.as_ref() == Some(member));
        let mut tried = Vec::new();
        for role in [Role::Timestamp, Role::Level, Role::Duration, Role::Status] {
            for member in &reading.members {
                let named = member.role.is_none() && rank_among(&self.names, role, &member.path).is_some();
                if named && !fits(role, member.kind, &member.text, context) && !is_used(member) {
                    tried.push(FailedAttempt { role, member: member.clone() });
                }
            }
        }
        tried
    }
}

/// Gathers what a line holds.
fn gather(fields: &Fields<'_>, gathering: &mut Gathering<'_>) {
    let (line, parsed) = (fields.line(), fields.parsed());
    // Places in what was decoded, or made strict JSON, are not those of the line as it came.
    let as_it_came = parsed.decoded.is_empty();
    let base = if as_it_came { fields.record().span.start } else { parsed.decoded.start };
    let origin = |at| if as_it_came { Origin::At(at) } else { Origin::Nowhere };
    match parsed.shape {
        Shape::Json => gathering.object(line, (parsed.insert.open - base) as usize, &origin(0)),
        _ => {
            let lead = clean::lead(line);
            let (text, origin) = without_colours(&line[lead..], origin(lead));
            gathering.text(&text, &origin);
        }
    }
}

/// Where a role's value stands in the line, if it does.
fn place_in_line(fields: &Fields<'_>, role: Role) -> Option<Range<usize>> {
    let slot = fields.parsed().slots.get(role as usize)?;
    let line = fields.record().span;
    let inside = !slot.in_arena && slot.span.start >= line.start && slot.span.end() <= line.end();
    let start = line.start as usize;
    inside.then(|| slot.span.start as usize - start..slot.span.end() - start)
}

/// How telling the path is for the role; none where it does not stand for it.
fn rank_among(names: &[(Role, Vec<String>)], role: Role, path: &str) -> Option<usize> {
    let (_, names) = names.iter().find(|(of, _)| *of == role)?;
    let last = path.rsplit('.').next().unwrap_or(path);
    names.iter().position(|name| match name.strip_prefix('*') {
        Some(suffix) => last.ends_with(suffix),
        None => path == name || path.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.')),
    })
}

/// The layouts of the line itself, and of those texts in it that something was read from.
fn used_layouts(layouts: Vec<(&'static str, String)>, roles: &[RoleReading]) -> Vec<&'static str> {
    let is_used = |inside: &str| {
        let froms = roles.iter().filter_map(|role| role.from.as_ref()?.inside.as_deref());
        inside.is_empty() || froms.into_iter().any(|from| from.starts_with(inside))
    };
    layouts.into_iter().filter(|(_, inside)| is_used(inside)).map(|(layout, _)| layout).collect()
}

#[cfg(test)]
mod tests;
