//! Reads `select`, a rule's native filter.
//!
//! `select` is a map of conditions that must all hold, or an array of such maps of which one must.
//! Each map becomes an [`Alternative`]: a mask of levels, a mask of roles that the event must have,
//! and a list of conditions. The matcher joins those of all rules.

use super::location::{FileLocation, Problems};
use crate::engine::rules::filter::alternative::{ANY_LEVEL, Alternative, LEVELS, NO_LEVEL};
use crate::engine::rules::filter::condition::{Condition, Seen, Subject, Test};
use crate::engine::rules::filter::members::MemberNames;
use crate::engine::rules::value::field_path::FieldPath;
use crate::engine::rules::value::scalar::Scalar;
use crate::engine::rules::value::table::Table;
use crate::engine::template::TemplateId;
use crate::event::{Level, Role};
use regex::Regex;
use rhai::{Dynamic, Map};

/// The tests that a map in `select` can hold.
const TESTS: [&str; 9] = ["min", "max", "prefix", "contains", "regex", "exists", "not", "table", "mentions"];

/// Reads `select` and adds the names of members in it to `members`.
pub(crate) fn read(
    select: &Dynamic,
    location: FileLocation<'_>,
    tables: &[Table],
    members: &mut MemberNames,
    problems: &mut Problems<'_>,
) -> Vec<Alternative> {
    if let Ok(map) = select.as_map_ref() {
        return vec![alternative(&map, location, tables, members, problems)];
    }
    let mut alternatives = Vec::new();
    match select.as_array_ref() {
        Ok(maps) => {
            if maps.is_empty() {
                problems.add(
                    location.position,
                    "`select` is empty and selects nothing",
                    Some("leave it out to select every event".into()),
                );
            }
            for (i, item) in maps.iter().enumerate() {
                match item.as_map_ref() {
                    Ok(map) => alternatives.push(alternative(&map, location.item(i), tables, members, problems)),
                    Err(found) => {
                        problems.add(location.item(i).position, format!("`select` holds maps, not {found}"), None)
                    }
                }
            }
        }
        Err(found) => problems.add(
            location.position,
            format!("`select` is a map or an array of maps, not {found}"),
            Some("write `select: #{ level: \"ERROR\" }`".into()),
        ),
    }
    alternatives
}

fn alternative(
    map: &Map,
    location: FileLocation<'_>,
    tables: &[Table],
    members: &mut MemberNames,
    problems: &mut Problems<'_>,
) -> Alternative {
    let mut read = Alternative::everything();
    for (name, value) in map {
        let (_, location) = location.member(name);
        let source = FieldPath::of(name);
        if source == FieldPath::Role(Role::Level) {
            read.levels &= levels(value, location, problems);
            if read.levels == 0 {
                problems.add(location.position, "no event has such a level", Some(NEVER.into()));
            }
            continue;
        }
        if name == "template" {
            read.templates = templates(value, location, problems);
            continue;
        }
        let subject = match source {
            FieldPath::Role(role) => Subject::Role(role),
            FieldPath::Member(name) => Subject::Member(members.number(&name)),
        };
        let tests = tests(value, location, tables, problems);
        if let Subject::Role(role) = subject
            && !tests.iter().any(|test| matches!(test, Test::Exists(false)))
        {
            read.roles |= 1 << role as u16;
        }
        check_possible(subject, &tests, tables, location, problems);
        read.conditions.extend(tests.into_iter().map(|test| Condition { subject, test }));
    }
    // Sorted by cost: roles are already parsed, members must be located, and text searches come
    // last.
    read.conditions.sort_by_key(|condition| {
        (condition.test.cost() + 2 * u8::from(matches!(condition.subject, Subject::Member(_))), condition.subject)
    });
    read
}

const NEVER: &str = "this rule would never run";

/// Reports tests of one subject that no value can pass.
fn check_possible(
    subject: Subject,
    tests: &[Test],
    tables: &[Table],
    location: FileLocation<'_>,
    problems: &mut Problems<'_>,
) {
    let absent = tests.iter().any(|test| matches!(test, Test::Exists(false)));
    if absent && tests.len() > 1 {
        problems.add(location.position, "what does not exist passes no other test", Some(NEVER.into()));
        return;
    }
    for test in tests {
        match test {
            Test::Range { min, max } if min > max => {
                problems.add(location.position, format!("no number is from {min} to {max}"), Some(NEVER.into()));
            }
            Test::OneOf(values) if values.is_empty() => {
                problems.add(location.position, "the set is empty", Some(NEVER.into()));
            }
            Test::OneOf(values) => {
                let possible = |value: &&Scalar| {
                    let seen = Seen::of_scalar(value);
                    let others = tests.iter().filter(|other| !std::ptr::eq(*other, test));
                    let is_status = subject != Subject::Role(Role::Status)
                        || value
                            .number()
                            .is_some_and(|status| (100.0..600.0).contains(&status) && status.fract() == 0.0);
                    is_status && others.into_iter().all(|other| other.passes(Some(&seen), tables))
                };
                if !values.iter().any(|value| possible(&value)) {
                    let why = if tests.len() > 1 {
                        "these tests contradict each other"
                    } else {
                        "a status is an integer from 100 to 599"
                    };
                    problems.add(location.position, why, Some(NEVER.into()));
                }
            }
            _ => {}
        }
    }
}

/// One template id or several, as findings and `seismolog templates` print them.
fn templates(value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>) -> Option<Vec<TemplateId>> {
    let mut one = |value: &Dynamic, location: FileLocation<'_>| {
        let text = value.as_immutable_string_ref().map(|text| text.to_string()).unwrap_or_default();
        let id = u64::from_str_radix(&text, 16).ok().filter(|_| text.len() == 16);
        if id.is_none() {
            let hint = "write the 16 hexadecimal digits that `seismolog templates` prints";
            problems.add(location.position, "this is no id of a template", Some(hint.into()));
        }
        id.map(TemplateId)
    };
    Some(match value.as_array_ref() {
        Ok(values) => values.iter().enumerate().filter_map(|(i, value)| one(value, location.item(i))).collect(),
        Err(_) => one(value, location).into_iter().collect(),
    })
}

/// A level means that level or worse, an array means exactly its levels, and a map has tests.
fn levels(value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>) -> u8 {
    const KNOWN: u8 = NO_LEVEL - 1;
    let at_least = |level: Level| KNOWN & !((1 << level as u8) - 1);
    let one = |value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>| {
        let text = value.as_immutable_string_ref().map(|text| text.to_string()).unwrap_or_default();
        let level = Level::from_text(text.as_bytes());
        if level.is_none() {
            problems.unknown(
                location.position,
                "level",
                &crate::engine::rules::value::scalar::text_of(value).unwrap_or_default(),
                &LEVELS,
            );
        }
        level
    };
    if let Ok(values) = value.as_array_ref() {
        let known = values.iter().enumerate().filter_map(|(i, value)| one(value, location.item(i), problems));
        return known.fold(0, |mask, level| mask | 1 << level as u8);
    }
    let Ok(map) = value.as_map_ref() else {
        return one(value, location, problems).map_or(ANY_LEVEL, at_least);
    };
    let mut mask = ANY_LEVEL;
    for (name, value) in map.iter() {
        let (key, location) = location.member(name);
        match name.as_str() {
            "min" => mask &= one(value, location, problems).map_or(ANY_LEVEL, at_least),
            "max" => mask &= one(value, location, problems).map_or(ANY_LEVEL, |level| KNOWN & ((2 << level as u8) - 1)),
            "not" => {
                let not = match value.as_array_ref() {
                    Ok(_) => levels(value, location, problems),
                    Err(_) => one(value, location, problems).map_or(0, |level| 1 << level as u8),
                };
                mask &= KNOWN & !not;
            }
            "exists" => match value.as_bool() {
                Ok(true) => mask &= KNOWN,
                Ok(false) => mask &= NO_LEVEL,
                Err(found) => problems.add(location.position, format!("`exists` is true or false, not {found}"), None),
            },
            _ => problems.unknown(key, "test of a level", name, &["min", "max", "not", "exists"]),
        }
    }
    mask
}

/// Reads a value, an array of values, or a map of tests that must all hold.
fn tests(value: &Dynamic, location: FileLocation<'_>, tables: &[Table], problems: &mut Problems<'_>) -> Vec<Test> {
    if let Some(scalar) = Scalar::of(value) {
        return vec![Test::OneOf(vec![scalar])];
    }
    if let Ok(values) = value.as_array_ref() {
        let mut set = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            match Scalar::of(value) {
                Some(scalar) => set.push(scalar),
                None => problems.add(
                    location.item(i).position,
                    format!("a set holds text, numbers and truth values, not {}", value.type_name()),
                    None,
                ),
            }
        }
        return vec![Test::OneOf(set)];
    }
    let Ok(map) = value.as_map_ref() else {
        let hint = "write a value, an array of values, or a map of tests such as #{ contains: \"text\" }";
        let message = format!("an event's member is not compared with {}", value.type_name());
        problems.add(location.position, message, Some(hint.into()));
        return Vec::new();
    };
    if map.is_empty() {
        problems.add(location.position, "this map holds no test", Some(format!("known: {}", TESTS.join(", "))));
    }
    let mut read = Vec::new();
    let (mut min, mut max) = (f64::NEG_INFINITY, f64::INFINITY);
    for (name, value) in map.iter() {
        let (key, location) = location.member(name);
        match name.as_str() {
            "min" => min = number(value, location, problems),
            "max" => max = number(value, location, problems),
            "prefix" => read.push(Test::Prefix(words(name, value, location, problems))),
            "contains" => read.push(Test::Contains(words(name, value, location, problems))),
            "regex" => read.extend(pattern(value, location, problems)),
            "exists" => match value.as_bool() {
                Ok(wanted) => read.push(Test::Exists(wanted)),
                Err(found) => problems.add(location.position, format!("`exists` is true or false, not {found}"), None),
            },
            "not" => read.push(Test::Not(tests(value, location, tables, problems))),
            "table" => read.extend(table(value, location, tables, problems).map(Test::KeyOf)),
            "mentions" => read.extend(table(value, location, tables, problems).map(Test::Mentions)),
            _ => problems.unknown(key, "test", name, &TESTS),
        }
    }
    if min > f64::NEG_INFINITY || max < f64::INFINITY {
        read.push(Test::Range { min, max });
    }
    read
}

fn number(value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>) -> f64 {
    let number = value.as_float().or_else(|_| value.as_int().map(|number| number as f64));
    number.ok().filter(|number| number.is_finite()).unwrap_or_else(|| {
        problems.add(location.position, format!("a bound is a number, not {}", value.type_name()), None);
        0.0
    })
}

/// Reads one text or several, none of them empty.
fn words(test: &str, value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>) -> Vec<String> {
    let mut one = |value: &Dynamic, location: FileLocation<'_>| match value.as_immutable_string_ref() {
        Ok(text) if !text.is_empty() => Some(text.to_string()),
        Ok(_) => {
            let hint = "write #{ exists: true } for a member that is there";
            problems.add(location.position, "every text has an empty text in it", Some(hint.into()));
            None
        }
        Err(found) => {
            problems.add(location.position, format!("`{test}` is a text or an array of texts, not {found}"), None);
            None
        }
    };
    match value.as_array_ref() {
        Ok(values) => values.iter().enumerate().filter_map(|(i, value)| one(value, location.item(i))).collect(),
        Err(_) => one(value, location).into_iter().collect(),
    }
}

fn pattern(value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>) -> Option<Test> {
    let Ok(text) = value.as_immutable_string_ref() else {
        problems.add(location.position, format!("`regex` is a text, not {}", value.type_name()), None);
        return None;
    };
    match Regex::new(&text) {
        Ok(pattern) => Some(Test::Matches(Box::new(pattern))),
        Err(error) => {
            // The last line has the reason; the lines before it only show where in the pattern.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            problems.add(location.position, format!("this is no regular expression: {reason}"), None);
            None
        }
    }
}

fn table(value: &Dynamic, location: FileLocation<'_>, tables: &[Table], problems: &mut Problems<'_>) -> Option<usize> {
    let wanted = value.as_immutable_string_ref().map(|text| text.to_string()).unwrap_or_default();
    let found = tables.iter().position(|table| table.name == wanted);
    if found.is_none() {
        let known: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        problems.unknown(location.position, "table", &wanted, &known);
    }
    found
}
