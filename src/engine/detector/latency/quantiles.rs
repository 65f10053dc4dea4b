//! What metrics show of operations: the busiest by name, all others together.

use super::operation::Operation;
use crate::engine::detector::OperationQuantiles;
use crate::engine::stats::log_histogram::LogHistogram;
use crate::event::Timestamp;

/// Less of an operation's last minutes than this is not shown.
const SHOWN: f64 = 0.01;

/// The `most` busiest of the minutes before `now`, busiest first, then the others as `other`.
pub(super) fn busiest<'a>(
    operations: impl Iterator<Item = &'a Operation>,
    most: usize,
    now: Timestamp,
) -> Vec<OperationQuantiles> {
    let weigh = |operation: &Operation| {
        let (recent, weight) = operation.recent(now);
        recent.total() * weight
    };
    let mut busiest: Vec<_> = operations.filter(|operation| weigh(operation) > SHOWN).collect();
    busiest.sort_by(|a, b| weigh(b).total_cmp(&weigh(a)).then_with(|| a.name.cmp(&b.name)));
    let rest = busiest.split_off(busiest.len().min(most));
    let mut shown: Vec<_> = busiest
        .into_iter()
        .map(|operation| quantiles_of(&operation.name, operation.recent(now).0, operation.values, operation.sum))
        .collect();
    if !rest.is_empty() {
        let (mut other, mut count, mut sum) = (LogHistogram::default(), 0, 0.0);
        for operation in rest {
            let (recent, weight) = operation.recent(now);
            other.merge(recent, weight as f32);
            count += operation.values;
            sum += operation.sum;
        }
        shown.push(quantiles_of("other", &other, count, sum));
    }
    shown
}

fn quantiles_of(operation: &str, durations: &LogHistogram, count: u64, sum_ms: f64) -> OperationQuantiles {
    let seconds = |share| durations.value_at(share).unwrap_or(0.0) / 1e3;
    OperationQuantiles {
        operation: operation.to_owned(),
        p50: seconds(0.5),
        p90: seconds(0.1),
        p99: seconds(0.01),
        count,
        sum: sum_ms / 1e3,
    }
}
