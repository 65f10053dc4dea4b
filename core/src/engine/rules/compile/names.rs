//! Checks the names in a rule's functions when the rule is loaded, not when an event arrives.

use super::location::{Problems, walk};
use super::signature::{Argument, FINDING, Signature};
use crate::engine::rules::state::metrics;
use crate::engine::rules::value::table::Table;
use crate::engine::rules::value::{calendar, duration};
use rhai::{AST, Expr, FnCallExpr, Ident, Position};
use std::collections::{BTreeMap, BTreeSet};

/// The functions of Rhai itself and of the packages in [`super::sandbox`]. Rhai can list them only
/// in builds with metadata. Its version is pinned, so the list stays valid.
#[rustfmt::skip]
const RHAI: &[&str] = &[
    "Fn", "call", "curry", "debug", "is_def_fn", "is_def_var", "is_shared", "print", "type_of",
    // numbers
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceiling", "cos", "cosh", "E", "exp", "floor", "fraction", "hypot",
    "int", "is_even", "is_finite", "is_infinite", "is_nan", "is_odd", "is_zero", "ln", "log", "max", "min", "parse_float",
    "parse_int", "PI", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "to_degrees", "to_float", "to_int", "to_radians",
    // text
    "append", "bytes", "chars", "clear", "contains", "crop", "ends_with", "get", "index_of", "is_empty", "len", "make_lower",
    "make_upper", "pad", "pop", "remove", "replace", "set", "split", "split_rev", "starts_with", "sub_string", "to_binary",
    "to_chars", "to_debug", "to_hex", "to_lower", "to_octal", "to_string", "to_upper", "trim", "truncate",
    // ranges
    "bits", "end", "is_exclusive", "is_inclusive", "range", "start",
    // arrays and maps
    "all", "chop", "concat", "dedup", "drain", "equals", "extract", "fill_with", "filter", "find", "find_map", "for_each", "insert",
    "keys", "map", "merge", "mixin", "order", "order_by", "order_desc", "push", "reduce", "reduce_rev", "retain", "reverse", "shift",
    "some", "sort", "sort_by", "sort_desc", "splice", "to_json", "values", "zip",
];

/// Reports calls of unknown functions, and wrong arguments that can be seen in the text.
pub(crate) fn check(ast: &AST, functions: &[Signature], tables: &[Table], problems: &mut Problems<'_>) {
    let mut scripted: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for function in ast.iter_functions() {
        scripted.entry(function.name).or_default().insert(function.params.len());
    }
    // A map can hold functions; they are called as `map.name()`.
    let mut held = BTreeSet::new();
    walk(ast, |expression| {
        if let Expr::Map(map, _) = expression {
            held.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
        }
    });
    walk(ast, |expression| {
        let (call, position, before) = match expression {
            Expr::FnCall(call, position) => (call, *position, 0),
            Expr::MethodCall(call, position) => (call, *position, 1),
            _ => return,
        };
        if call.op_token.is_some() || !rhai::is_valid_function_name(&call.name) || call.name.starts_with("anon$") {
            return;
        }
        let (name, arguments) = (call.name.as_str(), call.args.len() + before);
        if let Some(counts) = scripted.get(name) {
            // In a method call of a script's function, the object is `this` and not an argument.
            if !counts.contains(&call.args.len()) && !RHAI.contains(&name) {
                let wanted: Vec<String> = counts.iter().map(usize::to_string).collect();
                problems.add(
                    position,
                    format!("`{name}` takes {} arguments, not {}", wanted.join(" or "), call.args.len()),
                    None,
                );
            }
        } else if let Some(function) = functions.iter().find(|function| function.name == name) {
            let Signature { least, most, .. } = function;
            // As methods, `get` and `set` are Rhai's functions of maps.
            if before > 0 && RHAI.contains(&name) {
                return;
            }
            if (*least..=*most).contains(&arguments) {
                arguments_of(call, before, function, tables, problems);
            } else {
                let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
                problems.add(position, format!("`{name}` takes {wanted} arguments, not {arguments}"), None);
            }
        } else if !RHAI.contains(&name) && (before == 0 || !held.contains(name)) {
            let own = functions.iter().map(|function| function.name);
            let known = own.chain(scripted.keys().copied()).chain(RHAI.iter().copied());
            let hint = crate::diagnostic::nearest(name, known).map(|nearest| format!("did you mean `{nearest}`?"));
            problems.add(
                position,
                format!("unknown function `{name}`"),
                hint.or_else(|| Some("rules have no other functions than seismolog's, Rhai's and their own".into())),
            );
        }
    });
}

/// Checks the arguments that are literals.
fn arguments_of(call: &FnCallExpr, before: usize, function: &Signature, tables: &[Table], problems: &mut Problems<'_>) {
    for (i, expected) in function.arguments {
        match i.checked_sub(before).and_then(|i| call.args.get(i)) {
            Some(Expr::StringConstant(text, position)) => check_text(*expected, text, *position, tables, problems),
            Some(Expr::Map(map, position)) if matches!(expected, Argument::Finding) => {
                check_finding(&map.0, *position, problems);
            }
            _ => {}
        }
    }
}

fn check_text(expected: Argument, text: &str, position: Position, tables: &[Table], problems: &mut Problems<'_>) {
    match expected {
        Argument::Duration if duration::nanoseconds(text).is_none() => {
            problems.add(position, format!("`{text}` is no duration"), Some(duration::HINT.into()));
        }
        Argument::TimeOfDay if calendar::time_of_day(text).is_none() => {
            problems.add(position, format!("`{text}` is no time of day"), Some("write \"22:00\"".into()));
        }
        Argument::Table if !tables.iter().any(|table| table.name == text) => {
            let known: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
            problems.unknown(position, "table", text, &known);
        }
        Argument::Metric(kind) => {
            if let Err(error) = metrics::check_name(kind, text) {
                problems.add(position, error, None);
            }
        }
        Argument::Duration | Argument::TimeOfDay | Argument::Table | Argument::Finding => {}
    }
}

fn check_finding(members: &[(Ident, Expr)], position: Position, problems: &mut Problems<'_>) {
    for (key, _) in members.iter().filter(|(key, _)| !FINDING.contains(&key.name.as_str())) {
        problems.unknown(key.pos, "member of a finding", &key.name, &FINDING);
    }
    if !members.iter().any(|(key, _)| key.name == "summary" || key.name == "state") {
        problems.add(position, "a finding has a `summary`", Some("say in one sentence what was seen".into()));
    }
}

/// The names of all properties that the rule reads, of the event or of other values.
pub(crate) fn properties(ast: &AST) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    walk(ast, |expression| {
        if let Expr::Property(property, _) = expression {
            names.insert(property.2.to_string());
        }
    });
    names
}

/// The roles and members that the rule reads of the event: `e.x` and `e["x"]`, where `e` is the
/// parameter of `on_event`.
pub(crate) fn fields(ast: &AST) -> BTreeSet<String> {
    let entry = ast.iter_functions().find(|function| function.name == "on_event" && function.params.len() == 1);
    let Some(event) = entry.map(|entry| entry.params[0]) else { return BTreeSet::new() };
    let mut names = BTreeSet::new();
    walk(ast, |expression| {
        let (parts, is_index) = match expression {
            Expr::Dot(parts, ..) => (parts, false),
            Expr::Index(parts, ..) => (parts, true),
            _ => return,
        };
        if !matches!(&parts.lhs, Expr::Variable(variable, ..) if variable.1 == event) {
            return;
        }
        // In a longer chain, only the first link is a member of the event.
        let first = match &parts.rhs {
            Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
            other => other,
        };
        match first {
            Expr::Property(property, _) if !is_index => drop(names.insert(property.2.to_string())),
            Expr::StringConstant(name, _) if is_index => drop(names.insert(name.to_string())),
            _ => {}
        }
    });
    names
}

/// The first call of `finding` whose map is a literal without `key`.
pub(crate) fn finding_without_key(ast: &AST) -> Option<Position> {
    let mut found = None;
    walk(ast, |expression| {
        if let Expr::FnCall(call, position) = expression
            && call.name == "finding"
            && let Some(Expr::Map(map, _)) = call.args.first()
            && !map.0.iter().any(|(key, _)| key.name == "key")
        {
            found = found.or(Some(*position));
        }
    });
    found
}
