//! Families about rules, with the rule's name as a label.

use super::families::{Families, opts};
use crate::engine::rules::RuleTally;
use prometheus::{CounterVec, Error, IntCounterVec, IntGaugeVec};
use std::time::Duration;

/// The results of a reload: values of the label `result`.
pub const RELOADS: [&str; 3] = ["changed", "unchanged", "failed"];

/// The families with the label `rule`, and the reloads of all rules.
#[derive(Debug)]
pub(super) struct RuleFamilies {
    evaluations: IntCounterVec,
    failures: IntCounterVec,
    dropped: IntCounterVec,
    cpu: CounterVec,
    enabled: IntGaugeVec,
    reloads: IntCounterVec,
}

impl RuleFamilies {
    pub(super) fn new(families: &Families<'_>) -> Result<Self, Error> {
        let cpu = opts(
            "rule_cpu_seconds_total",
            "Time spent in a rule's script: one call in 64 is timed and stands for all of them.",
        );
        let dropped = "Events that a rule withheld: by drop, or by failing where on_failure is drop.";
        let reloads = "Times that the rules were read again while running, by how that ended.";
        let reloads = families.counters("rule_reloads_total", reloads, &["result"])?;
        // These series exist from the first scrape on, so that the first reload is an increase.
        RELOADS.iter().for_each(|result| reloads.with_label_values(&[*result]).inc_by(0));
        Ok(Self {
            evaluations: families.counters("rule_evaluations_total", "Calls of a rule's script.", &["rule"])?,
            failures: families.counters("rule_failures_total", "Calls of a rule's script that failed.", &["rule"])?,
            dropped: families.counters("rule_dropped_events_total", dropped, &["rule"])?,
            cpu: families.register(CounterVec::new(cpu, &["rule"])?)?,
            enabled: families.gauges(
                "rule_enabled",
                "1 while a rule runs, 0 while its breaker holds it off.",
                &["rule"],
            )?,
            reloads,
        })
    }

    pub(super) fn add(&self, rule: &str, work: &RuleTally) {
        self.evaluations.with_label_values(&[rule]).inc_by(work.evaluations);
        self.failures.with_label_values(&[rule]).inc_by(work.failures);
        self.dropped.with_label_values(&[rule]).inc_by(work.dropped);
        self.cpu.with_label_values(&[rule]).inc_by(Duration::from_nanos(work.cpu_ns).as_secs_f64());
        self.enabled.with_label_values(&[rule]).set(i64::from(work.enabled));
    }

    pub(super) fn add_reloads(&self, result: &'static str, reloads: u64) {
        self.reloads.with_label_values(&[result]).inc_by(reloads);
    }

    pub(super) fn remove(&self, rule: &str) {
        // Removal fails only if the rule has no such series, which is fine.
        let _ = self.evaluations.remove_label_values(&[rule]);
        let _ = self.failures.remove_label_values(&[rule]);
        let _ = self.dropped.remove_label_values(&[rule]);
        let _ = self.cpu.remove_label_values(&[rule]);
        let _ = self.enabled.remove_label_values(&[rule]);
    }
}
