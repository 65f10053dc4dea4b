//! Renders the report as text.

use super::document::{Audience, Incident, Report};
use super::offset::Relation;
use super::situations::Situation;
use super::sparkline::{axis, mark, sparkline, worst};
use super::tables;
use super::unread::advice;
pub use super::words::clock_in_words;
use super::words::{fault_in_words, judged_in_words, opened_in_words};
use crate::engine::finding::{DetectorName, Severity};
use crate::event::{Role, Timestamp};
use crate::narrate::quantity::{Noun, bytes, rate, thousands};
use crate::narrate::{fill, next_step, numbers};
use crate::plain::plain;
use crate::terminal::Paint;
use crate::terminal::layout::{clip, clip_start, columns as columns_of, padded, padded_left, wrap};
use std::fmt::Write as _;

/// How the text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The width of the screen in columns.
    pub width: usize,
    /// The colours, if any.
    pub paint: Paint,
}

/// The left margin of every row, in columns.
const MARGIN: usize = 2;
/// The width of the rows' names, in columns.
const NAMES: usize = 11;
/// The width to the right of the timeline's rows, in columns.
const SCALE: usize = 13;
/// The least and the greatest width of the report, in columns.
const WIDTHS: (usize, usize) = (60, 160);
/// Most lines that are shown of an example or a context.
const LINES: usize = 8;
/// Most files that are listed one by one.
const FILES: usize = 20;
/// Most incidents of a situation that are listed after its first.
const EFFECTS: usize = 12;

impl Style {
    /// A style for a screen of `width` columns.
    #[must_use]
    pub fn new(width: usize, paint: Paint) -> Self {
        Self { width: width.clamp(WIDTHS.0, WIDTHS.1), paint }
    }

    /// How many columns the timeline may have.
    #[must_use]
    pub fn columns(self) -> usize {
        self.width - MARGIN - NAMES - SCALE
    }
}

/// Renders the report.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let report = &with_short_names(report);
    let mut page = Page { text: String::new(), style };
    header(report, &mut page);
    timeline(report, &mut page);
    incidents(report, &mut page);
    tables::modules(report, &mut page);
    tables::messages(report, &mut page);
    gaps(report, &mut page);
    page.text
}

/// Shortens paths to file names if these are distinct.
fn with_short_names(report: &Report) -> Report {
    let short = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let mut report = report.clone();
    let mut names: Vec<String> = report.files.iter().map(|file| short(&file.name)).collect();
    names.sort();
    names.dedup();
    if report.files.len() > 1 && names.len() == report.files.len() {
        report.files.iter_mut().for_each(|file| file.name = short(&file.name));
        for clock in &mut report.clocks {
            (clock.file, clock.reference) = (short(&clock.file), short(&clock.reference));
        }
    }
    report
}

/// The page as it is being written.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Page {
    pub(super) fn heading(&mut self, title: &str, aside: &str) {
        let Style { paint, .. } = self.style;
        let aside = if aside.is_empty() { String::new() } else { format!("  {}", paint.dim(aside)) };
        let _ = writeln!(self.text, "\n{}{aside}", paint.bold(title));
    }

    /// Adds a row of a name and a text that is wrapped to the right of it.
    fn row(&mut self, name: &str, says: &str) {
        let Style { width, paint } = self.style;
        for (i, line) in wrap(says, width - MARGIN - NAMES).into_iter().enumerate() {
            let name = paint.dim(&padded(if i == 0 { name } else { "" }, NAMES));
            self.line(&format!("{name}{line}"));
        }
    }

    /// Adds what is told of an incident below its headline, if anything, behind its name.
    fn told(&mut self, name: &str, says: Option<&str>) {
        let (Style { width, paint }, Some(says)) = (self.style, says) else { return };
        for (i, line) in wrap(says, width - 2 * MARGIN - NAMES).into_iter().enumerate() {
            let name = paint.dim(&padded(if i == 0 { name } else { "" }, NAMES));
            self.line(&format!("{:MARGIN$}{name}{line}", ""));
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:MARGIN$}{}", "", line.trim_end());
    }
}

fn header(report: &Report, page: &mut Page) {
    let (reader, language, words) = (&report.reader, report.reader.language, report.reader.language.words());
    let _ = writeln!(page.text, "{}", page.style.paint.bold("seismolog replay"));
    files(report, page);
    clocks(report, page);
    match (report.first, report.last) {
        (Some(first), Some(last)) => {
            let (range, length) = (range(reader, first.0, last.0), language.duration(report.duration_s));
            page.row(words.time, &fill(words.with_length, &[&range, &length]));
        }
        _ => page.row(words.time, words.no_time),
    }
    let events_per_s = report.events as f64 / report.duration_s;
    let rate = if report.duration_s > 0.0 { format!(", {}", rate(events_per_s)) } else { String::new() };
    page.row(words.events, &format!("{}{rate}", thousands(report.events)));
    let levels = ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "none"];
    let levels: Vec<_> = levels
        .into_iter()
        .filter_map(|level| Some((level, thousands(*report.levels.get(level)?))))
        .map(|(level, count)| match level {
            "none" => fill(words.without_level, &[&count]),
            level => format!("{count} {level}"),
        })
        .collect();
    page.row(words.levels, &levels.join(", "));
    for (name, count) in &report.faults {
        page.row(words.faults, &fill(words.colon, &[&fault_in_words(name, words), &thousands(*count)]));
    }
    if let Some(failure) = &report.rule_failure {
        page.row("", failure);
    }
    if report.outside > 0 {
        page.row("", &fill(words.outside, &[&language.counted(report.outside, Noun::Event)]));
    }
    let is_told = report.unread.iter().any(|unread| unread.role == Role::Timestamp.name());
    if report.untimed > 0 && !is_told {
        page.row("", &fill(words.untimed, &[&language.counted(report.untimed, Noun::Event)]));
    }
    unread(report, page);
    page.row(words.incidents, &opened_in_words(report));
    if let Some(says) = judged_in_words(report) {
        page.row(words.judged, &says);
    }
    let speed = thousands(report.lines_per_s.round() as u64);
    page.row(words.replayed, &fill(words.replayed_in, &[&language.duration(report.elapsed_s), &speed]));
}

/// The files whose clocks differ, and how many agree.
fn clocks(report: &Report, page: &mut Page) {
    let (language, words) = (report.reader.language, report.reader.language.words());
    let agrees = |clock: &&super::document::ClockReport| matches!(clock.relation, Relation::Agree { .. });
    for clock in report.clocks.iter().filter(|clock| !agrees(clock)) {
        page.row(words.clocks, &clock_in_words(clock, language));
    }
    let agreeing = report.clocks.iter().filter(agrees).count() as u64;
    if agreeing > 0 {
        let agree = if agreeing == 1 { words.agrees } else { words.agree };
        let files = fill(agree, &[&language.counted(agreeing, Noun::File)]);
        page.row(words.clocks, &fill(words.files_agree, &[&files]));
    }
}

/// Lists the roles that most events lack, and advice.
fn unread(report: &Report, page: &mut Page) {
    let (Style { paint, width }, words) = (page.style, report.reader.language.words());
    let mut sentences: Vec<String> = report.unread.iter().map(|role| role.sentence(words)).collect();
    sentences.extend(advice(&report.unread, words));
    let lines = sentences.iter().flat_map(|sentence| wrap(sentence, width - MARGIN - NAMES));
    for (i, line) in lines.enumerate() {
        let name = padded(if i == 0 { words.unread } else { "" }, NAMES);
        page.line(&format!("{}{}", paint.severity(Severity::Warning, &name), paint.severity(Severity::Warning, &line)));
    }
}

fn files(report: &Report, page: &mut Page) {
    let (language, words) = (report.reader.language, report.reader.language.words());
    let [file] = report.files.as_slice() else {
        let total = report.files.iter().map(|file| file.bytes).sum();
        page.row(words.files, &format!("{}, {}", report.files.len(), bytes(total)));
        let longest = report.files.iter().map(|file| file.name.chars().count()).max().unwrap_or(0);
        let names = longest.min(page.style.width.saturating_sub(60));
        for file in report.files.iter().take(FILES) {
            let name = clip_start(&file.name, names);
            let times = file.first.zip(file.last).map(|(first, last)| without_zone(&report.reader, first.0, last.0));
            let events = language.counted(file.events, Noun::Event);
            page.row("", &format!("{name}: {}", [events, times.unwrap_or_default()].join(", ")));
        }
        if report.files.len() > FILES {
            page.row("", &fill(words.and_more, &[&(report.files.len() - FILES)]));
        }
        damages(report, page);
        return;
    };
    page.row(
        words.file,
        &format!("{}, {}, {}", file.name, bytes(file.bytes), language.counted(file.lines, Noun::Line)),
    );
    damages(report, page);
}

fn damages(report: &Report, page: &mut Page) {
    let words = report.reader.language.words();
    for file in &report.files {
        if let Some(damage) = &file.damage {
            let Style { paint, .. } = page.style;
            let says = fill(words.read_up_to, &[&file.name, &thousands(file.lines), &bytes(file.bytes), damage]);
            for line in wrap(&says, page.style.width - MARGIN - NAMES) {
                page.line(&format!("{:NAMES$}{}", "", paint.severity(Severity::Critical, &line)));
            }
        }
    }
}

fn timeline(report: &Report, page: &mut Page) {
    let (columns, Style { paint, .. }) = (&report.timeline.0, page.style);
    if columns.bins.len() < 2 {
        return;
    }
    let (reader, words) = (&report.reader, report.reader.language.words());
    let width = reader.language.duration(columns.width as f64 / 1e9);
    page.heading(words.timeline, &fill(words.column_is, &[&width, &reader.zone.name()]));
    let count = columns.bins.len();
    let mut row = |name: &str, code: &str, values: Vec<u64>| {
        let most = values.iter().copied().max().unwrap_or(0);
        if most > 0 {
            let line = sparkline(values.iter().copied());
            let most = fill(words.most, &[&thousands(most)]);
            page.line(&format!("{}{} {most}", paint.dim(&padded(name, NAMES)), paint.style(code, &line)));
        }
    };
    row(words.events, "36", columns.bins.iter().map(|bin| bin.events).collect());
    row(words.warnings, "33", columns.bins.iter().map(|bin| bin.warnings).collect());
    row(words.errors, "31", columns.bins.iter().map(|bin| bin.errors).collect());
    let marks = worst(columns, report.openings.iter().copied());
    if marks.iter().any(Option::is_some) {
        let line: String = marks
            .iter()
            .map(|worst| worst.map_or_else(|| " ".to_owned(), |worst| paint.severity(worst, &mark(worst).to_string())))
            .collect();
        page.line(&format!("{}{line}", paint.dim(&padded(words.opened, NAMES))));
    }
    page.line(&format!("{:NAMES$}{}", "", paint.dim(&clip(&axis(columns, &reader.zone), count + SCALE))));
    if marks.iter().any(Option::is_some) {
        page.line(&format!("{:NAMES$}{}", "", paint.dim(words.opened_legend)));
    }
}

fn incidents(report: &Report, page: &mut Page) {
    if report.incidents.is_empty() {
        return;
    }
    let (reader, words) = (&report.reader, report.reader.language.words());
    page.heading(words.incidents_title, words.incidents_order);
    let dated = report.first.zip(report.last).is_some_and(|(first, last)| reader.day(first.0) != reader.day(last.0));
    for (i, (group, incidents)) in report.groups().enumerate() {
        let [first, effects @ ..] = incidents else { continue };
        if i > 0 {
            page.text.push('\n');
        }
        if let Some(group) = group {
            situation(group, reader, dated, page);
            // What a rule knows of one of its incidents, it knows of the situation.
            let explained = effects.iter().map(|incident| &incident.finding).find(|found| found.cause.is_some());
            if let Some(explained) = explained.filter(|_| first.finding.cause.is_none()) {
                page.told(words.cause, explained.cause.as_deref());
                page.told(words.remedy, explained.remedy.as_deref());
            }
        }
        incident(first, reader, dated, page);
        effects.iter().take(EFFECTS).for_each(|incident| effect(incident, reader, page));
        if effects.len() > EFFECTS {
            let more = thousands((effects.len() - EFFECTS) as u64);
            page.line(&format!("{:MARGIN$}{}", "", fill(words.and_more, &[&more])));
        }
    }
    if report.incidents_omitted > 0 {
        page.text.push('\n');
        let more = if report.incidents_omitted == 1 { words.more_incident } else { words.more_incidents };
        page.line(&fill(more, &[&thousands(report.incidents_omitted)]));
    }
}

/// The head of a situation of several incidents.
fn situation(situation: &Situation, reader: &Audience, dated: bool, page: &mut Page) {
    let (Style { width, paint }, words) = (page.style, reader.language.words());
    let mut time = reader.clock(situation.opened_at.0);
    if dated {
        time = format!("{} {time}", reader.day(situation.opened_at.0));
    }
    let incidents = reader.language.counted(situation.incidents, Noun::Incident);
    let facts = match situation.duration_s {
        None => fill(words.still_open, &[&incidents]),
        Some(seconds) => fill(words.over_after, &[&incidents, &reader.language.duration(seconds)]),
    };
    let severity = format!("{} {}", mark(situation.severity), padded(reader.language.severity(situation.severity), 8));
    let head = format!("{} {}", paint.severity(situation.severity, &severity), paint.bold(&time));
    page.line(&format!("{head}  {}", paint.dim(&facts)));
    for line in wrap(&plain(&situation.title), width - 2 * MARGIN) {
        page.line(&format!("{:MARGIN$}{}", "", paint.bold(&line)));
    }
}

/// A further incident of a situation, in a line.
fn effect(incident: &Incident, reader: &Audience, page: &mut Page) {
    let Style { width, paint } = page.style;
    let finding = &incident.finding;
    let text = format!("{}  {}", reader.clock(finding.opened_at), finding.summary.sentence);
    page.line(&format!(
        "{:MARGIN$}{} {}",
        "",
        paint.severity(finding.severity, &mark(finding.severity).to_string()),
        clip(&text, width - 2 * MARGIN - 2)
    ));
}

fn incident(incident: &Incident, reader: &Audience, dated: bool, page: &mut Page) {
    let (Style { width, paint }, words) = (page.style, reader.language.words());
    let finding = &incident.finding;
    let facts = plain(&facts(incident, reader));
    let mut time = reader.clock(finding.opened_at);
    if dated {
        time = format!("{} {time}", reader.day(finding.opened_at));
    }
    let severity = format!("{} {}", mark(finding.severity), padded(reader.language.severity(finding.severity), 8));
    let head = format!("{} {}", paint.severity(finding.severity, &severity), paint.bold(&time));
    if MARGIN + 10 + time.len() + 3 + columns_of(&facts) <= width {
        page.line(&format!("{head}  {}", paint.dim(&facts)));
    } else {
        page.line(&head);
        page.line(&format!("{:MARGIN$}{}", "", paint.dim(&clip(&facts, width - 2 * MARGIN))));
    }
    for line in wrap(&finding.summary.sentence, width - 2 * MARGIN) {
        page.line(&format!("{:MARGIN$}{line}", ""));
    }
    // What a rule or its table knows is better advice than what holds for all of a kind.
    let step = next_step(finding.language, finding).filter(|_| finding.remedy.is_none());
    let known = [
        (words.numbers, Some(numbers(finding.language, finding)).filter(|numbers| !numbers.is_empty())),
        (words.cause, finding.cause.clone()),
        (words.remedy, finding.remedy.clone()),
        (words.next_step, step),
    ];
    known.into_iter().for_each(|(name, says)| page.told(name, says.as_deref()));
    let mut lines: Vec<&str> = finding.context.iter().map(String::as_str).collect();
    let earlier = lines.len().saturating_sub(LINES);
    lines.drain(..earlier);
    lines.extend(finding.evidence.examples().iter().take(LINES).map(String::as_str));
    for line in lines {
        page.line(&format!("{:MARGIN$}{}", "", paint.dim(&format!("| {}", clip(line, width - 2 * MARGIN - 2)))));
    }
}

/// What found it, how many events it had, how long it was open, and how soon to look.
fn facts(incident: &Incident, reader: &Audience) -> String {
    let (finding, language, words) = (&incident.finding, reader.language, reader.language.words());
    let what = match finding.detector {
        DetectorName::Rule => fill(words.rule, &[&finding.kind]),
        detector => format!("{}/{}", detector.name(), finding.kind),
    };
    let events = language.counted(finding.count, Noun::Event);
    let lasted = match incident.duration_s {
        None => fill(words.still_open, &[&events]),
        // An incident of a single finding has no duration.
        Some(..0.001) => events,
        Some(seconds) => fill(words.open_for, &[&events, &language.duration(seconds)]),
    };
    let mut facts = vec![what, lasted];
    facts.extend(finding.respond_within.as_ref().map(|within| fill(words.respond_within, &[within])));
    facts.join(words.semicolon)
}

fn gaps(report: &Report, page: &mut Page) {
    if report.gaps.is_empty() {
        return;
    }
    let (reader, words) = (&report.reader, report.reader.language.words());
    page.heading(words.silences_title, words.silences_order);
    for gap in &report.gaps {
        let length = padded_left(&reader.language.duration(gap.duration_s), 13);
        page.line(&format!("{length}  {}", range(reader, gap.from.0, gap.to.0)));
    }
}

/// `2026-03-02 08:41:12 to 08:59:01 UTC`
fn range(reader: &Audience, first: Timestamp, last: Timestamp) -> String {
    fill(reader.language.words().with_zone, &[&without_zone(reader, first, last), &reader.zone.name()])
}

/// `2026-03-02 08:41:12 to 08:59:01`
fn without_zone(reader: &Audience, first: Timestamp, last: Timestamp) -> String {
    let (day, to) = (reader.day(last), reader.clock(last));
    let from = format!("{} {}", reader.day(first), reader.clock(first));
    let to = if reader.day(first) == day { to } else { format!("{day} {to}") };
    fill(reader.language.words().from_to, &[&from, &to])
}
