//! Epochs: numbers of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by
//! their size.

use super::Timestamp;

/// Digits of a number that can matter: 19 before the point of the largest epoch, and 9 after the
/// point of seconds.
const DIGITS: u32 = 30;

/// The instant of a JSON number: an epoch in seconds (below 10¹¹), milliseconds (below 10¹⁴),
/// microseconds (below 10¹⁷) or nanoseconds. It is exact to the nanosecond where the digits allow;
/// what is finer is cut off.
pub fn time_number(text: &[u8]) -> Option<Timestamp> {
    let text = text.trim_ascii();
    if let Some(instant) = whole_epoch(text) {
        return Some(instant);
    }
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let mut mantissa: u128 = 0;
    let mut taken = 0;
    // The number is mantissa × 10^exponent.
    let mut exponent: i64 = 0;
    let mut point = false;
    let (mut whole, mut fraction) = (0, 0);
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'0'..=b'9' => {
                *(if point { &mut fraction } else { &mut whole }) += 1;
                if taken < DIGITS {
                    mantissa = mantissa * 10 + u128::from(byte - b'0');
                    taken += u32::from(mantissa != 0);
                    exponent -= i64::from(point);
                } else {
                    exponent += i64::from(!point);
                }
            }
            b'.' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    if whole == 0 || (point && fraction == 0) {
        return None;
    }
    exponent = exponent.checked_add(written_exponent(&text[at..])?)?;
    let nanos = nanoseconds(mantissa, exponent)?;
    let nanos = if negative { -nanos } else { nanos };
    i64::try_from(nanos).ok().map(Timestamp)
}

/// The instant of one of the usual epochs, without sign, fraction and exponent, in fast arithmetic.
fn whole_epoch(text: &[u8]) -> Option<Timestamp> {
    let unit = match text.len() {
        9..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1000,
        _ => return None,
    };
    if text[0] == b'0' || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = text.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    value.checked_mul(unit).map(Timestamp)
}

/// An epoch as text: a plain decimal of at least nine digits before its point, so that no short
/// number is a time.
pub(super) fn epoch_text(text: &[u8]) -> Option<Timestamp> {
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let plain = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if whole >= 9 && plain { time_number(text) } else { None }
}

/// The exponent that ends a number, 0 if nothing is left of it.
fn written_exponent(text: &[u8]) -> Option<i64> {
    let (first, rest) = match text.split_first() {
        None => return Some(0),
        Some(split) => split,
    };
    if !matches!(first, b'e' | b'E') {
        return None;
    }
    let (negative, digits) = match rest.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, rest),
    };
    // Five digits hold every exponent that a line could balance with its own zeros; more are
    // nonsense.
    if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

/// Nanoseconds since the epoch that mantissa × 10^exponent means.
fn nanoseconds(mantissa: u128, exponent: i64) -> Option<i128> {
    if mantissa == 0 {
        return Some(0);
    }
    // How many digits the number has before its point; not positive below one.
    let magnitude = i64::from(mantissa.ilog10()) + 1 + exponent;
    let unit = match magnitude {
        ..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        18..=19 => 0,
        _ => return None,
    };
    let exponent = exponent + unit;
    // The magnitude bounds the product by 10²⁰, and what is divided away beyond 38 digits is
    // nothing.
    let nanos = match u32::try_from(exponent) {
        Ok(exponent) => mantissa.checked_mul(10u128.checked_pow(exponent)?)?,
        Err(_) => u32::try_from(-exponent)
            .ok()
            .and_then(|exponent| 10u128.checked_pow(exponent))
            .map_or(0, |divisor| mantissa / divisor),
    };
    i128::try_from(nanos).ok()
}
