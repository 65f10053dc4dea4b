//! Drives an engine through one test on a simulated clock.

use super::case::{Case, CaseStep, Wait};
use super::effect::{Came, Effect};
use super::expectation::{MetricValues, Mismatch, judge};
use crate::engine::emitted::Emitted;
use crate::engine::finding::Finding;
use crate::engine::rules::metrics::MetricKind;
use crate::engine::{Engine, Outcome};
use crate::event::{Batch, Edit, EventParser, Fault, Record, Shape, Span, Timestamp, splice};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The interval of ticks while nothing comes: one second, as in a live run.
const TICK: i64 = 1_000_000_000;
/// After this many ticks, one minute is simulated at each tick.
const SECONDS: i64 = 3_600;

/// Runs one test on a new engine.
#[must_use]
pub fn run(case: &Case, engine: Engine, parser: EventParser) -> Mismatch {
    let mut stage = Stage {
        engine,
        parser,
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

/// The engine of one test and its effects so far.
struct Stage {
    engine: Engine,
    parser: EventParser,
    now: Timestamp,
    /// Whether an event had a time of its own, so that the engine follows such times.
    own_times: bool,
    event: u64,
    outcome: Outcome,
    effects: Vec<Effect>,
}

impl Stage {
    fn play(&mut self, step: &CaseStep) {
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

    /// Lets time pass until `time` without any event.
    fn wait(&mut self, time: Timestamp) {
        let mut ticks = 0;
        while self.now < time {
            ticks += 1;
            let step = if ticks <= SECONDS { TICK } else { 60 * TICK };
            self.now = Timestamp((self.now.0.div_euclid(step) + 1).saturating_mul(step)).min(time);
            self.engine.tick(self.now, &mut self.outcome);
            self.gather();
        }
    }

    fn take(&mut self, line: &str) {
        let bytes = line.as_bytes().to_vec();
        let record = Record { span: Span::new(0, bytes.len()), ..Record::default() };
        let mut batch = Batch { filled: bytes.len(), bytes, records: vec![record], ..Batch::default() };
        self.parser.parse(&mut batch);
        match batch.parsed[0].time {
            Some(time) => (self.own_times, self.now) = (true, self.now.max(time)),
            // Without a time, the engine would give the event the time of the event before it.
            None if self.own_times => batch.parsed[0].time = Some(self.now),
            None => {}
        }
        self.event += 1;
        self.engine.process(&batch.fields(0), self.now, &mut self.outcome);
        let edit = std::mem::take(&mut self.outcome.edit);
        self.gather();
        self.edited(&batch, &edit);
    }

    /// Records what rules have done to the only event of `batch`.
    fn edited(&mut self, batch: &Batch, edit: &Edit) {
        if edit.withheld {
            return self.add(Came::Dropped);
        }
        if !edit.members.is_empty() {
            let members = edit.members.iter();
            let members = members
                .map(|(name, value)| (name.clone(), serde_json::from_slice(value).unwrap_or_default()))
                .collect();
            self.add(Came::Annotated(members));
        }
        let masked = Edit { masks: edit.masks.clone(), ..Edit::default() };
        let (fields, mut object) = (batch.fields(0), Vec::new());
        if masked.is_none() || splice::edit(&fields, &batch.arena, &batch.bytes, &masked, "", &[], &mut object).is_err()
        {
            return;
        }
        let members = |object: &[u8]| serde_json::from_slice::<Map<String, Value>>(object).unwrap_or_default();
        let (before, mut after) = (members(fields.object()), members(&object));
        after.retain(|name, value| before.get(name) != Some(value));
        let line = String::from_utf8_lossy(fields.line());
        let line = match fields.parsed().shape {
            Shape::Json => String::from_utf8_lossy(&object).into_owned(),
            _ => masked.masked(&line).unwrap_or_else(|| line.into_owned()),
        };
        if !after.is_empty() {
            self.add(Came::Masked(after, line));
        }
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
        for emitted in &outcome.emitted {
            emitted.findings.iter().for_each(|finding| self.finding(finding));
            self.edited_emitted(emitted);
        }
        for text in outcome.printed {
            self.add(Came::Printed(text));
        }
        if let Some((Fault::Rule, why)) = outcome.fault {
            self.add(Came::Failed(why));
        }
    }

    fn edited_emitted(&mut self, emitted: &Emitted) {
        let event =
            serde_json::from_slice(emitted.fields().object()).or_else(|_| serde_json::from_slice(&emitted.batch.bytes));
        self.add(Came::Emitted(event.unwrap_or_default()));
        self.edited(&emitted.batch, &emitted.edit);
    }

    fn finding(&mut self, finding: &Finding) {
        // A finding has only values that JSON can represent, so this cannot fail.
        self.add(Came::Finding(serde_json::to_value(finding).unwrap_or_default()));
    }

    fn metrics(&self) -> MetricValues {
        let rules = self.engine.rules().metrics();
        let series = rules.iter().flat_map(|(name, metric)| {
            metric.series.iter().map(move |(labels, series)| {
                let labels: BTreeMap<&String, &String> = metric.labels.iter().zip(labels).collect();
                let (value, sum, count) = match metric.kind {
                    MetricKind::Histogram => (None, Some(series.value), Some(series.count)),
                    _ => (Some(series.value), None, None),
                };
                (name.to_owned(), json!({ "labels": labels, "value": value, "sum": sum, "count": count }))
            })
        });
        series.collect()
    }
}
