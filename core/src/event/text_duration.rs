//! Durations inside of messages: `took 3.2s`, `time: 0.247`, `completed in 12 ms`, `elapsed=1.5s`,
//! `耗时: 152.3 毫秒`.
//!
//! Messages of one template have their durations behind the same words. These are found once, on
//! the first of them ([`Anchor::find`]), and looked for in all others ([`Anchor::read`]); what has
//! no duration costs nothing afterwards. Numbers that tell of plans instead of work (timeouts,
//! retries, intervals) are no durations.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::written_duration::{WrittenDuration, unit};

/// Words before a duration; behind these a number without unit counts as well.
const WORDS: [&str; 7] = ["took", "time", "elapsed", "duration", "latency", "taken", "runtime"];
/// Words that are said of other things too, so that a unit must follow.
const WORDS_WITH_UNIT: [&str; 11] =
    ["cost", "costs", "spent", "lasted", "rt", "dauer", "dauerte", "dur", "op_msg", "op_query", "op_command"];
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
/// Those of them whose time is no time of day.
const SPANS: [&str; 8] = ["elapsed", "execution", "exec", "processing", "process", "total", "run", "wall"];
/// Words of Chinese, Japanese and Korean before a duration, which need no blank around them.
const ASIAN: [&str; 21] = [
    "耗时",
    "耗時",
    "用时",
    "用時",
    "响应时间",
    "響應時間",
    "处理时间",
    "處理時間",
    "执行时间",
    "執行時間",
    "查询时间",
    "応答時間",
    "処理時間",
    "実行時間",
    "所要時間",
    "経過時間",
    "소요시간",
    "소요 시간",
    "응답시간",
    "처리시간",
    "실행시간",
];
/// Those that are said of money as well, or of what is still to come, and accented ones of Europe.
const ASIAN_WITH_UNIT: [&str; 8] = ["花费", "花費", "费时", "費時", "历时", "歷時", "durée", "duración"];
/// Words that `in` follows where it leads to a duration, besides those that end in `ed`.
const DONE: [&str; 11] =
    ["done", "built", "ran", "ready", "sent", "read", "written", "run", "ok", "startup", "initialization"];
/// A message with one of these tells of plans.
const PLANS: [&str; 26] = [
    "retry",
    "sleep",
    "wait",
    "timeout",
    "timed out",
    "interval",
    "backoff",
    "uptime",
    "delay",
    "expire",
    "every",
    "keepalive",
    "超时",
    "逾时",
    "逾時",
    "等待",
    "间隔",
    "間隔",
    "重试",
    "重試",
    "每隔",
    "过期",
    "タイムアウト",
    "待機",
    "运行时长",
    "타임아웃",
];
/// What may stand between the word and the number beyond ASCII: `耗时：3 秒`, `花费了约 3 秒`.
const BETWEEN: [&str; 8] = ["：", "＝", "（", "≈", "了", "为", "約", "约"];
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
        let found = SpokenDuration::find(message)?;
        Some(Self { before: message[found.from..found.start].into(), unit: found.unit })
    }

    /// The duration in another message of the template, in milliseconds.
    #[inline]
    #[must_use]
    pub fn read(&self, message: &[u8]) -> Option<f64> {
        let start = memmem::find(message, &self.before)? + self.before.len();
        let written = WrittenDuration::at(&message[start..])?;
        let sure = written.unit.is_some() || !written.has_comma;
        sure.then(|| written.value * written.unit.unwrap_or(self.unit))
    }
}

/// The duration that one message tells of, in milliseconds. Allocates nothing.
#[must_use]
pub fn in_message(message: &[u8]) -> Option<f64> {
    let found = SpokenDuration::find(message)?;
    Some(found.written.value * found.written.unit.unwrap_or(found.unit))
}

/// A duration in a message.
struct SpokenDuration {
    /// Where its word begins.
    from: usize,
    /// Where its number begins.
    start: usize,
    written: WrittenDuration,
    /// What a number without unit is, in milliseconds.
    unit: f64,
}

impl SpokenDuration {
    /// The first duration of a message that tells of no plans.
    fn find(message: &[u8]) -> Option<Self> {
        if message.len() > LONGEST {
            return None;
        }
        let begins = |at: &usize| {
            let before = message[*at - 1];
            let number = match message[*at] {
                b'0'..=b'9' => true,
                b'P' => matches!(message.get(at + 1), Some(b'T' | b'0'..=b'9')),
                _ => false,
            };
            number && (b" :=(<~[".contains(&before) || before >= 0x80)
        };
        let found = (1..message.len()).filter(begins).find_map(|start| Self::at(message, start))?;
        (!tells_of_plans(message)).then_some(found)
    }

    /// The number at `start`, if the words before it and the unit behind it make it a duration.
    fn at(message: &[u8], start: usize) -> Option<Self> {
        let lead = Lead::before(message, start)?;
        let named = lead.named(message)?;
        let written = WrittenDuration::at(&message[start..])?;
        let rest = &message[start + written.length..];
        let goes_on = match rest {
            [b':', b' ', ..] => written.unit.is_none(),
            [b':' | b'-' | b'/' | b'%', ..] => true,
            [byte, ..] => byte.is_ascii_alphanumeric(),
            [] => false,
        };
        if goes_on {
            return None;
        }
        if message[start - 1] == b'[' {
            return Self::bracketed(rest, &lead, &named, start, written);
        }
        if written.is_clock && !named.span {
            return None;
        }
        let unit = lead.unit.or(named.unit);
        if written.unit.is_none() {
            // `took 5 attempts` has no unit and is no duration, and neither is `耗时 3次`.
            let alone = match rest {
                [b' ', letter, ..] if letter.is_ascii_alphabetic() => lead.is_marked,
                [0xE3, 0x80, ..] | [0xEF, 0xBC | 0xBD, ..] => true,
                [0x80..=0xFF, ..] | [b' ', 0x80..=0xFF, ..] => false,
                _ => true,
            };
            let counts = alone && !written.has_comma && written.value < MOST_UNITLESS;
            let plain = lead.word.is_ascii() || lead.is_marked && !written.has_point;
            if !counts || !(unit.is_some() || !named.with_unit && plain) {
                return None;
            }
        }
        let unit = unit.unwrap_or(if written.unit.is_none() && written.has_point { 1e3 } else { 1.0 });
        Some(Self { from: lead.from, start, written, unit })
    }
}

impl SpokenDuration {
    /// A number in brackets, which needs a unit in them, behind them or in its name: `took[1.2s]`,
    /// `took_millis[1204]`, `startup in [3120] milliseconds`.
    fn bracketed(
        rest: &[u8],
        lead: &Lead<'_>,
        named: &Named,
        start: usize,
        mut written: WrittenDuration,
    ) -> Option<Self> {
        let behind = rest.strip_prefix(b"]")?;
        let behind = behind.strip_prefix(b" ").and_then(unit).map(|(unit, _)| unit);
        let unit = lead.unit.or(named.unit);
        written.unit = written.unit.or(behind);
        (written.unit.is_some() || unit.is_some() && !written.has_comma && !written.is_clock).then_some(Self {
            from: lead.from,
            start,
            written,
            unit: behind.or(unit).unwrap_or(1.0),
        })
    }
}

fn tells_of_plans(message: &[u8]) -> bool {
    let mut lower = [0; LONGEST];
    let lower = &mut lower[..message.len()];
    lower.copy_from_slice(message);
    lower.make_ascii_lowercase();
    PLANS.iter().any(|word| memmem::find(lower, word.as_bytes()).is_some())
}

/// What leads to a number: a word, and the marks between them.
struct Lead<'a> {
    word: &'a [u8],
    /// Where the word begins.
    from: usize,
    /// Whether `:` or `=` is among the marks.
    is_marked: bool,
    /// The unit that stands in parentheses behind the word, `time(ms)`, in milliseconds.
    unit: Option<f64>,
}

impl<'a> Lead<'a> {
    /// The word that ends before `end`, behind which only blanks and marks stand.
    fn before(message: &'a [u8], end: usize) -> Option<Self> {
        let (mut stop, mut is_marked) = (end, false);
        loop {
            let text = &message[..stop];
            match text.last()? {
                b' ' | b'(' | b'<' | b'~' | b'[' => stop -= 1,
                b':' | b'=' => (stop, is_marked) = (stop - 1, true),
                0x80.. => match BETWEEN.iter().find(|word| text.ends_with(word.as_bytes())) {
                    Some(word) => {
                        is_marked |= matches!(*word, "：" | "＝");
                        stop -= word.len();
                    }
                    None => break,
                },
                _ => break,
            }
        }
        if stop == end && message[end - 1].is_ascii() {
            return None;
        }
        let (stop, unit) = unit_in_parentheses(message, stop).map_or((stop, None), |(stop, unit)| (stop, Some(unit)));
        let text = &message[..stop];
        let known = ASIAN.iter().chain(&ASIAN_WITH_UNIT).find(|word| ends_with(text, word));
        let from = match known {
            Some(word) => stop - word.len(),
            None => {
                let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                text.iter().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1)
            }
        };
        (from < stop).then_some(Self { word: &message[from..stop], from, is_marked, unit })
    }

    /// What the word says, in the message that it was found in.
    fn named(&self, message: &[u8]) -> Option<Named> {
        /// No word that leads to a duration is longer.
        const LONGEST: usize = 40;
        let lower = |word: &[u8]| -> Option<[u8; LONGEST]> {
            let mut lower = [0; LONGEST];
            lower.get_mut(..word.len())?.copy_from_slice(word);
            lower.make_ascii_lowercase();
            Some(lower)
        };
        let word = &lower(self.word)?[..self.word.len()];
        if word == b"long" {
            // etcd's `took too long (204.5ms)`.
            let is_said = message[..self.from].ends_with(b"took too ");
            return is_said.then_some(Named { unit: None, with_unit: true, span: true });
        }
        if word != b"in" {
            return named(word);
        }
        let before = Lead::before(message, self.from)?.word;
        let before = &lower(before)?[..before.len()];
        let done = before.ends_with(b"ed") || DONE.iter().any(|word| word.as_bytes() == before);
        done.then_some(Named { unit: None, with_unit: true, span: true })
    }
}

/// Whether a text ends with a word in any case.
fn ends_with(text: &[u8], word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    start.is_some_and(|start| text[start..].eq_ignore_ascii_case(word.as_bytes()))
}

/// Where the parenthesis that ends at `stop` begins, and the unit in it.
fn unit_in_parentheses(message: &[u8], stop: usize) -> Option<(usize, f64)> {
    /// Room for a unit and two wide parentheses.
    const LONGEST: usize = 20;
    let start = stop.saturating_sub(LONGEST);
    let text = &message[start..stop];
    let inside = text.strip_suffix(b")").or_else(|| text.strip_suffix("）".as_bytes()))?;
    let wide = memmem::rfind(inside, "（".as_bytes()).map(|at| (at, at + 3));
    let (open, from) = wide.or_else(|| memchr::memrchr(b'(', inside).map(|at| (at, at + 1)))?;
    let (value, length) = unit(&inside[from..])?;
    let open = open - usize::from(open > 0 && inside[open - 1] == b' ');
    (from + length == inside.len()).then_some((start + open, value))
}

/// What a word that leads to a duration says of it.
struct Named {
    /// The unit that the word names, in milliseconds.
    unit: Option<f64>,
    /// A number without a unit is something else.
    with_unit: bool,
    /// What has colons is a duration too, and not a time of day.
    span: bool,
}

/// None for a word that leads to no duration.
fn named(word: &[u8]) -> Option<Named> {
    const UNITS: [(&str, f64); 14] = [
        ("_ms", 1.0),
        ("_us", 1e-3),
        ("_ns", 1e-6),
        ("_seconds", 1e3),
        ("_secs", 1e3),
        ("_s", 1e3),
        ("_sec", 1e3),
        // Behind a capital letter, as in `elapsedMs`.
        ("millis", 1.0),
        ("micros", 1e-3),
        ("nanos", 1e-6),
        ("seconds", 1e3),
        ("ms", 1.0),
        ("us", 1e-3),
        ("ns", 1e-6),
    ];
    let word = std::str::from_utf8(word).ok()?;
    if ASIAN.contains(&word) || ASIAN_WITH_UNIT.contains(&word) {
        let is_moment = word.ends_with("时间") || word.ends_with("時間");
        return Some(Named { unit: None, with_unit: ASIAN_WITH_UNIT.contains(&word), span: !is_moment });
    }
    if WORDS_WITH_UNIT.contains(&word) {
        return Some(Named { unit: None, with_unit: true, span: word != "rt" });
    }
    let known = |stem: &str| {
        let known = WORDS.iter().any(|known| stem == *known || *known != "time" && is_last_part(stem, known));
        let before = stem.strip_suffix("time").map(|before| before.trim_end_matches('_'));
        let timed = |times: &[&str]| {
            before.is_some_and(|before| times.iter().any(|time| before == *time || is_last_part(before, time)))
        };
        let span = timed(&SPANS) || known && stem != "time";
        (known || timed(&TIMES)).then_some(span)
    };
    let found = known(word)
        .map(|span| (span, None))
        .or_else(|| UNITS.iter().find_map(|(end, unit)| Some((known(word.strip_suffix(end)?)?, Some(*unit)))));
    let (span, unit) = found?;
    Some(Named { unit, with_unit: false, span })
}

/// Whether a name ends with `_` and this word.
fn is_last_part(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|before| before.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn duration(message: &str) -> Option<f64> {
        let read = Anchor::find(message.as_bytes())?.read(message.as_bytes());
        assert_eq!(in_message(message.as_bytes()), read, "{message}");
        read
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
            ("took 1h2m3s", 3_723_000.0),
            ("took 2 minutes and 3 seconds", 123_000.0),
            ("took PT1.5S", 1_500.0),
            ("elapsed: 0:00:01.234", 1_234.0),
            ("done in 00:01:30.5", 90_500.0),
            ("totalTime=00:00:02", 2_000.0),
            ("took < 1 ms", 1.0),
            ("took ~3s", 3_000.0),
            ("took 1,5 s", 1_500.0),
            ("took 1,234,567 ms", 1_234_567.0),
            ("elapsedMs=12 ok", 12.0),
            ("elapsedMillis: 12", 12.0),
            ("time(ms): 12", 12.0),
            ("elapsed (s): 0.5", 500.0),
            ("query cost 12ms", 12.0),
            ("RT: 35ms", 35.0),
            ("Dauer: 3 Sekunden", 3_000.0),
            ("Durée : 3 s", 3_000.0),
            ("TOOK 3.2s", 3_200.0),
            ("Response_Time=12", 12.0),
            ("fetchData 耗时: 152.3 毫秒", 152.3),
            ("处理完成，耗时152ms", 152.0),
            ("处理完成，共耗时 2分钟", 120_000.0),
            ("下载完成，用时 3 秒。", 3_000.0),
            ("花费 3 秒完成", 3_000.0),
            ("花费了约 3 秒", 3_000.0),
            ("接口响应时间：0.3s", 300.0),
            ("耗时：1分30秒", 90_000.0),
            ("耗时(ms): 152", 152.0),
            ("耗时（毫秒）：152.5，成功", 152.5),
            ("耗时=152", 152.0),
            ("执行时间：152，行数：3", 152.0),
            ("查询耗时 00:00:01.5", 1_500.0),
            ("耗時：3.5 秒", 3_500.0),
            ("処理時間: 120ミリ秒", 120.0),
            ("소요시간: 3초", 3_000.0),
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
            "time: 12:30:05.123",
            "request_time=12:30:05",
            "响应时间：12:30:05",
            "took 1,234 ms",
            "took 3,5 rows",
            "took 12 ms/op",
            "took 3 req/s",
            "took 5-10 s",
            "times=5",
            "cost: 12",
            "cost 5 dollars",
            "连接超时 30 秒",
            "请求超时，耗时 30 秒",
            "等待 3 秒",
            "间隔: 5秒",
            "3秒后重试",
            "耗时 3次",
            "耗时 3 次",
            "耗时: 3 次",
            "耗时 0.5",
            "耗时占比 50%",
            "花费 3 元",
            "花费: 300",
            "运行时间: 3天",
            "用时 3秒后返回",
            "版本 3.2",
            "大小：12 MB",
            "2026年3月2日 12:45:28",
            "响应时间：2026-03-02 12:45:28",
            "started 3 s ago",
            "keepalive took 30 s",
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
        let anchor = Anchor::find("查询完成，耗时：152ms".as_bytes()).unwrap();
        assert_eq!(anchor.read("查询完成，耗时：1.5秒".as_bytes()), Some(1_500.0));
        assert_eq!(anchor.read("查询完成，耗时：3".as_bytes()), Some(3.0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(message in proptest::collection::vec(any::<u8>(), 0..80), tail in "(took|time:|in|耗时|用时：|time\\(ms\\):) ?[0-9.,:PT]{0,9}[a-zA-Zµ毫秒]{0,3}") {
            let mut message = message;
            message.extend_from_slice(tail.as_bytes());
            if let Some(anchor) = Anchor::find(&message) {
                prop_assert!(anchor.read(&message).is_none_or(|value| value.is_finite() && value >= 0.0));
            }
        }
    }
}
