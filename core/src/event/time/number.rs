//! Epochs: numbers of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by
//! their size, which is that of one unit alone.

use super::super::json;
use super::zone::ends_word;
use super::{NANOS, Timestamp};

/// The seconds of the years in which a number is believed to be an epoch, 2001 to 2100: before are
/// counts, sizes and durations.
const PLAUSIBLE: std::ops::Range<i64> = 978_307_200..4_133_980_800;

/// Digits of a number that can matter: 19 before the point of the largest epoch, and 9 after the
/// point of seconds.
const DIGITS: u32 = 30;

/// The instant of a JSON number of the years 2001 to 2100: an epoch in seconds (below 10¹¹),
/// milliseconds (below 10¹⁴), microseconds (below 10¹⁷) or nanoseconds. It is exact to the
/// nanosecond where the digits allow; what is finer is cut off. Also of one with a decimal comma.
#[inline]
pub fn time_number(text: &[u8]) -> Option<Timestamp> {
    let text = text.trim_ascii();
    let instant = whole_epoch(text).or_else(|| decimal_epoch(text))?;
    is_plausible(instant).then_some(instant)
}

fn is_plausible(instant: Timestamp) -> bool {
    (PLAUSIBLE.start * NANOS..PLAUSIBLE.end * NANOS).contains(&instant.0)
}

fn decimal_epoch(text: &[u8]) -> Option<Timestamp> {
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
            b'.' | b',' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    if whole == 0 || (point && fraction == 0) {
        return None;
    }
    exponent = exponent.checked_add(written_exponent(&text[at..])?)?;
    i64::try_from(nanoseconds(mantissa, exponent)?).ok().map(Timestamp)
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

/// An epoch as text: a decimal of at least nine digits before its point, so that no short number is
/// a time, or one with an exponent.
pub(super) fn epoch_text(text: &[u8]) -> Option<Timestamp> {
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let exponent = text.iter().any(|byte| matches!(byte, b'e' | b'E'));
    if whole >= 9 || (whole > 0 && exponent) { time_number(text) } else { None }
}

/// An epoch with an exponent, as zap's console writes it (`1.767323045678e+09`), and where it ends.
pub(super) fn exponent_epoch(text: &[u8]) -> Option<(Timestamp, usize)> {
    let digits = |from: usize| json::digits(text, from) - from;
    if text.get(1) != Some(&b'.') {
        return None;
    }
    let sign = 2 + digits(2);
    if !matches!(text.get(sign), Some(b'e' | b'E')) {
        return None;
    }
    let start = sign + 1 + usize::from(text.get(sign + 1) == Some(&b'+'));
    let end = start + digits(start);
    let instant = time_number(&text[..end])?;
    ends_word(text, end).then_some((instant, end))
}

/// An instant in two integers, as Log4j 2 writes it: seconds since 1970 and nanoseconds beyond
/// them, which may be empty.
pub fn seconds_and_nanos(seconds: &[u8], nanos: &[u8]) -> Option<Timestamp> {
    let integer = |text: &[u8]| {
        let short = text.len() <= 10 && text.iter().all(u8::is_ascii_digit);
        short.then(|| text.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let (seconds, nanos) = (integer(seconds.trim_ascii())?, integer(nanos.trim_ascii())?);
    (PLAUSIBLE.contains(&seconds) && nanos < NANOS).then(|| Timestamp(seconds * NANOS + nanos))
}

/// A label of daemontools, `@` and an instant in hexadecimal: TAI64N, or TAI64 without nanoseconds.
/// As its programs do, it is taken to be 10 s ahead of UTC for all times.
pub(super) fn tai64n(text: &[u8]) -> Option<(Timestamp, usize)> {
    /// 1970-01-01 00:00:10 TAI.
    const EPOCH: i64 = (1 << 62) + 10;
    let length = text[1..].iter().take(25).take_while(|byte| byte.is_ascii_hexdigit()).count();
    if !matches!(length, 16 | 24) {
        return None;
    }
    let value = |digits: &[u8]| i64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let seconds = value(&text[1..17])? - EPOCH;
    let nanos = if length == 24 { value(&text[17..25])? } else { 0 };
    let end = 1 + length;
    let sure = PLAUSIBLE.contains(&seconds) && nanos < NANOS && ends_word(text, end);
    sure.then(|| (Timestamp(seconds * NANOS + nanos), end))
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
