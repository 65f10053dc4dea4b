//! Suggests a layout for text lines that were not parsed, if they all write time and level in the
//! same way: `pattern` of `[[input.layout]]`.
//!
//! A layout is suggested only if nearly all of these lines have the same text before the first of
//! the two, between them and after the second, and if more than one level occurs among them. A
//! wrong layout would be worse than none. Memory: 100 patterns, of the first 4,000 such lines.

use crate::event::inspect::LineReading;
use crate::event::time::{TimeContext, time_prefix};
use crate::event::{Level, Role, Shape};
use std::collections::BTreeMap;
use std::ops::Range;

/// Most lines that are examined.
const LINES: u64 = 4_000;
/// Most patterns that are remembered.
const PATTERNS: usize = 100;
/// The least number of lines that a pattern needs to be suggested.
const CERTAIN: u64 = 20;
/// How many bytes of a line are searched for its time and level.
const HEADER: usize = 200;
/// Longest text between two columns, in characters.
const BETWEEN: usize = 40;
/// Shortest text that counts as a time, in bytes: a date, or a time of day with seconds.
const TIME: usize = 8;

/// The patterns of text lines that were not parsed.
#[derive(Debug)]
pub struct LayoutEvidence {
    lines: u64,
    /// How often each pattern occurred, and the levels in it, one bit each.
    patterns: BTreeMap<String, (u64, u8)>,
    context: TimeContext,
}

impl LayoutEvidence {
    /// Starts without evidence; times without a zone are in the zone of `context`.
    #[must_use]
    pub fn new(context: TimeContext) -> Self {
        Self { lines: 0, patterns: BTreeMap::new(), context }
    }

    /// Adds a line and how it was parsed.
    pub fn take(&mut self, line: &str, reading: &LineReading) {
        let has = |role: Role| reading.roles.iter().any(|found| found.role == role);
        let is_unread = reading.shape == Shape::Text && !(has(Role::Timestamp) && has(Role::Level));
        if !is_unread || has(Role::Status) || self.lines >= LINES {
            return;
        }
        self.lines += 1;
        let Some((pattern, level)) = self.pattern(line) else { return };
        if self.patterns.len() < PATTERNS || self.patterns.contains_key(&pattern) {
            let (count, levels) = self.patterns.entry(pattern).or_default();
            *count += 1;
            *levels |= 1 << level as u8;
        }
    }

    /// The pattern that at least 95 % of the lines fit.
    #[must_use]
    pub fn best(&self) -> Option<&str> {
        let (pattern, (count, levels)) = self.patterns.iter().max_by_key(|(_, (count, _))| *count)?;
        let is_certain = *count >= CERTAIN && count * 20 >= self.lines * 19 && levels.count_ones() > 1;
        is_certain.then_some(pattern)
    }

    fn pattern(&self, line: &str) -> Option<(String, Level)> {
        let time = self.time_in(line)?;
        let (level_at, level) = level_in(line, &time)?;
        let (first, second, names) = if time.start < level_at.start {
            (time, level_at, ["time", "level"])
        } else {
            (level_at, time, ["level", "time"])
        };
        let behind = &line[second.end..];
        let mark = behind.find(char::is_alphanumeric).unwrap_or(behind.len());
        // A bracket or quote in front of the first word belongs to the message.
        let mark = behind[..mark].find(['[', '(', '"', '\'', '<', '/', '_']).unwrap_or(mark);
        let texts = [&line[..first.start], &line[first.end..second.start], &behind[..mark]];
        let is_plain = |text: &&str| text.chars().count() <= BETWEEN && !text.contains(['{', '}']);
        if !texts.iter().all(is_plain) || texts[1].is_empty() || texts[2].is_empty() {
            return None;
        }
        let [before, between, behind] = texts;
        let [first, second] = names;
        Some((format!("{before}{{{first}}}{between}{{{second}}}{behind}{{message}}"), level))
    }

    /// The range of the first time in the line.
    fn time_in(&self, line: &str) -> Option<Range<usize>> {
        let text = line.as_bytes();
        let starts = |at: &usize| {
            line.is_char_boundary(*at)
                && text[*at].is_ascii_alphanumeric()
                && !(*at > 0 && text[*at - 1].is_ascii_alphanumeric())
        };
        (0..text.len().min(HEADER)).filter(starts).find_map(|at| {
            let (_, length) = time_prefix(&text[at..], &mut self.context.clone())?;
            (length >= TIME).then_some(at..at + length)
        })
    }
}

/// The first unmistakable level outside of the time's range.
fn level_in(line: &str, time: &Range<usize>) -> Option<(Range<usize>, Level)> {
    let text = line.as_bytes();
    let mut at = 0;
    while at < text.len().min(HEADER) {
        let length = text[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let word = &text[at..at + length];
        if word.len() >= 3
            && !(time.start..time.end).contains(&at)
            && let Some(level) = Level::from_text(word).filter(|level| level.same_word(word))
        {
            return Some((at..at + length, level));
        }
        at += length.max(1);
    }
    None
}
