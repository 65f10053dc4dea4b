//! Durations and statuses as members write them.

use super::parsed::{Form, Slot};
use super::roles::Unit;
use super::written_duration::WrittenDuration;

/// How long it took, in milliseconds: the value `raw` of a member whose numbers are in `unit`.
#[inline]
pub(super) fn in_milliseconds(raw: &[u8], slot: &Slot, unit: Unit) -> Option<f64> {
    let milliseconds = match slot.form {
        Form::Absent => return None,
        Form::Number => number(raw)? * unit.in_milliseconds(),
        _ => match in_text(raw)? {
            (value, Some(unit)) => value * unit,
            (value, None) => value * unit.in_milliseconds(),
        },
    };
    milliseconds.is_finite().then_some(milliseconds)
}

/// A status of three digits; 0 for anything else.
#[inline]
pub(super) fn status(raw: &[u8]) -> u16 {
    match raw.as_array::<3>() {
        Some(digits) => digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit.wrapping_sub(b'0'))),
        None => 0,
    }
}

/// A JSON number. Up to 15 digits and 22 places the quotient of two exact numbers is the nearest
/// there is (W. Clinger, *How to read floating point numbers accurately*, PLDI 1990); what is
/// longer, or has an exponent, takes the long way.
#[inline]
fn number(raw: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (mut digits, mut places, mut point) = (0_u64, 0, 0);
    if raw.len() > POWERS.len() {
        return std::str::from_utf8(raw).ok()?.parse().ok();
    }
    for byte in raw {
        match byte {
            b'0'..=b'9' => {
                digits = digits * 10 + u64::from(byte - b'0');
                places += point;
            }
            b'.' if point == 0 => point = 1,
            _ => return std::str::from_utf8(raw).ok()?.parse().ok(),
        }
    }
    if point == 0 && raw.len() > 15 {
        return std::str::from_utf8(raw).ok()?.parse().ok();
    }
    Some(digits as f64 / POWERS[places])
}

/// A duration written as text, `12`, `3.2s`, `1h2m3s`, `PT1.5S`, `0:00:01.234`, `152.3 毫秒`: its
/// number, and the unit in milliseconds if it has one. What is only bounded, `< 1 ms`, is its
/// bound.
pub(super) fn in_text(text: &[u8]) -> Option<(f64, Option<f64>)> {
    let mut text = text.trim_ascii();
    if let [b'<' | b'~', rest @ ..] | [0xE2, 0x89, 0x88 | 0xA4, rest @ ..] = text {
        text = rest.trim_ascii_start();
    }
    if memchr::memchr2(b',', b':', text).is_some()
        && let Some(sum) = sum_of(text)
    {
        return Some((sum, None));
    }
    let written = WrittenDuration::at(text)?;
    (written.length == text.len()).then_some((written.value, written.unit))
}

/// The sum of the numbers of a list, `0.001, 0.200 : 0.3`: nginx writes how long each server took
/// that it tried, with commas between those of one group and colons between groups, and `-` for one
/// that it did not reach.
fn sum_of(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let (mut sum, mut parts, mut told) = (0.0, 0, 0);
    for part in text.split(" : ").flat_map(|group| group.split(", ")) {
        parts += 1;
        if part != "-" {
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            sum += part.parse::<f64>().ok().filter(|_| is_number)?;
            told += 1;
        }
    }
    (parts > 1 && told > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_form() {
        for text in
            ["0", "12", "0.25", "-3", "1e3", "1.5E-7", "123456789012345", "1234567890123456", "9007199254740993"]
        {
            assert_eq!(number(text.as_bytes()), text.parse().ok(), "{text}");
        }
        assert_eq!((number(b"1.2.3"), number(b"x"), number(b"\xFF")), (None, None, None));
    }

    #[test]
    fn durations_of_every_form() {
        for (text, milliseconds) in [
            ("12", 12.0),
            ("0.25", 0.25),
            (".5s", 500.0),
            ("1.5e-05", 1.5e-5),
            ("3.2s", 3_200.0),
            ("250 ms", 250.0),
            ("1.5µs", 0.0015),
            ("830.587723ms", 830.587723),
            ("1m2.5s", 62_500.0),
            ("1h2m3s", 3_723_000.0),
            ("1h 2m 3s", 3_723_000.0),
            ("2 minutes, 3 seconds", 123_000.0),
            ("1 minute and 5 seconds", 65_000.0),
            ("1 Hour", 3_600_000.0),
            ("12 MS", 12.0),
            ("3 Sekunden", 3_000.0),
            ("2 jours", f64::NAN),
            ("0:00:01.234", 1_234.0),
            ("00:00:01.2340000", 1_234.0),
            ("01:30:00", 5_400_000.0),
            ("1.02:03:04.5", 93_784_500.0),
            ("1:02.5", 62_500.0),
            ("PT1.5S", 1_500.0),
            ("PT1H2M3.5S", 3_723_500.0),
            ("P1DT2H", 93_600_000.0),
            ("PT0S", 0.0),
            ("< 1 ms", 1.0),
            ("~3s", 3_000.0),
            ("≈3s", 3_000.0),
            ("0,012", 0.012),
            ("1,5 s", 1_500.0),
            ("0,234 s", 234.0),
            ("1,234,567 ms", 1_234_567.0),
            ("1,234.5 ms", 1_234.5),
            ("152.3 毫秒", 152.3),
            ("152.3毫秒", 152.3),
            ("3秒", 3_000.0),
            ("2分钟", 120_000.0),
            ("1分30秒", 90_000.0),
            ("1小时2分", 3_720_000.0),
            ("20 微秒", 0.02),
            ("120ミリ秒", 120.0),
            ("3초", 3_000.0),
            ("0.001, 0.200 : 0.3", 0.501),
            ("-, 0.200", 0.2),
            ("0.2 : -", 0.2),
            ("-, -", f64::NAN),
            ("0.2, x", f64::NAN),
            ("0.2, ", f64::NAN),
        ] {
            let found = in_text(text.as_bytes()).map(|(value, unit)| value * unit.unwrap_or(1.0));
            if milliseconds.is_nan() {
                assert_eq!(found, None, "{text}");
            } else {
                assert!(
                    found.is_some_and(|found| (found - milliseconds).abs() <= 1e-9 * milliseconds),
                    "{text}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_duration() {
        for text in [
            "",
            "ms",
            "s",
            "x",
            "-",
            "-1",
            "-3s",
            "1.2.3",
            "1.2.3s",
            "5%",
            "12 ms/op",
            "3 req/s",
            "1,234",
            "1,234 ms",
            "12,345 s",
            "1,23,4 ms",
            "12:30",
            "12:60:00",
            "00:00:61",
            "1:2:3",
            "2026-01-02",
            "12:30:05Z",
            "P",
            "PT",
            "P1Y",
            "PT5",
            "PTS",
            "PT-1S",
            "5 apples",
            "5 sx",
            "1s2m",
            "1s 2s",
            "3秒后",
            "5分之一",
            "3 次",
            "10KB",
            "0x10",
            "1e",
            "1e5x",
            "5ß",
            "0.001, 0.002 x",
            "00:00:00:01",
            "1.2:03:04",
            "1.25:00:00",
            "12S",
            "3M",
        ] {
            assert_eq!(in_text(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text in "[0-9.,:eE+<~ PTDHMSmsuµ毫秒分时]{0,24}", bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            in_text(&bytes);
            if let Some((value, unit)) = in_text(text.as_bytes()) {
                let value = value * unit.unwrap_or(1.0);
                prop_assert!(value.is_finite() && value >= 0.0, "{}", text);
            }
        }

        #[test]
        fn what_go_and_java_write_reads_back(hours in 0_u32..100, minutes in 0_u32..60, seconds in 0_u32..60, millis in 0_u32..1000) {
            let expected = f64::from((hours * 60 + minutes) * 60 + seconds) * 1e3 + f64::from(millis);
            for text in [
                format!("{hours}h{minutes}m{seconds}.{millis:03}s"),
                format!("PT{hours}H{minutes}M{seconds}.{millis:03}S"),
                format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}000"),
                format!("{}.{:02}:{minutes:02}:{seconds:02}.{millis:03}0000", hours / 24, hours % 24),
                format!("{hours} hours {minutes} min {seconds}.{millis:03} sec"),
                format!("{hours}小时{minutes}分{seconds}.{millis:03}秒"),
            ] {
                let (value, unit) = in_text(text.as_bytes()).unwrap();
                prop_assert!((value * unit.unwrap() - expected).abs() < 1e-3, "{}", text);
            }
        }

        #[test]
        fn the_short_way_is_exact(whole in 0_u64..10_000_000_000, part in "[0-9]{1,9}") {
            let text = format!("{whole}.{part}");
            prop_assert_eq!(number(text.as_bytes()), text.parse().ok());
        }
    }
}
