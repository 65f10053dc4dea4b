//! A rule's native filter: which events the script runs for, decided without it.
//!
//! `select` is a map, of which all must hold, or an array of maps, of which one must. Each alternative becomes a gate, a
//! mask of levels and one of roles that the event must have, and a list of conditions behind it. Most events fail most
//! gates, which costs two masks each.

use super::event::Source;
use super::place::{Place, Problems};
use super::scalar::{Scalar, text_of_member};
use super::table::Table;
use crate::event::look::Form;
use crate::event::{Fields, Level, Look, Role, Value};
use rhai::{Dynamic, Map};
use xxhash_rust::xxh3::xxh3_64;

/// The bit of events without a level.
const NO_LEVEL: u8 = 1 << 6;
/// Every level, and none.
const ANY_LEVEL: u8 = (1 << 7) - 1;

/// What of an event the gates look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    level: u8,
    roles: u16,
}

impl Sight {
    /// Of one event.
    #[inline]
    pub(super) fn of(look: &Look) -> Self {
        let level = look.level.map_or(NO_LEVEL, |level| 1 << level as u8);
        let mut roles = u16::from(look.time.is_some()) << Role::Timestamp as u16;
        for (i, slot) in look.slots.iter().enumerate() {
            roles |= u16::from(slot.form != Form::Absent) << i;
        }
        Self { level, roles }
    }
}

/// The masks that an alternative of rule `rule` begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    levels: u8,
    roles: u16,
    pub(super) rule: u32,
    pub(super) alternative: u16,
}

impl Gate {
    /// True when the conditions behind it are worth a look.
    #[inline]
    pub(super) fn is_open(self, sight: Sight) -> bool {
        self.levels & sight.level != 0 && self.roles & !sight.roles == 0
    }
}

/// All of these must hold.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    levels: u8,
    roles: u16,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    subject: Subject,
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Role(Role),
    /// A number in the set's list of member names.
    Member(usize),
}

#[derive(Clone, Debug)]
enum Test {
    OneOf(Vec<Scalar>),
    /// A number in the set's list of tables.
    KeyOf(usize),
    Mentions(usize),
}

/// The members that filters have asked one event for, so that each is looked for once.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    found: Vec<Option<Option<Value<'a>>>>,
    keys: Bloom,
}

impl<'a> Members<'a> {
    fn get(&mut self, names: &[Name], i: usize, fields: &Fields<'a>) -> Option<&Value<'a>> {
        if self.found.is_empty() {
            self.found.resize_with(names.len(), || None);
            self.keys = Bloom::of_keys(fields);
        }
        if !self.keys.may_have(names[i].literal) && !self.keys.may_have(names[i].first) {
            return None;
        }
        self.found[i].get_or_insert_with(|| fields.member(&names[i].text)).as_ref()
    }
}

/// A member's name as filters ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    text: String,
    /// Bits of the whole name, and of its first part, as [`Bloom`] has them.
    literal: u8,
    first: u8,
}

impl Name {
    fn of(text: String) -> Self {
        let first = text.split('.').next().unwrap_or_default();
        Self { literal: Bloom::bit(text.as_bytes()), first: Bloom::bit(first.as_bytes()), text }
    }
}

/// Which keys an object may have: one walk for all the names that filters ask for, most of which are not there.
#[derive(Clone, Copy, Debug, Default)]
struct Bloom([u64; 4]);

impl Bloom {
    fn of_keys(fields: &Fields<'_>) -> Self {
        let mut bloom = Self::default();
        fields.each_key(|key| {
            if key.contains(&b'\\') {
                // A name can hide behind escapes.
                bloom = Self([u64::MAX; 4]);
            }
            let bit = Self::bit(key);
            bloom.0[usize::from(bit >> 6)] |= 1 << (bit & 63);
        });
        bloom
    }

    fn bit(key: &[u8]) -> u8 {
        (xxh3_64(key) >> 56) as u8
    }

    fn may_have(&self, bit: u8) -> bool {
        self.0[usize::from(bit >> 6)] >> (bit & 63) & 1 == 1
    }
}

impl Alternative {
    /// The masks to be tried before [`Self::holds`].
    pub(super) fn gate(&self, rule: u32, alternative: u16) -> Gate {
        Gate { levels: self.levels, roles: self.roles, rule, alternative }
    }

    /// True when every condition holds; levels and the presence of roles are the gate's.
    pub(super) fn holds<'a>(&self, fields: &Fields<'a>, context: &Context<'_>, members: &mut Members<'a>) -> bool {
        self.conditions.iter().all(|condition| match condition.subject {
            Subject::Role(role) => role_passes(&condition.test, role, fields, context.tables),
            Subject::Member(i) => members
                .get(context.members, i, fields)
                .and_then(text_of_member)
                .is_some_and(|(text, as_number)| condition.test.passes(text, as_number, context.tables)),
        })
    }
}

/// What filters refer to by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) tables: &'a [Table],
    pub(super) members: &'a [Name],
}

fn role_passes(test: &Test, role: Role, fields: &Fields<'_>, tables: &[Table]) -> bool {
    match role {
        // The role that rules ask for most, and always an integer.
        Role::Status if let Test::OneOf(values) = test => {
            fields.status().is_some_and(|status| values.iter().any(|value| value.is_integer(status.into())))
        }
        Role::Level | Role::Timestamp => fields.text(role).is_some_and(|text| test.passes(&text, false, tables)),
        // Compared in the unit that scripts see, whatever unit the event is written in.
        Role::Duration => {
            fields.duration_ms().is_some_and(|milliseconds| test.passes(&milliseconds.to_string(), true, tables))
        }
        _ => {
            let as_number = fields.look().slots[role as usize].form == Form::Number;
            fields.text(role).is_some_and(|text| test.passes(&text, as_number, tables))
        }
    }
}

impl Test {
    fn passes(&self, text: &str, as_number: bool, tables: &[Table]) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|value| value.is(text, as_number)),
            Self::KeyOf(table) => tables[*table].row(text).is_some(),
            Self::Mentions(table) => tables[*table].mentioned(text),
        }
    }

    fn cost(&self) -> u8 {
        match self {
            Self::OneOf(_) => 0,
            Self::KeyOf(_) => 1,
            Self::Mentions(_) => 2,
        }
    }
}

/// Reads `select`. Names of literal members are added to `members`.
pub(super) fn read(
    select: &Dynamic,
    place: Place<'_>,
    tables: &[Table],
    members: &mut Vec<Name>,
    problems: &mut Problems<'_>,
) -> Vec<Alternative> {
    if let Ok(map) = select.as_map_ref() {
        return vec![alternative(&map, place, tables, members, problems)];
    }
    let mut alternatives = Vec::new();
    match select.as_array_ref() {
        Ok(maps) => {
            if maps.is_empty() {
                problems.add(
                    place.position,
                    "`select` is empty and selects nothing",
                    Some("leave it out to select every event".into()),
                );
            }
            for (i, item) in maps.iter().enumerate() {
                match item.as_map_ref() {
                    Ok(map) => alternatives.push(alternative(&map, place.item(i), tables, members, problems)),
                    Err(found) => {
                        problems.add(place.item(i).position, format!("`select` holds maps, not {found}"), None)
                    }
                }
            }
        }
        Err(found) => problems.add(
            place.position,
            format!("`select` is a map or an array of maps, not {found}"),
            Some("write `select: #{ level: \"ERROR\" }`".into()),
        ),
    }
    alternatives
}

/// Every event.
pub(super) fn everything() -> Vec<Alternative> {
    vec![Alternative { levels: ANY_LEVEL, roles: 0, conditions: Vec::new() }]
}

fn alternative(
    map: &Map,
    place: Place<'_>,
    tables: &[Table],
    members: &mut Vec<Name>,
    problems: &mut Problems<'_>,
) -> Alternative {
    let mut read = Alternative { levels: ANY_LEVEL, roles: 0, conditions: Vec::new() };
    for (name, value) in map {
        let (_, place) = place.member(name);
        let source = Source::of(name);
        if source == Source::Role(Role::Level) {
            read.levels &= levels(value, place, problems);
            continue;
        }
        let Some(test) = test(value, place, tables, problems) else { continue };
        let subject = match source {
            Source::Role(role) => {
                read.roles |= 1 << role as u16;
                Subject::Role(role)
            }
            Source::Member(name) => {
                Subject::Member(members.iter().position(|known| known.text == name).unwrap_or_else(|| {
                    members.push(Name::of(name));
                    members.len() - 1
                }))
            }
        };
        read.conditions.push(Condition { subject, test });
    }
    // Roles are at hand and members have to be looked for; a search through the text comes last.
    read.conditions.sort_by_key(|condition| {
        (condition.test.cost() + 2 * u8::from(matches!(condition.subject, Subject::Member(_))), condition.subject)
    });
    read
}

/// One level means at least that; an array means those.
fn levels(value: &Dynamic, place: Place<'_>, problems: &mut Problems<'_>) -> u8 {
    let mut one = |value: &Dynamic, place: Place<'_>| {
        let text = value.as_immutable_string_ref().map(|text| text.to_string()).unwrap_or_default();
        let level = Level::from_text(text.as_bytes());
        if level.is_none() {
            let names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
            problems.unknown(place.position, "level", &super::scalar::text_of(value).unwrap_or_default(), &names);
        }
        level
    };
    match value.as_array_ref() {
        Ok(values) => values
            .iter()
            .enumerate()
            .filter_map(|(i, value)| one(value, place.item(i)))
            .fold(0, |mask, level| mask | 1 << level as u8),
        Err(_) => one(value, place).map_or(ANY_LEVEL, |least| ((1 << 6) - 1) & !((1 << least as u8) - 1)),
    }
}

fn test(value: &Dynamic, place: Place<'_>, tables: &[Table], problems: &mut Problems<'_>) -> Option<Test> {
    if let Some(scalar) = Scalar::of(value) {
        return Some(Test::OneOf(vec![scalar]));
    }
    if let Ok(values) = value.as_array_ref() {
        let mut set = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            match Scalar::of(value) {
                Some(scalar) => set.push(scalar),
                None => problems.add(
                    place.item(i).position,
                    format!("a set holds text, numbers and truth values, not {}", value.type_name()),
                    None,
                ),
            }
        }
        return Some(Test::OneOf(set));
    }
    let Ok(map) = value.as_map_ref() else {
        let hint = "write a value, an array of values, #{ table: \"name\" } or #{ mentions: \"name\" }";
        problems.add(
            place.position,
            format!("an event's member is not compared with {}", value.type_name()),
            Some(hint.into()),
        );
        return None;
    };
    if map.len() != 1 {
        problems.add(place.position, "exactly one of `table` and `mentions` is asked for", None);
        return None;
    }
    let (name, wanted) = map.iter().next()?;
    let (key, place) = place.member(name);
    if !matches!(name.as_str(), "table" | "mentions") {
        problems.unknown(key, "test", name, &["table", "mentions"]);
        return None;
    }
    let wanted = wanted.as_immutable_string_ref().map(|text| text.to_string()).unwrap_or_default();
    let Some(table) = tables.iter().position(|table| table.name == wanted) else {
        let known: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        problems.unknown(place.position, "table", &wanted, &known);
        return None;
    };
    Some(if name == "table" { Test::KeyOf(table) } else { Test::Mentions(table) })
}
