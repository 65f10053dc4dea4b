//! Runs a rule's script: for an event, on a tick, or because an expected event did not come.

use super::context::{SharedContext, Trigger};
use super::entry::{EntryPoint, Evaluated};
use super::event::Event;
use super::outcome::{RuleFailure, RuleOutcome, RuleTally};
use crate::engine::rules::compile::explain::explain;
use crate::engine::rules::compile::rule::Rule;
use crate::engine::rules::state::breaker::Breaker;
use crate::engine::rules::state::budget::Spent;
use crate::engine::rules::state::memory::{Action, Memory};
use crate::event::Timestamp;
use rhai::{CallFnOptions, Dynamic, Engine, FuncArgs, Map, Scope};

/// One evaluation in this many is timed, as an estimate for all of them.
pub const TIMED_EVALUATIONS: u64 = 64;
/// Most expired deadlines that one rule handles at a time; the others are handled at the next tick.
const MOST_EXPIRIES: usize = 1_000;

/// The Rhai engine of a rule, with its counters and its circuit breaker.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) engine: Engine,
    pub(crate) tally: RuleTally,
    pub(crate) breaker: Breaker,
    /// `on_event` and `on_tick`, prepared for frequent calls.
    on_event: EntryPoint,
    on_tick: EntryPoint,
}

/// What an evaluation needs besides the runner.
pub(crate) struct Call<'a> {
    pub(crate) number: usize,
    pub(crate) rule: &'a Rule,
    pub(crate) context: &'a SharedContext,
    pub(crate) spent: &'a Spent,
    /// The time of the evaluation, in nanoseconds.
    pub(crate) time: i64,
    /// The time of the stream's first event, in nanoseconds; before that, of the evaluation.
    pub(crate) begun: i64,
}

/// Arguments of a call, which moves them out.
struct Arguments<'a>(&'a mut [Dynamic]);

impl FuncArgs for Arguments<'_> {
    fn parse<ARGS: Extend<Dynamic>>(self, args: &mut ARGS) {
        args.extend(self.0.iter_mut().map(std::mem::take));
    }
}

impl Runner {
    pub(crate) fn new(engine: Engine, rule: &Rule) -> Self {
        let [on_event, on_tick] = ["on_event", "on_tick"].map(|function| EntryPoint::new(&engine, &rule.ast, function));
        Self { engine, tally: RuleTally::default(), breaker: Breaker::default(), on_event, on_tick }
    }

    /// Calls `on_event`; true if it ran without an error.
    pub(crate) fn event(&mut self, call: &Call<'_>, event: Event, emitted: bool, outcome: &mut RuleOutcome) -> bool {
        let trigger = Trigger::Event { event: event.clone(), emitted };
        self.evaluate(call, trigger, outcome, |runner| runner.on_event.call(&runner.engine, Dynamic::from(event)))
    }

    /// Handles the deadlines that are due (silences and incomplete pairs), then calls `on_tick`.
    pub(crate) fn tick(&mut self, call: &Call<'_>, whole: bool, outcome: &mut RuleOutcome) {
        for _ in 0..MOST_EXPIRIES {
            let due = call.context.lock().rules[call.number].next_due(call.time);
            let Some((_, key, memory)) = due else { break };
            let (at, action) = match memory {
                Memory::Began(began) => (began.at, began.action.unwrap_or_default()),
                Memory::Alive(alive) => (alive.at, alive.action),
                _ => continue,
            };
            self.expire(call, &key, at, action, outcome);
        }
        if whole && call.rule.ticks && self.breaker.allows(call.time) {
            let now = Dynamic::from(crate::engine::rules::value::duration::seconds(call.time));
            self.evaluate(call, Trigger::Tick, outcome, |runner| runner.on_tick.call(&runner.engine, now));
        }
    }

    fn expire(&mut self, call: &Call<'_>, key: &str, at: i64, action: Action, outcome: &mut RuleOutcome) {
        if !self.breaker.allows(call.time) {
            return;
        }
        let mut arguments: Vec<Dynamic> =
            action.captured.iter().map(crate::engine::rules::value::stored::Stored::dynamic).collect();
        let parameters =
            call.rule.ast.iter_functions().find(|function| function.name == action.function).map(|f| f.params.len());
        if parameters.is_none_or(|parameters| parameters > arguments.len()) {
            let mut past = Map::new();
            past.insert("key".into(), key.replace(super::context::BETWEEN_PARTS, "/").into());
            past.insert("at".into(), Timestamp(at).to_string().into());
            past.insert(
                "seconds".into(),
                crate::engine::rules::value::duration::seconds(call.time.saturating_sub(at)).into(),
            );
            arguments.push(past.into());
        }
        self.evaluate(call, Trigger::Past(action.origin), outcome, |runner| {
            let options = CallFnOptions::new().eval_ast(false);
            let (ast, scope) = (&call.rule.ast, &mut Scope::new());
            runner.engine.call_fn_with_options(options, scope, ast, &action.function, Arguments(&mut arguments))
        });
    }

    /// Runs the script and records its cost and its failure; true if it ran without an error.
    fn evaluate(
        &mut self,
        call: &Call<'_>,
        trigger: Trigger,
        outcome: &mut RuleOutcome,
        script: impl FnOnce(&mut Self) -> Evaluated,
    ) -> bool {
        let age = call.time.saturating_sub(call.begun).max(0);
        call.context.lock().begin(call.number, call.time, age, trigger);
        let timed = self.tally.evaluations.is_multiple_of(TIMED_EVALUATIONS);
        call.spent.begin(timed);
        let result = script(self);
        call.context.lock().end();
        self.tally.evaluations += 1;
        if timed {
            self.tally.cpu_ns = self.tally.cpu_ns.saturating_add(call.spent.elapsed_ns() * TIMED_EVALUATIONS);
        }
        let done = result.is_ok();
        match result {
            Ok(_) => self.breaker.succeeded(),
            Err(error) => {
                self.tally.failures += 1;
                let (position, text) = explain(*error, Some(call.spent.limit()));
                let mut message = match (position.line(), position.position()) {
                    (Some(line), Some(column)) => format!("{}:{line}:{column}: {text}", call.rule.path),
                    _ => format!("{}: {text}", call.rule.path),
                };
                if let Some(pause) = self.breaker.failed(call.time) {
                    message.push_str(&format!("; switched off for {} s", pause / 1_000_000_000));
                }
                outcome.failures.push(RuleFailure { rule: call.rule.name.clone(), message });
            }
        }
        self.tally.enabled = self.breaker.is_on();
        done
    }
}
