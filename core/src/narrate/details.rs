//! Evidence as a list of names and values.

use super::quantity::{quantity, thousands};
use super::{Language, lasting, zh};
use crate::engine::finding::Finding;
use std::borrow::Cow;

/// Most detector-specific details that are listed.
const OWN_DETAILS: usize = 12;

/// The evidence as names and values, the most important first.
#[must_use]
pub fn details(language: Language, finding: &Finding) -> Vec<(String, String)> {
    let (measured, words) = (&finding.measured, language.words());
    let quantity = |value: f64| match language {
        Language::En => quantity(value, &measured.unit),
        Language::Zh => language.quantity(value, &measured.unit),
    };
    let mut details = vec![(words.observed.to_owned(), quantity(measured.observed))];
    let mut put = |name: &str, value: String| details.push((name.to_owned(), value));
    if let Some(p) = measured.p_value {
        let test = match language {
            Language::En => &measured.test,
            Language::Zh => zh::words::test_name(&measured.test),
        };
        put(words.expected, quantity(measured.expected.unwrap_or_default()));
        put(words.test, test.to_owned());
        put(words.p_value, format!("{p:e}"));
        put(words.threshold, format!("{:e}", measured.threshold.unwrap_or_default()));
        put(words.samples, thousands(measured.samples));
    }
    if let Some(window_s) = measured.window_s.filter(|seconds| *seconds > 0.0) {
        put(words.window, lasting(language, window_s));
    }
    put(words.score, format!("{:.2}", finding.score));
    for (name, value) in finding.own_members().into_iter().take(OWN_DETAILS) {
        let name = match language {
            Language::En => Cow::Owned(name.replace('_', " ")),
            Language::Zh => Cow::Borrowed(zh::words::observation(&name)),
        };
        put(&name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    details
}
