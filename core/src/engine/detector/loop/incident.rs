//! The finding of a loop when it opens and while it goes on.

use super::Habits;
use super::actor::OpenLoop;
use super::excursions::Who;
use super::learned::{Habit, Learned, RateVerdict, Repeated};
use super::run::{Run, Signal, grain};
use super::start::Start;
use crate::engine::finding::{
    DetectorName, Evidence, Key, LoopEvidence, Measured, Severity, name_of, p_of, round, score_of, significant, test,
    unit,
};
use crate::engine::incident::Opening;
use crate::engine::template::example_of;
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};

/// The incident of `run`, on the event that showed it; `lines` were gathered of its rounds, and a
/// retry counter has counted in `range`.
pub(super) fn opening(
    fields: &Fields<'_>,
    threshold: f64,
    run: &Run,
    verdict: &RateVerdict,
    lasted: f64,
    mut lines: Vec<String>,
    range: Option<(i64, i64)>,
) -> Opening {
    let key: Vec<_> = [Role::Module, Role::Host, Role::Thread]
        .into_iter()
        // Where several actors go round in a loop, its key is the module alone.
        .filter(|role| match run.who {
            Who::Actors(1) => true,
            Who::Actors(_) => *role == Role::Module,
            Who::NewThreads => *role != Role::Thread,
        })
        .filter_map(|role| Some((role.name().to_owned(), name_of(&fields.text(role)?).to_owned())))
        .collect();
    let repeats = run.repeats();
    let count = u64::from(repeats) * run.period as u64;
    if run.signal != Signal::Cycle {
        let message = fields.text(Role::Message).unwrap_or_default();
        lines = vec![example_of(&message).to_owned()];
    }
    let bad = fields.level() >= Some(Level::Error);
    let kind = match run.period {
        1 if range.is_some() => "counter",
        1 => "exact",
        _ => "cycle",
    };
    Opening {
        detector: DetectorName::Loop,
        kind: kind.into(),
        rule: None,
        severity: if bad { Severity::Critical } else { Severity::Warning },
        key: Key(key),
        count,
        score: score_of(verdict.ln_p),
        measured: Measured {
            observed: rate(count, lasted),
            expected: Some(significant(verdict.expected * run.period as f64)),
            unit: unit::LINES_PER_SECOND.into(),
            test: test::GAMMA_POISSON.into(),
            threshold: Some(threshold),
            p_value: Some(p_of(verdict.ln_p)),
            samples: count,
            window_s: Some(round(lasted, 3)),
        },
        evidence: Evidence::Loop(LoopEvidence {
            period: run.period as u64,
            repeats: repeats.into(),
            actors: match (run.signal, run.who) {
                (Signal::Excursion(_), Who::Actors(actors)) => Some(actors),
                _ => None,
            },
            variants: run.variants as u64,
            counter: range.map(<[i64; 2]>::from),
            example: Some(lines),
            new_threads: run.who == Who::NewThreads,
            lasted_s: lasted,
        }),
        worst: fields.level(),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// What a loop was tested by when it opened, and is tested by again in updates.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Tested {
    signal: Signal,
    who: Who,
    /// How often its last line, or for counters its template, was seen in all.
    seen: u32,
    /// What was believed of the line at the start; of harmless ones in states of older versions.
    #[serde(default)]
    start: Start,
    /// Whether its rounds belonged to different requests.
    #[serde(default)]
    of_requests: bool,
}

impl Tested {
    pub(super) fn of(run: &Run, start: Start) -> Self {
        Self { signal: run.signal, who: run.who, seen: run.seen, start, of_requests: run.is_of_requests() }
    }

    /// Takes one more line of the loop, which was `seen` so many times in all, and its template.
    pub(super) fn see(&mut self, seen: u32, template_seen: u32) {
        self.seen = if self.signal == Signal::Counter { template_seen } else { seen };
    }

    /// How often lines of the module continue a run, or an excursion.
    fn habit(&self, habits: Habits) -> Habit {
        if matches!(self.signal, Signal::Excursion(_)) { habits.spells } else { habits.runs }
    }
}

/// The loop has gone on for `count` lines.
pub(super) fn go_on(known: &mut Opening, going: &OpenLoop, count: u64, learned: &Learned, habits: Habits) {
    let Some(tested) = going.tested else { return };
    let (period, lasted) = (going.period as u64, going.lasted());
    let repeats = count / period;
    // As at the opening, the first line of each actor is no repeat.
    let (again, length) = match (tested.signal, tested.who) {
        (Signal::Cycle, _) => (repeats, repeats.saturating_sub(1) * period),
        (Signal::Counter, _) => (repeats, repeats.saturating_sub(1)),
        (Signal::Excursion(_), Who::Actors(actors)) => (repeats.saturating_sub(u64::from(actors) - 1), repeats),
        (Signal::Excursion(_), Who::NewThreads) => (repeats, repeats),
    };
    let window = lasted + grain(going.until, going.began);
    let verdict = learned.test(&Repeated {
        seen: tested.seen,
        repeats: again as f64,
        lines: count as f64,
        lasted: window,
        habit: tested.habit(habits),
        run: u32::try_from(length).unwrap_or(u32::MAX),
        signal: tested.signal,
        start: tested.start,
        module_lines: tested.of_requests.then(|| habits.lines()),
    });
    known.update(rate(count, lasted), round(lasted, 3), count, verdict.ln_p);
    known.measured.expected = Some(significant(verdict.expected * period as f64));
    if let Evidence::Loop(evidence) = &mut known.evidence {
        evidence.repeats = repeats;
        evidence.counter = going.range.map(<[i64; 2]>::from).or(evidence.counter);
        (evidence.new_threads, evidence.lasted_s) = (tested.who == Who::NewThreads, lasted);
    }
}

/// Lines a second, of `count` lines in `lasted` seconds from the earliest to the latest.
fn rate(count: u64, lasted: f64) -> f64 {
    round(count as f64 / lasted.max(1e-3), 3)
}
