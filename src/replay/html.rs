//! The report as one HTML file. It loads nothing, runs no script and looks like the filter's own
//! page. All text from logs is escaped.

use super::document::{Group, Incident, Report};
use super::html_chart::chart;
use super::unread::advice;
use super::words::judged_in_words;
use crate::engine::finding::{DetectorName, Severity};
use crate::event::Timestamp;
use crate::narrate::quantity::{bytes, counted, duration, rate, thousands};
use crate::narrate::{Language, evidence, in_short};
use crate::plain::plain;
use crate::terminal::layout::clip;
use std::fmt::Write as _;

const LOOK: &str = concat!(include_str!("../telemetry/page/look.css"), include_str!("html.css"));
/// Most lines that are shown of an incident.
const LINES: usize = 20;
/// Most characters of a line.
const LINE_CHARACTERS: usize = 2_000;

/// The report as HTML.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut page = String::with_capacity(64 << 10);
    let title = report.files.iter().map(|file| short_name(&file.name)).collect::<Vec<_>>().join(", ");
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{} \u{b7} seismolog</title>\n<style>\n{LOOK}</style>\n</head>\n<body>\n",
        Escaped(&clip(&title, 120))
    );
    header(report, &mut page);
    page.push_str("<main>\n");
    timeline(report, &mut page);
    incidents(report, &mut page);
    tables(report, &mut page);
    files(report, &mut page);
    page.push_str("</main>\n");
    let _ = write!(
        page,
        "<footer>made by seismolog {} in {}, {} lines/s; times are in UTC</footer>\n</body>\n</html>\n",
        report.version,
        duration(report.elapsed_s),
        thousands(report.lines_per_s.round() as u64)
    );
    page
}

/// Escapes text for an element or a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in plain(self.0).chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn header(report: &Report, page: &mut String) {
    let opened = |severity: Severity| report.opened.get(severity.name()).copied().unwrap_or(0);
    let found: Vec<String> = [Severity::Critical, Severity::Warning, Severity::Info]
        .into_iter()
        .filter(|severity| opened(*severity) > 0)
        .map(|severity| format!("{} {}", thousands(opened(severity)), severity.name()))
        .collect();
    let all: u64 = report.opened.values().sum();
    let verdict = match found.as_slice() {
        [] => "Nothing stood out".to_owned(),
        [only] => format!("{only} {}", if all == 1 { "incident" } else { "incidents" }),
        [before @ .., last] => format!("{} and {last} incidents", before.join(", ")),
    };
    let names = report.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
    let _ = write!(page, "<header class=\"report\">\n<h1>{verdict}</h1>\n<p>in {}</p>\n", Escaped(&clip(&names, 400)));
    let mut tiles = vec![("Events", thousands(report.events))];
    if report.duration_s > 0.0 {
        tiles.push(("Time", duration(report.duration_s)));
        tiles.push(("Rate", rate(report.events as f64 / report.duration_s)));
    }
    let level = |names: &[&str]| names.iter().filter_map(|name| report.levels.get(name)).sum::<u64>();
    tiles.push(("Errors", thousands(level(&["ERROR", "FATAL"]))));
    tiles.push(("Warnings", thousands(level(&["WARN"]))));
    page.push_str("<dl class=\"tiles\">");
    for (name, value) in tiles {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", Escaped(&value));
    }
    page.push_str("</dl>\n");
    if let Some(says) = judged_in_words(report) {
        let _ = writeln!(page, "<p>{}</p>", Escaped(&says));
    }
    if let Some(advice) = advice(&report.unread) {
        page.push_str("<div class=\"note unread\">");
        for role in &report.unread {
            let _ = write!(page, "<p>{}</p>", Escaped(&role.sentence()));
        }
        let _ = writeln!(page, "<p>{}</p></div>", Escaped(&advice));
    }
    page.push_str("</header>\n");
}

fn timeline(report: &Report, page: &mut String) {
    let columns = &report.fine.0;
    if columns.bins.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<section class=\"sheet\"><h2>Events over time <small>{}UTC; one column is {}</small></h2>\n<div class=\"scroll\">",
        days(report),
        duration(columns.width as f64 / 1e9)
    );
    chart(report, page);
    page.push_str("</div>\n<ul class=\"legend\">");
    for (shape, name) in [
        ("<rect width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--trace)\"/>", "events"),
        ("<rect width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--warning-fill)\"/>", "warnings"),
        ("<rect width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--critical-fill)\"/>", "errors"),
    ] {
        let _ = write!(page, "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\">{shape}</svg>{name}</li>");
    }
    page.push_str("<li class=\"of\">incidents opened:</li>");
    for severity in [Severity::Critical, Severity::Warning, Severity::Info] {
        let _ = write!(page, "<li>{}{}</li>", shape(severity), severity.name());
    }
    page.push_str("</ul>");
    let outside = report.outside + report.untimed;
    if outside > 0 {
        let _ = write!(
            page,
            "<p class=\"muted\">{} without a time, or far outside of all others, are not on it.</p>",
            counted(outside, "event")
        );
    }
    page.push_str("</section>\n");
}

/// The shape of a severity, so that severities differ without colours as well.
fn shape(severity: Severity) -> String {
    let shape = match severity {
        Severity::Critical => "<path class=\"mark-critical\" d=\"M6 1l5.5 10H.5z\"/>",
        Severity::Warning => "<path class=\"mark-warning\" d=\"M6 2.2L10.4 10H1.6z\"/>",
        Severity::Info => "<circle class=\"mark-info\" cx=\"6\" cy=\"6\" r=\"3.5\"/>",
    };
    format!("<svg viewBox=\"0 0 12 12\" aria-hidden=\"true\">{shape}</svg>")
}

/// The name of a severity, after its shape.
fn label(severity: Severity) -> String {
    let (shape, name) = (shape(severity), severity.name());
    format!("<span class=\"sev {name}\">{shape}{name}</span>")
}

fn incidents(report: &Report, page: &mut String) {
    page.push_str("<section class=\"sheet\"><h2>Incidents <small>the worst first, then by time</small></h2>\n");
    if report.incidents.is_empty() {
        page.push_str("<p class=\"muted\">None: everything that came was as it usually is in these files.</p>");
    }
    let one_day = report.first.zip(report.last).is_some_and(|(first, last)| day(first.0) == day(last.0));
    let mut rest = report.incidents.as_slice();
    let mut shown = 0;
    while let Some(first) = rest.first() {
        let group = report.situation_of(first).filter(|group| group.incidents > 1);
        let count = group.map_or(1, |group| rest.iter().take_while(|incident| incident.is_of(group)).count().max(1));
        if let Some(group) = group {
            let more = counted(group.incidents, "incident");
            let _ = write!(
                page,
                "<section class=\"situation\" id=\"s{}\"><h3>{}<span class=\"what\">{}</span><span class=\"meta\">{more}</span></h3>\n",
                group.id,
                label(group.severity),
                Escaped(&group.title)
            );
        }
        for (i, incident) in rest[..count].iter().enumerate() {
            put_incident(incident, one_day, shown < 3 && i == 0, page);
        }
        if group.is_some() {
            page.push_str("</section>\n");
        }
        shown += 1;
        rest = &rest[count..];
    }
    if report.incidents_omitted > 0 {
        let _ =
            write!(page, "<p class=\"muted\">{} more; --limit shows them.</p>", thousands(report.incidents_omitted));
    }
    page.push_str("</section>\n");
}

fn put_incident(incident: &Incident, one_day: bool, is_open: bool, page: &mut String) {
    let finding = &incident.finding;
    let time = finding.opened_at.to_string();
    let shown = if one_day { &time[11..19] } else { &time[..19] };
    let what = match finding.detector {
        DetectorName::Rule => format!("rule {}", finding.kind),
        detector => format!("{}/{}", detector.name(), finding.kind),
    };
    let mut meta = vec![what, counted(finding.count, "event")];
    match incident.duration_s {
        None => meta.push("still open at the end".to_owned()),
        Some(..0.001) => {}
        Some(seconds) => meta.push(format!("lasted {}", duration(seconds))),
    }
    let _ = write!(
        page,
        "<details class=\"incident\" id=\"i{}\"{}><summary>{}<span class=\"what\">{}</span>\
         <time class=\"when\" datetime=\"{time}\">{shown}</time><span class=\"meta\">{}</span></summary>\n<div class=\"detail\">",
        finding.id,
        if is_open { " open" } else { "" },
        label(finding.severity),
        Escaped(&finding.summary.sentence),
        Escaped(&meta.join(" \u{b7} "))
    );
    page.push_str("<p class=\"tags\">");
    for (name, value) in &finding.key.0 {
        let _ = write!(
            page,
            "<span class=\"tag\"><span class=\"muted\">{}</span> {}</span> ",
            Escaped(name),
            Escaped(value)
        );
    }
    if let Some(within) = finding.respond_within.as_ref().filter(|_| incident.duration_s.is_none()) {
        let _ = write!(page, "<span class=\"tag due\">respond within {}</span>", Escaped(within));
    }
    page.push_str("</p>");
    for (name, text) in [("Cause", &finding.cause), ("Remedy", &finding.remedy)] {
        if let Some(text) = text {
            let _ = write!(page, "<div class=\"note\"><b>{name}</b>{}</div>", Escaped(text));
        }
    }
    let told = in_short(Language::En, finding);
    for (name, text) in [("What it means", Some(&told.meaning)), ("Where to look", told.look_at.as_ref())] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let _ = write!(page, "<div><h3>{name}</h3><p>{}</p></div>", Escaped(text));
        }
    }
    let context: Vec<&str> = finding.context.iter().map(String::as_str).collect();
    let earlier = context.len().saturating_sub(LINES);
    lines("Lines that led up to it", context[earlier..].iter().copied(), page);
    lines("Lines", finding.evidence.examples().iter().take(LINES).map(String::as_str), page);
    if let Some(odds) = &told.odds {
        let _ = write!(
            page,
            "<details class=\"numbers\"><summary>Evidence in numbers</summary><p>{}</p><p>{}</p></details>",
            Escaped(&evidence(Language::En, &finding.measured)),
            Escaped(odds)
        );
    }
    page.push_str("</div></details>\n");
}

fn lines<'a>(title: &str, lines: impl Iterator<Item = &'a str>, page: &mut String) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = write!(
        page,
        "<div><h3>{title}</h3><div class=\"lines\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><ol>"
    );
    for line in lines {
        let _ = write!(page, "<li>{}</li>", Escaped(&clip(line, LINE_CHARACTERS)));
    }
    page.push_str("</ol></div></div>");
}

fn tables(report: &Report, page: &mut String) {
    page.push_str("<div class=\"pair\">\n");
    let total = report.modules_total;
    groups("Modules", "module", &report.modules, (total > report.modules.len()).then_some(total), report, page);
    if !report.failures.is_empty() {
        groups("Most frequent errors and warnings", "message", &report.failures, None, report, page);
    }
    groups("Most frequent messages", "message", &report.messages, None, report, page);
    if !report.gaps.is_empty() {
        page.push_str("<section class=\"sheet\"><h2>Silences <small>of the whole stream, the longest first</small></h2><table><tr><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\" class=\"num\">Length</th></tr>");
        for gap in &report.gaps {
            let (from, to) = (gap.from.0.to_string(), gap.to.0.to_string());
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"num\">{}</td></tr>",
                second(&from),
                second(&to),
                duration(gap.duration_s)
            );
        }
        page.push_str("</table></section>\n");
    }
    page.push_str("</div>\n");
}

fn groups(title: &str, what: &str, groups: &[Group], total: Option<usize>, report: &Report, page: &mut String) {
    if groups.is_empty() {
        return;
    }
    let aside = match (what, total) {
        (_, Some(total)) => format!("of {}", thousands(total as u64)),
        ("message", _) => "&lt;*&gt; stands for what varies".to_owned(),
        _ => String::new(),
    };
    let _ = writeln!(
        page,
        "<section class=\"sheet\"><h2>{title} <small>{aside}</small></h2><table><tr><th scope=\"col\" class=\"num\">Events</th>\
         <th scope=\"col\" class=\"num\">Errors</th><th scope=\"col\" class=\"num\">Warnings</th><th scope=\"col\">{what}</th></tr>"
    );
    let count = |count: u64| if count == 0 { String::new() } else { thousands(count) };
    for group in groups {
        let least = if report.counts_exact { "" } else { "\u{2265}\u{a0}" };
        let _ = writeln!(
            page,
            "<tr><td class=\"num\">{least}{}</td><td class=\"num err\">{}</td><td class=\"num wrn\">{}</td><td class=\"wrap{}\">{}</td></tr>",
            count(group.counts.events),
            count(group.counts.errors),
            count(group.counts.warnings),
            if what == "message" { " mono" } else { "" },
            Escaped(&clip(&group.name, 400))
        );
    }
    page.push_str("</table></section>\n");
}

fn files(report: &Report, page: &mut String) {
    page.push_str("<section class=\"sheet\"><h2>Files</h2><div class=\"scroll\"><table><tr><th scope=\"col\">File</th><th scope=\"col\" class=\"num\">Lines</th><th scope=\"col\" class=\"num\">Size</th><th scope=\"col\">From</th><th scope=\"col\">To</th></tr>\n");
    for file in &report.files {
        let time =
            |time: Option<super::document::Rfc3339>| time.map_or(String::new(), |time| second(&time.0.to_string()));
        let damage = file
            .damage
            .as_deref()
            .map_or(String::new(), |damage| format!(" <span class=\"bad\">cut off: {}</span>", Escaped(damage)));
        let _ = writeln!(
            page,
            "<tr><td class=\"wrap\">{}{damage}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(&file.name),
            thousands(file.lines),
            bytes(file.bytes),
            time(file.first),
            time(file.last)
        );
    }
    page.push_str("</table></div>");
    if !report.faults.is_empty() {
        let said: Vec<String> = report
            .faults
            .iter()
            .map(|(name, count)| format!("{}: {}", name.replace('_', " "), thousands(*count)))
            .collect();
        let _ = write!(page, "<p class=\"muted\">Faults: {}</p>", Escaped(&said.join("; ")));
    }
    page.push_str("</section>\n");
}

/// The days of the timeline: `2026-03-02, `, `2026-03-02 to 2026-03-04, `.
fn days(report: &Report) -> String {
    match report.first.zip(report.last).map(|(first, last)| (day(first.0), day(last.0))) {
        Some((first, last)) if first == last => format!("{first}, "),
        Some((first, last)) => format!("{first} to {last}, "),
        None => String::new(),
    }
}

fn day(time: Timestamp) -> String {
    time.to_string()[..10].to_owned()
}

/// `2026-03-02 08:41:12`
fn second(time: &str) -> String {
    format!("{} {}", &time[..10], &time[11..19])
}

fn short_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
