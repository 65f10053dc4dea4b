//! What a table of functions is made of.

use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use rhai::Module;

/// A function that rules can call.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The least and the greatest number of arguments.
    pub(super) arguments: (usize, usize),
    /// What arguments must be, where they are written out, by their index.
    pub(super) expects: &'static [(usize, Argument)],
    /// How it is called, and what it does then: rows of the reference.
    pub(super) reference: &'static [(&'static str, &'static str)],
    /// Registers each way to call it.
    pub(super) register: fn(&mut Registration<'_>),
}

/// Functions of one kind.
pub(super) struct FunctionGroup {
    /// The heading of its table in the reference; groups of one title that follow each other share
    /// one.
    pub(super) title: &'static str,
    pub(super) functions: &'static [Function],
    /// Rows of the reference that are Rhai's or the rule's own.
    pub(super) others: &'static [(&'static str, &'static str)],
}

/// Where the ways to call a function are put.
pub(super) struct Registration<'a> {
    pub(super) module: &'a mut Module,
    pub(super) name: &'static str,
    pub(super) context: &'a SharedContext,
}

/// Registers one way to call a function: the context, the place of the call, and its arguments.
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
