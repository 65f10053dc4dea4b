//! `metric_inc`, `metric_set`, `metric_observe`: what a rule counts for Prometheus.

use super::api::{Failure, failure, key_map, number_of};
use crate::engine::rules::runtime::context::SharedHost;
use crate::engine::rules::state::metrics::MetricKind;
use rhai::{Dynamic, Map, Module, NativeCallContext, Position};

/// Puts the functions into `module`, bound to `host`.
pub(crate) fn register(module: &mut Module, host: &SharedHost) {
    let one = || Dynamic::from(1_i64);
    let here = host.clone();
    module.set_native_fn("metric_inc", move |context: NativeCallContext<'_>, name: &str| {
        take(&here, context.call_position(), MetricKind::Counter, name, &Map::new(), &one())
    });
    let here = host.clone();
    module.set_native_fn("metric_inc", move |context: NativeCallContext<'_>, name: &str, labels: Map| {
        take(&here, context.call_position(), MetricKind::Counter, name, &labels, &one())
    });
    let here = host.clone();
    module.set_native_fn("metric_inc", move |context: NativeCallContext<'_>, name: &str, labels: Map, by: Dynamic| {
        take(&here, context.call_position(), MetricKind::Counter, name, &labels, &by)
    });
    for (function, kind) in [("metric_set", MetricKind::Gauge), ("metric_observe", MetricKind::Histogram)] {
        let here = host.clone();
        module.set_native_fn(function, move |context: NativeCallContext<'_>, name: &str, value: Dynamic| {
            take(&here, context.call_position(), kind, name, &Map::new(), &value)
        });
        let here = host.clone();
        module.set_native_fn(
            function,
            move |context: NativeCallContext<'_>, name: &str, value: Dynamic, labels: Map| {
                take(&here, context.call_position(), kind, name, &labels, &value)
            },
        );
    }
}

/// A missing value is not taken.
fn take(
    host: &SharedHost,
    place: Position,
    kind: MetricKind,
    name: &str,
    labels: &Map,
    value: &Dynamic,
) -> Result<(), Failure> {
    let Some(value) = number_of(value) else { return Ok(()) };
    let fail = |message| failure(message, place);
    // What is missing is a label without a value, so that the labels stay the same.
    let mut labels: Map = labels.clone();
    labels.values_mut().filter(|value| value.is_unit()).for_each(|value| *value = "".into());
    let labels = key_map(&labels).map_err(fail)?;
    let mut host = host.lock();
    host.time().map_err(fail)?;
    host.metrics.take(kind, name, &labels, value).map_err(fail)
}
