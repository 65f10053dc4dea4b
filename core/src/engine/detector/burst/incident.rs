//! What is said of a burst when it opens and while it goes on.

use super::failure::significant;
use super::{Scope, Verdict};
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{Opening, counted, p_of, round, score_of};
use crate::event::{Fields, Level, Role};

/// Bytes of the example line that are kept.
const EXAMPLE_BYTES: usize = 200;
/// So many errors, and so many times the expected, are critical at any level.
const CRITICAL_ERRORS: f64 = 20.0;
const CRITICAL_TIMES: f64 = 10.0;

/// The incident that `verdict` found in a cell of `scope`, on the event that showed it.
pub(super) fn opening(fields: &Fields<'_>, scope: Scope, verdict: &Verdict) -> Opening {
    let (name, value) = place_of(fields, scope);
    let mut more = serde_json::Map::new();
    let message = fields.text(Role::Message).unwrap_or_default();
    more.insert("expected_low".into(), significant(verdict.interval.0).into());
    more.insert("expected_high".into(), significant(verdict.interval.1).into());
    more.insert("example".into(), vec![&message[..message.floor_char_boundary(EXAMPLE_BYTES)]].into());
    let critical = is_critical(verdict.fatal, verdict.errors, verdict.expected);
    Opening {
        detector: DetectorName::Burst,
        kind: if scope == Scope::Share { "share" } else { "surge" }.into(),
        rule: None,
        severity: if critical { Severity::Critical } else { Severity::Warning },
        count: verdict.errors as u64,
        score: score_of(verdict.ln_p),
        summary: summary(verdict, &place_in_words(scope, &value)),
        key: Key(vec![(name.into(), value)]),
        evidence: Evidence {
            observed: verdict.errors,
            expected: significant(verdict.expected),
            unit: "errors".into(),
            test: "gamma-poisson".into(),
            threshold: significant(verdict.threshold),
            p_value: Some(p_of(verdict.ln_p)),
            samples: verdict.samples as u64,
            window_s: round(verdict.window_s, 1),
            more,
        },
        // A failing status is an error whatever level its line has.
        worst: Some(if verdict.fatal { Level::Fatal } else { Level::Error }),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// Somebody should act now.
pub(super) fn is_critical(fatal: bool, errors: f64, expected: f64) -> bool {
    fatal || (errors >= CRITICAL_ERRORS && errors >= CRITICAL_TIMES * expected)
}

/// The burst has gone on for `lasted` seconds with `count` errors, at `rate` expected ones a
/// second: what is said of it now.
pub(super) fn go_on(key: &Key, evidence: &mut Evidence, count: u64, lasted: f64, rate: f64) -> String {
    evidence.observed = count as f64;
    let before = std::mem::replace(&mut evidence.expected, significant(rate * lasted));
    // The interval is of the rate: it grows with the time as the expected number does.
    for name in ["expected_low", "expected_high"] {
        if let Some(bound) = evidence.more.get_mut(name)
            && let Some(value) = bound.as_f64()
        {
            *bound = significant(value / before.max(f64::MIN_POSITIVE) * evidence.expected).into();
        }
    }
    evidence.window_s = round(lasted, 1);
    let errors = counted(count as f64, "error");
    format!("{errors} in {lasted:.0} s on {}, {} expected", key_in_words(key), evidence.expected)
}

/// What a burst is on, by its key.
fn key_in_words(key: &Key) -> String {
    let Some((name, value)) = key.0.first() else { return String::new() };
    let scope = if name == Role::ErrorCode.name() { Scope::Code } else { Scope::Module };
    place_in_words(scope, value)
}

fn summary(verdict: &Verdict, place: &str) -> String {
    let Verdict { errors, window_s, requests, .. } = verdict;
    let of = if *requests > 0.0 { format!(" of {}", counted(*requests, "request")) } else { String::new() };
    let errors = counted(*errors, "error");
    format!("{errors}{of} in {window_s:.0} s on {place}, {} expected", significant(verdict.expected))
}

/// Name and value of the key.
fn place_of(fields: &Fields<'_>, scope: Scope) -> (&'static str, String) {
    let role = match scope {
        Scope::Module | Scope::Text | Scope::Share => Some(Role::Module),
        Scope::Code => Some(Role::ErrorCode),
        Scope::All => None,
    };
    match role.and_then(|role| Some((role.name(), fields.text(role)?))) {
        Some((name, value)) => (name, value.into_owned()),
        None => ("scope", "all".into()),
    }
}

fn place_in_words(scope: Scope, value: &str) -> String {
    match scope {
        Scope::Module | Scope::Text | Scope::Share if value != "all" => value.to_owned(),
        Scope::Code => format!("error code {value}"),
        Scope::All | Scope::Module | Scope::Text | Scope::Share => "all modules together".to_owned(),
    }
}
