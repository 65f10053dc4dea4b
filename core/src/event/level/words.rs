//! The words that name a level, in the languages that programs write.
//!
//! They are looked up where a level is expected: none of them says anything inside of a sentence.

use super::Level;

/// The longest word of ASCII letters that names a level.
pub(super) const LONGEST: usize = 13;

/// The level of a word of small ASCII letters.
pub(super) fn ascii(word: &[u8]) -> Option<Level> {
    Some(match word {
        b"i" | b"info" | b"inf" | b"information" | b"informational" | b"n" | b"notice" | b"note" => Level::Info,
        b"infos" | b"success" | b"hinweis" => Level::Info,
        b"w" | b"warn" | b"warning" | b"wrn" | b"warnung" | b"deprecated" => Level::Warn,
        b"avertissement" | b"attention" | b"advertencia" | b"aviso" | b"attenzione" | b"waarschuwing" => Level::Warn,
        b"e" | b"error" | b"err" | b"eror" | b"failure" | b"fail" | b"err!" | b"erro" => Level::Error,
        b"fehler" | b"erreur" | b"errore" | b"fout" => Level::Error,
        b"d" | b"debug" | b"dbg" | b"dbug" | b"fine" | b"config" => Level::Debug,
        b"t" | b"v" | b"trace" | b"trc" | b"trce" | b"finer" | b"finest" | b"verbose" | b"vrb" | b"silly" => {
            Level::Trace
        }
        b"f" | b"c" | b"a" | b"fatal" | b"ftl" | b"crit" | b"critical" | b"crt" | b"severe" | b"fault" => Level::Fatal,
        b"emerg" | b"emergency" | b"alert" | b"panic" | b"dpanic" | b"pnc" | b"panik" => Level::Fatal,
        b"fatal_error" | b"fatal error" | b"schwerwiegend" | b"kritisch" | b"grave" | b"critique" => Level::Fatal,
        _ => return None,
    })
}

/// The level of a word of other letters, which is looked up as it stands, but for the case of what
/// is Latin.
pub(super) fn beyond_ascii(word: &[u8]) -> Option<Level> {
    /// The longest word of the list, in bytes.
    const LONGEST: usize = 30;
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    // `É` and `é`: the capitals of Latin-1 stand 32 before the small letters.
    for at in 1..lower.len() {
        if lower[at - 1] == 0xC3 && matches!(lower[at], 0x80..=0x9E) {
            lower[at] += 0x20;
        }
    }
    Some(match std::str::from_utf8(lower).ok()? {
        "跟踪" | "追踪" | "追蹤" | "详细" | "トレース" | "추적" => Level::Trace,
        "调试" | "調試" | "除错" | "除錯" | "偵錯" | "デバッグ" | "디버그" | "débogage" | "depuración" => {
            Level::Debug
        }
        "信息" | "資訊" | "訊息" | "通知" | "提示" | "情報" | "정보" | "알림" | "información" | "informação" => {
            Level::Info
        }
        // 告警 is an alarm that a person should look at, and most often the word for WARN.
        "警告" | "告警" | "ワーニング" | "경고" | "advertência" | "предупреждение" | "ПРЕДУПРЕЖДЕНИЕ" => {
            Level::Warn
        }
        // 异常 is an exception, and 失败 a failure: as a level both stand for ERROR.
        "错误" | "錯誤" | "異常" | "异常" | "失败" | "失敗" | "エラー" | "오류" | "에러" | "ошибка" | "ОШИБКА" => {
            Level::Error
        }
        "严重" | "嚴重" | "致命" | "紧急" | "緊急" | "严重错误" | "嚴重錯誤" | "致命错误" | "致命錯誤" | "重大" => {
            Level::Fatal
        }
        "致命的" | "致命的エラー" | "심각" | "치명적" | "긴급" | "crítico" => Level::Fatal,
        _ => return None,
    })
}

/// The level of a word with a number behind it: `INFO3` of OpenTelemetry (1 to 4), `DEBUG1` of
/// PostgreSQL (1 to 5), and `ERROR+2` of Go's slog.
pub(super) fn numbered(word: &[u8]) -> Option<Level> {
    let (rest, last) = word.split_last_chunk::<1>()?;
    let digit = i32::from(last[0].wrapping_sub(b'0'));
    if !(0..=9).contains(&digit) {
        return None;
    }
    match rest {
        [word @ .., b'+'] => beside(word, digit),
        [word @ .., b'-'] => beside(word, -digit),
        [word @ .., sign @ (b'+' | b'-'), tens @ b'0'..=b'9'] => {
            let number = i32::from(tens - b'0') * 10 + digit;
            beside(word, if *sign == b'+' { number } else { -number })
        }
        b"debug" if digit == 5 => Some(Level::Debug),
        b"trace" | b"debug" | b"info" | b"warn" | b"error" | b"fatal" if (1..=4).contains(&digit) => ascii(rest),
        _ => None,
    }
}

/// The level so many steps beside a name of slog's, whose levels are four steps apart.
fn beside(name: &[u8], steps: i32) -> Option<Level> {
    let level = match name {
        b"debug" => -4,
        b"info" => 0,
        b"warn" => 4,
        b"error" => 8,
        _ => return None,
    };
    Some(match level + steps {
        ..-4 => Level::Trace,
        -4..0 => Level::Debug,
        0..4 => Level::Info,
        4..8 => Level::Warn,
        8.. => Level::Error,
    })
}
