//! Lines of comma-separated values: PostgreSQL's `csvlog`, and exports that quote their values.

use std::ops::Range;

use super::super::time::TimeContext;
use super::postgresql::severity;
use super::{LayoutMatch, Opening, ValueForm, kinds, label, text};

/// The columns of PostgreSQL's `csvlog`, from the time on (its documentation, section 20.8.4); the
/// empty names are those of the level and the message.
const POSTGRESQL: [&str; 26] = [
    "",
    "user",
    "database",
    "pid",
    "client",
    "session",
    "session_line",
    "command",
    "session_start",
    "virtual_transaction",
    "transaction",
    "",
    "error_code",
    "",
    "detail",
    "hint",
    "internal_query",
    "internal_position",
    "context",
    "query",
    "query_position",
    "location",
    "application",
    "backend_type",
    "leader_pid",
    "query_id",
];
const SEVERITY: usize = 11;
const MESSAGE: usize = 13;
/// How many columns the oldest version writes.
const FEWEST: usize = 23;
/// The state that means success, which is no error's code.
const SUCCESS: &[u8] = b"00000";

/// Reads a line of PostgreSQL's `csvlog` from its time on.
pub(super) fn read(line: &[u8], opening: Opening, context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    if line.get(opening.end) != Some(&b',') || opening.at > 0 {
        return false;
    }
    let mut values: [CsvValue; POSTGRESQL.len()] = Default::default();
    let mut count = 0;
    for (value, column) in values.iter_mut().zip(columns(line, b',')) {
        (*value, count) = (column, count + 1);
    }
    let (level, message) = (values[SEVERITY].range.clone(), values[MESSAGE].range.clone());
    let Some(severity) = severity(&line[level.clone()]).filter(|_| count >= FEWEST) else { return false };
    matched.date(&opening, line, context);
    matched.layout = "postgresql";
    for (column, name) in values.into_iter().take(count).zip(POSTGRESQL) {
        match name {
            "" => {}
            "error_code" if line[column.range.clone()] == *SUCCESS => {}
            _ if column.is_quoted => matched.quoted(line, name, column.range),
            _ => matched.member(line, name, column.range),
        }
    }
    matched.say(severity, level);
    matched.message = message;
    matched.message_form = ValueForm::Text;
    true
}

/// How many columns an export has at most.
const MOST: usize = 32;

/// Reads a line whose first value is a quoted time: `"2026-03-14 07:21:09","ERROR","cart","no
/// answer"`. The level is the value that is one, the message the last value.
pub(super) fn read_export(line: &[u8], context: &mut TimeContext, matched: &mut LayoutMatch) -> bool {
    let Some(opening) = Opening::scan(line, 1, context).filter(|opening| opening.written.is_some()) else {
        return false;
    };
    if !line[opening.end..].starts_with(b"\",") {
        return false;
    }
    matched.date(&opening, line, context);
    matched.layout = "csv";
    matched.header = 0..line.len();
    for column in columns(line, b',').skip(1).take(MOST) {
        let written = &line[column.range.clone()];
        let level = text::level_word(line, column.range.start).filter(|(_, word)| *word == column.range);
        match level {
            Some((level, word)) if matched.level.is_none() => matched.say(level, word),
            _ if !matched.has("module") && !kinds::is_thread(written) && text::is_dotted_pair(written) => {
                matched.member(line, "module", column.range.clone());
            }
            _ => {}
        }
        matched.message = column.range;
    }
    if matched.level.is_none()
        && let Some((level, word)) = label::find(line, matched.message.start)
    {
        matched.say(level, word);
    }
    true
}

/// One value, without its quotes; quotes inside of it are doubled.
#[derive(Default)]
pub(super) struct CsvValue {
    pub(super) range: Range<usize>,
    pub(super) is_quoted: bool,
}

/// The values of a line.
pub(super) fn columns(line: &[u8], delimiter: u8) -> impl Iterator<Item = CsvValue> + '_ {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let start = at?;
        let (range, end, is_quoted) = if line.get(start) == Some(&b'"') {
            let end = closing_quote(line, start + 1);
            (start + 1..end, (end + 1).min(line.len()), true)
        } else {
            let end = memchr::memchr(delimiter, &line[start..]).map_or(line.len(), |length| start + length);
            (start..end, end, false)
        };
        at = (line.get(end) == Some(&delimiter)).then_some(end + 1);
        Some(CsvValue { range: if is_quoted { range } else { text::trim(line, range) }, is_quoted })
    })
}

/// Where the quote is that ends the value; two quotes are one of the value's own.
fn closing_quote(line: &[u8], mut at: usize) -> usize {
    while let Some(quote) = memchr::memchr(b'"', &line[at..]).map(|length| at + length) {
        if line.get(quote + 1) != Some(&b'"') {
            return quote;
        }
        at = quote + 2;
    }
    line.len()
}
