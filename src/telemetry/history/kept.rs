//! One incident as the page shows it.

use super::incidents::Filter;
use super::severity_named;
use crate::engine::finding::{Finding, InSituation, State};
use crate::narrate::{self, InShort};
use crate::terminal::layout::clip;
use serde::Serialize;

/// Most bytes of an incident's log lines.
const LINE_BYTES: usize = 2 << 10;

/// The size of an incident without its texts, in bytes: the struct, its index entries, the
/// allocator's overhead.
const OWN_BYTES: usize = size_of::<KeptIncident>() + 512;
/// Most characters of a detail.
const DETAIL_CHARACTERS: usize = 200;
/// The overhead of a text, in bytes.
const TEXT_BYTES: usize = size_of::<String>() + 16;

/// An incident.
#[derive(Clone, Debug, Serialize)]
pub struct KeptIncident {
    pub(super) serial: u64,
    pub(super) id: String,
    detector: &'static str,
    kind: String,
    rule: Option<String>,
    pub(super) state: State,
    pub(super) severity: &'static str,
    respond_within: Option<String>,
    key: Vec<(String, String)>,
    opened_ms: i64,
    /// When the latest finding was made, in milliseconds since the Unix epoch.
    said_ms: i64,
    duration_s: Option<f64>,
    count: u64,
    summary: String,
    silenced: bool,
    /// The evidence in words.
    evidence: String,
    /// The explanation, in sentences.
    told: InShort,
    /// The evidence in numbers, and what is specific to the detector.
    details: Vec<(String, String)>,
    cause: Option<String>,
    remedy: Option<String>,
    /// The line of the event that showed the incident first.
    line: Option<String>,
    /// The lines of a loop, or examples of the events.
    example: Vec<String>,
    /// The lines before the incident.
    context: Vec<String>,
    /// The incidents with one cause that it belongs to, where those are several.
    situation: Option<InSituation>,
    /// Whether lines and numbers were dropped to make room for other incidents.
    forgotten: bool,
    #[serde(skip)]
    pub(super) revision: u64,
    #[serde(skip)]
    pub(super) bytes: usize,
}

/// An incident as a row of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'a> {
    serial: u64,
    id: &'a str,
    detector: &'static str,
    kind: &'a str,
    rule: Option<&'a str>,
    state: State,
    severity: &'static str,
    opened_ms: i64,
    said_ms: i64,
    duration_s: Option<f64>,
    count: u64,
    summary: &'a str,
    silenced: bool,
}

impl KeptIncident {
    pub(super) fn new(serial: u64, finding: &Finding, line: Option<&str>) -> Self {
        let mut room = LINE_BYTES;
        let mut cut = |text: &str| {
            let kept: String = clip(text, room.min(600));
            room = room.saturating_sub(kept.len());
            kept
        };
        let line = line.map(&mut cut);
        let examples = finding.evidence.examples().iter().take(16);
        let example = examples.map(|line| cut(line)).filter(|line| line.len() > 3).collect();
        // The latest lines are the most relevant, so they get the room first.
        let mut context: Vec<String> =
            finding.context.iter().rev().take(20).map(|line| cut(line)).filter(|line| line.len() > 3).collect();
        context.reverse();
        Self {
            serial,
            id: finding.id.clone(),
            detector: finding.detector.name(),
            kind: finding.kind.clone(),
            rule: finding.rule.clone(),
            state: State::Open,
            severity: finding.severity.name(),
            respond_within: None,
            key: finding.key.0.clone(),
            opened_ms: finding.opened_at.0 / 1_000_000,
            said_ms: 0,
            duration_s: None,
            count: 0,
            summary: String::new(),
            silenced: false,
            evidence: String::new(),
            told: InShort::default(),
            details: Vec::new(),
            cause: finding.cause.clone(),
            remedy: finding.remedy.clone(),
            line,
            example,
            context,
            situation: None,
            forgotten: false,
            revision: 0,
            bytes: 0,
        }
    }

    /// The approximate size in bytes.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.id, &self.kind, &self.summary, &self.evidence, &self.told.meaning];
        let maybe = [
            &self.rule,
            &self.respond_within,
            &self.cause,
            &self.remedy,
            &self.line,
            &self.told.next_step,
            &self.told.odds,
        ];
        let pairs = self.key.iter().chain(&self.details).flat_map(|(name, value)| [name, value]);
        let told = self
            .situation
            .iter()
            .flat_map(|told| [&told.id, &told.title, &told.reason].into_iter().chain(&told.places));
        let texts = texts.into_iter().chain(maybe.into_iter().flatten()).chain(pairs).chain(told);
        let all = texts.chain(&self.example).chain(&self.context).map(|text| text.capacity() + TEXT_BYTES);
        OWN_BYTES + all.sum::<usize>()
    }

    /// Drops lines and numbers. The summary, the explanation and its certainty remain.
    pub(super) fn forget_lines(&mut self) {
        self.forgotten = true;
        self.line = None;
        (self.example, self.context, self.details) = (Vec::new(), Vec::new(), Vec::new());
        (self.told.next_step, self.evidence) = (None, String::new());
    }

    pub(super) fn update(&mut self, finding: &Finding, silenced: bool) {
        self.state = finding.state;
        self.severity = finding.severity.name();
        self.respond_within.clone_from(&finding.respond_within);
        self.said_ms = finding.said_at.0 / 1_000_000;
        self.count = finding.count;
        self.silenced = silenced;
        // Only some findings have these members; the last known value is kept.
        for (known, later) in [(&mut self.cause, &finding.cause), (&mut self.remedy, &finding.remedy)] {
            if later.is_some() {
                known.clone_from(later);
            }
        }
        self.duration_s = finding.duration_s.or(self.duration_s);
        self.situation =
            finding.situation.clone().filter(|situation| situation.incidents > 1).or(self.situation.take());
        // The page shows the duration and the number of events apart from the sentence.
        self.summary.clone_from(&finding.summary.sentence);
        self.evidence = narrate::numbers(finding.language, finding);
        self.told = narrate::in_short(finding.language, finding);
        let details = narrate::details(finding.language, finding).into_iter();
        self.details = details.map(|(name, value)| (name, clip(&value, DETAIL_CHARACTERS))).collect();
    }

    /// The rank in a list: open incidents by severity, then resolved ones regardless of severity.
    pub(super) fn rank(&self) -> u8 {
        match severity_named(self.severity) {
            _ if self.state == State::Resolved => 3,
            Some(severity) => 2 - severity as u8,
            None => 2,
        }
    }

    pub(super) fn row(&self) -> Row<'_> {
        Row {
            serial: self.serial,
            id: &self.id,
            detector: self.detector,
            kind: &self.kind,
            rule: self.rule.as_deref(),
            state: self.state,
            severity: self.severity,
            opened_ms: self.opened_ms,
            said_ms: self.said_ms,
            duration_s: self.duration_s,
            count: self.count,
            summary: &self.summary,
            silenced: self.silenced,
        }
    }

    pub(super) fn passes(&self, filter: &Filter, words: &[String]) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let ended = if self.state == State::Resolved { "ended" } else { "open" };
        is(&filter.state, ended)
            && is(&filter.severity, self.severity)
            && is(&filter.detector, self.detector)
            && filter.from_ms.is_none_or(|from| self.opened_ms >= from)
            && filter.to_ms.is_none_or(|to| self.opened_ms < to)
            && (words.is_empty() || self.holds(words))
    }

    /// Whether every word occurs in the texts.
    fn holds(&self, words: &[String]) -> bool {
        let rule = self.rule.as_deref().unwrap_or_default();
        let mut text = format!("{} {} {} {rule} {}", self.summary, self.detector, self.kind, self.id);
        self.key.iter().for_each(|(_, value)| text.extend([" ", value]));
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }
}
