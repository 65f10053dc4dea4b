//! The last writer before a terminal, which lets no control sequences through.
//!
//! Text from outside is made plain where it is put into a sentence ([`crate::plain`]), because only
//! there is it known what is one line. This writer stands behind that, so that code which forgot it
//! shows an escape instead of sending one.

use crate::plain::steers;
use std::io::{self, IsTerminal, StdoutLock, Write};

/// Most bytes of a colour sequence.
const MOST_COLOUR: usize = 16;

/// Escapes control characters, marks of direction and bytes that are no UTF-8. Line breaks and tabs
/// pass, and colours where they are wanted.
pub struct EscapingWriter<W: Write> {
    inner: W,
    colours: bool,
    /// The begin of a character or of a colour sequence that a write cut in two.
    rest: Vec<u8>,
}

/// Standard output for people. All commands write to it but `run`, whose events leave byte for
/// byte.
#[must_use]
pub fn safe_stdout() -> EscapingWriter<StdoutLock<'static>> {
    let stdout = io::stdout().lock();
    let colours = stdout.is_terminal();
    EscapingWriter::new(stdout, colours)
}

/// Standard error, without colours.
#[must_use]
pub fn safe_stderr() -> EscapingWriter<io::Stderr> {
    EscapingWriter::new(io::stderr(), false)
}

impl<W: Write> EscapingWriter<W> {
    /// Writes to `inner`; `colours` says whether sequences that set colours pass.
    pub fn new(inner: W, colours: bool) -> Self {
        Self { inner, colours, rest: Vec::new() }
    }

    /// Appends `bytes` as they may be shown to `out`; returns how many were used. The others may be
    /// an incomplete sequence.
    fn escape(&self, bytes: &[u8], out: &mut Vec<u8>, ended: bool) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if rest[0] == b'\x1b' && self.colours {
                match colour(rest) {
                    Colour::Whole(length) => {
                        out.extend_from_slice(&rest[..length]);
                        at += length;
                        continue;
                    }
                    Colour::Begun if !ended => return at,
                    _ => {}
                }
            }
            let (c, length) = match first_character(rest) {
                Ok(found) => found,
                Err(Some(length)) => {
                    rest[..length].iter().for_each(|byte| out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()));
                    at += length;
                    continue;
                }
                Err(None) if !ended => return at,
                Err(None) => {
                    rest.iter().for_each(|byte| out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()));
                    return bytes.len();
                }
            };
            if c != '\n' && steers(c) {
                out.extend(c.escape_default().map(|c| c as u8));
            } else {
                out.extend_from_slice(&rest[..length]);
            }
            at += length;
        }
        at
    }
}

impl<W: Write> Write for EscapingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nearly all text needs no escape, and is not copied.
        if self.rest.is_empty() && bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
            self.inner.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let (mut all, mut out) = (std::mem::take(&mut self.rest), Vec::with_capacity(bytes.len() + 64));
        all.extend_from_slice(bytes);
        let used = self.escape(&all, &mut out, false);
        self.rest = all.split_off(used);
        self.inner.write_all(&out)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Drop for EscapingWriter<W> {
    fn drop(&mut self) {
        let (rest, mut out) = (std::mem::take(&mut self.rest), Vec::new());
        self.escape(&rest, &mut out, true);
        // There is nobody left to tell.
        let _ = self.inner.write_all(&out);
        let _ = self.inner.flush();
    }
}

enum Colour {
    /// The number of bytes that set colours.
    Whole(usize),
    /// The sequence may still become a colour.
    Begun,
    None,
}

/// Whether `bytes`, which begin with an escape, set colours: `ESC [`, digits and semicolons, `m`.
fn colour(bytes: &[u8]) -> Colour {
    let inside = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
    match bytes.get(1) {
        None => return Colour::Begun,
        Some(b'[') => {}
        Some(_) => return Colour::None,
    }
    let length = 2 + bytes[2..].iter().take_while(|byte| inside(byte)).count();
    match bytes.get(length) {
        _ if length > MOST_COLOUR => Colour::None,
        None => Colour::Begun,
        Some(b'm') => Colour::Whole(length + 1),
        Some(_) => Colour::None,
    }
}

/// The first character and its length; or how many bytes are invalid, `None` where they may be an
/// incomplete character.
fn first_character(bytes: &[u8]) -> Result<(char, usize), Option<usize>> {
    let four = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(four) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => std::str::from_utf8(&four[..error.valid_up_to()]).unwrap_or_default(),
        Err(error) => return Err(error.error_len()),
    };
    valid.chars().next().map(|c| (c, c.len_utf8())).ok_or(Some(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pieces: &[&[u8]], colours: bool) -> String {
        let mut out = Vec::new();
        let mut writer = EscapingWriter::new(&mut out, colours);
        pieces.iter().for_each(|piece| writer.write_all(piece).unwrap());
        drop(writer);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_text_passes_and_colours_where_they_are_wanted() {
        let text = "é\t\x1b[1;31mred\x1b[0m \x1b]0;t\x07\x1b[2J\x7f\u{9b}\u{202e}\r\n".as_bytes();
        let rest = " \\u{1b}]0;t\\u{7}\\u{1b}[2J\\u{7f}\\u{9b}\\u{202e}\\r\n";
        assert_eq!(shown(&[text], true), format!("é\t\x1b[1;31mred\x1b[0m{rest}"));
        assert_eq!(shown(&[text], false), format!("é\t\\u{{1b}}[1;31mred\\u{{1b}}[0m{rest}"));
        assert_eq!(shown(&[b"a\xff\xc3(\xe2\x82"], true), "a\\xff\\xc3(\\xe2\\x82");
        assert_eq!(shown(&[b"\x1b[11111111111111111m \x1b["], true), "\\u{1b}[11111111111111111m \\u{1b}[");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_writes_cut_the_text(text in "(\\PC|\x1b\\[[0-9;]{0,4}m|\x1b|\u{9b}|é|\n|\u{202e}){0,20}", at in any::<usize>(), colours: bool) {
            let (first, second) = text.as_bytes().split_at(at % (text.len() + 1));
            let whole = shown(&[text.as_bytes()], colours);
            prop_assert_eq!(&shown(&[first, second], colours), &whole);
            prop_assert!(whole.chars().all(|c| c == '\n' || !steers(c) || (colours && c == '\x1b')), "{:?}", whole);
        }
    }
}
