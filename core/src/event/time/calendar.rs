//! Days of the proleptic Gregorian calendar, after Howard Hinnant, "chrono-Compatible Low-Level
//! Date Algorithms".
//!
//! The first two count years from March, so that the leap day is a year's last, and shift the epoch
//! by whole 400-year eras, so that nothing is negative.

/// Shift of the epoch, days from 0000-03-01 to 1970-01-01.
const EPOCH: i32 = 719_468;

/// Days since 1970-01-01. The date must be valid and its year positive.
pub(super) const fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let year = (if month <= 2 { year - 1 } else { year }) as u32;
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    (year * 365 + year / 4 - year / 100 + year / 400 + day_of_year) as i32 - EPOCH
}

/// Year, month and day of a day since 1970-01-01 that is in a positive year.
pub(super) const fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let days = (days + EPOCH) as u32;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    ((year + era * 400) as i32 + (month <= 2) as i32, month, day)
}

/// The date of a day of a week by ISO 8601, whose first week is that of January 4: `2026-W01-5`.
pub(super) const fn from_week_date(year: u32, week: u32, day: u32) -> Option<(u32, u32, u32)> {
    if year == 0 || year > 9999 || week == 0 || week > 53 || day == 0 || day > 7 {
        return None;
    }
    let fourth = days_from_civil(year as i32, 1, 4);
    // 1970-01-01 was a Thursday, the fourth day of its week.
    let monday = fourth - (fourth + 3).rem_euclid(7);
    let (year, month, day) = civil_from_days(monday + (week as i32 - 1) * 7 + day as i32 - 1);
    Some((year as u32, month, day))
}

/// How many days a month has.
pub(super) const fn days_in_month(year: i16, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
