//! How much of a log could be parsed: shares by role and by layout, the most frequent shapes of
//! lines that were not parsed, and suggested settings.
//!
//! Memory is bounded: 200 layouts, 2,000 shapes, and at most `limits.keys` templates.

use super::document::without;
use super::evidence::{Evidence, SOUGHT, Suggestion};
use super::layout_evidence::LayoutEvidence;
use crate::engine::stack_trace::StackTraceAssembler;
use crate::engine::template::{Merge, TemplateId, Templates};
use crate::event::inspect::{LineReading, ORDER};
use crate::event::{Fault, Fields, Role, Shape, Timestamp};
use crate::plain::plain_document;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Most layouts that are counted separately.
const LAYOUTS: usize = 200;
/// Most shapes of unparsed lines that are counted separately.
const SHAPES: usize = 2_000;
/// How many shapes are listed.
const LISTED: usize = 10;
/// Longest example of a line, in characters.
const EXAMPLE: usize = 400;
/// Longest list of an object's names, in characters.
const KEYS: usize = 400;

/// The counts of one or more files.
#[derive(Debug)]
pub struct InspectSummary {
    document: SummaryDocument,
    roles: [u64; ORDER.len()],
    layouts: BTreeMap<Vec<&'static str>, LayoutTally>,
    unread: HashMap<ShapeKey, UnreadTally>,
    evidence: Evidence,
    layout: LayoutEvidence,
    templates: Templates,
    merges: Vec<Merge>,
    traces: StackTraceAssembler,
}

#[derive(Debug, Default)]
struct LayoutTally {
    events: u64,
    roles: [u64; ORDER.len()],
}

/// By which property unparsed lines are grouped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ShapeKey {
    /// The names in an object.
    Object(String),
    /// The template of a text.
    Text(TemplateId),
    /// The fault of a line.
    Faulty(Fault),
}

#[derive(Debug, Default)]
struct UnreadTally {
    events: u64,
    without: Vec<&'static str>,
    example: String,
}

/// The summary as JSON. Names are stable.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SummaryDocument {
    /// The files, as they were named.
    pub files: Vec<String>,
    /// Lines of all files.
    pub lines: u64,
    /// Lines that are blank.
    pub blank_lines: u64,
    /// Events that were written by seismolog.
    pub own_events: u64,
    /// Lines that continue a stack trace.
    pub trace_lines: u64,
    /// All other lines, from which the shares are computed.
    pub events: u64,
    /// How many events have each role.
    pub roles: BTreeMap<&'static str, Share>,
    /// Layouts, the most frequent first.
    pub layouts: Vec<LayoutShare>,
    /// The most frequent shapes of events without a time, without a level or status, or without a
    /// message or operation.
    pub unread_shapes: Vec<UnreadShape>,
    /// Events whose shapes are not listed.
    pub unread_others: u64,
    /// Faults by their names in `seismolog_faults_total`; only those that occurred.
    pub faults: BTreeMap<&'static str, u64>,
    /// Members that could be a role which most events lack.
    pub suggestions: Vec<Suggestion>,
    /// A layout that nearly all text lines without a time or level fit.
    pub layout_pattern: Option<String>,
    /// The suggestions as lines for the configuration file; null if there are none.
    pub toml: Option<String>,
}

/// A number of events and its share of all.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Share {
    /// Events.
    pub events: u64,
    /// 0 to 1.
    pub share: f64,
}

/// Events of one layout.
#[derive(Clone, Debug, Serialize)]
pub struct LayoutShare {
    /// The layout, and those inside of it, outermost first.
    pub layouts: Vec<&'static str>,
    /// Events.
    pub events: u64,
    /// How many of these events have each role.
    pub roles: BTreeMap<&'static str, Share>,
}

/// A shape of lines that were not parsed.
#[derive(Clone, Debug, Serialize)]
pub struct UnreadShape {
    /// The template of its lines, or the names in its objects.
    pub shape: String,
    /// Events.
    pub events: u64,
    /// The roles that the first of these events lacks.
    pub without: Vec<&'static str>,
    /// The first of them.
    pub example: String,
}

impl Share {
    fn of(events: u64, all: u64) -> Self {
        Self { events, share: events as f64 / all.max(1) as f64 }
    }
}

impl InspectSummary {
    /// A summary of no lines.
    #[must_use]
    pub fn new(evidence: Evidence, layout: LayoutEvidence, templates: Templates) -> Self {
        Self {
            document: SummaryDocument::default(),
            roles: Default::default(),
            layouts: BTreeMap::new(),
            unread: HashMap::new(),
            evidence,
            layout,
            templates,
            merges: Vec::new(),
            traces: StackTraceAssembler::default(),
        }
    }

    /// Begins the file `name`; the lines that follow are of this file.
    pub fn file(&mut self, name: &str) {
        self.document.files.push(name.to_owned());
        self.traces = StackTraceAssembler::default();
    }

    /// Adds a line, its time in the stream, and how it was parsed.
    pub fn line(&mut self, fields: &Fields<'_>, place: Timestamp, reading: &LineReading) {
        let document = &mut self.document;
        document.lines += 1;
        match reading.shape {
            Shape::Blank => document.blank_lines += 1,
            Shape::Own => document.own_events += 1,
            Shape::Json | Shape::Text if self.traces.goes_on(fields, place) => document.trace_lines += 1,
            _ => {
                document.events += 1;
                self.event(fields, place, reading);
            }
        }
        drop(self.traces.take_ended());
    }

    fn event(&mut self, fields: &Fields<'_>, place: Timestamp, reading: &LineReading) {
        if let Some(fault) = reading.fault {
            *self.document.faults.entry(fault.name()).or_default() += 1;
        }
        let template = self.templates.see(fields, place, &mut self.merges).id;
        self.merges.clear();
        let room = self.layouts.len() < LAYOUTS || self.layouts.contains_key(&reading.layouts);
        let mut layout = room.then(|| self.layouts.entry(reading.layouts.clone()).or_default());
        if let Some(layout) = &mut layout {
            layout.events += 1;
        }
        for (i, role) in ORDER.into_iter().enumerate() {
            if reading.roles.iter().any(|found| found.role == role) {
                self.roles[i] += 1;
                if let Some(layout) = &mut layout {
                    layout.roles[i] += 1;
                }
            }
        }
        self.evidence.take(reading);
        self.layout.take(&String::from_utf8_lossy(fields.line()), reading);
        // A module is not required: an event without one counts as parsed.
        let lacks: Vec<&'static str> = without(reading).filter(|role| *role != Role::Module).map(Role::name).collect();
        if !lacks.is_empty() || reading.fault.is_some() {
            self.take_unread(fields, reading, template, lacks);
        }
    }

    fn take_unread(
        &mut self,
        fields: &Fields<'_>,
        reading: &LineReading,
        template: TemplateId,
        lacks: Vec<&'static str>,
    ) {
        let key = match (reading.fault, reading.shape) {
            (Some(fault), _) => ShapeKey::Faulty(fault),
            (None, Shape::Json) => ShapeKey::Object(keys_of(fields)),
            (None, _) => ShapeKey::Text(template),
        };
        if self.unread.len() >= SHAPES && !self.unread.contains_key(&key) {
            self.document.unread_others += 1;
            return;
        }
        let tally = self.unread.entry(key).or_default();
        tally.events += 1;
        if tally.events == 1 {
            tally.without = lacks;
            tally.example = String::from_utf8_lossy(fields.line()).chars().take(EXAMPLE).collect();
        }
    }

    /// Returns the counts.
    #[must_use]
    pub fn finish(mut self) -> SummaryDocument {
        let events = self.document.events;
        let shares = |counts: &[u64], all: u64| {
            let shares = ORDER.into_iter().zip(counts).map(|(role, count)| (role.name(), Share::of(*count, all)));
            shares.collect::<BTreeMap<_, _>>()
        };
        self.document.roles = shares(&self.roles, events);
        let mut layouts: Vec<_> = std::mem::take(&mut self.layouts).into_iter().collect();
        layouts.sort_by_key(|(layouts, tally)| (std::cmp::Reverse(tally.events), layouts.clone()));
        let layout = |(layouts, tally): (Vec<&'static str>, LayoutTally)| {
            let roles = shares(&tally.roles, tally.events);
            LayoutShare { layouts, events: tally.events, roles }
        };
        self.document.layouts = layouts.into_iter().map(layout).collect();
        self.document.unread_shapes = self.unread_shapes();
        let listed: u64 = self.document.unread_shapes.iter().map(|shape| shape.events).sum();
        self.document.unread_others += self.unread.values().map(|tally| tally.events).sum::<u64>() - listed;
        let suggestions = self.suggestions();
        self.document.layout_pattern = self.layout.best().map(str::to_owned);
        self.document.toml = toml_of(&suggestions, self.layout.best());
        self.document.suggestions = suggestions;
        self.document
    }

    /// The most frequent shapes; those whose templates were merged since are counted together.
    fn unread_shapes(&self) -> Vec<UnreadShape> {
        let mut shapes: BTreeMap<String, UnreadShape> = BTreeMap::new();
        let mut all: Vec<_> = self.unread.iter().collect();
        all.sort_by(|(_, a), (_, b)| b.events.cmp(&a.events).then_with(|| a.example.cmp(&b.example)));
        for (key, tally) in all {
            let shape = match key {
                ShapeKey::Object(keys) => format!("{{{keys}}}"),
                ShapeKey::Text(id) => {
                    let text = self.templates.text(self.templates.root(*id)).map(str::to_owned);
                    text.unwrap_or_else(|| tally.example.clone())
                }
                ShapeKey::Faulty(fault) => fault.name().to_owned(),
            };
            let found = shapes.entry(shape.clone()).or_insert_with(|| UnreadShape {
                shape,
                events: 0,
                without: tally.without.clone(),
                example: tally.example.clone(),
            });
            found.events += tally.events;
        }
        let mut shapes: Vec<_> = shapes.into_values().collect();
        shapes.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.shape.cmp(&b.shape)));
        shapes.truncate(LISTED);
        shapes
    }

    fn suggestions(&self) -> Vec<Suggestion> {
        let count = |role: Role| ORDER.iter().position(|known| *known == role).map_or(0, |i| self.roles[i]);
        let is_rare = |role: &Role| count(*role) * 2 < self.document.events;
        SOUGHT.into_iter().filter(is_rare).filter_map(|role| self.evidence.best(role)).collect()
    }
}

/// The names in an object, in alphabetical order.
fn keys_of(fields: &Fields<'_>) -> String {
    let mut keys = Vec::new();
    fields.each_key(|key| keys.push(String::from_utf8_lossy(key).into_owned()));
    keys.sort();
    keys.dedup();
    keys.join(", ").chars().take(KEYS).collect()
}

/// The suggestions as lines for the configuration file.
fn toml_of(suggestions: &[Suggestion], layout: Option<&str>) -> Option<String> {
    // A JSON string is also a TOML string once it has no characters that control a terminal.
    let quoted = |text: &str| plain_document(&serde_json::to_string(text).unwrap_or_default());
    let mut text = String::new();
    if !suggestions.is_empty() {
        text.push_str("[roles]\n");
    }
    for of in suggestions {
        text.push_str(&format!("{} = [{}]\n", of.role.name(), quoted(&format!("+{}", of.member))));
    }
    if let Some(pattern) = layout {
        text.push_str(&format!("[[input.layout]]\nname = \"own\"\npattern = {}\n", quoted(pattern)));
    }
    (!text.is_empty()).then_some(text)
}
