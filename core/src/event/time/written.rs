//! The forms in which times are written.
//!
//! A form is told by its first bytes: a run of digits of some length and what follows it, the name
//! of a month, or that of a weekday. Scanning changes nothing, so that a reader of layouts can look
//! at a time and still refuse the line; only [`TimeContext::accept`] moves the year clock.

use super::calendar::{days_from_civil, days_in_month};
use super::cursor::{Civil, Cursor};
use super::number::time_number;
use super::zone::{ends_word, zone};
use super::{TimeContext, Timestamp};

/// A time as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The instant it means.
    pub(crate) instant: Timestamp,
    /// Which family of forms it has.
    pub(crate) kind: TimeKind,
    /// The year and month to which it would move the year clock, if it was written without a year.
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
    if first.is_ascii_alphabetic() { scan_names(text, context) } else { None }
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
fn scan_dashed(text: &[u8], context: &TimeContext) -> Option<(Written, usize)> {
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
    if cursor.peek() == b'Z' {
        return conclude(civil, Some(0), text, cursor.at + 1, TimeKind::Dated, context);
    }
    finish(civil, text, 19, TimeKind::Dated, context)
}

/// Forms that begin with a digit.
fn scan_digits(text: &[u8], context: &TimeContext) -> Option<(Written, usize)> {
    let count = text.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let separator = *text.get(count).unwrap_or(&b' ');
    let mut cursor = Cursor { text, at: 0 };
    match count {
        10 | 13 | 16 | 19 => epoch(text, count),
        // A date and a time of day without anything between their fields.
        14 => {
            let civil = cursor.packed_date()?;
            let civil = cursor.packed_time(civil)?;
            finish(civil, text, cursor.at, TimeKind::Dated, context)
        }
        8 => {
            let civil = cursor.packed_date()?;
            cursor.one_of(b"T-_ ")?;
            let civil = cursor.packed_time(civil).or_else(|| cursor.loose_time(civil))?;
            finish(civil, text, cursor.at, TimeKind::Dated, context)
        }
        6 if separator == b' ' => {
            let (year, month, day) = (cursor.number(2, 2)?, cursor.number(2, 2)?, cursor.number(2, 2)?);
            let civil = Civil::date(Some(2000 + year), month, day);
            cursor.spaces()?;
            let civil = cursor.packed_time(civil).or_else(|| cursor.time(civil))?;
            finish(civil, text, cursor.at, TimeKind::Dated, context)
        }
        4 if separator == b' ' => {
            // klog and glog, which always write a fraction.
            let civil = Civil::date(None, cursor.number(2, 2)?, cursor.number(2, 2)?);
            cursor.spaces()?;
            let civil = cursor.time(civil)?;
            if text.get(cursor.at) != Some(&b'.') {
                return None;
            }
            finish(civil, text, cursor.at, TimeKind::Dated, context)
        }
        4 => {
            let year = cursor.number(4, 4)?;
            cursor.one_of(b"-/.")?;
            let month = cursor.number(1, 2)?;
            cursor.one_of(&[separator])?;
            let civil = Civil::date(Some(year), month, cursor.number(1, 2)?);
            cursor.one_of(b"Tt _-:/")?;
            let civil = cursor.time(civil)?;
            finish(civil, text, cursor.at, TimeKind::Dated, context)
        }
        1 | 2 => short_date(cursor, separator, context),
        _ => None,
    }
}

/// Dates that begin with a field of one or two digits.
fn short_date(mut cursor: Cursor<'_>, separator: u8, context: &TimeContext) -> Option<(Written, usize)> {
    let first = cursor.number(1, 2)?;
    if !matches!(separator, b'/' | b'-' | b'.' | b' ') {
        return None;
    }
    cursor.at += 1;
    if let Some(month) = cursor.month() {
        // A year may be missing, but then a time of day follows the month.
        let mut civil = Civil::date(None, month, first);
        let mut ahead = cursor;
        if let Some(year) = ahead.one_of(b"/- ").and_then(|_| ahead.year()) {
            (civil.year, cursor) = (Some(year), ahead);
        }
        cursor.date_end()?;
        let civil = cursor.time(civil)?;
        return finish(civil, cursor.text, cursor.at, TimeKind::Dated, context);
    }
    if separator == b' ' {
        return None;
    }
    let second = cursor.number(2, 2)?;
    let civil = if cursor.one_of(&[separator]).is_some() {
        let start = cursor.at;
        let third = cursor.number(2, 4)?;
        match (cursor.at - start, separator) {
            (4, b'/') if first <= 12 => Civil::date(Some(third), first, second),
            (4, _) => Civil::date(Some(third), second, first),
            (2, _) if second <= 12 && third <= 31 => Civil::date(Some(2000 + first), second, third),
            (2, b'/') => Civil::date(Some(2000 + third), first, second),
            _ => return None,
        }
    } else {
        Civil::date(None, first, second)
    };
    cursor.date_end()?;
    let civil = cursor.time(civil)?;
    finish(civil, cursor.text, cursor.at, TimeKind::Dated, context)
}

/// Forms that begin with the name of a month or of a weekday.
fn scan_names(text: &[u8], context: &TimeContext) -> Option<(Written, usize)> {
    let mut cursor = Cursor { text, at: 0 };
    if let Some(month) = cursor.month() {
        let mut kind = TimeKind::Syslog;
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
        return finish(civil, text, cursor.at, kind, context);
    }
    cursor.weekday()?;
    let comma = cursor.one_of(b",").is_some();
    cursor.spaces()?;
    if comma || cursor.peek().is_ascii_digit() {
        // RFC 2822, 850 and 1123: the date is day first and the form that it would be without its
        // weekday.
        let rest = Cursor { text: &text[cursor.at..], at: 0 };
        let separator = *rest.text.iter().find(|byte| !byte.is_ascii_digit())?;
        let (written, end) = short_date(rest, separator, context)?;
        return Some((written, cursor.at + end));
    }
    // ctime: the year comes last, in some dialects after the zone, in others before the time of
    // day.
    let month = cursor.month()?;
    cursor.spaces()?;
    let mut civil = Civil::date(None, month, cursor.number(1, 2)?);
    cursor.spaces()?;
    if let Some(year) = cursor.year() {
        civil.year = Some(year);
        cursor.date_end()?;
    }
    let mut civil = cursor.time(civil)?;
    cursor.fraction(&mut civil);
    let mut east = None;
    if civil.year.is_none() {
        let before = cursor.at;
        if let Some((seconds, end)) = zone(text, cursor.at) {
            (east, cursor.at) = (Some(seconds), end);
        }
        match cursor.spaces().and_then(|()| cursor.year()) {
            Some(year) => civil.year = Some(year),
            None => (east, cursor.at) = (None, before),
        }
    }
    match east {
        Some(_) => conclude(civil, east, text, cursor.at, TimeKind::Dated, context),
        None => finish(civil, text, cursor.at, TimeKind::Dated, context),
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
    let mut end = count;
    if text.get(end) == Some(&b'.') && text.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end += 1 + text[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        // A second point makes it a version or an address.
        if text.get(end) == Some(&b'.') && text.get(end + 1).is_some_and(u8::is_ascii_digit) {
            return None;
        }
    }
    let instant = time_number(&text[..end])?;
    // The unit is that of the count, also for leading zeros; an instant before 2001 is an ordinary
    // number.
    if text[0] == b'0' || !ends_word(text, end) {
        return None;
    }
    Some((Written { instant, kind: TimeKind::Epoch, clock: None }, end))
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

/// Reads what may follow the seconds: fraction, half of the day, zone.
#[inline]
fn finish(mut civil: Civil, text: &[u8], at: usize, kind: TimeKind, context: &TimeContext) -> Option<(Written, usize)> {
    let mut cursor = Cursor { text, at };
    cursor.fraction(&mut civil);
    match cursor.peek() {
        b'Z' | b'z' => return conclude(civil, Some(0), text, cursor.at + 1, kind, context),
        b' ' => cursor.half_of_day(&mut civil)?,
        _ => {}
    }
    match zone(text, cursor.at) {
        Some((seconds, end)) => conclude(civil, Some(seconds), text, end, kind, context),
        None => conclude(civil, None, text, cursor.at, kind, context),
    }
}

/// Checks the fields against the calendar and makes the instant.
#[inline(always)]
fn conclude(
    civil: Civil,
    east: Option<i32>,
    text: &[u8],
    end: usize,
    kind: TimeKind,
    context: &TimeContext,
) -> Option<(Written, usize)> {
    let Civil { year, month, day, hour, minute, second, nanos } = civil;
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 || !ends_word(text, end) {
        return None;
    }
    let (month, yearless) = (month as u8, year.is_none());
    let year = match year {
        Some(year) => i16::try_from(year).ok()?,
        None => context.year_of(month),
    };
    if !(1677..=2262).contains(&year) {
        return None;
    }
    let (month, day) = match day {
        1..=28 => (month, day as u8),
        29..=31 if day as u8 <= days_in_month(year, month) => (month, day as u8),
        // A February 29 without a year is taken in any, as the day after the 28th: only the year
        // can be wrong.
        29 if yearless => (3, 1),
        _ => return None,
    };
    // A leap second is held at the end of the second before it.
    let (second, nanos) = if second == 60 { (59, 999_999_999) } else { (second, nanos) };
    let second = hour * 3600 + minute * 60 + second;
    let seconds = match east {
        Some(east) => {
            let days = days_from_civil(i32::from(year), u32::from(month), u32::from(day));
            i64::from(days) * 86_400 + i64::from(second) - i64::from(east)
        }
        None => context.seconds((year, month, day), second)?,
    };
    // Only the first second of the range has no instant at its start.
    let instant = match seconds.checked_mul(1_000_000_000) {
        Some(start) => start.checked_add(i64::from(nanos))?,
        None => i64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).ok()?,
    };
    let clock = yearless.then_some((year, month));
    Some((Written { instant: Timestamp(instant), kind, clock }, end))
}
