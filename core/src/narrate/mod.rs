//! Every sentence about findings that a person reads: on events, in the log, on the page, in
//! reports, explanations and alerts. Findings are data. Their words are here and nowhere else, and
//! no code parses them.
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
    /// All languages.
    pub const ALL: [Self; 1] = [Self::En];
}

/// The data of a summary.
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

/// The first thing to do about an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// A sentence of its own.
    pub sentence: String,
    /// Words that follow "look at".
    pub short: String,
}

/// A finding, as far as it can be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Sentences that belong together.
    pub paragraphs: Vec<String>,
    /// Lines of the stream, each list below a heading.
    pub quotes: Vec<(String, Vec<String>)>,
    /// Which incident it is.
    pub reference: String,
}

/// The explanation without what the summary, the key and the lines say already.
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

/// The words before that sentence once the incident has ended, after so many events and seconds.
#[must_use]
pub fn ending(language: Language, events: u64, seconds: f64) -> String {
    match language {
        Language::En => en::ending(events, seconds),
    }
}

/// What to do, where the detector alone determines it.
#[must_use]
pub fn remedy(language: Language, detector: DetectorName, kind: &str) -> Option<String> {
    match language {
        Language::En => en::remedy(detector, kind).map(str::to_owned),
    }
}

/// What this kind of finding means.
#[must_use]
pub fn meaning(language: Language, finding: &Finding) -> &'static str {
    match language {
        Language::En => en::meaning(finding),
    }
}

/// What to check first; none where the detector has no advice.
#[must_use]
pub fn next_step(language: Language, finding: &Finding) -> Option<NextStep> {
    match language {
        Language::En => en::next_step(finding),
    }
}

/// What was observed, what was expected, by which test, on how many samples. Spaces at which a line
/// must not break are [`quantity::JOINT`].
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

/// A finding as one person would explain it to another.
#[must_use]
pub fn explanation(language: Language, finding: &Finding) -> Explanation {
    match language {
        Language::En => en::explanation::whole(finding),
    }
}

/// What the page says besides an incident's summary. A rule that matched one event needs no
/// explanation.
#[must_use]
pub fn in_short(language: Language, finding: &Finding) -> InShort {
    match language {
        Language::En => en::explanation::in_short(finding),
    }
}

/// A near miss, and why it is no incident.
#[must_use]
pub fn near_miss(language: Language, near: &NearMiss) -> String {
    match language {
        Language::En => en::near_miss::line(near),
    }
}
