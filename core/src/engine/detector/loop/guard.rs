//! Loop guards: at most N times the same line within a window, where the configuration says so.
//!
//! An absolute rule beside the learned one, in force from the first event. The window is cut into
//! 16 parts. Counted lines are within it for certain; a line that is almost a whole window old may
//! be left out. Memory: 100 bytes a guarded line and 40 bytes an actor, both capped; the count of
//! an evicted line restarts, which errs towards silence.

use super::super::{Event, Report, TableUse};
use super::options::{Limit, LoopGuard};
use crate::engine::deadlines::after;
use crate::engine::detector::tracker::{AttributedSlots, IncidentTracker};
use crate::engine::finding::{
    DetectorName, Evidence, GuardEvidence, Key, Measured, Severity, name_of, round, test, unit,
};
use crate::engine::incident::{IncidentId, Opening};
use crate::engine::overrides::{Choice, Overrides};
use crate::engine::state::{Evict, HeapSize, Table, TableSnapshot};
use crate::engine::template::example_of;
use crate::event::{Fields, Level, Role, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const PARTS: usize = 16;

/// One line in its window.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Guarded {
    counts: [u32; PARTS],
    /// The newest part, in parts since the epoch.
    part: i64,
    limit: u32,
    within_s: f64,
    /// The incident, and when the line was last over its limit.
    open: Option<(IncidentId, Timestamp)>,
}

impl HeapSize for Guarded {
    fn watched_as(&self, key: u64) -> Option<u64> {
        self.open.map(|_| key)
    }
}

impl Guarded {
    /// Lines within the window that ends at `now`.
    fn roll(&mut self, now: Timestamp) -> u32 {
        let part = (now.0 as f64 / 1e9 / self.within_s * PARTS as f64).floor() as i64;
        let steps = part.saturating_sub(self.part).clamp(0, PARTS as i64);
        for step in 1..=steps {
            self.counts[(part - steps + step).rem_euclid(PARTS as i64) as usize] = 0;
        }
        self.part = self.part.max(part);
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn add(&mut self, now: Timestamp) -> u32 {
        let sum = self.roll(now);
        let newest = &mut self.counts[self.part.rem_euclid(PARTS as i64) as usize];
        *newest = newest.saturating_add(1);
        sum.saturating_add(1)
    }
}

/// All guards and the lines under them.
#[derive(Debug)]
pub(super) struct Guards {
    limits: Overrides<Option<Limit>>,
    any: bool,
    choices: Table<Choice>,
    lines: Table<Guarded>,
    /// Lines with an open incident; the line's entry holds its id.
    pub(super) open: IncidentTracker<()>,
}

/// What is kept across a restart.
#[derive(Serialize, Deserialize)]
pub(super) struct GuardsState {
    lines: TableSnapshot<Guarded>,
    open: BTreeSet<u64>,
}

impl Guards {
    pub(super) fn new(guards: &[LoopGuard], keys: usize) -> Self {
        Self {
            any: !guards.is_empty(),
            limits: Overrides::new(
                None,
                guards.iter().map(LoopGuard::limit).map(|(pattern, limit)| (pattern, Some(limit))),
            ),
            choices: Table::new(keys),
            lines: Table::new(keys),
            open: IncidentTracker::default(),
        }
    }

    /// Takes `line`. True when an incident of a guard is open for it.
    #[inline]
    pub(super) fn observe(&mut self, event: &Event<'_>, line: u64, report: &mut Report<'_>) -> bool {
        self.any && !event.moment.outside && self.count(event, line, report)
    }

    fn count(&mut self, event: &Event<'_>, line: u64, report: &mut Report<'_>) -> bool {
        let (fields, now) = (&event.fields, event.moment.now);
        let choice = self.choices.touch(fields.parsed().actor_hash, Choice::default);
        let Some(limit) = *self.limits.of(choice, fields) else { return false };
        let hash = |wanted: bool, role| if wanted { fields.hash(role).unwrap_or_default() } else { 0 };
        let key = line
            ^ hash(limit.by_host, Role::Host).rotate_left(21)
            ^ hash(limit.by_thread, Role::Thread).rotate_left(42);
        let guarded = self.lines.touch(key, || Guarded {
            counts: [0; PARTS],
            part: i64::MIN,
            limit: limit.max_repeats,
            within_s: limit.within_s,
            open: None,
        });
        let count = guarded.add(now);
        if count <= guarded.limit && guarded.open.is_none() {
            return false;
        }
        match &mut guarded.open {
            Some((id, over)) if report.incidents.is_open(*id) => {
                if count > guarded.limit {
                    *over = now;
                    self.open.go_on(key, after(now, guarded.within_s));
                }
                report.incidents.join_updated(*id, 1, fields.level(), now, report.findings, |known, total| {
                    (known.measured.observed, known.measured.samples) = (count.into(), total);
                    if let Evidence::Guard(evidence) = &mut known.evidence {
                        (evidence.repeats, evidence.within_s) = (count.into(), limit.within_s);
                    }
                });
            }
            _ if count > guarded.limit => {
                let opening = opening(fields, &limit, count);
                let id = report.incidents.open(opening, now, report.findings);
                guarded.open = Some((id, now));
                self.open.open(key, id, (), after(now, guarded.within_s), report.incidents);
            }
            _ => {
                guarded.open = None;
                self.open.end(key);
                return false;
            }
        }
        true
    }

    /// Ends the incidents of lines that have not exceeded their limit for a whole window.
    pub(super) fn tick(&mut self, now: Timestamp, report: &mut Report<'_>) {
        self.lines.take_lost().into_iter().for_each(|key| self.open.hurry(key));
        for key in self.open.due(now, report.incidents) {
            if let Some(guarded) = self.lines.get_mut(key)
                && let Some((id, over)) = guarded.open
            {
                if report.incidents.is_open(id) && now.seconds_since(over) < guarded.within_s {
                    self.open.go_on(key, after(over, guarded.within_s));
                    continue;
                }
                guarded.open = None;
                report.incidents.resolve(id, now, report.findings);
            }
            self.open.end(key);
        }
    }

    pub(super) fn bounded(&mut self, visit: &mut dyn FnMut(&mut dyn Evict)) {
        visit(&mut self.choices);
        visit(&mut self.lines);
        let [mut open, _] = self.open.weights(|()| 0);
        visit(&mut open);
    }

    pub(super) fn tables(&self) -> Option<TableUse> {
        let (keys, evictions) = (self.lines.len() as u64, self.lines.evictions());
        self.any.then_some(TableUse { table: "loop_guarded", keys, evictions })
    }

    pub(super) fn snapshot(&self) -> GuardsState {
        GuardsState { lines: self.lines.snapshot(), open: self.open.keys().into_iter().collect() }
    }

    pub(super) fn restore(&mut self, kept: GuardsState) {
        self.lines.restore(kept.lines);
        self.open.resume(kept.open.into_iter().map(|key| (key, ())).collect(), AttributedSlots::default());
    }
}

fn opening(fields: &Fields<'_>, limit: &Limit, count: u32) -> Opening {
    let roles = [(Role::Module, true), (Role::Host, limit.by_host), (Role::Thread, limit.by_thread)];
    let wanted = roles.into_iter().filter(|(_, wanted)| *wanted);
    let key = Key(wanted
        .filter_map(|(role, _)| Some((role.name().to_owned(), name_of(&fields.text(role)?).to_owned())))
        .collect());
    let bad = fields.level() >= Some(Level::Error);
    let message = fields.text(Role::Message).unwrap_or_default();
    let allowed = Some(limit.max_repeats.into());
    Opening {
        detector: DetectorName::Loop,
        kind: "guard".into(),
        rule: None,
        severity: if bad { Severity::Critical } else { Severity::Warning },
        count: count.into(),
        score: if bad { 0.95 } else { 0.75 },
        key,
        measured: Measured {
            observed: count.into(),
            expected: allowed,
            unit: unit::LINES.into(),
            test: test::LIMIT.into(),
            threshold: allowed,
            p_value: None,
            samples: count.into(),
            window_s: Some(round(limit.within_s, 3)),
        },
        evidence: Evidence::Guard(GuardEvidence {
            repeats: count.into(),
            example: Some(vec![example_of(&message).to_owned()]),
            within_s: limit.within_s,
        }),
        worst: fields.level(),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}
