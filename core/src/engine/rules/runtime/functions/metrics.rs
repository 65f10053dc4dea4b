//! `metric_inc`, `metric_set`, `metric_observe`: metrics for Prometheus.

use super::arguments::{Failure, failure, key_map, number_of};
use super::table::{Function, FunctionGroup, overload};
use crate::engine::rules::compile::signature::Argument;
use crate::engine::rules::runtime::context::SharedContext;
use crate::engine::rules::state::metrics::MetricKind;
use rhai::{Dynamic, Map, Position};

/// Registers a metric function that takes a value, with and without labels.
macro_rules! with_value {
    ($to:ident, $kind:expr) => {{
        overload!($to, |context, position, name: &str, value: Dynamic| take(
            context,
            position,
            $kind,
            name,
            &Map::new(),
            &value
        ));
        overload!($to, |context, position, name: &str, value: Dynamic, labels: Map| take(
            context, position, $kind, name, &labels, &value
        ));
    }};
}

/// The functions of this group.
pub(super) const GROUP: FunctionGroup = FunctionGroup {
    title: "output",
    functions: &[
        Function {
            name: "metric_inc",
            arguments: (1, 3),
            expects: &[(0, Argument::Metric(MetricKind::Counter))],
            reference: &[("`metric_inc(name[, #{labels}[, by]])`", "a counter, `seismolog_rule_<name>_total`")],
            register: |to| {
                overload!(to, |context, position, name: &str| take(
                    context,
                    position,
                    MetricKind::Counter,
                    name,
                    &Map::new(),
                    &one()
                ));
                overload!(to, |context, position, name: &str, labels: Map| take(
                    context,
                    position,
                    MetricKind::Counter,
                    name,
                    &labels,
                    &one()
                ));
                overload!(to, |context, position, name: &str, labels: Map, by: Dynamic| take(
                    context,
                    position,
                    MetricKind::Counter,
                    name,
                    &labels,
                    &by
                ));
            },
        },
        Function {
            name: "metric_set",
            arguments: (2, 3),
            expects: &[(0, Argument::Metric(MetricKind::Gauge))],
            reference: &[("`metric_set(name, value[, #{labels}])`", "a gauge")],
            register: |to| with_value!(to, MetricKind::Gauge),
        },
        Function {
            name: "metric_observe",
            arguments: (2, 3),
            expects: &[(0, Argument::Metric(MetricKind::Histogram))],
            reference: &[(
                "`metric_observe(name, value[, #{labels}])`",
                "a histogram; buckets 1, 2, 5 in each power of ten from 0.001 to 1,000,000",
            )],
            register: |to| with_value!(to, MetricKind::Histogram),
        },
    ],
    others: &[],
};

fn one() -> Dynamic {
    Dynamic::from(1_i64)
}

/// Adds a value to a metric; a missing value is ignored.
fn take(
    context: &SharedContext,
    position: Position,
    kind: MetricKind,
    name: &str,
    labels: &Map,
    value: &Dynamic,
) -> Result<(), Failure> {
    let Some(value) = number_of(value) else { return Ok(()) };
    let fail = |message| failure(message, position);
    // A missing label gets an empty value, so that the set of labels stays the same.
    let mut labels: Map = labels.clone();
    labels.values_mut().filter(|value| value.is_unit()).for_each(|value| *value = "".into());
    let labels = key_map(&labels).map_err(fail)?;
    let mut context = context.lock();
    context.time().map_err(fail)?;
    context.metrics.take(kind, name, &labels, value).map_err(fail)
}
