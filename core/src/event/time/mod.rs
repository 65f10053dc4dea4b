//! Instants of events: nanoseconds since the Unix epoch, read from every written form that logs
//! use.
//!
//! `written.rs` holds the forms in which people and programs write a time, `number.rs` the epochs,
//! `calendar.rs` the arithmetic of days. What a written time leaves out, its zone or its year,
//! comes from a [`TimeContext`].

mod calendar;
mod cursor;
mod number;
mod written;
mod zone;

use std::fmt;

use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use number::time_number;
pub(crate) use written::{TimeKind, Written, clock_prefix, scan};

const NANOS: i64 = 1_000_000_000;

/// An instant, in nanoseconds since 1970-01-01T00:00:00Z. Covers the years 1677 to 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant that many seconds after the epoch; saturates at the ends of the range.
    pub const fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(NANOS))
    }

    /// The instant that many milliseconds after the epoch; saturates at the ends of the range.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis.saturating_mul(1_000_000))
    }

    /// How many seconds after `earlier` this is; negative if it is before.
    #[inline]
    pub fn seconds_since(self, earlier: Timestamp) -> f64 {
        let nanos = match self.0.checked_sub(earlier.0) {
            Some(nanos) => nanos as f64,
            // Several hundred years: it does not fit, and a wider number takes long to convert.
            None => self.0 as f64 - earlier.0 as f64,
        };
        nanos / NANOS as f64
    }

    /// The year, in UTC.
    pub fn year(self) -> i16 {
        let days = self.0.div_euclid(NANOS).div_euclid(86_400);
        calendar::civil_from_days(days as i32).0 as i16
    }

    /// This instant moved by `nanos`, or none beyond the range.
    pub const fn checked_add_nanos(self, nanos: i64) -> Option<Timestamp> {
        match self.0.checked_add(nanos) {
            Some(sum) => Some(Timestamp(sum)),
            None => None,
        }
    }

    /// This instant moved by `nanos`, held at the ends of the range.
    pub const fn saturating_add_nanos(self, nanos: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos))
    }

    /// Appends the instant in RFC 3339, in UTC with `Z`, its fraction with the 0, 3, 6 or 9 digits
    /// that it needs.
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        let (text, length) = self.rfc3339();
        out.extend_from_slice(&text[..length]);
    }

    /// The instant in RFC 3339 at the start of a buffer, and its length.
    fn rfc3339(self) -> ([u8; 30], usize) {
        let (seconds, nanos) = (self.0.div_euclid(NANOS), self.0.rem_euclid(NANOS) as u32);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
        let (year, month, day) = calendar::civil_from_days(days as i32);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        digits(&mut text[0..4], year as u32);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], second / 3600);
        digits(&mut text[14..16], second / 60 % 60);
        digits(&mut text[17..19], second % 60);
        let end = if nanos == 0 {
            19
        } else if nanos.is_multiple_of(1_000_000) {
            digits(&mut text[20..23], nanos / 1_000_000);
            23
        } else if nanos.is_multiple_of(1000) {
            digits(&mut text[20..26], nanos / 1000);
            26
        } else {
            digits(&mut text[20..29], nanos);
            29
        };
        text[end] = b'Z';
        (text, end + 1)
    }
}

/// Fills `place` with the last digits of `value`.
fn digits(place: &mut [u8], mut value: u32) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, length) = self.rfc3339();
        formatter.pad(std::str::from_utf8(&text[..length]).unwrap_or_default())
    }
}

/// Why a [`TimeContext`] cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownZone {
    /// Neither a zone of the IANA database nor an offset.
    #[error(
        "`{0}` is no time zone: accepted are `UTC`, IANA names such as `Europe/Berlin`, and offsets such as `+02:00`"
    )]
    Name(String),
    /// A year whose instants have no [`Timestamp`].
    #[error("times of the year {0} cannot be told: accepted are the years 1677 to 2261")]
    Year(i16),
}

/// What written times leave out: the zone of those without a zone, the year of those without a
/// year.
///
/// The year is a clock: it begins at the given year, a January after a December is of the next
/// year, and a December after a January (a line slightly out of order around new year) of the year
/// before again.
#[derive(Clone, Debug)]
pub struct TimeContext {
    zone: Zone,
    year: i16,
    /// The month of the last accepted time without a year; 0 before the first.
    month: u8,
    /// A second in UTC as it was written last, and where it begins: lines come many to a second.
    second: ([u8; 19], i64),
}

#[derive(Clone, Debug)]
enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    Named(TimeZone),
}

/// The zone of this name: `UTC`, an IANA name, or an offset such as `+02:00`.
#[must_use]
pub fn zone_of(name: &str) -> Option<TimeZone> {
    match TimeContext::new(name, 2000).ok()?.zone {
        Zone::Named(zone) => Some(zone),
        Zone::Fixed(seconds) => jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed),
    }
}

impl TimeContext {
    /// Times without zone are in `zone` (`UTC`, an IANA name, or an offset such as `+02:00`), times
    /// without year begin in `year`.
    ///
    /// # Errors
    /// If the zone is not known, or the year is outside of 1677 to 2261.
    pub fn new(zone: &str, year: i16) -> Result<TimeContext, UnknownZone> {
        if !(1677..=2261).contains(&year) {
            return Err(UnknownZone::Year(year));
        }
        let unknown = || UnknownZone::Name(zone.to_owned());
        let zone = if zone.eq_ignore_ascii_case("utc") || zone.eq_ignore_ascii_case("z") {
            Zone::Fixed(0)
        } else if zone.starts_with(['+', '-']) {
            match zone::offset(zone.as_bytes(), 0) {
                Some((seconds, end)) if end == zone.len() => Zone::Fixed(seconds),
                _ => return Err(unknown()),
            }
        } else {
            let named = TimeZone::get(zone).map_err(|_| unknown())?;
            // A zone of one offset for all times needs no search.
            named.to_fixed_offset().map_or(Zone::Named(named), |offset| Zone::Fixed(offset.seconds()))
        };
        Ok(TimeContext { zone, year, month: 0, second: ([0; 19], 0) })
    }

    /// The year of a month that was written without one.
    fn year_of(&self, month: u8) -> i16 {
        match (self.month, month) {
            (12, 1) => self.year + 1,
            (1, 12) => self.year - 1,
            _ => self.year,
        }
    }

    /// The time that `text` is, if it is one of RFC 3339 in UTC and of the second that is
    /// remembered.
    #[inline]
    fn within_second(&self, text: &[u8]) -> Option<Timestamp> {
        let (second, fraction) = text.split_first_chunk()?;
        let [b'.', digits @ .., b'Z'] = fraction else { return None };
        if *second != self.second.0 || !(1..=9).contains(&digits.len()) {
            return None;
        }
        let (mut nanos, mut unit) = (0, NANOS);
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            unit /= 10;
            nanos += i64::from(digit) * unit;
        }
        Some(Timestamp(self.second.1 + nanos))
    }

    /// Remembers the second of `instant`, if `text` is written as [`Self::within_second`] reads it.
    /// Leap seconds are not.
    fn remember_second(&mut self, text: &[u8], instant: Timestamp) {
        let Some((second, [b'.', digits @ .., b'Z'])) = text.split_first_chunk() else { return };
        if digits.iter().all(u8::is_ascii_digit)
            && written::is_dashed(second)
            && &second[17..] != b"60"
            && let Some(start) = instant.0.div_euclid(NANOS).checked_mul(NANOS)
            && start <= i64::MAX - NANOS
        {
            self.second = (*second, start);
        }
    }

    /// Moves the year clock to a time that the caller really took.
    pub(crate) fn accept(&mut self, written: &Written) {
        if let Some((year, month)) = written.clock {
            (self.year, self.month) = (year, month);
        }
    }

    /// Seconds since the epoch of a valid date and second of its day in the zone of this context.
    fn seconds(&self, date: (i16, u8, u8), second: u32) -> Option<i64> {
        let (year, month, day) = date;
        match &self.zone {
            Zone::Fixed(offset) => {
                let days = calendar::days_from_civil(i32::from(year), u32::from(month), u32::from(day));
                Some(i64::from(days) * 86_400 + i64::from(second) - i64::from(*offset))
            }
            Zone::Named(zone) => {
                let (hour, minute) = ((second / 3600) as i8, (second / 60 % 60) as i8);
                let time = civil::Time::new(hour, minute, (second % 60) as i8, 0).ok()?;
                let date = civil::Date::new(year, month as i8, day as i8).ok()?;
                Some(zone.to_timestamp(civil::DateTime::from_parts(date, time)).ok()?.as_second())
            }
        }
    }
}

/// The time written at the start of `text`, and how many bytes it took.
pub fn time_prefix(text: &[u8], context: &mut TimeContext) -> Option<(Timestamp, usize)> {
    let (written, end) = scan(text, context)?;
    context.accept(&written);
    Some((written.instant, end))
}

/// The time that the whole of `text` is, spaces around it aside: any form of [`time_prefix`], a
/// date alone (its midnight), or an epoch of at least nine digits.
pub fn time_text(text: &[u8], context: &mut TimeContext) -> Option<Timestamp> {
    if let Some(instant) = context.within_second(text) {
        return Some(instant);
    }
    let text = text.trim_ascii();
    match scan(text, context) {
        Some((written, end)) if end == text.len() => {
            context.accept(&written);
            context.remember_second(text, written.instant);
            Some(written.instant)
        }
        _ => written::date_alone(text, context).or_else(|| number::epoch_text(text)),
    }
}

#[cfg(test)]
mod tests;
