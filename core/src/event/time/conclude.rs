//! From the fields of a date and a time of day, and what is written behind them, to the instant.

use super::calendar::{civil_from_days, days_from_civil, days_in_month};
use super::context::Zone;
use super::cursor::{Civil, Cursor};
use super::written::{TimeKind, Written};
use super::zone::{ends_word, zone};
use super::{NANOS, TimeContext, Timestamp};

/// Reads what may follow the seconds: fraction, half of the day, zone.
#[inline]
pub(super) fn finish(
    mut civil: Civil,
    text: &[u8],
    at: usize,
    kind: TimeKind,
    context: &TimeContext,
) -> Option<(Written, usize)> {
    let mut cursor = Cursor { text, at };
    cursor.fraction(&mut civil);
    finish_behind_fraction(civil, cursor, kind, context)
}

/// The same where the fraction has been read.
#[inline]
pub(super) fn finish_behind_fraction(
    mut civil: Civil,
    mut cursor: Cursor<'_>,
    kind: TimeKind,
    context: &TimeContext,
) -> Option<(Written, usize)> {
    cursor.half_of_day(&mut civil)?;
    let text = cursor.text;
    match zone(text, cursor.at, context) {
        Some((zone, end)) => conclude_in(civil, &zone, text, end, kind, context),
        None => conclude(civil, None, text, cursor.at, kind, context),
    }
}

/// The same behind a date that names its month, where in some dialects the year comes last, before
/// or behind the zone.
pub(super) fn finish_named(
    mut civil: Civil,
    text: &[u8],
    at: usize,
    kind: TimeKind,
    context: &TimeContext,
) -> Option<(Written, usize)> {
    if civil.year.is_some() {
        return finish(civil, text, at, kind, context);
    }
    let mut cursor = Cursor { text, at };
    cursor.fraction(&mut civil);
    cursor.half_of_day(&mut civil)?;
    let mut zone_written = zone(text, cursor.at, context);
    let mut end = zone_written.as_ref().map_or(cursor.at, |(_, end)| *end);
    if let Some((year, behind)) = year_behind(text, end) {
        (civil.year, end) = (Some(year), behind);
        if zone_written.is_none() {
            zone_written = zone(text, behind, context);
            end = zone_written.as_ref().map_or(behind, |(_, end)| *end);
        }
    }
    match zone_written {
        Some((zone, _)) => conclude_in(civil, &zone, text, end, kind, context),
        None => conclude(civil, None, text, end, kind, context),
    }
}

/// A blank and a year in which logs were written, and where it ends.
fn year_behind(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut cursor = Cursor { text, at };
    cursor.one_of(b" ")?;
    let year = cursor.number(4, 4)?;
    ((1970..2100).contains(&year) && ends_word(text, cursor.at)).then_some((year, cursor.at))
}

/// As [`conclude`], in a zone that was written.
fn conclude_in(
    civil: Civil,
    zone: &Zone,
    text: &[u8],
    end: usize,
    kind: TimeKind,
    context: &TimeContext,
) -> Option<(Written, usize)> {
    let (mut written, end) = match zone {
        Zone::Fixed(east) => return conclude(civil, Some(*east), text, end, kind, context),
        Zone::Named(_) => conclude(civil, Some(0), text, end, kind, context)?,
    };
    // As if it were in UTC, it has the date and second of the day that it has in its zone.
    let seconds = written.instant.0.div_euclid(NANOS);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
    let (year, month, day) = civil_from_days(days as i32);
    let seconds = zone.seconds((year as i16, month as u8, day as u8), second, context.last())?;
    let start = seconds.checked_mul(NANOS)?;
    written.instant = Timestamp(start.checked_add(written.instant.0.rem_euclid(NANOS))?);
    Some((written, end))
}

/// Checks the fields against the calendar and makes the instant.
#[inline(always)]
pub(super) fn conclude(
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
    let seconds = |year: i16| match east {
        Some(east) => {
            let days = days_from_civil(i32::from(year), u32::from(month), u32::from(day));
            Some(i64::from(days) * 86_400 + i64::from(second) - i64::from(east))
        }
        None => context.zone().seconds((year, month, day), second, context.last()),
    };
    let instant = instant_of(seconds(year)?, nanos)?;
    if yearless && context.is_a_year_early(instant, month) {
        let instant = instant_of(seconds(year - 1)?, nanos)?;
        let clock = Some((year - 1, if context.runs() { 0 } else { month }));
        return Some((Written { instant, kind, clock }, end));
    }
    let clock = yearless.then_some((year, month));
    Some((Written { instant, kind, clock }, end))
}

/// The instant of seconds and nanoseconds since the epoch.
#[inline(always)]
fn instant_of(seconds: i64, nanos: u32) -> Option<Timestamp> {
    // Only the first second of the range has no instant at its start.
    let instant = match seconds.checked_mul(NANOS) {
        Some(start) => start.checked_add(i64::from(nanos))?,
        None => i64::try_from(i128::from(seconds) * i128::from(NANOS) + i128::from(nanos)).ok()?,
    };
    Some(Timestamp(instant))
}
