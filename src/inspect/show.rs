//! Shows how a line was parsed.

use super::document::{shape_name, without};
use super::problem;
use crate::event::Role;
use crate::event::inspect::{LineMember, LineReading};
use crate::narrate::quantity::milliseconds;
use crate::plain::plain;
use crate::terminal::Paint;
use crate::terminal::layout::clip;
use std::fmt::Write as _;

/// The width of the column with roles' names.
const NAMES: usize = 12;
/// The width of the column with values; a longer value shifts the rest of its row.
const VALUES: usize = 30;

/// How lines are shown.
#[derive(Clone, Copy, Debug)]
pub struct LineView {
    /// The width of the screen in columns.
    pub width: usize,
    /// The colours, if any.
    pub paint: Paint,
}

impl LineView {
    /// Shows line `number` of a file and how it was parsed.
    #[must_use]
    pub fn line(self, number: u64, line: &str, reading: &LineReading, duration_ms: Option<f64>) -> String {
        let Self { width, paint } = self;
        let layouts = match reading.layouts.as_slice() {
            [] => shape_name(reading.shape).to_owned(),
            layouts => layouts.join(" > "),
        };
        let mut text = format!("{}  {}\n", paint.bold(&number.to_string()), paint.style("36", &layouts));
        if !line.trim().is_empty() {
            let _ = writeln!(text, "  {}", paint.dim(&format!("| {}", clip(line, width.saturating_sub(4)))));
        }
        for found in &reading.roles {
            let mut facts: Vec<String> = found.from.iter().map(|from| origin(from, &found.value)).collect();
            if found.is_default {
                facts.push("taken for granted".into());
            }
            if let Some(duration) = duration_ms.filter(|_| found.role == Role::Duration) {
                facts.push(milliseconds(duration));
            }
            let value = clip(&plain(&found.value), width.saturating_sub(NAMES + 4).max(20));
            let pad = VALUES.saturating_sub(value.chars().count());
            let facts = paint.dim(&plain(&facts.join(", ")));
            let row = format!("  {}{value}{:pad$}  {facts}", paint.dim(&format!("{:NAMES$}", found.role.name())), "");
            let _ = writeln!(text, "{}", row.trim_end());
        }
        let mut row = |name: &str, says: &str| {
            let name = paint.style("33", &format!("{name:NAMES$}"));
            let _ = writeln!(text, "  {name}{}", clip(&plain(says), width.saturating_sub(NAMES + 2).max(20)));
        };
        for tried in &reading.tried {
            let member = named(&tried.member);
            row("tried", &format!("{member}: \"{}\" is {}", tried.member.text, problem(tried.role)));
        }
        let lacks: Vec<&str> = without(reading).map(Role::name).collect();
        if !lacks.is_empty() {
            row("without", &lacks.join(", "));
        }
        if let Some(fault) = reading.fault {
            row("fault", fault.explain());
        }
        text
    }
}

/// The member's path, after the name of the outer member whose text holds it.
fn named(member: &LineMember) -> String {
    match (&member.inside, member.path.as_str()) {
        (Some(inside), "") => inside.clone(),
        (Some(inside), path) => format!("{inside} > {path}"),
        (None, path) => path.to_owned(),
    }
}

/// The origin of a value: which member, which bytes, and how it is written there.
fn origin(from: &LineMember, value: &str) -> String {
    let mut facts = Vec::new();
    let name = named(from);
    if !name.is_empty() {
        facts.push(name);
    }
    if from.text != value && from.text.trim_end() != value {
        facts.push(format!("\"{}\"", clip(&from.text, 40)));
    }
    if let Some(bytes) = &from.bytes {
        facts.push(format!("bytes {} to {}", bytes.start, bytes.end));
    }
    facts.join(", ")
}
