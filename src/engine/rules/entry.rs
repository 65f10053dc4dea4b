//! A function of a rule that is called for every event, with what does not change from call to call.
//!
//! Rhai's own `call_fn` begins each call with an empty cache of which function a name and the types of its arguments mean, and
//! looks through all modules for each name that it meets. Here the cache lives as long as the rule.

use rhai::{AST, Caches, Dynamic, Engine, EvalAltResult, GlobalRuntimeState, ImmutableString, Scope};

/// The name of the argument in the call.
const ARGUMENT: &str = "subject";

/// What a script comes to.
pub(super) type Evaluated = Result<Dynamic, Box<EvalAltResult>>;

/// One function of one argument, ready to be called.
#[derive(Debug)]
pub(super) struct Entry {
    /// `on_event(subject)`; `None` without such a function.
    call: Option<AST>,
    argument: ImmutableString,
    /// The rule's functions are its library.
    global: GlobalRuntimeState,
    caches: Caches,
    /// Empty between calls; kept for its memory.
    scope: Scope<'static>,
}

impl Entry {
    /// The `function` of `ast`, with one parameter, as `engine` runs it.
    pub(super) fn new(engine: &Engine, ast: &AST, function: &str) -> Self {
        let is_there = ast.iter_functions().any(|known| known.name == function && known.params.len() == 1);
        let mut global = engine.new_global_runtime_state();
        global.lib.push(ast.shared_lib().clone());
        Self {
            call: is_there.then(|| engine.compile(format!("{function}({ARGUMENT})")).ok()).flatten(),
            argument: ARGUMENT.into(),
            global,
            caches: Caches::new(),
            scope: Scope::new(),
        }
    }

    /// Calls it; without such a function there is nothing to do.
    // What Rhai deprecates here has no other name yet; its version is pinned.
    #[allow(deprecated)]
    pub(super) fn call(&mut self, engine: &Engine, argument: Dynamic) -> Evaluated {
        let Some(call) = &self.call else { return Ok(Dynamic::UNIT) };
        let Self { argument: name, global, caches, scope, .. } = self;
        scope.push_dynamic(name.clone(), argument);
        let result = engine.eval_statements_raw(global, caches, scope, call.statements());
        scope.clear();
        // A call that failed may have left these anywhere.
        global.lib.truncate(1);
        (global.level, global.scope_level, global.always_search_scope) = (0, 0, false);
        caches.rewind_fn_resolution_caches(1);
        result
    }
}
