//! What is said of a loop when it opens.

use super::actor::Actor;
use super::learned::Verdict;
use super::{EXAMPLE_BYTES, Run};
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{Opening, p_of, round, score_of};
use crate::event::{Fields, Level, Role};

/// The incident of `run`, on the event that showed it; takes the gathered lines from `actor`.
pub(super) fn opening(
    fields: &Fields<'_>,
    threshold: f64,
    run: &Run,
    verdict: &Verdict,
    lasted: f64,
    actor: &mut Actor,
) -> Opening {
    let key: Vec<_> = [Role::Module, Role::Host, Role::Thread]
        .into_iter()
        .filter_map(|role| Some((role.name().to_owned(), fields.text(role)?.into_owned())))
        .collect();
    let repeats = run.repeats();
    let count = u64::from(repeats) * run.period as u64;
    let (kind, what) = match run.period {
        1 if run.counter => ("counter", "the same text".to_owned()),
        1 => ("exact", "the same line".to_owned()),
        period => ("cycle", format!("the same {period} lines")),
    };
    let mut summary = format!("{what} {repeats} times in {lasted:.1} s");
    let mut more = serde_json::Map::new();
    more.insert("period".into(), run.period.into());
    more.insert("repeats".into(), repeats.into());
    if let Some((from, to)) = run.counter.then(|| actor.counter.as_ref()?.range()).flatten() {
        more.insert("counter".into(), vec![from, to].into());
        summary.push_str(&format!(" with a number counting from {from} to {to}"));
    }
    if let Some(((_, first), rest)) = key.split_first() {
        let rest: Vec<_> = rest.iter().map(|(name, value)| format!("{name} {value}")).collect();
        summary.push_str(&format!(" on {first}"));
        if !rest.is_empty() {
            summary.push_str(&format!(" ({})", rest.join(", ")));
        }
    }
    let mut lines = std::mem::take(&mut actor.lines);
    if run.counter {
        let message = fields.text(Role::Message).unwrap_or_default();
        lines = vec![message[..message.floor_char_boundary(EXAMPLE_BYTES)].to_owned()];
    }
    more.insert("example".into(), lines.into());
    let bad = fields.level() >= Some(Level::Error);
    Opening {
        detector: DetectorName::Loop,
        kind: kind.into(),
        rule: None,
        severity: if bad { Severity::Critical } else { Severity::Warning },
        key: Key(key),
        count,
        score: score_of(verdict.ln_p),
        summary,
        evidence: Evidence {
            observed: round(count as f64 / lasted.max(1e-3), 3),
            expected: significant(verdict.expected * run.period as f64),
            unit: "lines/s".into(),
            test: "gamma-poisson".into(),
            threshold,
            p_value: Some(p_of(verdict.ln_p)),
            samples: count,
            window_s: round(lasted, 3),
            more,
        },
        worst: fields.level(),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// Two significant digits.
fn significant(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}
