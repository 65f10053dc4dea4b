//! Compiles one rule: runs its script once to get the constants, reads its declaration, and checks
//! everything.

use super::declaration::Declaration;
use super::describe::{RuleTests, cases};
use super::explain::explain;
use super::location::{FileLocation, Problems};
use super::sandbox::{self, Sandbox};
use super::set::RuleSource;
use super::signature::Signature;
use super::{constants, names};
use crate::diagnostic::{Diagnostic, nearest};
use crate::engine::rules::filter::members::MemberNames;
use crate::engine::rules::value::table::Table;
use rhai::{AST, ASTFlags, Engine, Map, Module, OptimizationLevel, ParseErrorType, Position, Scope, Shared, Stmt};
use std::collections::BTreeSet;
use xxhash_rust::xxh3::Xxh3;

/// A compiled rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Hash of its text and its tables. A rule with the same hash keeps its state.
    pub(crate) hash: u64,
    pub(super) description: String,
    /// The properties that it reads, of the event or of other values.
    pub(crate) reads: BTreeSet<String>,
    /// The roles and members that it reads of the event.
    pub(super) fields: BTreeSet<String>,
    pub(crate) declaration: Declaration,
    pub(super) tests: RuleTests,
    /// Warnings about valid code that is probably a mistake.
    pub(super) lints: Vec<Diagnostic>,
    pub(crate) ast: AST,
    /// It has a function `on_event`.
    pub(crate) answers: bool,
    /// It has a function `on_tick`.
    pub(crate) ticks: bool,
    pub(crate) constants: Shared<Module>,
}

/// Compiles a rule and adds its problems to `problems`. With problems the result may be none.
pub(super) fn rule(
    source: &RuleSource,
    sandbox: &Sandbox,
    functions: &[Signature],
    tables: &[Table],
    members: &mut MemberNames,
    problems: &mut Problems<'_>,
) -> Option<Rule> {
    let Script { engine, ast, scope, reads } = script(source, sandbox, functions, tables, problems)?;
    constants::check_hidden(&ast, &scope, problems);
    let (map, location) = declared(&ast, &scope, problems)?;
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
    // Constants that the optimizer does not replace (`NAMES[i]`) are looked up here.
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

/// The text of a rule, compiled and run once to get its constants.
struct Script {
    engine: Engine,
    ast: AST,
    scope: Scope<'static>,
    /// The properties that it reads.
    reads: BTreeSet<String>,
}

fn script(
    source: &RuleSource,
    sandbox: &Sandbox,
    functions: &[Signature],
    tables: &[Table],
    problems: &mut Problems<'_>,
) -> Option<Script> {
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
    Some(Script { engine, ast, scope, reads })
}

/// The map `RULE` and its location.
fn declared<'a>(ast: &'a AST, scope: &Scope<'_>, problems: &mut Problems<'_>) -> Option<(Map, FileLocation<'a>)> {
    let Some(location) = FileLocation::of_constant(ast, "RULE") else {
        let hint = "begin with `const RULE = #{ severity: \"warning\", select: #{ level: \"ERROR\" } };`";
        problems.add(Position::NONE, "a rule has a constant RULE, which this file lacks", Some(hint.into()));
        return None;
    };
    let Some(map) = scope.get("RULE").and_then(|value| value.as_map_ref().ok().map(|map| map.clone())) else {
        problems.add(location.position, "RULE is a map", Some("write `const RULE = #{ … };`".into()));
        return None;
    };
    Some((map, location))
}

/// Reports statements other than constants: the top level of a rule is run only once, at loading.
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

/// Hash of the rule's text and of the tables whose names occur in it.
fn hash(source: &RuleSource, tables: &[Table]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(source.text.as_bytes());
    for table in tables.iter().filter(|table| source.text.contains(&table.name)) {
        hash.update(&table.hash.to_le_bytes());
    }
    hash.digest()
}

/// The `//!` lines at the top, without the `//!`.
fn description(text: &str) -> String {
    let lines =
        text.lines().map(str::trim).skip_while(|line| line.is_empty()).map_while(|line| line.strip_prefix("//!"));
    lines.map(str::trim).collect::<Vec<_>>().join("\n")
}
