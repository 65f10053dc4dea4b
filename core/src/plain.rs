//! Escapes text from outside before it goes to a terminal or a log.
//!
//! Whoever writes logs, rules, file names or responses can put control characters into them: a
//! terminal would change its title, move its cursor or reverse text. Here such characters become
//! visible escapes.

/// True for a character that controls a terminal, ends a line, or changes the direction of text. A
/// tab is false.
#[must_use]
pub const fn steers(c: char) -> bool {
    match c {
        '\t' => false,
        // C0 controls and DEL; C1 controls, which some terminals obey in UTF-8 as well.
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => true,
        // Line and paragraph separators, and the marks, embeddings, overrides and isolates of
        // bidirectional text.
        '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => true,
        _ => false,
    }
}

/// `text` with every character that [`steers`] escaped; always a single line. Tabs stay.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// A document of JSON, or of TOML with basic strings, in which every character that [`steers`] is
/// `\u` and four digits. The document keeps its meaning: outside of strings the only such
/// characters are line breaks, and those stay.
#[must_use]
pub fn plain_document(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && steers(c) { shown.push_str(&format!("\\u{:04x}", c as u32)) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_shown_and_the_rest_stays() {
        for (text, shown) in [
            ("plain ünï\tcode 日本", "plain ünï\tcode 日本"),
            ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("a\nseismolog: b\r", "a\\nseismolog: b\\r"),
            ("\u{9b}31m\u{9d}\x7f\0", "\\u{9b}31m\\u{9d}\\u{7f}\\u{0}"),
            ("\u{202e}gpj\u{2066}\u{2069}\u{61c}\u{2028}", "\\u{202e}gpj\\u{2066}\\u{2069}\\u{61c}\\u{2028}"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn a_document_means_the_same() {
        let value = serde_json::json!({ "a\u{9b}\u{202e}": ["\x1b\x7f\n\t", "\u{2028}日"] });
        let shown = plain_document(&serde_json::to_string_pretty(&value).unwrap());
        assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
