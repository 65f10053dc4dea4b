//! One alternative of a rule's native filter: a mask of levels, a mask of required roles, and a
//! list of conditions.

use super::condition::{self, Condition, Subject};
use super::members::MemberNames;
use crate::engine::rules::value::table::Table;
use crate::engine::template::TemplateId;
use crate::event::Role;

/// The level bit of events without a level.
pub(crate) const NO_LEVEL: u8 = 1 << 6;
/// All levels, and events without one.
pub(crate) const ANY_LEVEL: u8 = (1 << 7) - 1;
/// The names of the levels, from the lowest severity.
pub(crate) const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// One alternative: all of its parts must hold.
#[derive(Clone, Debug)]
pub(crate) struct Alternative {
    /// Allowed levels, one bit each; [`NO_LEVEL`] for events without one.
    pub(crate) levels: u8,
    /// Required roles, one bit each.
    pub(crate) roles: u16,
    /// Allowed templates, including those that they are merged into.
    pub(crate) templates: Option<Vec<TemplateId>>,
    pub(crate) conditions: Vec<Condition>,
}

impl Alternative {
    /// The alternative that every event passes.
    pub(crate) fn everything() -> Self {
        Self { levels: ANY_LEVEL, roles: 0, templates: None, conditions: Vec::new() }
    }
}

/// The alternatives in the syntax of rules, for `seismolog rules`.
pub(crate) fn shown(alternatives: &[Alternative], names: &MemberNames, tables: &[Table]) -> Vec<String> {
    alternatives.iter().map(|alternative| shown_alternative(alternative, names, tables)).collect()
}

fn shown_alternative(alternative: &Alternative, names: &MemberNames, tables: &[Table]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if alternative.levels != ANY_LEVEL {
        let wanted: Vec<usize> = (0..LEVELS.len()).filter(|i| alternative.levels >> i & 1 == 1).collect();
        let is_least =
            wanted.last() == Some(&(LEVELS.len() - 1)) && wanted.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let names = || wanted.iter().map(|i| format!("{:?}", LEVELS[*i])).collect::<Vec<_>>().join(", ");
        parts.push(match wanted.first() {
            _ if alternative.levels == NO_LEVEL => "level: #{ exists: false }".to_owned(),
            Some(least) if is_least => format!("level: {:?}", LEVELS[*least]),
            _ => format!("level: [{}]", names()),
        });
    }
    if let Some(ids) = &alternative.templates {
        parts.push(format!("template: [{}]", ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ")));
    }
    // Tests of the same subject are written as one map.
    let mut subjects: Vec<(Subject, Vec<String>)> = Vec::new();
    for Condition { subject, test } in &alternative.conditions {
        let test = condition::shown(test, tables);
        match subjects.iter_mut().find(|(known, _)| known == subject) {
            Some((_, tests)) => tests.push(test),
            None => subjects.push((*subject, vec![test])),
        }
    }
    for (subject, tests) in subjects {
        let name = match subject {
            Subject::Role(role) => role.name().to_owned(),
            Subject::Member(i) if Role::from_name(names.text(i)).is_some() => format!("\".{}\"", names.text(i)),
            Subject::Member(i) if rhai::is_valid_identifier(names.text(i)) => names.text(i).to_owned(),
            Subject::Member(i) => format!("{:?}", names.text(i)),
        };
        let inner = |test: &String| {
            test.strip_prefix("#{ ").and_then(|test| test.strip_suffix(" }")).unwrap_or(test).to_owned()
        };
        parts.push(match &tests[..] {
            [test] => format!("{name}: {test}"),
            tests => format!("{name}: #{{ {} }}", tests.iter().map(inner).collect::<Vec<_>>().join(", ")),
        });
    }
    if parts.is_empty() { "every event".to_owned() } else { format!("#{{ {} }}", parts.join(", ")) }
}
