//! Every sentence about findings that a person reads: on events, in the log, on the page, in
//! reports, explanations and alerts. Findings are data; their words are here and nowhere else, and
//! nobody reads them back.
//!
//! A language is a folder with a file for each detector (`en/loop.rs`, …), and one more arm of each
//! function here. Numbers and units are the same in all (`quantity.rs`).

mod en;
pub mod quantity;

use crate::engine::finding::{DetectorName, Evidence, Finding, Key, Measured, NearMiss};

/// The language of sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    En,
}

impl Language {
    /// Every one.
    pub const ALL: [Self; 1] = [Self::En];
}

/// What a summary is made of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Who found it.
    pub detector: DetectorName,
    /// What exactly.
    pub kind: &'a str,
    /// Whose incident it is.
    pub key: &'a Key,
    /// What was measured.
    pub measured: &'a Measured,
    /// What only this detector says.
    pub evidence: &'a Evidence,
}

/// The first thing to do about an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// In a sentence of its own.
    pub sentence: String,
    /// Behind the words "look at".
    pub short: String,
}

/// All that there is to say of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Sentences that belong together.
    pub paragraphs: Vec<String>,
    /// Lines of the stream, each list below a heading.
    pub quotes: Vec<(String, Vec<String>)>,
    /// Which incident it is.
    pub reference: String,
}

/// The explanation without what summary, key and lines say already.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct InShort {
    /// What it means, and how much more than usual it is.
    pub meaning: String,
    /// What to look at first.
    pub look_at: Option<String>,
    /// How sure it is.
    pub odds: Option<String>,
}

/// A finding in one sentence, while its incident goes on.
#[must_use]
pub fn summary(language: Language, subject: &Subject<'_>) -> String {
    match language {
        Language::En => en::summary(subject),
    }
}

/// What stands in front of that sentence once the incident has ended, after so many events and
/// seconds.
#[must_use]
pub fn ending(language: Language, events: u64, seconds: f64) -> String {
    match language {
        Language::En => en::ending(events, seconds),
    }
}

/// What to do, where the detector alone knows it.
#[must_use]
pub fn remedy(language: Language, detector: DetectorName) -> Option<String> {
    match language {
        Language::En => en::remedy(detector).map(str::to_owned),
    }
}

/// What this kind of finding means.
#[must_use]
pub fn meaning(language: Language, finding: &Finding) -> &'static str {
    match language {
        Language::En => en::meaning(finding),
    }
}

/// What to look at first; none where there is nothing to say.
#[must_use]
pub fn next_step(language: Language, finding: &Finding) -> Option<NextStep> {
    match language {
        Language::En => en::next_step(finding),
    }
}

/// What was observed, what was expected, by which test, on how many samples. Spaces at which the
/// line may not break are [`quantity::JOINT`].
#[must_use]
pub fn evidence(language: Language, measured: &Measured) -> String {
    match language {
        Language::En => en::evidence::in_a_line(measured),
    }
}

/// Evidence as names and values, in the order in which a person asks.
#[must_use]
pub fn details(language: Language, finding: &Finding) -> Vec<(String, String)> {
    match language {
        Language::En => en::evidence::details(finding),
    }
}

/// A finding as one person would tell it to another.
#[must_use]
pub fn explanation(language: Language, finding: &Finding) -> Explanation {
    match language {
        Language::En => en::explanation::whole(finding),
    }
}

/// What a page says beside an incident's summary. Of a rule that matched one event there is nothing
/// to explain.
#[must_use]
pub fn in_short(language: Language, finding: &Finding) -> InShort {
    match language {
        Language::En => en::explanation::in_short(finding),
    }
}

/// What was nearly an incident, and why it is none.
#[must_use]
pub fn near_miss(language: Language, near: &NearMiss) -> String {
    match language {
        Language::En => en::near_miss::line(near),
    }
}
