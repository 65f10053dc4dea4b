//! The types of the function tables.

use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use rhai::Module;

/// A function that rules can call.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The minimum and the maximum number of arguments.
    pub(super) arguments: (usize, usize),
    /// The expected kinds of literal arguments, by argument index.
    pub(super) expects: &'static [(usize, Argument)],
    /// Rows of the reference: a usage and what it does.
    pub(super) reference: &'static [(&'static str, &'static str)],
    /// Registers all overloads.
    pub(super) register: fn(&mut Registration<'_>),
}

/// A group of functions.
pub(super) struct FunctionGroup {
    /// The heading of its table in the reference. Consecutive groups with the same title share a
    /// table.
    pub(super) title: &'static str,
    pub(super) functions: &'static [Function],
    /// Rows of the reference for functions that Rhai provides or the rule itself defines.
    pub(super) others: &'static [(&'static str, &'static str)],
}

/// Where a function registers its overloads.
pub(super) struct Registration<'a> {
    pub(super) module: &'a mut Module,
    pub(super) name: &'static str,
    pub(super) context: &'a SharedContext,
}

/// Registers one overload: a closure of the context, the position of the call, and the arguments.
macro_rules! overload {
    ($to:ident, |$context:ident, $position:ident $(, $argument:ident: $kind:ty)*| $body:expr) => {{
        let shared = $to.context.clone();
        $to.module.set_native_fn(
            $to.name,
            move |call: rhai::NativeCallContext<'_> $(, $argument: $kind)*| {
                let ($context, $position) = (&shared, call.call_position());
                $body
            },
        );
    }};
}
pub(super) use overload;
