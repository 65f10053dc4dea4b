//! The report's tables: modules and messages.

use super::document::{Group, Report};
use super::report::Page;
use crate::narrate::fill;
use crate::narrate::quantity::thousands;
use crate::terminal::layout::{clip, clip_start, padded_left};

/// A column: its heading, the count it shows, and its colour.
type Column = (&'static str, fn(&Group) -> u64, &'static str);

/// The width of a count, in characters.
const COUNT: usize = 10;

/// The modules with the most events.
pub(super) fn modules(report: &Report, page: &mut Page) {
    if report.modules.is_empty() {
        return;
    }
    let words = report.reader.language.words();
    let aside = match report.modules_total - report.modules.len() {
        0 => String::new(),
        more => fill(words.and_more, &[&thousands(more as u64)]),
    };
    page.heading(words.modules_title, &aside);
    table(&report.modules, report, true, page);
}

/// The most frequent messages, and the most frequent errors and warnings if there are any.
pub(super) fn messages(report: &Report, page: &mut Page) {
    let words = report.reader.language.words();
    if !report.failures.is_empty() {
        page.heading(words.failures_title, words.varies);
        table(&report.failures, report, false, page);
    }
    let all_bad = report.messages.iter().all(|group| report.failures.contains(group));
    if !report.messages.is_empty() && !all_bad {
        page.heading(words.messages_title, words.varies);
        table(&report.messages, report, false, page);
    }
}

fn table(groups: &[Group], report: &Report, is_of_modules: bool, page: &mut Page) {
    let (paint, words) = (page.style.paint, report.reader.language.words());
    let all: [Column; 3] = [
        (words.events, |group| group.counts.events, ""),
        (words.errors, |group| group.counts.errors, "31"),
        (words.warnings, |group| group.counts.warnings, "33"),
    ];
    let columns: Vec<_> = all.into_iter().filter(|(_, count, _)| groups.iter().any(|group| count(group) > 0)).collect();
    let head: String = columns.iter().map(|(name, ..)| padded_left(name, COUNT)).collect();
    let what = if is_of_modules { words.module } else { words.message };
    page.line(&paint.dim(&format!("{head}  {what}")));
    let room = page.style.width.saturating_sub(columns.len() * COUNT + 4);
    for group in groups {
        let mut line = String::new();
        for (name, count, code) in &columns {
            let count = count(group);
            let bound = if report.counts_exact || *name != words.events { "" } else { "≥ " };
            let text = if count == 0 { String::new() } else { format!("{bound}{}", thousands(count)) };
            line.push_str(&if code.is_empty() {
                format!("{text:>COUNT$}")
            } else {
                paint.style(code, &format!("{text:>COUNT$}"))
            });
        }
        let cut = if is_of_modules { clip_start } else { clip };
        page.line(&format!("{line}  {}", cut(&group.name, room)));
    }
}
