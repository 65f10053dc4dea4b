//! Collects the results of a replay in bounded memory, and makes the report at its end.

use super::document::{Audience, ClockReport, Drawn, FileReport, Group, Incident, Report, Rfc3339};
use super::heavy_hitters::{Counts, HeavyHitters};
use super::judged::JudgedTimes;
use super::merge::Line;
use super::offset::{Comparison, TraceTimes, compare};
use super::situations;
use super::source::LogSource;
use super::timeline::Timeline;
use super::unread::UnreadRoles;
use crate::engine::Tally;
use crate::engine::finding::{Finding, Severity, State};
use crate::engine::template::{TemplateId, TemplateMatch, Templates};
use crate::event::{Fault, Level, Role, Shape};
use crate::terminal::layout::without_control;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use xxhash_rust::xxh3::xxh3_64;

/// Most incidents that are kept; further ones are only counted.
const INCIDENTS: usize = 10_000;
/// Most bytes of kept incidents, approximately; further ones are only counted.
const INCIDENT_BYTES: usize = 32 << 20;
/// Most modules that are counted separately.
const MODULES: usize = 8_192;
/// Most templates that are counted separately.
const TEMPLATES: usize = 8_192;
/// How many modules and messages are listed.
const LISTED: usize = 10;
/// Most columns of the timeline in the HTML chart.
const PICTURE_COLUMNS: usize = 240;
/// How many silences are listed.
const GAPS: usize = 5;

/// Options of a report.
#[derive(Clone, Copy, Debug)]
pub struct ReportOptions {
    /// Most columns of the timeline.
    pub columns: usize,
    /// Most incidents that are listed.
    pub limit: usize,
    /// How long the replay took, in seconds.
    pub elapsed_s: f64,
}

/// The results so far.
#[derive(Debug)]
pub struct Summary {
    files: Vec<TraceTimes>,
    events: Vec<u64>,
    untimed: u64,
    unread: UnreadRoles,
    pub(super) judged: JudgedTimes,
    timeline: Timeline,
    modules: HeavyHitters,
    messages: HeavyHitters,
    incidents: HashMap<String, Incident>,
    /// The approximate bytes that the kept incidents took when they opened.
    incident_bytes: usize,
    opened: [u64; Severity::ALL.len()],
    rule_failure: Option<String>,
}

impl Summary {
    /// A summary of this many files.
    #[must_use]
    pub fn new(files: usize) -> Self {
        Self {
            files: vec![TraceTimes::default(); files],
            events: vec![0; files],
            untimed: 0,
            unread: UnreadRoles::new(files),
            judged: JudgedTimes::default(),
            timeline: Timeline::default(),
            modules: HeavyHitters::new(MODULES),
            messages: HeavyHitters::new(TEMPLATES),
            incidents: HashMap::new(),
            incident_bytes: 0,
            opened: [0; Severity::ALL.len()],
            rule_failure: None,
        }
    }

    /// Adds the analysis of missing roles.
    #[must_use]
    pub fn with_unread(mut self, unread: UnreadRoles) -> Self {
        self.unread = unread;
        self
    }

    /// Adds what detectors cannot judge from the first line on.
    #[must_use]
    pub fn with_judged(mut self, judged: JudgedTimes) -> Self {
        self.judged = judged;
        self
    }

    /// Counts a line whose template is `seen`, one of `templates`.
    pub fn line(&mut self, line: &Line<'_>, seen: TemplateMatch, templates: &Templates) {
        let parsed = line.fields.parsed();
        if matches!(parsed.shape, Shape::Own | Shape::Blank | Shape::Rest) {
            return;
        }
        self.events[line.source] += 1;
        self.untimed += u64::from(parsed.time.is_none() && parsed.fault.is_none());
        // A text line without a template continues a stack trace.
        let goes_on = parsed.shape == Shape::Text && parsed.masked_hash != 0 && seen.id == TemplateId::default();
        self.unread.line(line, !goes_on);
        if let Some(time) = parsed.time {
            self.files[line.source].event(time, line.fields.raw(Role::Trace).map(xxh3_64));
        }
        if let Some(place) = parsed.time.or(line.place) {
            self.timeline.event(place, parsed.level);
        }
        let (error, warning) = (parsed.level >= Some(Level::Error), parsed.level == Some(Level::Warn));
        if parsed.module_hash != 0 {
            let name = || without_control(&line.fields.text(Role::Module).unwrap_or_default());
            self.modules.count(parsed.module_hash, error, warning, name);
        }
        if seen.id != TemplateId::default() {
            let name = || without_control(templates.text(seen.id).unwrap_or_default());
            self.messages.count(seen.id.0, error, warning, name);
        }
    }

    /// Ends the counting: counts of templates that were merged since are added up.
    pub fn settle(&mut self, templates: &Templates) {
        self.messages.regroup(|id| {
            let root = templates.root(TemplateId(id));
            (root.0, templates.text(root).map(without_control))
        });
    }

    /// Takes a finding. An incident counts once, at its worst severity; one that is not kept counts
    /// at the severity with which it opened.
    pub fn finding(&mut self, finding: &Finding) {
        let room = self.incidents.len() < INCIDENTS && self.incident_bytes < INCIDENT_BYTES;
        if finding.state == State::Open {
            self.opened[finding.severity as usize] += 1;
        }
        match self.incidents.entry(finding.id.clone()) {
            Entry::Vacant(vacant) if room => {
                self.incident_bytes += bytes_of(finding);
                vacant.insert(Incident { finding: finding.clone(), duration_s: None });
            }
            Entry::Vacant(_) => {}
            Entry::Occupied(mut known) => {
                let before = known.get().finding.severity;
                known.get_mut().take(finding);
                if finding.severity > before {
                    self.opened[before as usize] -= 1;
                    self.opened[finding.severity as usize] += 1;
                }
            }
        }
    }

    /// Takes the error of a rule; only the first one is kept.
    pub fn rule_failed(&mut self, message: &str) {
        self.rule_failure.get_or_insert_with(|| without_control(message));
    }

    /// How many incidents opened and had at least this severity at some time.
    #[must_use]
    pub fn opened_at_least(&self, severity: Severity) -> u64 {
        self.opened[severity as usize..].iter().sum()
    }

    /// How the files' clocks differ.
    #[must_use]
    pub fn clocks(&self) -> Vec<Comparison> {
        compare(&self.files)
    }

    /// Makes the report. `clocks` were compared before any correction; `corrections`, in
    /// nanoseconds, were added to the files' times.
    #[must_use]
    pub fn report(
        self,
        sources: &[LogSource],
        tally: &Tally,
        clocks: &[Comparison],
        corrections: &[i64],
        options: ReportOptions,
    ) -> Report {
        let files: Vec<FileReport> = (0..sources.len())
            .map(|i| {
                let (given, range) = (&sources[i].given, self.files[i].range());
                FileReport {
                    name: without_control(&sources[i].name),
                    bytes: given.bytes,
                    lines: given.lines,
                    events: self.events[i],
                    first: range.map(|(first, _)| Rfc3339(first)),
                    last: range.map(|(_, last)| Rfc3339(last)),
                    damage: given.damage.clone(),
                    correction_s: corrections.get(i).copied().unwrap_or(0) as f64 / 1e9,
                }
            })
            .collect();
        let span = self.timeline.finish();
        let range = span.range();
        let lines = files.iter().map(|file| file.lines).sum();
        let total: u64 = self.opened.iter().sum();
        let mut incidents: Vec<Incident> = self.incidents.into_values().collect();
        let situations = situations::group(&mut incidents);
        let openings =
            incidents.iter().map(|incident| (incident.finding.opened_at, incident.finding.severity)).collect();
        incidents.truncate(options.limit);
        let by_events = |counts: &Counts| (counts.events, 0);
        let by_failures = |counts: &Counts| (counts.errors, counts.warnings);
        Report {
            version: env!("CARGO_PKG_VERSION"),
            reader: Audience::default(),
            clocks: clocks.iter().map(|found| clock_report(found, &files, corrections)).collect(),
            lines,
            events: self.events.iter().sum(),
            first: range.map(|(first, _)| Rfc3339(first)),
            last: range.map(|(_, last)| Rfc3339(last)),
            duration_s: range.map_or(0.0, |(first, last)| last.seconds_since(first)),
            outside: span.outside,
            untimed: self.untimed,
            unread: self.unread.told(&files.iter().map(|file| file.name.clone()).collect::<Vec<_>>()),
            files,
            judged: self.judged.told(),
            elapsed_s: options.elapsed_s,
            lines_per_s: lines as f64 / options.elapsed_s.max(1e-6),
            levels: Tally::LEVELS.into_iter().zip(tally.events).filter(|(_, count)| *count > 0).collect(),
            faults: Fault::ALL.map(Fault::name).into_iter().zip(tally.faults).filter(|(_, count)| *count > 0).collect(),
            rule_failure: self.rule_failure,
            timeline: Drawn(span.columns(options.columns)),
            fine: Drawn(span.columns(PICTURE_COLUMNS)),
            opened: Severity::ALL.map(Severity::name).into_iter().zip(self.opened).collect(),
            incidents_omitted: total.saturating_sub(incidents.len() as u64),
            incidents,
            situations,
            openings,
            modules: groups(self.modules.top(LISTED, by_events)),
            modules_total: self.modules.len(),
            messages: groups(self.messages.top(LISTED, by_events)),
            failures: groups(self.messages.top(LISTED, by_failures)),
            counts_exact: self.modules.is_exact() && self.messages.is_exact(),
            gaps: span.gaps(GAPS).into_iter().map(Into::into).collect(),
        }
    }
}

impl Incident {
    /// Updates the incident. The duration in a resolution's summary has a member of its own here.
    fn take(&mut self, later: &Finding) {
        let known = &mut self.finding;
        known.state = later.state;
        known.severity = known.severity.max(later.severity);
        known.count = later.count;
        known.score = later.score;
        // Only some findings have these members; the last known value is kept.
        for (known, later) in [(&mut known.cause, &later.cause), (&mut known.remedy, &later.remedy)] {
            if later.is_some() {
                known.clone_from(later);
            }
        }
        if !later.context.is_empty() {
            known.context.clone_from(&later.context);
        }
        known.respond_within.clone_from(&later.respond_within);
        known.measured.clone_from(&later.measured);
        known.evidence.clone_from(&later.evidence);
        known.explained_by.clone_from(&later.explained_by);
        if later.situation.is_some() {
            known.situation.clone_from(&later.situation);
        }
        // The headline already shows the duration and the number of events.
        self.duration_s = later.duration_s;
        known.summary.sentence.clone_from(&later.summary.sentence);
    }
}

/// The approximate size of a finding in bytes.
fn bytes_of(finding: &Finding) -> usize {
    let lines: usize = finding.context.iter().map(|line| size_of::<String>() + line.len()).sum();
    let optional = [&finding.cause, &finding.remedy].into_iter().flatten();
    let texts = optional.chain([&finding.summary.sentence]).chain(finding.key.0.iter().map(|(_, value)| value));
    // 1,024 bytes stand for the dozen short members of the evidence; texts count twice because
    // examples are about as long as the summary.
    size_of::<Incident>() + 1_024 + lines + 2 * texts.map(String::len).sum::<usize>()
}

fn clock_report(found: &Comparison, files: &[FileReport], corrections: &[i64]) -> ClockReport {
    ClockReport {
        file: files[found.file].name.clone(),
        reference: files[found.reference].name.clone(),
        relation: found.relation,
        aligned: corrections.get(found.file).is_some_and(|correction| *correction != 0),
    }
}

fn groups(found: Vec<(&str, &Counts)>) -> Vec<Group> {
    found.into_iter().map(|(name, counts)| Group { name: name.to_owned(), counts: *counts }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::finding::{DetectorName, Evidence, Key, Measured};
    use crate::event::Timestamp;
    use crate::narrate::Language;

    #[test]
    fn incidents_with_much_text_are_bounded_in_bytes_and_all_are_counted() {
        let mut summary = Summary::new(0);
        for i in 0..9_000 {
            summary.finding(&Finding {
                id: format!("{i:016x}"),
                said_at: Timestamp(i),
                detector: DetectorName::Rule,
                kind: "panics".into(),
                rule: None,
                state: State::Open,
                severity: Severity::Critical,
                respond_within: None,
                key: Key(vec![("module".into(), format!("m-{i}"))]),
                opened_at: Timestamp(i),
                count: 1,
                score: 1.0,
                duration_s: None,
                summary: "it crashed".into(),
                language: Language::En,
                measured: Measured::default(),
                evidence: Evidence::default(),
                explained_by: None,
                cause: None,
                remedy: None,
                context: vec!["x".repeat(256); 40],
                situation: None,
            });
        }
        assert!((2_000..4_000).contains(&summary.incidents.len()), "{}", summary.incidents.len());
        assert_eq!(summary.opened_at_least(Severity::Info), 9_000);
    }
}
