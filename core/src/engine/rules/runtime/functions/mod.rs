//! The functions that rules can call, with one table per group.
//!
//! A row of a table has everything about a function: its name, its number of arguments, the
//! expected kinds of literal arguments, its description in the reference, and its registration. The
//! names that `check` knows, its hints, the functions that constants must not call, and the tables
//! of `docs/rules.md` ([`reference`]) are all made from these tables. A new function is a new row.

pub(crate) mod arguments;
mod change;
mod counting;
mod event;
mod findings;
mod metrics;
mod notes;
mod order;
mod table;
mod tables;
mod time;

use super::context::SharedContext;
use crate::engine::rules::compile::signature::Signature;
use rhai::Module;
use table::{Function, FunctionGroup, Registration};

/// All groups, in the order of the reference.
const GROUPS: [&FunctionGroup; 9] = [
    &counting::GROUP,
    &change::GROUP,
    &order::GROUP,
    &notes::GROUP,
    &tables::GROUP,
    &event::GROUP,
    &findings::GROUP,
    &metrics::GROUP,
    &time::GROUP,
];

fn functions() -> impl Iterator<Item = &'static Function> {
    GROUPS.iter().flat_map(|group| group.functions)
}

/// The signatures of all functions, for `compile`.
pub(crate) fn signatures() -> Vec<Signature> {
    let signature = |function: &Function| Signature {
        name: function.name,
        least: function.arguments.0,
        most: function.arguments.1,
        arguments: function.expects,
    };
    functions().map(signature).collect()
}

/// A Rhai module with all functions, bound to `context`.
pub(crate) fn module(context: &SharedContext) -> Module {
    let mut module = Module::new();
    for function in functions() {
        (function.register)(&mut Registration { module: &mut module, name: function.name, context });
    }
    module
}

/// The tables of the reference in `docs/rules.md` as Markdown, each with its title in the first
/// cell.
#[must_use]
pub fn reference() -> Vec<String> {
    let mut tables: Vec<String> = Vec::new();
    let mut title = "";
    for group in GROUPS {
        if std::mem::replace(&mut title, group.title) != group.title {
            tables.push(format!("| {title} | |\n| --- | --- |\n"));
        }
        let own = group.functions.iter().flat_map(|function| function.reference);
        let rows = own.chain(group.others).map(|(usage, meaning)| format!("| {usage} | {meaning} |\n"));
        tables.last_mut().into_iter().for_each(|table| table.extend(rows.clone()));
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rules::RuleSet;
    use crate::engine::rules::state::budget::{Budget, Spent};
    use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, Scope};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn engine() -> Engine {
        let budget = Budget::default();
        let context = SharedContext::new(RuleSet::empty(), budget, Arc::new(Spent::new(budget.operations, None)));
        let mut engine = Engine::new_raw();
        engine.register_global_module(module(&context).into());
        engine
    }

    /// Whether some function of this name accepts these arguments, even if it then fails.
    fn takes(engine: &Engine, name: &str, arguments: &[Dynamic]) -> bool {
        let mut scope = Scope::new();
        let names: Vec<String> = (0..arguments.len()).map(|i| format!("a{i}")).collect();
        for (name, argument) in names.iter().zip(arguments) {
            scope.push_dynamic(name, argument.clone());
        }
        let result = engine.eval_with_scope::<Dynamic>(&mut scope, &format!("{name}({})", names.join(", ")));
        !matches!(result, Err(error) if matches!(*error, EvalAltResult::ErrorFunctionNotFound(..)))
    }

    #[test]
    fn functions_are_registered_for_the_arguments_that_their_rows_name() {
        let function = FnPtr::new("f").unwrap().into();
        let kinds: [Dynamic; 6] =
            ["text".into(), Map::new().into(), Array::new().into(), function, 1_i64.into(), true.into()];
        let engine = engine();
        let mut names = BTreeSet::new();
        for Function { name, arguments: (least, most), expects, reference, .. } in functions() {
            assert!(names.insert(name), "{name} has two rows");
            assert!(!reference.is_empty() && expects.iter().all(|(i, _)| i < most), "{name}");
            for count in 0..=6_usize {
                // For a wrong number of arguments, combinations of one kind are enough.
                let is_row = (*least..=*most).contains(&count);
                let combinations = if is_row { kinds.len().pow(count as u32) } else { kinds.len() };
                let found = (0..combinations).any(|combination| {
                    let kind =
                        |i: u32| if is_row { combination / kinds.len().pow(i) % kinds.len() } else { combination };
                    let arguments: Vec<Dynamic> = (0..count as u32).map(|i| kinds[kind(i)].clone()).collect();
                    takes(&engine, name, &arguments)
                });
                assert_eq!(found, is_row, "{name} with {count} arguments");
            }
        }
        assert!(names.len() >= 33);
    }
}
