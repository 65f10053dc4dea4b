//! Local time for `between` and `weekday`, at the time of an event.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Most time zones that are cached per set of rules.
const MOST: usize = 64;

/// Time zones by name.
#[derive(Debug, Default)]
pub(crate) struct Zones {
    known: BTreeMap<String, TimeZone>,
    own: Option<TimeZone>,
}

impl Zones {
    /// Sets the default zone of rules. An unknown name leaves it at UTC.
    pub(crate) fn set_own(&mut self, name: &str) {
        self.own = crate::event::time::zone_of(name);
    }

    /// The zone with this name, or the default zone for `None`.
    ///
    /// # Errors
    /// When the name is unknown.
    pub(crate) fn get(&mut self, name: Option<&str>) -> Result<TimeZone, String> {
        let Some(name) = name else { return Ok(self.own.clone().unwrap_or(TimeZone::UTC)) };
        if let Some(zone) = self.known.get(name) {
            return Ok(zone.clone());
        }
        let zone = crate::event::time::zone_of(name).ok_or_else(|| {
            format!("`{name}` is no time zone; write an IANA name such as \"Europe/Berlin\", or an offset such as \"+02:00\"")
        })?;
        if self.known.len() < MOST {
            self.known.insert(name.to_owned(), zone.clone());
        }
        Ok(zone)
    }
}

/// Parses a time of day, `"22:00"` or `"22:00:30"`, into seconds since midnight; `"24:00"` is the
/// end of the day.
pub(crate) fn time_of_day(text: &str) -> Option<i32> {
    let mut parts = text.split(':').map(|part| (part.len() == 2).then(|| part.parse::<u8>().ok()).flatten());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().map_or(Some(0), |part| part)?);
    let seconds = i32::from(hour) * 3_600 + i32::from(minute) * 60 + i32::from(second);
    (parts.next().is_none() && minute < 60 && second < 60 && seconds <= 86_400).then_some(seconds)
}

/// True when the local time of day at `time` (nanoseconds) is at or after `from` and before `to`.
/// If `to` is earlier than `from`, the interval includes midnight.
pub(crate) fn is_between(time: i64, zone: &TimeZone, from: i32, to: i32) -> bool {
    let now = local(time, zone).time();
    let seconds = i32::from(now.hour()) * 3_600 + i32::from(now.minute()) * 60 + i32::from(now.second());
    if from <= to { (from..to).contains(&seconds) } else { seconds >= from || seconds < to }
}

/// The day of the week at `time` (nanoseconds).
pub(crate) fn weekday(time: i64, zone: &TimeZone) -> &'static str {
    match local(time, zone).weekday() {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}

fn local(time: i64, zone: &TimeZone) -> jiff::Zoned {
    jiff::Timestamp::from_nanosecond(time.into()).unwrap_or_default().to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        let cases = [
            ("00:00", Some(0)),
            ("22:00", Some(79_200)),
            ("22:00:30", Some(79_230)),
            ("24:00", Some(86_400)),
            ("24:01", None),
            ("9:00", None),
            ("12:60", None),
            ("12", None),
            ("12:00:00:00", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of_day(text), expected, "{text}");
        }
    }

    #[test]
    fn nights_go_over_midnight_and_zones_count() {
        // 2026-01-05, a Monday, at 23:30 UTC.
        let time = 1_767_655_800_000_000_000;
        let berlin = Zones::default().get(Some("Europe/Berlin")).unwrap();
        assert_eq!((weekday(time, &TimeZone::UTC), weekday(time, &berlin)), ("mon", "tue"));
        let (from, to) = (79_200, 21_600);
        assert!(is_between(time, &TimeZone::UTC, from, to) && is_between(time, &berlin, from, to));
        assert!(!is_between(time, &TimeZone::UTC, to, from));
        assert!(is_between(time, &TimeZone::UTC, 0, 86_400));
        assert!(!is_between(time, &TimeZone::UTC, from, from));
        assert!(Zones::default().get(Some("Europe/Atlantis")).is_err());
        assert_eq!(weekday(i64::MIN, &TimeZone::UTC).len(), 3);
    }
}
