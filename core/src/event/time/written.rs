//! The forms in which times are written.
//!
//! A form is told by its first bytes: a run of digits of some length and what follows it, the name
//! of a month, or that of a weekday. Scanning changes nothing, so that a reader of layouts can look
//! at a time and still refuse the line; only [`TimeContext::accept`] moves the year clock.

use super::super::json;
use super::calendar::{civil_from_days, days_from_civil, from_week_date};
use super::conclude::{conclude, finish, finish_behind_fraction, finish_named};
use super::cursor::{Civil, Cursor};
use super::named::{named_date, scan_names};
use super::number;
use super::zone::ends_word;
use super::{TimeContext, Timestamp};

/// A time as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The instant it means.
    pub(crate) instant: Timestamp,
    /// Which family of forms it has.
    pub(crate) kind: TimeKind,
    /// The year and month to which it would move the year clock, if it was written without a year;
    /// a month of 0 leaves the clock where it is.
    pub(super) clock: Option<(i16, u8)>,
}

impl Written {
    /// A time whose instant is known from elsewhere, so that it does not move the year clock.
    pub(crate) fn known(instant: Timestamp, kind: TimeKind) -> Written {
        Written { instant, kind, clock: None }
    }
}

/// Families of forms that layouts need to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeKind {
    /// A calendar date.
    Dated,
    /// `Jun  9 06:06:20` and its relatives, the form that syslog headers begin with.
    Syslog,
    /// A number since 1970.
    Epoch,
}

/// The time at the start of `text`, and where it ends: never inside of a longer word or number.
pub(crate) fn scan(text: &[u8], context: &TimeContext) -> Option<(Written, usize)> {
    let first = *text.first()?;
    if first.is_ascii_digit() {
        if let Some(found) = scan_dashed(text, context) {
            return Some(found);
        }
        return scan_digits(text, context);
    }
    if first.is_ascii_alphabetic() {
        return scan_names(text, context);
    }
    if first == b'@' {
        number::tai64n(text).map(|(instant, end)| (Written::known(instant, TimeKind::Epoch), end))
    } else {
        None
    }
}

/// The marks of `yyyy-MM-ddTHH:mm:ss` are all in their places.
#[inline]
pub(super) fn is_dashed(head: &[u8; 19]) -> bool {
    head[4] == head[7]
        && matches!(head[4], b'-' | b'/')
        && matches!(head[10], b'T' | b't' | b' ' | b'_')
        && head[13] == b':'
        && head[16] == b':'
}

/// `yyyy-MM-ddTHH:mm:ss` with every field in its place: the form nearly every line has, without a
/// cursor.
#[inline(always)]
pub(super) fn scan_dashed(text: &[u8], context: &TimeContext) -> Option<(Written, usize)> {
    let head: &[u8; 19] = text.first_chunk()?;
    if !is_dashed(head) {
        return None;
    }
    let two = |at: usize| {
        let (tens, ones) = (head[at].wrapping_sub(b'0'), head[at + 1].wrapping_sub(b'0'));
        // A value that no field can have, so that the checks of the calendar refuse what is no
        // digit.
        if tens > 9 || ones > 9 { 10_000 } else { u32::from(tens) * 10 + u32::from(ones) }
    };
    let mut civil = Civil {
        year: Some(two(0) * 100 + two(2)),
        month: two(5),
        day: two(8),
        hour: two(11),
        minute: two(14),
        second: two(17),
        nanos: 0,
    };
    // In UTC, as most write it, nothing else has to be looked for.
    let mut cursor = Cursor { text, at: 19 };
    cursor.fraction(&mut civil);
    if cursor.peek() == b'Z' && text.get(cursor.at + 1) != Some(&b'[') {
        return conclude(civil, Some(0), text, cursor.at + 1, TimeKind::Dated, context);
    }
    finish_behind_fraction(civil, cursor, TimeKind::Dated, context)
}

/// Forms that begin with a digit.
pub(super) fn scan_digits(text: &[u8], context: &TimeContext) -> Option<(Written, usize)> {
    let count = text.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let separator = *text.get(count).unwrap_or(&b' ');
    let mut cursor = Cursor { text, at: 0 };
    let civil = match count {
        10 | 13 | 16 | 19 => return epoch(text, count),
        // A date and a time of day without anything between their fields, perhaps with millis.
        14 | 17 => {
            let civil = cursor.packed_date()?;
            let mut civil = cursor.packed_time(civil)?;
            if count == 17 {
                civil.nanos = cursor.number(3, 3)? * 1_000_000;
            }
            civil
        }
        8 => {
            let civil = cursor.packed_date()?;
            cursor.one_of(b"T-_ :")?;
            cursor.packed_time(civil).or_else(|| cursor.loose_time(civil))?
        }
        6 if separator == b' ' => {
            let (year, month, day) = (cursor.number(2, 2)?, cursor.number(2, 2)?, cursor.number(2, 2)?);
            let civil = Civil::date(Some(2000 + year), month, day);
            cursor.spaces()?;
            cursor.packed_time(civil).or_else(|| cursor.time(civil))?
        }
        4 if separator == b' ' => {
            // klog and glog, which always write a fraction.
            let civil = Civil::date(None, cursor.number(2, 2)?, cursor.number(2, 2)?);
            cursor.spaces()?;
            let civil = cursor.time(civil)?;
            if text.get(cursor.at) != Some(&b'.') {
                return None;
            }
            civil
        }
        _ if separator >= 0x80 => cursor.asian()?,
        4 if separator == b'/' && is_packed_time(text.get(5..)) => {
            // Chromium: `0506/112233.120456`.
            let civil = Civil::date(None, cursor.number(2, 2)?, cursor.number(2, 2)?);
            cursor.at += 1;
            cursor.packed_time(civil)?
        }
        4 => {
            let year = cursor.number(4, 4)?;
            cursor.one_of(b"-/.:")?;
            let civil = if cursor.one_of(b"W").is_some() {
                let week = cursor.number(2, 2)?;
                cursor.one_of(b"-")?;
                let (year, month, day) = from_week_date(year, week, cursor.number(1, 1)?)?;
                Civil::date(Some(year), month, day)
            } else if let Some((month, day)) = day_of_year(&mut cursor, year, separator) {
                Civil::date(Some(year), month, day)
            } else {
                let month = cursor.number(1, 2)?;
                cursor.one_of(&[separator])?;
                Civil::date(Some(year), month, cursor.number(1, 2)?)
            };
            cursor.date_end()?;
            cursor.behind_half(civil, Cursor::time)?
        }
        1 | 2 => {
            if count == 1
                && let Some((instant, end)) = number::exponent_epoch(text)
            {
                return Some((Written::known(instant, TimeKind::Epoch), end));
            }
            let (civil, named) = short_date(&mut cursor, separator, context)?;
            if named {
                return finish_named(civil, text, cursor.at, TimeKind::Dated, context);
            }
            civil
        }
        _ => return None,
    };
    finish(civil, text, cursor.at, TimeKind::Dated, context)
}

/// Six digits of a time of day, with a fraction or a colon behind them.
fn is_packed_time(text: Option<&[u8]>) -> bool {
    let Some([time @ .., mark]) = text.and_then(|text| text.get(..7)) else { return false };
    time.iter().all(u8::is_ascii_digit) && matches!(mark, b'.' | b':')
}

/// The month and day of `2026-126T…`, a day counted from the first of its year.
fn day_of_year(cursor: &mut Cursor<'_>, year: u32, separator: u8) -> Option<(u32, u32)> {
    let mut ahead = *cursor;
    let day = ahead.number(3, 3)?;
    if separator != b'-' || ahead.peek() != b'T' {
        return None;
    }
    let first = days_from_civil(year as i32, 1, 1);
    let (same, month, day) = civil_from_days(first + day as i32 - 1);
    *cursor = ahead;
    (same == year as i32 && ahead.at > 0).then_some((month, day))
}

/// Dates that begin with a field of one or two digits, and their time of day; and whether they name
/// their month.
fn short_date(cursor: &mut Cursor<'_>, separator: u8, context: &TimeContext) -> Option<(Civil, bool)> {
    let first = cursor.number(1, 2)?;
    let padded = cursor.at == 2;
    if !matches!(separator, b'/' | b'-' | b'.' | b' ') {
        return None;
    }
    cursor.at += 1;
    if separator != b'-' && separator != b'/' {
        // `2. März`, `2 de marzo`.
        cursor.spaces();
        cursor.skip(b"de ");
    }
    if !cursor.peek().is_ascii_digit()
        && let Some(month) = cursor.month()
    {
        return Some((named_date(cursor, Civil::date(None, month, first))?, true));
    }
    if separator == b' ' {
        return None;
    }
    let start = cursor.at;
    let second = cursor.number(1, 2)?;
    let civil = if cursor.one_of(&[separator]).is_some() {
        let start = cursor.at;
        let third = cursor.number(2, 4)?;
        match cursor.at - start {
            4 => ordered(first, second, third, separator),
            2 => short_year((first, padded), second, third, separator, context),
            _ => return None,
        }
    } else if cursor.at - start == 2 && matches!(cursor.peek(), b' ' | b',' | b':' | b'|') {
        Civil::date(None, first, second)
    } else {
        return None;
    };
    cursor.date_end()?;
    Some((cursor.behind_half(civil, Cursor::time)?, false))
}

/// A date whose last field is a year of four digits: with slashes the month comes first, as
/// Americans write it, with other marks the day; what can be no month is the day.
fn ordered(first: u32, second: u32, year: u32, separator: u8) -> Civil {
    let month_first = if separator == b'/' { first <= 12 } else { second > 12 };
    if month_first { Civil::date(Some(year), first, second) } else { Civil::date(Some(year), second, first) }
}

/// A date of three short fields. With points the day comes first; else the year does, unless the
/// first field would be a year to come, or one of the first of the century where the last is not.
/// With slashes a month comes first where the last field is this year or the one before.
fn short_year((first, padded): (u32, bool), second: u32, third: u32, separator: u8, context: &TimeContext) -> Civil {
    let latest = context.year() + 1;
    let is_recent = |year: u32| (5..=latest - 2000).contains(&(year as i16));
    let is_date = second <= 12 && third <= 31 && padded;
    let now = latest - 2000;
    let year_first = match separator {
        b'.' => first > 31,
        b'/' if first <= 12 && (now - 2..now).contains(&(third as i16)) => false,
        _ => is_date && (is_recent(first) || !is_recent(third)),
    };
    if year_first {
        Civil::date(Some(2000 + first), second, third)
    } else {
        ordered(first, second, 2000 + third, separator)
    }
}

/// A date that stands alone, as midnight.
pub(super) fn date_alone(text: &[u8], context: &TimeContext) -> Option<Timestamp> {
    let mut cursor = Cursor { text, at: 0 };
    let civil = match text.len() {
        8 => cursor.packed_date()?,
        10 => {
            let year = cursor.number(4, 4)?;
            let separator = cursor.one_of(b"-/.")?;
            let month = cursor.number(2, 2)?;
            cursor.one_of(&[separator])?;
            Civil::date(Some(year), month, cursor.number(2, 2)?)
        }
        _ => return None,
    };
    let (written, _) = conclude(civil, None, text, cursor.at, TimeKind::Dated, context)?;
    Some(written.instant)
}

/// An epoch of ten digits (seconds), thirteen, sixteen or nineteen, and its fraction.
fn epoch(text: &[u8], count: usize) -> Option<(Written, usize)> {
    let digits = |from: usize| json::digits(text, from) - from;
    let mut end = count;
    match text.get(count) {
        Some(b'.') if digits(count + 1) > 0 => {
            end += 1 + digits(count + 1);
            // A second point makes it a version or an address.
            if text.get(end) == Some(&b'.') && digits(end + 1) > 0 {
                return None;
            }
        }
        // Between two commas is a column.
        Some(b',')
            if matches!(digits(count + 1), 3 | 6 | 9) && text.get(count + 1 + digits(count + 1)) != Some(&b',') =>
        {
            end += 1 + digits(count + 1);
        }
        _ => {}
    }
    let instant = number::time_number(&text[..end])?;
    // The unit is that of the count, also for leading zeros. Another script behind it makes it a
    // count of something.
    let alone = ends_word(text, end) && !text.get(end).is_some_and(|byte| matches!(byte, 0xE3..=0xEE));
    (text[0] != b'0' && alone).then_some((Written::known(instant, TimeKind::Epoch), end))
}

/// A time of day without a date at the start of `text`, and where it ends. It is no instant, but
/// opens a line.
pub(crate) fn clock_prefix(text: &[u8]) -> Option<usize> {
    if text.get(2) != Some(&b':') {
        return None;
    }
    let mut cursor = Cursor { text, at: 0 };
    let mut civil = cursor.time(Civil::date(None, 1, 1))?;
    if cursor.at != 8 || civil.hour > 23 || civil.minute > 59 || civil.second > 60 {
        return None;
    }
    cursor.fraction(&mut civil);
    ends_word(text, cursor.at).then_some(cursor.at)
}
