//! Instants of events: nanoseconds since the Unix epoch, read from every written form that logs
//! use.
//!
//! `written.rs` tells the forms in which people and programs write a time by how they begin; those
//! that name the month are in `named.rs` and `months.rs`, those of Chinese, Japanese and Korean in
//! `asian.rs`. `conclude.rs` makes the instant of what they found, with the zones of `zone.rs` and
//! the days of `calendar.rs`. `number.rs` has the epochs. What a written time leaves out, its zone
//! or its year, comes from a [`TimeContext`].

mod asian;
mod calendar;
mod conclude;
mod context;
mod cursor;
mod months;
mod named;
mod number;
mod written;
mod zone;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use context::{DisplayZone, TimeContext, UnknownZone, zone_of};
pub use number::{seconds_and_nanos, time_number};
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

    /// This instant moved by `seconds`; saturates at the ends of the range.
    pub fn saturating_add_seconds(self, seconds: f64) -> Timestamp {
        // The cast maps NaN to 0 and clamps values that are too large.
        self.saturating_add_nanos((seconds * NANOS as f64) as i64)
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
        let year = year as u32;
        two_digits(&mut text, 0, year / 100 % 100);
        two_digits(&mut text, 2, year % 100);
        two_digits(&mut text, 5, month);
        two_digits(&mut text, 8, day);
        two_digits(&mut text, 11, second / 3600);
        two_digits(&mut text, 14, second / 60 % 60);
        two_digits(&mut text, 17, second % 60);
        let end = if nanos == 0 {
            19
        } else if nanos.is_multiple_of(1_000_000) {
            let millis = nanos / 1_000_000;
            text[20] = b'0' + (millis / 100) as u8;
            two_digits(&mut text, 21, millis % 100);
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

/// Two digits of `value`, which is below 100, at `at`.
#[inline(always)]
fn two_digits(text: &mut [u8; 30], at: usize, value: u32) {
    (text[at], text[at + 1]) = (b'0' + (value / 10) as u8, b'0' + (value % 10) as u8);
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

/// The time of a date and a time of day that stand in members of their own, as in FortiGate's
/// `date=2026-01-02 time=03:04:05 tz="+0100"` and in columns; `zone` is an offset or a name.
pub fn date_and_time(date: &[u8], time: &[u8], zone: Option<&[u8]>, context: &mut TimeContext) -> Option<Timestamp> {
    let mut text = [0; 80];
    let mut length = 0;
    for part in [Some(date), Some(time), zone].into_iter().flatten() {
        let part = part.trim_ascii();
        let end = length + part.len();
        text.get_mut(length..end)?.copy_from_slice(part);
        *text.get_mut(end)? = b' ';
        length = end + 1;
    }
    let text = &text[..length - 1];
    match scan(text, context)? {
        (written, end) if end == text.len() && written.kind != TimeKind::Epoch => {
            context.accept(&written);
            Some(written.instant)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
