//! The full explanation of a finding: what happened and where, the numbers and since when, what to
//! check, and last how sure this is.

use super::{counted, lasting, meaning, next_step};
use crate::engine::finding::{DetectorName, Finding, State};
use crate::narrate::quantity::{Noun, thousands};
use crate::narrate::{Explanation, InShort, Language, numbers, quotes, sentence};
use crate::plain::plain;
use std::fmt::Write as _;

pub(crate) fn whole(finding: &Finding) -> Explanation {
    let paragraphs: [&[Option<String>]; 6] = [
        &[Some(headline(finding))],
        &[how_much(finding), Some(standing(finding))],
        &[Some(meaning(finding).to_owned()), next_step(finding), urgency(finding)],
        &[finding.cause.as_ref().map(|cause| format!("Cause: {}", sentence(cause, '.')))],
        &[finding.remedy.as_ref().map(|remedy| format!("What to do: {}", sentence(remedy, '.')))],
        &[Some(how_sure(finding))],
    ];
    let joined = |sentences: &[Option<String>]| {
        let sentences: Vec<&str> = sentences.iter().flatten().map(String::as_str).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    };
    Explanation {
        paragraphs: paragraphs.into_iter().filter_map(joined).collect(),
        quotes: quotes(finding, "Lines that led up to it:", "It looks like this:"),
        reference: format!("Incident {}", plain(&finding.id)),
    }
}

pub(crate) fn in_short(finding: &Finding) -> InShort {
    let how_much = how_much(finding);
    if finding.detector == DetectorName::Rule {
        return InShort { meaning: how_much.unwrap_or_default(), ..InShort::default() };
    }
    let sentences: Vec<String> = [how_much, Some(meaning(finding).to_owned())].into_iter().flatten().collect();
    let odds = finding.measured.p_value.is_some().then(|| how_sure(finding));
    InShort { meaning: sentences.join(" "), next_step: next_step(finding), odds }
}

fn headline(finding: &Finding) -> String {
    let what = match &finding.rule {
        Some(rule) => format!("rule {rule}"),
        None => format!("{}/{}", finding.detector.name(), finding.kind),
    };
    // The ending is left out: `standing` reports it.
    format!("{} ({what}): {}", capital(finding.severity.name()), sentence(&finding.summary.sentence, '.'))
}

/// When it began, how long it lasted and how many events it had.
fn standing(finding: &Finding) -> String {
    let since = crate::narrate::utc(finding.opened_at);
    let events = counted(finding.count as f64, Noun::Event);
    match finding.state {
        State::Open => format!("Found at {since}, on {events} by then."),
        State::Ongoing => format!("Going on since {since}, with {events} by now."),
        State::Resolved => match finding.duration_s {
            Some(seconds) if seconds > 0.0 => {
                format!("It began at {since} and ended after {}, with {events}.", lasting(seconds))
            }
            _ => format!("It was found at {since} and is over, with {events}."),
        },
    }
}

/// The numbers as a sentence.
fn how_much(finding: &Finding) -> Option<String> {
    let numbers = numbers(Language::En, finding);
    (!numbers.is_empty()).then(|| sentence(&capital(&numbers), '.'))
}

/// How rare the observation is by chance, the threshold, and the samples behind it.
fn how_sure(finding: &Finding) -> String {
    let measured = &finding.measured;
    let Some(p) = measured.p_value else {
        return match finding.detector {
            DetectorName::Rule => "A rule found it, so there are no odds: what the rule says is so.".to_owned(),
            _ => "Nothing was tested, so there are no odds: it is so.".to_owned(),
        };
    };
    let mut text = format!("Without a fault, chance alone shows as much {} (p = {p:e}", odds(p));
    if let Some(threshold) = measured.threshold.filter(|threshold| *threshold > 0.0 && *threshold < 1.0) {
        let _ = write!(text, ", threshold {threshold:e}");
    }
    let _ = write!(text, ", {}, {}", measured.test, counted(measured.samples as f64, Noun::Sample));
    if let Some(window_s) = measured.window_s.filter(|seconds| *seconds > 0.0) {
        let _ = write!(text, " in {}", lasting(window_s));
    }
    text.push_str(").");
    text
}

/// A probability in words: `once in 10 million tests`.
fn odds(p: f64) -> String {
    if !p.is_finite() || p >= 0.095 {
        return "in more than one test of ten".to_owned();
    }
    if p < 1e-18 {
        return "less than once in a billion billion tests".to_owned();
    }
    let times = 1.0 / p;
    let units = [(1e15, " million billion"), (1e12, " thousand billion"), (1e9, " billion"), (1e6, " million")];
    let (size, unit) = units.into_iter().find(|(size, _)| times >= 0.995 * size).unwrap_or((1.0, ""));
    let count = times / size;
    // Rounded to two significant digits.
    let digits = 10_f64.powi((count.log10().floor() as i32 - 1).max(0));
    format!("once in {}{unit} tests", thousands(((count / digits).round() * digits).max(1.0) as u64))
}

fn urgency(finding: &Finding) -> Option<String> {
    let within = finding.respond_within.as_ref()?;
    (finding.state != State::Resolved).then(|| format!("Somebody should look within {within}."))
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_as_people_say_them() {
        for (p, said) in [
            (1e-3, "once in 1,000 tests"),
            (1e-7, "once in 10 million tests"),
            (3.2e-11, "once in 31 billion tests"),
            (1e-9, "once in 1 billion tests"),
            (2e-16, "once in 5 million billion tests"),
            (1e-300, "less than once in a billion billion tests"),
            (0.05, "once in 20 tests"),
            (0.5, "in more than one test of ten"),
            (f64::NAN, "in more than one test of ten"),
        ] {
            assert_eq!(odds(p), said);
        }
    }

    fn finding(text: &str) -> Finding {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_detector_has_a_meaning_that_is_its_own() {
        let mut meanings: Vec<_> = DetectorName::ALL
            .iter()
            .map(|detector| {
                let name = detector.name();
                meaning(&finding(&format!(
                    r#"{{"id":"1","detector":"{name}","kind":"x","state":"open","severity":"info","opened_at":"2026-03-02T08:41:12Z","summary":""}}"#
                )))
            })
            .collect();
        meanings.sort_unstable();
        meanings.dedup();
        assert_eq!(meanings.len(), DetectorName::ALL.len());
    }
}
