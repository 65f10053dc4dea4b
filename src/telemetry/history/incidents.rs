//! Incidents as the page shows them: the newest state of each, the lines that tell of it, in order of their opening.

use super::severity_named;
use crate::engine::finding::{DetectorName, Finding, State};
use crate::explain::{InShort, in_short};
use crate::prose;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most incidents; ended ones are forgotten first.
const MOST: usize = 10_000;
/// Most bytes of all lines of an incident.
const LINE_BYTES: usize = 2 << 10;

/// All that are kept.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    /// By the number of their opening.
    kept: BTreeMap<u64, Kept>,
    by_id: HashMap<String, u64>,
    ended: BTreeSet<u64>,
    /// Which incident changed last, by revision: each incident is here once.
    changes: BTreeMap<u64, u64>,
    opened: u64,
    revision: u64,
    open_by_severity: [u64; 3],
    opened_by_detector: [u64; DetectorName::ALL.len()],
}

/// An incident.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    serial: u64,
    id: String,
    detector: &'static str,
    kind: String,
    rule: Option<String>,
    state: State,
    severity: &'static str,
    respond_within: Option<String>,
    key: Vec<(String, String)>,
    opened_ms: i64,
    /// When it was said last.
    said_ms: i64,
    duration_s: Option<f64>,
    count: u64,
    summary: String,
    silenced: bool,
    /// Evidence in words.
    evidence: String,
    /// What it means, in sentences.
    told: InShort,
    /// Evidence in numbers, and what only this detector says.
    details: Vec<(String, String)>,
    cause: Option<String>,
    remedy: Option<String>,
    /// The line of the event that showed it first.
    line: Option<String>,
    /// Lines that go round, or stand for the others.
    example: Vec<String>,
    /// Lines that led up to it.
    context: Vec<String>,
    #[serde(skip)]
    revision: u64,
}

/// An incident in a list.
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

/// Which incidents, in the words of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `open` for those that have not ended, `ended` for the others.
    pub state: Option<String>,
    /// A severity's name.
    pub severity: Option<String>,
    /// A detector's name.
    pub detector: Option<String>,
    /// Words, each of which occurs in summary, key, detector or kind.
    pub words: String,
    /// Opened at or after this, milliseconds since the Unix epoch.
    pub from_ms: Option<i64>,
    /// Opened before this.
    pub to_ms: Option<i64>,
    /// Only those before this one in the list.
    pub before: Option<u64>,
    /// The open ones first, the worst of them before the others; otherwise the newest first.
    pub worst_first: bool,
    /// Without so many at the list's begin.
    pub offset: usize,
    /// How many.
    pub limit: Option<usize>,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub(super) struct List<'a> {
    /// How many pass the filter, those of other parts included.
    matched: usize,
    /// How many are kept.
    kept: usize,
    /// Up to which change this is true.
    revision: u64,
    incidents: Vec<Row<'a>>,
}

impl Incidents {
    pub(super) fn take(&mut self, finding: &Finding, line: Option<&str>, silenced: bool) {
        self.revision += 1;
        let serial = match self.by_id.get(&finding.id) {
            Some(serial) => *serial,
            None => self.insert(finding, line),
        };
        let Some(kept) = self.kept.get_mut(&serial) else { return };
        let (severity, was) = (finding.severity, severity_named(kept.severity));
        if kept.state != State::Resolved {
            was.into_iter().for_each(|was| self.open_by_severity[was as usize] -= 1);
        }
        if finding.state == State::Resolved {
            self.ended.insert(serial);
        } else {
            self.open_by_severity[severity as usize] += 1;
            self.ended.remove(&serial);
        }
        self.changes.remove(&kept.revision);
        self.changes.insert(self.revision, serial);
        kept.revision = self.revision;
        kept.update(finding, silenced);
    }

    fn insert(&mut self, finding: &Finding, line: Option<&str>) -> u64 {
        self.opened += 1;
        let serial = self.opened;
        self.opened_by_detector[finding.detector as usize] += 1;
        self.open_by_severity[finding.severity as usize] += 1;
        if self.kept.len() >= MOST {
            let oldest = self.ended.first().or_else(|| self.kept.keys().next()).copied();
            oldest.into_iter().for_each(|serial| self.forget(serial));
        }
        self.by_id.insert(finding.id.clone(), serial);
        self.kept.insert(serial, Kept::new(serial, finding, line));
        serial
    }

    fn forget(&mut self, serial: u64) {
        self.ended.remove(&serial);
        let Some(kept) = self.kept.remove(&serial) else { return };
        self.by_id.remove(&kept.id);
        self.changes.remove(&kept.revision);
        if kept.state != State::Resolved {
            severity_named(kept.severity).into_iter().for_each(|was| self.open_by_severity[was as usize] -= 1);
        }
    }

    pub(super) fn list(&self, filter: &Filter) -> List<'_> {
        let words: Vec<String> = filter.words.split_whitespace().map(str::to_lowercase).collect();
        let passes = |kept: &&Kept| kept.passes(filter, &words);
        let limit = filter.limit.unwrap_or(100).min(500);
        let before = filter.before.unwrap_or(u64::MAX);
        let mut passed: Vec<&Kept> = self.kept.values().rev().filter(passes).collect();
        let matched = passed.len();
        if filter.worst_first {
            // A stable order: of what is alike the newest stays first.
            passed.sort_by_key(|kept| kept.rank());
        }
        let wanted = passed.into_iter().filter(|kept| kept.serial < before).skip(filter.offset).take(limit);
        List { matched, kept: self.kept.len(), revision: self.revision, incidents: wanted.map(Kept::row).collect() }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Kept> {
        self.kept.get(self.by_id.get(id)?)
    }

    /// The incidents that changed after `revision`, newest change first.
    pub(super) fn changed_since(&self, revision: u64, most: usize) -> Vec<Row<'_>> {
        let after = self.changes.range(revision + 1..).rev();
        after.take(most).filter_map(|(_, serial)| self.kept.get(serial)).map(Kept::row).collect()
    }

    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn open_by_severity(&self) -> [u64; 3] {
        self.open_by_severity
    }

    pub(super) fn opened_by_detector(&self) -> [u64; DetectorName::ALL.len()] {
        self.opened_by_detector
    }
}

impl Kept {
    fn new(serial: u64, finding: &Finding, line: Option<&str>) -> Self {
        let mut room = LINE_BYTES;
        let mut cut = |text: &str| {
            let kept: String = prose::clip(text, room.min(600));
            room = room.saturating_sub(kept.len());
            kept
        };
        let line = line.map(&mut cut);
        let example = prose::examples(&finding.evidence).take(16).map(&mut cut).filter(|line| line.len() > 3).collect();
        // The last lines are the nearest.
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
            revision: 0,
        }
    }

    fn update(&mut self, finding: &Finding, silenced: bool) {
        self.state = finding.state;
        self.severity = finding.severity.name();
        self.respond_within.clone_from(&finding.respond_within);
        self.said_ms = finding.said_at.0 / 1_000_000;
        self.count = finding.count;
        self.silenced = silenced;
        let more = &finding.evidence.more;
        self.duration_s = more.get("duration_s").and_then(serde_json::Value::as_f64).or(self.duration_s);
        // How long it took and how many events are told apart from the sentence.
        let ended = finding.state == State::Resolved && finding.summary.starts_with("ended after ");
        let summary =
            if ended { finding.summary.split_once(": ").map_or("", |(_, rest)| rest) } else { &finding.summary };
        summary.clone_into(&mut self.summary);
        self.evidence = prose::evidence(&finding.evidence);
        self.told = in_short(finding);
        self.details = details(finding);
    }

    /// Where it stands among others: open ones before those that have ended, whose severity no longer matters.
    fn rank(&self) -> u8 {
        match severity_named(self.severity) {
            _ if self.state == State::Resolved => 3,
            Some(severity) => 2 - severity as u8,
            None => 2,
        }
    }

    fn row(&self) -> Row<'_> {
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

    fn passes(&self, filter: &Filter, words: &[String]) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let ended = if self.state == State::Resolved { "ended" } else { "open" };
        is(&filter.state, ended)
            && is(&filter.severity, self.severity)
            && is(&filter.detector, self.detector)
            && filter.from_ms.is_none_or(|from| self.opened_ms >= from)
            && filter.to_ms.is_none_or(|to| self.opened_ms < to)
            && (words.is_empty() || self.holds(words))
    }

    /// Summaries hold every value of the key.
    fn holds(&self, words: &[String]) -> bool {
        let rule = self.rule.as_deref().unwrap_or_default();
        let text = format!("{} {} {} {rule} {}", self.summary, self.detector, self.kind, self.id).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// Evidence as names and values, in the order in which a person asks.
fn details(finding: &Finding) -> Vec<(String, String)> {
    let evidence = &finding.evidence;
    let mut details = vec![("observed".to_owned(), prose::quantity(evidence.observed, &evidence.unit))];
    let mut put = |name: &str, value: String| details.push((name.to_owned(), value));
    if let Some(p) = evidence.p_value {
        put("expected", prose::quantity(evidence.expected, &evidence.unit));
        put("test", evidence.test.clone());
        put("p value", format!("{p:e}"));
        put("threshold", format!("{:e}", evidence.threshold));
        put("samples", prose::thousands(evidence.samples));
    }
    if evidence.window_s > 0.0 {
        put("window", prose::duration(evidence.window_s));
    }
    put("score", format!("{:.2}", finding.score));
    for (name, value) in evidence.more.iter().filter(|(name, _)| *name != "example" && *name != "duration_s").take(12) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        put(&name.replace('_', " "), prose::clip(&value, 200));
    }
    details
}
