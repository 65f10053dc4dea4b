//! Numbers with their units, as people write them. Digits are the same in all languages; the free
//! functions are English, those of [`Language`] in its words.

use super::Language;
use std::fmt::Write as _;

/// The no-break space.
pub const JOINT: char = '\u{a0}';

/// A number with its unit: `1 event`, `3 events`. Rates and durations are scaled to a suitable
/// unit: `18.3 lines/s`, `1.2 lines/min`, `63 ms`, `3 min 4 s`.
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "" => number(value),
        "ms" if value < 1e3 => format!("{} ms", number(value)),
        "ms" => duration(value / 1e3),
        "s" => duration(value),
        "lines/s" if value > 0.0 => {
            let (value, per) = paced(value);
            let (one, per) = (number(value) == "1", PER[per].1);
            format!("{} {}/{per}", number(value), if one { "line" } else { "lines" })
        }
        unit => match number(value) {
            one if one == "1" => format!("1 {}", singular(unit)),
            many => format!("{many} {unit}"),
        },
    }
}

/// The singular of a unit: `event`, `line/s`.
fn singular(unit: &str) -> String {
    let (noun, per) = unit.split_at(unit.find(['/', ' ']).unwrap_or(unit.len()));
    let one = if is_plural(unit) { &noun[..noun.len() - 1] } else { noun };
    format!("{one}{per}")
}

/// True when a unit is a plural noun (or begins with one), as units of counts do.
#[must_use]
pub fn is_plural(unit: &str) -> bool {
    let noun = unit.split(['/', ' ']).next().unwrap_or_default();
    Noun::of_unit(noun).is_some()
}

/// `1204` as `1,204`.
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.char_indices() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with a regular English noun: `1 line`, `1,204 lines`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// Three significant digits, or all digits of a larger integer; scientific notation for extreme
/// values.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 || (size > 0.0 && size < 1e-3) || !value.is_finite() {
        return format!("{value:.1e}");
    }
    if size >= 100.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", thousands(size.round() as u64));
    }
    // Decimals for three significant digits: two from 1 on, and one more per zero after the point.
    let before = if size > 0.0 { size.log10().floor() as i32 } else { 0 };
    let digits = usize::try_from(2 - before).unwrap_or(0);
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A rate in the first unit in which it is at least 1: `22.9/s`, `8.03/min`, `2/h`.
#[must_use]
pub fn rate(per_second: f64) -> String {
    let (often, per) = paced(per_second);
    format!("{}/{}", number(often), PER[per].1)
}

/// The units of time that rates are given in.
const PER: [(f64, &str); 4] = [(1.0, "s"), (60.0, "min"), (3_600.0, "h"), (86_400.0, "d")];

/// A rate in the first unit of [`PER`] in which it is at least 1, or per day where none is; and the
/// index of that unit.
pub(super) fn paced(per_second: f64) -> (f64, usize) {
    let unit = PER.iter().position(|(size, _)| per_second * size >= 1.0).unwrap_or(PER.len() - 1);
    (per_second * PER[unit].0, unit)
}

/// `67.9 MB`
#[must_use]
pub fn bytes(count: u64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.into_iter().find(|(size, _)| count as f64 >= *size) {
        Some((size, unit)) => format!("{} {unit}", number(count as f64 / size)),
        None => counted(count, "byte"),
    }
}

/// A duration in its two largest units: `4.1 s`, `3 min 4 s`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    Language::En.duration(seconds)
}

/// The units of durations: milliseconds, seconds, minutes alone and with seconds, hours, days.
struct Units {
    ms: &'static str,
    s: &'static str,
    min: &'static str,
    min_and: &'static str,
    h: &'static str,
    d: &'static str,
}

const EN: Units = Units { ms: "ms", s: "s", min: "min", min_and: "min", h: "h", d: "d" };
const ZH: Units = Units { ms: "ms", s: "秒", min: "分钟", min_and: "分", h: "小时", d: "天" };

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    /// Events of the stream.
    Event,
    /// Lines.
    Line,
    /// Events at ERROR and worse.
    Error,
    /// Events at WARN.
    Warning,
    /// Errors and failing statuses.
    Failure,
    /// Requests.
    Request,
    /// Calls of an operation.
    Call,
    /// Incidents.
    Incident,
    /// Situations.
    Situation,
    /// Samples of a test.
    Sample,
    /// Files.
    File,
}

impl Noun {
    const ALL: [Self; 11] = [
        Self::Event,
        Self::Line,
        Self::Error,
        Self::Warning,
        Self::Failure,
        Self::Request,
        Self::Call,
        Self::Incident,
        Self::Situation,
        Self::Sample,
        Self::File,
    ];

    /// The English singular.
    const fn english(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Line => "line",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Request => "request",
            Self::Call => "call",
            Self::Incident => "incident",
            Self::Situation => "situation",
            Self::Sample => "sample",
            Self::File => "file",
        }
    }

    /// The Chinese noun with its measure word.
    const fn chinese(self) -> &'static str {
        match self {
            Self::Event => "条日志",
            Self::Line => "行",
            Self::Error => "个错误",
            Self::Warning => "个警告",
            Self::Failure => "次失败",
            Self::Request => "个请求",
            Self::Call => "次调用",
            Self::Incident => "条告警",
            Self::Situation => "起故障",
            Self::Sample => "个样本",
            Self::File => "个文件",
        }
    }

    /// The noun whose plural a unit is.
    fn of_unit(unit: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|noun| unit.strip_suffix('s') == Some(noun.english()))
    }
}

impl Language {
    /// A count with its noun: `1 line`, `1,204 lines`; `1,204 行`.
    #[must_use]
    pub fn counted(self, count: u64, noun: Noun) -> String {
        match self {
            Self::En => counted(count, noun.english()),
            Self::Zh => format!("{} {}", thousands(count), noun.chinese()),
        }
    }

    /// A duration in its two largest units: `4.1 s`, `3 min 4 s`; `3 分 4 秒`.
    #[must_use]
    pub fn duration(self, seconds: f64) -> String {
        let units = match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        };
        if seconds < 0.0095 && seconds > 0.0 {
            return format!("{} {}", number(seconds * 1e3), units.ms);
        }
        if seconds < 59.95 {
            return format!("{} {}", number((seconds * 100.0).round() / 100.0), units.s);
        }
        let whole = seconds.round() as u64;
        let ((large, name, name_and), (small, rest)) = if whole < 3_600 {
            ((60, units.min, units.min_and), (1, units.s))
        } else if whole < 2 * 86_400 {
            ((3_600, units.h, units.h), (60, units.min))
        } else {
            ((86_400, units.d, units.d), (3_600, units.h))
        };
        let whole = (whole + small / 2) / small * small;
        match whole % large / small {
            0 => format!("{} {name}", thousands(whole / large)),
            more => format!("{} {name_and} {more} {rest}", thousands(whole / large)),
        }
    }

    /// A rate in words: `52 an hour`; `每小时 52`, behind which the noun's measure word stands.
    #[must_use]
    pub fn rate(self, per_second: f64) -> String {
        let (value, per) = paced(per_second);
        self.paced(value, per)
    }

    /// A number in the unit of time with this index.
    pub(super) fn paced(self, value: f64, per: usize) -> String {
        let value = number(value);
        match self {
            Self::En => format!("{value} {}", ["a second", "a minute", "an hour", "a day"][per]),
            Self::Zh => format!("每{} {value}", ["秒", "分钟", "小时", "天"][per]),
        }
    }

    /// A number with its unit, as [`quantity`] gives it in English.
    #[must_use]
    pub fn quantity(self, value: f64, unit: &str) -> String {
        match (self, unit) {
            (Self::En, "lines/s") if value > 0.0 => {
                let (value, per) = paced(value);
                let noun = if number(value) == "1" { "line" } else { "lines" };
                format!("{} {noun}{}", number(value), [" a second", " a minute", " an hour", " a day"][per])
            }
            (Self::En, unit) => quantity(value, unit),
            (Self::Zh, "lines/s") if value > 0.0 => {
                let (value, per) = paced(value);
                format!("{} 行", self.paced(value, per))
            }
            (Self::Zh, "s") => self.duration(value),
            (Self::Zh, "ms") if value >= 1e3 => self.duration(value / 1e3),
            (Self::Zh, "lines/s") => "0 行".to_owned(),
            (Self::Zh, unit) => match Noun::of_unit(unit) {
                Some(noun) => format!("{} {}", number(value), noun.chinese()),
                None => quantity(value, unit),
            },
        }
    }
}

/// The absolute duration to a tenth of a second: `3 h 0.0 s`, `2 min 5.3 s`.
#[must_use]
pub fn exact_duration(seconds: f64) -> String {
    let tenths = (seconds.abs() * 10.0).round() as u64;
    let mut text = String::new();
    for (size, unit) in [(36_000, "h"), (600, "min")] {
        let before = if unit == "h" { tenths } else { tenths % 36_000 };
        if before >= size {
            let _ = write!(text, "{} {unit} ", before / size);
        }
    }
    let _ = write!(text, "{}.{} s", tenths % 600 / 10, tenths % 10);
    text
}

/// Milliseconds to two significant digits: `41 ms`, `2.1 s`, `0.25 ms`, `3.5 min`.
#[must_use]
pub fn milliseconds(milliseconds: f64) -> String {
    let (value, unit) = match milliseconds {
        m if m >= 99_500.0 => (m / 60_000.0, "min"),
        m if m >= 995.0 => (m / 1_000.0, "s"),
        m if m >= 0.01 => (m, "ms"),
        m => (m * 1_000.0, "µs"),
    };
    format!("{} {unit}", crate::engine::finding::milliseconds(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.02, 18.34, 4.0, 1_204.4, 1e-9, -250.0].map(number),
            ["0", "0.02", "18.3", "4", "1,204", "1.0e-9", "-250"]
        );
        assert_eq!([0.1339, 0.00999].map(number), ["0.134", "0.00999"]);
        assert_eq!([22.87, 0.1339, 2.0 / 3_600.0, 1e-5].map(rate), ["22.9/s", "8.03/min", "2/h", "0.864/d"]);
        assert_eq!([1, 67_944_819, 2_000].map(bytes), ["1 byte", "67.9 MB", "2 kB"]);
        assert_eq!(
            [0.0, 0.004, 4.1, 59.97, 184.0, 3_600.0, 7_500.0, 90_000.0, 273_600.0].map(duration),
            ["0 s", "4 ms", "4.1 s", "1 min", "3 min 4 s", "1 h", "2 h 5 min", "25 h", "3 d 4 h"]
        );
        assert_eq!(
            [10_800.0, -125.34, 0.96, 5_400.0].map(exact_duration),
            ["3 h 0.0 s", "2 min 5.3 s", "1.0 s", "1 h 30 min 0.0 s"]
        );
    }

    #[test]
    fn one_is_one_and_no_more() {
        let said =
            [(1.0, "events"), (1.0, "lines/s"), (2.0, "failures"), (0.0, "errors"), (1.0, ""), (1.0, "of a kind")];
        assert_eq!(
            said.map(|(value, unit)| quantity(value, unit)),
            ["1 event", "1 line/s", "2 failures", "0 errors", "1", "1 of a kind"]
        );
        assert_eq!([(184.0, "s"), (0.25, "ms")].map(|(value, unit)| quantity(value, unit)), ["3 min 4 s", "0.25 ms"]);
        let rates = [(18.3, "lines/s"), (0.02, "lines/s"), (1.0 / 60.0, "lines/s"), (0.0, "lines/s")];
        assert_eq!(
            rates.map(|(value, unit)| quantity(value, unit)),
            ["18.3 lines/s", "1.2 lines/min", "1 line/min", "0 lines/s"]
        );
    }
}
