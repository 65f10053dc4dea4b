//! What written times leave out: the zone of those without a zone, the year of those without a
//! year.
//!
//! **Zones.** An abbreviation that the zone of the context uses means what it means there (`IST` is
//! of India, of Ireland or of Israel); `zone.rs` has the commonest meaning for all others.
//!
//! **An hour that comes twice.** When the clocks go back, a local time of that hour has two
//! instants. Lines are nearly in order: it is the first of the two that is not more than ten
//! minutes before the line before it. So the hour's second round begins where the times go back.
//!
//! **The year** is a clock: it begins at the given year, a January after a December is of the next
//! year, and a December after a January (a line slightly out of order around new year) of the year
//! before again. The year that it begins at is a guess, which times that have a year can correct:
//! no log is written before what it tells of, so a date that would be more than a day after the
//! latest time known is of the year before. That is certain only while the clock has not begun:
//! once it runs, a stream that is ahead of all dated times is more likely one whose dated source
//! has stopped. So a running clock is corrected only where a date would leap half a year or more
//! ahead, and then for that date alone. Times more than a year older than the clock are an
//! archive's, of which nothing follows for the rest. Where the year was taken from a clock, what
//! the clock shows has passed as well. Without either there is no telling, and the given year is
//! taken.

use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::calendar;
use super::written::{self, Written};
use super::zone::{self, Abbreviations};
use super::{NANOS, Timestamp};

/// How far a line may be before the line before it and still be of the same round of an hour.
const ORDER_S: i64 = 600;
/// How far clocks of one stream may be apart.
const SLACK: i64 = 86_400 * NANOS;

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

/// What written times leave out, as this file's head tells.
#[derive(Clone, Debug)]
pub struct TimeContext {
    zone: Zone,
    /// The abbreviations that the zone uses.
    abbreviations: Abbreviations,
    year: i16,
    /// The month of the last accepted time without a year; 0 before the first.
    month: u8,
    /// The latest time with a year that the stream has shown.
    latest: Option<Timestamp>,
    /// The time that was accepted last.
    last: Option<Timestamp>,
    /// What a clock showed last, if the year is from one.
    present: Option<Timestamp>,
    /// A second in UTC as it was written last, and where it begins: lines come many to a second.
    second: ([u8; 19], i64),
}

/// A zone, of a context or as it was written behind a time.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    Named(TimeZone),
}

impl Zone {
    /// Seconds since the epoch of a valid date and second of its day in this zone, in a line after
    /// one of the time `last`.
    pub(super) fn seconds(&self, date: (i16, u8, u8), second: u32, last: Option<Timestamp>) -> Option<i64> {
        let (year, month, day) = date;
        match self {
            Zone::Fixed(offset) => {
                let days = calendar::days_from_civil(i32::from(year), u32::from(month), u32::from(day));
                Some(i64::from(days) * 86_400 + i64::from(second) - i64::from(*offset))
            }
            Zone::Named(zone) => {
                let (hour, minute) = ((second / 3600) as i8, (second / 60 % 60) as i8);
                let time = civil::Time::new(hour, minute, (second % 60) as i8, 0).ok()?;
                let date = civil::Date::new(year, month as i8, day as i8).ok()?;
                let written = zone.to_ambiguous_timestamp(civil::DateTime::from_parts(date, time));
                let offset = written.offset();
                let first = written.compatible().ok()?.as_second();
                let AmbiguousOffset::Fold { before, after } = offset else { return Some(first) };
                let second = first + i64::from(before.seconds() - after.seconds());
                let order = last.map_or(i64::MIN, |last| last.0.div_euclid(NANOS) - ORDER_S);
                // A line before it that is behind both tells nothing.
                Some(if first < order && order <= second { second } else { first })
            }
        }
    }
}

/// The zone of this name: `UTC`, an IANA name, or an offset such as `+02:00`.
#[must_use]
pub fn zone_of(name: &str) -> Option<TimeZone> {
    match TimeContext::new(name, 2000).ok()?.zone {
        Zone::Named(zone) => Some(zone),
        Zone::Fixed(seconds) => jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed),
    }
}

/// The zone that a person reads times in.
#[derive(Clone, Debug)]
pub struct DisplayZone {
    name: String,
    zone: TimeZone,
}

impl Default for DisplayZone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl DisplayZone {
    /// The zone of this name, as for [`zone_of`]; UTC where there is none.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let named = |zone| Self { name: name.to_owned(), zone };
        zone_of(name).filter(|zone| *zone != TimeZone::UTC).map_or_else(Self::default, named)
    }

    /// The name that was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Nanoseconds east of UTC at this time.
    #[must_use]
    pub fn offset(&self, time: Timestamp) -> i64 {
        let instant = jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default();
        i64::from(self.zone.to_offset(instant).seconds()) * NANOS
    }

    /// The time whose text in UTC is what clocks of this zone show at `time`.
    #[must_use]
    pub fn local(&self, time: Timestamp) -> Timestamp {
        Timestamp(time.0.saturating_add(self.offset(time)))
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
        let mut abbreviations = Abbreviations::default();
        let zone = if zone.eq_ignore_ascii_case("utc") || zone.eq_ignore_ascii_case("z") {
            Zone::Fixed(0)
        } else if zone.starts_with(['+', '-']) {
            match zone::offset(zone.as_bytes(), 0) {
                Some((seconds, end)) if end == zone.len() => Zone::Fixed(seconds),
                _ => return Err(unknown()),
            }
        } else {
            let named = TimeZone::get(zone).map_err(|_| unknown())?;
            abbreviations = Abbreviations::of(&named);
            // A zone of one offset for all times needs no search.
            named.to_fixed_offset().map_or(Zone::Named(named), |offset| Zone::Fixed(offset.seconds()))
        };
        Ok(TimeContext {
            zone,
            abbreviations,
            year,
            month: 0,
            latest: None,
            last: None,
            present: None,
            second: ([0; 19], 0),
        })
    }

    /// The same, where the year was taken from a clock that shows `now`: times without a year are
    /// not later than that either.
    #[must_use]
    pub fn with_present(mut self, now: Timestamp) -> TimeContext {
        self.present = Some(now);
        self
    }

    /// Tells what the clock shows by now; nothing to a context whose year is not from one.
    pub fn set_present(&mut self, now: Timestamp) {
        self.present = self.present.max(self.present.and(Some(now)));
    }

    /// The time that was accepted last.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// The zone of times without one.
    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The abbreviations that the zone of this context uses.
    pub(super) fn abbreviations(&self) -> &Abbreviations {
        &self.abbreviations
    }

    /// The year that the clock is in.
    pub(super) fn year(&self) -> i16 {
        self.year
    }

    /// The year of a month that was written without one.
    pub(super) fn year_of(&self, month: u8) -> i16 {
        match (self.month, month) {
            (12, 1) => self.year + 1,
            (1, 12) => self.year - 1,
            _ => self.year,
        }
    }

    /// Whether a time without a year that the clock would put at `instant` is of the year before.
    pub(super) fn is_a_year_early(&self, instant: Timestamp, month: u8) -> bool {
        let Some(latest) = self.latest.max(self.present) else { return false };
        let leaps = self.month == 0 || month >= self.month + 6;
        leaps && instant.0 > latest.0.saturating_add(SLACK) && latest.year() + 1 >= instant.year()
    }

    /// Whether the year clock has begun to run.
    pub(super) fn runs(&self) -> bool {
        self.month != 0
    }

    /// The time that `text` is, if it is one of RFC 3339 in UTC and of the second that is
    /// remembered.
    #[inline]
    pub(super) fn within_second(&self, text: &[u8]) -> Option<Timestamp> {
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
    pub(super) fn remember_second(&mut self, text: &[u8], instant: Timestamp) {
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

    /// Moves the year clock to a time that the caller really took; one with a year tells what has
    /// passed.
    pub(crate) fn accept(&mut self, written: &Written) {
        self.last = Some(written.instant);
        match written.clock {
            Some((_, 0)) => {}
            Some((year, month)) => (self.year, self.month) = (year, month),
            None => self.latest = self.latest.max(Some(written.instant)),
        }
    }
}
