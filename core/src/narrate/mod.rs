//! Every sentence about findings that a person reads: on events, in the log, on the page, in
//! reports, explanations and alerts. Findings are data; their wording is defined only here, and no
//! code parses it.
//!
//! A language is a folder with a file for each detector (`en/loop.rs`, …), and one more arm of each
//! function here. Numbers and units are the same in all languages (`quantity.rs`).

mod en;
pub mod quantity;

use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::engine::finding::{DetectorName, Evidence, Finding, Key, Measured, NearMiss};
use crate::engine::situation::JoinReason;

/// The language of sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    En,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 1] = [Self::En];
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

/// The recommended first step for an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// A complete sentence.
    pub sentence: String,
    /// The step as it follows the label "look at".
    pub short: String,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct InShort {
    /// What the finding means, and how far the value is from the usual one.
    pub meaning: String,
    /// The recommended first step.
    pub look_at: Option<String>,
    /// How unlikely the observation is by chance.
    pub odds: Option<String>,
}

/// A finding in one sentence, as it reads while its incident is open.
#[must_use]
pub fn summary(language: Language, subject: &Subject<'_>) -> String {
    match language {
        Language::En => en::summary(subject),
    }
}

/// The prefix of that sentence once the incident has ended: after how many events and seconds.
#[must_use]
pub fn ending(language: Language, events: u64, seconds: f64) -> String {
    match language {
        Language::En => en::ending(events, seconds),
    }
}

/// The remedy, where it depends on the detector alone.
#[must_use]
pub fn remedy(language: Language, detector: DetectorName, kind: &str) -> Option<String> {
    match language {
        Language::En => en::remedy(detector, kind).map(str::to_owned),
    }
}

/// The title of a situation: what is wrong, where, and who else is affected.
#[must_use]
pub fn situation_title(language: Language, story: &SituationStory<'_>) -> String {
    match language {
        Language::En => en::situation::title(story),
    }
}

/// Why an incident belongs to its situation.
#[must_use]
pub fn situation_reason(language: Language, reason: &JoinReason) -> String {
    match language {
        Language::En => en::situation::reason(reason),
    }
}

/// What a detector judges, and from when on.
#[must_use]
pub fn judged(language: Language, judged: &JudgedFrom) -> String {
    match language {
        Language::En => en::judged::begins(judged),
    }
}

/// From which time on what was judged, of what could not be from the first line on; without a time
/// it was not judged at all.
#[must_use]
pub fn judged_from(language: Language, parts: &[(Judged, Option<String>)]) -> String {
    match language {
        Language::En => en::judged::judged_from(parts),
    }
}

/// The meaning of this kind of finding.
#[must_use]
pub fn meaning(language: Language, finding: &Finding) -> &'static str {
    match language {
        Language::En => en::meaning(finding),
    }
}

/// The recommended first step; none where the detector gives no advice.
#[must_use]
pub fn next_step(language: Language, finding: &Finding) -> Option<NextStep> {
    match language {
        Language::En => en::next_step(finding),
    }
}

/// One line with the observed and the expected value, the test and the number of samples. Spaces at
/// which the line must not break are [`quantity::JOINT`].
#[must_use]
pub fn evidence(language: Language, measured: &Measured) -> String {
    match language {
        Language::En => en::evidence::in_a_line(measured),
    }
}

/// The evidence as names and values, the most important first.
#[must_use]
pub fn details(language: Language, finding: &Finding) -> Vec<(String, String)> {
    match language {
        Language::En => en::evidence::details(finding),
    }
}

/// The full explanation of a finding.
#[must_use]
pub fn explanation(language: Language, finding: &Finding) -> Explanation {
    match language {
        Language::En => en::explanation::whole(finding),
    }
}

/// What the page shows below an incident's summary. For a rule only its count is shown, because the
/// summary is in the rule's own words.
#[must_use]
pub fn in_short(language: Language, finding: &Finding) -> InShort {
    match language {
        Language::En => en::explanation::in_short(finding),
    }
}

/// One line for a near miss, with the reason why no incident was opened.
#[must_use]
pub fn near_miss(language: Language, near: &NearMiss) -> String {
    match language {
        Language::En => en::near_miss::line(near),
    }
}
