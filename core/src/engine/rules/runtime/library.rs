//! Creates the Rhai engines of a set's rules, with functions that use the rule context.

use super::context::SharedContext;
use super::event::Event;
use super::{functions, properties};
use crate::engine::rules::compile::rule::Rule;
use crate::engine::rules::compile::sandbox::Sandbox;
use crate::engine::rules::state::budget::Spent;
use rhai::{Engine, Shared};
use std::sync::Arc;

/// What the engines have in common.
#[derive(Debug)]
pub(crate) struct Library {
    sandbox: Sandbox,
    context: SharedContext,
}

impl Library {
    /// The functions of rules, bound to `context`.
    pub(crate) fn new(context: SharedContext, spent: Arc<Spent>) -> Self {
        let mut module = functions::module(&context);
        properties::indexer(&mut module);
        Self { sandbox: Sandbox::new(module, spent), context }
    }

    /// An engine for one rule, with its constants and getters for the properties that it reads.
    pub(crate) fn engine(&self, rule: &Rule) -> Engine {
        let getters = Shared::new(properties::getters(&rule.reads));
        let mut engine = self.sandbox.engine([Shared::clone(&rule.constants), getters]);
        engine.register_type_with_name::<Event>("event");
        let context = self.context.clone();
        engine.on_print(move |text| context.lock().print(text));
        let context = self.context.clone();
        engine.on_debug(move |text, _, _| context.lock().print(text));
        engine
    }
}
