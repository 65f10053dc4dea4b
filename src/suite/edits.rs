//! What rules made of an event, and of metrics, as tests expect it.

use super::effect::Came;
use super::expectation::Metrics;
use crate::engine::Outcome;
use crate::engine::rules::metrics::MetricKind;
use crate::engine::rules::{RuleMetrics, Rules};
use crate::event::{Batch, Edit, Shape, mask};
use serde_json::{Map, Value, json};

/// What became of the event in `batch`.
pub(super) fn of_event(outcome: &Outcome, batch: &Batch) -> Vec<Came> {
    let mut came = of_edit(&outcome.edit, batch);
    for emitted in &outcome.emitted {
        came.push(Came::Emitted(serde_json::from_slice(&emitted.batch.bytes).unwrap_or_default()));
        came.extend(of_edit(&emitted.edit, &emitted.batch));
        // Texts, numbers and maps with text for keys: that cannot fail.
        let finding = |finding| Came::Finding(serde_json::to_value(finding).unwrap_or_default());
        came.extend(emitted.findings.iter().map(finding));
    }
    came
}

fn of_edit(edit: &Edit, batch: &Batch) -> Vec<Came> {
    let mut came = Vec::new();
    if edit.withheld {
        return vec![Came::Dropped];
    }
    if !edit.members.is_empty() {
        let member = |(name, value): &(String, Vec<u8>)| {
            (name.clone(), serde_json::from_slice(value).unwrap_or_default())
        };
        came.push(Came::Annotated(edit.members.iter().map(member).collect()));
    }
    let Some(look) = batch.looks.first() else { return came };
    let fields = batch.fields(0);
    let object = fields.object();
    let masked = mask::changed(object, &edit.changes(object)).into_owned();
    if masked != object {
        let (before, after) = (members(object), members(&masked));
        let differs = |(name, value): &(String, Value)| before.get(name) != Some(value);
        let line = if look.shape == Shape::Text {
            let line = String::from_utf8_lossy(fields.line());
            edit.masked(&line).unwrap_or_else(|| line.into_owned())
        } else {
            String::from_utf8_lossy(&masked).into_owned()
        };
        came.push(Came::Masked(after.into_iter().filter(differs).collect(), line));
    }
    came
}

fn members(object: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(object).unwrap_or_default()
}

/// The metrics of rules as they stand.
pub(super) fn metrics(rules: &Rules) -> Metrics {
    let metrics: RuleMetrics = rules.metrics();
    let mut all = Metrics::new();
    for (name, metric) in metrics.iter() {
        for (values, series) in &metric.series {
            let labels: Map<String, Value> =
                metric.labels.iter().cloned().zip(values.iter().map(|value| value.as_str().into())).collect();
            let shown = match metric.kind {
                MetricKind::Histogram => json!({ "labels": labels, "count": series.count, "sum": series.value }),
                MetricKind::Counter | MetricKind::Gauge => json!({ "labels": labels, "value": series.value }),
            };
            all.push((name.to_owned(), shown));
        }
    }
    all
}
