//! A finding as one person would tell it to another: what, since when, how much more than usual,
//! how sure, what to look at. Pure text; `seismolog explain` prints it, and the report of `replay`
//! takes its sentences.

use crate::engine::finding::{DetectorName, Evidence, Finding, State};
use crate::prose::{counted, duration, examples, is_plural, number, plain, quantity, thousands, wrap};
use std::fmt::Write as _;

/// Most lines of an example or a context shown.
const LINES: usize = 8;

/// The whole explanation, in lines of at most `width` characters.
#[must_use]
pub fn explain(finding: &Finding, width: usize) -> String {
    let mut text = String::new();
    let mut paragraph = |sentences: &[Option<String>]| {
        let sentences: Vec<&str> = sentences.iter().flatten().map(String::as_str).collect();
        if !sentences.is_empty() {
            let _ = writeln!(text, "{}\n", wrap(&sentences.join(" "), width).join("\n"));
        }
    };
    paragraph(&[Some(headline(finding))]);
    paragraph(&[Some(meaning(finding).to_owned()), Some(standing(finding)), how_much(finding)]);
    paragraph(&[Some(how_sure(finding)), look_at(finding), urgency(finding)]);
    paragraph(&[finding.cause.as_ref().map(|cause| format!("Cause: {}", sentence(cause)))]);
    paragraph(&[finding.remedy.as_ref().map(|remedy| format!("What to do: {}", sentence(remedy)))]);
    let shown = [("Lines that led up to it", finding.context.iter().map(String::as_str).collect::<Vec<_>>())];
    for (what, lines) in shown.into_iter().chain([("It looks like this", examples(&finding.evidence).collect())]) {
        if !lines.is_empty() {
            let _ = writeln!(text, "{what}:");
            for line in &lines[lines.len().saturating_sub(LINES)..] {
                let _ = writeln!(text, "  | {}", plain(line));
            }
            text.push('\n');
        }
    }
    let _ = writeln!(text, "Incident {}", plain(&finding.id));
    text
}

/// What a page says beside an incident's summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct InShort {
    /// What it means, and how much more than usual it is.
    pub meaning: String,
    /// What to look at first.
    pub look_at: Option<String>,
    /// How sure it is.
    pub odds: Option<String>,
}

/// The explanation without what summary, key and lines say already. Of a rule that matched one
/// event there is nothing to explain.
#[must_use]
pub fn in_short(finding: &Finding) -> InShort {
    let how_much = how_much(finding);
    if finding.detector == DetectorName::Rule {
        return InShort { meaning: how_much.unwrap_or_default(), ..InShort::default() };
    }
    let sentences: Vec<String> = [Some(meaning(finding).to_owned()), how_much].into_iter().flatten().collect();
    let odds = finding.evidence.p_value.is_some().then(|| how_sure(finding));
    InShort { meaning: sentences.join(" "), look_at: look_at(finding), odds }
}

fn headline(finding: &Finding) -> String {
    // A resolution's summary begins with what `standing` says.
    let summary = finding.summary.strip_prefix("ended after ").and_then(|rest| Some(rest.split_once(": ")?.1));
    let what = match &finding.rule {
        Some(rule) => format!("rule {rule}"),
        None => format!("{}/{}", finding.detector.name(), finding.kind),
    };
    format!("{} ({what}): {}", capital(finding.severity.name()), sentence(summary.unwrap_or(&finding.summary)))
}

/// What this kind of finding means.
#[must_use]
pub fn meaning(finding: &Finding) -> &'static str {
    let faster = finding.evidence.more.contains_key("fast");
    match (finding.detector, finding.kind.as_str()) {
        (DetectorName::Loop, "cycle") => {
            "The same few lines came round and round from one place, faster than they ever did."
        }
        (DetectorName::Loop, "counter") => {
            "One line came again and again with nothing in it changing but a counter, as a retry that gets nowhere does."
        }
        (DetectorName::Loop, _) => "The same line came again and again from one place, faster than it ever did.",
        (DetectorName::Burst, "share") => "Of what is done here, more failed than usually does.",
        (DetectorName::Burst, _) => {
            "There were more errors than this place usually has, both by the clock and for the traffic that there was."
        }
        (DetectorName::Latency, "outlier") => {
            "One call took far longer than calls of this operation do, slow ones included."
        }
        (DetectorName::Latency, "unfinished") => "Work began and nothing said that it ended.",
        (DetectorName::Latency, _) if faster => {
            "Calls of this operation have become faster: a relief, or a sign that they do less than they should."
        }
        (DetectorName::Latency, _) if finding.key.0.iter().any(|(name, _)| name == "host") => {
            "Calls of this operation have become slower on this host alone; on the others they are as they were."
        }
        (DetectorName::Latency, _) => "Calls of this operation have become slower than they used to be.",
        (DetectorName::Spread, _) => "Failures sit on this one value; the others have few or none.",
        (DetectorName::Silence, _) => "Something that used to speak has stopped.",
        (DetectorName::Novelty, "exception") => "An exception came that this stream has never shown before.",
        (DetectorName::Novelty, _) => "A line came whose like this stream has never shown before.",
        (DetectorName::Input, _) => "No events come any more: what is silent is the input, not one service.",
        (DetectorName::Rule, _) => "An event was what the rule looks for.",
    }
}

/// Since when, how long, how many.
fn standing(finding: &Finding) -> String {
    let since = finding.opened_at.to_string();
    let since = format!("{} {} UTC", &since[..10.min(since.len())], since.get(11..19).unwrap_or_default());
    let events = counted(finding.count, "event");
    let lasted = finding.evidence.more.get("duration_s").and_then(serde_json::Value::as_f64);
    match finding.state {
        State::Open => format!("It was found at {since}, on {events} by then."),
        State::Ongoing => format!("It has been going on since {since}, with {events} by now."),
        State::Resolved => match lasted {
            Some(seconds) if seconds > 0.0 => {
                format!("It began at {since}, was over after {}, and took in {events}.", duration(seconds))
            }
            _ => format!("It was found at {since} and is over; it took in {events}."),
        },
    }
}

/// Observed beside expected, as a factor where one can be told.
fn how_much(finding: &Finding) -> Option<String> {
    let evidence = &finding.evidence;
    if evidence.p_value.is_none() {
        return (evidence.window_s > 0.0).then(|| {
            let seen = quantity(evidence.observed, &evidence.unit);
            format!("It rests on {seen} in {}.", duration(evidence.window_s))
        });
    }
    if finding.detector == DetectorName::Novelty {
        let seldom = (evidence.expected > 0.0 && evidence.expected <= 0.5).then(|| (1.0 / evidence.expected).round());
        return seldom.map(|one_in| {
            format!("At WARN and worse, about one event in {} is usually new.", thousands(one_in as u64))
        });
    }
    let quantity = |value: f64| quantity(value, &evidence.unit);
    let (observed, expected) = (quantity(evidence.observed), quantity(evidence.expected));
    let are = if is_plural(&evidence.unit) && !expected.starts_with("1 ") { "are" } else { "is" };
    let ratio = evidence.observed / evidence.expected;
    let factor = match ratio {
        _ if evidence.expected <= 0.0 => {
            return Some(format!("It was {observed} where there is usually nothing of it."));
        }
        r if r >= 1.95 => {
            format!(": {} times as much", number(if r < 9.5 { (r * 10.0).round() / 10.0 } else { r.round() }))
        }
        r if r > 1.005 => format!(": {} % more", number((r * 100.0 - 100.0).round())),
        r if r < 0.995 => format!(": {} % less", number((100.0 - r * 100.0).round())),
        _ => String::new(),
    };
    let range = usual_range(evidence, quantity).unwrap_or_default();
    Some(format!("It was {observed} where {expected} {are} usual{factor}.{range}"))
}

/// How far what is usual reaches, where the detector says: the interval in which values lie, or the
/// one in which the expected value is known to lie.
fn usual_range(evidence: &Evidence, quantity: impl Fn(f64) -> String) -> Option<String> {
    let number = |name: &str| evidence.more.get(name).and_then(serde_json::Value::as_f64);
    if let Some(interval) = evidence.more.get("interval") {
        let [low, high] = [0, 1].map(|i| interval.get(i).and_then(serde_json::Value::as_f64).map(&quantity));
        return Some(format!(" 98 of 100 are usually from {} to {}.", low?, high?));
    }
    let (low, high) = (number("expected_low")?, number("expected_high")?);
    Some(format!(" What is usual lies between {} and {}, as far as is known.", quantity(low), quantity(high)))
}

/// The odds, the limit, and what they rest on.
fn how_sure(finding: &Finding) -> String {
    let evidence = &finding.evidence;
    let Some(p) = evidence.p_value else {
        return "A rule found it, so there are no odds: what the rule says is so.".to_owned();
    };
    let mut text = format!("Without a fault, chance alone shows as much {}", odds(p));
    if evidence.threshold > 0.0 && evidence.threshold < 1.0 {
        let _ = write!(text, "; it is said when that is rarer than {}", odds(evidence.threshold));
    }
    let _ = write!(text, " ({}, {}", evidence.test, counted(evidence.samples, "sample"));
    if evidence.window_s > 0.0 {
        let _ = write!(text, ", in {}", duration(evidence.window_s));
    }
    text.push_str(").");
    text
}

/// A chance as people say it: `once in 10 million tests`.
#[must_use]
pub fn odds(p: f64) -> String {
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
    // Two digits are more than anybody asks for.
    let digits = 10_f64.powi((count.log10().floor() as i32 - 1).max(0));
    format!("once in {}{unit} tests", thousands(((count / digits).round() * digits).max(1.0) as u64))
}

/// What to look at first.
#[must_use]
pub fn look_at(finding: &Finding) -> Option<String> {
    let of = |name: &str| finding.key.0.iter().find(|(key, _)| key == name).map(|(_, value)| plain(value));
    let place =
        finding.key.0.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ");
    Some(match (finding.detector, finding.kind.as_str()) {
        (DetectorName::Loop, _) => {
            format!("Look at what {place} waits for or tries again, and why it does not get it.")
        }
        (DetectorName::Burst, _) => {
            format!("Look at the first errors of {place}, and at what changed just before them.")
        }
        (DetectorName::Latency, "unfinished") => {
            format!("Look for the end of one such piece of work by what it shares with its start, on {place}.")
        }
        (DetectorName::Latency, "outlier") => {
            format!("Look at this one call: what it waited for, and whether {place} was paused or retried.")
        }
        (DetectorName::Latency, _) => match (of("host"), of("operation")) {
            (Some(host), _) => {
                format!("Look at the host {host}: its load, its disk, its way to what the operation calls.")
            }
            (None, Some(operation)) => {
                format!("Look at what {operation} calls, and at what was deployed or loaded then.")
            }
            _ => return None,
        },
        (DetectorName::Spread, _) => format!("Look at {place} first, and take it out of rotation if you can."),
        (DetectorName::Silence, _) => format!("Look whether {place} still runs, and whether its log still arrives."),
        (DetectorName::Novelty, _) => format!("Look at what {place} says, and at what was deployed."),
        (DetectorName::Input, _) => {
            "Look at whoever writes to seismolog: the shipper, its file, its connection.".to_owned()
        }
        (DetectorName::Rule, _) => return None,
    })
}

fn urgency(finding: &Finding) -> Option<String> {
    let within = finding.respond_within.as_ref()?;
    (finding.state != State::Resolved).then(|| format!("Somebody should look within {within}."))
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The text, ended by a full stop.
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
    fn a_loop_is_told_in_sentences() {
        let told = explain(
            &finding(
                r#"{"id":"9f2c000000000000","detector":"loop","kind":"cycle","rule":null,"state":"open","severity":"critical",
                "respond_within":"5m","key":{"module":"retry.c41","thread":"loop-3"},"opened_at":"2026-03-02T08:41:12.204Z",
                "count":75,"score":0.83,"summary":"the same 3 lines 25 times in 4.1 s on retry.c41 (thread loop-3)",
                "evidence":{"observed":18.3,"expected":0.02,"unit":"lines/s","test":"gamma-poisson","threshold":1e-10,
                "p_value":1e-30,"samples":75,"window_s":4.1,"period":3,"repeats":25,"example":["a","b\u001b[31m"]},
                "cause":"the lease is held","remedy":null,"context":["before"]}"#,
            ),
            100,
        );
        let flowing = told.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "Critical (loop/cycle): the same 3 lines 25 times in 4.1 s on retry.c41 (thread loop-3). The same few lines",
            "It was found at 2026-03-02 08:41:12 UTC, on 75 events by then. It was 18.3 lines/s where 1.2 lines/min are usual: \
             915 times as much.",
            "less than once in a billion billion tests",
            "rarer than once in 10 billion tests (gamma-poisson, 75 samples, in 4.1 s). Look at what module retry.c41, \
             thread loop-3 waits for",
            "Somebody should look within 5m.",
            "Cause: the lease is held.",
            "Lines that led up to it: | before",
            "| a | b\\u{1b}[31m Incident 9f2c000000000000",
        ] {
            assert!(flowing.contains(part), "{part:?} is not in\n{told}");
        }
        assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    }

    #[test]
    fn what_is_over_and_what_a_rule_found_are_told_as_such() {
        let over = explain(
            &finding(
                r#"{"id":"1","detector":"latency","kind":"shift","state":"resolved","severity":"warning","key":{"operation":"/a"},
                "opened_at":"2026-03-02T08:41:12Z","count":9,"summary":"ended after 9 events in 61.0 s: 8 calls of /a slower",
                "evidence":{"observed":250,"expected":40,"unit":"ms","test":"binomial exceedance","threshold":1e-9,
                "p_value":1e-12,"samples":2000,"window_s":4,"duration_s":61.0}}"#,
            ),
            200,
        );
        assert!(over.contains("Warning (latency/shift): 8 calls of /a slower."), "{over}");
        assert!(
            over.contains(
                "was over after 1 min 1 s, and took in 9 events. It was 250 ms where 40 ms is usual: 6.3 times"
            ),
            "{over}"
        );
        let rule = explain(
            &finding(
                r#"{"id":"2","detector":"rule","kind":"oom","rule":"oom","state":"open","severity":"info","key":{},
                "opened_at":"2026-03-02T08:41:12Z","count":1,"summary":"out of memory"}"#,
            ),
            200,
        );
        assert!(rule.contains("Info (rule oom): out of memory.") && rule.contains("there are no odds"), "{rule}");
    }

    #[test]
    fn news_are_told_by_how_seldom_they_are_and_one_event_is_one() {
        let of = |detector: &str, evidence: &str| {
            let text = format!(
                r#"{{"id":"1","detector":"{detector}","kind":"x","state":"open","severity":"info","key":{{"module":"m"}},
                "opened_at":"2026-03-02T08:41:12Z","count":1,"summary":"s","evidence":{evidence}}}"#
            );
            explain(&finding(&text), 300)
        };
        let new = of(
            "novelty",
            r#"{"observed":1,"expected":0.0008,"unit":"new among events at WARN and worse","p_value":0.0008,"samples":1}"#,
        );
        assert!(new.contains("At WARN and worse, about one event in 1,250 is usually new."), "{new}");
        assert!(new.contains("1 sample)") && new.contains("on 1 event by then"), "{new}");
        let rule = of("rule", r#"{"observed":1,"unit":"events","window_s":60}"#);
        assert!(rule.contains("It rests on 1 event in 1 min."), "{rule}");
        let spread = of("spread", r#"{"observed":7,"expected":1,"unit":"failures","p_value":1e-9,"samples":90}"#);
        assert!(spread.contains("It was 7 failures where 1 failure is usual: 7 times as much."), "{spread}");
        let burst = of("burst", r#"{"observed":1,"expected":0.5,"unit":"errors","p_value":1e-9,"samples":90}"#);
        assert!(burst.contains("It was 1 error where 0.5 errors are usual: 2 times as much."), "{burst}");
        let known = of(
            "burst",
            r#"{"observed":9,"expected":0.5,"expected_low":0.2,"expected_high":1.0,"unit":"errors","p_value":1e-9}"#,
        );
        assert!(known.contains("What is usual lies between 0.2 errors and 1 error, as far as is known."), "{known}");
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
