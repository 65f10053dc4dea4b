//! The type of the exception that a message names: `java.net.SocketTimeoutException`, `ValueError`,
//! `panic`.

use memchr::memchr_iter;
use memchr::memmem::{self, Finder};

/// Ends of type names; all begin with the same letter.
const ENDS: [&[u8]; 2] = [b"Exception", b"Error"];
/// What Go and Rust say instead, at the beginning or behind a space.
const WORDS: [&[u8]; 3] = [b"panic:", b"fatal error:", b"panicked at"];

/// Finds exception types; made once, for making it costs more than a search.
#[derive(Clone, Debug)]
pub struct ExceptionTypes {
    /// What there is in every text that has one of the words.
    parts: [Finder<'static>; 2],
}

impl Default for ExceptionTypes {
    fn default() -> Self {
        Self { parts: [Finder::new("panic"), Finder::new("fatal error:")] }
    }
}

impl ExceptionTypes {
    /// The first exception type in `message`, as written: a word with a capital inside it that ends
    /// with `Exception` or `Error`, with its package; or `panic` and `fatal error` of Go and Rust
    /// at the beginning.
    #[must_use]
    pub fn first<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        memchr_iter(b'E', message).find_map(|at| named(message, at)).or_else(|| self.word(message))
    }

    fn word<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        if self.parts.iter().all(|part| part.find(message).is_none()) {
            return None;
        }
        WORDS.into_iter().find_map(|word| {
            let start = memmem::find(message, word)?;
            let begins = start == 0 || message[start - 1] == b' ';
            begins.then(|| &message[start..start + word.len() - usize::from(word.ends_with(b":"))])
        })
    }
}

/// The type whose name has its end at `at`, if there is one.
fn named(message: &[u8], at: usize) -> Option<&[u8]> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
    let end = ENDS.into_iter().find(|end| message[at..].starts_with(end))?;
    let stop = at + end.len();
    if message.get(stop).is_some_and(part) && message[stop] != b'.' {
        return None;
    }
    let start = at - message[..at].iter().rev().take_while(|byte| part(byte)).count();
    // A word of its own (`Error: …`) names no type, and a type begins with a letter.
    let last = message[start..at].iter().rposition(|&byte| byte == b'.').map_or(start, |dot| start + dot + 1);
    let is_type = last < at && message[last].is_ascii_uppercase() && message[start].is_ascii_alphabetic();
    is_type.then(|| &message[start..stop])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_with_their_package_and_words_are_not() {
        let types = ExceptionTypes::default();
        for (message, found) in [
            ("java.net.SocketTimeoutException: Read timed out", Some("java.net.SocketTimeoutException")),
            ("Caused by: org.x.Outer$InnerException", Some("org.x.Outer$InnerException")),
            ("ValueError: bad", Some("ValueError")),
            ("requests.exceptions.ConnectionError.", Some("requests.exceptions.ConnectionError")),
            ("Uncaught TypeError in x, then RangeError", Some("TypeError")),
            ("panic: runtime error: index out of range", Some("panic")),
            ("thread 'main' panicked at src/main.rs:3", Some("panicked at")),
            ("Error: it failed", None),
            ("an Exception occurred", None),
            ("InternalErrors counted", None),
            ("kernelError", None),
            ("no error at all", None),
            ("", None),
        ] {
            let got = types.first(message.as_bytes()).map(|name| std::str::from_utf8(name).unwrap());
            assert_eq!(got, found, "{message}");
        }
    }
}
