//! Rules and tables, compiled: checked once, then only read.

use super::declaration::Declaration;
use super::describe::{RuleChanges, RuleSummary, RuleTests, cases};
use super::explain::explain;
use super::location::{FileLocation, Problems};
use super::sandbox::{self, Sandbox};
use super::signature::Signature;
use super::{constants, names};
use crate::diagnostic::{Diagnostic, nearest};
use crate::engine::rules::filter::alternative;
use crate::engine::rules::filter::matcher::Matcher;
use crate::engine::rules::filter::members::MemberNames;
use crate::engine::rules::state::budget::{Budget, Spent};
use crate::engine::rules::value::duration;
use crate::engine::rules::value::table::Table;
use crate::event::Prefilter;
use rhai::{AST, ASTFlags, Module, OptimizationLevel, ParseErrorType, Position, Scope, Shared, Stmt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The properties of an event that the engine knows and the event does not say.
pub(crate) const KNOWN: [&str; 4] = ["anomalies", "template", "template_text", "params"];

/// A rule's file, as the caller read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// The file's name without its ending; the rule's name.
    pub name: String,
    /// As the user named it, for diagnostics.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// A lookup table's file, CSV or TOML by its path's ending, as the caller read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSource {
    /// The file's name without its ending; the table's name.
    pub name: String,
    /// As the user named it, for diagnostics.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Rules and tables, compiled. Immutable, and cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RuleSet(Arc<Compiled>);

#[derive(Debug, Default)]
struct Compiled {
    rules: Vec<Rule>,
    /// The filters of all rules, joined; and the tables, which filters look into as well.
    matcher: Arc<Matcher>,
    /// Which of [`KNOWN`] some rule reads.
    wants: [bool; 4],
    ticks: bool,
}

/// One rule, compiled.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Of its text and its tables: a rule that is the same keeps its state.
    pub(crate) hash: u64,
    description: String,
    /// The properties that it reads, of the event and of other maps.
    pub(crate) reads: BTreeSet<String>,
    /// What it reads of the event.
    fields: BTreeSet<String>,
    pub(crate) declaration: Declaration,
    tests: RuleTests,
    /// What is valid and yet hardly meant.
    lints: Vec<Diagnostic>,
    pub(crate) ast: AST,
    /// It has a function `on_event`.
    pub(crate) answers: bool,
    /// It has a function `on_tick`.
    pub(crate) ticks: bool,
    pub(crate) constants: Shared<Module>,
}

impl RuleSet {
    /// No rules.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// [`RuleSet::compile`] for rules that can call these functions.
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
                    // An empty one in its place, so that rules that name it are not told that it is
                    // unknown.
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

    /// The rules' names, in the order in which they run.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.rules.iter().map(|rule| rule.name.as_str())
    }

    /// What the rule of this name says of itself: the `//!` comment at its top.
    #[must_use]
    pub fn description(&self, name: &str) -> Option<&str> {
        self.rule(name).map(|rule| rule.description.as_str())
    }

    /// The properties that the rule of this name reads, of the event and of other maps, in the
    /// order of the alphabet.
    pub fn reads(&self, name: &str) -> impl Iterator<Item = &str> {
        self.rule(name).into_iter().flat_map(|rule| rule.reads.iter().map(String::as_str))
    }

    /// The tests of every rule, in the order of the rules' names; none for a rule without any.
    pub fn tests(&self) -> impl Iterator<Item = &RuleTests> {
        self.0.rules.iter().map(|rule| &rule.tests)
    }

    /// How this set differs from `old`. A rule has changed when its text has, or that of a table
    /// whose name stands in it.
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

    /// What every rule says of itself, in the order of the rules' names.
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

    /// What is valid and yet hardly meant, for `seismolog check`.
    pub fn lints(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.rules.iter().flat_map(|rule| &rule.lints)
    }

    /// What batches for these rules can be looked at with, so that less is left to do for
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

    /// Which of [`KNOWN`] some rule reads.
    pub(crate) fn wants(&self) -> [bool; 4] {
        self.0.wants
    }

    /// True when some rule has a function `on_tick`.
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

fn rule(
    source: &RuleSource,
    sandbox: &Sandbox,
    functions: &[Signature],
    tables: &[Table],
    members: &mut MemberNames,
    problems: &mut Problems<'_>,
) -> Option<Rule> {
    let mut engine = sandbox.engine([]);
    let ast = match engine.compile(&source.text) {
        Ok(ast) => ast,
        Err(error) => {
            problems.add(error.position(), format!("syntax error: {}", error.err_type()), None);
            return None;
        }
    };
    check_statements(&ast, problems);
    names::check(&ast, functions, tables, problems);
    check_entry(&ast, problems);
    let reads = names::properties(&ast);
    engine.register_global_module(Shared::new(sandbox::missing(&reads)));
    let mut scope = Scope::new();
    if let Err(error) = engine.run_ast_with_scope(&mut scope, &ast) {
        let (position, message) = explain(*error, None);
        problems.add(position, message, None);
        return None;
    }
    engine.set_strict_variables(true);
    if let Err(error) = engine.compile_with_scope(&scope, &source.text) {
        let mut hint = None;
        if let ParseErrorType::VariableUndefined(name) = error.err_type() {
            let constants: Vec<&str> = scope.iter_raw().map(|(name, ..)| name).collect();
            hint = nearest(name, constants).map(|near| format!("did you mean `{near}`?"));
        }
        problems.add(error.position(), error.err_type().to_string(), hint);
    }
    constants::check_hidden(&ast, &scope, problems);
    let Some(location) = FileLocation::of_constant(&ast, "RULE") else {
        let hint = "begin with `const RULE = #{ severity: \"warning\", select: #{ level: \"ERROR\" } };`";
        problems.add(Position::NONE, "a rule has a constant RULE, which this file lacks", Some(hint.into()));
        return None;
    };
    let Some(map) = scope.get("RULE").and_then(|value| value.as_map_ref().ok().map(|map| map.clone())) else {
        problems.add(location.position, "RULE is a map", Some("write `const RULE = #{ … };`".into()));
        return None;
    };
    let declaration = Declaration::read(&map, location, tables, members, problems);
    let mut doubts = Problems::of(&source.path, &source.text);
    if !map.contains_key("key")
        && let Some(position) = names::finding_without_key(&ast)
    {
        let hint = "write `key: [\"module\"]` into RULE, or `key: []` if it should be one";
        doubts.add(position, "all findings of this rule are one incident: it has no `key`", Some(hint.into()));
    }
    let tests = RuleTests {
        rule: source.name.clone(),
        path: source.path.clone(),
        text: source.text.clone(),
        cases: cases(&ast, &scope, problems),
    };
    // What the optimizer leaves (`NAMES[i]`) is found here.
    let mut constants = Module::new();
    for (name, _, value) in scope.iter_raw().filter(|(name, ..)| *name != "TESTS") {
        constants.set_var(name, value.clone());
    }
    let fields = names::fields(&ast);
    let ast = engine.optimize_ast(&scope, ast, OptimizationLevel::Simple).clone_functions_only();
    let has = |name: &str| ast.iter_functions().any(|function| function.name == name && function.params.len() == 1);
    let (answers, ticks) = (has("on_event"), has("on_tick"));
    Some(Rule {
        name: source.name.clone(),
        path: source.path.clone(),
        hash: hash(source, tables),
        description: description(&source.text),
        reads,
        fields,
        declaration,
        tests,
        lints: doubts.found,
        answers,
        ticks,
        ast,
        constants: Shared::new(constants),
    })
}

/// A rule is declarations only: there is no moment at which anything else would run.
fn check_statements(ast: &AST, problems: &mut Problems<'_>) {
    for statement in ast.statements() {
        match statement {
            Stmt::Noop(_) => {}
            Stmt::Var(_, flags, _) if flags.contains(ASTFlags::CONSTANT) => {}
            Stmt::Var(var, _, position) => problems.add(
                *position,
                format!("`{}` is a variable of no function", var.0.name),
                Some("write `const`; what a rule remembers between events is kept by functions such as `count`".into()),
            ),
            other => problems.add(
                other.position(),
                "only constants and functions stand at the top of a rule",
                Some("move it into `fn on_event(e)`".into()),
            ),
        }
    }
}

fn check_entry(ast: &AST, problems: &mut Problems<'_>) {
    let entries: Vec<usize> = ast
        .iter_functions()
        .filter(|function| function.name == "on_event")
        .map(|function| function.params.len())
        .collect();
    let ticks = ast.iter_functions().any(|function| function.name == "on_tick" && function.params.len() == 1);
    if let Some(function) = ast.iter_functions().find(|function| function.name == "on_tick" && !ticks) {
        problems.add(
            Position::NONE,
            format!("`on_tick` takes one argument, the time in seconds, not {}", function.params.len()),
            Some("write `fn on_tick(now) { … }`".into()),
        );
    }
    let only_ticks = ticks && entries.is_empty();
    if !only_ticks && !entries.contains(&1) {
        let near =
            nearest("on_event", ast.iter_functions().map(|function| function.name)).filter(|name| *name != "on_event");
        let (message, hint) = match (entries.first(), near) {
            (Some(count), _) => (
                format!("`on_event` takes one argument, the event, not {count}"),
                "write `fn on_event(e) { … }`".to_owned(),
            ),
            (None, Some(near)) => (
                "a rule has a function `on_event`, which this file lacks".to_owned(),
                format!("is `{near}` meant to be it?"),
            ),
            (None, None) => (
                "a rule has a function `on_event`, which this file lacks".to_owned(),
                "write `fn on_event(e) { … }`".to_owned(),
            ),
        };
        problems.add(Position::NONE, message, Some(hint));
    }
}

/// Of the rule's text and of the tables whose names stand in it.
fn hash(source: &RuleSource, tables: &[Table]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(source.text.as_bytes());
    for table in tables.iter().filter(|table| source.text.contains(&table.name)) {
        hash.update(&table.hash.to_le_bytes());
    }
    hash.digest()
}

/// The `//!` lines at the top, without their marks.
fn description(text: &str) -> String {
    let lines =
        text.lines().map(str::trim).skip_while(|line| line.is_empty()).map_while(|line| line.strip_prefix("//!"));
    lines.map(str::trim).collect::<Vec<_>>().join("\n")
}
