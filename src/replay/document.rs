//! What a replay found, as data: the JSON that `--json` prints, and what the text report is made
//! of.
//!
//! Names are stable. Times are RFC 3339 in UTC, lengths of time end in `_s` and are in seconds, a
//! list is in the order of the text report. Members are added, never renamed.

use super::heavy_hitters::Counts;
use super::offset::Relation;
use super::timeline::{Bin, Columns, Gap};
use crate::engine::finding::{Finding, Severity};
use crate::event::Timestamp;
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

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of the program.
    pub version: &'static str,
    /// Each file, in the order of the arguments.
    pub files: Vec<FileReport>,
    /// How the files' clocks stand to each other; empty for one file.
    pub clocks: Vec<ClockReport>,
    /// Lines of all files.
    pub lines: u64,
    /// Events: lines that are not blank, nor a seismolog's own.
    pub events: u64,
    /// The first event's time.
    pub first: Option<Rfc3339>,
    /// The last event's time.
    pub last: Option<Rfc3339>,
    /// From the first to the last.
    pub duration_s: f64,
    /// Events whose times are so far away from all others' that they are left out of the timeline.
    pub outside: u64,
    /// Events without a time of their own.
    pub untimed: u64,
    /// Roles that most events lack, where that is worth a word.
    pub unread: Vec<UnreadRole>,
    /// How long the replay took.
    pub elapsed_s: f64,
    /// How fast it was.
    pub lines_per_s: f64,
    /// Events by level; `none` where unknown.
    pub levels: BTreeMap<&'static str, u64>,
    /// What went wrong with lines, by the names of `seismolog_faults_total`; only what did.
    pub faults: BTreeMap<&'static str, u64>,
    /// What the first rule that failed said.
    pub rule_failure: Option<String>,
    /// Events over time.
    pub timeline: Drawn,
    /// The same in the columns of a picture.
    #[serde(skip)]
    pub fine: Drawn,
    /// Incidents that opened, by severity.
    pub opened: BTreeMap<&'static str, u64>,
    /// Incidents, the worst first, then by time; at most `--limit`.
    pub incidents: Vec<Incident>,
    /// When each incident opened, those beyond the limit too.
    #[serde(skip)]
    pub openings: Vec<(Timestamp, Severity)>,
    /// Incidents that opened beyond those listed.
    pub incidents_omitted: u64,
    /// The modules with most events.
    pub modules: Vec<Group>,
    /// Modules in all.
    pub modules_total: usize,
    /// The most frequent messages, by their text without what varies.
    pub messages: Vec<Group>,
    /// The most frequent of them at ERROR and worse, then at WARN.
    pub failures: Vec<Group>,
    /// False when groups or modules were more than the tables hold, and counts are at least what
    /// they say.
    pub counts_exact: bool,
    /// The longest silences of the whole stream.
    pub gaps: Vec<QuietGap>,
}

/// A role that most events lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadRole {
    /// The role.
    pub role: &'static str,
    /// Events of all files, but for lines of stack traces and those that cannot be read at all.
    pub events: u64,
    /// Those of them without the role; without a level, those that have no status either.
    pub without: u64,
    /// The member that looks like it.
    pub looks_like: Option<String>,
    /// The file with most such events; none for standard input.
    pub file: Option<String>,
}

/// One file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FileReport {
    /// As it was named.
    pub name: String,
    /// Bytes, unpacked.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Its earliest time.
    pub first: Option<Rfc3339>,
    /// Its latest time.
    pub last: Option<Rfc3339>,
    /// Why it ended before its end.
    pub damage: Option<String>,
    /// What `--align` added to its times.
    pub correction_s: f64,
}

/// How the clock of a file stands to another's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClockReport {
    /// The file.
    pub file: String,
    /// What it was compared with.
    pub reference: String,
    /// What was found: `agree`, `apart` or `unknown`, and the numbers behind it.
    #[serde(flatten)]
    pub relation: Relation,
    /// Whether `--align` corrected it.
    pub aligned: bool,
}

/// An incident: the finding that opened it, brought up to date by those that followed.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// As in `--findings`; its state is `resolved` or, when it was still going on at the end,
    /// `open` or `ongoing`.
    #[serde(flatten)]
    pub finding: Finding,
    /// From its opening to its last event; none when it had not ended.
    pub duration_s: Option<f64>,
}

/// A module or a group of messages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The module, or the template, with `<*>` for what varies.
    pub name: String,
    /// How often.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuietGap {
    /// The event before it.
    pub from: Rfc3339,
    /// The event after it.
    pub to: Rfc3339,
    /// Its length.
    pub duration_s: f64,
}

impl From<Gap> for QuietGap {
    fn from(gap: Gap) -> Self {
        Self { from: Rfc3339(gap.from), to: Rfc3339(gap.to), duration_s: gap.seconds() }
    }
}

/// The timeline: where it starts, the length of a column in seconds, and the columns.
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
