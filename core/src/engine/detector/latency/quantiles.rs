//! Durations of operations as metrics show them: the busiest by name, all others together.

use super::operation::Operation;
use super::recent::{HistogramIndex, RecentDurations, empty};
use crate::engine::detector::OperationQuantiles;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// The `most` busiest of the last minutes, busiest first, then the others as `other`, those that
/// are idle among them: the counts of all together are those of all operations.
pub(super) fn busiest<'a>(
    operations: impl Iterator<Item = &'a Operation>,
    recent: &RecentDurations,
    most: usize,
) -> Vec<OperationQuantiles> {
    // Operations of several modules may have the same name, and a series has one value.
    let mut by_name: BTreeMap<&str, (u64, Vec<&Operation>)> = BTreeMap::new();
    for operation in operations {
        let (sum, all) = by_name.entry(&operation.name).or_default();
        // An operation that became busy only now has no histogram of its own yet.
        *sum += if operation.recent.is_shared() { 0 } else { operation.lately() };
        all.push(operation);
    }
    let mut busiest: Vec<_> = by_name.into_iter().collect();
    busiest.sort_by(|(a_name, (a, _)), (b_name, (b, _))| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    let shown = busiest.iter().take(most).take_while(|(_, (lately, _))| *lately > 0).count();
    let rest = busiest.split_off(shown);
    let mut shown: Vec<_> = busiest.iter().map(|(name, (_, all))| together(name, all, recent, empty())).collect();
    if !rest.is_empty() {
        let rest: Vec<&Operation> = rest.into_iter().flat_map(|(_, (_, all))| all).collect();
        let mut durations = empty();
        recent.merge_into(&mut durations, HistogramIndex::default());
        shown.push(together("other", &rest, recent, durations));
    }
    shown
}

/// Several operations as one, whose histograms are added to `durations`.
fn together(
    name: &str,
    operations: &[&Operation],
    recent: &RecentDurations,
    mut durations: Histogram<u32>,
) -> OperationQuantiles {
    // Modules that have an operation of one name share a histogram.
    let mut indices: Vec<HistogramIndex> = operations.iter().map(|operation| operation.recent).collect();
    indices.sort_unstable();
    indices.dedup();
    for index in indices.into_iter().filter(|index| !index.is_shared()) {
        recent.merge_into(&mut durations, index);
    }
    let seconds = |quantile| {
        let value = durations.median_equivalent(durations.value_at_quantile(quantile));
        if durations.is_empty() { f64::NAN } else { value as f64 / 1e6 }
    };
    OperationQuantiles {
        operation: name.to_owned(),
        p50: seconds(0.5),
        p90: seconds(0.9),
        p99: seconds(0.99),
        count: operations.iter().map(|one| one.values).sum(),
        sum: operations.iter().map(|one| one.sum).sum::<f64>() / 1e3,
    }
}
