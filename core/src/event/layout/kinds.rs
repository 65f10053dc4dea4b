//! What a word of a header can be, told by its bytes alone: a name, an identifier, a file and line,
//! the name of a thread.
//!
//! A wrong value is worse than none, so each of these is asked before a word becomes a role: a
//! module that is an identifier would be a new module in each line.

use std::ops::Range;

use super::text;

/// The longest name that is a column of a header.
pub(super) const LONGEST: usize = 160;

/// Whether a word is made of what names of hosts, modules and files are made of.
pub(super) fn is_name(word: &[u8]) -> bool {
    let marks = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'-' | b':' | b'/' | b'$' | b'@' | b'#' | b'*' | b'%' | b'&' | b'+' | b'~')
            || *byte >= 0x80
    };
    !word.is_empty() && word.len() <= LONGEST && word.iter().all(marks)
}

/// Whether a word is more likely a column than the first of a sentence: a name with a digit or a
/// mark in it, or capitals.
pub(super) fn is_column(word: &[u8]) -> bool {
    if !is_name(word) || !matches!(word.last(), Some(last) if last.is_ascii_alphanumeric() || *last == b'#') {
        return false;
    }
    word.is_ascii()
        && (word.iter().any(|byte| !byte.is_ascii_alphabetic()) || (word.len() > 1 && text::is_capitals(word)))
}

/// Whether a name can be that of a module: no number, identifier, method, address, exception, nor a
/// word with which a sentence begins.
pub(super) fn is_module(name: &[u8]) -> bool {
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
    is_name(name)
        && name[0] != b'/'
        && (name[0].is_ascii_alphabetic() || matches!(name[0], b'_' | b'%' | b'@' | b'$') || name[0] >= 0x80)
        && name.last() != Some(&b'=')
        && !is_identifier(name)
        && !is_method(name)
        && !is_exception(name)
        && !is_file_line(name)
        && !SENTENCES.iter().any(|word| word.eq_ignore_ascii_case(name))
        && memchr::memmem::find(name, b"://").is_none()
}

/// The methods of HTTP, which stand where a module could.
pub(super) fn is_method(word: &[u8]) -> bool {
    matches!(word, b"GET" | b"POST" | b"PUT" | b"HEAD" | b"DELETE" | b"PATCH" | b"OPTIONS" | b"CONNECT" | b"TRACE")
}

/// `java.io.IOException`, `KeyError`, `MyApp::NotFound`: what was thrown, not who says so.
fn is_exception(name: &[u8]) -> bool {
    name.ends_with(b"Exception") || name.ends_with(b"Error") || name.ends_with(b"Throwable")
}

/// An identifier that is another one in each line: a UUID, long hexadecimal, digits with few
/// letters between them.
pub(super) fn is_identifier(word: &[u8]) -> bool {
    let (mut digits, mut hex, mut others, mut dashes) = (0, 0, 0, 0);
    for byte in word {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'f' | b'A'..=b'F' => hex += 1,
            b'-' => dashes += 1,
            _ => others += 1,
        }
    }
    match (others, dashes) {
        (0, 0) => digits > 0 && (hex == 0 || digits + hex >= 8),
        (0, _) => digits >= 3 && digits + hex >= 16,
        // `req-8f2a…`, `0x7f12`, `1-67891233-abcdef012345678912345678`, ULIDs and their kin.
        _ if word.starts_with(b"0x") => word[2..].iter().all(u8::is_ascii_hexdigit),
        _ if word.starts_with(b"req-") || word.starts_with(b"req_") => digits >= 3,
        (_, 0) => word.len() >= 20 && digits >= 4 && others + hex + digits == word.len() && is_mixed(word),
        _ => digits + hex >= 24 && others <= 3,
    }
}

/// Letters and digits in turns, as no name has them.
fn is_mixed(word: &[u8]) -> bool {
    word.is_ascii()
        && word.iter().all(u8::is_ascii_alphanumeric)
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
    const PARTS: [&[u8]; 20] = [
        b"thread",
        b"worker",
        b"exec",
        b"pool",
        b"schedul",
        b"reactor",
        b"eventloop",
        b"event-loop",
        b"nio",
        b"timer",
        b"http-",
        b"qtp",
        b"conn",
        b"dispatcher",
        b"ajp-",
        b"msc service",
        b"netty",
        b"fiber",
        b"coroutine",
        b"tokio",
    ];
    if name == b"main" {
        return true;
    }
    // `tool.exe`, `a.b.Pool`: a file or a class.
    if memchr::memchr(b'.', name).is_some() && memchr::memchr(b' ', name).is_none() {
        return false;
    }
    let numbered = {
        let end = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
        end < name.len() && end > 1 && matches!(name[end - 1], b'-' | b'#' | b'_')
    };
    numbered || PARTS.iter().any(|part| text::contains_ignoring_case(name, part))
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
    if memchr::memmem::find(word, b"::").is_some_and(|at| at > 0 && at + 2 < word.len()) {
        return word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
    }
    let tail = word.rsplitn(3, |byte| *byte == b'.').take(2);
    text::is_dotted(word) && tail.flatten().any(u8::is_ascii_uppercase) && !is_exception(word)
}
