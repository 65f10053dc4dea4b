//! A set of compiled rules and tables, read-only once compiled.

use super::describe::{RuleChanges, RuleSummary, RuleTests};
use super::location::Problems;
use super::rule::{Rule, rule};
use super::sandbox::{self, Sandbox};
use super::signature::Signature;
use crate::diagnostic::Diagnostic;
use crate::engine::rules::filter::alternative;
use crate::engine::rules::filter::matcher::Matcher;
use crate::engine::rules::filter::members::MemberNames;
use crate::engine::rules::state::budget::{Budget, Spent};
use crate::engine::rules::value::duration;
use crate::engine::rules::value::table::Table;
use crate::event::Prefilter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The properties that the engine adds to an event.
pub(crate) const KNOWN: [&str; 4] = ["anomalies", "template", "template_text", "params"];

/// The file of a rule, as read by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// The file's name without its extension, which is the name of the rule.
    pub name: String,
    /// The path as the user wrote it, for diagnostics.
    pub path: String,
    /// The text of the file.
    pub text: String,
}

/// The file of a lookup table, as read by the caller; CSV or TOML, by the extension of its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSource {
    /// The file's name without its extension, which is the name of the table.
    pub name: String,
    /// The path as the user wrote it, for diagnostics.
    pub path: String,
    /// The text of the file.
    pub text: String,
}

/// A set of compiled rules and tables. Immutable, and cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RuleSet(Arc<Compiled>);

#[derive(Debug, Default)]
struct Compiled {
    rules: Vec<Rule>,
    /// The filters of all rules, and the tables, which filters use too.
    matcher: Arc<Matcher>,
    /// Which properties of [`KNOWN`] any rule reads.
    wants: [bool; 4],
    ticks: bool,
}

impl RuleSet {
    /// A set without rules.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// As [`RuleSet::compile`], for rules that can call `functions`.
    pub(crate) fn compile_with(
        rules: &[RuleSource],
        tables: &[TableSource],
        functions: &[Signature],
    ) -> Result<Self, Vec<Diagnostic>> {
        let rules: BTreeMap<&str, &RuleSource> = rules.iter().map(|source| (source.name.as_str(), source)).collect();
        let tables: BTreeMap<&str, &TableSource> = tables.iter().map(|source| (source.name.as_str(), source)).collect();
        let mut compiled = Compiled::default();
        let (mut found, mut names) = (Vec::new(), MemberNames::default());
        let mut read = Vec::new();
        for source in tables.values() {
            match Table::read(&source.name, &source.path, &source.text) {
                Ok(table) => read.push(table),
                Err(problems) => {
                    found.extend(problems);
                    // An empty table replaces it, so that rules with its name do not report it as
                    // unknown too.
                    read.extend(Table::from_toml(&source.name, &source.path, ""));
                }
            }
        }
        let budget = Budget::default();
        let spent = Arc::new(Spent::new(budget.operations, None));
        let sandbox = Sandbox::new(sandbox::refused(functions), Arc::clone(&spent));
        for source in rules.values() {
            spent.begin(false);
            let mut problems = Problems::of(&source.path, &source.text);
            let rule = rule(source, &sandbox, functions, &read, &mut names, &mut problems);
            problems.found.sort_by_key(|problem| (problem.line, problem.column));
            match rule {
                Some(rule) if problems.found.is_empty() => compiled.rules.push(rule),
                _ => found.extend(problems.found),
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        let alternatives = compiled.rules.iter().enumerate().flat_map(|(i, rule)| {
            rule.declaration.select.iter().map(move |alternative| (i as u32, alternative.clone()))
        });
        compiled.matcher = Arc::new(Matcher::new(alternatives, names, read));
        compiled.wants = KNOWN.map(|name| compiled.rules.iter().any(|rule| rule.reads.contains(name)));
        compiled.ticks = compiled.rules.iter().any(|rule| rule.ticks);
        Ok(Self(Arc::new(compiled)))
    }

    /// The names of the rules, in the order in which they run.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The description of the rule with this name: the `//!` comment at its top.
    #[must_use]
    pub fn description(&self, name: &str) -> Option<&str> {
        self.rule(name).map(|rule| rule.description.as_str())
    }

    /// The properties that the rule with this name reads, of the event or of other values, in
    /// alphabetical order.
    pub fn reads(&self, name: &str) -> impl Iterator<Item = &str> {
        self.rule(name).into_iter().flat_map(|rule| rule.reads.iter().map(String::as_str))
    }

    /// The tests of every rule, in the order of the names; a rule without tests has an entry
    /// without cases.
    pub fn tests(&self) -> impl Iterator<Item = &RuleTests> {
        self.0.rules.iter().map(|rule| &rule.tests)
    }

    /// The difference to `old`. A rule has changed when its text has changed, or that of a table
    /// whose name occurs in it.
    #[must_use]
    pub fn change_from(&self, old: &Self) -> RuleChanges {
        let mut change = RuleChanges::default();
        for rule in &self.0.rules {
            match old.rule(&rule.name) {
                None => change.added += 1,
                Some(before) if before.hash != rule.hash => change.changed += 1,
                Some(_) => change.unchanged += 1,
            }
        }
        change.removed = old.0.rules.iter().filter(|rule| self.rule(&rule.name).is_none()).count();
        change
    }

    /// The declarations of all rules, in the order of the names.
    pub fn summaries(&self) -> impl Iterator<Item = RuleSummary<'_>> {
        self.0.rules.iter().map(|rule| RuleSummary {
            name: &rule.name,
            severity: rule.declaration.severity.name(),
            path: &rule.path,
            description: &rule.description,
            select: alternative::shown(&rule.declaration.select, self.0.matcher.names(), self.0.matcher.tables()),
            reads: rule.fields.iter().cloned().collect(),
            key: rule.declaration.key.iter().map(|(name, _)| name.clone()).collect(),
            cooldown_s: duration::seconds(rule.declaration.cooldown),
            explains: rule.declaration.explains,
            tests: rule.tests.cases.len(),
        })
    }

    /// Warnings about valid code that is probably a mistake, for `seismolog check`.
    pub fn lints(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.rules.iter().flat_map(|rule| &rule.lints)
    }

    /// The part of the filters that the parser can evaluate in advance, to save work in
    /// [`Rules`](crate::engine::rules::Rules).
    #[must_use]
    pub fn prefilter(&self) -> Arc<dyn Prefilter> {
        Arc::clone(&self.0.matcher) as _
    }

    fn rule(&self, name: &str) -> Option<&Rule> {
        self.0.rules.iter().find(|rule| rule.name == name)
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.0.rules
    }

    /// Which properties of [`KNOWN`] any rule reads.
    pub(crate) fn wants(&self) -> [bool; 4] {
        self.0.wants
    }

    /// True when any rule has a function `on_tick`.
    pub(crate) fn ticks(&self) -> bool {
        self.0.ticks
    }

    pub(crate) fn tables(&self) -> &[Table] {
        self.0.matcher.tables()
    }

    pub(crate) fn matcher(&self) -> &Matcher {
        &self.0.matcher
    }
}
