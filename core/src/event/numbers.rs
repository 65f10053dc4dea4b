//! Durations and statuses as members write them.

use super::look::{Form, Slot};
use super::roles::Unit;

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

/// A duration written as text, `12`, `3.2s`, `250 ms`, `1.5µs`: its number, and the unit in
/// milliseconds if it has one.
pub(super) fn in_text(text: &[u8]) -> Option<(f64, Option<f64>)> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let value: f64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim_start() {
        "" => None,
        "ns" => Some(1e-6),
        "us" | "µs" | "μs" => Some(1e-3),
        "ms" | "msec" | "millis" | "milliseconds" => Some(1.0),
        "s" | "sec" | "secs" | "seconds" | "second" => Some(1e3),
        "m" | "min" | "minutes" | "minute" => Some(6e4),
        "h" | "hours" | "hour" => Some(3.6e6),
        _ => return None,
    };
    Some((value, unit))
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

    proptest! {
        #[test]
        fn the_short_way_is_exact(whole in 0_u64..10_000_000_000, part in "[0-9]{1,9}") {
            let text = format!("{whole}.{part}");
            prop_assert_eq!(number(text.as_bytes()), text.parse().ok());
        }
    }
}
