//! PostgreSQL's lines, in whose `log_line_prefix` anything can stand: what makes them certain is
//! the severity before a colon and two blanks.
//!
//! ```text
//! 2026-01-02 03:04:05.678 UTC [42] bob@shop ERROR:  no such table
//! 2026-01-02 03:04:05 UTC:10.0.0.5(51312):bob@shop:[42]:ERROR:  no such table
//! ```

use std::ops::Range;

use super::super::level::Level;
use super::super::time::TimeContext;
use super::{LayoutMatch, LayoutMember, LayoutName, Opening, ValueForm, text};

/// The longest prefix.
const LONGEST: usize = 400;

/// Reads a line from its time on.
pub(super) fn read(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let window = &line[opening.end..line.len().min(opening.end + LONGEST)];
    let colon = memchr::memchr_iter(b':', window).find(|at| window[*at..].starts_with(b":  "));
    let Some(colon) = colon.map(|at| opening.end + at) else {
        return false;
    };
    let start = line[..colon].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let (Some(level), true) = (severity(&line[start..colon]), start > opening.end) else {
        return false;
    };
    let prefix = opening.end..start;
    let Some(pid) = process(line, prefix.clone()) else {
        return false;
    };
    matched.date(&opening, line, context);
    matched.layout = "postgresql";
    matched.member(line, "pid", pid);
    let mut at = prefix.start;
    for word in line[prefix.clone()].split(|byte| matches!(byte, b' ' | b',' | b'[' | b']' | b':')) {
        let here = at..at + word.len();
        at = here.end + 1;
        let equals = memchr::memchr(b'=', word).filter(|equals| *equals > 0 && *equals + 1 < word.len());
        if let Some(equals) = equals {
            let name = LayoutName::Written(here.start..here.start + equals);
            let value = here.start + equals + 1..here.end;
            matched.members.push(LayoutMember { name, value, form: ValueForm::Text });
        } else if let Some(sign) = memchr::memchr(b'@', word).filter(|_| !matched.has("user")) {
            matched.member(line, "user", here.start..here.start + sign);
            matched.member(line, "database", here.start + sign + 1..here.end);
        }
    }
    matched.header = 0..colon + 3;
    matched.say(level, start..colon);
    matched.message = text::skip_spaces(line, colon + 1)..line.len();
    true
}

/// The number in the first brackets that hold one alone, or one and that of the session's line.
fn process(line: &[u8], prefix: Range<usize>) -> Option<Range<usize>> {
    memchr::memchr_iter(b'[', &line[prefix.clone()]).find_map(|open| {
        let start = prefix.start + open + 1;
        let end = text::digits(line, start);
        let close = match line.get(end) {
            Some(b'-') => text::digits(line, end + 1),
            _ => end,
        };
        (end > start && line.get(close) == Some(&b']')).then_some(start..end)
    })
}

/// The level of a word that PostgreSQL calls a severity, also of those that only databases and a
/// few others use.
pub(super) fn severity(word: &[u8]) -> Option<Level> {
    match word {
        b"LOG" | b"STATEMENT" | b"DETAIL" | b"HINT" | b"CONTEXT" | b"QUERY" | b"LOCATION" | b"System" | b"Note" => {
            Some(Level::Info)
        }
        // VMware's and Apple's.
        b"In" | b"No" | b"Default" => Some(Level::Info),
        b"Db" => Some(Level::Debug),
        b"Wa" => Some(Level::Warn),
        b"Er" | b"Fault" => Some(Level::Error),
        b"Cr" | b"Al" | b"Em" => Some(Level::Fatal),
        b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => Some(Level::Debug),
        word if word.len() > 2 => Level::from_text(word),
        _ => None,
    }
}
