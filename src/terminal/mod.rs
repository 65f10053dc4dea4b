//! Shows events to people: events as readable lines, findings below the line that shows them.
//!
//! Text in a log may come from an attacker. None of it reaches the terminal as control characters:
//! they are shown as escapes, and a line break within a message begins an indented line.

pub mod layout;
mod paint;

pub use paint::Paint;

use crate::engine::finding::{Finding, State};
use crate::event::{Fields, Level, Role, Shape};
use crate::narrate::{fill, next_step, numbers};
use crate::plain::plain;
use std::fmt::Write as _;

/// How events and findings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether colours are used.
    pub colour: bool,
}

/// When to show colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always; events are then shown readably into a pipe too, for `less -R`.
    Always,
    /// Never.
    Never,
}

impl Screen {
    fn paint(self) -> Paint {
        Paint { colour: self.colour }
    }

    /// The screen for standard output; none if events are to be passed on unchanged, which is the
    /// case for a pipe unless `color` is `Always`. `no_color` is the environment variable of that
    /// name: if it is set and not empty, `Auto` uses no colours.
    #[must_use]
    pub fn for_output(color: Color, is_terminal: bool, no_color: Option<&std::ffi::OsStr>) -> Option<Self> {
        let colour = match color {
            Color::Auto => is_terminal && no_color.is_none_or(std::ffi::OsStr::is_empty),
            Color::Always => true,
            Color::Never => false,
        };
        (is_terminal || color == Color::Always).then_some(Self { colour })
    }

    /// Appends an event: time, level, module and message of a JSON event; any other line as it
    /// came.
    pub fn event(self, fields: &Fields<'_>, out: &mut Vec<u8>) {
        let shape = fields.parsed().shape;
        let line = String::from_utf8_lossy(fields.line());
        match fields.text(Role::Message) {
            Some(message) if matches!(shape, Shape::Json | Shape::Own) => self.members(fields, &message, out),
            _ => out.extend_from_slice(plain(&line).as_bytes()),
        }
        if fields.record().line_end > 0 || !matches!(shape, Shape::Opaque | Shape::Rest) {
            out.push(b'\n');
        }
    }

    /// Appends a finding, below the event that shows it.
    pub fn finding(self, finding: &Finding, out: &mut Vec<u8>) {
        for line in describe(finding, self.paint()).lines() {
            out.extend_from_slice(b"    ");
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    }

    fn members(self, fields: &Fields<'_>, message: &str, out: &mut Vec<u8>) {
        let mut head = String::new();
        if let Some(time) = fields.time() {
            let milliseconds = time.0.div_euclid(1_000_000).rem_euclid(86_400_000);
            let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
            let clock = format!("{:02}:{:02}:{:02}.{rest:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
            head.push_str(&self.paint().style("2", &clock));
            head.push(' ');
        }
        if let Some(level) = fields.level() {
            let shade = match level {
                Level::Trace | Level::Debug => "2",
                Level::Info => "32",
                Level::Warn => "33",
                Level::Error => "31",
                Level::Fatal => "1;31",
            };
            head.push_str(&self.paint().style(shade, &format!("{:5}", level.name())));
            head.push(' ');
        }
        if let Some(module) = fields.text(Role::Module) {
            head.push_str(&self.paint().style("36", &plain(&module)));
            head.push_str("  ");
        }
        out.extend_from_slice(head.as_bytes());
        for (i, line) in message.lines().enumerate() {
            if i > 0 {
                out.extend_from_slice(b"\n      ");
            }
            out.extend_from_slice(plain(line).as_bytes());
        }
    }
}

/// Formats a finding for people: a headline, then the numbers, the next step and the lines.
#[must_use]
pub fn describe(finding: &Finding, paint: Paint) -> String {
    let (language, words) = (finding.language, finding.language.words());
    let what = match finding.state {
        State::Resolved => {
            let ending = finding.summary.ending.as_deref().unwrap_or(words.resolved);
            paint.style("32", &plain(ending.trim_end_matches([':', '：', ' '])))
        }
        _ => paint.severity(finding.severity, &layout::padded(language.severity(finding.severity), 8)),
    };
    let time = finding.said_at.to_string();
    let kind = plain(&format!("{}/{}", finding.detector.name(), finding.kind));
    let mut text = format!("{}  {what}  {kind}: {}", paint.dim(&time), plain(&finding.summary.sentence));
    if finding.state == State::Open {
        let numbers = Some(numbers(language, finding)).filter(|numbers| !numbers.is_empty());
        if let Some(numbers) = numbers {
            let _ = write!(text, "\n    {}", plain(&numbers));
        }
        if let Some(step) = next_step(language, finding).filter(|_| finding.remedy.is_none()) {
            let _ = write!(text, "\n    {}", fill(words.colon, &[&words.next_step, &plain(&step)]));
        }
        for line in finding.evidence.examples() {
            let _ = write!(text, "\n    {}", paint.dim(&format!("| {}", plain(line))));
        }
        for (name, known) in [(words.cause, &finding.cause), (words.remedy, &finding.remedy)] {
            if let Some(known) = known {
                let _ = write!(text, "\n    {}", fill(words.colon, &[&name, &plain(known)]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
