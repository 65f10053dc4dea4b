//! Durations inside of messages: `took 3.2s`, `time: 0.247`, `completed in 12 ms`, `elapsed=1.5s`.
//!
//! Messages of one template have their durations behind the same words. These are found once, on
//! the first of them ([`Anchor::find`]), and looked for in all others ([`Anchor::read`]); what has
//! no duration costs nothing afterwards. Numbers that tell of plans instead of work (timeouts,
//! retries, intervals) are no durations.

use memchr::memmem;
use serde::{Deserialize, Serialize};

/// Words before a duration; behind these a number without unit counts as well.
const WORDS: [&str; 7] = ["took", "time", "elapsed", "duration", "latency", "taken", "runtime"];
/// What may stand before `time`, joined by `_` or a capital letter.
const TIMES: [&str; 16] = [
    "response",
    "request",
    "query",
    "elapsed",
    "execution",
    "exec",
    "processing",
    "process",
    "total",
    "run",
    "call",
    "service",
    "build",
    "load",
    "wall",
    "upstream",
];
/// Words that `in` follows where it leads to a duration, besides those that end in `ed`.
const DONE: [&str; 9] = ["done", "built", "ran", "ready", "sent", "read", "written", "run", "ok"];
/// A message with one of these tells of plans.
const PLANS: [&str; 11] =
    ["retry", "sleep", "wait", "timeout", "timed out", "interval", "backoff", "uptime", "delay", "expire", "every"];
/// A number without unit from here on is a point in time, or a count.
const MOST_UNITLESS: f64 = 1e7;
/// A longer message is not searched, in bytes.
const LONGEST: usize = 4_096;

/// The text in front of a template's duration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    before: Box<[u8]>,
    /// What a number without unit is, in milliseconds.
    unit: f64,
}

impl Anchor {
    /// Bytes of the text.
    #[must_use]
    pub fn length(&self) -> usize {
        self.before.len()
    }

    /// Looks for a duration in the message.
    #[must_use]
    pub fn find(message: &[u8]) -> Option<Self> {
        if message.len() > LONGEST || !message.iter().any(u8::is_ascii_digit) {
            return None;
        }
        let lower = message.to_ascii_lowercase();
        if PLANS.iter().any(|word| memmem::find(&lower, word.as_bytes()).is_some()) {
            return None;
        }
        let starts =
            (1..message.len()).filter(|&at| message[at].is_ascii_digit() && b" :=(".contains(&message[at - 1]));
        starts.into_iter().find_map(|start| Self::at(message, &lower, start))
    }

    /// The number at `start`, if the words before it and the unit behind it make it a duration.
    fn at(message: &[u8], lower: &[u8], start: usize) -> Option<Self> {
        let (word, from) = word_before(lower, start)?;
        let separator = &message[from + word.len()..start];
        let marked = separator.iter().any(|byte| matches!(byte, b':' | b'='));
        let written = Written::at(&message[start..])?;
        let after = message.get(start + written.length).copied();
        if after.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'/' | b'%')) {
            return None;
        }
        let unit = if word == b"in" {
            let (before, _) = word_before(lower, from)?;
            let done = before.ends_with(b"ed") || DONE.iter().any(|word| word.as_bytes() == before);
            (done && written.unit.is_some()).then_some(1.0)?
        } else {
            let named = named_unit(word)?;
            let rest = &message[start + written.length..];
            // `took 5 attempts` has no unit and is no duration.
            let alone = marked || !matches!(rest, [b' ', letter, ..] if letter.is_ascii_alphabetic());
            if written.unit.is_none() && (!alone || written.value >= MOST_UNITLESS) {
                return None;
            }
            named.unwrap_or(if written.has_point { 1e3 } else { 1.0 })
        };
        Some(Self { before: message[from..start].into(), unit })
    }

    /// The duration in another message of the template, in milliseconds.
    #[inline]
    #[must_use]
    pub fn read(&self, message: &[u8]) -> Option<f64> {
        let start = memmem::find(message, &self.before)? + self.before.len();
        let written = Written::at(&message[start..])?;
        Some(written.value * written.unit.unwrap_or(self.unit))
    }
}

/// The word that ends before `end`, behind which only blanks, `:`, `=` and `(` stand; and where it
/// begins.
fn word_before(lower: &[u8], end: usize) -> Option<(&[u8], usize)> {
    let stop = lower[..end].iter().rposition(|byte| !b" :=(".contains(byte))? + 1;
    if stop == end {
        return None;
    }
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let from = lower[..stop].iter().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1);
    (from < stop).then(|| (&lower[from..stop], from))
}

/// None for a word that leads to no duration; the unit in milliseconds that it names, if it names
/// one.
fn named_unit(word: &[u8]) -> Option<Option<f64>> {
    let word = std::str::from_utf8(word).ok()?;
    let (stem, unit) = [("_ms", 1.0), ("_us", 1e-3), ("_ns", 1e-6), ("_seconds", 1e3), ("_secs", 1e3), ("_s", 1e3)]
        .into_iter()
        .find_map(|(end, unit)| Some((word.strip_suffix(end)?, Some(unit))))
        .unwrap_or((word, None));
    let timed = |stem: &str| {
        let before = stem.strip_suffix("time").map(|before| before.trim_end_matches('_'));
        before.is_some_and(|before| TIMES.iter().any(|time| before == *time || before.ends_with(&format!("_{time}"))))
    };
    let known = WORDS.iter().any(|known| stem == *known || stem.ends_with(&format!("_{known}")) && *known != "time");
    (known || timed(stem)).then_some(unit)
}

/// A number, its unit in milliseconds if it has one, and how many bytes both take. Go's `1m2.5s` is
/// one number of ms.
struct Written {
    value: f64,
    unit: Option<f64>,
    length: usize,
    has_point: bool,
}

impl Written {
    fn at(text: &[u8]) -> Option<Self> {
        let (mut value, mut digits, has_point) = number(text)?;
        let Some((mut unit, mut length)) = unit(&text[digits..]) else {
            return Some(Self { value, unit: None, length: digits, has_point });
        };
        let (mut total, mut at, mut parts) = (0.0, 0, 0);
        loop {
            total += value * unit;
            at += digits + length;
            parts += 1;
            let Some((next, more, _)) = number(&text[at..]).filter(|_| parts < 4) else { break };
            let Some((next_unit, next_length)) = self::unit(&text[at + more..]) else { break };
            (value, digits, unit, length) = (next, more, next_unit, next_length);
        }
        Some(Self { value: total, unit: Some(1.0), length: at, has_point })
    }
}

/// A decimal number at the begin of the text, its length, and whether it has a point.
fn number(text: &[u8]) -> Option<(f64, usize, bool)> {
    let mut end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(text.len());
    // A sentence may end with the number.
    while end > 0 && text[end - 1] == b'.' {
        end -= 1;
    }
    let digits = std::str::from_utf8(&text[..end]).ok()?;
    let value: f64 = digits.parse().ok()?;
    value.is_finite().then(|| (value, end, digits.contains('.')))
}

/// A unit of time, perhaps behind a blank, which no letter follows; in milliseconds, and its
/// length.
fn unit(text: &[u8]) -> Option<(f64, usize)> {
    let blank = usize::from(text.first() == Some(&b' '));
    let text = &text[blank..];
    let end = text.iter().position(|byte| !(byte.is_ascii_alphabetic() || *byte >= 0x80)).unwrap_or(text.len());
    let unit = match &text[..end] {
        b"ns" => 1e-6,
        b"us" | b"\xC2\xB5s" | b"\xCE\xBCs" => 1e-3,
        b"ms" | b"msec" | b"msecs" | b"millis" | b"milliseconds" | b"millisecond" => 1.0,
        b"s" | b"sec" | b"secs" | b"seconds" | b"second" => 1e3,
        b"m" | b"min" | b"mins" | b"minutes" | b"minute" => 6e4,
        b"h" | b"hours" | b"hour" => 3.6e6,
        _ => return None,
    };
    Some((unit, blank + end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn duration(message: &str) -> Option<f64> {
        Anchor::find(message.as_bytes())?.read(message.as_bytes())
    }

    #[test]
    fn durations_are_found_behind_their_words() {
        for (message, expected) in [
            ("took 3.2s", 3_200.0),
            ("Took 20.32 seconds to build instance.", 20_320.0),
            ("Completed 200 OK in 12 ms", 12.0),
            ("request completed in 12ms", 12.0),
            ("GET /servers HTTP/1.1\" status: 200 len: 1893 time: 0.2477829", 247.782_9),
            ("elapsed=1.5s status=ok", 1_500.0),
            ("elapsed=12 status=ok", 12.0),
            ("query took 15.", 15.0),
            ("query took (250 µs)", 0.25),
            ("done in 1m2.5s", 62_500.0),
            ("duration_ms=17 rows=3", 17.0),
            ("response_time: 0.3", 300.0),
            ("responseTime=40", 40.0),
            ("db_duration_seconds=0.02", 20.0),
            ("total time: 3 s, 2 rows", 3_000.0),
        ] {
            let found = duration(message);
            assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9 * expected), "{message}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_duration_is_left_alone() {
        for message in [
            "",
            "took",
            "took long",
            "took 5 attempts",
            "read 12 ms",
            "retry in 5s",
            "completed in 3 steps",
            "time: 12:30:05",
            "time: 2026-03-02",
            "time=1772438400",
            "timeout 30 s",
            "Read timed out after 30000 ms",
            "start_time=5",
            "in 5s",
            "logged in 5 ms",
            "uptime 3 s",
            "size=12 ms2",
            "took 5xyz",
            "elapsed 50%",
            "sleeping, took 3 s",
            "page 3 in 5",
        ] {
            // `logged in` ends in `ed`; it is the price of a rule without grammar.
            assert!(duration(message).is_none() || message == "logged in 5 ms", "{message}: {:?}", duration(message));
        }
    }

    #[test]
    fn an_anchor_reads_other_messages_of_its_template() {
        let anchor = Anchor::find(b"GET /a?x=1 done, time: 0.25").unwrap();
        assert_eq!(anchor.read(b"GET /longer/path done, time: 3"), Some(3_000.0));
        assert_eq!(anchor.read(b"GET /longer/path done, time: 3 ms"), Some(3.0));
        assert_eq!(anchor.read(b"GET /longer/path done"), None);
        assert_eq!(anchor.read(b"time: "), None);
        assert_eq!(anchor.read(b"time: -3"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(message in proptest::collection::vec(any::<u8>(), 0..80), tail in "(took|time:|in) [0-9.]{0,9}[a-zµ]{0,3}") {
            let mut message = message;
            message.extend_from_slice(tail.as_bytes());
            if let Some(anchor) = Anchor::find(&message) {
                prop_assert!(anchor.read(&message).is_none_or(|value| value.is_finite() && value >= 0.0));
            }
        }
    }
}
