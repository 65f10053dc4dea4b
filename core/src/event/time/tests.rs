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
        ("1/2/2026 3:04:05 PM", "2026-01-02T15:04:05Z"),
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
    for text in ["1767323045.1.2 x", "1767323045毫秒", "9876543210 x", "0767323045 x"] {
        assert_eq!(time_prefix(text.as_bytes(), &mut utc()), None, "{text}");
    }
}

/// What is read at the beginning of lines: the instant, and the text behind it.
fn opened(table: &[(&str, &str, &str)], context: &TimeContext) {
    for (line, time, rest) in table {
        let found = time_prefix(line.as_bytes(), &mut context.clone());
        let found = found.map(|(time, end)| (time.to_string(), &line[end..]));
        assert_eq!(found, Some((time.to_string(), *rest)), "{line}");
    }
}

#[test]
fn zones_behind_a_time() {
    opened(
        &[
            ("2026-01-02 03:04:05.678 CEST [31136] x", "2026-01-02T01:04:05.678Z", " [31136] x"),
            ("2026-01-02 03:04:05.678 MSK [4237] x", "2026-01-02T00:04:05.678Z", " [4237] x"),
            ("2026-01-02 03:04:05.678 EET [30] x", "2026-01-02T01:04:05.678Z", " [30] x"),
            ("2026-01-02 03:04:05 UTC:10.0.0.5(51312):x", "2026-01-02T03:04:05Z", ":10.0.0.5(51312):x"),
            ("2026-01-02 03:04:05 JST LOG", "2026-01-01T18:04:05Z", " LOG"),
            ("2026-01-02 03:04:05CET x", "2026-01-02T02:04:05Z", " x"),
            ("2026-01-02 03:04:05 Z x", "2026-01-02T03:04:05Z", " x"),
            ("2026-01-02T03:04:05Z[Etc/UTC] x", "2026-01-02T03:04:05Z", " x"),
            ("2026-01-02T03:04:05.678+01:00[Europe/Berlin] x", "2026-01-02T02:04:05.678Z", " x"),
            ("2026-01-02 03:04:05 [America/New_York] x", "2026-01-02T08:04:05Z", " x"),
            ("2026-07-02 03:04:05 Europe/Berlin] x", "2026-07-02T01:04:05Z", "] x"),
            ("02-Jan-2026 03:04:05 Europe/Berlin] x", "2026-01-02T02:04:05Z", "] x"),
            ("2026-01-02 03:04:05 (UTC) x", "2026-01-02T03:04:05Z", " x"),
            ("2026-01-02 03:04:05.678 +07 [4237] x", "2026-01-01T20:04:05.678Z", " [4237] x"),
            ("2026-01-02 03:04:05 -03 ERROR x", "2026-01-02T06:04:05Z", " ERROR x"),
            ("2026-01-02 03:04:05 +07:10.0.0.5(4711):x", "2026-01-01T20:04:05Z", ":10.0.0.5(4711):x"),
            ("2026-01-02 03:04:05 +05:30 x", "2026-01-01T21:34:05Z", " x"),
            ("2026-01-02 03:04:05 -0800 PST m=+0.003 x", "2026-01-02T11:04:05Z", " x"),
            ("2026-01-02 03:04:05.6 +0700 +07 m=+12.5", "2026-01-01T20:04:05.600Z", ""),
            ("2026-01-02 03:04:05 +0000 UTC x", "2026-01-02T03:04:05Z", " x"),
            ("Jun 23 10:20:16.775 PSTDST: %LINK-3-UPDOWN", "2026-06-23T17:20:16.775Z", ": %LINK-3-UPDOWN"),
            ("Jun 23 10:20:16.775 CEST: x", "2026-06-23T08:20:16.775Z", ": x"),
            ("Fri, 02 Jan 2026 03:04:05 +0100 (CET) x", "2026-01-02T02:04:05Z", " x"),
            ("Fri Jan 02 2026 03:04:05 GMT+0100 (Central European Standard Time) x", "2026-01-02T02:04:05Z", " x"),
            ("Fri Jan  2 03:04:05 2026 +0100", "2026-01-02T02:04:05Z", ""),
            ("Fri Jan  2 03:04:05 PM CET 2026 x", "2026-01-02T14:04:05Z", " x"),
            ("Fri 2026-01-02 03:04:05 CET; x", "2026-01-02T02:04:05Z", "; x"),
            ("2026-01-02 03:04:05 UTC+8 x", "2026-01-01T19:04:05Z", " x"),
            ("20260102T030405.678+0100 x", "2026-01-02T02:04:05.678Z", " x"),
        ],
        &utc(),
    );
}

#[test]
fn a_word_behind_a_time_that_is_no_zone_stays_outside() {
    for word in [
        "INFO",
        "ERROR",
        "WARN",
        "DB",
        "GET /x",
        "POST /x",
        "LOG:",
        "EAT",
        "WEST wind",
        "ART",
        "MSK-1 is down",
        "EST.txt",
        "CETUS",
        "CEt",
        "[ERROR]",
        "[main]",
        "(app)",
        "(Some Time",
        "(Dinner Time)",
        "Europe/Nowhere",
        "Users/x",
        "app/server",
        "-12 degrees",
        "+10 items",
        "-07",
        "+99 [x]",
        "-foo",
        "+1 x",
        "m=+0.003",
        "(EST",
        "[EST",
        "AMD64",
        "PMI",
    ] {
        let line = format!("2026-01-02 03:04:05 {word} x");
        let found = time_prefix(line.as_bytes(), &mut utc());
        assert_eq!(
            found.map(|(time, end)| (time.to_string(), end)),
            Some(("2026-01-02T03:04:05Z".to_owned(), 19)),
            "{line}"
        );
    }
}

#[test]
fn an_abbreviation_of_several_zones_is_that_of_the_context() {
    for (zone, name, time) in [
        ("UTC", "IST", "2026-07-01T06:30:00Z"),
        ("Asia/Kolkata", "IST", "2026-07-01T06:30:00Z"),
        ("Europe/Dublin", "IST", "2026-07-01T11:00:00Z"),
        ("Asia/Jerusalem", "IST", "2026-07-01T10:00:00Z"),
        ("UTC", "CST", "2026-07-01T18:00:00Z"),
        ("Asia/Shanghai", "CST", "2026-07-01T04:00:00Z"),
        ("America/Havana", "CST", "2026-07-01T17:00:00Z"),
        ("America/Chicago", "CST", "2026-07-01T18:00:00Z"),
        ("UTC", "BST", "2026-07-01T11:00:00Z"),
        ("Asia/Manila", "PST", "2026-07-01T04:00:00Z"),
        ("Pacific/Pago_Pago", "SST", "2026-07-01T23:00:00Z"),
        ("Africa/Nairobi", "EAT", "2026-07-01T09:00:00Z"),
        ("Europe/Lisbon", "WEST", "2026-07-01T11:00:00Z"),
        ("Europe/Moscow", "MSK", "2026-07-01T09:00:00Z"),
        ("+02:00", "EST", "2026-07-01T17:00:00Z"),
    ] {
        let mut context = TimeContext::new(zone, 2026).unwrap();
        let text = format!("2026-07-01 12:00:00 {name}");
        assert_eq!(
            time_text(text.as_bytes(), &mut context).map(|time| time.to_string()),
            Some(time.to_owned()),
            "{zone} {name}"
        );
    }
}

#[test]
fn dates_at_the_beginning_of_lines() {
    opened(
        &[
            ("03.12.19 17:47:38:402 x", "2019-12-03T17:47:38.402Z", " x"),
            ("15.03.2018-09:23:41.430 ERROR x", "2018-03-15T09:23:41.430Z", " ERROR x"),
            ("2.1.2026 3:04:05 x", "2026-01-02T03:04:05Z", " x"),
            ("1/2/2026 3:04:05 PM x", "2026-01-02T15:04:05Z", " x"),
            ("1/2/2026, 3:04:05\u{202f}PM x", "2026-01-02T15:04:05Z", " x"),
            ("1/2/26 3:04 PM x", "2026-01-02T15:04:00Z", " x"),
            ("22/01/26 03:04:05 x", "2022-01-26T03:04:05Z", " x"),
            ("31/01/26 03:04:05 x", "2026-01-31T03:04:05Z", " x"),
            ("17/06/09 20:10:40 INFO x", "2017-06-09T20:10:40Z", " INFO x"),
            ("2026-01-02 12:04:05 AM x", "2026-01-02T00:04:05Z", " x"),
            ("2026-01-02 12:04:05 p.m. x", "2026-01-02T12:04:05Z", " x"),
            ("2026-01-02 3:04:05PM x", "2026-01-02T15:04:05Z", " x"),
            ("2026-01-02 03:04 ERROR x", "2026-01-02T03:04:00Z", " ERROR x"),
            ("2026-01-02T03:04Z x", "2026-01-02T03:04:00Z", " x"),
            ("2026-01-02\t03:04:05\tx", "2026-01-02T03:04:05Z", "\tx"),
            ("2026-01-02, 03:04:05 x", "2026-01-02T03:04:05Z", " x"),
            ("02/Jan/2026 03:04:05] x", "2026-01-02T03:04:05Z", "] x"),
            ("02/Jan/2026:03:04:05.678] x", "2026-01-02T03:04:05.678Z", "] x"),
            ("2-Jan-2026::03:04:05 === x", "2026-01-02T03:04:05Z", " === x"),
            ("02.Jan.2026 03:04:05 x", "2026-01-02T03:04:05Z", " x"),
            ("Jan 2, 2026, 3:04:05 PM x", "2026-01-02T15:04:05Z", " x"),
            ("Jan 2, 2026 @ 15:04:05.678 x", "2026-01-02T15:04:05.678Z", " x"),
            ("January 2, 2026 at 3:04:05 PM x", "2026-01-02T15:04:05Z", " x"),
            ("Friday, January 2, 2026 3:04:05 PM x", "2026-01-02T15:04:05Z", " x"),
            ("Jan  2 03:04:05 2026 host x", "2026-01-02T03:04:05Z", " host x"),
            ("01-02|03:04:05.678] x", "2026-01-02T03:04:05.678Z", "] x"),
            ("2026-W01-5T03:04:05Z x", "2026-01-02T03:04:05Z", " x"),
            ("2020-W53-7T00:00:00Z x", "2021-01-03T00:00:00Z", " x"),
            ("20260102030405678 x", "2026-01-02T03:04:05.678Z", " x"),
            ("2026-01-02T03:04:05.678901234567Z x", "2026-01-02T03:04:05.678901234Z", " x"),
            ("2026-01-02T23:59:60.5Z x", "2026-01-02T23:59:59.999999999Z", " x"),
            // A column between commas is no fraction, unless it has the digits of one.
            ("2026/01/02 03:04:05,0018,THREAT", "2026-01-02T03:04:05Z", ",0018,THREAT"),
            ("2026-01-02 03:04:05,678,INFO,x", "2026-01-02T03:04:05.678Z", ",INFO,x"),
            ("1767323045,678 ERROR x", "2026-01-02T03:04:05.678Z", " ERROR x"),
            ("1767323045,678,x", "2026-01-02T03:04:05Z", ",678,x"),
            ("1.767323045678e+09\terror", "2026-01-02T03:04:05.678Z", "\terror"),
            ("1.767323045678901e+18 x", "2026-01-02T03:04:05.678901Z", " x"),
            ("@40000000695735af28699f00 x", "2026-01-02T03:04:05.678010624Z", " x"),
            ("@40000000695735af: x", "2026-01-02T03:04:05Z", ": x"),
            // Another script ends a time as a blank does.
            ("2026-01-02 03:04:05，完成", "2026-01-02T03:04:05Z", "，完成"),
            ("2026-01-02 03:04:05错误", "2026-01-02T03:04:05Z", "错误"),
        ],
        &utc(),
    );
}

#[test]
fn dates_of_other_languages() {
    opened(
        &[
            ("2026年3月2日 12:45:28 x", "2026-03-02T12:45:28Z", " x"),
            ("2026年03月02日12:45:28.678 x", "2026-03-02T12:45:28.678Z", " x"),
            ("2026年3月2日 下午3:04:05 x", "2026-03-02T15:04:05Z", " x"),
            ("2026年3月2日 上午12:04:05 x", "2026-03-02T00:04:05Z", " x"),
            ("2026年3月2日12时45分28秒 x", "2026-03-02T12:45:28Z", " x"),
            ("2026年3月2日 12时45分 x", "2026-03-02T12:45:00Z", " x"),
            ("2026年3月2日 星期一 12:45:28 x", "2026-03-02T12:45:28Z", " x"),
            ("2026年3月2日(月) 12:45:28 x", "2026-03-02T12:45:28Z", " x"),
            ("2026年3月2日 午後 3:04:05 x", "2026-03-02T15:04:05Z", " x"),
            ("2026년 3월 2일 오후 3:04:05 x", "2026-03-02T15:04:05Z", " x"),
            ("2026年3月2日 12:45:28 CST x", "2026-03-02T18:45:28Z", " x"),
            ("3月2日 12:45:28 x", "2026-03-02T12:45:28Z", " x"),
            ("2026/3/2 下午 3:04:05 x", "2026-03-02T15:04:05Z", " x"),
            ("2026-03-02 上午09:04:05 x", "2026-03-02T09:04:05Z", " x"),
            ("02 janv. 2026 03:04:05 x", "2026-01-02T03:04:05Z", " x"),
            ("2 août 2026 à 03:04:05 x", "2026-08-02T03:04:05Z", " x"),
            ("2. März 2026 03:04:05 x", "2026-03-02T03:04:05Z", " x"),
            ("02-DEZ-2026 03:04:05 x", "2026-12-02T03:04:05Z", " x"),
            ("2 de enero de 2026 3:04:05 x", "2026-01-02T03:04:05Z", " x"),
            ("02/DÉC/2026:03:04:05 x", "2026-12-02T03:04:05Z", " x"),
            ("Mai 02 03:04:05 host x", "2026-05-02T03:04:05Z", " host x"),
            ("set 02 03:04:05 host x", "2026-09-02T03:04:05Z", " host x"),
            ("févr. 02 03:04:05 host x", "2026-02-02T03:04:05Z", " host x"),
            ("Okt  2 03:04:05 host x", "2026-10-02T03:04:05Z", " host x"),
            ("Fr 2. Jan 03:04:05 CET 2026 x", "2026-01-02T02:04:05Z", " x"),
            ("ven. 02 janv. 2026 03:04:05 CET x", "2026-01-02T02:04:05Z", " x"),
        ],
        &utc(),
    );
}

#[test]
fn what_begins_like_a_time_is_none() {
    for line in [
        "Mai 02 ist ein Tag",
        "set 10 values",
        "out 5 of 10:20",
        "2 ago was better 03:04:05",
        "2 days 03:04:05",
        "Marked 12 03:04:05",
        "Mon 5 items",
        "do 3 times",
        "Jan 02 03:04 x",
        "01-02 03:04 x",
        "1/2|x",
        "1.2 03:04:05",
        "1-2-3 03:04:05",
        "3月2日",
        "2026年",
        "2026年3月",
        "12分钟 03:04:05",
        "2026-W54-1T03:04:05Z",
        "2026-W00-1T03:04:05Z",
        "2026-W01-8T03:04:05Z",
        "2026-01-02 16:9 display",
        "2026-01-02 03:04.5 x",
        "1.5e3 x",
        "1.7e+99 x",
        "1.2.3 x",
        "@here x",
        "@4000000069573 x",
        "@ffffffffffffffffffffffff x",
        "@400000000000000000000000 x",
        "99999999999999999 x",
    ] {
        assert_eq!(time_prefix(line.as_bytes(), &mut utc()), None, "{line}");
    }
}

#[test]
fn times_of_members() {
    for (text, time) in [
        ("1.767323045678e9", "2026-01-02T03:04:05.678Z"),
        ("1.767323045678E+12", "2026-01-02T03:04:05.678Z"),
        ("1767323045,678", "2026-01-02T03:04:05.678Z"),
        ("2013-03-06 15:18:01 +0000", "2013-03-06T15:18:01Z"),
        ("2026-01-02 03:04:05 +07", "2026-01-01T20:04:05Z"),
        ("2026-01-02 03:04", "2026-01-02T03:04:00Z"),
        ("2026-01-02T03:04:05+01:00[Europe/Berlin]", "2026-01-02T02:04:05Z"),
        ("1/2/2026 3:04:05 PM", "2026-01-02T15:04:05Z"),
        ("2026年3月2日 下午3:04:05", "2026-03-02T15:04:05Z"),
        ("@40000000695735af28699f00", "2026-01-02T03:04:05.678010624Z"),
    ] {
        assert_eq!(read(text).unwrap_or_default(), time, "{text}");
    }
    for text in ["1e2", "12:30", "123456789012345678901", "5.5e3", "e9", "100000000", "3.14159", "99999999999"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_date_and_a_time_of_day_in_members_of_their_own() {
    let at = |date: &str, time: &str, zone: Option<&str>| {
        date_and_time(date.as_bytes(), time.as_bytes(), zone.map(str::as_bytes), &mut utc())
            .map(|time| time.to_string())
    };
    let is = |time: &str| Some(time.to_owned());
    assert_eq!(at("2026-01-02", "03:04:05", None), is("2026-01-02T03:04:05Z"));
    assert_eq!(at("2026-01-02", "03:04:05", Some("+0100")), is("2026-01-02T02:04:05Z"));
    assert_eq!(at("02/01/2026", "03:04:05.678", Some("CET")), is("2026-02-01T02:04:05.678Z"));
    assert_eq!(at("Jan 2", "03:04:05", None), is("2026-01-02T03:04:05Z"));
    assert_eq!(at("2026-01-02", "", None), None);
    assert_eq!(at("", "03:04:05", None), None);
    assert_eq!(at("", "", None), None);
    assert_eq!(at("1767323045", "12", None), None);
    assert_eq!(at(&"2026-01-02".repeat(20), "03:04:05", None), None);
}

#[test]
fn an_instant_in_two_integers() {
    let at = |seconds: &str, nanos: &str| seconds_and_nanos(seconds.as_bytes(), nanos.as_bytes());
    assert_eq!(at("1767323045", "678000000"), Some(Timestamp(1_767_323_045_678_000_000)));
    assert_eq!(at("1767323045", ""), Some(Timestamp::from_seconds(1_767_323_045)));
    for (seconds, nanos) in [("", "5"), ("12", "0"), ("1767323045", "1000000000"), ("1767323045.5", "0"), ("-1", "0")] {
        assert_eq!(at(seconds, nanos), None, "{seconds} {nanos}");
    }
}

#[test]
fn a_date_without_a_year_is_not_in_the_future() {
    let years = |lines: &[&str]| -> Vec<String> {
        let mut context = utc();
        let year =
            |line: &&str| time_text(line.as_bytes(), &mut context).unwrap_or_default().to_string()[..4].to_owned();
        lines.iter().map(year).collect()
    };
    // Nothing is known: the year that was given.
    assert_eq!(years(&["Dec 24 00:00:00"]), ["2026"]);
    // The stream has shown that it is March.
    assert_eq!(
        years(&["2026-03-02T00:00:00Z", "Dec 24 00:00:00", "Dec 31 00:00:00", "Jan  1 00:00:00"]),
        ["2026", "2025", "2025", "2026"]
    );
    assert_eq!(years(&["1772409600", "Dec 24 00:00:00"]), ["2026", "2025"]);
    // Clocks differ; a day is no contradiction.
    assert_eq!(years(&["2026-03-02T00:00:00Z", "Mar  2 23:00:00"]), ["2026", "2026"]);
    assert_eq!(years(&["2025-12-31T00:00:00Z", "Dec 30 00:00:00"]), ["2025", "2025"]);
    // A running clock is ahead of a dated source that has stopped, and leaps only by error.
    assert_eq!(years(&["2026-03-02T00:00:00Z", "Mar  2 00:00:00", "Mar  9 00:00:00"]), ["2026"; 3]);
    assert_eq!(
        years(&["2026-03-02T00:00:00Z", "Mar  2 00:00:00", "Dec 24 00:00:00", "Mar  2 00:00:00"]),
        ["2026", "2026", "2025", "2026"]
    );
    // An archive says nothing of the rest.
    assert_eq!(years(&["2019-05-01T00:00:00Z", "Jun 30 00:00:00"]), ["2019", "2026"]);
    // The clock that the year is from, as it shows at the start and later.
    let year = |mut context: TimeContext, now: i64| {
        context.set_present(Timestamp::from_seconds(now));
        time_text(b"Jan  5 00:00:00", &mut context).unwrap().year()
    };
    let new_year = Timestamp::from_seconds(1_767_323_045);
    assert_eq!(year(utc().with_present(new_year), 0), 2025);
    assert_eq!(year(utc().with_present(new_year), 1_767_523_045), 2026);
    assert_eq!(year(utc(), 1_767_323_045), 2026);
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
        ("1767323045,678", Some(1_767_323_045_678_000_000)),
        // Only the years 2001 to 2100 are those of logs.
        ("978307200", Some(978_307_200_000_000_000)),
        ("978307199", None),
        ("4133980799.9", Some(4_133_980_799_900_000_000)),
        ("4133980800", None),
        ("978307200000", Some(978_307_200_000_000_000)),
        ("978307199999", None),
        ("-1.5", None),
        ("0", None),
        ("1", None),
        ("12.345", None),
        ("20260102", None),
        ("1e-400", None),
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
fn the_hour_that_comes_twice_follows_the_order_of_lines() {
    let read = |zone: &str, times: &[&str]| -> Vec<String> {
        let mut context = TimeContext::new(zone, 2026).unwrap();
        times
            .iter()
            .map(|text| time_text(text.as_bytes(), &mut context).unwrap().to_string()[11..19].to_owned())
            .collect()
    };
    // A line that is a little late is of its own round, and so is one after a rest.
    let written =
        ["01:59:58", "02:00:01", "02:59:50", "02:59:59", "02:00:01", "02:59:58", "02:30:00", "02:55:00", "03:00:00"]
            .map(|time| format!("2026-10-25 {time}"));
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let means =
        ["23:59:58", "00:00:01", "00:59:50", "00:59:59", "01:00:01", "00:59:58", "01:30:00", "01:55:00", "02:00:00"];
    assert_eq!(read("Europe/Berlin", &written), means);
    // The first line of all is of the first round. One far ahead moves none into the second.
    assert_eq!(read("Europe/Berlin", &["2026-10-25 02:30:00", "2026-10-25 02:31:00"]), ["00:30:00", "00:31:00"]);
    assert_eq!(read("Europe/Berlin", &["2099-01-01 00:00:00", "2026-10-25 02:31:00"]), ["23:00:00", "00:31:00"]);
    // Other zones and forms; half an hour that comes twice.
    assert_eq!(read("America/New_York", &["11/01/2026 01:59:00", "11/01/2026 01:01:00"]), ["05:59:00", "06:01:00"]);
    assert_eq!(read("Australia/Lord_Howe", &["2026-04-05 01:59:00", "2026-04-05 01:31:00"]), ["14:59:00", "15:01:00"]);
    assert_eq!(read("Europe/London", &["Oct 25 01:59:00", "Oct 25 01:00:30"]), ["00:59:00", "01:00:30"]);
    // In spring nothing is lost: what is written of the hour that is left out goes on.
    assert_eq!(read("Europe/Berlin", &["2026-03-29 01:59:59", "2026-03-29 03:00:01"]), ["00:59:59", "01:00:01"]);
    assert_eq!(read("Europe/Berlin", &["2026-03-29 02:30:00"]), ["01:30:00"]);
    // A zone that was written needs no order, unless it is a name.
    assert_eq!(
        read("Europe/Berlin", &["2026-10-25 02:30:00+02:00", "2026-10-25 02:31:00+01:00", "2026-10-25 02:32:00+02:00"]),
        ["00:30:00", "01:31:00", "00:32:00"]
    );
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
    fn epochs_read_back(nanos in 978_307_200_000_000_000..4_133_980_800_000_000_000_i64) {
        prop_assert_eq!(time_number(nanos.to_string().as_bytes()), Some(Timestamp(nanos)));
        let decimal = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        prop_assert_eq!(time_number(decimal.as_bytes()), Some(Timestamp(nanos)));
    }

    #[test]
    fn every_form_reads_back(seconds in 946_684_800_i64..4_102_444_800, millis in 0_i64..1000) {
        // Of this century, so that two digits of the year say enough.
        let instant = Timestamp(seconds * NANOS + millis * 1_000_000);
        let date = jiff::Timestamp::from_nanosecond(i128::from(instant.0)).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        for form in [
            "%Y-%m-%d %H:%M:%S%.3f", "%Y-%m-%dT%H:%M:%S%.3fZ", "%Y-%m-%d %H:%M:%S%.3f %Z", "%Y-%m-%d %H:%M:%S%.3f%:z",
            "%Y/%m/%d %H:%M:%S%.3f", "%Y%m%dT%H%M%S%.3f%z", "%d.%m.%Y %H:%M:%S%.3f", "%d.%m.%Y-%H:%M:%S%.3f",
            "%-m/%-d/%Y %-I:%M:%S%.3f %p", "%d/%b/%Y:%H:%M:%S%.3f", "%d-%b-%Y %H:%M:%S%.3f", "%-d-%b-%Y::%H:%M:%S%.3f",
            "%b %d, %Y %-I:%M:%S%.3f %p", "%a, %d %b %Y %H:%M:%S%.3f", "%a %b %e %H:%M:%S%.3f %Y", "%B %-d, %Y at %H:%M:%S%.3f",
            "%G-W%V-%uT%H:%M:%S%.3fZ", "%Y年%-m月%-d日 %H:%M:%S%.3f", "%Y年%m月%d日%H时%M分%S%.3f秒", "%Y%m%d%H%M%S%.3f",
        ] {
            let text = date.strftime(form).to_string();
            prop_assert_eq!(time_text(text.as_bytes(), &mut utc()), Some(instant), "{}", text);
            let line = format!("{text} x");
            prop_assert_eq!(time_prefix(line.as_bytes(), &mut utc()), Some((instant, text.len())), "{}", line);
        }
    }

    #[test]
    fn zones_read_back(seconds in 1_577_836_800_i64..1_893_456_000, place in 0_usize..6) {
        let name = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Shanghai", "Europe/Dublin", "Australia/Adelaide"][place];
        let instant = jiff::Timestamp::from_second(seconds).unwrap();
        let date = instant.to_zoned(jiff::tz::TimeZone::get(name).unwrap());
        let mut context = TimeContext::new(name, 2026).unwrap();
        for form in ["%Y-%m-%d %H:%M:%S %Z", "%a %b %e %H:%M:%S %Z %Y", "%d %b %Y %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%:z[%Q]"] {
            let text = date.strftime(form).to_string();
            prop_assert_eq!(time_text(text.as_bytes(), &mut context), Some(Timestamp::from_seconds(seconds)), "{}", text);
        }
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

    #[test]
    fn pieces_of_times_are_safe(pieces in proptest::collection::vec(
        proptest::sample::select(vec![
            "2026", "01", "2", "1767323045", "Jan", "janv.", "Fri", "ven.", "年", "月", "日", "下午", "时", "分", "秒", "星期", "T", "W01",
            " ", " ", "-", "/", ":", ".", ",", "|", "@", "+", "CET", "PSTDST", "GMT", "Europe/Berlin", "[", "]", "(", ")", " Time", "m=+0.1",
            "AM", "p.m.", "\u{202f}", "é", "e+09", "de ", "à ", "03:04:05", "\t",
        ]), 0..12,
    )) {
        let text = pieces.concat();
        let mut context = TimeContext::new("Asia/Shanghai", 2026).unwrap();
        if let Some((_, length)) = time_prefix(text.as_bytes(), &mut context) {
            prop_assert!(text.is_char_boundary(length), "{} {}", text, length);
        }
        time_text(text.as_bytes(), &mut context);
        for at in 0..text.len() {
            if text.is_char_boundary(at) {
                time_prefix(&text.as_bytes()[..at], &mut context);
            }
        }
    }
}
