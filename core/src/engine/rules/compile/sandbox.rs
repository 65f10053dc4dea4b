//! The Rhai engine that rules run in: only what they need, every limit set.
//!
//! Rhai's language core package is left out on purpose: it has `sleep`, which sleeps, and `exit`,
//! and it gives every value a property `tag` that would hide an event's member of that name. There
//! are no modules, no clock and no `eval`.

use crate::engine::rules::TEXT_LIMIT;
use crate::engine::rules::runtime::context::SharedHost;
use crate::engine::rules::runtime::functions::api;
use crate::engine::rules::state::budget::{Excess, Spent};
use crate::engine::rules::value::scalar;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage, BasicStringPackage,
    LogicPackage, MoreStringPackage, Package,
};
use rhai::{Engine, FLOAT, INT, Module, OptimizationLevel, Shared, Token};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Elements of an array and members of a map, nested ones included.
const MOST_ELEMENTS: usize = 1024;
/// Calls inside calls.
const MOST_CALLS: usize = 32;
/// Variables of one function at a time. Each holds at most [`TEXT_LIMIT`] bytes of text, so that
/// with all calls inside of calls an evaluation takes at most 128 MiB, and in the time it has far
/// less.
const MOST_VARIABLES: usize = 64;
/// Functions in one file.
const MOST_FUNCTIONS: usize = 128;

/// What the engines of a set's rules share.
#[derive(Debug)]
pub(crate) struct Library {
    modules: Vec<Shared<Module>>,
    host: SharedHost,
    spent: Arc<Spent>,
}

impl Library {
    /// The functions of rules, bound to `host`.
    pub(crate) fn new(host: SharedHost, spent: Arc<Spent>) -> Self {
        let mut own = Module::new();
        operators(&mut own);
        api::register(&mut own, &host, &spent);
        // A module registered later is asked first.
        let modules = vec![
            ArithmeticPackage::new().as_shared_module(),
            BasicMathPackage::new().as_shared_module(),
            LogicPackage::new().as_shared_module(),
            BasicIteratorPackage::new().as_shared_module(),
            BasicArrayPackage::new().as_shared_module(),
            BasicMapPackage::new().as_shared_module(),
            MoreStringPackage::new().as_shared_module(),
            BasicStringPackage::new().as_shared_module(),
            Shared::new(own),
        ];
        Self { modules, host, spent }
    }

    /// An engine for one rule, which also has `modules`: its constants and the members it reads.
    pub(crate) fn engine(&self, modules: impl IntoIterator<Item = Shared<Module>>) -> Engine {
        let mut engine = Engine::new_raw();
        for module in self.modules.iter().cloned().chain(modules) {
            engine.register_global_module(module);
        }
        engine.register_type_with_name::<crate::engine::rules::runtime::event::Event>("event");
        engine.disable_symbol("eval");
        names(&mut engine);
        // Diagnostics need the file as it was written; `constants` says how it is optimized then.
        engine.set_optimization_level(OptimizationLevel::None);
        // Rhai's fast path for operators would not ask for our `"504" == 504`.
        engine.set_fast_operators(false);
        engine.set_max_call_levels(MOST_CALLS);
        engine.set_max_expr_depths(64, 32);
        engine.set_max_functions(MOST_FUNCTIONS);
        engine.set_max_variables(MOST_VARIABLES);
        engine.set_max_string_size(TEXT_LIMIT);
        engine.set_max_array_size(MOST_ELEMENTS);
        engine.set_max_map_size(MOST_ELEMENTS);
        let spent = Arc::clone(&self.spent);
        engine.on_progress(move |_| spent.spend().map(|excess| (excess == Excess::Time).into()));
        let host = self.host.clone();
        engine.on_print(move |text| host.lock().print(text));
        let host = self.host.clone();
        engine.on_debug(move |text, _, _| host.lock().print(text));
        engine
    }
}

/// Words that Rhai reserves without having a use for them. Events have members of such names, two
/// roles among them.
#[rustfmt::skip]
const RESERVED: [&str; 29] = [
    "async", "await", "case", "default", "go", "goto", "is", "match", "module", "new", "nil", "null", "package", "protected",
    "public", "shared", "spawn", "static", "super", "sync", "thread", "use", "var", "void", "with", "yield", "as",
    "import", "export",
];

/// Lets `e.module` and `e.thread` be names, and every word behind a dot.
// Rhai marks the callback deprecated to say that it may change; the version is pinned.
#[allow(deprecated)]
fn names(engine: &mut Engine) {
    // Tokens come one after the other, so that one bit says whether the last was a dot.
    let dot = AtomicBool::new(false);
    engine.on_parse_token(move |token, _, _| {
        let behind_dot = dot.swap(matches!(token, Token::Period | Token::Elvis), Ordering::Relaxed);
        match token {
            Token::Reserved(word) if RESERVED.contains(&word.as_str()) => Token::Identifier(word),
            token if behind_dot && token.is_standard_keyword() => {
                Token::Identifier(Box::new(token.literal_syntax().into()))
            }
            token => token,
        }
    });
}

/// `"504"` and `504` match each other, whatever the event wrote.
fn operators(module: &mut Module) {
    module.set_native_fn("==", |text: &str, number: INT| Ok(scalar::same_integer(text, number)));
    module.set_native_fn("==", |number: INT, text: &str| Ok(scalar::same_integer(text, number)));
    module.set_native_fn("==", |text: &str, number: FLOAT| Ok(scalar::same_number(text, number)));
    module.set_native_fn("==", |number: FLOAT, text: &str| Ok(scalar::same_number(text, number)));
    module.set_native_fn("!=", |text: &str, number: INT| Ok(!scalar::same_integer(text, number)));
    module.set_native_fn("!=", |number: INT, text: &str| Ok(!scalar::same_integer(text, number)));
    module.set_native_fn("!=", |text: &str, number: FLOAT| Ok(!scalar::same_number(text, number)));
    module.set_native_fn("!=", |number: FLOAT, text: &str| Ok(!scalar::same_number(text, number)));
}
