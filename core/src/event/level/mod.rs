//! How bad an event says it is.
//!
//! `words.rs` has the words; numbers are told apart here by the scale that they can only belong to.

mod words;

use serde::{Deserialize, Serialize};

/// The six levels, in order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Level {
    /// Finest detail.
    Trace,
    /// Detail for developers.
    Debug,
    /// Normal operation; also notices.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// The process, or more, is lost; also critical, alert, emergency, panic, severe.
    Fatal,
}

impl Level {
    /// The level that a text names: a word in any case, also of Chinese, Japanese, Korean and the
    /// larger languages of Europe, a letter as Android and klog write it, a word with a number
    /// (`INFO3`, `ERROR+2`), or a number as text (see [`Level::from_number`]). Spaces and colours
    /// around it are ignored.
    #[inline]
    pub fn from_text(text: &[u8]) -> Option<Level> {
        Level::of_plain_word(text).or_else(|| Level::from_any_text(text))
    }

    /// The level of a word as nearly all write it.
    #[inline]
    pub(super) fn of_plain_word(text: &[u8]) -> Option<Level> {
        match text {
            b"INFO" | b"info" => Some(Level::Info),
            b"DEBUG" | b"debug" => Some(Level::Debug),
            b"WARN" | b"warn" => Some(Level::Warn),
            b"ERROR" | b"error" => Some(Level::Error),
            _ => None,
        }
    }

    fn from_any_text(text: &[u8]) -> Option<Level> {
        let text = uncoloured(text.trim_ascii());
        if !text.is_ascii() {
            return words::beyond_ascii(text);
        }
        if text.len() > words::LONGEST {
            return None;
        }
        let mut lower = [0; words::LONGEST];
        let word = &mut lower[..text.len()];
        word.copy_from_slice(text);
        word.make_ascii_lowercase();
        if let Some(level) = words::ascii(word) {
            return Some(level);
        }
        match word {
            [b'0'] => Level::from_number(0),
            [b'1'..=b'9', rest @ ..] if rest.len() < 6 && rest.iter().all(u8::is_ascii_digit) => {
                Level::from_number(word.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
            }
            _ => words::numbered(word),
        }
    }

    /// The level of a number, by the scale that alone has it:
    ///
    /// - 0 to 7: syslog, where less is worse;
    /// - 10 to 69: Bunyan and pino, where every ten begins a level. Python's numbers, a level
    ///   lower, cannot be told from these; its encoders write the name as well.
    /// - 100, 200, 250, 300, 400, 500, 550 and 600: Monolog;
    /// - 5,000 to 50,000: Logback's and Log4j's `level_value`.
    ///
    /// OpenTelemetry's and Log4j 2's are other scales in the same range, for members that say so:
    /// [`Level::from_severity_number`], [`Level::from_int_level`].
    pub const fn from_number(number: i64) -> Option<Level> {
        Some(match number {
            0..=2 => Level::Fatal,
            3 => Level::Error,
            4 => Level::Warn,
            5 | 6 => Level::Info,
            7 => Level::Debug,
            10..=19 => Level::Trace,
            20..=29 => Level::Debug,
            30..=39 => Level::Info,
            40..=49 => Level::Warn,
            50..=59 => Level::Error,
            60..=69 => Level::Fatal,
            100 => Level::Debug,
            200 | 250 => Level::Info,
            300 => Level::Warn,
            400 => Level::Error,
            500 | 550 | 600 => Level::Fatal,
            5_000 => Level::Trace,
            10_000 => Level::Debug,
            20_000 => Level::Info,
            30_000 => Level::Warn,
            40_000 => Level::Error,
            50_000 => Level::Fatal,
            _ => return None,
        })
    }

    /// The level of OpenTelemetry's `severity_number`, 1 to 24, where every four begin a level; 0
    /// says none.
    pub const fn from_severity_number(number: i64) -> Option<Level> {
        Some(match number {
            1..=4 => Level::Trace,
            5..=8 => Level::Debug,
            9..=12 => Level::Info,
            13..=16 => Level::Warn,
            17..=20 => Level::Error,
            21..=24 => Level::Fatal,
            _ => return None,
        })
    }

    /// The level of Log4j 2's `intLevel`, where a hundred more is a level less severe: 100 is FATAL
    /// and 600 TRACE. A level of a team's own in between counts as the next one that is less
    /// severe.
    pub const fn from_int_level(number: i64) -> Option<Level> {
        Some(match number {
            1..=100 => Level::Fatal,
            101..=200 => Level::Error,
            201..=300 => Level::Warn,
            301..=400 => Level::Info,
            401..=500 => Level::Debug,
            501..=600 => Level::Trace,
            _ => return None,
        })
    }

    /// The level's name, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Fatal => "FATAL",
        }
    }

    /// Whether `text` says no more than this level does: its name in any case or short for it. A
    /// `notice` or `severe` says more, and so does a number.
    pub fn same_word(self, text: &[u8]) -> bool {
        if text == self.name().as_bytes() {
            return true;
        }
        let words: &[&[u8]] = match self {
            Level::Trace => &[b"trace", b"t", b"v", b"trc", b"trce"],
            Level::Debug => &[b"debug", b"d", b"dbg", b"dbug"],
            Level::Info => &[b"info", b"i", b"inf", b"information", b"informational"],
            Level::Warn => &[b"warn", b"warning", b"w", b"wrn"],
            Level::Error => &[b"error", b"e", b"err", b"eror"],
            Level::Fatal => &[b"fatal", b"f", b"ftl"],
        };
        let text = text.trim_ascii();
        words.iter().any(|word| word.eq_ignore_ascii_case(text))
    }
}

/// A word without the SGR sequences around it that colour it on a terminal, `ESC [ 31 m`.
fn uncoloured(mut text: &[u8]) -> &[u8] {
    while let [0x1B, b'[', rest @ ..] = text {
        let end = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        match rest.get(end) {
            Some(b'm') => text = rest[end + 1..].trim_ascii_start(),
            _ => return text,
        }
    }
    while let [rest @ .., b'm'] = text {
        let parameters = rest.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        match &rest[..rest.len() - parameters] {
            [word @ .., 0x1B, b'['] => text = word.trim_ascii_end(),
            _ => return text,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_letters_and_numbers() {
        let table: &[(&str, Option<Level>)] = &[
            ("INFO", Some(Level::Info)),
            (" Info ", Some(Level::Info)),
            ("notice", Some(Level::Info)),
            ("informational", Some(Level::Info)),
            ("WARNING", Some(Level::Warn)),
            ("err", Some(Level::Error)),
            ("Failure", Some(Level::Error)),
            ("SEVERE", Some(Level::Fatal)),
            ("emergency", Some(Level::Fatal)),
            ("finest", Some(Level::Trace)),
            ("V", Some(Level::Trace)),
            ("0", Some(Level::Fatal)),
            ("3", Some(Level::Error)),
            ("7", Some(Level::Debug)),
            ("8", None),
            ("09", None),
            ("10", Some(Level::Trace)),
            ("35", Some(Level::Info)),
            ("60", Some(Level::Fatal)),
            ("70", None),
            ("100", Some(Level::Debug)),
            ("250", Some(Level::Info)),
            ("550", Some(Level::Fatal)),
            ("101", None),
            ("404", None),
            ("8080", None),
            ("40000", Some(Level::Error)),
            ("99999999", None),
            ("", None),
            ("informationals", None),
            ("fätal", None),
        ];
        for (text, level) in table {
            assert_eq!(Level::from_text(text.as_bytes()), *level, "{text:?}");
        }
        assert_eq!(Level::from_number(i64::MIN), None);
    }

    #[test]
    fn words_with_numbers() {
        let table: &[(&str, Option<Level>)] = &[
            ("TRACE2", Some(Level::Trace)),
            ("info3", Some(Level::Info)),
            ("FATAL4", Some(Level::Fatal)),
            ("DEBUG5", Some(Level::Debug)),
            ("ERROR+2", Some(Level::Error)),
            ("ERROR+12", Some(Level::Error)),
            ("INFO+2", Some(Level::Info)),
            ("INFO-4", Some(Level::Debug)),
            ("INFO+4", Some(Level::Warn)),
            ("DEBUG-4", Some(Level::Trace)),
            ("INFO0", None),
            ("INFO5", None),
            ("WARN9", None),
            ("ERROR500", None),
            ("INFO+", None),
            ("INFO+x", None),
            ("+2", None),
            ("N2", None),
            ("E1", None),
        ];
        for (text, level) in table {
            assert_eq!(Level::from_text(text.as_bytes()), *level, "{text:?}");
        }
    }

    #[test]
    fn words_of_other_languages() {
        let table: &[(&str, Option<Level>)] = &[
            ("错误", Some(Level::Error)),
            (" 警告 ", Some(Level::Warn)),
            ("告警", Some(Level::Warn)),
            ("信息", Some(Level::Info)),
            ("資訊", Some(Level::Info)),
            ("调试", Some(Level::Debug)),
            ("严重", Some(Level::Fatal)),
            ("致命错误", Some(Level::Fatal)),
            ("エラー", Some(Level::Error)),
            ("情報", Some(Level::Info)),
            ("오류", Some(Level::Error)),
            ("FEHLER", Some(Level::Error)),
            ("Warnung", Some(Level::Warn)),
            ("SCHWERWIEGEND", Some(Level::Fatal)),
            ("AVERTISSEMENT", Some(Level::Warn)),
            ("Erreur", Some(Level::Error)),
            ("GRAVE", Some(Level::Fatal)),
            ("INFORMACIÓN", Some(Level::Info)),
            ("Información", Some(Level::Info)),
            ("ADVERTÊNCIA", Some(Level::Warn)),
            ("ПРЕДУПРЕЖДЕНИЕ", Some(Level::Warn)),
            // What stands in sentences, in members of another kind, or says that there is no level.
            ("错误码", None),
            ("消息", None),
            ("成功", None),
            ("正常", None),
            ("错误：模型加载失败", None),
            ("错", None),
            ("LOG", None),
            ("default", None),
            ("Metadata", None),
            ("RequestResponse", None),
            ("none", None),
            ("off", None),
        ];
        for (text, level) in table {
            assert_eq!(Level::from_text(text.as_bytes()), *level, "{text:?}");
        }
    }

    #[test]
    fn words_of_programs() {
        let table: &[(&str, Option<Level>)] = &[
            ("Information", Some(Level::Info)),
            ("Critical", Some(Level::Fatal)),
            ("eror", Some(Level::Error)),
            ("ERR!", Some(Level::Error)),
            ("Fatal error", Some(Level::Fatal)),
            ("SUCCESS", Some(Level::Info)),
            ("silly", Some(Level::Trace)),
            ("\x1b[31merror\x1b[39m", Some(Level::Error)),
            ("\x1b[1;33m WARN\x1b[0m\x1b[22m", Some(Level::Warn)),
            ("\x1b[31m错误\x1b[0m", Some(Level::Error)),
            ("\x1b[31m", None),
            ("\x1b[31", None),
            ("\x1b]0;error", None),
            ("m", None),
        ];
        for (text, level) in table {
            assert_eq!(Level::from_text(text.as_bytes()), *level, "{text:?}");
        }
    }

    #[test]
    fn numbers_of_scales_with_a_name() {
        let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
        for (place, level) in levels.into_iter().enumerate() {
            for step in 1..=4 {
                assert_eq!(Level::from_severity_number(place as i64 * 4 + step), Some(level));
            }
            assert_eq!(Level::from_int_level(600 - place as i64 * 100), Some(level));
        }
        for number in [i64::MIN, -1, 0, 25] {
            assert_eq!(Level::from_severity_number(number), None);
        }
        for number in [i64::MIN, 0, 601, i64::MAX] {
            assert_eq!(Level::from_int_level(number), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_safe(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            Level::from_text(&bytes);
        }

        #[test]
        fn colours_change_nothing(word in "[A-Za-z]{1,8}", colour in "[0-9;]{0,6}") {
            let coloured = format!("\x1b[{colour}m{word}\x1b[0m");
            proptest::prop_assert_eq!(Level::from_text(coloured.as_bytes()), Level::from_text(word.as_bytes()));
        }
    }

    #[test]
    fn a_name_is_the_same_word_and_a_synonym_is_not() {
        for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal] {
            assert_eq!(Level::from_text(level.name().as_bytes()), Some(level));
            assert!(level.same_word(level.name().to_lowercase().as_bytes()));
        }
        assert!(Level::Warn.same_word(b"Warning") && Level::Error.same_word(b"ERR") && Level::Info.same_word(b"I"));
        for (level, word) in [(Level::Info, "notice"), (Level::Fatal, "critical"), (Level::Fatal, "alert")] {
            assert!(!level.same_word(word.as_bytes()), "{word}");
        }
        assert!(!Level::Error.same_word(b"3") && !Level::Error.same_word(b"warn"));
    }
}
