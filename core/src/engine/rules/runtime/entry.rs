//! Fast calls of `on_event` and `on_tick`, which keep what is the same in every call.
//!
//! Rhai's own `call_fn` looks the function up by name and starts with an empty function resolution
//! cache, so it searches all modules again for each name and argument types. Here the body is
//! evaluated directly, with its parameter as the only variable, and the cache lives as long as the
//! rule.

use rhai::{AST, ASTNode, Caches, Dynamic, Engine, EvalAltResult, GlobalRuntimeState, ImmutableString, Scope, Stmt};

/// The result of a script.
pub(crate) type Evaluated = Result<Dynamic, Box<EvalAltResult>>;

/// A function with one parameter, ready to be called.
#[derive(Debug)]
pub(crate) struct EntryPoint {
    /// The statements of the function; empty if it does not exist.
    body: Box<[Stmt]>,
    parameter: ImmutableString,
    /// Contains the rule's functions as a library.
    global: GlobalRuntimeState,
    caches: Caches,
    /// Empty between calls; reused to avoid allocations.
    scope: Scope<'static>,
}

impl EntryPoint {
    /// The `function` of `ast` with one parameter, run by `engine`.
    pub(crate) fn new(engine: &Engine, ast: &AST, function: &str) -> Self {
        // Rhai's `clone_functions_only_filtered` does not filter, so the functions are filtered
        // here.
        let mut alone = ast.clone_functions_only();
        alone.retain_functions(|_, _, name, parameters| name == function && parameters == 1);
        let parameter = alone.iter_functions().next().map(|found| found.params[0].into());
        let mut body = Vec::new();
        alone.walk(&mut |path: &[ASTNode<'_>]| {
            if let [ASTNode::Stmt(statement)] = path {
                body.push((*statement).clone());
            }
            true
        });
        let mut global = engine.new_global_runtime_state();
        global.lib.push(ast.shared_lib().clone());
        Self {
            body: body.into(),
            parameter: parameter.unwrap_or_default(),
            global,
            caches: Caches::new(),
            scope: Scope::new(),
        }
    }

    /// Calls the function; does nothing if it does not exist.
    // Rhai marks this API deprecated because it may change. Its version is pinned.
    #[allow(deprecated)]
    pub(crate) fn call(&mut self, engine: &Engine, argument: Dynamic) -> Evaluated {
        let Self { body, parameter, global, caches, scope } = self;
        // A failed call can leave these at any value. Inside a function both levels are 1.
        (global.level, global.scope_level, global.always_search_scope) = (1, 1, false);
        global.lib.truncate(1);
        caches.rewind_fn_resolution_caches(1);
        scope.push_dynamic(parameter.clone(), argument);
        let result = engine.eval_statements_raw(global, caches, scope, body);
        scope.clear();
        result
    }
}
