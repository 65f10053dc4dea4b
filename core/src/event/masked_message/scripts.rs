//! A message with characters outside ASCII, cut into runs of one script, and those into pieces.
//!
//! Chinese, Japanese, Korean and Thai put numbers and names of other scripts between their words
//! without a blank, so there a change of script ends a word: `订单12345支付失败` has three. Their
//! punctuation does what ASCII's does: `（` is a parenthesis and `：` a colon. All other scripts
//! have blanks, and letters with accents, digits and ASCII beside each other are one word.

use super::han;
use super::scan::{self, DIGIT, Piece, UNSPACED, WIDE};

/// A quotation mark that opens…
pub(super) const OPEN: u8 = 0x80;
/// …and one that closes; those of ASCII do either.
pub(super) const CLOSE: u8 = 0x81;

/// What a run of characters is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScriptRun {
    /// ASCII, and letters of scripts that have blanks.
    Spaced,
    Han,
    Hiragana,
    Katakana,
    Hangul,
    /// Thai, Lao, Khmer, Burmese.
    Southern,
    /// Decimal digits outside ASCII.
    Digits,
    /// Punctuation, as the mark of ASCII that it stands for.
    Mark(u8),
    /// Parts words and is nothing itself.
    Space,
    /// Belongs to the character before it.
    Joining,
}

/// Cuts `text` into `pieces`.
#[cold]
pub(super) fn cut(text: &[u8], pieces: &mut Vec<Piece>) {
    let (mut start, mut at, mut run) = (0, 0, ScriptRun::Spaced);
    while at < text.len() {
        let (mut next, length) = next(&text[at..]);
        if next == ScriptRun::Joining {
            next = if matches!(run, ScriptRun::Mark(_) | ScriptRun::Space) { ScriptRun::Spaced } else { run };
        }
        if next != run || matches!(run, ScriptRun::Mark(_)) {
            put(text, start, at, run, pieces);
            (start, run) = (at, next);
        }
        at += length;
    }
    put(text, start, at, run, pieces);
}

/// The pieces of a run.
fn put(text: &[u8], start: usize, end: usize, run: ScriptRun, pieces: &mut Vec<Piece>) {
    let piece = |from: usize, to: usize, has: u8, mark: u8| Piece { start: from as u32, end: to as u32, has, mark };
    match run {
        _ if start == end => {}
        ScriptRun::Space | ScriptRun::Joining => {}
        ScriptRun::Mark(mark) => pieces.push(piece(start, end, UNSPACED, mark)),
        ScriptRun::Digits => pieces.push(piece(start, end, DIGIT, 0)),
        ScriptRun::Spaced => {
            let first = pieces.len();
            scan::scan_into(&text[start..end], pieces);
            for piece in &mut pieces[first..] {
                (piece.start, piece.end) = (piece.start + start as u32, piece.end + start as u32);
            }
        }
        ScriptRun::Han if !is_one_value(text, pieces, start) => {
            let touches = |last: &&Piece| last.end as usize == start;
            let before = pieces.last().filter(touches).copied();
            let after_number = before.is_some_and(|last| last.has & DIGIT != 0);
            let mut from = start;
            let before = before.map_or(&text[..0], |last| last.of(text));
            han::cut(&text[start..end], before, after_number, |to| {
                pieces.push(piece(from, start + to, WIDE | UNSPACED, 0));
                from = start + to;
            });
        }
        _ => pieces.push(piece(start, end, WIDE | UNSPACED, 0)),
    }
}

/// What stands at `start` is the value of something, `原因：余额不足`, or the inside of brackets or
/// quotes: a whole, whatever words are in it.
fn is_one_value(text: &[u8], pieces: &[Piece], start: usize) -> bool {
    let Some((last, before)) = pieces.split_last() else { return false };
    match last.mark {
        b':' => before.last().is_some_and(|key| key.mark == 0 && han::introduces(key.of(text))),
        b'=' | b'(' | b'[' | b'"' | b'\'' | OPEN => last.end as usize == start,
        _ => false,
    }
}

/// What `text` begins with, and how many bytes that takes. Bytes that are no UTF-8 count as
/// letters.
fn next(text: &[u8]) -> (ScriptRun, usize) {
    let ascii = text.iter().take_while(|byte| byte.is_ascii()).count();
    if ascii > 0 {
        return (ScriptRun::Spaced, ascii);
    }
    let length = match text[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let character = text.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    match character.and_then(|character| character.chars().next()) {
        Some(character) => (of(character), length),
        None => (ScriptRun::Spaced, 1),
    }
}

fn of(character: char) -> ScriptRun {
    match character {
        '\u{3001}'..='\u{303f}' | '\u{30fb}' => cjk_punctuation(character),
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => ScriptRun::Han,
        '\u{2e80}'..='\u{2fdf}' | '\u{3100}'..='\u{312f}' => ScriptRun::Han,
        '\u{3099}' | '\u{309a}' => ScriptRun::Joining,
        '\u{3040}'..='\u{309f}' => ScriptRun::Hiragana,
        '\u{30a0}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' => ScriptRun::Katakana,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' => ScriptRun::Hangul,
        '\u{ac00}'..='\u{d7ff}' | '\u{ffa0}'..='\u{ffdc}' => ScriptRun::Hangul,
        '\u{ff01}'..='\u{ff5e}' => full_width(character),
        '\u{ff61}'..='\u{ff65}' => ScriptRun::Mark(b','),
        '\u{300}'..='\u{36f}' | '\u{200c}'..='\u{200f}' | '\u{20d0}'..='\u{20ff}' => ScriptRun::Joining,
        '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0100}'..='\u{e01ef}' => ScriptRun::Joining,
        '\u{a0}' | '\u{85}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{3000}' | '\u{feff}' => ScriptRun::Space,
        '\u{2010}'..='\u{206f}' | '\u{ab}' | '\u{bb}' | '\u{b7}' => punctuation(character),
        '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{6d4}' | '\u{964}' => ScriptRun::Mark(b','),
        _ if is_digit(character) => ScriptRun::Digits,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => ScriptRun::Southern,
        _ => ScriptRun::Spaced,
    }
}

/// True of a character of a script without blanks between words.
pub(super) fn is_unspaced(character: char) -> bool {
    matches!(
        of(character),
        ScriptRun::Han | ScriptRun::Hiragana | ScriptRun::Katakana | ScriptRun::Hangul | ScriptRun::Southern
    )
}

fn cjk_punctuation(character: char) -> ScriptRun {
    match character {
        '〈' | '《' | '「' | '『' | '〝' => ScriptRun::Mark(OPEN),
        '〉' | '》' | '」' | '』' | '〞' | '〟' => ScriptRun::Mark(CLOSE),
        '【' | '〔' | '〖' | '〘' | '〚' => ScriptRun::Mark(b'['),
        '】' | '〕' | '〗' | '〙' | '〛' => ScriptRun::Mark(b']'),
        '、' | '。' => ScriptRun::Mark(b','),
        '々' | '〆' | '〇' | '\u{3021}'..='\u{3029}' => ScriptRun::Han,
        _ => ScriptRun::Space,
    }
}

/// ASCII as wide as a Han character is what its narrow form is.
fn full_width(character: char) -> ScriptRun {
    match (character as u32 - 0xfee0) as u8 {
        b'0'..=b'9' => ScriptRun::Digits,
        b',' | b'!' | b'?' | b'.' | b';' => ScriptRun::Mark(b','),
        mark @ (b':' | b'=' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'"' | b'\'' | b'|') => {
            ScriptRun::Mark(mark)
        }
        b'~' => ScriptRun::Space,
        _ => ScriptRun::Spaced,
    }
}

fn punctuation(character: char) -> ScriptRun {
    match character {
        '“' | '„' | '‟' | '«' | '‹' => ScriptRun::Mark(OPEN),
        '”' | '»' | '›' => ScriptRun::Mark(CLOSE),
        '‘' | '’' | '‛' => ScriptRun::Mark(b'\''),
        '‐' | '‑' => ScriptRun::Spaced,
        _ => ScriptRun::Space,
    }
}

/// A decimal digit of Arabic, Persian, Indian, Thai or other scripts.
fn is_digit(character: char) -> bool {
    const ZEROS: [u32; 17] = [
        0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
        0x17e0, 0x1810,
    ];
    let character = character as u32;
    ZEROS.iter().any(|zero| (*zero..zero + 10).contains(&character))
}
