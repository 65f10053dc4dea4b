//! The summary as text for people.

use super::summary::{Share, SummaryDocument};
use crate::event::Role;
use crate::narrate::quantity::{counted, thousands};
use crate::plain::plain;
use crate::terminal::Paint;
use crate::terminal::layout::{clip, wrap};
use std::fmt::Write as _;

/// The roles whose shares are shown for all events.
const ROLES: [Role; 9] = [
    Role::Timestamp,
    Role::Level,
    Role::Message,
    Role::Module,
    Role::Host,
    Role::Operation,
    Role::Duration,
    Role::Status,
    Role::Trace,
];
/// The roles whose shares are shown for each layout.
const COLUMNS: [Role; 6] = [Role::Timestamp, Role::Level, Role::Message, Role::Module, Role::Operation, Role::Duration];
/// How many layouts are listed.
const LAYOUTS: usize = 20;

impl SummaryDocument {
    /// The summary in lines of at most `width` characters.
    #[must_use]
    pub fn render(&self, width: usize, paint: Paint) -> String {
        let mut text = String::new();
        self.head(&mut text);
        self.shares(paint, &mut text);
        self.layouts(width, paint, &mut text);
        self.unread(width, paint, &mut text);
        self.settings(paint, &mut text);
        text
    }

    fn head(&self, text: &mut String) {
        let files = match self.files.as_slice() {
            [file] => plain(file),
            files => counted(files.len() as u64, "file"),
        };
        let _ = write!(text, "{files}: {}, {}", counted(self.lines, "line"), counted(self.events, "event"));
        for (count, what) in
            [(self.blank_lines, "blank"), (self.trace_lines, "of stack traces"), (self.own_events, "of a seismolog")]
        {
            if count > 0 {
                let _ = write!(text, ", {} {what}", thousands(count));
            }
        }
        text.push('\n');
    }

    fn shares(&self, paint: Paint, text: &mut String) {
        let _ = writeln!(text, "\n{}  {}", paint.bold("What events tell"), paint.dim("share, events"));
        for role in ROLES {
            let share = self.roles.get(role.name()).copied().unwrap_or_default();
            // Nearly every log has times, levels and messages; not every log has operations.
            let is_bad = matches!(role, Role::Timestamp | Role::Level | Role::Message) && share.share < 0.5;
            let percent = format!("{:>7}", percent(share, self.events));
            let percent = if is_bad { paint.style("1;33", &percent) } else { percent };
            let _ = writeln!(text, "  {:11}{percent}  {:>11}", role.name(), thousands(share.events));
        }
        for (name, count) in &self.faults {
            let _ = writeln!(text, "  {}", paint.style("33", &format!("fault {name}: {}", thousands(*count))));
        }
    }

    fn layouts(&self, width: usize, paint: Paint, text: &mut String) {
        if self.layouts.is_empty() {
            return;
        }
        let _ = writeln!(text, "\n{}", paint.bold("Layouts"));
        let mut head = format!("  {:>10}", "events");
        for role in COLUMNS {
            let _ = write!(head, "  {:>9}", role.name());
        }
        let _ = writeln!(text, "{}", paint.dim(&(head + "  layout")));
        for layout in self.layouts.iter().take(LAYOUTS) {
            let _ = write!(text, "  {:>10}", thousands(layout.events));
            for role in COLUMNS {
                let share = layout.roles.get(role.name()).copied().unwrap_or_default();
                let _ = write!(text, "  {:>9}", percent(share, layout.events));
            }
            let name = if layout.layouts.is_empty() { "not read".to_owned() } else { layout.layouts.join(" > ") };
            let _ = writeln!(text, "  {}", clip(&name, width.saturating_sub(80).max(30)));
        }
        if self.layouts.len() > LAYOUTS {
            let _ = writeln!(text, "  and {} more", self.layouts.len() - LAYOUTS);
        }
    }

    fn unread(&self, width: usize, paint: Paint, text: &mut String) {
        if self.unread_shapes.is_empty() {
            return;
        }
        let aside = "without a time, a level or status, or a message; <*> stands for what varies";
        let _ = writeln!(text, "\n{}  {}", paint.bold("Not understood"), paint.dim(aside));
        for shape in &self.unread_shapes {
            let without = match shape.without.as_slice() {
                [] => "  fault".to_owned(),
                roles => format!("  without {}", roles.join(", ")),
            };
            let _ = writeln!(text, "  {:>10}{}", thousands(shape.events), paint.style("33", &without));
            let room = width.saturating_sub(14).max(20);
            let _ = writeln!(text, "  {:10}  {}", "", clip(&shape.shape, room));
            let _ = writeln!(text, "  {:10}  {}", "", paint.dim(&format!("| {}", clip(&shape.example, room - 2))));
        }
        if self.unread_others > 0 {
            let _ = writeln!(text, "  {:>10}  of other shapes", thousands(self.unread_others));
        }
    }

    fn settings(&self, paint: Paint, text: &mut String) {
        let Some(toml) = &self.toml else { return };
        let _ = writeln!(text, "\n{}  {}", paint.bold("What to set"), paint.dim("in the configuration file"));
        for of in &self.suggestions {
            let says = format!(
                "{} looks like {}: {}, such as {}",
                plain(&of.member),
                super::with_article(of.role),
                match of.values {
                    1 => "its value could be one".to_owned(),
                    values => format!("{} values that were looked at", thousands(values)),
                },
                plain(&of.example)
            );
            for line in wrap(&says, 100) {
                let _ = writeln!(text, "  {}", paint.dim(&format!("# {line}")));
            }
        }
        if self.layout_pattern.is_some() {
            let _ =
                writeln!(text, "  {}", paint.dim("# nearly all lines without a time or level have both in one form"));
        }
        for line in toml.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
}

/// `12.3 %`; a share that is rounded never reads as `100 %` or `0 %`.
fn percent(share: Share, all: u64) -> String {
    match share.events {
        0 => "0 %".into(),
        events if events == all => "100 %".into(),
        _ => format!("{:.1} %", (share.share * 100.0).clamp(0.1, 99.9)),
    }
}
