//! The full explanation of a finding: what happened, since when, how much more than usual, how sure
//! this is, and what to check.

use super::{meaning, next_step};
use crate::engine::finding::{
    DetectorName, Evidence, Finding, LatencyEvidence, RateEvidence, ShareEvidence, State, milliseconds,
};
use crate::narrate::quantity::{counted, duration, is_plural, number, quantity, thousands};
use crate::narrate::{Explanation, InShort};
use crate::plain::plain;
use std::fmt::Write as _;

/// Most quoted lines per list, the newest ones.
const LINES: usize = 8;

pub(crate) fn whole(finding: &Finding) -> Explanation {
    let paragraphs: [&[Option<String>]; 5] = [
        &[Some(headline(finding))],
        &[Some(meaning(finding).to_owned()), Some(standing(finding)), how_much(finding)],
        &[Some(how_sure(finding)), next_step(finding).map(|step| step.sentence), urgency(finding)],
        &[finding.cause.as_ref().map(|cause| format!("Cause: {}", sentence(cause)))],
        &[finding.remedy.as_ref().map(|remedy| format!("What to do: {}", sentence(remedy)))],
    ];
    let joined = |sentences: &[Option<String>]| {
        let sentences: Vec<&str> = sentences.iter().flatten().map(String::as_str).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    };
    let quotes = [("Lines that led up to it", &*finding.context), ("It looks like this", finding.evidence.examples())];
    let last = |lines: &[String]| lines[lines.len().saturating_sub(LINES)..].iter().map(|line| plain(line)).collect();
    Explanation {
        paragraphs: paragraphs.into_iter().filter_map(joined).collect(),
        quotes: quotes
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .map(|(heading, lines)| (format!("{heading}:"), last(lines)))
            .collect(),
        reference: format!("Incident {}", plain(&finding.id)),
    }
}

pub(crate) fn in_short(finding: &Finding) -> InShort {
    let how_much = how_much(finding);
    if finding.detector == DetectorName::Rule {
        return InShort { meaning: how_much.unwrap_or_default(), ..InShort::default() };
    }
    let sentences: Vec<String> = [Some(meaning(finding).to_owned()), how_much].into_iter().flatten().collect();
    let odds = finding.measured.p_value.is_some().then(|| how_sure(finding));
    InShort { meaning: sentences.join(" "), look_at: next_step(finding).map(|step| step.sentence), odds }
}

fn headline(finding: &Finding) -> String {
    let what = match &finding.rule {
        Some(rule) => format!("rule {rule}"),
        None => format!("{}/{}", finding.detector.name(), finding.kind),
    };
    // The ending is left out: `standing` reports it.
    format!("{} ({what}): {}", capital(finding.severity.name()), sentence(&finding.summary.sentence))
}

/// When it began, how long it lasted and how many events it had.
fn standing(finding: &Finding) -> String {
    let since = finding.opened_at.to_string();
    let since = format!("{} {} UTC", &since[..10.min(since.len())], since.get(11..19).unwrap_or_default());
    let events = counted(finding.count, "event");
    match finding.state {
        State::Open => format!("It was found at {since}, on {events} by then."),
        State::Ongoing => format!("It has been going on since {since}, with {events} by now."),
        State::Resolved => match finding.duration_s {
            Some(seconds) if seconds > 0.0 => {
                format!("It began at {since}, was over after {}, and took in {events}.", duration(seconds))
            }
            _ => format!("It was found at {since} and is over; it took in {events}."),
        },
    }
}

/// The observed beside the expected value, with their ratio where there is one.
fn how_much(finding: &Finding) -> Option<String> {
    let measured = &finding.measured;
    if measured.p_value.is_none() {
        return measured.window_s.filter(|seconds| *seconds > 0.0).map(|window_s| {
            let seen = quantity(measured.observed, &measured.unit);
            format!("It rests on {seen} in {}.", duration(window_s))
        });
    }
    let usual = measured.expected.unwrap_or_default();
    if finding.detector == DetectorName::Novelty {
        let seldom = (usual > 0.0 && usual <= 0.5).then(|| (1.0 / usual).round());
        return seldom.map(|one_in| {
            format!("At WARN and worse, about one event in {} is usually new.", thousands(one_in as u64))
        });
    }
    let quantity = |value: f64| quantity(value, &measured.unit);
    let (observed, expected) = (quantity(measured.observed), quantity(usual));
    let are = if is_plural(&measured.unit) && !expected.starts_with("1 ") { "are" } else { "is" };
    let ratio = measured.observed / usual;
    let factor = match ratio {
        _ if usual <= 0.0 => {
            return Some(format!("It was {observed} where there is usually nothing of it."));
        }
        r if r >= 1.95 => {
            format!(": {} times as much", number(if r < 9.5 { (r * 10.0).round() / 10.0 } else { r.round() }))
        }
        r if r > 1.005 => format!(": {} % more", number((r * 100.0 - 100.0).round())),
        r if r < 0.995 => format!(": {} % less", number((100.0 - r * 100.0).round())),
        _ => String::new(),
    };
    let range = usual_range(&finding.evidence, quantity).unwrap_or_default();
    Some(format!("It was {observed} where {expected} {are} usual{factor}.{range}"))
}

/// The usual range, where the detector gives one: of single values (latency) or of the expected
/// count (rates and shares).
fn usual_range(evidence: &Evidence, quantity: impl Fn(f64) -> String) -> Option<String> {
    match evidence {
        Evidence::Latency(LatencyEvidence { quantiles_ms: [low, .., high], .. }) if *high > 0.0 => {
            let [low, high] = [*low, *high].map(|value| quantity(milliseconds(value)));
            Some(format!(" 98 of 100 are usually from {low} to {high}."))
        }
        Evidence::Rate(RateEvidence { expected_low: Some(low), expected_high: Some(high), .. })
        | Evidence::Share(ShareEvidence { expected_low: Some(low), expected_high: Some(high), .. }) => {
            Some(format!(" What is usual lies between {} and {}, as far as is known.", quantity(*low), quantity(*high)))
        }
        _ => None,
    }
}

/// How rare the observation is by chance, the threshold, and the samples behind it.
fn how_sure(finding: &Finding) -> String {
    let measured = &finding.measured;
    let Some(p) = measured.p_value else {
        return "A rule found it, so there are no odds: what the rule says is so.".to_owned();
    };
    let mut text = format!("Without a fault, chance alone shows as much {}", odds(p));
    if let Some(threshold) = measured.threshold.filter(|threshold| *threshold > 0.0 && *threshold < 1.0) {
        let _ = write!(text, "; it is said when that is rarer than {}", odds(threshold));
    }
    let _ = write!(text, " ({}, {}", measured.test, counted(measured.samples, "sample"));
    if let Some(window_s) = measured.window_s.filter(|seconds| *seconds > 0.0) {
        let _ = write!(text, ", in {}", duration(window_s));
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

/// `text`, ending with a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
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
