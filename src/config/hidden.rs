//! A line of a configuration as a diagnostic may quote it: without what could be a secret.
//!
//! Secrets belong into files and variables. Who writes one into the file all the same, and a mistake beside it, must not
//! find it in a log: of an address the scheme and the host are shown, of a setting that sounds like a secret its name.

/// Stands for what is not shown.
const HIDDEN: char = '…';
/// What names of secrets contain, where they do not end in `_file` or `_env`.
const WORDS: [&str; 8] = ["password", "passwd", "secret", "token", "shared_key", "api_key", "authorization", "url"];

/// The line without what could be a secret.
pub(super) fn without_secrets(line: &str) -> String {
    let line = match behind_a_secrets_name(line) {
        Some(at) => format!("{} {HIDDEN}", &line[..at]),
        None => line.to_owned(),
    };
    let mut shown = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some((before, address)) = rest.split_once("://") {
        let (address, after) = address.split_at(address.find(['"', '\'', ' ']).unwrap_or(address.len()));
        let host = address.find(['/', '?', '#']).unwrap_or(address.len());
        let shown_bytes = match address {
            _ if address.contains('@') => 0,
            // A path is part of what a webhook keeps to itself; that of a socket is none.
            _ if before.ends_with("http") || before.ends_with("https") => host,
            _ => address.len(),
        };
        shown.extend([before, "://", &address[..shown_bytes]]);
        if !matches!(&address[shown_bytes..], "" | "/") {
            shown.push(HIDDEN);
        }
        rest = after;
    }
    shown + rest
}

/// Where the value begins of a setting that sounds like a secret, unless it is an address, of which the host is shown.
fn behind_a_secrets_name(line: &str) -> Option<usize> {
    let small = line.to_ascii_lowercase();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let value = |word: &str, at: usize| {
        let rest = &small[at..];
        let name_ends = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(name_ends);
        let equals = behind.len() - behind.trim_start_matches(['"', '\'', ' ', '\t']).len();
        let is_place = name.ends_with("_file") || name.ends_with("_env");
        let is_set = behind[equals..].starts_with('=');
        let begin = at + name_ends + equals + 1;
        (is_set && !is_place && !(word == "url" && small[begin..].contains("://"))).then_some(begin)
    };
    let places = WORDS.iter().flat_map(|word| small.match_indices(word)).filter_map(|(at, word)| value(word, at));
    places.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_secret_is_not_shown() {
        for (line, shown) in [
            ("timezone = \"Mars\"", "timezone = \"Mars\""),
            ("key = { module = \"a\" }", "key = { module = \"a\" }"),
            ("token_file = \"tok\"", "token_file = \"tok\""),
            ("password_env = \"PASS\"", "password_env = \"PASS\""),
            ("password = \"SECRET\"", "password = …"),
            ("  My-Token=SECRET", "  My-Token= …"),
            ("\"api_key\" = 'SECRET'", "\"api_key\" = …"),
            ("url = \"hooks.example.org/SECRET\"", "url = …"),
            ("url = \"http://127.0.0.1:9093/\"", "url = \"http://127.0.0.1:9093\""),
            ("url = \"https://hooks.example.org/SECRET?k=SECRET\"", "url = \"https://hooks.example.org…\""),
            ("to = [\"http://u:SECRET@h/\", \"http://h/SECRET\"]", "to = [\"http://…\", \"http://h…\"]"),
            ("url = \"http://u:SEC/RET@h", "url = \"http://…"),
            ("from = [\"forward://h?shared_key_file=k\"]", "from = [\"forward://h?shared_key_file=k\"]"),
            ("from = [\"unix:///run/s.sock\"]", "from = [\"unix:///run/s.sock\"]"),
            ("[[sink]] # token", "[[sink]] # token"),
            ("x = { type = \"webhook\", url = \"SECRET\", é = \"token\" }", "x = { type = \"webhook\", url = …"),
        ] {
            assert_eq!(without_secrets(line), shown, "{line}");
        }
    }
}
