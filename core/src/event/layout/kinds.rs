//! What a word of a header can be, told by its bytes alone: a name, an identifier, a file and line,
//! the name of a thread.
//!
//! A wrong value is worse than none, so each of these is asked before a word becomes a role: a
//! module that is an identifier would be a new module in each line.

use std::ops::Range;

use super::text;

/// The longest name that is a column of a header.
pub(super) const LONGEST: usize = 160;

/// What bytes a word has, found in one pass; most questions are answered by it alone.
#[derive(Clone, Copy)]
pub(super) struct Bytes(u16);

impl Bytes {
    const LOWER: u16 = 1;
    const UPPER: u16 = 1 << 1;
    const DIGIT: u16 = 1 << 2;
    const DOT: u16 = 1 << 3;
    const COLON: u16 = 1 << 4;
    const SLASH: u16 = 1 << 5;
    /// The other marks in names.
    const MARK: u16 = 1 << 6;
    const NOT_ASCII: u16 = 1 << 7;
    const BRACKET: u16 = 1 << 8;
    const EQUALS: u16 = 1 << 9;
    /// Blanks and what stands between the parts of a bracket.
    const SEPARATOR: u16 = 1 << 10;
    const OTHER: u16 = 1 << 11;
    /// A mark of names that stands between a user and a host.
    const AT: u16 = 1 << 12;
    const NO_NAME: u16 = Self::BRACKET | Self::EQUALS | Self::SEPARATOR | Self::OTHER;

    const fn of_byte(byte: u8) -> u16 {
        match byte {
            b'a'..=b'z' => Self::LOWER,
            b'A'..=b'Z' => Self::UPPER,
            b'0'..=b'9' => Self::DIGIT,
            b'.' => Self::DOT,
            b':' => Self::COLON,
            b'/' => Self::SLASH,
            b'@' => Self::MARK | Self::AT,
            b'_' | b'-' | b'$' | b'#' | b'*' | b'%' | b'&' | b'+' | b'~' => Self::MARK,
            0x80.. => Self::NOT_ASCII,
            b'[' | b'(' | b'{' => Self::BRACKET,
            b'=' => Self::EQUALS,
            b' ' | b'\t' | b',' | b'|' => Self::SEPARATOR,
            _ => Self::OTHER,
        }
    }

    pub(super) fn of(word: &[u8]) -> Self {
        const SETS: [u16; 256] = {
            let (mut sets, mut byte) = ([0; 256], 0);
            while byte < 256 {
                sets[byte] = Bytes::of_byte(byte as u8);
                byte += 1;
            }
            sets
        };
        Self(word.iter().fold(0, |set, byte| set | SETS[usize::from(*byte)]))
    }

    /// The same and a colon.
    pub(super) const fn with_colon(self) -> Self {
        Self(self.0 | Self::COLON)
    }

    const fn has(self, any: u16) -> bool {
        self.0 & any != 0
    }

    /// Whether it has parts with a mark or a blank between them.
    pub(super) const fn has_parts(self) -> bool {
        self.has(Self::SEPARATOR | Self::COLON | Self::SLASH | Self::DOT)
    }

    pub(super) const fn has_separator(self) -> bool {
        self.has(Self::SEPARATOR)
    }

    pub(super) const fn has_bracket(self) -> bool {
        self.has(Self::BRACKET)
    }

    pub(super) const fn has_equals(self) -> bool {
        self.has(Self::EQUALS)
    }

    pub(super) const fn has_colon(self) -> bool {
        self.has(Self::COLON)
    }

    pub(super) const fn has_colon_slash_or_at(self) -> bool {
        self.has(Self::COLON | Self::SLASH | Self::AT)
    }

    pub(super) const fn has_digit(self) -> bool {
        self.has(Self::DIGIT)
    }

    pub(super) const fn has_dot_or_colon(self) -> bool {
        self.has(Self::DOT | Self::COLON)
    }
}

/// Whether a word is made of what names of hosts, modules and files are made of.
pub(super) fn is_name(word: &[u8]) -> bool {
    !word.is_empty() && word.len() <= LONGEST && !Bytes::of(word).has(Bytes::NO_NAME)
}

/// Whether a word is more likely a column than the first of a sentence: a name with a digit or a
/// mark in it, or capitals.
pub(super) fn is_column(word: &[u8]) -> bool {
    is_column_of(word, Bytes::of(word))
}

/// The same where its bytes are known.
pub(super) fn is_column_of(word: &[u8], bytes: Bytes) -> bool {
    let ends = matches!(word.last(), Some(last) if last.is_ascii_alphanumeric() || *last == b'#');
    ends && word.len() <= LONGEST
        && !bytes.has(Bytes::NO_NAME | Bytes::NOT_ASCII)
        && (bytes.has(!(Bytes::LOWER | Bytes::UPPER)) || (word.len() > 1 && !bytes.has(Bytes::LOWER)))
}

/// Whether a name can be that of a module: no number, identifier, method, address, exception, nor a
/// word with which a sentence begins.
pub(super) fn is_module(name: &[u8]) -> bool {
    is_module_of(name, Bytes::of(name))
}

/// The same where its bytes are known.
pub(super) fn is_module_of(name: &[u8], bytes: Bytes) -> bool {
    const SENTENCES: [&[u8]; 16] = [
        b"error",
        b"errors",
        b"failed",
        b"failure",
        b"cause",
        b"caused",
        b"reason",
        b"note",
        b"warning",
        b"message",
        b"result",
        b"usage",
        b"http",
        b"https",
        b"exception",
        b"status",
    ];
    let Some(first) = name.first() else { return false };
    if bytes.has(Bytes::NO_NAME) || name.len() > LONGEST {
        return false;
    }
    let begins = first.is_ascii_alphabetic() || matches!(first, b'_' | b'%' | b'@' | b'$' | 0x80..);
    // One word of letters can be one of a sentence, or a method.
    let is_word = !bytes.has(!(Bytes::LOWER | Bytes::UPPER));
    begins
        && !(bytes.has(Bytes::DIGIT) && (is_identifier(name) || is_file_line(name)))
        && !is_exception(name)
        && !(is_word && (is_method(name) || SENTENCES.iter().any(|word| word.eq_ignore_ascii_case(name))))
        && !(bytes.has(Bytes::COLON) && memchr::memchr_iter(b':', name).any(|at| name[at..].starts_with(b"://")))
}

/// The methods of HTTP, which stand where a module could.
pub(in crate::event) fn is_method(word: &[u8]) -> bool {
    matches!(word, b"GET" | b"POST" | b"PUT" | b"HEAD" | b"DELETE" | b"PATCH" | b"OPTIONS" | b"CONNECT" | b"TRACE")
}

/// `java.io.IOException`, `KeyError`, `MyApp::NotFound`: what was thrown, not who says so.
fn is_exception(name: &[u8]) -> bool {
    name.ends_with(b"Exception") || name.ends_with(b"Error") || name.ends_with(b"Throwable")
}

/// An identifier that is another one in each line: a UUID, long hexadecimal, digits with few
/// letters between them.
pub(super) fn is_identifier(word: &[u8]) -> bool {
    // Four counts of eight bits in one sum.
    const COUNTS: [u32; 256] = {
        let (mut counts, mut byte) = ([0; 256], 0);
        while byte < 256 {
            counts[byte] = match byte as u8 {
                b'0'..=b'9' => 1,
                b'a'..=b'f' | b'A'..=b'F' => 1 << 8,
                b'-' => 1 << 16,
                _ => 1 << 24,
            };
            byte += 1;
        }
        counts
    };
    if word.len() > LONGEST {
        return false;
    }
    let counts = word.iter().fold(0, |counts, byte| counts + COUNTS[usize::from(*byte)]);
    let [digits, hex, dashes, others] = counts.to_le_bytes().map(usize::from);
    // Most names have no digit.
    if digits == 0 {
        return false;
    }
    match (others, dashes) {
        (0, 0) => hex == 0 || digits + hex >= 8,
        (0, _) => digits >= 3 && digits + hex >= 16,
        // `req-8f2a…`, `0x7f12`, `1-67891233-abcdef012345678912345678`, ULIDs and their kin.
        _ if word.starts_with(b"0x") => word[2..].iter().all(u8::is_ascii_hexdigit),
        _ if word.starts_with(b"req-") || word.starts_with(b"req_") => digits >= 3,
        (_, 0) => word.len() >= 20 && digits >= 4 && is_mixed(word),
        _ => digits + hex >= 24 && others <= 3,
    }
}

/// `6f1c9d2e-7f5b-4a55-9a52-0f4d3b8f7a01`.
pub(super) fn is_uuid(word: &[u8]) -> bool {
    word.len() == 36
        && word.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Letters and digits in turns, as no name has them.
fn is_mixed(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_alphanumeric)
        && word.array_windows().filter(|[a, b]| a.is_ascii_digit() != b.is_ascii_digit()).count() >= 5
}

/// `main.go:42`, `src/app.py:7:3`.
pub(super) fn is_file_line(word: &[u8]) -> bool {
    file_line(word).is_some()
}

/// Where the name of the file ends and the number of the line begins and ends.
pub(super) fn file_line(word: &[u8]) -> Option<(usize, Range<usize>)> {
    let colon = memchr::memchr(b':', word)?;
    let (file, rest) = (&word[..colon], &word[colon + 1..]);
    let digits = text::digits(rest, 0);
    let ending = &file[memchr::memrchr(b'.', file)? + 1..];
    let is_file = (1..=6).contains(&ending.len()) && ending.iter().all(u8::is_ascii_alphanumeric);
    let ends = digits == rest.len() || (rest[digits] == b':' && text::digits(rest, digits + 1) == rest.len());
    (is_file && digits > 0 && ends && colon > 0).then_some((colon, colon + 1..colon + 1 + digits))
}

/// Whether a name in a bracket is more likely that of a thread than of a logger.
pub(super) fn is_thread(name: &[u8]) -> bool {
    if name == b"main" {
        return true;
    }
    // `tool.exe`, `a.b.Pool`: a file or a class, unless it is one of several that are counted.
    if name.len() > LONGEST || (memchr::memchr(b'.', name).is_some() && memchr::memchr(b' ', name).is_none()) {
        return is_counted_thread(name);
    }
    let numbered = {
        let end = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
        end < name.len() && end > 1 && matches!(name[end - 1], b'-' | b'#' | b'_')
    };
    numbered || name.array_windows().enumerate().any(|(at, pair)| begins_part(*pair) && is_thread_part(&name[at..]))
}

/// `shop.actor.default-dispatcher-7`: a thread of a pool that is called by its path.
fn is_counted_thread(name: &[u8]) -> bool {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let Some(stem) = name[..name.len() - digits.min(name.len())].strip_suffix(b"-") else { return false };
    let last = stem.rsplit(|byte| matches!(byte, b'.' | b'-')).next().unwrap_or_default();
    digits > 0 && name.len() <= LONGEST && !last.is_empty() && is_thread_part(last)
}

/// Whether a part of a thread's name begins with these two letters.
fn begins_part([first, second]: [u8; 2]) -> bool {
    const SECOND: [u32; 32] = {
        const STARTS: &[u8; 36] = b"ajcodiexevfihtmsninepoqtrescthtitowo";
        let (mut letters, mut at) = ([0_u32; 32], 0);
        while at < STARTS.len() {
            letters[STARTS[at] as usize & 31] |= 1 << (STARTS[at + 1] & 31);
            at += 2;
        }
        letters
    };
    first >= b'A' && SECOND[usize::from(first & 31)] >> (second & 31) & 1 != 0
}

/// Whether the text begins with a part of the names that schedulers, pools and servers give their
/// threads, in any case.
fn is_thread_part(text: &[u8]) -> bool {
    let parts: &[&[u8]] = match text[0] | 0x20 {
        b'a' => &[b"ajp-"],
        b'c' => &[b"conn", b"coroutine"],
        b'd' => &[b"dispatcher"],
        b'e' => &[b"exec", b"eventloop", b"event-loop"],
        b'f' => &[b"fiber"],
        b'h' => &[b"http-"],
        b'm' => &[b"msc service"],
        b'n' => &[b"nio", b"netty"],
        b'p' => &[b"pool"],
        b'q' => &[b"qtp"],
        b'r' => &[b"reactor"],
        b's' => &[b"schedul"],
        b't' => &[b"thread", b"timer", b"tokio"],
        b'w' => &[b"worker"],
        _ => return false,
    };
    parts.iter().any(|part| text.get(..part.len()).is_some_and(|text| text.eq_ignore_ascii_case(part)))
}

/// An address: of IPv4 or IPv6, perhaps with a port.
pub(super) fn is_address(word: &[u8]) -> bool {
    let points = word.iter().filter(|byte| **byte == b'.').count();
    let four = points == 3 && word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b':' | b'/'));
    let six = word.iter().filter(|byte| **byte == b':').count() >= 2
        && word.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'[' | b']' | b'%'));
    four || six
}

/// `a.b.C`, `my_app::db`: a path of names that only programs write. Of a lower-case one with points
/// a capital must be in its end, for hosts and files are written so as well.
pub(super) fn is_path(word: &[u8]) -> bool {
    let colons = memchr::memchr(b':', word).filter(|at| *at > 0 && word[*at..].starts_with(b"::"));
    if colons.is_some_and(|at| at + 2 < word.len()) {
        return word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
    }
    let tail = word.rsplitn(3, |byte| *byte == b'.').take(2);
    text::is_dotted(word) && tail.flatten().any(u8::is_ascii_uppercase) && !is_exception(word)
}

/// The number of a process, perhaps with that of its thread: `42`, `42#7`, `42-7`.
pub(super) fn is_process(word: &[u8]) -> bool {
    let end = text::digits(word, 0);
    end > 0
        && (end == word.len()
            || (matches!(word[end], b'#' | b'-') && end + 1 < word.len() && text::digits(word, end + 1) == word.len()))
}
