//! The type of the exception that a message names: `java.net.SocketTimeoutException`, `ValueError`, `panic`.

use memchr::memmem::Finder;

/// Ends of type names.
const ENDS: [&[u8]; 2] = [b"Exception", b"Error"];
/// What Go and Rust say instead, at the beginning or behind a space.
const WORDS: [&[u8]; 3] = [b"panic:", b"fatal error:", b"panicked at"];

/// Finds exception types; made once, for making it costs more than a search.
#[derive(Clone, Debug)]
pub struct ExceptionTypes {
    ends: [Finder<'static>; 2],
    words: [Finder<'static>; 3],
}

impl Default for ExceptionTypes {
    fn default() -> Self {
        Self { ends: ENDS.map(Finder::new), words: WORDS.map(Finder::new) }
    }
}

impl ExceptionTypes {
    /// The first exception type in `message`, as written: a word with a capital inside it that ends with `Exception` or
    /// `Error`, with its package; or `panic` and `fatal error` of Go and Rust at the beginning.
    #[must_use]
    pub fn first<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        let named = self.ends.iter().filter_map(|end| named(message, end)).min_by_key(|place| place.start);
        if let Some(place) = named {
            return Some(&message[place]);
        }
        self.words.iter().find_map(|word| {
            let start = word.find(message)?;
            let word = word.needle();
            let begins = start == 0 || message[start - 1] == b' ';
            begins.then(|| &message[start..start + word.len() - usize::from(word.ends_with(b":"))])
        })
    }
}

fn named(message: &[u8], end: &Finder<'_>) -> Option<std::ops::Range<usize>> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
    for at in end.find_iter(message) {
        let stop = at + end.needle().len();
        if message.get(stop).is_some_and(part) && message[stop] != b'.' {
            continue;
        }
        let start = at - message[..at].iter().rev().take_while(|byte| part(byte)).count();
        // A word of its own (`Error: …`) names no type, and a type begins with a letter.
        let last = message[start..at].iter().rposition(|&byte| byte == b'.').map_or(start, |dot| start + dot + 1);
        if last < at && message[last].is_ascii_uppercase() && message[start].is_ascii_alphabetic() {
            return Some(start..stop);
        }
    }
    None
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
