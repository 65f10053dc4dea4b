//! Lays out text in lines of a given width, without anything that controls a terminal.

use crate::narrate::quantity::JOINT;
use crate::plain::{plain, steers};

/// Removes what would control a terminal: control characters become spaces, escape sequences are
/// dropped.
#[must_use]
pub fn without_control(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\x1b' && characters.next_if_eq(&'[').is_some() {
            // A control sequence ends at the first byte from @ to ~.
            while characters.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            characters.next();
        } else {
            kept.push(if character.is_control() || steers(character) { ' ' } else { character });
        }
    }
    kept
}

/// Cuts the text to one line of at most `width` characters.
#[must_use]
pub fn clip(text: &str, width: usize) -> String {
    let text = without_control(text);
    if text.chars().count() <= width {
        return text;
    }
    let mut clipped: String = text.chars().take(width.saturating_sub(1)).collect();
    clipped.push('…');
    clipped
}

/// Cuts the start off so that at most `width` characters remain: in dotted names and paths the end
/// tells the most.
#[must_use]
pub fn clip_start(text: &str, width: usize) -> String {
    let text = plain(text);
    match text.chars().count() {
        long if long > width => format!("…{}", text.chars().skip(long + 1 - width.max(1)).collect::<String>()),
        _ => text,
    }
}

/// Breaks the text into lines of at most `width` characters, between words if possible.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in plain(text).split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().map(|c| if c == JOINT { ' ' } else { c }).collect();
        let begun = room < width;
        if word.len() + usize::from(begun) <= room {
            if let (true, Some(line)) = (begun, lines.last_mut()) {
                line.push(' ');
                room -= 1;
            }
        } else if begun {
            lines.push(String::new());
            room = width;
        }
        while word.len() > room {
            let rest = word.split_off(room);
            lines.last_mut().into_iter().for_each(|line| line.extend(&word));
            lines.push(String::new());
            (word, room) = (rest, width);
        }
        room -= word.len();
        lines.last_mut().into_iter().for_each(|line| line.extend(&word));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_log_reaches_the_terminal_as_a_command() {
        assert_eq!(without_control("\x1b[31mred\x1b[0m\tand\x07 \x1bc"), "red and   c");
        assert_eq!(clip("größer als das", 8), "größer …");
        assert_eq!([clip_start("org.größe.Client", 8), clip_start("Client", 6)], ["….Client", "Client"]);
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("the same line again", 10), ["the same", "line again"]);
        assert_eq!(wrap("a blk_1234567890123 b", 10), ["a", "blk_123456", "7890123 b"]);
        assert_eq!(wrap("", 10), [""]);
        for width in 8..40 {
            assert!(
                wrap("some words of different lengths, one of themverylongwithoutanyspace", width)
                    .iter()
                    .all(|line| line.chars().count() <= width)
            );
        }
    }
}
