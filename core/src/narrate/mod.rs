//! Every sentence about findings that a person reads: on events, in the log, on the page, in
//! reports, explanations and alerts. Findings are data; their wording is defined only here, and no
//! code parses it.
//!
//! A language is a folder with a file for each detector (`en/loop.rs`, `zh/loop.rs`, …), and one
//! more arm of each function here. Both say the same values: `tests.rs` compares them over a table
//! of findings of every kind (`samples.rs`).

/// Which file of a language has the sentence for a finding, by its detector and its evidence: each
/// language has the same files with the same functions.
macro_rules! sentences {
    () => {
        pub(super) fn summary(subject: &Subject<'_>) -> String {
            match subject.evidence {
                Evidence::Loop(evidence) => r#loop::summary(subject, evidence),
                Evidence::Guard(evidence) => r#loop::guard_summary(subject, evidence),
                Evidence::Rate(evidence) => burst::summary(subject, evidence),
                Evidence::Share(evidence) => spread::summary(subject, evidence),
                Evidence::Latency(evidence) => latency::summary(subject, evidence),
                Evidence::Unfinished(evidence) => latency::unfinished_summary(subject, evidence),
                Evidence::Silence(evidence) => silence::summary(subject, evidence),
                Evidence::Novelty(evidence) => novelty::summary(subject, evidence),
                Evidence::Input(evidence) => input::summary(evidence),
                Evidence::Clock(evidence) => input::clock_summary(subject, evidence),
                Evidence::Rule(evidence) => rule::summary(evidence),
                Evidence::Storm(evidence) => storm::summary(subject, evidence),
            }
        }

        pub(super) fn remedy(detector: DetectorName, kind: &str) -> Option<&'static str> {
            (detector == DetectorName::Input).then(|| input::remedy(kind))
        }

        pub(super) fn meaning(finding: &Finding) -> &'static str {
            match finding.detector {
                DetectorName::Loop => r#loop::meaning(finding),
                DetectorName::Burst => burst::meaning(finding),
                DetectorName::Latency => latency::meaning(finding),
                DetectorName::Spread => spread::MEANING,
                DetectorName::Silence => silence::MEANING,
                DetectorName::Novelty => novelty::meaning(finding),
                DetectorName::Input => input::meaning(finding),
                DetectorName::Rule => rule::MEANING,
            }
        }

        pub(super) fn next_step(finding: &Finding) -> Option<String> {
            if matches!(finding.evidence, Evidence::Storm(_)) {
                return None;
            }
            let place = in_words(&finding.key);
            match finding.detector {
                DetectorName::Loop => Some(r#loop::next_step(&place)),
                DetectorName::Burst => Some(burst::next_step(finding, &place)),
                DetectorName::Latency => latency::next_step(finding, &place),
                DetectorName::Spread => Some(spread::next_step(&place)),
                DetectorName::Silence => Some(silence::next_step(&place)),
                DetectorName::Novelty => Some(novelty::next_step(finding)),
                DetectorName::Input => Some(input::next_step(finding, &place)),
                DetectorName::Rule => None,
            }
        }
    };
}

mod details;
mod en;
pub mod quantity;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod words;
mod zh;

use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::finding::{DetectorName, Evidence, Finding, Key, Measured, NearMiss, Severity};
use crate::engine::situation::JoinReason;
use crate::plain::plain;
pub use details::details;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use words::{Words, fill};

/// The language of sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Chinese, in simplified characters.
    Zh,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The tag of the language for HTML (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// True for English, which findings do not name as their language.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The fixed words of reports and messages.
    #[must_use]
    pub const fn words(self) -> &'static Words {
        match self {
            Self::En => &en::words::WORDS,
            Self::Zh => &zh::words::WORDS,
        }
    }

    /// The name of a severity for people.
    #[must_use]
    pub const fn severity(self, severity: Severity) -> &'static str {
        match self {
            Self::En => severity.name(),
            Self::Zh => zh::words::severity(severity),
        }
    }

    /// The name of a member of a key for people: `module`, `host`.
    #[must_use]
    pub fn member(self, name: &str) -> &str {
        match self {
            Self::En => name,
            Self::Zh => zh::words::member(name),
        }
    }
}

/// The data that a summary is made from.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The detector that found it.
    pub detector: DetectorName,
    /// The kind of finding.
    pub kind: &'a str,
    /// The key of the incident.
    pub key: &'a Key,
    /// What was measured.
    pub measured: &'a Measured,
    /// The evidence that only this detector has.
    pub evidence: &'a Evidence,
}

/// The data that the title of a situation is made from.
#[derive(Clone, Debug)]
pub struct SituationStory<'a> {
    /// The name of the cause or of the first place; none of an incident that has no place.
    pub place: Option<&'a str>,
    /// The module of a place that is a host, or the like, on which failures sit.
    pub module_of_place: Option<&'a str>,
    /// What is said there, or of it.
    pub text: &'a str,
    /// Why it is taken for the cause.
    pub cause: CauseOfSituation,
    /// The other modules and hosts.
    pub others: Vec<&'a str>,
    /// All of it is about failures, and not about slowness or silence.
    pub are_failures: bool,
    /// How often it has come back, and the seconds from one beginning to the next.
    pub returns: u32,
    /// See `returns`.
    pub period_s: Option<f64>,
}

/// Why a place is taken for the cause of a situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseOfSituation {
    /// The errors of others name it.
    Named,
    /// It began there.
    First,
}

/// The full explanation of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Paragraphs of one or more sentences.
    pub paragraphs: Vec<String>,
    /// Quoted log lines, as pairs of heading and lines.
    pub quotes: Vec<(String, Vec<String>)>,
    /// The incident's id, as text.
    pub reference: String,
}

/// A short explanation: only what the summary, the key and the quoted lines do not already say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InShort {
    /// What the finding means, and how far the value is from the usual one.
    pub meaning: String,
    /// The recommended first step.
    pub next_step: Option<String>,
    /// How unlikely the observation is by chance.
    pub odds: Option<String>,
}

/// A finding in one sentence, as it reads while its incident is open: what, where, how bad, and
/// the error's own text.
#[must_use]
pub fn summary(language: Language, subject: &Subject<'_>) -> String {
    match language {
        Language::En => en::summary(subject),
        Language::Zh => zh::summary(subject),
    }
}

/// The prefix of that sentence once the incident has ended after so many seconds.
#[must_use]
pub fn ending(language: Language, seconds: f64) -> String {
    // Findings hold three digits: what is read back must give the same text.
    let seconds = crate::engine::finding::round(seconds, 3);
    match language {
        Language::En => en::ending(seconds),
        Language::Zh => zh::ending(seconds),
    }
}

/// A value of the key that the sentence lacks, as it is added to it.
#[must_use]
pub fn aside(language: Language, value: &str) -> String {
    match language {
        Language::En => format!(" ({value})"),
        Language::Zh => format!("（{value}）"),
    }
}

/// The remedy, where it depends on the detector alone.
#[must_use]
pub fn remedy(language: Language, detector: DetectorName, kind: &str) -> Option<String> {
    let remedy = match language {
        Language::En => en::remedy(detector, kind),
        Language::Zh => zh::remedy(detector, kind),
    };
    remedy.map(str::to_owned)
}

/// The title of a situation: what is wrong, where, and who else is affected.
#[must_use]
pub fn situation_title(language: Language, story: &SituationStory<'_>) -> String {
    match language {
        Language::En => en::situation::title(story),
        Language::Zh => zh::situation::title(story),
    }
}

/// Why an incident belongs to its situation.
#[must_use]
pub fn situation_reason(language: Language, reason: &JoinReason) -> String {
    match language {
        Language::En => en::situation::reason(reason),
        Language::Zh => zh::situation::reason(reason),
    }
}

/// What a detector judges, and from when on.
#[must_use]
pub fn judged(language: Language, judged: &JudgedFrom) -> String {
    match language {
        Language::En => en::judged::begins(judged),
        Language::Zh => zh::judged::begins(judged),
    }
}

/// From which time on what was judged, of what could not be from the first line on; without a time
/// it was not judged at all.
#[must_use]
pub fn judged_from(language: Language, parts: &[(Judged, Option<String>)]) -> String {
    match language {
        Language::En => en::judged::judged_from(parts),
        Language::Zh => zh::judged::judged_from(parts),
    }
}

/// The meaning of this kind of finding.
#[must_use]
pub fn meaning(language: Language, finding: &Finding) -> &'static str {
    match language {
        Language::En => en::meaning(finding),
        Language::Zh => zh::meaning(finding),
    }
}

/// The recommended first step as a complete sentence; none where the detector gives no advice.
#[must_use]
pub fn next_step(language: Language, finding: &Finding) -> Option<String> {
    match language {
        Language::En => en::next_step(finding),
        Language::Zh => zh::next_step(finding),
    }
}

/// One line with the numbers: what was seen, in how long a time, and what is usual. Empty where
/// there is nothing but the event itself.
#[must_use]
pub fn numbers(language: Language, finding: &Finding) -> String {
    match language {
        Language::En => en::evidence::numbers(finding),
        Language::Zh => zh::evidence::numbers(finding),
    }
}

/// The full explanation of a finding.
#[must_use]
pub fn explanation(language: Language, finding: &Finding) -> Explanation {
    match language {
        Language::En => en::explanation::whole(finding),
        Language::Zh => zh::explanation::whole(finding),
    }
}

/// What the page shows below an incident's summary. For a rule only its count is shown, because the
/// summary is in the rule's own words.
#[must_use]
pub fn in_short(language: Language, finding: &Finding) -> InShort {
    match language {
        Language::En => en::explanation::in_short(finding),
        Language::Zh => zh::explanation::in_short(finding),
    }
}

/// One line for a near miss, with the reason why no incident was opened.
#[must_use]
pub fn near_miss(language: Language, near: &NearMiss) -> String {
    match language {
        Language::En => en::near_miss::line(near),
        Language::Zh => zh::near_miss::line(near),
    }
}

/// Most characters of a quoted text in a sentence.
const QUOTED_CHARACTERS: usize = 160;

/// A text of the stream as a sentence quotes it: its first line, of at most
/// [`QUOTED_CHARACTERS`], which ends between two words, so that no word of it is shown in part.
fn quoted(text: &str) -> Option<String> {
    let line = text.trim().lines().next()?.trim_end();
    let Some((end, _)) = line.char_indices().nth(QUOTED_CHARACTERS) else {
        return (!line.is_empty()).then(|| format!("“{line}”"));
    };
    // Scripts without blanks have a word's end at each character.
    let is_end = |c: char| c.is_whitespace() || !c.is_ascii();
    let end = line[..end].rfind(is_end).unwrap_or(0);
    (end > 0).then(|| format!("“{} …”", line[..end].trim_end()))
}

/// The first example line of a finding, quoted.
fn example(evidence: &Evidence) -> Option<String> {
    evidence.quote().and_then(quoted)
}

/// How long something lasted, with no more digits than a person wants: `0.57 s`, `4.1 s`, `3 min`.
fn lasting(language: Language, seconds: f64) -> String {
    let shown = match seconds {
        ..1.0 => seconds,
        ..10.0 => (seconds * 10.0).round() / 10.0,
        _ => seconds.round(),
    };
    language.duration(shown)
}

/// How large a share is, in percent with two digits: `11`, `0.4`.
fn percent(share: f64) -> String {
    quantity::number(crate::engine::finding::significant(share * 100.0))
}

/// A number of events in a window as a rate, where it is at least once a day: how many, and in
/// which unit of time.
fn usual_rate(expected: f64, window_s: f64) -> Option<(f64, usize)> {
    if !(expected > 0.0 && window_s > 0.0) {
        return None;
    }
    let (value, per) = quantity::paced(expected / window_s);
    let value = if value >= 9.5 { value.round() } else { crate::engine::finding::significant(value) };
    (value >= 1.0).then_some((value, per))
}

/// The observed value by the usual one, rounded to what a person wants; none where next to nothing
/// is usual.
fn ratio(observed: f64, usual: f64) -> Option<f64> {
    let ratio = observed / usual;
    let round = |ratio: f64| match ratio {
        ..9.5 => (ratio * 10.0).round() / 10.0,
        ..99.5 => ratio.round(),
        _ => crate::engine::finding::significant(ratio),
    };
    (usual > 0.0 && ratio < 1e6).then(|| if ratio >= 1.95 { round(ratio) } else { ratio })
}

/// `2026-03-02 08:41:12 UTC`
fn utc(time: crate::event::Timestamp) -> String {
    let time = time.to_string();
    format!("{} {} UTC", &time[..10.min(time.len())], time.get(11..19).unwrap_or_default())
}

/// `text`, ending with a full stop.
fn sentence(text: &str, stop: char) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', '…', '。', '！', '？']) { text.to_owned() } else { format!("{text}{stop}") }
}

/// Most quoted lines per list, the newest ones.
const LINES: usize = 8;

/// The context and the examples of a finding, under these headings.
fn quotes(finding: &Finding, led_up: &str, looks_like: &str) -> Vec<(String, Vec<String>)> {
    let last = |lines: &[String]| lines[lines.len().saturating_sub(LINES)..].iter().map(|line| plain(line)).collect();
    [(led_up, &*finding.context), (looks_like, finding.evidence.examples())]
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(heading, lines)| (heading.to_owned(), last(lines)))
        .collect()
}
