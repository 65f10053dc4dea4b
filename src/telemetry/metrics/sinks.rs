//! Families about sinks, with the sink's name as a label.

use super::families::{Families, signed};
use prometheus::{Error, IntCounterVec, IntGaugeVec};

/// The families with the label `sink`.
#[derive(Debug)]
pub(super) struct SinkFamilies {
    deliveries: IntCounterVec,
    findings_lost: IntCounterVec,
    pending: IntGaugeVec,
    up: IntGaugeVec,
}

impl SinkFamilies {
    pub(super) fn new(families: &Families<'_>) -> Result<Self, Error> {
        let deliveries = "Messages that a sink took, refused for good, or did not take now.";
        let lost = "Findings that a sink could not be told of.";
        let up = "1 while a sink takes messages, 0 while it does not.";
        Ok(Self {
            deliveries: families.counters("sink_deliveries_total", deliveries, &["sink", "result"])?,
            findings_lost: families.counters("sink_findings_lost_total", lost, &["sink"])?,
            pending: families.gauges(
                "sink_pending_findings",
                "Findings that wait for a sink to take them.",
                &["sink"],
            )?,
            up: families.gauges("sink_up", up, &["sink"])?,
        })
    }

    pub(super) fn set(&self, sink: &str, results: [(&'static str, u64); 3], lost: u64, pending: u64, up: bool) {
        for (result, messages) in results {
            self.deliveries.with_label_values(&[sink, result]).inc_by(messages);
        }
        self.findings_lost.with_label_values(&[sink]).inc_by(lost);
        self.pending.with_label_values(&[sink]).set(signed(pending));
        self.up.with_label_values(&[sink]).set(i64::from(up));
    }
}
