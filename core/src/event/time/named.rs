//! Forms that begin with the name of a month or of a weekday, and the rest of those that name the
//! month behind the day.

use super::TimeContext;
use super::conclude::finish_named;
use super::cursor::{Civil, Cursor};
use super::written::{TimeKind, Written, scan_dashed, scan_digits};

/// Forms that begin with the name of a month or of a weekday.
pub(super) fn scan_names(text: &[u8], context: &TimeContext) -> Option<(Written, usize)> {
    let mut cursor = Cursor { text, at: 0 };
    // Nearly all lines that begin with a letter are told apart here, without a look at any name.
    let (length, next) = behind_word(text)?;
    let is_number_next = next.is_ascii_digit();
    if is_number_next && let Some(month) = cursor.month() {
        return month_first(cursor, month, TimeKind::Syslog, context);
    }
    // Longer names of weekdays are English ones.
    let word = &text[..length];
    if length > 4 && word.is_ascii() && !word[length - 3..].eq_ignore_ascii_case(b"day") {
        return None;
    }
    cursor.weekday()?;
    cursor.one_of(b",");
    cursor.spaces()?;
    if cursor.peek().is_ascii_digit() {
        // RFC 2822, 850 and 1123, systemd: any form of a date without its weekday.
        let rest = &text[cursor.at..];
        let found = scan_dashed(rest, context).or_else(|| scan_digits(rest, context));
        let (written, end) = found.filter(|(written, _)| written.kind != TimeKind::Epoch)?;
        return Some((written, cursor.at + end));
    }
    let month = cursor.month()?;
    month_first(cursor, month, TimeKind::Dated, context)
}

/// How long the first word of a text is, and what stands behind it and the blanks after it, if that
/// word is no longer than the name of a month.
fn behind_word(text: &[u8]) -> Option<(usize, u8)> {
    /// `september` and its like, with a point or a comma.
    const LONGEST: usize = 14;
    let word = text.iter().take(LONGEST).position(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic())?;
    let mut cursor = Cursor { text, at: word };
    cursor.one_of(b".,");
    cursor.spaces()?;
    Some((word, cursor.peek()))
}

/// Syslog's and ctime's forms behind their month.
fn month_first(
    mut cursor: Cursor<'_>,
    month: u32,
    mut kind: TimeKind,
    context: &TimeContext,
) -> Option<(Written, usize)> {
    cursor.spaces()?;
    let mut civil = Civil::date(None, month, cursor.number(1, 2)?);
    if cursor.one_of(b",").is_some() {
        kind = TimeKind::Dated;
    }
    cursor.spaces()?;
    if let Some(year) = cursor.year() {
        civil.year = Some(year);
        cursor.date_end()?;
    }
    let civil = cursor.time(civil)?;
    finish_named(civil, cursor.text, cursor.at, kind, context)
}

/// What follows the name of the month in a date that began with its day. The year may be missing,
/// but then a time of day follows the month.
pub(super) fn named_date(cursor: &mut Cursor<'_>, mut civil: Civil) -> Option<Civil> {
    let mut ahead = *cursor;
    if ahead.one_of(b"/- .").is_some() {
        ahead.skip(b"de ");
        if let Some(year) = ahead.year() {
            (civil.year, *cursor) = (Some(year), ahead);
        }
    }
    cursor.date_end()?;
    cursor.time(civil)
}
