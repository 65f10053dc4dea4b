//! Work that began and did not end in its time: one incident for each kind of pair, however many
//! there are.

use super::Latency;
use super::incident::significant;
use crate::engine::detector::Report;
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{Opening, p_of, round, score_of};
use crate::event::Timestamp;

/// The name of the test: the chance that one more start has no end, by those so far.
const TEST: &str = "timeout";

impl Latency {
    /// Starts whose time is up, and incidents that none has joined for long.
    pub(super) fn tick_pairs(&mut self, now: Timestamp, report: &mut Report<'_>) {
        if self.pairs.is_empty() {
            return;
        }
        let operations = &mut self.operations;
        self.pairs.time_out(now, |late| {
            let usual = operations.get_mut(late.key).map_or(0.0, |operation| operation.baseline.value_at(0.01));
            let (timed_out, all) =
                (late.so_far.timed_out as f64, (late.so_far.timed_out + late.so_far.finished) as f64);
            // By the rule of succession, over all starts but this one.
            let ln_p = ((timed_out / (all + 1.0)).ln()).min(0.0);
            let evidence = |examples: &[&str]| Evidence {
                observed: significant(late.waited_s * 1e3),
                expected: significant(usual),
                unit: "ms".into(),
                test: TEST.into(),
                threshold: late.options.timeout.seconds() * 1e3,
                p_value: Some(p_of(ln_p)),
                samples: all as u64,
                window_s: round(late.waited_s, 3),
                more: [
                    ("unfinished".to_owned(), late.so_far.timed_out.into()),
                    ("finished".to_owned(), late.so_far.finished.into()),
                    ("example".to_owned(), examples.to_vec().into()),
                ]
                .into_iter()
                .collect(),
            };
            if let Some((id, last)) = late.so_far.open.filter(|(id, _)| report.incidents.is_open(*id)) {
                let (said, line) = (late.summary(), late.line);
                report.incidents.join(id, 1, late.level, now, report.findings, |_, kept, summary, _| {
                    *kept = evidence(&[line]);
                    *summary = said;
                });
                late.so_far.open = Some((id, last.max(now)));
                return;
            }
            let opening = Opening {
                detector: DetectorName::Latency,
                kind: "unfinished".into(),
                rule: None,
                severity: Severity::Warning,
                key: Key(vec![("operation".into(), late.options.operation.clone())]),
                count: 1,
                score: score_of(ln_p),
                summary: late.summary(),
                evidence: evidence(&[late.line]),
                worst: late.level,
                cause: None,
                remedy: None,
                context: Vec::new(),
            };
            let id = report.incidents.open(opening, now, report.findings);
            late.so_far.open = Some((id, now));
        });
        for (calm_s, open) in self.pairs.open() {
            let over = open.filter(|(id, last)| !report.incidents.is_open(*id) || now.seconds_since(*last) > calm_s);
            if let Some((id, _)) = over {
                report.incidents.resolve(id, now, report.findings);
                *open = None;
            }
        }
    }
}
