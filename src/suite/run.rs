//! Drives an engine through one test, on a clock of its own.

use super::case::{Case, Step, Wait};
use super::edits;
use super::effect::{Came, Effect};
use super::expectation::{Metrics, Mismatch, judge};
use crate::engine::finding::Finding;
use crate::engine::{Engine, Outcome};
use crate::event::{Batch, Fault, Looker, Record, Span, Timestamp};

/// Idle input is told of the time once a second, as when live…
const TICK: i64 = 1_000_000_000;
/// …for this many seconds; for longer waits, once a minute from then on.
const SECONDS: i64 = 3_600;

/// Runs one test on an engine that has seen nothing.
#[must_use]
pub fn run(case: &Case, engine: Engine, looker: Looker) -> Mismatch {
    let mut stage = Stage {
        engine,
        looker,
        now: case.at,
        own_times: false,
        event: 0,
        outcome: Outcome::default(),
        effects: Vec::new(),
    };
    let mut mismatch = Mismatch::default();
    for step in &case.given {
        stage.play(step);
        if let Some(expected) = &step.expect {
            stage.judge(expected, &mut mismatch);
        }
    }
    stage.judge(&case.expect, &mut mismatch);
    mismatch
}

/// The engine of one test and what has come of it so far.
struct Stage {
    engine: Engine,
    looker: Looker,
    now: Timestamp,
    /// Some event had a time of its own, so that the engine goes by such times.
    own_times: bool,
    event: u64,
    outcome: Outcome,
    effects: Vec<Effect>,
}

impl Stage {
    fn play(&mut self, step: &Step) {
        match step.wait {
            Wait::No => {}
            Wait::For(nanoseconds) => self.wait(Timestamp(self.now.0.saturating_add(nanoseconds))),
            Wait::Until(time) => self.wait(time),
        }
        for (every, line) in step.events() {
            self.now = Timestamp(self.now.0.saturating_add(every));
            self.take(&line);
        }
    }

    fn judge(&mut self, expected: &[super::expectation::Expectation], mismatch: &mut Mismatch) {
        let mut found = judge(expected, &self.effects, &self.metrics());
        self.effects.clear();
        mismatch.missing.append(&mut found.missing);
        mismatch.unexpected.append(&mut found.unexpected);
    }

    /// Nothing comes until `time`.
    fn wait(&mut self, time: Timestamp) {
        let mut ticks = 0;
        while self.now < time {
            ticks += 1;
            let step = if ticks <= SECONDS { TICK } else { 60 * TICK };
            self.now = Timestamp((self.now.0.div_euclid(step) + 1).saturating_mul(step)).min(time);
            self.engine.tick(self.now, &mut self.outcome);
            edits::of_event(&self.outcome, &Batch::default()).into_iter().for_each(|came| self.add(came));
            self.gather();
        }
    }

    fn take(&mut self, line: &str) {
        let bytes = line.as_bytes().to_vec();
        let record = Record { span: Span::new(0, bytes.len()), ..Record::default() };
        let mut batch = Batch { filled: bytes.len(), bytes, records: vec![record], ..Batch::default() };
        self.looker.look(&mut batch);
        match batch.looks[0].time {
            Some(time) => (self.own_times, self.now) = (true, self.now.max(time)),
            // The engine would take it for as old as the event before it.
            None if self.own_times => batch.looks[0].time = Some(self.now),
            None => {}
        }
        self.event += 1;
        self.engine.process(&batch.fields(0), self.now, &mut self.outcome);
        edits::of_event(&self.outcome, &batch).into_iter().for_each(|came| self.add(came));
        self.gather();
    }

    fn add(&mut self, came: Came) {
        self.effects.push(Effect { event: self.event, came });
    }

    fn gather(&mut self) {
        let outcome = std::mem::take(&mut self.outcome);
        if outcome.is_quiet() {
            self.outcome = outcome;
            return;
        }
        outcome.before.iter().chain(&outcome.findings).for_each(|finding| self.finding(finding));
        for text in outcome.printed {
            self.add(Came::Printed(text));
        }
        if let Some((Fault::Rule, why)) = outcome.fault {
            self.add(Came::Failed(why));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        // Texts, numbers and maps with text for keys: that cannot fail.
        self.add(Came::Finding(serde_json::to_value(finding).unwrap_or_default()));
    }

    fn metrics(&self) -> Metrics {
        edits::metrics(self.engine.rules())
    }
}
