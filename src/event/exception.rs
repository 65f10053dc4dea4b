//! The type of the exception that a message names: `java.net.SocketTimeoutException`, `ValueError`, `panic`.

use memchr::memmem;

/// Ends of type names, and what may stand before them.
const ENDS: [&[u8]; 2] = [b"Exception", b"Error"];

/// The first exception type in `message`, as written: a word with a capital inside it that ends with `Exception` or
/// `Error`, with its package; or `panic` and `fatal error` of Go and Rust at the beginning.
#[must_use]
pub fn exception_type(message: &[u8]) -> Option<&[u8]> {
    let named = ENDS.iter().filter_map(|end| named(message, end)).min_by_key(|place| place.start);
    if let Some(place) = named {
        return Some(&message[place]);
    }
    [&b"panic:"[..], b"fatal error:", b"panicked at"].into_iter().find_map(|word| {
        let start = memmem::find(message, word)?;
        let begins = start == 0 || message[start - 1] == b' ';
        begins.then(|| &message[start..start + word.len() - usize::from(word.ends_with(b":"))])
    })
}

fn named(message: &[u8], end: &[u8]) -> Option<std::ops::Range<usize>> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
    for at in memmem::find_iter(message, end) {
        let stop = at + end.len();
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
            let got = exception_type(message.as_bytes()).map(|name| std::str::from_utf8(name).unwrap());
            assert_eq!(got, found, "{message}");
        }
    }
}
