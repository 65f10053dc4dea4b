//! Evidence as one line, and as a list.

use crate::engine::finding::{Finding, Measured};
use crate::narrate::quantity::{JOINT, counted, duration, number, quantity, thousands};
use std::fmt::Write as _;

/// Most detector-specific details that are listed.
const OWN_DETAILS: usize = 12;

pub(crate) fn in_a_line(measured: &Measured) -> String {
    let mut text = format!("observed {}", quantity(measured.observed, &measured.unit));
    let window_s = measured.window_s.unwrap_or_default();
    let Some(p) = measured.p_value else {
        if window_s > 0.0 {
            let _ = write!(text, " in {}", duration(window_s));
        }
        return text;
    };
    // A count's unit was already written after the observed value; a time always has its own unit.
    let expected = measured.expected.unwrap_or_default();
    let expected = match &*measured.unit {
        unit @ ("ms" | "s") => quantity(expected, unit),
        _ => number(expected),
    };
    let _ = write!(
        text,
        ", expected {expected} ({}, p{JOINT}={JOINT}{p:e}, {} in {})",
        measured.test,
        counted(measured.samples, "sample").replace(' ', "\u{a0}"),
        duration(window_s)
    );
    text
}

pub(crate) fn details(finding: &Finding) -> Vec<(String, String)> {
    let measured = &finding.measured;
    let mut details = vec![("observed".to_owned(), quantity(measured.observed, &measured.unit))];
    let mut put = |name: &str, value: String| details.push((name.to_owned(), value));
    if let Some(p) = measured.p_value {
        put("expected", quantity(measured.expected.unwrap_or_default(), &measured.unit));
        put("test", measured.test.clone().into_owned());
        put("p value", format!("{p:e}"));
        put("threshold", format!("{:e}", measured.threshold.unwrap_or_default()));
        put("samples", thousands(measured.samples));
    }
    if let Some(window_s) = measured.window_s.filter(|seconds| *seconds > 0.0) {
        put("window", duration(window_s));
    }
    put("score", format!("{:.2}", finding.score));
    for (name, value) in finding.own_members().into_iter().take(OWN_DETAILS) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        put(&name.replace('_', " "), value);
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_in_words() {
        let seen = Measured {
            observed: 18.3,
            expected: Some(0.02),
            unit: "lines/s".into(),
            test: "gamma-poisson".into(),
            p_value: Some(1e-30),
            samples: 75,
            window_s: Some(4.1),
            ..Measured::default()
        };
        assert_eq!(
            in_a_line(&seen).replace(JOINT, " "),
            "observed 18.3 lines/s, expected 0.02 (gamma-poisson, p = 1e-30, 75 samples in 4.1 s)"
        );
        assert_eq!(in_a_line(&Measured { p_value: None, ..seen.clone() }), "observed 18.3 lines/s in 4.1 s");
        let slow = Measured { observed: 3_300.0, expected: Some(82.0), unit: "ms".into(), samples: 1, ..seen };
        assert_eq!(
            in_a_line(&slow).replace(JOINT, " "),
            "observed 3.3 s, expected 82 ms (gamma-poisson, p = 1e-30, 1 sample in 4.1 s)"
        );
        let one = Measured { observed: 1.0, unit: "events".into(), ..Measured::default() };
        assert_eq!(in_a_line(&one), "observed 1 event");
    }
}
