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

/// How many columns a character takes on a terminal: two, of Chinese, Japanese and Korean ones.
const fn columns_of(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x2_0000..=0x3_ffff => 2,
        _ => 1,
    }
}

/// How many columns a text takes on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The text, filled with spaces up to `width` columns.
#[must_use]
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(columns(text)))
}

/// The text behind spaces, in `width` columns.
#[must_use]
pub fn padded_left(text: &str, width: usize) -> String {
    format!("{:1$}{text}", "", width.saturating_sub(columns(text)))
}

/// Breaks the text into lines of at most `width` columns, between words if possible.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in plain(text).split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().map(|c| if c == JOINT { ' ' } else { c }).collect();
        let begun = room < width;
        let long: usize = word.iter().copied().map(columns_of).sum();
        // A script without blanks is broken between any two characters.
        let is_broken = long > word.len() && long > width / 2;
        if long + usize::from(begun) <= room || (is_broken && room > 8) {
            if let (true, Some(line)) = (begun, lines.last_mut()) {
                line.push(' ');
                room -= 1;
            }
        } else if begun {
            lines.push(String::new());
            room = width;
        }
        while let Some(fits) = fitting(&word, room) {
            let rest = word.split_off(fits);
            lines.last_mut().into_iter().for_each(|line| line.extend(&word));
            lines.push(String::new());
            (word, room) = (rest, width);
        }
        room -= word.iter().copied().map(columns_of).sum::<usize>();
        lines.last_mut().into_iter().for_each(|line| line.extend(&word));
    }
    lines
}

/// How many characters of the word fit into `room` columns; none where all do. No line begins with
/// a closing mark.
fn fitting(word: &[char], room: usize) -> Option<usize> {
    let mut taken = 0;
    let fits = word.iter().position(|c| {
        taken += columns_of(*c);
        taken > room
    })?;
    let is_closing = |c: &char| "，。：；！？、）”".contains(*c);
    let back = (1..fits).rev().take(3).find(|at| !is_closing(&word[*at])).unwrap_or(fits);
    Some(if is_closing(&word[fits]) { back } else { fits })
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
