//! A message cut into pieces: words, and single marks of punctuation. One look into a table for
//! each byte.

/// Has a digit, or something that a mask has put there.
pub(super) const DIGIT: u8 = 1;
/// Has a capital letter A to Z.
pub(super) const UPPER: u8 = 2;
/// Has a letter a to z.
pub(super) const LOWER: u8 = 4;
/// Has a slash.
pub(super) const SLASH: u8 = 8;
/// Has a backslash or an at sign.
pub(super) const SIGN: u8 = 16;
/// Has a character outside ASCII.
pub(super) const WIDE: u8 = 32;
/// Has a dot, an exclamation or a question mark. The highest of the classes inside a word: with
/// those that end one it is worth a second look.
pub(super) const DOT: u8 = 64;
/// Of a script without blanks between words, or of its punctuation: what stands beside it does not
/// belong to it.
pub(super) const UNSPACED: u8 = 128;
/// Letters and digits of any kind.
pub(super) const ALNUM: u8 = DIGIT | UPPER | LOWER | WIDE;

/// Ends a word.
const END: u8 = 128;
/// White space: parts words and is nothing itself.
const SPACE: u8 = END;
/// A piece of its own.
const MARK: u8 = END | DOT;
/// What a word can have besides dots.
const INSIDE: u8 = DOT - 1;

/// Stands for what a mask has matched.
pub(super) const MASKED: u8 = 0x1a;

const CLASSES: [u8; 256] = {
    let mut classes = [0_u8; 256];
    let mut i = 0;
    while i < 256 {
        classes[i] = match i as u8 {
            b'0'..=b'9' | MASKED => DIGIT,
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'/' => SLASH,
            b'.' | b'!' | b'?' => DOT,
            b'\\' | b'@' => SIGN,
            0x80..=0xff => WIDE,
            b' ' | 0x09..=0x0d | 0x1c..=0x1f => SPACE,
            b'=' | b':' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'"' | b'\'' | b'|' => {
                MARK
            }
            _ => 0,
        };
        i += 1;
    }
    classes
};

/// One word or mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) start: u32,
    pub(super) end: u32,
    /// What characters a word has; 0 for punctuation alone.
    pub(super) has: u8,
    /// The mark, 0 for a word.
    pub(super) mark: u8,
}

impl Piece {
    pub(super) fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..self.end as usize]
    }
}

/// Appends the pieces of `text`, in which only blanks and punctuation of ASCII part words.
pub(super) fn scan_into(text: &[u8], pieces: &mut Vec<Piece>) {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match CLASSES[byte as usize] {
            SPACE => at += 1,
            MARK if byte != b':' || colon_groups(text, at).is_none() => {
                pieces.push(Piece { start: at as u32, end: at as u32 + 1, has: 0, mark: byte });
                at += 1;
            }
            _ => at = word(text, at, pieces),
        }
    }
}

/// Cuts one word that begins at `start`; where it ends.
#[inline]
fn word(text: &[u8], start: usize, pieces: &mut Vec<Piece>) -> usize {
    let (mut at, mut has, mut dot) = (start, 0, 0);
    loop {
        let plain = text[at..].iter().position(|&byte| {
            let class = CLASSES[byte as usize];
            has |= class;
            class >= DOT
        });
        let Some(plain) = plain else {
            at = text.len();
            break;
        };
        at += plain;
        match text[at] {
            // 12:34:56, 00:1b:63:84:45:e6, fe80::1 are words, and variable.
            b':' => match colon_groups(text, at) {
                Some(end) => (at, has) = (end, has | DIGIT),
                None => break,
            },
            b'.' if text[at..].starts_with(b"...") => break,
            byte if CLASSES[byte as usize] == DOT => (at, dot) = (at + 1, DOT),
            _ => break,
        }
    }
    if at > start {
        pieces.push(Piece { start: start as u32, end: at as u32, has: has & INSIDE | dot, mark: 0 });
        return at;
    }
    // Three dots or more part words as white space does.
    start + text[start..].iter().take_while(|&&byte| byte == b'.').count()
}

/// Where groups of up to four hexadecimal digits with colons between end, if the colon at `colon`
/// belongs to some: two colons at least, and a digit.
fn colon_groups(text: &[u8], colon: usize) -> Option<usize> {
    let hex = |byte: &u8| byte.is_ascii_hexdigit();
    let before = text[..colon].iter().rev().take(5).take_while(|byte| hex(byte)).count();
    let start = colon - before;
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.') || byte >= 0x80;
    if before > 4 || start.checked_sub(1).is_some_and(|i| inside(text[i])) {
        return None;
    }
    let (mut at, mut colons, mut digits) = (start, 0, false);
    loop {
        let group = text[at..].iter().take(5).take_while(|byte| hex(byte)).count();
        if group > 4 {
            return None;
        }
        digits |= text[at..at + group].iter().any(u8::is_ascii_digit);
        at += group;
        if colons == 15 || text.get(at) != Some(&b':') {
            break;
        }
        colons += 1;
        at += 1;
    }
    let ends =
        text.get(at).is_none_or(|&byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':') || byte >= 0x80));
    (colons >= 2 && digits && ends).then_some(at)
}
