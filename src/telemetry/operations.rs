//! `seismolog_operation_duration_seconds`: a summary, which the client library can encode but not
//! collect.

use super::monotonic_totals::{Count, MonotonicTotals};
use crate::engine::detector::OperationQuantiles;
use prometheus::Error;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The family of all operations.
#[derive(Clone, Debug)]
pub(super) struct OperationDurations {
    desc: Desc,
    shown: Arc<Mutex<ShownOperations>>,
}

/// The operations with a series, and their totals.
#[derive(Debug, Default)]
struct ShownOperations {
    operations: Vec<OperationQuantiles>,
    totals: MonotonicTotals,
}

impl OperationDurations {
    pub(super) fn new() -> Result<Self, Error> {
        let name = "seismolog_operation_duration_seconds".to_owned();
        let help = "How long an operation took in the last minutes; the busiest by name, the rest as other.".to_owned();
        let desc = Desc::new(name, help, vec!["operation".to_owned()], HashMap::new())?;
        Ok(Self { desc, shown: Arc::default() })
    }

    fn lock(&self) -> MutexGuard<'_, ShownOperations> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, operations: &[OperationQuantiles]) {
        let counts: Vec<_> =
            operations.iter().map(|of| (&*of.operation, Count { values: of.count, sum: of.sum })).collect();
        let mut shown = self.lock();
        shown.totals.take(&counts);
        shown.operations = operations.to_vec();
        let ShownOperations { operations, totals } = &mut *shown;
        for operation in operations {
            let count = totals.shown(&operation.operation);
            (operation.count, operation.sum) = (count.values, count.sum);
        }
    }

    /// How many values have no series of their own, by the metric's full name.
    pub(super) fn dropped(&self) -> (String, u64) {
        (self.desc.fq_name.clone(), self.lock().totals.other().values)
    }
}

impl Collector for OperationDurations {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let metrics: Vec<_> = self.lock().operations.iter().map(summary_of).collect();
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(MetricType::SUMMARY);
        family.set_metric(metrics);
        vec![family]
    }
}

fn summary_of(operation: &OperationQuantiles) -> Metric {
    let OperationQuantiles { operation, p50, p90, p99, count, sum } = operation;
    let quantiles = [(0.5, p50), (0.9, p90), (0.99, p99)].map(|(quantile, seconds)| {
        let mut value = Quantile::default();
        value.set_quantile(quantile);
        value.set_value(*seconds);
        value
    });
    let mut summary = Summary::default();
    summary.set_quantile(quantiles.to_vec());
    summary.set_sample_count(*count);
    summary.set_sample_sum(*sum);
    let mut label = LabelPair::default();
    label.set_name("operation".to_owned());
    label.set_value(operation.clone());
    let mut metric = Metric::default();
    metric.set_label(vec![label]);
    metric.set_summary(summary);
    metric
}
