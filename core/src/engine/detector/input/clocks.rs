//! Sources whose clocks are off, as incidents.

use crate::engine::clock::{Moment, source_of};
use crate::engine::detector::{Event, Report};
use crate::engine::finding::{ClockEvidence, DetectorName, Evidence, Key, Measured, Severity, round, test, unit};
use crate::engine::incident::{IncidentId, Opening};
use crate::event::Role;
use serde::{Deserialize, Serialize};

/// Seconds without an event after which a source is gone.
const GONE_S: f64 = 86_400.0;
/// Most sources that are told of at a time.
const MOST: usize = 1_000;
/// As a finding without a test has it at this severity.
const SCORE: f64 = 0.75;

/// The open incidents.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Clocks(Vec<OpenClock>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct OpenClock {
    source: u64,
    id: IncidentId,
    /// Running time at the source's last event.
    last: f64,
}

impl Clocks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An event of a source that is off, or of any while some are.
    pub(super) fn observe(&mut self, event: &Event<'_>, report: &mut Report<'_>) {
        let (source, moment) = (source_of(&event.fields), event.moment);
        match self.0.iter().position(|open| open.source == source) {
            Some(i) if moment.ahead == 0 && !moment.outside => {
                let open = self.0.swap_remove(i);
                report.incidents.resolve(open.id, moment.now, report.findings);
            }
            Some(i) => self.0[i].last = moment.running,
            None if moment.ahead != 0 && self.0.len() < MOST => {
                let id = report.incidents.open(opening(event, moment), moment.now, report.findings);
                self.0.push(OpenClock { source, id, last: moment.running });
            }
            None => {}
        }
    }

    pub(super) fn tick(&mut self, moment: Moment, report: &mut Report<'_>) {
        self.0.retain(|open| {
            let is_gone = moment.running - open.last > GONE_S;
            if is_gone {
                report.incidents.resolve(open.id, moment.now, report.findings);
            }
            !is_gone
        });
    }
}

fn opening(event: &Event<'_>, moment: Moment) -> Opening {
    let ahead_s = round(moment.ahead as f64 / 1e9, 1);
    let key = match event.fields.text(Role::Host) {
        Some(host) => ("host".into(), host.into_owned()),
        None => ("input".into(), event.fields.record().source.0.to_string()),
    };
    let measured = Measured {
        observed: ahead_s.abs(),
        expected: Some(0.0),
        unit: unit::SECONDS.into(),
        test: test::CLOCK.into(),
        threshold: None,
        p_value: None,
        samples: 1,
        window_s: None,
    };
    Opening {
        detector: DetectorName::Input,
        kind: "clock".into(),
        rule: None,
        severity: Severity::Warning,
        key: Key(vec![key]),
        count: 1,
        score: SCORE,
        measured,
        evidence: Evidence::Clock(ClockEvidence { ahead_s }),
        worst: None,
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}
