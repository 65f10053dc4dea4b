//! The result of a replay as data: the JSON of `--json`, from which the text report is made as
//! well.
//!
//! Names are stable: members are added, never renamed. Times are RFC 3339 in UTC, durations end in
//! `_s` and are in seconds, and lists have the order of the text report.

use super::heavy_hitters::Counts;
use super::offset::Relation;
use super::situations::Situation;
use super::timeline::{Bin, Columns, Gap};
use crate::engine::detector::judged::Judged;
use crate::engine::finding::{Finding, Severity};
use crate::event::Timestamp;
use crate::event::time::DisplayZone;
use crate::narrate::Language;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// A time, written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rfc3339(pub Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Who reads the report.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// The language of labels; findings have their own.
    pub language: Language,
    /// The zone of times.
    pub zone: DisplayZone,
}

impl Audience {
    /// The time as clocks of the reader show it: `2026-03-02T08:41:12Z`, whatever the zone.
    #[must_use]
    pub fn local(&self, time: Timestamp) -> String {
        self.zone.local(time).to_string()
    }

    /// `2026-03-02`
    #[must_use]
    pub fn day(&self, time: Timestamp) -> String {
        self.local(time)[..10].to_owned()
    }

    /// `08:41:12`
    #[must_use]
    pub fn clock(&self, time: Timestamp) -> String {
        self.local(time)[11..19].to_owned()
    }
}

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of the program.
    pub version: &'static str,
    /// Whom it is written for.
    #[serde(skip)]
    pub reader: Audience,
    /// Each file, in the order of the arguments.
    pub files: Vec<FileReport>,
    /// How the files' clocks differ; empty for one file.
    pub clocks: Vec<ClockReport>,
    /// Lines of all files.
    pub lines: u64,
    /// Events: lines that are neither blank nor written by seismolog.
    pub events: u64,
    /// The first event's time.
    pub first: Option<Rfc3339>,
    /// The last event's time.
    pub last: Option<Rfc3339>,
    /// Seconds from the first to the last event.
    pub duration_s: f64,
    /// Events left out of the timeline because their times are too far from all others.
    pub outside: u64,
    /// Events without a time of their own.
    pub untimed: u64,
    /// Roles that most events lack, if that is worth reporting.
    pub unread: Vec<UnreadRole>,
    /// What could not be judged from the first line on.
    pub judged: Vec<JudgedPart>,
    /// How long the replay took.
    pub elapsed_s: f64,
    /// How fast it was.
    pub lines_per_s: f64,
    /// Events by level; `none` where unknown.
    pub levels: BTreeMap<&'static str, u64>,
    /// Faults by their names in `seismolog_faults_total`; only those that occurred.
    pub faults: BTreeMap<&'static str, u64>,
    /// The error of the first rule that failed.
    pub rule_failure: Option<String>,
    /// Events over time.
    pub timeline: Drawn,
    /// The same events in the columns of the HTML chart.
    #[serde(skip)]
    pub fine: Drawn,
    /// Incidents that opened, by severity.
    pub opened: BTreeMap<&'static str, u64>,
    /// Incidents, those of the worst situation first, then by time; at most `--limit` of them.
    pub incidents: Vec<Incident>,
    /// Situations, the worst first, then by time: incidents with one cause.
    pub situations: Vec<Situation>,
    /// When each incident opened, including those beyond the limit.
    #[serde(skip)]
    pub openings: Vec<(Timestamp, Severity)>,
    /// How many incidents are beyond the limit.
    pub incidents_omitted: u64,
    /// The modules with the most events.
    pub modules: Vec<Group>,
    /// How many modules there are.
    pub modules_total: usize,
    /// The most frequent messages, by template.
    pub messages: Vec<Group>,
    /// The most frequent messages at ERROR and worse, then at WARN.
    pub failures: Vec<Group>,
    /// False if the tables could not hold all modules or messages; counts are then lower bounds.
    pub counts_exact: bool,
    /// The longest silences of the whole stream.
    pub gaps: Vec<QuietGap>,
}

/// A role that most events lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadRole {
    /// The role.
    pub role: &'static str,
    /// Events of all files, without lines of stack traces and lines that cannot be parsed.
    pub events: u64,
    /// How many of them lack the role; an event with a status does not lack a level.
    pub without: u64,
    /// The member that could be this role.
    pub looks_like: Option<String>,
    /// The file with the most such events; none for standard input.
    pub file: Option<String>,
}

/// What could not be judged from the first line on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgedPart {
    /// The detector.
    pub detector: &'static str,
    /// What it judges.
    pub what: Judged,
    /// How many seconds of the stream pass before.
    pub after_s: f64,
    /// From when on it was judged; none where the stream ended before.
    pub from: Option<Rfc3339>,
}

/// One file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FileReport {
    /// The name as the user gave it.
    pub name: String,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// The earliest time.
    pub first: Option<Rfc3339>,
    /// The latest time.
    pub last: Option<Rfc3339>,
    /// The error at which reading stopped early.
    pub damage: Option<String>,
    /// The seconds that `--align` added to the file's times.
    pub correction_s: f64,
}

/// How the clock of a file differs from another file's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClockReport {
    /// The file.
    pub file: String,
    /// The file that it was compared with.
    pub reference: String,
    /// The result: `agree`, `apart` or `unknown`, and the numbers behind it.
    #[serde(flatten)]
    pub relation: Relation,
    /// Whether `--align` corrected it.
    pub aligned: bool,
}

/// An incident: the finding that opened it, updated by those that followed.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// As in `--findings`. The state is `resolved`, or `open` or `ongoing` if the incident had not
    /// ended.
    #[serde(flatten)]
    pub finding: Finding,
    /// Seconds from the opening to the last event; none if the incident had not ended.
    pub duration_s: Option<f64>,
}

impl Report {
    /// The incidents in their order: those of one situation together, with the situation where it
    /// had several.
    pub fn groups(&self) -> impl Iterator<Item = (Option<&Situation>, &[Incident])> {
        let situation = |incident: &Incident| incident.finding.situation.as_ref().map(|told| told.id.clone());
        let is_together = move |one: &Incident, next: &Incident| {
            let id = situation(one);
            id.is_some() && id == situation(next)
        };
        self.incidents.chunk_by(is_together).map(|incidents| {
            let told = incidents.first().and_then(|first| first.finding.situation.as_ref());
            let is_its = |known: &&Situation| known.incidents > 1 && told.is_some_and(|told| told.id == known.id);
            (self.situations.iter().find(is_its), incidents)
        })
    }
}

/// A module or a group of messages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The module, or the template with `<*>` for variables.
    pub name: String,
    /// How many events it has.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A silence of the whole stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuietGap {
    /// The time of the event before it.
    pub from: Rfc3339,
    /// The time of the event after it.
    pub to: Rfc3339,
    /// The length in seconds.
    pub duration_s: f64,
}

impl From<Gap> for QuietGap {
    fn from(gap: Gap) -> Self {
        Self { from: Rfc3339(gap.from), to: Rfc3339(gap.to), duration_s: gap.seconds() }
    }
}

/// The timeline, serialized as its start, the width of a column in seconds, and the columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn(pub Columns);

impl Serialize for Drawn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Columns { start, width, bins } = &self.0;
        let mut members = serializer.serialize_struct("Timeline", 3)?;
        members.serialize_field("start", &(!bins.is_empty()).then_some(Rfc3339(*start)))?;
        members.serialize_field("column_s", &(*width as f64 / 1e9))?;
        members.serialize_field::<[Bin]>("columns", bins)?;
        members.end()
    }
}
