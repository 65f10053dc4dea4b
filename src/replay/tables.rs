//! The report's tables: modules and messages.

use super::document::{Group, Report};
use super::report::Page;
use crate::narrate::quantity::thousands;
use crate::terminal::layout::{clip, clip_start};

/// A column: its heading, the count it shows, and its colour.
type Column = (&'static str, fn(&Group) -> u64, &'static str);

/// The width of a count, in characters.
const COUNT: usize = 10;

/// The modules with the most events.
pub(super) fn modules(report: &Report, page: &mut Page) {
    if report.modules.is_empty() {
        return;
    }
    let aside = match report.modules_total - report.modules.len() {
        0 => String::new(),
        more => format!("and {} more", thousands(more as u64)),
    };
    page.heading("Modules", &aside);
    table(&report.modules, report.counts_exact, "module", page);
}

/// The most frequent messages, and the most frequent errors and warnings if there are any.
pub(super) fn messages(report: &Report, page: &mut Page) {
    if !report.failures.is_empty() {
        page.heading("Most frequent errors and warnings", "<*> stands for what varies");
        table(&report.failures, report.counts_exact, "message", page);
    }
    let all_bad = report.messages.iter().all(|group| report.failures.contains(group));
    if !report.messages.is_empty() && !all_bad {
        page.heading("Most frequent messages", "<*> stands for what varies");
        table(&report.messages, report.counts_exact, "message", page);
    }
}

fn table(groups: &[Group], exact: bool, what: &str, page: &mut Page) {
    let paint = page.style.paint;
    let all: [Column; 3] = [
        ("events", |group| group.counts.events, ""),
        ("errors", |group| group.counts.errors, "31"),
        ("warnings", |group| group.counts.warnings, "33"),
    ];
    let columns: Vec<_> = all.into_iter().filter(|(_, count, _)| groups.iter().any(|group| count(group) > 0)).collect();
    let head: String = columns.iter().map(|(name, ..)| format!("{name:>COUNT$}")).collect();
    page.line(&paint.dim(&format!("{head}  {what}")));
    let room = page.style.width.saturating_sub(columns.len() * COUNT + 4);
    for group in groups {
        let mut line = String::new();
        for (name, count, code) in &columns {
            let count = count(group);
            let bound = if exact || *name != "events" { "" } else { "≥ " };
            let text = if count == 0 { String::new() } else { format!("{bound}{}", thousands(count)) };
            line.push_str(&if code.is_empty() {
                format!("{text:>COUNT$}")
            } else {
                paint.style(code, &format!("{text:>COUNT$}"))
            });
        }
        let cut = if what == "module" { clip_start } else { clip };
        page.line(&format!("{line}  {}", cut(&group.name, room)));
    }
}
