//! The functions that rules can call, a table of them for each group.
//!
//! A row says all there is to say of a function: its name, how many arguments it takes, what those
//! must be where they are written out, how the reference describes it, and how it is registered.
//! From the tables come the names that `check` knows, its hints, what constants cannot call, and
//! the tables of `docs/rules.md` ([`reference`]). A new function is a row in its group.

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

/// All of them, in the order of the reference.
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

/// What `compile` is told of them.
pub(crate) fn signatures() -> Vec<Signature> {
    let signature = |function: &Function| Signature {
        name: function.name,
        least: function.arguments.0,
        most: function.arguments.1,
        arguments: function.expects,
    };
    functions().map(signature).collect()
}

/// The functions, working on `context`.
pub(crate) fn module(context: &SharedContext) -> Module {
    let mut module = Module::new();
    for function in functions() {
        (function.register)(&mut Registration { module: &mut module, name: function.name, context });
    }
    module
}

/// The tables of the reference in `docs/rules.md`, each as Markdown, its title in the first cell.
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
