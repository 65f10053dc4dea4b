//! How bad an event says it is.

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

/// The longest word that names a level.
const LONGEST: usize = 13;

impl Level {
    /// The level that a text names: a word in any case, a letter as Android and klog write it, or a
    /// number as text (see [`Level::from_number`]). Spaces around it are ignored.
    #[inline]
    pub fn from_text(text: &[u8]) -> Option<Level> {
        // As nearly all write it.
        match text {
            b"INFO" | b"info" => Some(Level::Info),
            b"DEBUG" | b"debug" => Some(Level::Debug),
            b"WARN" | b"warn" => Some(Level::Warn),
            b"ERROR" | b"error" => Some(Level::Error),
            _ => Level::from_any_text(text),
        }
    }

    fn from_any_text(text: &[u8]) -> Option<Level> {
        let text = text.trim_ascii();
        if text.len() > LONGEST {
            return None;
        }
        let mut lower = [0; LONGEST];
        let word = &mut lower[..text.len()];
        word.copy_from_slice(text);
        word.make_ascii_lowercase();
        Some(match &*word {
            b"i" | b"info" | b"inf" | b"information" | b"informational" | b"n" | b"notice" => Level::Info,
            b"w" | b"warn" | b"warning" | b"wrn" => Level::Warn,
            b"e" | b"error" | b"err" | b"eror" | b"failure" | b"fail" => Level::Error,
            b"d" | b"debug" | b"dbg" | b"dbug" | b"fine" | b"config" => Level::Debug,
            b"t" | b"v" | b"trace" | b"trc" | b"trce" | b"finer" | b"finest" | b"verbose" | b"vrb" => Level::Trace,
            b"f" | b"c" | b"a" | b"fatal" | b"ftl" | b"crit" | b"critical" | b"severe" => Level::Fatal,
            b"emerg" | b"emergency" | b"alert" | b"panic" | b"dpanic" | b"pnc" => Level::Fatal,
            [tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
                return Level::from_number(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'));
            }
            [digit] if digit.is_ascii_digit() => {
                return Level::from_number(i64::from(digit - b'0'));
            }
            _ => return None,
        })
    }

    /// The level of a number: 0 to 7 as in syslog, where less is worse; 10 to 69 as Bunyan and pino
    /// count, where every ten begins a level and more is worse.
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
            ("100", None),
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
