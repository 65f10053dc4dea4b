//! Names in the texts of errors: of modules, hosts, peers and resources.
//!
//! A text is cut into words at blanks and brackets, and each word into its name: without scheme,
//! port and sentence marks. No list says what is a name. A word is one when it equals the name of
//! a module, host or operation that is already part of a situation, which the caller knows. One
//! that nothing logs, such as a database, is known by its shape: as host names are written, in
//! lower case with a digit, dash or dot inside, or an IP address. Most texts have few such words.

use xxhash_rust::xxh3::xxh3_64;

/// Most names that are taken of one text.
const NAMES: usize = 24;
/// Bytes of the longest name; longer words are no names.
const LONGEST: usize = 80;
/// Bytes of a text that are read.
const READ: usize = 2_048;

/// A word of a text that may name something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameInText<'a> {
    pub(super) text: &'a str,
    pub(super) hash: u64,
    /// True when it is written as the names of hosts and services are.
    pub(super) is_shaped: bool,
}

/// The hash by which a name is known.
pub(super) fn name_hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// The names in a text, each once, in order.
pub(super) fn names_in(text: &str) -> Vec<NameInText<'_>> {
    let text = &text[..text.floor_char_boundary(READ)];
    let mut names: Vec<NameInText<'_>> = Vec::new();
    for word in text.split(is_border) {
        for part in parts_of(word) {
            if names.len() >= NAMES {
                return names;
            }
            let is_name = (2..=LONGEST).contains(&part.len()) && part.bytes().any(|byte| byte.is_ascii_alphanumeric());
            if !is_name || names.iter().any(|known| known.text == part) {
                continue;
            }
            names.push(NameInText { text: part, hash: name_hash(part), is_shaped: is_shaped(part) });
        }
    }
    names
}

/// True between words: blanks, quotes, brackets, and punctuation that no name has.
fn is_border(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '=' | '|')
        || (!c.is_ascii() && !c.is_alphanumeric())
}

/// The name in a word, without scheme, user and port; and the segments of a path.
fn parts_of(word: &str) -> impl Iterator<Item = &str> {
    let word = word.split_once("://").map_or(word, |(_, rest)| rest);
    let word = word.rsplit_once('@').map_or(word, |(_, rest)| rest);
    word.split('/').map(|part| {
        let part = part.trim_matches(|c: char| !c.is_alphanumeric());
        match part.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') => name,
            _ => part,
        }
    })
}

/// True of a word as the names of hosts and services are written.
fn is_shaped(word: &str) -> bool {
    let bytes = word.as_bytes();
    if is_ip(bytes) {
        return true;
    }
    let is_host = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
    bytes.len() >= 3
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(is_host)
        && bytes[1..bytes.len() - 1].iter().any(|byte| matches!(byte, b'-' | b'.' | b'_'))
        && !is_identifier(bytes)
}

/// True of four numbers with dots between them.
fn is_ip(bytes: &[u8]) -> bool {
    let mut parts = 0;
    bytes.split(|byte| *byte == b'.').all(|part| {
        parts += 1;
        (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit)
    }) && parts == 4
}

/// True of what is new in each line: mostly digits, or a long number in hexadecimal.
fn is_identifier(bytes: &[u8]) -> bool {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let hex = bytes.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    2 * digits > bytes.len() || (bytes.len() >= 16 && digits >= 4 && hex + 4 >= bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(text: &str) -> Vec<&str> {
        names_in(text).into_iter().filter(|name| name.is_shaped).map(|name| name.text).collect()
    }

    #[test]
    fn names_of_hosts_and_services_are_found() {
        for (text, names) in [
            ("cannot reach database db-1: connection refused", &["db-1"][..]),
            ("dial tcp 10.0.3.7:5432: connect: connection refused", &["10.0.3.7"]),
            ("orders-db refused the connection", &["orders-db"]),
            ("GET http://user:pw@stock.shop.svc:8080/items: 503", &["stock.shop.svc"]),
            ("jdbc:postgresql://pg-main:5432/shop timed out", &["pg-main"]),
            ("connect to amqp://rabbit-0.rabbit:5672 failed (try 3)", &["rabbit-0.rabbit"]),
            ("无法连接数据库 user-db，连接被拒绝", &["user-db"]),
            ("request 709922 failed: timeout", &[]),
            ("java.net.SocketTimeoutException: Read timed out", &[]),
            ("took 30s, 1.5s more than 200ms", &[]),
            ("trace 4bf92f3577b34da6a3ce929d0e0e4736 lost", &[]),
            ("payload of 3412 bytes rejected", &[]),
        ] {
            assert_eq!(shaped(text), names, "{text}");
        }
    }

    #[test]
    fn every_word_can_be_a_known_name() {
        let names = names_in("503 /billing/invoices done, catalog: no answer");
        let texts: Vec<_> = names.iter().map(|name| name.text).collect();
        assert_eq!(texts, ["503", "billing", "invoices", "done", "catalog", "no", "answer"]);
    }

    #[test]
    fn long_texts_are_bounded() {
        let text = (0..10_000).map(|i| format!("word-{i} ")).collect::<String>();
        assert_eq!(names_in(&text).len(), NAMES);
        assert!(names_in(&"ü".repeat(10_000)).len() <= 1);
    }
}
