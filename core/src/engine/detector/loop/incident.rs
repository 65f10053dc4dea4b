//! What is said of a loop when it opens.

use super::EXAMPLE_BYTES;
use super::actor::Actor;
use super::excursions::Who;
use super::learned::RateVerdict;
use super::run::{Run, Signal};
use crate::engine::finding::{DetectorName, Evidence, Key, Severity, name_of};
use crate::engine::incident::{Opening, p_of, round, score_of};
use crate::engine::state::allocated;
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};

/// The incident of `run`, on the event that showed it; takes the gathered lines from `actor`.
pub(super) fn opening(
    fields: &Fields<'_>,
    threshold: f64,
    run: &Run,
    verdict: &RateVerdict,
    lasted: f64,
    actor: &mut Actor,
) -> (Opening, Told) {
    let key: Vec<_> = [Role::Module, Role::Host, Role::Thread]
        .into_iter()
        // Of a loop that several actors go round in, only the module is the place.
        .filter(|role| match run.who {
            Who::Actors(1) => true,
            Who::Actors(_) => *role == Role::Module,
            Who::NewThreads => *role != Role::Thread,
        })
        .filter_map(|role| Some((role.name().to_owned(), name_of(&fields.text(role)?).to_owned())))
        .collect();
    let counter = run.signal == Signal::Counter;
    let repeats = run.repeats();
    let count = u64::from(repeats) * run.period as u64;
    let range = counter.then(|| actor.counter.as_ref()?.range()).flatten();
    let told = Told::new(run, range.is_some(), &key);
    let mut more = serde_json::Map::new();
    more.insert("period".into(), run.period.into());
    if let (Signal::Excursion(_), Who::Actors(actors)) = (run.signal, run.who) {
        more.insert("actors".into(), actors.into());
    }
    if run.variants > 1 {
        more.insert("variants".into(), run.variants.into());
    }
    let mut summary = String::new();
    let mut evidence = Evidence {
        expected: significant(verdict.expected * run.period as f64),
        unit: "lines/s".into(),
        test: "gamma-poisson".into(),
        threshold,
        p_value: Some(p_of(verdict.ln_p)),
        more,
        ..Evidence::default()
    };
    told.tell(&mut evidence, &mut summary, count, run.period, lasted, range);
    let mut lines = actor.take_texts();
    if run.signal != Signal::Cycle {
        let message = fields.text(Role::Message).unwrap_or_default();
        lines = vec![message[..message.floor_char_boundary(EXAMPLE_BYTES)].to_owned()];
    }
    evidence.more.insert("example".into(), lines.into());
    let bad = fields.level() >= Some(Level::Error);
    let opening = Opening {
        detector: DetectorName::Loop,
        kind: told.kind.clone(),
        rule: None,
        severity: if bad { Severity::Critical } else { Severity::Warning },
        key: Key(key),
        count,
        score: score_of(verdict.ln_p),
        summary,
        evidence,
        worst: fields.level(),
        cause: None,
        remedy: None,
        context: Vec::new(),
    };
    (opening, told)
}

/// The parts of a loop's summary that stay; its numbers are told anew each time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Told {
    kind: String,
    /// `the same 3 lines`
    what: String,
    /// ` on queue (thread t-1)`
    place: String,
}

impl Told {
    fn new(run: &Run, counts: bool, key: &[(String, String)]) -> Self {
        let (kind, what) = match run.period {
            1 if counts => ("counter", "the same text".to_owned()),
            1 if run.variants > 1 => ("exact", format!("the same line in {} variants", run.variants)),
            1 => ("exact", "the same line".to_owned()),
            period => ("cycle", format!("the same {period} lines")),
        };
        let mut place = String::new();
        match run.who {
            Who::Actors(1) => {}
            Who::Actors(actors) => place = format!(" from {actors} threads"),
            Who::NewThreads => place = " from a new thread each time".into(),
        }
        if let Some(((_, first), rest)) = key.split_first() {
            let rest: Vec<_> = rest.iter().map(|(name, value)| format!("{name} {value}")).collect();
            place.push_str(&format!(" on {first}"));
            if !rest.is_empty() {
                place.push_str(&format!(" ({})", rest.join(", ")));
            }
        }
        Self { kind: kind.to_owned(), what, place }
    }

    /// Bytes of its texts.
    pub(super) fn heap_size(&self) -> usize {
        [&self.kind, &self.what, &self.place].map(|text| allocated(text.capacity())).iter().sum()
    }

    /// Brings evidence and summary up to `count` lines in `lasted` seconds, from the earliest to
    /// the latest; `range` is from where to where a retry counter has counted.
    pub(super) fn tell(
        &self,
        evidence: &mut Evidence,
        summary: &mut String,
        count: u64,
        period: usize,
        lasted: f64,
        range: Option<(i64, i64)>,
    ) {
        let repeats = count / period as u64;
        evidence.observed = round(count as f64 / lasted.max(1e-3), 3);
        evidence.samples = count;
        evidence.window_s = round(lasted, 3);
        evidence.more.insert("repeats".into(), repeats.into());
        let counting = range.map_or_else(String::new, |(from, to)| {
            evidence.more.insert("counter".into(), vec![from, to].into());
            format!(" with a number counting from {from} to {to}")
        });
        let within = match lasted {
            // All tell the same time: a batch under one time, or clocks that tell no more.
            ..=1e-3 => "at one moment".to_owned(),
            ..0.1 => format!("in {:.0} ms", (lasted * 1e3).ceil()),
            _ => format!("in {lasted:.1} s"),
        };
        *summary = format!("{} {repeats} times {within}{counting}{}", self.what, self.place);
    }
}

/// Two significant digits.
fn significant(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}
