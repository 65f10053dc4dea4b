//! Labelled tab-separated values: `time:…\thost:…\tstatus:502`, one label and value a column.

use std::ops::Range;

use super::super::level::Level;
use super::super::time::{TimeContext, time_text};
use super::{LayoutMatch, LayoutMember, LayoutName, ValueForm, text};

/// Fewer columns could be a text with tabs in it.
const FEWEST: usize = 3;
/// More columns than this are data, not an event; it bounds the members.
const MOST: usize = 512;

/// Reads a line in which each column has a label.
pub(super) fn read(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let first = memchr::memchr2(b'\t', b' ', line).filter(|end| line[*end] == b'\t');
    if first.is_none_or(|end| label(&line[..end]).is_none()) || read_columns(line, matched).is_none() {
        matched.clear(line.len());
        return false;
    }
    matched.layout = "ltsv";
    let time = matched.members.iter().position(|member| {
        matches!(&member.name, LayoutName::Written(name)
            if matches!(&line[name.clone()], b"time" | b"ts" | b"timestamp" | b"t" | b"datetime" | b"time_local"))
    });
    if let Some(time) = time {
        let value = &line[matched.members[time].value.clone()];
        let inside = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")).unwrap_or(value);
        matched.time = time_text(inside, context);
        if matched.time.is_some() {
            matched.time_text = matched.members.remove(time).value;
        }
    }
    true
}

fn read_columns(line: &[u8], matched: &mut LayoutMatch) -> Option<()> {
    let mut at = 0;
    for column in line.split(|byte| *byte == b'\t') {
        let colon = label(column)?;
        let (name, value) = (at..at + colon, at + colon + 1..at + column.len());
        at += column.len() + 1;
        match &line[name.clone()] {
            key if matched.level.is_none() && text::is_level_key(key) => {
                if let Some(level) = Level::from_text(&line[value.clone()]) {
                    matched.say(level, value);
                    continue;
                }
                push(line, name, value, matched);
            }
            b"msg" | b"message" if matched.message == (0..line.len()) => matched.message = value,
            _ => push(line, name, value, matched),
        }
    }
    (FEWEST..=MOST).contains(&matched.members.len()).then_some(())
}

/// Adds a column that has a value.
fn push(line: &[u8], name: Range<usize>, value: Range<usize>, matched: &mut LayoutMatch) {
    let written = &line[value.clone()];
    if !written.is_empty() && written != b"-" {
        let form = ValueForm::of(written);
        matched.members.push(LayoutMember { name: LayoutName::Written(name), value, form });
    }
}

/// How long the label in front of a column's colon is.
fn label(column: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', column).filter(|colon| (1..=64).contains(colon))?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (column[0].is_ascii_alphabetic() && column[..colon].iter().all(is_name)).then_some(colon)
}
