//! Work that began and did not end in time: one incident for each kind of pair, however many starts
//! there are.

use super::Latency;
use crate::engine::detector::Report;
use crate::engine::finding::{
    DetectorName, Evidence, Key, Measured, Severity, UnfinishedEvidence, milliseconds, p_of, round, score_of, test,
    unit,
};
use crate::engine::incident::Opening;
use crate::event::Timestamp;

impl Latency {
    /// Takes the starts that have timed out, and ends incidents that none has joined for long.
    pub(super) fn tick_pairs(&mut self, now: Timestamp, report: &mut Report<'_>) {
        if self.pairs.is_empty() {
            return;
        }
        let operations = &mut self.operations;
        self.pairs.time_out(now, |late| {
            let usual = operations.get_mut(late.key).map_or(0.0, |operation| operation.baseline.value_at(0.01));
            let (timed_out, all) =
                (late.so_far.timed_out as f64, (late.so_far.timed_out + late.so_far.finished) as f64);
            // The rule of succession, over all starts except this one.
            let ln_p = ((timed_out / (all + 1.0)).ln()).min(0.0);
            let measured = Measured {
                observed: milliseconds(late.waited_s * 1e3),
                expected: Some(milliseconds(usual)),
                unit: unit::MILLISECONDS.into(),
                test: test::TIMEOUT.into(),
                threshold: Some(late.options.timeout.seconds() * 1e3),
                p_value: Some(p_of(ln_p)),
                samples: all as u64,
                window_s: Some(round(late.waited_s, 3)),
            };
            let evidence = Evidence::Unfinished(UnfinishedEvidence {
                unfinished: late.so_far.timed_out,
                finished: late.so_far.finished,
                example: Some(vec![late.line.to_owned()]),
                shared: late.shared.to_owned(),
            });
            if let Some((id, last)) = late.so_far.open.filter(|(id, _)| report.incidents.is_open(*id)) {
                report.incidents.join_updated(id, 1, late.level, now, report.findings, |known, _| {
                    (known.measured, known.evidence, known.score) = (measured, evidence, score_of(ln_p));
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
                measured,
                evidence,
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
