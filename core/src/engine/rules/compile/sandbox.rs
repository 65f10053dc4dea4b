//! The Rhai engine that rules run in, with only the functions they need and with all limits set.
//!
//! Rhai's language core package is left out on purpose: it has `sleep` and `exit`, and it gives
//! every value a property `tag`, which would hide an event's member of that name. There are no
//! modules, no clock and no `eval`.

use super::signature::Signature;
use crate::engine::rules::state::budget::{Excess, Spent};
use crate::engine::rules::value::TEXT_LIMIT;
use crate::engine::rules::value::scalar;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage, BasicStringPackage,
    LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, EvalAltResult, FLOAT, INT, Module, NativeCallContext, OptimizationLevel, Shared, Token};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most elements of an array or members of a map, including nested ones.
const MOST_ELEMENTS: usize = 1024;
/// Most nested calls.
const MOST_CALLS: usize = 32;
/// Most variables of a function at a time. Each holds at most [`TEXT_LIMIT`] bytes of text, so with
/// all nested calls an evaluation takes at most 128 MiB; its operation limit keeps it far below
/// that.
const MOST_VARIABLES: usize = 64;
/// Most functions in one file.
const MOST_FUNCTIONS: usize = 128;

/// What all rules of a set share: Rhai's functions, seismolog's functions, and the operation count.
#[derive(Debug)]
pub(crate) struct Sandbox {
    modules: Vec<Shared<Module>>,
    spent: Arc<Spent>,
}

impl Sandbox {
    /// A sandbox whose scripts can call `functions`; `spent` counts their operations.
    pub(crate) fn new(mut functions: Module, spent: Arc<Spent>) -> Self {
        operators(&mut functions);
        // Modules that are registered later are searched first.
        let modules = vec![
            ArithmeticPackage::new().as_shared_module(),
            BasicMathPackage::new().as_shared_module(),
            LogicPackage::new().as_shared_module(),
            BasicIteratorPackage::new().as_shared_module(),
            BasicArrayPackage::new().as_shared_module(),
            BasicMapPackage::new().as_shared_module(),
            MoreStringPackage::new().as_shared_module(),
            BasicStringPackage::new().as_shared_module(),
            Shared::new(functions),
        ];
        Self { modules, spent }
    }

    /// An engine for one rule. `modules` has the rule's constants and the properties it reads.
    pub(crate) fn engine(&self, modules: impl IntoIterator<Item = Shared<Module>>) -> Engine {
        let mut engine = Engine::new_raw();
        for module in self.modules.iter().cloned().chain(modules) {
            engine.register_global_module(module);
        }
        engine.disable_symbol("eval");
        names(&mut engine);
        // Diagnostics need the syntax tree as written. The file is optimized later (`rule.rs`).
        engine.set_optimization_level(OptimizationLevel::None);
        // Rhai's fast path for operators would bypass our `"504" == 504`.
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
        engine
    }
}

/// The message when a function is called in a constant.
pub(crate) const NOT_RUNNING: &str = "this can be called only while an event is evaluated, not in a constant";

/// The functions of rules as constants see them: they exist, but refuse to run.
pub(crate) fn refused(functions: &[Signature]) -> Module {
    let mut module = Module::new();
    for Signature { name, least, most, .. } in functions {
        for arguments in *least..=*most {
            refuse(&mut module, name, arguments);
        }
    }
    module
}

fn refuse(module: &mut Module, name: &str, arguments: usize) {
    type Call<'a> = NativeCallContext<'a>;
    type Refused = Result<(), Box<EvalAltResult>>;
    let refused = |call: &Call<'_>| -> Refused {
        Err(EvalAltResult::ErrorRuntime(NOT_RUNNING.into(), call.call_position()).into())
    };
    let _ = match arguments {
        0 => module.set_native_fn(name, move |call: Call<'_>| refused(&call)),
        1 => module.set_native_fn(name, move |call: Call<'_>, _: Dynamic| refused(&call)),
        2 => module.set_native_fn(name, move |call: Call<'_>, _: Dynamic, _: Dynamic| refused(&call)),
        3 => module.set_native_fn(name, move |call: Call<'_>, _: Dynamic, _: Dynamic, _: Dynamic| refused(&call)),
        4 => module
            .set_native_fn(name, move |call: Call<'_>, _: Dynamic, _: Dynamic, _: Dynamic, _: Dynamic| refused(&call)),
        _ => module
            .set_native_fn(name, move |call: Call<'_>, _: Dynamic, _: Dynamic, _: Dynamic, _: Dynamic, _: Dynamic| {
                refused(&call)
            }),
    };
}

/// Getters for these properties on `()`, the value of a missing member. They return `()`, so that
/// `e.http.status` needs no test for `e.http`.
pub(crate) fn missing(names: &BTreeSet<String>) -> Module {
    let mut module = Module::new();
    for name in names {
        module.set_getter_fn(name, |(): &mut ()| Ok(()));
    }
    module
}

/// Words that Rhai reserves without using them. Events have members with these names; two of them
/// are roles.
#[rustfmt::skip]
const RESERVED: [&str; 29] = [
    "async", "await", "case", "default", "go", "goto", "is", "match", "module", "new", "nil", "null", "package", "protected",
    "public", "shared", "spawn", "static", "super", "sync", "thread", "use", "var", "void", "with", "yield", "as",
    "import", "export",
];

/// Allows these words as names, as in `e.module` and `e.thread`, and any keyword after a dot.
// The callback is marked deprecated because it may change. Rhai's version is pinned.
#[allow(deprecated)]
fn names(engine: &mut Engine) {
    // Tokens come in order, so one flag can record whether the last one was a dot.
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

/// `"504"` and `504` are equal, because events write numbers both ways.
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
