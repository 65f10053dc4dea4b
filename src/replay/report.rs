//! Renders the report as text.

use super::document::{Incident, Report, UnreadRole};
use super::offset::Relation;
use super::situations::Situation;
use super::sparkline::{axis, mark, sparkline, worst};
use super::tables;
use super::unread::advice;
pub use super::words::clock_in_words;
use super::words::{fault_in_words, judged_in_words, opened_in_words};
use crate::engine::finding::{DetectorName, Severity};
use crate::event::{Role, Timestamp};
use crate::narrate::quantity::{bytes, counted, duration, rate, thousands};
use crate::narrate::{Language, evidence, next_step};
use crate::plain::plain;
use crate::terminal::Paint;
use crate::terminal::layout::{clip, clip_start, wrap};
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
            let name = paint.dim(&format!("{:NAMES$}", if i == 0 { name } else { "" }));
            self.line(&format!("{name}{line}"));
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:MARGIN$}{}", "", line.trim_end());
    }
}

fn header(report: &Report, page: &mut Page) {
    let _ = writeln!(page.text, "{}", page.style.paint.bold("seismolog replay"));
    files(report, page);
    for clock in report.clocks.iter().filter(|clock| !matches!(clock.relation, Relation::Agree { .. })) {
        page.row("clocks", &clock_in_words(clock));
    }
    let agreeing = report.clocks.iter().filter(|clock| matches!(clock.relation, Relation::Agree { .. })).count() as u64;
    if agreeing > 0 {
        page.row(
            "clocks",
            &format!(
                "{} with another file by shared trace ids",
                match agreeing {
                    1 => "1 file agrees".to_owned(),
                    _ => format!("{} agree", counted(agreeing, "file")),
                }
            ),
        );
    }
    match (report.first, report.last) {
        (Some(first), Some(last)) => {
            page.row("time", &format!("{} ({})", range(first.0, last.0), duration(report.duration_s)));
        }
        _ => page.row("time", "no event tells one"),
    }
    let events_per_s = report.events as f64 / report.duration_s;
    let rate = if report.duration_s > 0.0 { format!(", {}", rate(events_per_s)) } else { String::new() };
    page.row("events", &format!("{}{rate}", thousands(report.events)));
    let levels = ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "none"];
    let levels: Vec<_> = levels
        .into_iter()
        .filter_map(|level| Some((level, report.levels.get(level)?)))
        .map(|(level, count)| format!("{} {}", thousands(*count), if level == "none" { "without one" } else { level }))
        .collect();
    page.row("levels", &levels.join(", "));
    for (name, count) in &report.faults {
        page.row("faults", &format!("{}: {}", fault_in_words(name), thousands(*count)));
    }
    if let Some(failure) = &report.rule_failure {
        page.row("", failure);
    }
    if report.outside > 0 {
        let events = counted(report.outside, "event");
        page.row("", &format!("{events} with times far away from all others', left out of the timeline"));
    }
    let is_told = report.unread.iter().any(|unread| unread.role == Role::Timestamp.name());
    if report.untimed > 0 && !is_told {
        page.row("", &format!("{} without a time of their own", counted(report.untimed, "event")));
    }
    unread(report, page);
    page.row("incidents", &opened_in_words(report));
    if let Some(says) = judged_in_words(report) {
        page.row("judged", &says);
    }
    let speed = thousands(report.lines_per_s.round() as u64);
    page.row("replayed", &format!("in {}, {speed} lines/s", duration(report.elapsed_s)));
}

/// Lists the roles that most events lack, and advice.
fn unread(report: &Report, page: &mut Page) {
    let Style { paint, width } = page.style;
    let mut sentences: Vec<String> = report.unread.iter().map(UnreadRole::sentence).collect();
    sentences.extend(advice(&report.unread));
    let lines = sentences.iter().flat_map(|sentence| wrap(sentence, width - MARGIN - NAMES));
    for (i, line) in lines.enumerate() {
        let name = format!("{:NAMES$}", if i == 0 { "unread" } else { "" });
        page.line(&format!("{}{}", paint.severity(Severity::Warning, &name), paint.severity(Severity::Warning, &line)));
    }
}

fn files(report: &Report, page: &mut Page) {
    let [file] = report.files.as_slice() else {
        let total = report.files.iter().map(|file| file.bytes).sum();
        page.row("files", &format!("{}, {}", report.files.len(), bytes(total)));
        let longest = report.files.iter().map(|file| file.name.chars().count()).max().unwrap_or(0);
        let names = longest.min(page.style.width.saturating_sub(60));
        for file in report.files.iter().take(FILES) {
            let name = clip_start(&file.name, names);
            let range = file.first.zip(file.last).map(|(first, last)| range(first.0, last.0)).unwrap_or_default();
            let range = range.trim_end_matches(" UTC");
            page.row("", &format!("{name}: {}", [&*counted(file.events, "event"), range].join(", ")));
        }
        if report.files.len() > FILES {
            page.row("", &format!("and {} more", report.files.len() - FILES));
        }
        damages(report, page);
        return;
    };
    page.row("file", &format!("{}, {}, {}", file.name, bytes(file.bytes), counted(file.lines, "line")));
    damages(report, page);
}

fn damages(report: &Report, page: &mut Page) {
    for file in &report.files {
        if let Some(damage) = &file.damage {
            let Style { paint, .. } = page.style;
            let says = format!(
                "{} could be read only up to line {} ({}): {damage}",
                file.name,
                thousands(file.lines),
                bytes(file.bytes)
            );
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
    page.heading("Timeline", &format!("one column is {}; UTC", duration(columns.width as f64 / 1e9)));
    let count = columns.bins.len();
    let mut row = |name: &str, code: &str, values: Vec<u64>| {
        let most = values.iter().copied().max().unwrap_or(0);
        if most > 0 {
            let line = sparkline(values.iter().copied());
            page.line(&format!(
                "{}{} most {}",
                paint.dim(&format!("{name:NAMES$}")),
                paint.style(code, &line),
                thousands(most)
            ));
        }
    };
    row("events", "36", columns.bins.iter().map(|bin| bin.events).collect());
    row("warnings", "33", columns.bins.iter().map(|bin| bin.warnings).collect());
    row("errors", "31", columns.bins.iter().map(|bin| bin.errors).collect());
    let marks = worst(columns, report.openings.iter().copied());
    if marks.iter().any(Option::is_some) {
        let line: String = marks
            .iter()
            .map(|worst| worst.map_or_else(|| " ".to_owned(), |worst| paint.severity(worst, &mark(worst).to_string())))
            .collect();
        page.line(&format!("{}{line}", paint.dim(&format!("{:NAMES$}", "opened"))));
    }
    page.line(&format!("{:NAMES$}{}", "", paint.dim(&clip(&axis(columns), count + SCALE))));
    if marks.iter().any(Option::is_some) {
        page.line(&format!("{:NAMES$}{}", "", paint.dim("opened: ▲ critical  △ warning  · info")));
    }
}

fn incidents(report: &Report, page: &mut Page) {
    if report.incidents.is_empty() {
        return;
    }
    page.heading("Incidents", "the worst first, then by time");
    let dated = report.first.zip(report.last).is_some_and(|(first, last)| !same_day(first.0, last.0));
    let mut rest = report.incidents.as_slice();
    while let Some(first) = rest.first() {
        let group = report.situation_of(first);
        let count = group.map_or(1, |group| rest.iter().take_while(|incident| incident.is_of(group)).count().max(1));
        if rest.len() < report.incidents.len() {
            page.text.push('\n');
        }
        if let Some(group) = group.filter(|group| group.incidents > 1) {
            situation(group, dated, page);
        }
        incident(first, dated, page);
        for effect in rest[1..count].iter().take(EFFECTS) {
            self::effect(effect, page);
        }
        let more = (count - 1).saturating_sub(EFFECTS) as u64;
        if more > 0 {
            page.line(&format!("{:MARGIN$}and {}", "", counted(more, "more incident")));
        }
        rest = &rest[count..];
    }
    if report.incidents_omitted > 0 {
        page.text.push('\n');
        let more = counted(report.incidents_omitted, "more incident");
        page.line(&format!("{more}; --limit shows more, --findings FILE keeps all"));
    }
}

/// The head of a situation of several incidents.
fn situation(situation: &Situation, dated: bool, page: &mut Page) {
    let Style { width, paint } = page.style;
    let mut time = clock_time(situation.opened_at.0);
    if dated {
        time = format!("{} {time}", &situation.opened_at.0.to_string()[..10]);
    }
    let lasted = match situation.duration_s {
        None => "still open".to_owned(),
        Some(seconds) => format!("over after {}", duration(seconds)),
    };
    let facts = format!("a situation of {}, {lasted}", counted(situation.incidents, "incident"));
    let severity = format!("{} {:8}", mark(situation.severity), situation.severity.name());
    let head = format!("{} {}", paint.severity(situation.severity, &severity), paint.bold(&time));
    page.line(&format!("{head}  {}", paint.dim(&facts)));
    for line in wrap(&plain(&situation.title), width - 2 * MARGIN) {
        page.line(&format!("{:MARGIN$}{}", "", paint.bold(&line)));
    }
}

/// A further incident of a situation, in a line.
fn effect(incident: &Incident, page: &mut Page) {
    let Style { width, paint } = page.style;
    let finding = &incident.finding;
    let text = format!("{}  {}", clock_time(finding.opened_at), finding.summary.sentence);
    page.line(&format!(
        "{:MARGIN$}{} {}",
        "",
        paint.severity(finding.severity, &mark(finding.severity).to_string()),
        clip(&text, width - 2 * MARGIN - 2)
    ));
}

fn incident(incident: &Incident, dated: bool, page: &mut Page) {
    let Style { width, paint } = page.style;
    let finding = &incident.finding;
    let what = match finding.detector {
        DetectorName::Rule => format!("rule {}", finding.kind),
        detector => format!("{}/{}", detector.name(), finding.kind),
    };
    let mut facts = vec![what];
    facts.push(match (incident.duration_s, finding.count) {
        (None, count) => format!("{}+ events, still open", thousands(count)),
        // An incident of a single finding has no duration.
        (Some(..0.001), count) => counted(count, "event"),
        (Some(seconds), count) => format!("{}, open for {}", counted(count, "event"), duration(seconds)),
    });
    if let Some(within) = &finding.respond_within {
        facts.push(format!("respond within {within}"));
    }
    let mut time = clock_time(finding.opened_at);
    if dated {
        time = format!("{} {time}", &finding.opened_at.to_string()[..10]);
    }
    let severity = format!("{} {:8}", mark(finding.severity), finding.severity.name());
    let facts = plain(&facts.join("; "));
    let head = format!("{} {}", paint.severity(finding.severity, &severity), paint.bold(&time));
    if MARGIN + 10 + time.len() + 3 + facts.chars().count() <= width {
        page.line(&format!("{head}  {}", paint.dim(&facts)));
    } else {
        page.line(&head);
        page.line(&format!("{:MARGIN$}{}", "", paint.dim(&clip(&facts, width - 2 * MARGIN))));
    }
    for line in wrap(&finding.summary.sentence, width - 2 * MARGIN) {
        page.line(&format!("{:MARGIN$}{line}", ""));
    }
    let known = [
        ("evidence", Some(evidence(Language::En, &finding.measured))),
        ("look at", next_step(Language::En, finding).map(|step| step.short)),
        ("cause", finding.cause.clone()),
        ("remedy", finding.remedy.clone()),
    ];
    for (name, says) in known {
        // A rule that matched one event has no evidence but that event.
        let measured = &finding.measured;
        let is_trivial =
            name == "evidence" && measured.p_value.is_none() && measured.window_s.unwrap_or_default() <= 0.0;
        let Some(says) = says.filter(|_| !is_trivial) else { continue };
        for (i, line) in wrap(&says, width - 2 * MARGIN - 10).into_iter().enumerate() {
            let name = paint.dim(&format!("{:10}", if i == 0 { name } else { "" }));
            page.line(&format!("{:MARGIN$}{name}{line}", ""));
        }
    }
    let mut lines: Vec<&str> = finding.context.iter().map(String::as_str).collect();
    let earlier = lines.len().saturating_sub(LINES);
    lines.drain(..earlier);
    lines.extend(finding.evidence.examples().iter().take(LINES).map(String::as_str));
    for line in lines {
        page.line(&format!("{:MARGIN$}{}", "", paint.dim(&format!("| {}", clip(line, width - 2 * MARGIN - 2)))));
    }
}

fn gaps(report: &Report, page: &mut Page) {
    if report.gaps.is_empty() {
        return;
    }
    page.heading("Silences", "of the whole stream, the longest first");
    for gap in &report.gaps {
        page.line(&format!("{:>13}  {}", duration(gap.duration_s), range(gap.from.0, gap.to.0)));
    }
}

pub(super) fn same_day(a: Timestamp, b: Timestamp) -> bool {
    a.to_string()[..10] == b.to_string()[..10]
}

/// `08:41:12`
pub(super) fn clock_time(time: Timestamp) -> String {
    time.to_string()[11..19].to_owned()
}

/// `2026-03-02 08:41:12 to 08:59:01 UTC`
fn range(first: Timestamp, last: Timestamp) -> String {
    let date = |time: Timestamp| time.to_string()[..10].to_owned();
    let from = format!("{} {}", date(first), clock_time(first));
    let to = clock_time(last);
    if same_day(first, last) { format!("{from} to {to} UTC") } else { format!("{from} to {} {to} UTC", date(last)) }
}
