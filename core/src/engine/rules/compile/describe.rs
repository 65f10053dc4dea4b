//! Descriptions of rules: their declarations, their tests, and the difference between two sets.

use super::location::{FileLocation, Problems};
use crate::engine::rules::value::json as plain;
use rhai::{AST, Position, Scope};
use std::fmt;

/// The declaration of a rule, for `seismolog rules`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RuleSummary<'a> {
    /// Its name.
    pub name: &'a str,
    /// The severity of its findings.
    pub severity: &'static str,
    /// The path of its file, as the user wrote it.
    pub path: &'a str,
    /// The comment at the top of its file.
    pub description: &'a str,
    /// Its native filter in the syntax of rules, one entry per alternative.
    pub select: Vec<String>,
    /// The roles and members of the event that its script reads.
    pub reads: Vec<String>,
    /// The names in the key of its incidents.
    pub key: Vec<String>,
    /// Seconds without a match after which an incident resolves.
    pub cooldown_s: f64,
    /// Whether its findings explain those of detectors at the same locality.
    pub explains: bool,
    /// The number of its tests.
    pub tests: usize,
}

/// The difference between two sets of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleChanges {
    /// New rules.
    pub added: usize,
    /// Rules whose text or tables have changed.
    pub changed: usize,
    /// Rules that are missing now.
    pub removed: usize,
    /// Unchanged rules.
    pub unchanged: usize,
}

impl RuleChanges {
    /// True when the sets are the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        (self.added, self.changed, self.removed) == (0, 0, 0)
    }
}

impl fmt::Display for RuleChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, removed, unchanged } = self;
        write!(f, "{added} added, {changed} changed, {removed} removed, {unchanged} unchanged")
    }
}

/// The tests of a rule, as plain values.
#[derive(Clone, Debug)]
pub struct RuleTests {
    /// The rule's name.
    pub rule: String,
    /// The path of its file, as the user wrote it.
    pub path: String,
    /// The text of the file.
    pub text: String,
    /// Each test, with its line number.
    pub cases: Vec<(usize, serde_json::Value)>,
}

/// The constant `TESTS` as plain values, each with its line number.
pub(crate) fn cases(ast: &AST, scope: &Scope<'_>, problems: &mut Problems<'_>) -> Vec<(usize, serde_json::Value)> {
    let Some(tests) = scope.get("TESTS") else { return Vec::new() };
    let location = FileLocation::of_constant(ast, "TESTS");
    let at = |i: Option<usize>| {
        let location = location.map(|location| i.map_or(location, |i| location.item(i)));
        location.map_or(Position::NONE, |location| location.position)
    };
    let Ok(tests) = tests.as_array_ref() else {
        problems.add(
            at(None),
            "TESTS is an array of maps",
            Some("write `const TESTS = [#{ name: \"…\", … }];`".into()),
        );
        return Vec::new();
    };
    let mut cases = Vec::with_capacity(tests.len());
    for (i, test) in tests.iter().enumerate() {
        match plain::json(test) {
            Some(value) => cases.push((at(Some(i)).line().unwrap_or(0), value)),
            None => problems.add(at(Some(i)), "a test holds texts, numbers, truth values, arrays and maps only", None),
        }
    }
    cases
}
