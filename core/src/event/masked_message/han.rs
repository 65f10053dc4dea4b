//! Chinese text has no blanks: where its words begin is known of the words that logs are made of.
//!
//! A run of Han is cut at these (`vocabulary.rs`), the longest first. What is left between two of
//! them is a name, a value, or a word that is not listed: behind what has Chinese names (`商品`,
//! `用户`, `城市`) it is a name, elsewhere stage two of the miner finds out by how many there are.
//! A listed word is never a variable. What this gets wrong: a name with a listed word inside it is
//! cut there, so that it has a template of its own; an unlisted word behind `商品` is taken for a
//! name; a person's name and a verb that is not listed are parted where the verb has two
//! characters.

use super::vocabulary::{CITIES, HAN, KEYS, NAMED, PERSONS, PROPER, SURNAMES, UNITS, WORDS};

/// One character that stands between words, in front of a name…
const LEADING: &str = "已未被将从把请该并则";
/// …and behind it.
const TRAILING: &str = "已未被将的了在从向对把请";
/// Longer than any name in characters.
const LONGEST_NAME: usize = 12;

/// True of a word that logs are made of: it is no variable, whatever else stands in its place.
pub(super) fn is_word(word: &[u8]) -> bool {
    WORDS.has(word)
}

/// True of a word behind which a name or a value stands.
pub(super) fn introduces(word: &[u8]) -> bool {
    KEYS.has(word)
}

/// True of a unit of time: a number's unit says nothing that the number's place does not.
pub(super) fn is_unit(word: &[u8]) -> bool {
    UNITS.has(word)
}

/// True where `word` is a name behind `before`, at once or behind a colon.
pub(super) fn is_name_behind(before: &[u8], word: &[u8]) -> bool {
    match word.first() {
        Some(b'a'..=b'z') => NAMED.has(before) && !is_part(word),
        // `玩家BigBoss`, but `用户ID`.
        Some(b'A'..=b'Z') => PERSONS.has(before) && word.iter().any(u8::is_ascii_lowercase) && !is_part(word),
        _ => PROPER.has(before) && is_proper_name(word),
    }
}

/// True of a province or a large city.
pub(super) fn is_city(word: &[u8]) -> bool {
    CITIES.has(word)
}

/// Words that say what of a user, a service or a table is meant; any other is its name.
const PARTS: [&[u8]; 21] = [
    b"agent", b"api", b"body", b"code", b"data", b"header", b"host", b"http", b"id", b"ip", b"key", b"name", b"port",
    b"session", b"sql", b"status", b"token", b"type", b"uid", b"uri", b"url",
];

fn is_part(word: &[u8]) -> bool {
    PARTS.iter().any(|part| part.eq_ignore_ascii_case(word))
}

/// An identifier of a program: `t_order`, `pay-service`, `queryOrder`. `MySQL` is none.
pub(super) fn is_identifier(word: &[u8]) -> bool {
    let joins = |pair: &[u8]| {
        matches!(pair, [b'a'..=b'z' | b'0'..=b'9', b'A'..=b'Z'])
            || matches!(pair, [b'_' | b'-', next] if next.is_ascii_alphanumeric())
    };
    word.first().is_some_and(u8::is_ascii_lowercase) && word.windows(2).any(joins)
}

/// At least two characters without a listed word inside.
pub(super) fn is_proper_name(word: &[u8]) -> bool {
    (2 * HAN..=LONGEST_NAME * HAN).contains(&word.len())
        && (0..word.len()).step_by(HAN).all(|at| listed_length(&word[at..]) == 0)
}

/// Cuts a run of Han into words: calls `each` with where each ends, in order. `before` is the word
/// that it touches, if there is one; behind a number a unit comes first.
pub(super) fn cut(run: &[u8], before: &[u8], after_number: bool, mut each: impl FnMut(usize)) {
    let (mut at, mut start, mut person) = (0, 0, PERSONS.has(before));
    if after_number && listed_length(run) == 0 {
        at = [2, 1].map(|n| n * HAN).into_iter().find(|&n| run.get(..n).is_some_and(is_unit)).unwrap_or(0);
        if at > 0 {
            each(at);
            start = at;
        }
    }
    while at < run.len() {
        let length = listed_length(&run[at..]);
        if length == 0 {
            at = (at + character(run[at])).min(run.len());
            continue;
        }
        unlisted(run, start, at, person, &mut each);
        person = PERSONS.has(&run[at..at + length]);
        at += length;
        each(at);
        start = at;
    }
    unlisted(run, start, at, person, &mut each);
}

/// What stands between two listed words: particles, a name, particles. Behind a person a name may
/// have a verb behind it, where none that is listed follows.
fn unlisted(run: &[u8], start: usize, end: usize, person: bool, each: &mut impl FnMut(usize)) {
    let is_particle = |at: usize, of: &str| {
        run.get(at..at + HAN).is_some_and(|character| of.as_bytes().chunks_exact(HAN).any(|one| one == character))
    };
    let (mut from, mut to) = (start, end);
    while from + HAN < end && is_particle(from, LEADING) {
        from += HAN;
        each(from);
    }
    while to > from + HAN && is_particle(to - HAN, TRAILING) {
        to -= HAN;
    }
    if person
        && end == run.len()
        && let Some(name) = name_before_verb(&run[from..to])
    {
        each(from + name);
    }
    if to > from {
        each(to);
    }
    while to < end {
        to += HAN;
        each(to);
    }
}

/// How long the personal name is that a verb of two characters follows.
fn name_before_verb(text: &[u8]) -> Option<usize> {
    let name = text.len().checked_sub(2 * HAN)?;
    let given = if SURNAMES.has(text.get(..2 * HAN)?) {
        3 * HAN..=4 * HAN
    } else if SURNAMES.has(&text[..HAN]) {
        2 * HAN..=3 * HAN
    } else {
        return None;
    };
    given.contains(&name).then_some(name)
}

/// How long the longest listed word is that `text` begins with; 0 where it begins with none.
fn listed_length(text: &[u8]) -> usize {
    let is_listed = |word: &[u8]| WORDS.has(word);
    [4, 3, 2].map(|n| n * HAN).into_iter().find(|&n| text.get(..n).is_some_and(is_listed)).unwrap_or(0)
}

/// How many bytes the character has that begins with this one.
fn character(first: u8) -> usize {
    if first >= 0xf0 { 4 } else { HAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(run: &'a str, before: &str, after_number: bool) -> Vec<&'a str> {
        let (mut words, mut start) = (Vec::new(), 0);
        cut(run.as_bytes(), before.as_bytes(), after_number, |end| {
            words.push(&run[start..end]);
            start = end;
        });
        assert_eq!(words.concat(), run);
        words
    }

    #[test]
    fn runs_are_cut_at_known_words() {
        assert!(PARTS.is_sorted());
        for (run, before, after_number, expected) in [
            ("用户张三登录失败", "", false, "用户 张三 登录 失败"),
            ("秒后重试", "", true, "秒 后 重试"),
            ("日志清理", "", true, "日志 清理"),
            ("司机欧阳娜娜已接单", "", false, "司机 欧阳娜娜 已 接单"),
            ("李四翻阅", "读者", false, "李四 翻阅"),
            ("已将商品红烧牛肉面加入购物车", "", false, "已 将 商品 红烧牛肉面 加入 购物车"),
            ("到达武汉", "", false, "到达 武汉"),
            ("𠮷野家", "", false, "𠮷野家"),
            ("的", "", false, "的"),
            ("已", "", false, "已"),
        ] {
            assert_eq!(words(run, before, after_number).join(" "), expected);
        }
    }

    #[test]
    fn names_stand_behind_what_has_them() {
        for (before, word, is_name) in [
            ("商品", "红烧牛肉面", true),
            ("商品", "库存不足", false),
            ("商品", "已", false),
            ("接口", "文书", false),
            ("服务", "pay", true),
            ("服务", "Redis", false),
            ("用户", "token", false),
            ("用户", "bob", true),
            ("失败", "bob", false),
        ] {
            assert_eq!(is_name_behind(before.as_bytes(), word.as_bytes()), is_name, "{before}{word}");
        }
        for (word, expected) in [("t_order", true), ("queryOrder", true), ("MySQL", false), ("timeout", false)] {
            assert_eq!(is_identifier(word.as_bytes()), expected, "{word}");
        }
    }
}
