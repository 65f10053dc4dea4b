use proptest::prelude::*;

use super::*;

fn utc() -> TimeContext {
    TimeContext::new("UTC", 2026).unwrap()
}

fn read(text: &str) -> Option<String> {
    time_text(text.as_bytes(), &mut utc()).map(|time| time.to_string())
}

#[test]
fn every_form_is_read() {
    let table = [
        ("2026-11-22T00:00:00.014Z", "2026-11-22T00:00:00.014Z"),
        ("2026-11-22t00:00:00z", "2026-11-22T00:00:00Z"),
        ("2026-11-22 00:00:00,014", "2026-11-22T00:00:00.014Z"),
        ("2026-11-22 01:30:00.5 +01:30", "2026-11-22T00:00:00.500Z"),
        ("2026-11-22 01:30:00.5 +0130 UTC", "2026-11-22T00:00:00.500Z"),
        ("2026-11-22T01:00:00+01", "2026-11-22T00:00:00Z"),
        ("2026-11-22T00:00:00-00:30", "2026-11-22T00:30:00Z"),
        ("2026-11-22 00:00:00 UTC", "2026-11-22T00:00:00Z"),
        ("2026-11-22 00:00:00 EST", "2026-11-22T05:00:00Z"),
        ("2026-11-22T00:00:00.1234567891234Z", "2026-11-22T00:00:00.123456789Z"),
        ("2026-11-22T23:59:60Z", "2026-11-22T23:59:59.999999999Z"),
        ("2024-02-29 00:00:00", "2024-02-29T00:00:00Z"),
        ("2026/01/02 03:04:05.678", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02-03.04.05.678901", "2026-01-02T03:04:05.678901Z"),
        ("2026-01-02 03:04:05:678", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02_03:04:05", "2026-01-02T03:04:05Z"),
        ("26/01/02 03:04:05", "2026-01-02T03:04:05Z"),
        ("260102 030405", "2026-01-02T03:04:05Z"),
        ("260102  3:04:05", "2026-01-02T03:04:05Z"),
        ("20260102-3:4:5:67", "2026-01-02T03:04:05.067Z"),
        ("20260102T030405Z", "2026-01-02T03:04:05Z"),
        ("20260102 03:04:05", "2026-01-02T03:04:05Z"),
        ("20260102030405", "2026-01-02T03:04:05Z"),
        ("20260102", "2026-01-02T00:00:00Z"),
        ("2026-01-02", "2026-01-02T00:00:00Z"),
        ("0102 03:04:05.678901", "2026-01-02T03:04:05.678901Z"),
        ("Jan  2 03:04:05", "2026-01-02T03:04:05Z"),
        ("Jan 02 03:04:05.678 EST", "2026-01-02T08:04:05.678Z"),
        ("Jan 2 2024 03:04:05", "2024-01-02T03:04:05Z"),
        ("Jan 02, 2026 3:04:05 PM", "2026-01-02T15:04:05Z"),
        ("Jan 02, 2026 12:04:05 am", "2026-01-02T00:04:05Z"),
        ("Fri Jan 02 03:04:05 2026", "2026-01-02T03:04:05Z"),
        ("Fri Jan  2 03:04:05.678901 2026", "2026-01-02T03:04:05.678901Z"),
        ("Fri Jan  2 03:04:05 EST 2026", "2026-01-02T08:04:05Z"),
        ("Fri Jan  2 2026 03:04:05", "2026-01-02T03:04:05Z"),
        ("02/Jan/2026:03:04:05 -0700", "2026-01-02T10:04:05Z"),
        ("Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05Z"),
        ("Friday, 02-Jan-26 03:04:05 MST", "2026-01-02T10:04:05Z"),
        ("02 Jan 2026 03:04:05,123", "2026-01-02T03:04:05.123Z"),
        ("02 Jan 03:04:05.123", "2026-01-02T03:04:05.123Z"),
        ("02-Jan-2026 03:04:05.123", "2026-01-02T03:04:05.123Z"),
        ("01-02 03:04:05.678", "2026-01-02T03:04:05.678Z"),
        ("01.02 03:04:05", "2026-01-02T03:04:05Z"),
        ("02.01.2026 03:04:05", "2026-01-02T03:04:05Z"),
        ("01/02/2026 03:04:05", "2026-01-02T03:04:05Z"),
        ("22/01/2026 03:04:05", "2026-01-22T03:04:05Z"),
        ("1/2/2026 3:04:05 PM", ""),
        ("1767323045", "2026-01-02T03:04:05Z"),
        ("1767323045.678", "2026-01-02T03:04:05.678Z"),
        ("1767323045678", "2026-01-02T03:04:05.678Z"),
        ("1767323045678901", "2026-01-02T03:04:05.678901Z"),
        ("1767323045678901234", "2026-01-02T03:04:05.678901234Z"),
        ("1677-09-21T00:12:43.145224192Z", "1677-09-21T00:12:43.145224192Z"),
        ("2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775807Z"),
    ];
    for (text, time) in table {
        assert_eq!(read(text).unwrap_or_default(), time, "{text}");
    }
}

#[test]
fn nonsense_is_no_time() {
    for text in [
        "",
        "2",
        "é",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-32 00:00:00",
        "2026-01-00 00:00:00",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01T00:00:00x",
        "2026-01-01 00:00:0",
        "2026-01-01T0a:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "1677-01-01T00:00:00Z",
        "Jan 32 00:00:00",
        "Foo 02 03:04:05",
        "Jan 02, 2026 13:04:05 PM",
        "17",
        "12345678",
        "1.2.3.4",
        "10.20.30.40",
        "99999999999999999999",
        "1e400",
        "40/13/2026 03:04:05",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_prefix_ends_where_the_time_ends() {
    for (text, length) in [
        ("2026-01-02 03:04:05,678 INFO x", 23),
        ("2026-01-02 03:04:05 - x", 19),
        ("2026-01-02 03:04:05 -0700 x", 25),
        ("2026-01-02 03:04:05, Info", 19),
        ("Jan  2 03:04:05 2026host app", 15),
        ("1767323045 x", 10),
    ] {
        assert_eq!(time_prefix(text.as_bytes(), &mut utc()).map(|found| found.1), Some(length), "{text}");
    }
    assert_eq!(time_prefix(b"1767323045.1.2 x", &mut utc()), None);
}

#[test]
fn numbers_are_exact() {
    for (text, nanos) in [
        ("1767323045.123456789", Some(1_767_323_045_123_456_789)),
        ("1767323045.1234567891", Some(1_767_323_045_123_456_789)),
        ("1.767323045123456789e9", Some(1_767_323_045_123_456_789)),
        ("1767323045123.456789", Some(1_767_323_045_123_456_789)),
        ("1767323045123456.7", Some(1_767_323_045_123_456_700)),
        ("1767323045123456789", Some(1_767_323_045_123_456_789)),
        ("1767323045E+0", Some(1_767_323_045_000_000_000)),
        ("-1.5", Some(-1_500_000_000)),
        ("0", Some(0)),
        ("1e-400", Some(0)),
        ("99999999999", None),
        ("1e99999", None),
        ("1e999999999999", None),
        ("1.", None),
        (".5", None),
        ("1x", None),
        ("NaN", None),
        ("", None),
    ] {
        assert_eq!(time_number(text.as_bytes()), nanos.map(Timestamp), "{text}");
    }
}

#[test]
fn the_year_clock_turns_at_new_year_and_back() {
    let mut context = TimeContext::new("UTC", 2025).unwrap();
    let mut year = |text: &str| time_text(text.as_bytes(), &mut context).map(|time| time.to_string()[..4].to_owned());
    assert_eq!(year("Jun 30 00:00:00").as_deref(), Some("2025"));
    assert_eq!(year("Dec 31 23:59:59").as_deref(), Some("2025"));
    assert_eq!(year("Jan  1 00:00:00 x"), None);
    assert_eq!(year("Dec 31 23:59:59").as_deref(), Some("2025"));
    assert_eq!(year("Jan  1 00:00:00").as_deref(), Some("2026"));
    assert_eq!(year("Dec 31 23:59:59").as_deref(), Some("2025"));
    assert_eq!(year("Jan  1 00:00:01").as_deref(), Some("2026"));
    assert_eq!(year("2019-05-01 00:00:00").as_deref(), Some("2019"));
    assert_eq!(year("Feb 29 00:00:00").as_deref(), Some("2026"));
}

#[test]
fn zones_of_times_without_one() {
    let at = |zone: &str| {
        let mut context = TimeContext::new(zone, 2026)?;
        Ok(time_text(b"2026-07-01 12:00:00.5", &mut context).unwrap_or_default().to_string())
    };
    assert_eq!(at("utc"), Ok("2026-07-01T12:00:00.500Z".to_owned()));
    assert_eq!(at("+02:00"), Ok("2026-07-01T10:00:00.500Z".to_owned()));
    assert_eq!(at("-0930"), Ok("2026-07-01T21:30:00.500Z".to_owned()));
    assert_eq!(at("Europe/Berlin"), Ok("2026-07-01T10:00:00.500Z".to_owned()));
    assert_eq!(at("Mars/Olympus"), Err(UnknownZone::Name("Mars/Olympus".to_owned())));
    assert_eq!(at("+2:00"), Err(UnknownZone::Name("+2:00".to_owned())));
    assert_eq!(TimeContext::new("UTC", 2262).unwrap_err(), UnknownZone::Year(2262));
    assert_eq!(TimeContext::new("UTC", 1676).unwrap_err(), UnknownZone::Year(1676));
}

#[test]
fn the_ends_of_the_range_are_told() {
    for (nanos, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_000, "1970-01-01T00:00:00.000001Z"),
        (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
    ] {
        assert_eq!(Timestamp(nanos).to_string(), text);
    }
    assert_eq!(Timestamp::from_seconds(i64::MAX), Timestamp(i64::MAX));
    assert_eq!(Timestamp::from_millis(-1_500).seconds_since(Timestamp::from_seconds(-1)), -0.5);
    assert_eq!(Timestamp(i64::MAX).checked_add_nanos(1), None);
    assert_eq!(Timestamp(i64::MAX).saturating_add_nanos(1), Timestamp(i64::MAX));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(nanos: i64) {
        let mut text = Vec::new();
        Timestamp(nanos).write_rfc3339(&mut text);
        prop_assert_eq!(time_text(&text, &mut utc()), Some(Timestamp(nanos)));
    }

    #[test]
    fn what_was_read_before_changes_nothing(texts in proptest::collection::vec(
        "2026-11-22[T ](12:00:0[01]|23:59:(59|60))(\\.[0-9]{0,10})?( ?[AP]M)?(Z| Z|\\+02:00)?", 0..20,
    )) {
        let mut used = utc();
        for text in texts {
            prop_assert_eq!(time_text(text.as_bytes(), &mut used), time_text(text.as_bytes(), &mut utc()), "{}", text);
        }
    }

    #[test]
    fn epochs_read_back(nanos in 100_000_000_000_000_000..i64::MAX) {
        prop_assert_eq!(time_number(nanos.to_string().as_bytes()), Some(Timestamp(nanos)));
        let decimal = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        prop_assert_eq!(time_number(decimal.as_bytes()), Some(Timestamp(nanos)));
    }

    #[test]
    fn any_bytes_are_safe(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut context = TimeContext::new("Europe/Berlin", 2261).unwrap();
        time_number(&bytes);
        time_text(&bytes, &mut context);
        if let Some((_, length)) = time_prefix(&bytes, &mut context) {
            prop_assert!(length <= bytes.len());
        }
    }

    #[test]
    fn anything_like_a_time_is_safe(text in "[0-9JanDecFriSu]{1,5}[-/. :,T][0-9a]{1,4}[-/. ,][0-9]{1,4}[T :][0-9]{1,2}[:.][0-9]{1,2}[:.][0-9]{1,2}[ .,:+-]?[0-9APMZ: ]{0,12}") {
        let mut context = TimeContext::new("America/New_York", 1677).unwrap();
        if let Some((_, length)) = time_prefix(text.as_bytes(), &mut context) {
            prop_assert!(length <= text.len());
        }
        time_text(text.as_bytes(), &mut context);
    }
}
