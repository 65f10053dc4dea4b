//! What is said of a bad value when its incident opens and while it goes on.

use super::failure::significant;
use super::{Dimension, Verdict};
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{Opening, counted, p_of, round, score_of};
use crate::engine::stats::binomial;
use crate::event::{Fields, Level, Role};

/// Bytes of the example line that are kept.
const EXAMPLE_BYTES: usize = 200;
/// So many failures, and so many times those that the value's own rate lets expect, are critical at
/// any level.
const CRITICAL_FAILURES: f64 = 20.0;
const CRITICAL_TIMES: f64 = 10.0;

/// The incident that `verdict` found in the event's value of `dimension`.
pub(super) fn opening(fields: &Fields<'_>, dimension: &Dimension, verdict: &Verdict) -> Opening {
    let value = dimension.text_of(fields).unwrap_or_default();
    let module = fields.text(Role::Module).unwrap_or_default();
    let Verdict { failures, of, share, window_s, .. } = *verdict;
    let expected = share * of;
    let (low, high) = binomial::credible_interval(share, verdict.samples);
    let message = fields.text(Role::Message).unwrap_or_default();
    let mut more = serde_json::Map::new();
    more.insert("expected_low".into(), significant(low * of).into());
    more.insert("expected_high".into(), significant(high * of).into());
    more.insert("of".into(), of.into());
    more.insert("usual_share".into(), significant(share).into());
    more.insert("expected_by_rate".into(), significant(verdict.expected_by_rate).into());
    more.insert("p_value_of_rate".into(), p_of(verdict.ln_p_rate).into());
    more.insert("example".into(), vec![&message[..message.floor_char_boundary(EXAMPLE_BYTES)]].into());
    let fatal = fields.level() == Some(Level::Fatal);
    let many = failures >= CRITICAL_FAILURES && failures >= CRITICAL_TIMES * verdict.expected_by_rate;
    let of_module = if module.is_empty() { String::new() } else { format!(" of {module}") };
    let are = if failures > 1.0 { "are" } else { "is" };
    let summary = format!(
        "{failures:.0} of {}{of_module} in {window_s:.0} s {are} on {} {value}, {} expected",
        counted(of, "failure"),
        dimension.name(),
        significant(expected)
    );
    let mut key = vec![(dimension.name().to_owned(), value)];
    if !module.is_empty() {
        key.push((Role::Module.name().to_owned(), module.into_owned()));
    }
    Opening {
        detector: DetectorName::Spread,
        kind: "value".into(),
        rule: None,
        severity: if fatal || many { Severity::Critical } else { Severity::Warning },
        key: Key(key),
        count: failures as u64,
        score: score_of(verdict.ln_p),
        summary,
        evidence: Evidence {
            observed: failures,
            expected: significant(expected),
            unit: "failures".into(),
            test: "binomial".into(),
            threshold: significant(verdict.threshold),
            p_value: Some(p_of(verdict.ln_p.min(0.0))),
            samples: verdict.samples as u64,
            window_s: round(window_s, 1),
            more,
        },
        // A failing status is an error whatever level its line has.
        worst: Some(if fatal { Level::Fatal } else { Level::Error }),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// The incident has gone on for `lasted` seconds with `count` of the `of` failures of its modules:
/// what is said of it now.
pub(super) fn go_on(
    key: &Key,
    evidence: &mut Evidence,
    count: u64,
    of: u64,
    share: f64,
    lasted: f64,
    modules: usize,
) -> String {
    let before = std::mem::replace(&mut evidence.expected, significant(share * of as f64));
    for name in ["expected_low", "expected_high"] {
        if let Some(bound) = evidence.more.get_mut(name)
            && let Some(value) = bound.as_f64()
        {
            *bound = significant(value / before.max(f64::MIN_POSITIVE) * evidence.expected).into();
        }
    }
    evidence.observed = count as f64;
    evidence.window_s = round(lasted, 1);
    evidence.more.insert("of".into(), of.into());
    if modules > 1 {
        evidence.more.insert("modules".into(), modules.into());
    }
    let (failures, are) = (counted(of as f64, "failure"), if count > 1 { "are" } else { "is" });
    let [(dimension, value), of_module @ ..] = key.0.as_slice() else { return String::new() };
    let module = of_module.first().map_or_else(String::new, |(_, module)| format!(" of {module}"));
    format!(
        "{count} of {failures}{module} in {lasted:.0} s {are} on {dimension} {value}, {} expected",
        evidence.expected
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_read_like_the_sentence_around_them_stay_whole() {
        for (value, module) in
            [("DC in Berlin", "web"), ("rack 7, 3 expected", "the failure in billing"), ("a is on b are on c", "")]
        {
            let mut key = vec![("host".to_owned(), value.to_owned())];
            key.extend((!module.is_empty()).then(|| ("module".to_owned(), module.to_owned())));
            let said = go_on(&Key(key), &mut Evidence::default(), 20, 25, 0.1, 60.0, 1);
            let of_module = if module.is_empty() { String::new() } else { format!(" of {module}") };
            let whole = format!("20 of 25 failures{of_module} in 60 s are on host {value}, 2.5 expected");
            assert_eq!(said, whole);
        }
    }
}
