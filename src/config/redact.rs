//! A line of a configuration as a diagnostic may quote it: without possible secrets.
//!
//! Secrets belong into files and variables. A secret that is in the configuration file all the same
//! must not reach a log because of a mistake beside it: of an address the scheme and the host are
//! shown, of a setting that sounds like a secret its name.

/// Replaces what is not shown.
const HIDDEN: char = '…';
/// What names of secrets contain, where they do not end in `_file` or `_env`.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "secret",
    "token",
    "shared_key",
    "api_key",
    "access_key",
    "private_key",
    "routing_key",
    "credential",
    "authorization",
    "url",
    "headers",
    // A payload holds keys of the service that it is sent to.
    "template",
];
/// Schemes of addresses that are shown whole: their paths are those of sockets, and their queries
/// name files.
const PLAIN_SCHEMES: [&str; 4] = ["unix", "tcp", "forward", "tls"];

/// The line without possible secrets.
pub(super) fn without_secrets(line: &str) -> String {
    hidden(line, behind_a_secrets_name(line, true))
}

/// A message, which may repeat values, without possible secrets.
pub(super) fn message_without_secrets(message: &str) -> String {
    hidden(message, behind_a_secrets_name(message, false))
}

fn hidden(text: &str, from: Option<usize>) -> String {
    let text = match from {
        Some(at) => format!("{} {HIDDEN}", &text[..at]),
        None => text.to_owned(),
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, address)) = rest.split_once("://") {
        let (address, after) = address.split_at(address.find(['"', '\'', '`', ' ', '\n']).unwrap_or(address.len()));
        let host = address.find(['/', '?', '#']).unwrap_or(address.len());
        let shown_bytes = match address {
            _ if address.contains('@') => 0,
            _ if PLAIN_SCHEMES.iter().any(|scheme| before.ends_with(scheme)) => address.len(),
            // The path of a webhook's address may be a secret.
            _ => host,
        };
        shown.extend([before, "://", &address[..shown_bytes]]);
        if !matches!(&address[shown_bytes..], "" | "/") {
            shown.push(HIDDEN);
        }
        rest = after;
    }
    shown + rest
}

/// Where the value of a setting begins whose name sounds like a secret; none where the value is an
/// address, of which the host is shown.
fn behind_a_secrets_name(line: &str, is_line: bool) -> Option<usize> {
    let small = line.to_ascii_lowercase();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let value = |word: &str, at: usize| {
        let rest = &small[at..];
        let name_ends = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(name_ends);
        let equals = behind.len() - behind.trim_start_matches(['"', '\'', ' ', '\t']).len();
        let before = small[..at].trim_start_matches([' ', '\t', '"', '\'']);
        let begins_line = is_line && before.chars().all(is_of_name) && !behind.is_empty();
        let mark = behind[equals..].chars().next();
        // `template:12` is a pattern of a message, not a setting.
        let has_mark = mark == Some('=') || (mark == Some(':') && word != "template");
        let begin = at + name_ends + equals + usize::from(has_mark);
        // A word at the begin of a line is a name, whatever follows it; elsewhere `=` makes a word
        // a name, and `:` in JSON.
        let is_set = has_mark || begins_line;
        // Where a variable's name belongs, a value that is no name may be the secret itself.
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_\"' ".contains(c);
        let names_a_variable =
            name.ends_with("_env") && small.get(begin..).is_some_and(|value| value.chars().all(is_name));
        let is_place = name.ends_with("_file") || names_a_variable;
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
            ("end = \"template:12\"", "end = \"template:12\""),
            ("template '{\"a\": \"SECRET\"}'", "template ' …"),
            ("  {\"routing_key\": \"SECRET\"", "  {\"routing_key\": …"),
            ("token_env = \"not a name: SECRET\"", "token_env = …"),
            ("template = '{\"routing_key\": \"SECRET\"}'", "template = …"),
            ("rl = \"htps://hooks.example.org/SECRET\"", "rl = \"htps://hooks.example.org…\""),
            ("unknown name `https://h/SECRET` here", "unknown name `https://h…` here"),
            ("x = { type = \"webhook\", url = \"SECRET\", é = \"token\" }", "x = { type = \"webhook\", url = …"),
        ] {
            assert_eq!(without_secrets(line), shown, "{line}");
        }
    }
}
