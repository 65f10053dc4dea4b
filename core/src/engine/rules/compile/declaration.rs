//! `const RULE`: a rule's declaration.

use super::location::{FileLocation, Problems};
use super::select;
use crate::engine::finding::Severity;
use crate::engine::rules::filter::alternative::Alternative;
use crate::engine::rules::filter::members::MemberNames;
use crate::engine::rules::value::duration;
use crate::engine::rules::value::field_path::FieldPath;
use crate::engine::rules::value::table::Table;
use rhai::{Dynamic, Map};

/// The members of `RULE`.
const MEMBERS: [&str; 6] = ["severity", "select", "key", "cooldown", "explains", "on_failure"];
/// The default `cooldown` in nanoseconds: 5 minutes.
const COOLDOWN_NS: i64 = 300_000_000_000;

/// A checked declaration.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) severity: Severity,
    /// The alternatives of `select`: one must hold for the script to run.
    pub(crate) select: Vec<Alternative>,
    /// The key of its incidents: each name as written, and the field with its value.
    pub(crate) key: Vec<(String, FieldPath)>,
    /// Nanoseconds without a match after which an incident resolves.
    pub(crate) cooldown: i64,
    /// Its findings explain those of detectors: they join an incident that is open at the event's
    /// locality.
    pub(crate) explains: bool,
    /// `on_failure: "drop"`: a selected event is withheld when the rule fails or is switched off.
    pub(crate) fails_closed: bool,
}

impl Declaration {
    /// Reads `RULE`, adding its problems to `problems`.
    pub(crate) fn read(
        rule: &Map,
        location: FileLocation<'_>,
        tables: &[Table],
        members: &mut MemberNames,
        problems: &mut Problems<'_>,
    ) -> Self {
        let mut read = Self {
            severity: Severity::Warning,
            select: Vec::new(),
            key: Vec::new(),
            cooldown: COOLDOWN_NS,
            explains: false,
            fails_closed: false,
        };
        for (name, value) in rule {
            let (key, location) = location.member(name);
            match name.as_str() {
                "severity" => read.severity = severity(value, location, problems),
                "select" => read.select = select::read(value, location, tables, members, problems),
                "key" => read.key = names(value, location, problems),
                "cooldown" => {
                    match value.as_immutable_string_ref().ok().and_then(|text| duration::nanoseconds(&text)) {
                        Some(nanoseconds) => read.cooldown = nanoseconds,
                        None => {
                            problems.add(location.position, "`cooldown` is no duration", Some(duration::HINT.into()))
                        }
                    }
                }
                "explains" => match value.as_bool() {
                    Ok(explains) => read.explains = explains,
                    Err(found) => {
                        problems.add(location.position, format!("`explains` is true or false, not {found}"), None)
                    }
                },
                "on_failure" => match crate::engine::rules::value::scalar::text_of(value).as_deref() {
                    Some("pass") => {}
                    Some("drop") => read.fails_closed = true,
                    other => problems.unknown(
                        location.position,
                        "answer to a failure",
                        other.unwrap_or("?"),
                        &["pass", "drop"],
                    ),
                },
                _ => problems.unknown(key, "member of RULE", name, &MEMBERS),
            }
        }
        if !rule.contains_key("select") {
            read.select = vec![Alternative::everything()];
        }
        read
    }
}

/// The severity with this name.
pub(crate) fn severity_of(name: &str) -> Option<Severity> {
    Severity::ALL.into_iter().find(|severity| severity.name() == name)
}

fn severity(value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>) -> Severity {
    let name = crate::engine::rules::value::scalar::text_of(value).unwrap_or_else(|| value.type_name().to_owned());
    severity_of(&name).unwrap_or_else(|| {
        problems.unknown(location.position, "severity", &name, &Severity::ALL.map(Severity::name));
        Severity::Warning
    })
}

fn names(value: &Dynamic, location: FileLocation<'_>, problems: &mut Problems<'_>) -> Vec<(String, FieldPath)> {
    let hint = Some("write the names of roles and members: [\"module\", \"upstream\"]".to_owned());
    let Ok(items) = value.as_array_ref() else {
        problems.add(location.position, format!("`key` is an array of names, not {}", value.type_name()), hint);
        return Vec::new();
    };
    let mut names = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match item.as_immutable_string_ref() {
            Ok(name) if !name.trim_start_matches('.').is_empty() => {
                names.push((name.trim_start_matches('.').to_owned(), FieldPath::of(&name)))
            }
            _ => problems.add(location.item(i).position, "this is no name of a role or member", hint.clone()),
        }
    }
    names
}
