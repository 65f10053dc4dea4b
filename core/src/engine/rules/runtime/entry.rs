//! A function of a rule that is called for every event, with what does not change from call to
//! call.
//!
//! Rhai's own `call_fn` looks for the function by its name, and begins with an empty cache of what
//! each name and the types of its arguments mean, so that it looks through all modules for each
//! name that it meets. Here the body is evaluated as it stands, with its parameter as the only
//! variable, and the cache lives as long as the rule.

use rhai::{AST, ASTNode, Caches, Dynamic, Engine, EvalAltResult, GlobalRuntimeState, ImmutableString, Scope, Stmt};

/// What a script comes to.
pub(crate) type Evaluated = Result<Dynamic, Box<EvalAltResult>>;

/// One function of one parameter, ready to be called.
#[derive(Debug)]
pub(crate) struct EntryPoint {
    /// Empty without such a function.
    body: Box<[Stmt]>,
    parameter: ImmutableString,
    /// The rule's functions are its library.
    global: GlobalRuntimeState,
    caches: Caches,
    /// Empty between calls; kept for its memory.
    scope: Scope<'static>,
}

impl EntryPoint {
    /// The `function` of `ast` with one parameter, as `engine` runs it.
    pub(crate) fn new(engine: &Engine, ast: &AST, function: &str) -> Self {
        // Rhai's `clone_functions_only_filtered` does not filter.
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

    /// Calls it; without such a function there is nothing to do.
    // What Rhai deprecates here has no other name yet; its version is pinned.
    #[allow(deprecated)]
    pub(crate) fn call(&mut self, engine: &Engine, argument: Dynamic) -> Evaluated {
        let Self { body, parameter, global, caches, scope } = self;
        // A call that failed may have left these anywhere; inside of a function they are one.
        (global.level, global.scope_level, global.always_search_scope) = (1, 1, false);
        global.lib.truncate(1);
        caches.rewind_fn_resolution_caches(1);
        scope.push_dynamic(parameter.clone(), argument);
        let result = engine.eval_statements_raw(global, caches, scope, body);
        scope.clear();
        result
    }
}
