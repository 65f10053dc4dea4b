//! The time that a line begins with.

use super::super::time::{self, TimeContext, TimeKind, Written};
use super::text;

/// What a line begins with, so that no reader has to look for it again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    /// Where the time begins and ends.
    pub(super) at: usize,
    pub(super) end: usize,
    /// The time; none if it is a time of day without a date.
    pub(super) written: Option<Written>,
}

impl Opening {
    /// The time that begins at `at` of the line.
    pub(super) fn scan(line: &[u8], at: usize, context: &TimeContext) -> Option<Opening> {
        let text = line.get(at..)?;
        if let Some((written, length)) = time::scan(text, context) {
            return Some(Opening { at, end: at + length, written: Some(written) });
        }
        let length = time::clock_prefix(text)?;
        Some(Opening { at, end: at + length, written: None })
    }

    /// `[2026-05-06][11:22:33.120]`: a date and a time of day in brackets of their own.
    pub(super) fn scan_split(line: &[u8], context: &TimeContext) -> Option<Opening> {
        const LONGEST: usize = 40;
        if !line.get(1)?.is_ascii_digit() {
            return None;
        }
        let date = text::inside(line, 0).filter(|date| (8..=10).contains(&date.len()))?;
        let open = text::skip_spaces(line, date.end + 1);
        let clock = text::inside(line, open).filter(|clock| (8..=18).contains(&clock.len()))?;
        let mut joined = [b' '; LONGEST];
        let length = date.len() + 1 + clock.len();
        joined[..date.len()].copy_from_slice(&line[date.clone()]);
        joined.get_mut(date.len() + 1..length)?.copy_from_slice(&line[clock.clone()]);
        let (written, end) = time::scan(&joined[..length], context)?;
        (end == length).then_some(Opening { at: 1, end: clock.end, written: Some(written) })
    }

    /// Whether the time is of this family of forms.
    pub(super) fn is(&self, kind: TimeKind) -> bool {
        self.written.is_some_and(|written| written.kind == kind)
    }
}
