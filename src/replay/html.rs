//! The report as one HTML file. It loads nothing, runs no script and looks like the filter's own
//! page. All text from logs is escaped.

use super::document::{Audience, Group, Incident, Report};
use super::html_chart::chart;
use super::unread::advice;
use super::words::judged_in_words;
use crate::engine::finding::{DetectorName, Finding, Severity};
use crate::narrate::quantity::{Noun, bytes, rate, thousands};
use crate::narrate::{Words, fill, in_short};
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
    let (reader, words) = (&report.reader, report.reader.language.words());
    let title = report.files.iter().map(|file| short_name(&file.name)).collect::<Vec<_>>().join(", ");
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{} \u{b7} seismolog</title>\n<style>\n{LOOK}</style>\n</head>\n<body>\n",
        reader.language.tag(),
        Escaped(&clip(&title, 120))
    );
    header(report, &mut page);
    page.push_str("<main>\n");
    timeline(report, &mut page);
    incidents(report, &mut page);
    tables(report, &mut page);
    files(report, &mut page);
    page.push_str("</main>\n");
    let (elapsed, speed) = (reader.language.duration(report.elapsed_s), thousands(report.lines_per_s.round() as u64));
    let made = fill(words.made_by, &[&report.version, &elapsed, &speed, &reader.zone.name()]);
    let _ = write!(page, "<footer>{}</footer>\n</body>\n</html>\n", Escaped(&made));
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
    let (language, words) = (report.reader.language, report.reader.language.words());
    let opened = |severity: Severity| report.opened.get(severity.name()).copied().unwrap_or(0);
    let found: Vec<String> = [Severity::Critical, Severity::Warning, Severity::Info]
        .into_iter()
        .filter(|severity| opened(*severity) > 0)
        .map(|severity| fill(words.opened_part, &[&thousands(opened(severity)), &language.severity(severity)]))
        .collect();
    let all: u64 = report.opened.values().sum();
    let verdict = match found.as_slice() {
        [] => words.nothing.to_owned(),
        [only] => fill(if all == 1 { words.opened_one } else { words.opened_some }, &[only]),
        [before @ .., last] => fill(words.opened_many, &[&before.join(words.list_comma), last]),
    };
    let names = report.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
    let _ = write!(
        page,
        "<header class=\"report\">\n<h1>{verdict}</h1>\n<p>{}</p>\n",
        Escaped(&fill(words.in_files, &[&clip(&names, 400)]))
    );
    let mut tiles = vec![(words.tile_events, thousands(report.events))];
    if report.duration_s > 0.0 {
        tiles.push((words.tile_time, language.duration(report.duration_s)));
        tiles.push((words.tile_rate, rate(report.events as f64 / report.duration_s)));
    }
    let level = |names: &[&str]| names.iter().filter_map(|name| report.levels.get(name)).sum::<u64>();
    tiles.push((words.tile_errors, thousands(level(&["ERROR", "FATAL"]))));
    tiles.push((words.tile_warnings, thousands(level(&["WARN"]))));
    page.push_str("<dl class=\"tiles\">");
    for (name, value) in tiles {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", Escaped(&value));
    }
    page.push_str("</dl>\n");
    if let Some(says) = judged_in_words(report) {
        let _ = writeln!(page, "<p>{}</p>", Escaped(&says));
    }
    if let Some(advice) = advice(&report.unread, words) {
        page.push_str("<div class=\"note unread\">");
        for role in &report.unread {
            let _ = write!(page, "<p>{}</p>", Escaped(&role.sentence(words)));
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
    let (reader, words) = (&report.reader, report.reader.language.words());
    let width = reader.language.duration(columns.width as f64 / 1e9);
    let zone = format!("{}{}", days(report), reader.zone.name());
    let _ = write!(
        page,
        "<section class=\"sheet\"><h2>{} <small>{}</small></h2>\n<div class=\"scroll\">",
        words.over_time,
        Escaped(&fill(words.column_is, &[&width, &zone]))
    );
    chart(report, page);
    page.push_str("</div>\n<ul class=\"legend\">");
    for (shape, name) in [
        ("<rect width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--trace)\"/>", words.events),
        ("<rect width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--warning-fill)\"/>", words.warnings),
        ("<rect width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--critical-fill)\"/>", words.errors),
    ] {
        let _ = write!(page, "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\">{shape}</svg>{name}</li>");
    }
    let _ = write!(page, "<li class=\"of\">{}</li>", words.incidents_opened);
    for severity in [Severity::Critical, Severity::Warning, Severity::Info] {
        let _ = write!(page, "<li>{}{}</li>", shape(severity), reader.language.severity(severity));
    }
    page.push_str("</ul>");
    let outside = report.outside + report.untimed;
    if outside > 0 {
        let said = fill(words.not_on_it, &[&reader.language.counted(outside, Noun::Event)]);
        let _ = write!(page, "<p class=\"muted\">{said}</p>");
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
fn label(severity: Severity, reader: &Audience) -> String {
    let (shape, class, name) = (shape(severity), severity.name(), reader.language.severity(severity));
    format!("<span class=\"sev {class}\">{shape}{name}</span>")
}

fn incidents(report: &Report, page: &mut String) {
    let (reader, words) = (&report.reader, report.reader.language.words());
    let (title, order) = (words.incidents_title, words.incidents_order);
    let _ = writeln!(page, "<section class=\"sheet\"><h2>{title} <small>{order}</small></h2>");
    if report.incidents.is_empty() {
        let _ = write!(page, "<p class=\"muted\">{}</p>", words.no_incidents);
    }
    let day = |time| reader.day(time);
    let one_day = report.first.zip(report.last).is_some_and(|(first, last)| day(first.0) == day(last.0));
    for (shown, (group, incidents)) in report.groups().enumerate() {
        if let Some(group) = group {
            let _ = writeln!(
                page,
                "<section class=\"situation\" id=\"s{}\"><h3>{}<span class=\"what\">{}</span><span class=\"meta\">{}</span></h3>",
                group.id,
                label(group.severity, reader),
                Escaped(&group.title),
                reader.language.counted(group.incidents, Noun::Incident)
            );
        }
        for (i, incident) in incidents.iter().enumerate() {
            put_incident(incident, reader, one_day, shown < 3 && i == 0, page);
        }
        if group.is_some() {
            page.push_str("</section>\n");
        }
    }
    if report.incidents_omitted > 0 {
        let more = fill(words.more_by_limit, &[&thousands(report.incidents_omitted)]);
        let _ = write!(page, "<p class=\"muted\">{more}</p>");
    }
    page.push_str("</section>\n");
}

fn put_incident(incident: &Incident, reader: &Audience, one_day: bool, is_open: bool, page: &mut String) {
    let (finding, words) = (&incident.finding, reader.language.words());
    let (time, local) = (finding.opened_at.to_string(), reader.local(finding.opened_at));
    let shown = if one_day { local[11..19].to_owned() } else { second(&local) };
    let _ = write!(
        page,
        "<details class=\"incident\" id=\"i{}\"{}><summary>{}<span class=\"what\">{}</span>\
         <time class=\"when\" datetime=\"{time}\">{shown}</time><span class=\"meta\">{}</span></summary>\n<div class=\"detail\">",
        finding.id,
        if is_open { " open" } else { "" },
        label(finding.severity, reader),
        Escaped(&finding.summary.sentence),
        Escaped(&meta(incident, reader))
    );
    page.push_str("<p class=\"tags\">");
    for (name, value) in &finding.key.0 {
        let _ = write!(
            page,
            "<span class=\"tag\"><span class=\"muted\">{}</span> {}</span> ",
            Escaped(reader.language.member(name)),
            Escaped(value)
        );
    }
    if let Some(within) = finding.respond_within.as_ref().filter(|_| incident.duration_s.is_none()) {
        let due = fill(words.respond_within, &[within]);
        let _ = write!(page, "<span class=\"tag due\">{}</span>", Escaped(&due));
    }
    page.push_str("</p>");
    for (name, text) in [(words.title_cause, &finding.cause), (words.title_remedy, &finding.remedy)] {
        if let Some(text) = text {
            let _ = write!(page, "<div class=\"note\"><b>{name}</b>{}</div>", Escaped(text));
        }
    }
    explained(finding, words, page);
    page.push_str("</div></details>\n");
}

/// What it means, what to do first, the lines, and in numbers how sure it is.
fn explained(finding: &Finding, words: &Words, page: &mut String) {
    let told = in_short(finding.language, finding);
    for (name, text) in [(words.what_it_means, Some(&told.meaning)), (words.title_next_step, told.next_step.as_ref())] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let _ = write!(page, "<div><h3>{name}</h3><p>{}</p></div>", Escaped(text));
        }
    }
    let context: Vec<&str> = finding.context.iter().map(String::as_str).collect();
    let earlier = context.len().saturating_sub(LINES);
    lines(words.led_up, context[earlier..].iter().copied(), page);
    lines(words.lines, finding.evidence.examples().iter().take(LINES).map(String::as_str), page);
    if let Some(odds) = &told.odds {
        let _ = write!(
            page,
            "<details class=\"numbers\"><summary>{}</summary><p>{}</p></details>",
            words.in_numbers,
            Escaped(odds)
        );
    }
}

/// What found it, how many events it had, and how long it lasted.
fn meta(incident: &Incident, reader: &Audience) -> String {
    let (finding, words) = (&incident.finding, reader.language.words());
    let what = match finding.detector {
        DetectorName::Rule => fill(words.rule, &[&finding.kind]),
        detector => format!("{}/{}", detector.name(), finding.kind),
    };
    let mut meta = vec![what, reader.language.counted(finding.count, Noun::Event)];
    match incident.duration_s {
        None => meta.push(words.open_at_end.to_owned()),
        Some(..0.001) => {}
        Some(seconds) => meta.push(fill(words.lasted, &[&reader.language.duration(seconds)])),
    }
    meta.join(" \u{b7} ")
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
    let (reader, words) = (&report.reader, report.reader.language.words());
    let total = report.modules_total;
    groups(words.modules_title, true, &report.modules, (total > report.modules.len()).then_some(total), report, page);
    if !report.failures.is_empty() {
        groups(words.failures_title, false, &report.failures, None, report, page);
    }
    groups(words.messages_title, false, &report.messages, None, report, page);
    if !report.gaps.is_empty() {
        let Words { silences_title, silences_order, title_from, title_to, title_length, .. } = words;
        let _ = write!(
            page,
            "<section class=\"sheet\"><h2>{silences_title} <small>{silences_order}</small></h2><table><tr>\
             <th scope=\"col\">{title_from}</th><th scope=\"col\">{title_to}</th>\
             <th scope=\"col\" class=\"num\">{title_length}</th></tr>"
        );
        for gap in &report.gaps {
            let (from, to) = (reader.local(gap.from.0), reader.local(gap.to.0));
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"num\">{}</td></tr>",
                second(&from),
                second(&to),
                reader.language.duration(gap.duration_s)
            );
        }
        page.push_str("</table></section>\n");
    }
    page.push_str("</div>\n");
}

fn groups(title: &str, modules: bool, groups: &[Group], total: Option<usize>, report: &Report, page: &mut String) {
    if groups.is_empty() {
        return;
    }
    let words = report.reader.language.words();
    let (what, aside) = match (modules, total) {
        (true, Some(total)) => (words.module, fill(words.of_total, &[&thousands(total as u64)])),
        (true, None) => (words.module, String::new()),
        (false, _) => (words.message, words.varies.to_owned()),
    };
    let _ = writeln!(
        page,
        "<section class=\"sheet\"><h2>{title} <small>{}</small></h2><table><tr><th scope=\"col\" class=\"num\">{}</th>\
         <th scope=\"col\" class=\"num\">{}</th><th scope=\"col\" class=\"num\">{}</th><th scope=\"col\">{what}</th></tr>",
        Escaped(&aside),
        words.tile_events,
        words.tile_errors,
        words.tile_warnings
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
            if modules { "" } else { " mono" },
            Escaped(&clip(&group.name, 400))
        );
    }
    page.push_str("</table></section>\n");
}

fn files(report: &Report, page: &mut String) {
    let (reader, words) = (&report.reader, report.reader.language.words());
    let Words { title_files, title_file, title_lines, title_size, title_from, title_to, .. } = words;
    let _ = writeln!(
        page,
        "<section class=\"sheet\"><h2>{title_files}</h2><div class=\"scroll\"><table><tr><th scope=\"col\">{title_file}</th>\
         <th scope=\"col\" class=\"num\">{title_lines}</th><th scope=\"col\" class=\"num\">{title_size}</th>\
         <th scope=\"col\">{title_from}</th><th scope=\"col\">{title_to}</th></tr>"
    );
    for file in &report.files {
        let time =
            |time: Option<super::document::Rfc3339>| time.map_or(String::new(), |time| second(&reader.local(time.0)));
        let damage = file
            .damage
            .as_deref()
            .map(|damage| fill(words.cut_off, &[&damage]))
            .map_or(String::new(), |damage| format!(" <span class=\"bad\">{}</span>", Escaped(&damage)));
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
        let _ =
            write!(page, "<p class=\"muted\">{}</p>", Escaped(&fill(words.faults_are, &[&said.join(words.semicolon)])));
    }
    page.push_str("</section>\n");
}

/// The days of the timeline: `2026-03-02, `, `2026-03-02 to 2026-03-04, `.
fn days(report: &Report) -> String {
    let (reader, words) = (&report.reader, report.reader.language.words());
    match report.first.zip(report.last).map(|(first, last)| (reader.day(first.0), reader.day(last.0))) {
        Some((first, last)) if first == last => format!("{first}{}", words.comma),
        Some((first, last)) => format!("{}{}", fill(words.from_to, &[&first, &last]), words.comma),
        None => String::new(),
    }
}

/// `2026-03-02 08:41:12`
fn second(time: &str) -> String {
    format!("{} {}", &time[..10], &time[11..19])
}

fn short_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
