//! What metrics show of operations: the busiest by name, all others together.

use super::operation::Operation;
use crate::engine::detector::OperationQuantiles;
use crate::engine::stats::log_histogram::LogHistogram;
use crate::event::Timestamp;
use std::collections::BTreeMap;

/// Less of an operation's last minutes than this is not shown.
const SHOWN: f64 = 0.01;

/// The `most` busiest of the minutes before `now`, busiest first, then the others as `other`, those
/// that are idle among them: the counts of all together are those of all operations.
pub(super) fn busiest<'a>(
    operations: impl Iterator<Item = &'a Operation>,
    most: usize,
    now: Timestamp,
) -> Vec<OperationQuantiles> {
    // Templates of one module may share its name; a series has one value.
    let mut by_name: BTreeMap<&str, (f64, Vec<&Operation>)> = BTreeMap::new();
    for operation in operations {
        let (recent, weight) = operation.recent(now);
        let (sum, all) = by_name.entry(&operation.name).or_default();
        *sum += recent.total() * weight;
        all.push(operation);
    }
    let mut busiest: Vec<_> = by_name.into_iter().collect();
    busiest.sort_by(|(a_name, (a, _)), (b_name, (b, _))| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    let shown = busiest.iter().take(most).take_while(|(_, (weight, _))| *weight > SHOWN).count();
    let rest = busiest.split_off(shown);
    let mut shown: Vec<_> = busiest.iter().map(|(name, (_, all))| together(name, all, now)).collect();
    if !rest.is_empty() {
        let rest: Vec<&Operation> = rest.into_iter().flat_map(|(_, (_, all))| all).collect();
        shown.push(together("other", &rest, now));
    }
    shown
}

/// Several operations as one.
fn together(name: &str, operations: &[&Operation], now: Timestamp) -> OperationQuantiles {
    let (count, sum) = (operations.iter().map(|one| one.values).sum(), operations.iter().map(|one| one.sum).sum());
    if let [operation] = operations {
        return quantiles_of(name, operation.recent(now).0, count, sum);
    }
    let mut recent = LogHistogram::default();
    for (durations, weight) in operations.iter().map(|operation| operation.recent(now)) {
        recent.merge(durations, weight as f32);
    }
    quantiles_of(name, &recent, count, sum)
}

fn quantiles_of(operation: &str, durations: &LogHistogram, count: u64, sum_ms: f64) -> OperationQuantiles {
    let seconds = |share| durations.value_at(share).map_or(f64::NAN, |ms| ms / 1e3);
    OperationQuantiles {
        operation: operation.to_owned(),
        p50: seconds(0.5),
        p90: seconds(0.1),
        p99: seconds(0.01),
        count,
        sum: sum_ms / 1e3,
    }
}
