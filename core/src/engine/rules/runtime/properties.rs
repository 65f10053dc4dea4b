//! The properties of an event in scripts: `e.x` and `e["x"]`.

use super::event::Event;
use crate::event::Role;
use rhai::Module;
use std::collections::BTreeSet;

/// Registers `e["x"]`, which reads the literal member.
pub(crate) fn indexer(module: &mut Module) {
    module.set_indexer_get_fn(|event: &mut Event, name: &str| Ok(event.member(name)));
}

/// Getters for the properties that a rule reads: `e.x` is the role x, a property that the engine
/// adds (`anomalies`, `template`, `template_text`, `params`), or the literal member. On `()`, the
/// value of a missing member, they return `()`, so that `e.http.status` needs no test for `e.http`.
pub(crate) fn getters(names: &BTreeSet<String>) -> Module {
    let mut module = Module::new();
    for name in names {
        match Role::from_name(name) {
            Some(role) => drop(module.set_getter_fn(name, move |event: &mut Event| Ok(event.role(role)))),
            None => {
                let member = name.clone();
                module.set_getter_fn(name, move |event: &mut Event| {
                    Ok(event.known(&member).unwrap_or_else(|| event.member(&member)))
                });
            }
        }
        module.set_getter_fn(name, |(): &mut ()| Ok(()));
    }
    module
}
