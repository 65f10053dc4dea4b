//! What a set of rules says of itself: its rules, the tests they carry, how it differs from another
//! set.

use super::location::{FileLocation, Problems};
use crate::engine::rules::value::json as plain;
use rhai::{AST, Position, Scope};
use std::fmt;

/// What a rule says of itself.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RuleSummary<'a> {
    /// Its name.
    pub name: &'a str,
    /// How much its findings matter.
    pub severity: &'static str,
    /// Its file, as the user named it.
    pub path: &'a str,
    /// The comment at its top.
    pub description: &'a str,
    /// Its native filter, one alternative each, as a rule would write it.
    pub select: Vec<String>,
    /// The roles and members of the event that its script reads.
    pub reads: Vec<String>,
    /// Whose incident a finding is.
    pub key: Vec<String>,
    /// Seconds without a match after which an incident resolves.
    pub cooldown_s: f64,
    /// Its findings explain what detectors find at the same locality.
    pub explains: bool,
    /// How many tests it carries.
    pub tests: usize,
}

/// How one set of rules differs from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleChanges {
    /// Rules that are new.
    pub added: usize,
    /// Rules whose text or tables are others.
    pub changed: usize,
    /// Rules that are gone.
    pub removed: usize,
    /// Rules that are the same.
    pub unchanged: usize,
}

impl RuleChanges {
    /// The sets are the same.
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

/// The tests that a rule carries, as plain values.
#[derive(Clone, Debug)]
pub struct RuleTests {
    /// The rule's name.
    pub rule: String,
    /// Its file, as the user named it.
    pub path: String,
    /// What is in that.
    pub text: String,
    /// Each test, and the line on which it begins.
    pub cases: Vec<(usize, serde_json::Value)>,
}

/// `TESTS` as plain values, each with its line.
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
