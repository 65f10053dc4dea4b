//! Durations as programs and people write them: `12`, `3.2s`, `250 ms`, Go's `1m2.5s`, .NET's and
//! Python's `0:00:01.234`, Java's `PT1.5S`, `152.3 毫秒`.
//!
//! A comma is read only where it can mean one thing: `1,5 s` and `0,234 s` are decimals,
//! `1,234,567 ms` and `1,234.5 ms` are thousands, and `1,234 ms` is either and so is none. What is
//! divided by something else, as `12 ms/op`, is a mean or a rate and not how long this took.

/// A duration at the beginning of a text.
pub(super) struct WrittenDuration {
    pub(super) value: f64,
    /// What one of the value is, in milliseconds; none if no unit was written.
    pub(super) unit: Option<f64>,
    /// How many bytes it takes.
    pub(super) length: usize,
    pub(super) has_point: bool,
    /// A comma stands for the point.
    pub(super) has_comma: bool,
    /// Written with colons, as a time of day is too.
    pub(super) is_clock: bool,
}

impl WrittenDuration {
    pub(super) fn at(text: &[u8]) -> Option<Self> {
        match text {
            [b'P', ..] => iso(text),
            [b'0'..=b'9', ..] => clock(text).or_else(|| counted(text)),
            [b'.', b'0'..=b'9', ..] => counted(text),
            _ => None,
        }
    }

    fn of_milliseconds(value: f64, length: usize) -> Self {
        Self { value, unit: Some(1.0), length, has_point: false, has_comma: false, is_clock: false }
    }
}

/// A number and its unit, and more of them in smaller units: `1h2m3s`, `2 minutes, 3 seconds`.
fn counted(text: &[u8]) -> Option<WrittenDuration> {
    let first = Number::at(text)?;
    let (value, has_point, has_comma) = (first.value, first.has_point, first.has_comma);
    let Some((mut last, length)) = unit(&text[first.length..]) else {
        return Some(WrittenDuration {
            value,
            unit: None,
            length: first.length,
            has_point,
            has_comma,
            is_clock: false,
        });
    };
    let mut length = first.length + length;
    let (mut total, mut parts) = (value * last, 1);
    loop {
        let rest = &text[length..];
        let insert: &[u8] =
            [&b" and "[..], b", ", b" "].into_iter().find(|insert| rest.starts_with(insert)).unwrap_or_default();
        let rest = &rest[insert.len()..];
        let Some(next) = Number::at(rest).filter(|next| !next.has_comma) else { break };
        let Some((unit, more)) = unit(&rest[next.length..]).filter(|(unit, _)| *unit < last) else { break };
        total += next.value * unit;
        length += insert.len() + next.length + more;
        (last, parts) = (unit, parts + 1);
    }
    // One part keeps its unit, so that its number is as exact as it was written.
    let (value, unit) = if parts == 1 { (value, last) } else { (total, 1.0) };
    Some(WrittenDuration { value, unit: Some(unit), length, has_point, has_comma, is_clock: false })
}

/// A decimal number at the beginning of a text.
struct Number {
    value: f64,
    length: usize,
    has_point: bool,
    has_comma: bool,
}

impl Number {
    fn at(text: &[u8]) -> Option<Self> {
        let whole = digits(text, 0);
        let mut end = whole;
        let has_comma = text.get(whole) == Some(&b',') && digits(text, whole + 1) > 0;
        if has_comma && !is_decimal_comma(text, whole)? {
            return thousands(text, whole);
        }
        let point = text.get(whole) == Some(&b'.');
        // A sentence may end with the number.
        let has_point = (point || has_comma) && digits(text, whole + 1) > 0;
        if has_point {
            end += 1 + digits(text, whole + 1);
        }
        if !has_comma {
            end += exponent(&text[end..]);
        }
        // A second point makes it a version or an address.
        if end == 0 || (text.get(end) == Some(&b'.') && digits(text, end + 1) > 0) {
            return None;
        }
        let value = value(&text[..end], has_comma)?;
        Some(Self { value, length: end, has_point: has_point && !has_comma, has_comma })
    }
}

/// The value of a decimal, perhaps with a comma for its point.
fn value(text: &[u8], has_comma: bool) -> Option<f64> {
    /// No duration has more digits.
    const LONGEST: usize = 40;
    let value: f64 = if has_comma {
        let mut buffer = [0; LONGEST];
        let copy = buffer.get_mut(..text.len())?;
        copy.copy_from_slice(text);
        *copy.iter_mut().find(|byte| **byte == b',')? = b'.';
        std::str::from_utf8(copy).ok()?.parse().ok()?
    } else {
        std::str::from_utf8(text).ok()?.parse().ok()?
    };
    // Far beyond any duration, and far enough below what a number can hold to be multiplied.
    (value < 1e200).then_some(value)
}

/// Whether the comma at `at`, which digits follow, can only be that of a decimal; none if it can be
/// either.
fn is_decimal_comma(text: &[u8], at: usize) -> Option<bool> {
    let after = digits(text, at + 1);
    let grouped = after == 3 && (1..=3).contains(&at) && text[0] != b'0';
    let end = at + 1 + after;
    let goes_on = matches!(text.get(end), Some(b',' | b'.')) && digits(text, end + 1) > 0;
    match (grouped, goes_on) {
        (true, true) => Some(false),
        (false, false) => Some(true),
        _ => None,
    }
}

/// Groups of three digits behind commas, of which there are two, or one and a point.
fn thousands(text: &[u8], whole: usize) -> Option<Number> {
    let mut value = text[..whole].iter().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0'));
    let mut end = whole;
    while text.get(end) == Some(&b',') && digits(text, end + 1) > 0 {
        if digits(text, end + 1) != 3 || end > 20 {
            return None;
        }
        value = text[end + 1..end + 4].iter().fold(value, |sum, digit| sum * 10.0 + f64::from(digit - b'0'));
        end += 4;
    }
    if text.get(end) == Some(&b'.') && digits(text, end + 1) > 0 {
        let point = end;
        end += 1 + digits(text, end + 1);
        value += std::str::from_utf8(&text[point..end]).ok()?.parse::<f64>().ok()?;
    }
    Some(Number { value, length: end, has_point: false, has_comma: true })
}

/// How long the exponent is: `e-05`. A letter alone is the begin of a word.
fn exponent(text: &[u8]) -> usize {
    let [b'e' | b'E', rest @ ..] = text else { return 0 };
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    match digits(rest, sign) {
        count @ 1..=3 => 1 + sign + count,
        _ => 0,
    }
}

/// `H:MM:SS` or `M:SS.f`, and with days before it `d.HH:MM:SS`.
fn clock(text: &[u8]) -> Option<WrittenDuration> {
    let number = |at: usize, most: usize| -> Option<(f64, usize)> {
        let count = digits(text, at);
        let value = text.get(at..at + count)?.iter().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0'));
        (1..=most).contains(&count).then_some((value, at + count))
    };
    let below_60 = |at: usize| number(at, 2).filter(|(value, end)| *end == at + 2 && *value < 60.0);
    let (mut days, (mut first, mut at)) = (None, number(0, 6)?);
    if text.get(at) == Some(&b'.') {
        let (hours, end) = number(at + 1, 2).filter(|(hours, end)| *hours < 24.0 && *end == at + 3)?;
        (days, first, at) = (Some(first), hours, end);
    }
    if text.get(at) != Some(&b':') {
        return None;
    }
    let (second, end) = below_60(at + 1)?;
    let third = if text.get(end) == Some(&b':') { Some(below_60(end + 1)?) } else { None };
    let mut end = third.map_or(end, |(_, end)| end);
    let (mut fraction, mut digits_behind) = (0.0, 0);
    if text.get(end) == Some(&b'.') {
        digits_behind = digits(text, end + 1);
        if digits_behind > 0 {
            fraction = std::str::from_utf8(&text[end..=end + digits_behind]).ok()?.parse().ok()?;
            end += 1 + digits_behind;
        }
    }
    let seconds = match third {
        Some((third, _)) => days.unwrap_or(0.0) * 86_400.0 + first * 3600.0 + second * 60.0 + third,
        // Two fields are hours and minutes as well, unless there is a fraction.
        None if days.is_none() && digits_behind > 0 => first * 60.0 + second,
        None => return None,
    };
    if matches!(text.get(end), Some(b':')) {
        return None;
    }
    let written = WrittenDuration::of_milliseconds((seconds + fraction) * 1e3, end);
    Some(WrittenDuration { is_clock: true, ..written })
}

/// A duration of ISO 8601 without months and years, whose length varies: `PT1H2M3.5S`, `P1DT2H`.
fn iso(text: &[u8]) -> Option<WrittenDuration> {
    let mut at = 1;
    let mut of_day = false;
    let (mut total, mut last) = (0.0, f64::INFINITY);
    loop {
        if !of_day && text.get(at) == Some(&b'T') {
            (of_day, at) = (true, at + 1);
        }
        let whole = digits(text, at);
        if whole == 0 {
            break;
        }
        let fraction = match text.get(at + whole) {
            Some(b'.') => 1 + digits(text, at + whole + 1),
            _ => 0,
        };
        let end = at + whole + fraction;
        let unit = match (of_day, text.get(end)?) {
            (false, b'D') => 86.4e6,
            (true, b'H') => 3.6e6,
            (true, b'M') => 6e4,
            (true, b'S') => 1e3,
            _ => return None,
        };
        if unit >= last || whole > 12 {
            return None;
        }
        total += std::str::from_utf8(&text[at..end]).ok()?.parse::<f64>().ok()? * unit;
        (last, at) = (unit, end + 1);
    }
    let goes_on = text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric());
    // `PT` alone, and `P1DT`, are none.
    (last.is_finite() && text[at - 1] != b'T' && !goes_on).then(|| WrittenDuration::of_milliseconds(total, at))
}

/// A unit of time, perhaps behind a blank, which no letter follows; in milliseconds, and its
/// length.
pub(super) fn unit(text: &[u8]) -> Option<(f64, usize)> {
    let blank = usize::from(text.first() == Some(&b' '));
    let text = &text[blank..];
    let (unit, length) = if *text.first()? >= 0xE0 { asian_unit(text)? } else { spelled_unit(text)? };
    Some((unit, blank + length))
}

/// A unit in letters of an alphabet; another script ends it.
fn spelled_unit(text: &[u8]) -> Option<(f64, usize)> {
    const LONGEST: usize = 13;
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, 0x80..0xE0)).count();
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..length)?;
    lower.copy_from_slice(&text[..length]);
    // `S` and `M` alone are sizes and the like.
    if length > 1 {
        lower.make_ascii_lowercase();
    }
    let unit = match std::str::from_utf8(lower).ok()? {
        "ns" | "nsec" | "nsecs" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1e-6,
        "us" | "µs" | "μs" | "µsec" | "usec" | "usecs" | "micros" | "microsecond" | "microseconds" => 1e-3,
        "ms" | "msec" | "msecs" | "milli" | "millis" | "millisec" | "millisecs" | "millisecond" | "milliseconds" => 1.0,
        "millisekunde" | "millisekunden" | "milisegundos" | "millisecondes" | "millisecondi" | "мс" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" | "sek" | "sekunde" | "sekunden" | "seconde" | "secondes" => 1e3,
        "segundo" | "segundos" | "secondi" | "seconden" | "сек" | "секунд" => 1e3,
        "m" | "min" | "mins" | "minute" | "minutes" | "minuten" | "minuto" | "minutos" | "minuti" | "мин" => 6e4,
        "h" | "hr" | "hrs" | "hour" | "hours" | "stunde" | "stunden" | "heure" | "heures" | "hora" | "horas" => 3.6e6,
        "d" | "day" | "days" => 86.4e6,
        _ => return None,
    };
    Some((unit, length))
}

/// A unit of Chinese, Japanese or Korean, which nothing separates from what follows. What is `后`
/// (after) so much time is a plan, `前` ago, and `之` makes a fraction of it.
fn asian_unit(text: &[u8]) -> Option<(f64, usize)> {
    const UNITS: [(&str, f64); 25] = [
        ("毫秒", 1.0),
        ("微秒", 1e-3),
        ("纳秒", 1e-6),
        ("納秒", 1e-6),
        ("奈秒", 1e-6),
        ("秒钟", 1e3),
        ("秒鐘", 1e3),
        ("秒", 1e3),
        ("分钟", 6e4),
        ("分鐘", 6e4),
        ("分", 6e4),
        ("小时", 3.6e6),
        ("小時", 3.6e6),
        ("个小时", 3.6e6),
        ("時間", 3.6e6),
        ("天", 86.4e6),
        ("ミリ秒", 1.0),
        ("マイクロ秒", 1e-3),
        ("ナノ秒", 1e-6),
        ("밀리초", 1.0),
        ("마이크로초", 1e-3),
        ("초", 1e3),
        ("분", 6e4),
        ("시간", 3.6e6),
        ("일", 86.4e6),
    ];
    const ELSE: [&str; 8] = ["后", "後", "前", "内", "以内", "之", "ごと", "후"];
    let (name, unit) = UNITS.iter().find(|(name, _)| text.starts_with(name.as_bytes()))?;
    let rest = &text[name.len()..];
    let plain = !ELSE.iter().any(|word| rest.starts_with(word.as_bytes()));
    plain.then_some((*unit, name.len()))
}

/// How many digits stand at `at`.
fn digits(text: &[u8], at: usize) -> usize {
    super::json::digits(text, at) - at
}
