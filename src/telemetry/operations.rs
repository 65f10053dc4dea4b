//! `seismolog_operation_duration_seconds`: a summary, which the client library knows only how to encode.
//!
//! Which operations have a series of their own changes with how busy they are, and Prometheus takes a count that falls for
//! a restart. So each series counts from where it begins: what an operation did as one of the others stays with `other`.

use crate::engine::detector::OperationQuantiles;
use prometheus::Error;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the engine calls all operations together that have no series of their own.
const OTHER: &str = "other";

/// The family.
#[derive(Clone, Debug)]
pub(super) struct OperationDurations {
    desc: Desc,
    ledger: Arc<Mutex<Ledger>>,
}

/// What is shown, and how it was counted.
#[derive(Debug, Default)]
struct Ledger {
    shown: Vec<OperationQuantiles>,
    /// By name, for those with a series of their own.
    named: BTreeMap<String, Account>,
    /// The counts of all operations when they were looked at last.
    all: Count,
    /// What the series `other` says.
    other: Count,
}

/// How many values there were, and their sum in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    values: u64,
    sum: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// What the engine says of the operation.
    told: Count,
    /// What its series says.
    shown: Count,
}

impl Count {
    fn of(operation: &OperationQuantiles) -> Self {
        Self { values: operation.count, sum: operation.sum }
    }

    fn plus(self, other: Self) -> Self {
        Self { values: self.values + other.values, sum: self.sum + other.sum }
    }

    /// What came since `earlier`. An operation that the engine has forgotten meanwhile leaves no trace here.
    fn since(self, earlier: Self) -> Self {
        Self { values: self.values.saturating_sub(earlier.values), sum: (self.sum - earlier.sum).max(0.0) }
    }
}

impl Ledger {
    /// Takes what the engine says now, the counts of all together being those of all operations.
    fn take(&mut self, operations: &[OperationQuantiles]) {
        let all = operations.iter().map(Count::of).fold(Count::default(), Count::plus);
        // An operation that was not there may have been one of the others.
        let had_others = self.shown.iter().any(|operation| operation.operation == OTHER);
        let mut named = BTreeMap::new();
        let mut of_named = Count::default();
        for operation in operations.iter().filter(|operation| operation.operation != OTHER) {
            let told = Count::of(operation);
            let account = match self.named.get(&operation.operation) {
                Some(account) if told.values < account.told.values => Account { told, shown: told },
                Some(account) => Account { told, shown: account.shown.plus(told.since(account.told)) },
                None if had_others => Account { told, shown: Count::default() },
                None => Account { told, shown: told },
            };
            let before = self.named.get(&operation.operation).map_or(Count::default(), |account| account.shown);
            of_named = of_named.plus(account.shown.since(before));
            named.insert(operation.operation.clone(), account);
        }
        self.other = self.other.plus(all.since(self.all).since(of_named));
        self.shown = operations.to_vec();
        for operation in &mut self.shown {
            let shown = named.get(&operation.operation).map_or(self.other, |account| account.shown);
            (operation.count, operation.sum) = (shown.values, shown.sum);
        }
        (self.named, self.all) = (named, all);
    }
}

impl OperationDurations {
    pub(super) fn new() -> Result<Self, Error> {
        let name = "seismolog_operation_duration_seconds".to_owned();
        let help = "How long an operation took in the last minutes; the busiest by name, the rest as other.".to_owned();
        let desc = Desc::new(name, help, vec!["operation".to_owned()], HashMap::new())?;
        Ok(Self { desc, ledger: Arc::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, operations: &[OperationQuantiles]) {
        self.lock().take(operations);
    }

    /// How many values found no room for a series of their own, by the metric's full name.
    pub(super) fn dropped(&self) -> (String, u64) {
        (self.desc.fq_name.clone(), self.lock().other.values)
    }
}

impl Collector for OperationDurations {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let metrics: Vec<_> = self.lock().shown.iter().map(summary_of).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(name: &str, count: u64) -> OperationQuantiles {
        let sum = count as f64 / 10.0;
        OperationQuantiles { operation: name.to_owned(), p50: 0.1, p90: 0.1, p99: 0.1, count, sum }
    }

    #[test]
    fn a_series_that_changes_its_place_never_falls_and_nothing_is_counted_twice() {
        let mut ledger = Ledger::default();
        let mut counts = |operations: &[(&str, u64)]| {
            let operations: Vec<_> = operations.iter().map(|(name, count)| operation(name, *count)).collect();
            ledger.take(&operations);
            assert!(ledger.shown.iter().all(|shown| (shown.sum - shown.count as f64 / 10.0).abs() < 1e-9));
            ledger.shown.iter().map(|shown| (shown.operation.clone(), shown.count)).collect::<Vec<_>>()
        };
        let are =
            |list: &[(&str, u64)]| list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>();
        assert_eq!(counts(&[("/a", 10), ("/b", 5)]), are(&[("/a", 10), ("/b", 5)]));
        // `/b` becomes one of the others with 3 more: its series ends, and only the 3 are theirs.
        assert_eq!(counts(&[("/a", 12), ("other", 8)]), are(&[("/a", 12), ("other", 3)]));
        // It comes back with 2 more, 4 came for `/a`, which is now one of the others.
        assert_eq!(counts(&[("/b", 10), ("other", 16)]), are(&[("/b", 0), ("other", 9)]));
        assert_eq!(counts(&[("/b", 15), ("other", 17)]), are(&[("/b", 5), ("other", 10)]));
        // The engine forgets 10 values of the others, while 1 comes; then all.
        assert_eq!(counts(&[("/b", 15), ("other", 8)]), are(&[("/b", 5), ("other", 10)]));
        assert_eq!(counts(&[("/b", 15), ("other", 11)]), are(&[("/b", 5), ("other", 13)]));
        assert_eq!(counts(&[("/b", 1)]), are(&[("/b", 1)]));
    }
}
